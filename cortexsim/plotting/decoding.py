"""The figure of compared decoders: one panel a property of the images, the network's states on the left axis, the brain on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.plotting.rsa import needs, style

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BRAIN = [("black", "-"), ("0.5", (0, (4, 1.5)))]
COLUMNS = 2


def decoding(result: xarray.Dataset) -> Figure:
    """Balanced accuracy by time: every state of the first network (interval; first pass held, dotted), and the brain with its standard error.

    result: what ``cortexsim.compare --method decoding`` wrote. At the foot of a panel: from when each state is above its null, and the onset
    of the brain with its interval. The two vertical axes have the same chance level but different scales.
    """
    from matplotlib.figure import Figure

    needs(
        result,
        ("evaluation", "neural_accuracy"),
        ("state", "network", "feature"),
        over=("state", "network", "step", "feature"),
    )
    features = [str(f) for f in result.feature.values]
    rows = -(-len(features) // COLUMNS)
    figure = Figure(figsize=(9.6, 3.1 * rows + 1.3), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, sharex=True, squeeze=False)
    entries: dict[str, Any] = {}
    for axes, feature in zip(panels.flat, features):
        one = result.sel(feature=feature)
        _network(axes, one)
        right = axes.twinx()
        _brain(right, one)
        _same_chance(axes, right, float(one.chance.values.ravel()[0]), float(one.neural_chance))
        axes.set_title(feature.replace("_", " "), loc="left", fontweight="bold", fontsize="medium")
        axes.set_ylabel("network: balanced accuracy", fontsize="small")
        right.set_ylabel("brain: accuracy", fontsize="small")
        for a in (axes, right):
            a.spines["top"].set_visible(False)
            for handle, label in zip(*a.get_legend_handles_labels(), strict=True):
                entries.setdefault(label, handle)
    for axes in panels.flat[len(features) :]:
        axes.set_visible(False)
    for axes in panels[-1]:
        low, high, last = (float(result[c].values[-1]) for c in ("time_ms_low", "time_ms_high", "time_ms"))
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
        entries.values(), entries.keys(), loc="outside lower center", ncols=4, frameon=False, fontsize="small"
    )
    return figure


def _network(axes: Axes, one: xarray.Dataset) -> None:
    x = one.time_ms.values
    first = one.isel(network=0)
    for k, state in enumerate(map(str, one.state.values)):
        colour, dash, marker = style(k)
        this = first.sel(state=state)
        axes.plot(
            x,
            this.evaluation.values,
            color=colour,
            ls=dash,
            marker=marker,
            ms=4,
            label=f"{state} of {one.network.values[0]}",
        )
        if "interval" in this:
            axes.fill_between(x, *this.interval.transpose("bound", ...).values, color=colour, alpha=0.15, lw=0)
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
    axes.plot([], [], ls="", marker="o", color="0.4", label="foot: first step above the null, p < 0.05 corrected")


def _brain(axes: Axes, one: xarray.Dataset) -> None:
    t = one.neural_time_ms.values
    rows = one.neural_accuracy
    over = [d for d in rows.dims if d not in ("neural_subject", "neural_time_ms")]
    labels = [{d: rows[d].values[k] for d, k in zip(over, at)} for at in np.ndindex(*[rows.sizes[d] for d in over])]
    for k, label in enumerate(labels):
        colour, dash = BRAIN[k % len(BRAIN)]
        y = rows.sel(label).transpose("neural_subject", "neural_time_ms").values
        mean, error = y.mean(0), y.std(0, ddof=1) / np.sqrt(len(y))
        name = ", ".join(f"{d.replace('_ms', '').upper()} {v:g} ms" for d, v in label.items()) or "mean"
        axes.plot(t, mean, color=colour, ls=dash, lw=1.2, label=f"brain, {name} (± s.e.)")
        axes.fill_between(t, mean - error, mean + error, color=colour, alpha=0.2, lw=0)
        onset, interval = float(one.neural_onset_ms.sel(label)), one.neural_onset_interval.sel(label).values
        if np.isfinite(onset):
            at = 0.2 + 0.035 * k
            ends = [
                interval[0] if np.isfinite(interval[0]) else onset,
                interval[1] if np.isfinite(interval[1]) else t[-1],
            ]
            axes.plot(ends, [at] * 2, color=colour, ls=dash, lw=1.5, transform=axes.get_xaxis_transform())
            axes.plot([onset], [at], marker="|", color=colour, ms=8, mew=2, transform=axes.get_xaxis_transform())


def _same_chance(left: Axes, right: Axes, chance_left: float, chance_right: float) -> None:
    """Limits at which both chance levels stand at the same height, with room for the marks below."""
    for axes, chance in ((left, chance_left), (right, chance_right)):
        top = axes.get_ylim()[1] - chance
        axes.set_ylim(chance - 0.42 * top, chance + 1.02 * top)
