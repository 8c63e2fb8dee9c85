"""Onset, time to half of the maximum, and peak of time courses: pure functions on arrays, one entry of ``LATENCIES`` each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def onset(
    courses: np.ndarray,
    times: np.ndarray,
    base: np.ndarray,
    *,
    k: float,
    bins: int,
    spread: Any = None,
) -> np.ndarray:
    """The first of ``bins`` consecutive times after the baseline above its mean by ``k`` times ``spread``, by default its standard deviation."""
    quiet = courses[..., base]
    rounding = 1e-12 * np.abs(quiet).max(-1)  # a constant course is nowhere above its own mean
    limit = quiet.mean(-1) + k * (quiet.std(-1, ddof=1) if spread is None else spread) + rounding
    return first_run((courses > limit[..., None]) & after(times, base), times, bins)


def half_maximum(
    courses: np.ndarray,
    times: np.ndarray,
    base: np.ndarray,
    *,
    k: float,
    bins: int,
    spread: Any = None,
) -> np.ndarray:
    """The first time halfway from the mean of the baseline to the peak, interpolated; NaN where ``onset`` finds no response.

    The peak is the largest mean of ``bins`` consecutive times: the largest of many noisy values is too large, and would come too late.
    """
    level = courses[..., base].mean(-1)
    later = after(times, base)
    runs = np.lib.stride_tricks.sliding_window_view(
        courses[..., later], min(bins, int(later.sum())), axis=-1
    )
    half = ((level + runs.mean(-1).max(-1)) / 2)[..., None]
    above = (courses >= half) & later
    at = np.argmax(above, -1)
    before = np.maximum(at - 1, 0)
    y1, y0 = (np.take_along_axis(courses, i[..., None], -1)[..., 0] for i in (at, before))
    rise = np.where(y1 > y0, y1 - y0, 1.0)
    part = np.where((y0 < half[..., 0]) & (y1 > y0), (half[..., 0] - y0) / rise, 1.0)
    found = times[before] + part * (times[at] - times[before])
    return np.where(
        np.isnan(onset(courses, times, base, k=k, bins=bins, spread=spread)), np.nan, found
    )


def peak(
    courses: np.ndarray,
    times: np.ndarray,
    base: np.ndarray,
    *,
    k: float,
    bins: int,
    spread: Any = None,
) -> np.ndarray:
    """The time of the largest value after the baseline; NaN where ``onset`` finds no response."""
    found = times[np.argmax(np.where(after(times, base), courses, -np.inf), -1)]
    return np.where(
        np.isnan(onset(courses, times, base, k=k, bins=bins, spread=spread)), np.nan, found
    )


def first_run(above: np.ndarray, times: np.ndarray, bins: int) -> np.ndarray:
    """The first time from which ``bins`` consecutive times are above; NaN if there is none."""
    count = above.shape[-1] - bins + 1
    if count < 1:
        return np.full(above.shape[:-1], np.nan)
    run = np.stack([above[..., i : i + count] for i in range(bins)]).all(0)
    return np.where(run.any(-1), times[np.argmax(run, -1)], np.nan)


def after(times: np.ndarray, base: np.ndarray) -> np.ndarray:
    return times > times[base].max()


LATENCIES: dict[str, Callable[..., np.ndarray]] = {
    "onset": onset,
    "half_maximum": half_maximum,
    "peak": peak,
}
