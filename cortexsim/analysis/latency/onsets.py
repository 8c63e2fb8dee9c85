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
    """The first time halfway from the mean of the baseline to the peak, interpolated.

    NaN where ``onset`` finds no response. The peak is the largest mean of ``bins`` consecutive
    times: the largest of many noisy values is too large, and would come too late.
    """
    level = courses[..., base].mean(-1)
    later = after(times, base)
    runs = np.lib.stride_tricks.sliding_window_view(
        courses[..., later], min(bins, int(later.sum())), axis=-1
    )
    half = (level + runs.mean(-1).max(-1)) / 2
    reached = first_crossing((courses >= half[..., None]) & later, courses, times, level=half)
    starts = onset(courses, times, base, k=k, bins=bins, spread=spread)
    return np.where(np.isnan(starts), np.nan, reached)


def peak(
    courses: Float[np.ndarray, "... time"],
    times: Float[np.ndarray, " time"],
    base: np.ndarray,
    *,
    k: float,
    bins: int,
    spread: Any = None,
) -> np.ndarray:
    """The time of the largest value after the baseline; NaN where ``onset`` finds no response."""
    largest = times[np.argmax(np.where(after(times, base), courses, -np.inf), -1)]
    starts = onset(courses, times, base, k=k, bins=bins, spread=spread)
    return np.where(np.isnan(starts), np.nan, largest)


def first_run(above: np.ndarray, times: Float[np.ndarray, " time"], bins: int) -> np.ndarray:
    """The first time from which ``bins`` consecutive times are above; NaN if there is none."""
    count = above.shape[-1] - bins + 1
    if count < 1:
        return np.full(above.shape[:-1], np.nan)
    run = np.stack([above[..., i : i + count] for i in range(bins)]).all(0)
    return np.where(run.any(-1), times[np.argmax(run, -1)], np.nan)


def first_crossing(
    reached: np.ndarray,
    courses: Float[np.ndarray, "... time"],
    times: Float[np.ndarray, " time"],
    *,
    level: np.ndarray,
) -> np.ndarray:
    """The first time that is reached, interpolated from the time before where that lies below.

    Parameters
    ----------
    reached : array of bool of shape (..., time)
        Which times count.
    courses : array of shape (..., time)
        What is interpolated.
    times : array of shape (time,)
        In ms or steps.
    level : array of shape (...)
        What is crossed.

    Returns
    -------
    array of shape (...)
        The first time of the axis where nothing is reached.
    """
    at = np.argmax(reached, -1)
    before = np.maximum(at - 1, 0)
    y1, y0 = (np.take_along_axis(courses, i[..., None], -1)[..., 0] for i in (at, before))
    rising = (y0 < level) & (y1 > y0)
    part = np.where(rising, (level - y0) / np.where(y1 > y0, y1 - y0, 1.0), 1.0)
    return times[before] + part * (times[at] - times[before])


def after(times: Float[np.ndarray, " time"], base: np.ndarray) -> np.ndarray:
    """Which times are later than the baseline."""
    return times > times[base].max()


LATENCIES: dict[str, Callable[..., np.ndarray]] = {
    "onset": onset,
    "half_maximum": half_maximum,
    "peak": peak,
}
