"""The figure of compared decoders: one panel a property of the images and network; states on the left axis, the brain on the right."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.plotting.rsa import needs, style

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BRAIN = [("black", "-"), ("0.5", (0, (4, 1.5)))]
COLUMNS = 2  # where there is one network
SAY = {"untrained": "untrained network", "twin": "feed-forward twin"}


def decoding(result: xarray.Dataset) -> Figure:
    """Balanced accuracy by time: every state with its interval, one panel a property and network; the brain with its standard error beside the first.

    result: what ``cortexsim.compare --method decoding`` wrote. Dotted, in the panel of the first network: its first pass, held. At the foot of a panel:
    from when each state is above its null, and the onset of the brain with its interval. The two vertical axes have the same chance level but
    different scales.
    """
    from matplotlib.figure import Figure

    needs(
        result,
        ("evaluation", "neural_accuracy"),
        ("state", "network", "feature"),
        over=("state", "network", "step", "feature"),
    )
    features, networks = ([str(k) for k in result[d].values] for d in ("feature", "network"))
    shown = [k for k in networks if k != "static"]
    columns = len(shown) if len(shown) > 1 else COLUMNS
    rows = -(-len(features) * len(shown) // columns)
    figure = Figure(figsize=(4.3 * columns + 1, 2.6 * rows + 1.5), layout="constrained")
    panels = figure.subplots(
        rows, columns, sharex=True, sharey="row" if len(shown) > 1 else False, squeeze=False
    )
    entries: dict[str, Any] = {}
    rights: list[tuple[Axes, Axes, xarray.Dataset]] = []
    for axes, (feature, network) in zip(panels.flat, product(features, shown)):
        one = result.sel(feature=feature)
        _network(axes, one, network, held=network == networks[0] and "static" in networks)
        axes.set_title(
            f"{feature.replace('_', ' ')}: {SAY.get(network, network)}",
            loc="left",
            fontweight="bold",
            fontsize="medium",
        )
        sides = [axes]
        if network == networks[0]:
            axes.set_ylabel("network: balanced accuracy", fontsize="small")
            right = axes.twinx()
            _brain(right, one)
            right.set_ylabel("brain: accuracy", fontsize="small")
            sides.append(right)
            rights.append((axes, right, one))
        for side in sides:
            side.spines["top"].set_visible(False)
            for handle, label in zip(*side.get_legend_handles_labels(), strict=True):
                entries.setdefault(label, handle)
    for axes, right, one in rights:  # when all panels of a row have their limits
        _same_chance(axes, right, float(one.chance.values.ravel()[0]), float(one.neural_chance))
    for axes in panels.flat[len(features) * len(shown) :]:
        axes.set_visible(False)
    for axes in panels[-1]:
        low, high, last = (
            float(result[c].values[-1]) for c in ("time_ms_low", "time_ms_high", "time_ms")
        )
        axes.set_xlabel(
            f"ms after onset; network: nominal time of the step\n(declared range of the last, {last:g} ms: {low:g}–{high:g} ms)",
            fontsize="small",
        )
    a = result.attrs
    figure.suptitle(
        f"{a.get('model', 'network')} and {a.get('neural_name', 'neural data')}, {result.sizes['neural_subject']} subjects",
        fontsize="medium",
    )
    figure.legend(
        entries.values(),
        entries.keys(),
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize="small",
    )
    return figure


def _network(axes: Axes, one: xarray.Dataset, network: str, *, held: bool) -> None:
    x = one.time_ms.values
    for k, state in enumerate(map(str, one.state.values)):
        colour, dash, marker = style(k)
        this = one.sel(state=state, network=network)
        axes.plot(
            x, this.evaluation.values, color=colour, ls=dash, marker=marker, ms=4, label=state
        )
        if held:
            axes.plot(
                x,
                one.evaluation.sel(state=state, network="static").values,
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
                axes.plot(
                    [at],
                    [0.03 + 0.035 * k],
                    marker=marker,
                    color=colour,
                    ms=5,
                    transform=axes.get_xaxis_transform(),
                    clip_on=False,
                )
    axes.axhline(float(one.chance.values.ravel()[0]), color="black", lw=0.6)
    axes.plot([], [], color="black", lw=0.6, label="chance")
    if "p_permutation_corrected" in one:
        axes.plot(
            [],
            [],
            ls="",
            marker="o",
            color="0.4",
            label="foot: first step above the null, p < 0.05 corrected",
        )
    if held:
        axes.plot([], [], color="0.4", ls=(0, (1, 1)), lw=1, label="first pass, held")


def _brain(axes: Axes, one: xarray.Dataset) -> None:
    t = one.neural_time_ms.values
    rows = one.neural_accuracy
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
            float(one.neural_onset_ms.sel(label)),
            one.neural_onset_interval.sel(label).values,
        )
        if np.isfinite(onset):
            at = 0.2 + 0.035 * k
            ends = [
                interval[0] if np.isfinite(interval[0]) else onset,
                interval[1] if np.isfinite(interval[1]) else t[-1],
            ]
            axes.plot(
                ends, [at] * 2, color=colour, ls=dash, lw=1.5, transform=axes.get_xaxis_transform()
            )
            axes.plot(
                [onset],
                [at],
                marker="|",
                color=colour,
                ms=8,
                mew=2,
                transform=axes.get_xaxis_transform(),
            )


def _same_chance(left: Axes, right: Axes, chance_left: float, chance_right: float) -> None:
    """Limits at which both chance levels stand at the same height, with room for the marks below."""
    for axes, chance in ((left, chance_left), (right, chance_right)):
        top = axes.get_ylim()[1] - chance
        axes.set_ylim(chance - 0.42 * top, chance + 1.02 * top)
