"""The figure of compared decoders: one panel a property of the images and network.

States on the left axis, the brain on the right.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.plotting.page import NARROW, PAGE, printed, sheet, wrapped
from cortexsim.plotting.parts import (
    NETWORK_NAMES,
    declared_range,
    legend_below,
    needs,
    strip,
    style,
)

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BRAIN = [("black", "-"), ("0.5", (0, (4, 1.5)))]
MOST_ROWS = 4  # of panels in one column of a journal
COLUMNS = 2  # where there is one network


@printed
def decoding(result: xarray.Dataset, *, width_mm: float = PAGE) -> Figure:
    """Balanced accuracy by time: one panel a property and network.

    Every state with its interval; the brain with its standard error beside the first network.
    Dotted, in the panel of the first network: its first pass, held. In a strip above a panel: from
    when each state is above its null, and the onset of the brain with its interval. The two
    vertical axes have the same chance level but different scales.

    Parameters
    ----------
    result : xarray.Dataset
        What ``cortexsim.compare --method decoding`` wrote.
    width_mm : float
        Of the figure, printed: 89 is a column of a journal, 183 its page.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    AnalysisError
        For more panels than a column of a page holds.
    """
    needs(
        result,
        ("evaluation", "neural_accuracy"),
        ("state", "network", "feature"),
        over=("state", "network", "step", "feature"),
    )
    features, networks = ([str(k) for k in result[d].values] for d in ("feature", "network"))
    shown = [k for k in networks if k != "static"]
    columns = len(shown) if len(shown) > 1 else COLUMNS
    if width_mm < NARROW:
        columns = 1
    rows = -(-len(features) * len(shown) // columns)
    if width_mm < NARROW and rows > MOST_ROWS:
        raise AnalysisError(
            f"{len(features)} properties and {len(shown)} networks are {rows} panels below each "
            f"other at {width_mm:g} mm, higher than a page; at most {MOST_ROWS} are drawn: give "
            f"width_mm={PAGE:g}, or choose properties, e.g. "
            f"result.sel(feature=[{features[0]!r}])"
        )
    figure = sheet(width_mm, 40 * rows + 20)
    alike = len(shown) > 1 and columns > 1
    panels = figure.subplots(
        rows, columns, sharex=True, sharey="row" if alike else False, squeeze=False
    )
    sides: list[Axes] = []
    rights: list[tuple[Axes, Axes, xarray.Dataset]] = []
    for axes, (feature, network) in zip(panels.flat, product(features, shown)):
        of_feature = result.sel(feature=feature)
        states, brains = result.sizes["state"], result.neural_onset_ms.sel(feature=feature).size
        marks = strip(axes, states + (brains if network == networks[0] else 0))
        held = network == networks[0] and "static" in networks
        _network(axes, of_feature, network, held=held, marks=marks)
        axes.set_title(
            f"{feature.replace('_', ' ')}: {NETWORK_NAMES.get(network, network)}",
            loc="left",
            fontweight="bold",
            fontsize="small" if columns > COLUMNS else "medium",
        )
        sides.append(axes)
        if network == networks[0]:
            axes.set_ylabel("network: balanced accuracy", fontsize="small")
            right = axes.twinx()
            _brain(right, of_feature, marks=marks, row=states)
            right.set_ylabel("brain: accuracy", fontsize="small")
            sides.append(right)
            rights.append((axes, right, of_feature))
    for side in sides:
        side.spines["top"].set_visible(False)
    for axes, right, of_feature in rights:  # when all panels of a row have their limits
        _same_chance(
            axes,
            right,
            float(of_feature.chance.values.ravel()[0]),
            chance_right=float(of_feature.neural_chance),
        )
    for axes in panels.flat[len(features) * len(shown) :]:
        axes.set_visible(False)
    words = f"ms after onset; network: nominal time of the step {declared_range(result)}"
    for axes in panels[-1]:
        axes.set_xlabel(wrapped(words, 0.75 * width_mm / columns, 6.25), fontsize="small")
    a = result.attrs
    title = (
        f"{a.get('model', 'network')} and {a.get('neural_name', 'neural data')}, "
        f"{result.sizes['neural_subject']} subjects"
    )
    figure.suptitle(wrapped(title, 0.9 * width_mm), fontsize="medium")
    legend_below(figure, sides, ncols=4)
    return figure


def _network(
    axes: Axes, of_feature: xarray.Dataset, network: str, *, held: bool, marks: Axes
) -> None:
    x = of_feature.time_ms.values
    for k, state in enumerate(map(str, of_feature.state.values)):
        colour, dash, marker = style(k)
        this = of_feature.sel(state=state, network=network)
        axes.plot(
            x, this.evaluation.values, color=colour, ls=dash, marker=marker, ms=4, label=state
        )
        if held:
            axes.plot(
                x,
                of_feature.evaluation.sel(state=state, network="static").values,
                color=colour,
                ls=(0, (1, 1)),
                lw=1,
            )
        if "interval" in this:
            axes.fill_between(
                x, *this.interval.transpose("bound", ...).values, color=colour, alpha=0.15, lw=0
            )
        if "p_permutation_corrected" in this:
            above = this.p_permutation_corrected.values < 0.05
            if above.any():
                at = x[np.argmax(above)]
                marks.plot([at], [k], marker=marker, color=colour, ms=4)
    axes.axhline(float(of_feature.chance.values.ravel()[0]), color="black", lw=0.6)
    axes.plot([], [], color="black", lw=0.6, label="chance")
    if "p_permutation_corrected" in of_feature:
        axes.plot(
            [],
            [],
            ls="",
            marker="o",
            color="0.4",
            ms=4,
            label="above a panel: first step above the null, p < 0.05 corrected",
        )
    if held:
        axes.plot([], [], color="0.4", ls=(0, (1, 1)), lw=1, label="first pass, held")


def _brain(axes: Axes, of_feature: xarray.Dataset, *, marks: Axes, row: int) -> None:
    t = of_feature.neural_time_ms.values
    rows = of_feature.neural_accuracy
    over = [d for d in rows.dims if d not in ("neural_subject", "neural_time_ms")]
    labels = [
        {d: rows[d].values[k] for d, k in zip(over, at)}
        for at in np.ndindex(*[rows.sizes[d] for d in over])
    ]
    for k, label in enumerate(labels):
        colour, dash = BRAIN[k % len(BRAIN)]
        y = rows.sel(label).transpose("neural_subject", "neural_time_ms").values
        mean, error = y.mean(0), y.std(0, ddof=1) / np.sqrt(len(y))
        name = (
            ", ".join(f"{d.replace('_ms', '').upper()} {v:g} ms" for d, v in label.items())
            or "mean"
        )
        axes.plot(t, mean, color=colour, ls=dash, lw=1.2, label=f"brain, {name} (± s.e.)")
        axes.fill_between(t, mean - error, mean + error, color=colour, alpha=0.2, lw=0)
        onset, interval = (
            float(of_feature.neural_onset_ms.sel(label)),
            of_feature.neural_onset_interval.sel(label).values,
        )
        if np.isfinite(onset):
            ends = [
                interval[0] if np.isfinite(interval[0]) else onset,
                interval[1] if np.isfinite(interval[1]) else t[-1],
            ]
            marks.plot(ends, [row + k] * 2, color=colour, ls=dash, lw=1.5)
            marks.plot([onset], [row + k], marker="|", color=colour, ms=6, mew=2)


def _same_chance(left: Axes, right: Axes, chance_left: float, *, chance_right: float) -> None:
    """Limits that put both chance levels at the same height."""
    sides = ((left, chance_left), (right, chance_right))
    tops = [max(axes.get_ylim()[1] - chance, 1e-6) for axes, chance in sides]
    # Each shows all that lies below chance: the same share of its height.
    below = max((chance - axes.get_ylim()[0]) / top for (axes, chance), top in zip(sides, tops))
    for (axes, chance), top in zip(sides, tops):
        axes.set_ylim(chance - max(below, 0.05) * top, chance + 1.02 * top)
