"""Whether the data say anything about a fitted onset and step, in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.analysis.latency.timegrid import Grid
from cortexsim.shapes import Float
from cortexsim.timeaxis import TimeAxis

PARAMETERS = ("onset_ms", "step_ms")


def verdicts_of(
    best: Float[np.ndarray, " parameter"],
    interval: Float[np.ndarray, "parameter bound"],
    grid: Grid,
    *,
    objective: Float[np.ndarray, "onset step"],
    unrelated: str | None,
) -> list[str]:
    """Whether the data say anything about onset and step: "yes", or why not.

    Parameters
    ----------
    best : array of shape (parameter,)
        Onset and duration of a step, in ms.
    interval : array of shape (parameter, bound)
        Their intervals.
    grid : Grid
        What was searched.
    objective : array of shape (onset, step)
        What each axis explains.
    unrelated : str, optional
        Why model and brain are not taken to be related, if they are not: an axis of noise has an
        optimum, too.

    Returns
    -------
    list of str
        For each of ``PARAMETERS``.
    """
    if unrelated is not None:
        return [f"no: model and brain are not related along any axis ({unrelated})"] * 2
    ends = [
        f"no: the best {name}, {x:g} ms, is the end of the range that was searched "
        f"({axis[0]:g} to {axis[-1]:g} ms)"
        for name, x, axis in zip(PARAMETERS, best, grid.axes)
        if x in (axis[0], axis[-1])
    ]
    if ends:  # the other parameter makes up for what this one was not allowed to be
        return [ends[0]] * 2
    return [_constrained(interval[k], grid.axes[k], objective.max(1 - k)) for k in range(2)]


def _constrained(
    interval: Float[np.ndarray, " bound"],
    axis: Float[np.ndarray, " value"],
    profile: Float[np.ndarray, " value"],
) -> str:
    """The same for one parameter; profile: the best that each of its values explains."""
    covered, searched = (f"{x[0]:g} to {x[-1]:g} ms" for x in (interval, axis))
    if np.ptp(profile) < 1e-9:
        return "no: every value explains the data equally well"
    whole = f"the range that was searched ({searched})"
    if interval[0] <= axis[0] or interval[1] >= axis[-1]:
        return f"no: the interval, {covered}, reaches the end of {whole}"
    if interval[1] - interval[0] > (axis[-1] - axis[0]) / 2:
        return f"no: the interval, {covered}, covers more than half of {whole}"
    return "yes"


def compared_with(
    declared: TimeAxis, verdicts: list[str], interval: Float[np.ndarray, " bound"]
) -> dict[str, Any]:
    """What a result states about its verdicts and about the declared range of a step."""
    low, high = declared.step_ms_low, declared.step_ms_high
    if low <= interval[0] and interval[1] <= high:
        position = "inside"
    else:
        outside = interval[1] < low or interval[0] > high
        position = "outside" if outside else "undecided"
    return {
        "constrained_onset": verdicts[0],
        "constrained_step": verdicts[1],
        "declared_step_ms_low": low,
        "declared_step_ms_high": high,
        "fit_in_declared": position if verdicts[1] == "yes" else "undecided",
    }
