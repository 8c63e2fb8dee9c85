"""The figure of a comparison: every state over time in ms, with subjects, noise ceiling, nulls and controls."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.plotting.decoding import decoding
from cortexsim.plotting.rsa import needs, stretches, style

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NETWORKS = {
    "static": {"color": "black", "ls": (0, (1, 1)), "lw": 1.3},
    "untrained": {"color": "0.45", "ls": (0, (4, 2)), "lw": 1.3},
    "twin": {"color": "black", "ls": (0, (6, 1.5, 1, 1.5)), "lw": 1.3},
}
SAY = {"static": "first pass, held", "untrained": "untrained network", "twin": "feed-forward twin"}
PERMUTED = {"rsa": "conditions", "encoding": "stimuli", "decoding": "labels"}


def comparison(result: xarray.Dataset) -> Figure:
    """One panel a state: the evaluation by nominal time of the step with its interval, single subjects, the ceiling, the controls and the nulls.

    result: what ``cortexsim.compare`` wrote, static or (with ``along_axis``) over the time of the brain. Bars at the foot of a panel: above the null of
    relabelled conditions, and different from the feed-forward twin, both corrected.
    """
    from matplotlib.figure import Figure

    if "neural_accuracy" in result:
        return decoding(result)
    needs(result, ("evaluation",), ("state", "network"), over=("state", "network", "step", "time_ms", "subject"))
    states = [str(s) for s in result.state.values]
    columns = min(2, len(states))
    rows = -(-len(states) // columns)
    figure = Figure(figsize=(4.3 * columns + 0.4, 2.9 * rows + 1.9), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for k, (axes, state) in enumerate(zip(panels.flat, states)):
        _panel(axes, result.sel(state=state), k)
        axes.set_title(state, loc="left", fontweight="bold", fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels.flat[len(states) :]:
        axes.set_visible(False)
    over_brain = "along_axis" in result
    for axes in panels[-1]:
        axes.set_xlabel("time of the neural data, ms after onset" if over_brain else _when(result), fontsize="small")
    for axes in panels[:, 0]:
        axes.set_ylabel("\n".join(wrap(str(result.attrs.get("quantity", "similarity")), 40)), fontsize="small")
    low, high = panels[0, 0].get_ylim()
    panels[0, 0].set_ylim(low - 0.12 * (high - low), high)  # room for the marks
    figure.suptitle(_title(result), fontsize="medium")
    entries: dict[str, Any] = {}
    for axes in panels.flat[: len(states)]:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if len(states) > 1:  # one line of each look stands for all states
        entries = {label: handle for label, handle in entries.items() if label not in states[1:]}
    figure.legend(
        entries.values(), entries.keys(), loc="outside lower center", ncols=3, frameon=False, fontsize="small"
    )
    return figure


def _panel(axes: Axes, one: xarray.Dataset, k: int) -> None:
    over_brain = "along_axis" in one
    dim, name = ("time_ms", "along_axis") if over_brain else ("step", "evaluation")
    x = np.asarray(one.time_ms.values, dtype=float)
    colour, dash, marker = style(k)
    first = str(one.network.values[0])
    y = one[name].sel(network=first).values
    if "ceiling" in one and np.isfinite(one.ceiling.values).any():
        lower, upper = one.ceiling.transpose("bound", ...).values
        look: dict[str, Any] = {"color": "0.85", "lw": 0, "zorder": 0, "label": "noise ceiling, lower to upper"}
        axes.fill_between(x, *np.broadcast_arrays(lower, upper, x)[:2], **look)
    if "by_subject" in one and not over_brain and one.sizes.get("subject", 1) > 1:
        lines = axes.plot(
            x,
            one.by_subject.sel(network=first).transpose("step", "subject").values,
            color=colour,
            alpha=0.3,
            lw=0.6,
            zorder=1,
        )
        lines[0].set_label("single subjects")
    interval = f"{name}_interval" if over_brain else "interval"
    if interval in one:
        axes.fill_between(
            x,
            *one[interval].sel(network=first).transpose("bound", ...).values,
            color=colour,
            alpha=0.25,
            lw=0,
            label=_resampled(one),
        )
    if "null_high" in one and not over_brain:
        what = f"95 % of relabelled {PERMUTED.get(str(one.attrs.get('method')), 'conditions')}"
        axes.plot(x, one.null_high.sel(network=first).values, color="0.6", ls="-", lw=0.8, label=what)
    if "shuffled" in one and not over_brain:
        low, high = one.shuffled.transpose("bound", ...).values
        axes.fill_between(
            x[np.isfinite(y)],
            low,
            high,
            facecolor="none",
            edgecolor="0.6",
            hatch="....",
            lw=0,
            zorder=0.5,
            label="95 % with steps in random orders",
        )
    for control in map(str, one.network.values[1:]):
        axes.plot(
            x,
            one[name].sel(network=control).values,
            **NETWORKS.get(control, {"color": "0.5"}),
            label=SAY.get(control, control),
            zorder=3,
        )
    axes.plot(
        x, y, color=colour, ls="-", marker=marker, ms=4, lw=1.6, markevery=max(1, len(x) // 14), label=first, zorder=4
    )
    axes.axhline(float(one.attrs.get("chance", 0.0)), color="black", lw=0.7)
    if not over_brain:
        _marks(axes, one, x, first)


def _marks(axes: Axes, one: xarray.Dataset, x: np.ndarray, first: str) -> None:
    """At the foot of the panel: where the evaluation is above its null, and where it differs from the twin."""
    half = np.median(np.diff(x)) / 2 if len(x) > 1 else 0.5
    rows = []
    if "p_permutation_corrected" in one:
        rows.append(
            (one.p_permutation_corrected.sel(network=first).values < 0.05, "above the null, p < 0.05 corrected", "-")
        )
    if "p_pair_corrected" in one and "twin" in one.other_network.values:
        p = one.p_pair_corrected.sel(network=first, other_network="twin").values
        rows.append((p < 0.05, "different from the twin, p < 0.05 corrected", (0, (1, 1))))
    foot = axes.get_xaxis_transform()
    for k, (hit, text, dash) in enumerate(rows):
        axes.plot([], [], color="black", ls=dash, lw=2.5, label=text)
        for a, b, on in stretches(hit.tolist()):
            if on:
                ends = [max(x[a] - half, x[0]), min(x[b - 1] + half, x[-1])]
                axes.plot(
                    ends, [0.03 + 0.04 * k] * 2, color="black", ls=dash, lw=2.5, transform=foot, solid_capstyle="butt"
                )


def _when(result: xarray.Dataset) -> str:
    low, high, last = (float(result[c].values[-1]) for c in ("time_ms_low", "time_ms_high", "time_ms"))
    return f"nominal time of the network's step, ms after onset\n(declared range of the last, {last:g} ms: {low:g}–{high:g} ms)"


def _resampled(one: xarray.Dataset) -> str:
    return f"{100 * one.attrs.get('confidence', 0.95):g} % interval over {one.attrs.get('resample', '?')}"


def _title(result: xarray.Dataset) -> str:
    a = result.attrs
    counts = [f"{a[k]} {k}" for k in ("subjects", "units", "conditions") if k in a]
    return f"{a.get('model', 'network')} and {a.get('neural_name', 'neural data')}, {a.get('neural_variable', '')}\n{', '.join(counts)}"
