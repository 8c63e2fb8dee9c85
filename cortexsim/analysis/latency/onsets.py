"""Onset, time to half of the maximum, and peak of time courses: one entry of ``LATENCIES`` each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cortexsim.shapes import Float


def onset(
    courses: Float[np.ndarray, "... time"],
    times: Float[np.ndarray, " time"],
    base: np.ndarray,
    *,
    k: float,
    bins: int,
    spread: Any = None,
) -> np.ndarray:
    """The first of ``bins`` consecutive times after the baseline above its mean by k ``spread``.

    The spread is by default the standard deviation of the baseline.
    """
    quiet = courses[..., base]
    rounding = 1e-12 * np.abs(quiet).max(-1)  # a constant course is nowhere above its own mean
    limit = quiet.mean(-1) + k * (quiet.std(-1, ddof=1) if spread is None else spread) + rounding
    return first_run((courses > limit[..., None]) & after(times, base), times, bins)


def half_maximum(
    courses: Float[np.ndarray, "... time"],
    times: Float[np.ndarray, " time"],
    base: np.ndarray,
    *,
    k: float,
    bins: int,
    spread: Any = None,
) -> np.ndarray:
    """The last time before ``peak`` that crosses half of the maximum, interpolated.

    Halfway is from the mean of the baseline to the largest mean of ``bins`` consecutive times from
    the onset on: the largest of many noisy values is too large, and would come too late. A dip
    below it that is shorter than ``bins`` times is no crossing, as a rise above the limit that is
    shorter is no onset. ``onset <= half_maximum <= peak``: a crossing between the onset and the
    time before it is at the onset; NaN where the course is above half earlier than that (half
    of a response that the baseline's noise can hide), and where ``onset`` finds no response.
    """
    starts = onset(courses, times, base, k=k, bins=bins, spread=spread)
    level = _halfway(courses, times, base, starts, bins=bins)
    return last_rise(courses, times, starts, level=level, bins=bins)


def free_half_maximum(
    courses: Float[np.ndarray, "... time"],
    times: Float[np.ndarray, " time"],
    base: np.ndarray,
    *,
    k: float,
    bins: int,
    spread: Any = None,
) -> np.ndarray:
    """``half_maximum`` that may come before the onset: how it varies among resamples.

    A resample that were cut off at its onset, or left out, would make the interval too narrow.
    """
    starts = onset(courses, times, base, k=k, bins=bins, spread=spread)
    level = _halfway(courses, times, base, starts, bins=bins)
    return last_rise(courses, times, starts, level=level, bins=bins, held=False)


def peak(
    courses: Float[np.ndarray, "... time"],
    times: Float[np.ndarray, " time"],
    base: np.ndarray,
    *,
    k: float,
    bins: int,
    spread: Any = None,
) -> np.ndarray:
    """The time of the largest value from ``onset`` on; NaN where that finds no response."""
    starts = onset(courses, times, base, k=k, bins=bins, spread=spread)
    return largest_since(courses, times, starts)


def largest_since(
    courses: Float[np.ndarray, "... time"], times: Float[np.ndarray, " time"], starts: np.ndarray
) -> np.ndarray:
    """The time of the largest value from a start on; NaN where there is no start."""
    return np.where(np.isnan(starts), np.nan, times[_place_of_peak(courses, times, starts)])


def last_rise(
    courses: Float[np.ndarray, "... time"],
    times: Float[np.ndarray, " time"],
    starts: np.ndarray,
    *,
    level: np.ndarray,
    bins: int,
    held: bool = True,
) -> np.ndarray:
    """The last time at which a course comes to reach a level before its peak, interpolated.

    Parameters
    ----------
    courses : array of shape (..., time)
        In any unit.
    times : array of shape (time,)
        In ms or steps.
    starts : array of shape (...)
        The onset, NaN for none. The peak is the largest value from it on.
    level : array of shape (...)
        What is crossed.
    bins : int
        Consecutive times that a course must lie below the level to have left it.
    held : bool
        Whether it is held between onset and peak: a crossing between the onset and the time
        before is the onset, an earlier one NaN.

    Returns
    -------
    array of shape (...)
        NaN where there is no onset.

    Examples
    --------
    >>> course, times = np.array([0.0, 5, 0, 0, 1, 4, 6, 5]), np.arange(8.0)
    >>> float(last_rise(course, times, np.array(4.0), level=np.array(3.0), bins=1))
    4.666666666666667
    """
    top = _place_of_peak(courses, times, starts)
    earlier = np.arange(len(times)) < top[..., None]
    below = _runs_end((courses < level[..., None]) & earlier, bins)
    any_below = below.any(-1)
    last = np.where(any_below, len(times) - 1 - np.argmax(below[..., ::-1], -1), 0)
    at = np.where(any_below, np.minimum(last + 1, len(times) - 1), 0)
    y0, y1 = (np.take_along_axis(courses, i[..., None], -1)[..., 0] for i in (last, at))
    rising = (y0 < level) & (y1 > y0)
    part = np.where(rising, (level - y0) / np.where(y1 > y0, y1 - y0, 1.0), 1.0)
    crossed = times[last] + np.minimum(part, 1.0) * (times[at] - times[last])
    if held:
        crossed = np.where(times[at] < starts, np.nan, np.maximum(crossed, starts))
    return np.where(np.isnan(starts), np.nan, crossed)


def _halfway(
    courses: Float[np.ndarray, "... time"],
    times: Float[np.ndarray, " time"],
    base: np.ndarray,
    starts: np.ndarray,
    *,
    bins: int,
) -> np.ndarray:
    """Half of the way from the baseline to the largest mean of consecutive times of a response."""
    response = np.where(_since(times, starts), courses, -np.inf)
    runs = np.lib.stride_tricks.sliding_window_view(response, min(bins, len(times)), axis=-1)
    return (courses[..., base].mean(-1) + runs.mean(-1).max(-1)) / 2


def _place_of_peak(
    courses: Float[np.ndarray, "... time"], times: Float[np.ndarray, " time"], starts: np.ndarray
) -> np.ndarray:
    """The place of the largest value from a start on, or of all where there is no start."""
    return np.argmax(np.where(_since(times, starts), courses, -np.inf), -1)


def _since(times: Float[np.ndarray, " time"], starts: np.ndarray) -> np.ndarray:
    """Which times are not before a start; all where there is none."""
    return times >= np.where(np.isnan(starts), -np.inf, starts)[..., None]


def _runs_end(true: np.ndarray, bins: int) -> np.ndarray:
    """Where ``bins`` consecutive times, as many as there are at the beginning, are all true."""
    ends = true.copy()
    for back in range(1, bins):
        ends[..., back:] &= true[..., :-back]
    return ends


def first_run(above: np.ndarray, times: Float[np.ndarray, " time"], bins: int) -> np.ndarray:
    """The first time from which ``bins`` consecutive times are above; NaN if there is none."""
    count = above.shape[-1] - bins + 1
    if count < 1:
        return np.full(above.shape[:-1], np.nan)
    run = np.stack([above[..., i : i + count] for i in range(bins)]).all(0)
    return np.where(run.any(-1), times[np.argmax(run, -1)], np.nan)


def after(times: Float[np.ndarray, " time"], base: np.ndarray) -> np.ndarray:
    """Which times are later than the baseline."""
    return times > times[base].max()


LATENCIES: dict[str, Callable[..., np.ndarray]] = {
    "onset": onset,
    "half_maximum": half_maximum,
    "peak": peak,
}
RESAMPLED = LATENCIES | {"half_maximum": free_half_maximum}  # of resamples, for an interval
