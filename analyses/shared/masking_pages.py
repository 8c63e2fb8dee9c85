"""Figures of masking.py as wide as a page, of the panels in masking_figures.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cortexsim.plotting.masking import last_answer, soa_curves
from cortexsim.plotting.parts import legend_below
from shared.common import WIDTH
from shared.masked_people import People
from shared.masking_figures import (
    bare,
    lesion_panel,
    loss_panel,
    manipulation_panel,
    soa_panel,
    state_row,
    threshold_panel,
    unmasked_panel,
)
from shared.masking_losses import losses, losses_of_people
from shared.masking_runs import MASKS, SEED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INTERVALS = (
    "bars, and bands that no legend names: 95 % intervals over images, of people over subjects"
)
NARROW: dict[str, Any] = {"frameon": False, "fontsize": "small", "borderaxespad": 0.1}
NARROW |= {"handlelength": 1.5, "handletextpad": 0.5, "columnspacing": 0.6}
"""A legend of two columns within a panel."""


def beside_people(
    found: dict[str, dict[str, Any]], people: People, *, durations: Sequence[float], n: int
) -> Figure:
    """A row for each network: accuracy by SOA, and what the mask costs by readout.

    Below: thresholds by duration of a step, accuracy without a mask by statistics.
    """
    figure, panels = _page(rows=len(found) + 1, height=2.75 * len(found) + 4.7)
    theirs = losses_of_people(people)
    for row, (name, one) in zip(panels, found.items()):
        soa_panel(row[0], people, one["curve"], name=name, readout=last_answer(one["whole"]))
        loss_panel(row[1], theirs, costs(one, n), name=name)
    for column in panels[:-1].T:
        _legend_above(column)
    curves = {name: one["curve"] for name, one in found.items()}
    threshold_panel(panels[-1, 0], people, curves, durations=durations)
    unmasked_panel(panels[-1, 1], {k: (one["whole"], one["bundled"]) for k, one in found.items()})
    for axes in panels[-1]:
        _legend_above([axes])
    return figure


def costs(one: dict[str, Any], n: int) -> dict[str, dict[str, Any]]:
    """What the mask of people costs a network, with statistics of either kind."""
    kinds = {"presentation": one["whole"], "weights file": one["bundled"]}
    return {
        f"statistics of the {kind}": losses(result, MASKS[0], n=n, seed=SEED)
        for kind, result in kinds.items()
        if result is not None
    }


def controls(found: dict[str, dict[str, Any]]) -> Figure:
    """A row for each network: masking effects by manipulation and by lesion.

    Below: both masks by SOA, a panel for each of the first two networks.
    """
    figure, panels = _page(rows=len(found) + 1, height=2.9 * len(found) + 3.6)
    for row, (name, one) in zip(panels, found.items()):
        readout = last_answer(one["whole"])
        manipulation_panel(row[0], one["people"]["maniquet"], readout, name=name)
        lesion_panel(row[1], one["lesions"], MASKS[0], name=name)
        if one["lesions"] is not None:
            row[1].legend(loc="upper left", ncols=2, **NARROW)
    _legend_above(panels[:-1, 0], 1.2)
    for axes, (name, one) in zip(panels[-1], found.items()):
        readout = last_answer(one["whole"])
        soa_curves(axes, one["whole"].isel(lesion=0), readout)
        axes.set_title(f"{name}: both masks,\nreadout at step {readout}", loc="left")
        bare(axes)
        axes.legend(frameon=False, fontsize="small")
    for axes in panels[-1, len(found) :]:
        axes.set_visible(False)
    return figure


def states(found: dict[str, dict[str, Any]]) -> Figure:
    """Cosine distance, RDM distance and decoding of every state by step: a row for each network."""
    figure, panels = _page(rows=len(found), columns=3, height=2.6 * len(found) + 0.9)
    for row, (name, one) in zip(panels, found.items()):
        state_row(row, one["whole"].isel(lesion=0, soa_ms=0), MASKS[0], name=name)
    legend_below(figure, panels.flat, ncols=4)
    return figure


def _page(*, rows: int, height: float, columns: int = 2) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.suptitle(INTERVALS, fontsize="small")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _legend_above(column: Sequence[Axes], height: float = 1.12) -> None:
    """One legend for panels below each other, above the title of the first: it covers no point."""
    entries: dict[str, Any] = {}
    for axes in column:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        where: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, height)}
        column[0].legend(entries.values(), entries.keys(), frameon=False, fontsize="small", **where)
