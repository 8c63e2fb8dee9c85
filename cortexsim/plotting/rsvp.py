"""Figures of features in a stream: decoding by time with the brain's beside it, and when it begins
and peaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.plotting.parts import style

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes

    from cortexsim.timeaxis import TimeAxis

NO_ONSET = "no marks of a state = no onset found"
MOMENTS = ("onset", "peak")  # filled, open; markers tell the states, in grey too


def features_by_time(
    axes: Axes, result: xarray.Dataset, people: xarray.DataArray, *, axis: TimeAxis
) -> Axes:
    """Accuracy of each state by nominal time (left axis), and of people (right axis).

    Of people the mean with its standard error; the chance level is the same.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    result : xarray.Dataset
        Of ``discrimination_latency`` over steps counted from the target's first.
    people : xarray.DataArray
        ``(subject, time_ms)`` with the same chance.
    axis : TimeAxis
        When each step is.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    x, chance = axis.time_ms(result.step.values), float(result.chance)
    for k, state in enumerate(map(str, result.state.values)):
        colour, dash, marker = style(k)
        axes.plot(
            x,
            result.accuracy.sel(state=state).values,
            color=colour,
            ls=dash,
            marker=marker,
            ms=3,
            label=state,
        )
    axes.axhline(chance, color="black", lw=0.6, label="chance")
    axes.axhline(
        float(result.critical),
        color="0.2",
        lw=1.0,
        ls=":",
        label="highest under permuted labels (95 %), left axis",
    )
    axes.axvline(0, color="0.7", lw=0.6)
    right = axes.twinx()
    values = people.values
    mean, error = values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values))
    right.plot(people.time_ms.values, mean, color="black", lw=1.3)
    right.fill_between(
        people.time_ms.values, mean - error, mean + error, color="black", alpha=0.2, lw=0
    )
    axes.plot(
        [], [], color="black", lw=1.3, label=f"EEG of {len(values)} people (± s.e.), right axis"
    )
    high = 1.02 * max(float(np.nanmax(result.accuracy.values)), chance + 0.1)
    rise = 1.05 * ((mean + error).max() - chance)
    # One share of the height is below chance on both sides, enough for whichever falls lower.
    lowest = min(float(np.nanmin(result.accuracy.values)), chance)
    of_network = 0.05 + (chance - lowest) / (high - chance)
    fall = max(of_network, 1.05 * (chance - (mean - error).min()) / rise)
    axes.set(ylim=(chance - fall * (high - chance), high), xlim=(float(x[0]), float(x[-1])))
    right.set_ylim(chance - fall * rise, chance + rise)
    for side in (axes, right):
        side.tick_params(labelsize="small")
        side.spines["top"].set_visible(False)
    right.set_ylabel("EEG", fontsize="small")
    return axes


def moments_by_feature(
    axes: Axes,
    results: Mapping[str, xarray.Dataset],
    people: Mapping[str, Mapping[str, Any]],
    *,
    axis: TimeAxis,
) -> Axes:
    """Onset and peak of every feature (rows), of each state and of people.

    With 95 % intervals; thin: the range of the declared axis. A peak or onset that is not there is
    not drawn, which a label says; an interval without an end has an arrow.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    results : mapping of str to xarray.Dataset
        For each feature ``discrimination_latency``.
    people : mapping of str to mapping
        For each feature onset_ms, onset_interval_ms, ...
    axis : TimeAxis
        When each step is.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    names = list(results)
    for row, feature in enumerate(names):
        result = results[feature]
        for k, state in enumerate(map(str, result.state.values)):
            colour, _, marker = style(k)
            of_state, y = result.sel(state=state), -row + 0.34 - 0.15 * k
            for name in MOMENTS:
                step = float(of_state[name])
                if not np.isfinite(step):  # nor is there a peak without an onset
                    axes.plot([], [], ls="", label=NO_ONSET)
                    continue
                at, bounds = (
                    float(axis.time_ms(step)),
                    axis.time_ms(of_state[f"{name}_interval"].values),
                )
                axes.hlines(
                    y,
                    float(axis.low_ms(step)),
                    float(axis.high_ms(step)),
                    color="0.75",
                    lw=0.8,
                    zorder=1,
                )
                last = float(axis.time_ms(result.step.values[-1]))
                axes.hlines(
                    y, *np.where(np.isfinite(bounds), bounds, last), color=colour, lw=2, zorder=2
                )
                if not np.isfinite(bounds[1]):
                    axes.plot(
                        last,
                        y,
                        marker=">",
                        color=colour,
                        ms=6,
                        ls="",
                        zorder=2,
                        label="95 % interval without an end",
                    )
                axes.plot(
                    at,
                    y,
                    marker=marker,
                    color=colour,
                    ms=7 if name == "onset" else 5,
                    ls="",
                    mfc="white" if name == "peak" else colour,
                    label=f"{state}: {name}",
                    zorder=3,
                )
        y = -row + 0.34 - 0.15 * result.sizes["state"]
        for name in MOMENTS:
            at, bounds = (
                people[feature][f"{name}_ms"],
                np.asarray(people[feature][f"{name}_interval_ms"], dtype=float),
            )
            axes.plot(
                at,
                y,
                marker="P",
                color="black",
                ms=6,
                ls="",
                mfc="white" if name == "peak" else "black",
                label=f"EEG: {name}",
                zorder=3,
            )
            if np.isfinite(bounds).all():
                axes.hlines(y, *bounds, color="black", lw=2, zorder=2)
    axes.set_yticks(-np.arange(len(names)), [n.replace("_", " ") for n in names])
    axes.axvline(0, color="0.7", lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return axes
