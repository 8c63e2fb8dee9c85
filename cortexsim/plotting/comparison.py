"""The figure of a comparison: every state over time in ms, with subjects, noise ceiling, nulls and
controls.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.words import counted, whose
from cortexsim.arguments import clear_errors
from cortexsim.plotting.decoding import decoding
from cortexsim.plotting.page import NARROW, PAGE, printed, sheet, wrapped
from cortexsim.plotting.parts import (
    NETWORK_NAMES,
    declared_range,
    in_ms,
    legend_below,
    needs,
    stretches,
    strip,
    style,
)

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NETWORKS: dict[str, dict[str, Any]] = {
    "static": {"color": "black", "ls": (0, (1, 1)), "marker": ">", "ms": 5},
    "untrained": {"color": "0.45", "ls": (0, (4, 2)), "marker": "<", "ms": 5},
    "twin": {"color": "black", "ls": (0, (6, 1.5, 1, 1.5)), "marker": "p", "ms": 6},
    "efficientnet-lite0": {"color": "0.3", "ls": "-", "marker": "x", "ms": 7},
    "resnet20": {"color": "0.3", "ls": "-", "marker": "+", "ms": 7},
    "resnet56": {"color": "0.3", "ls": "-", "marker": "*", "ms": 7},
}
"""No marker is that of a state; open ones, for the network that is judged has full ones."""
PERMUTED = {"rsa": "conditions", "encoding": "stimuli", "decoding": "labels"}


@clear_errors
@printed
def comparison(result: xarray.Dataset, *, width_mm: float = PAGE) -> Figure:
    """Networks and a brain by time: one panel a state.

    The evaluation by nominal time of the step with its interval, single subjects, the ceiling, the
    controls and the nulls. Bars above a panel: above the null of relabelled conditions, and
    different from the feed-forward twin, both corrected as the result says. Over these: the slope
    over the steps with its interval, and how often random orders of the steps reach it.

    Parameters
    ----------
    result : xarray.Dataset
        What ``cortexsim.compare`` wrote, static or (with ``along_axis``) over the time of the
        brain.
    width_mm : float
        Of the figure, printed: 89 is a column of a journal, 183 its page.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    if "neural_accuracy" in result:
        return decoding(result, width_mm=width_mm)
    needs(
        result,
        ("evaluation",),
        ("state", "network"),
        over=("state", "network", "step", "time_ms", "subject"),
    )
    states = [str(s) for s in result.state.values]
    narrow = width_mm < NARROW
    columns = min(1 if narrow and len(states) < 5 else 2, len(states))
    rows = -(-len(states) // columns)
    over_brain = "along_axis" in result
    height = 62 if narrow or len(states) > 1 else 75
    figure = sheet(width_mm, height * rows + 14)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for k, (axes, state) in enumerate(zip(panels.flat, states)):
        _panel(axes, result.sel(state=state), k, wide=width_mm / columns)
        axes.set_title(state, loc="left", fontweight="bold", fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels.flat[len(states) :]:
        axes.set_visible(False)
    when = _brain_time(result) if over_brain else _when(result)
    for axes in panels.flat[max(0, len(states) - columns) : len(states)]:  # nothing is below
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(wrapped(when, 0.85 * width_mm / columns, 6.25), fontsize="small")
    for axes in panels[:, 0]:
        quantity = str(result.attrs.get("quantity", "similarity"))
        axes.set_ylabel(wrapped(quantity, 40, 6.25), fontsize="small")
    figure.suptitle(wrapped(_title(result), 0.9 * width_mm), fontsize="medium")
    legend_below(
        figure,
        panels.flat[: len(states)],
        ncols=2 if narrow else 3,
        leave_out=states[1:],  # one line of each look stands for all states
    )
    return figure


def _panel(axes: Axes, of_state: xarray.Dataset, k: int, *, wide: float) -> None:
    """One state; the panel is about so many mm wide."""
    over_brain = "along_axis" in of_state
    dim, name = ("time_ms", "along_axis") if over_brain else ("step", "evaluation")
    x = np.asarray(of_state.time_ms.values, dtype=float)
    colour, _, marker = style(k)
    first = str(of_state.network.values[0])
    y = of_state[name].sel(network=first).values
    _ceiling(axes, of_state, x)
    subjects = "along_axis_by_subject" if over_brain else "by_subject"
    if subjects in of_state and of_state.sizes.get("subject", 1) > 1:
        lines = axes.plot(
            x,
            of_state[subjects].sel(network=first).transpose(dim, "subject").values,
            color=colour,
            alpha=0.3,
            lw=0.6,
            zorder=1,
        )
        lines[0].set_label("single subjects")
    interval = f"{name}_interval" if over_brain else "interval"
    if interval in of_state:
        axes.fill_between(
            x,
            *of_state[interval].sel(network=first).transpose("bound", ...).values,
            color=colour,
            alpha=0.25,
            lw=0,
            label=_resampled(of_state),
        )
    _nulls(axes, of_state, x, y=y, wide=wide)
    controls = [str(n) for n in of_state.network.values[1:]]
    for turn, control in enumerate(controls):
        values = of_state[name].sel(network=control).values
        axes.plot(
            x,
            values,
            **NETWORKS.get(control, {"color": "0.5"}),
            mfc="white",
            lw=1.2,
            markevery=_in_turn(values, turn, len(controls)),
            label=NETWORK_NAMES.get(control, control),
            zorder=3,
        )
    axes.plot(
        x,
        y,
        color=colour,
        ls="-",
        marker=marker,
        ms=5,
        mec="black",
        mew=0.6,
        lw=2,
        markevery=max(1, len(x) // 14),
        label=first,
        zorder=4,
    )
    axes.axhline(float(of_state.attrs.get("chance", 0.0)), color="black", lw=0.7)
    if not over_brain:
        _marks(axes, of_state, x, first=first)


def _in_turn(y: np.ndarray, turn: int, lines: int) -> list[int]:
    """Where a line has its markers, two at least: where lines lie on each other, side by side.

    Examples
    --------
    >>> _in_turn(np.array([np.nan, 0.1, 0.1, 0.1, 0.1]), 1, 3)
    [2, 4]
    """
    there = np.flatnonzero(np.isfinite(y))
    every = max(1, min(max(lines, len(there) // 4), len(there) // 2))
    return there[turn % every :: every].tolist()


def _ceiling(axes: Axes, of_state: xarray.Dataset, x: np.ndarray) -> None:
    """A band from the lower to the upper bound, or one line where there is one number."""
    if "ceiling" not in of_state or not np.isfinite(of_state.ceiling.values).any():
        return
    if "bound" in of_state.ceiling.dims:
        lower, upper = (
            np.broadcast_to(v, x.shape) for v in of_state.ceiling.transpose("bound", ...).values
        )
        axes.fill_between(
            x, lower, upper, color="0.85", lw=0, zorder=0, label="noise ceiling, lower to upper"
        )
    else:
        axes.plot(
            x,
            np.broadcast_to(of_state.ceiling.values, x.shape),
            color="0.7",
            lw=3,
            zorder=0,
            label="noise ceiling",
        )


def _nulls(
    axes: Axes, of_state: xarray.Dataset, x: np.ndarray, *, y: np.ndarray, wide: float
) -> None:
    """Relabelled conditions, and the steps of the network in random orders."""
    first, prefix = (
        str(of_state.network.values[0]),
        "along_axis_" if "along_axis" in of_state else "",
    )
    if f"{prefix}null_high" in of_state:
        what = f"95 % of relabelled {PERMUTED.get(str(of_state.attrs.get('method')), 'conditions')}"
        axes.plot(
            x,
            of_state[f"{prefix}null_high"].sel(network=first).values,
            color="0.35",
            ls=(0, (1, 2.5)),
            lw=1.2,
            label=what,
        )
    if f"{prefix}shuffled" in of_state:
        low, high = (
            np.where(np.isfinite(y), v, np.nan)
            for v in of_state[f"{prefix}shuffled"].transpose("bound", ...).values
        )
        look: dict[str, Any] = {
            "facecolor": "none",
            "edgecolor": "0.6",
            "hatch": "/////",
            "lw": 0,
            "zorder": 1.5,
        }
        axes.fill_between(x, low, high, label="95 % with steps in random orders", **look)
    if (
        not prefix
        and "trend_interval" in of_state
        and np.isfinite(float(of_state.trend.sel(network=first)))
    ):
        slope, (low, high) = (
            float(of_state.trend.sel(network=first)),
            of_state.trend_interval.sel(network=first).values,
        )
        text, p = (
            f"slope {slope:+.3f} [{low:+.3f}, {high:+.3f}] "
            f"per {'100 ms' if in_ms(of_state) else 'step'}",
            float(of_state.trend_p_shuffled),
        )
        text += f";\nrandom orders: p = {p:.2g}" if np.isfinite(p) else ""
        # Beside the name of the state, to the left of which the vertical axis stands.
        axes.set_title(wrapped(text, wide - 18, 6), loc="right", fontsize="x-small")


def _marks(axes: Axes, of_state: xarray.Dataset, x: np.ndarray, *, first: str) -> None:
    """In a strip above: where the evaluation is above its null, and differs from the twin."""
    half = np.median(np.diff(x)) / 2 if len(x) > 1 else 0.5
    drawn = x[np.isfinite(of_state.evaluation.sel(network=first).values)]
    rows: list[tuple[np.ndarray, str, Any]] = []
    if "p_permutation_corrected" in of_state:
        rows.append(
            (
                of_state.p_permutation_corrected.sel(network=first).values < 0.05,
                "above the null, p < 0.05 corrected",
                "-",
            )
        )
    if "p_pair_corrected" in of_state and "twin" in of_state.other_network.values:
        p = of_state.p_pair_corrected.sel(network=first, other_network="twin").values
        rows.append((p < 0.05, "different from the twin, p < 0.05 corrected", (0, (1, 1))))
    if not rows:
        return
    marks = strip(axes, len(rows))
    for k, (hit, text, dash) in enumerate(rows):
        if hit.any():
            axes.plot([], [], color="black", ls=dash, lw=2.5, label=text)
        for a, b, on in stretches(hit.tolist()):
            if on:
                ends = [
                    max(x[a] - half, drawn[0] - half / 4),
                    min(x[b - 1] + half, drawn[-1] + half / 4),
                ]
                marks.plot(
                    ends,
                    [k] * 2,
                    color="black",
                    ls=dash,
                    lw=2.5,
                    solid_capstyle="butt",
                    dash_capstyle="butt",
                )


def _when(result: xarray.Dataset) -> str:
    if not in_ms(result):
        return "step of the network (no milliseconds were declared)"
    return f"nominal time of the network's step, ms after onset\n{declared_range(result)}"


def _brain_time(result: xarray.Dataset) -> str:
    """What the axis is, and where the steps of the network were put on it."""
    label = "time of the neural data, ms after onset"
    if "time_axis" not in result.attrs:
        return label
    a = json.loads(result.attrs["time_axis"])
    begin = a["step_ms"] if a["onset_ms"] is None else a["onset_ms"]
    return (
        f"{label}\n"
        f"(network: from {begin:g} ms, a step {a['step_ms']:g} ms; declared range "
        f"{a['step_ms_low']:g}–{a['step_ms_high']:g} ms)"
    )


def _resampled(of_state: xarray.Dataset) -> str:
    return (
        f"{100 * of_state.attrs.get('confidence', 0.95):g} % interval over "
        f"{of_state.attrs.get('resample', '?')}"
    )


def _title(result: xarray.Dataset) -> str:
    a = result.attrs
    counts = [whose(a)] if whose(a) else []
    counts += [counted(int(a[k]), k[:-1]) for k in ("units", "conditions") if k in a]
    return (
        f"{a.get('model', 'network')} and {a.get('neural_name', 'neural data')}, "
        f"{a.get('neural_variable', '')}\n"
        f"{', '.join(counts)}"
    )
