"""Figures of people's trials: accuracy by SOA or deadline, alone and beside a network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plotting.parts import style, uncut

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes

UNMASKED = "none"
GREYS = ("0.15", "0.45", "0.65")
DASHES = ("-", "--", ":")


@clear_errors
@uncut
def trials(axes: Axes, people: xarray.Dataset) -> Axes:
    """Accuracy of a group by SOA or deadline: a line a mask (or level), thresholds dotted.

    Thin lines are participants.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    people : xarray.Dataset
        What ``neural.from_trials`` returns.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    curve, time = map(str, people.accuracy.dims)
    x = people[time].values
    for k, name in enumerate(map(str, people[curve].values)):
        colour, dash, marker = style(k)
        group = people.sel({curve: name})
        _errorbar(
            axes,
            x,
            group.accuracy.values,
            group.accuracy_interval.values,
            color=colour,
            ls=dash,
            marker=marker,
            label=f"{curve} {name}",
        )
        axes.plot(
            x,
            group.participant_accuracy.transpose(time, "participant").values,
            color=colour,
            lw=0.5,
            alpha=0.25,
        )
        if np.isfinite(at := float(group.threshold_ms)):
            axes.axvline(at, color=colour, lw=0.8, ls=":")
    axes.axhline(people.attrs["chance"], color="black", ls=":", lw=0.8, label="chance")
    axes.set(
        xlabel=f"{time.removesuffix('_ms').replace('soa', 'SOA')}, ms",
        ylabel="accuracy (share correct)",
        ylim=(0, 1),
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="x-small")
    return axes


def beside_people(
    axes: Axes, of_network: xarray.Dataset, people: xarray.Dataset, readout: int
) -> Axes:
    """A network and people against SOA in ms, both as (accuracy - chance) / (1 - chance).

    A band shows each masked curve for the shortest to the longest declared duration of a step.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    of_network : xarray.Dataset
        Of ``cortexsim mask``, with dimensions ``(mask, soa_ms, readout)``.
    people : xarray.Dataset
        What ``neural.from_trials`` returns, by mask and SOA.
    readout : int
        The readout step.

    Returns
    -------
    matplotlib.axes.Axes
        The same.

    Raises
    ------
    AnalysisError
        For people's curves that are not by mask and SOA.
    """
    if tuple(people.accuracy.dims) != ("mask", "soa_ms"):
        raise AnalysisError(
            f"the people's curves are by {', '.join(map(str, people.accuracy.dims))}; curves by "
            "mask and soa_ms are needed"
        )
    who = f"people ({people.attrs['name']})" if "name" in people.attrs else "people"
    theirs, mine = float(people.attrs["chance"]), float(of_network.attrs["chance"])
    for k, kind in enumerate(map(str, people["mask"].values)):
        group = people.sel(mask=kind)
        _errorbar(
            axes,
            people.soa_ms.values,
            _normalised(group.accuracy.values, theirs),
            _normalised(group.accuracy_interval.values, theirs),
            color=GREYS[k % len(GREYS)],
            ls=DASHES[k % len(DASHES)],
            marker="o",
            label=f"{who}, {'no mask' if kind == UNMASKED else kind}",
        )
    axis = json.loads(of_network.attrs["time_axis"])
    at = of_network.sel(readout=readout)
    steps = at.soa_steps.values
    for k, kind in enumerate(map(str, at["mask"].values)):
        colour, dash, marker = style(k)
        shown = at.sel(mask=kind)
        y = _normalised(shown.accuracy.values, mine)
        bounds = _normalised(shown.accuracy_interval.transpose("soa_ms", "bound").values, mine)
        x = steps * axis["step_ms"]
        name = "no mask" if kind == UNMASKED else kind
        _errorbar(
            axes, x, y, bounds, color=colour, ls=dash, marker=marker, label=f"network, {name}"
        )
        if kind != UNMASKED and len(steps) > 1:
            grid, low, high = stretched(y, steps, axis["step_ms_low"], axis["step_ms_high"])
            axes.fill_between(grid, low, high, color=colour, alpha=0.15, lw=0)
    axes.axhline(0, color="black", lw=0.8, ls=":", label="chance")
    axes.set(
        xlabel=f"SOA, ms\n(network: {axis['step_ms']:g} ms a step; "
        f"band {axis['step_ms_low']:g}–{axis['step_ms_high']:g})",
        ylabel="(accuracy − chance) / (1 − chance)",
    )
    return axes


def stretched(
    curve: np.ndarray, steps: np.ndarray, shortest: float, longest: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least and largest value of a curve over steps at each ms, whatever a step lasts.

    Parameters
    ----------
    curve : array of shape (step,)
        Its values.
    steps : array of shape (step,)
        Ascending.
    shortest, longest : float
        Duration of a step in ms.

    Returns
    -------
    grid, low, high : array of shape (point,)
        Times in ms, and the bounds there.
    """
    grid = np.linspace(steps[0] * shortest, steps[-1] * longest, 200)
    durations = np.linspace(shortest, longest, 31)
    curves = np.array(
        [np.interp(grid, steps * d, curve, left=np.nan, right=np.nan) for d in durations]
    )
    known = np.isfinite(curves).any(0)
    return grid[known], np.nanmin(curves[:, known], 0), np.nanmax(curves[:, known], 0)


def _normalised(accuracy: np.ndarray, chance: float) -> np.ndarray:
    """So that different numbers of answers compare."""
    return (accuracy - chance) / (1 - chance)


def _errorbar(axes: Axes, x: np.ndarray, y: np.ndarray, bounds: np.ndarray, **look: Any) -> None:
    """A curve with the bars of its interval ``(x, bound)``."""
    axes.errorbar(x, y, [y - bounds[:, 0], bounds[:, 1] - y], ms=5, capsize=2, **look)
