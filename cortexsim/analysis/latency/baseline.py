"""Time courses with their baseline, checked: what every latency starts from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cortexsim.analysis.latency.onsets import LATENCIES, after
from cortexsim.analysis.statistics.draws import whole_number
from cortexsim.errors import AnalysisError
from cortexsim.pairs import numbers
from cortexsim.shapes import Float

Window = tuple[float, float] | str
LEAST_BASELINE = 5  # bins; the standard deviation of fewer means little
SILENT = "silent"


class Courses(NamedTuple):
    """Time courses and which of their times are the baseline.

    Parameters
    ----------
    values : array of shape (..., time)
        Responses.
    times : array of shape (time,)
        In ms.
    base : array of bool of shape (time,)
        The baseline.
    """

    values: np.ndarray
    times: np.ndarray
    base: np.ndarray


def with_baseline(courses: Any, times_ms: Any, window: Window | None) -> Courses:
    """Checked courses ``(..., time)``; what is silent before it begins gets a baseline of zeros."""
    return _before(*checked_courses(courses, times_ms, window), window)


def members_with_baseline(courses: Any, times_ms: Any, window: Window | None) -> Courses:
    """The same of ``(member, time)``, which are to be resampled."""
    return _before(*members_of(courses, times_ms, window), window)


def _before(x: np.ndarray, times: np.ndarray, window: Any) -> Courses:
    """Courses with the baseline that a window says."""
    if isinstance(window, str) and window == SILENT:
        gap = times[1] - times[0] if len(times) > 1 else 1.0
        times = np.concatenate([times[0] - gap * np.arange(LEAST_BASELINE, 0, -1), times])
        x = np.concatenate([np.zeros((*x.shape[:-1], LEAST_BASELINE)), x], -1)
        return Courses(x, times, np.arange(len(times)) < LEAST_BASELINE)
    return Courses(x, times, _baseline(times, window))


def _baseline(times: Float[np.ndarray, " time"], window: Window | None) -> np.ndarray:
    """Which times are the baseline."""
    if window is not None:
        try:
            low, high = map(float, window)
            window = (low, high)
        except (TypeError, ValueError):
            raise AnalysisError(
                f"baseline_ms={window!r} is no window; give its first and last time in ms, e.g. "
                "(-100, 0), or 'silent'"
            ) from None
    base = times < 0 if window is None else (times >= window[0]) & (times <= window[1])
    if base.sum() < LEAST_BASELINE:
        span = "times before 0" if window is None else f"{window[0]:g} to {window[1]:g}"
        raise AnalysisError(
            f"the baseline, {span} ms, holds {int(base.sum())} of {len(times)} times "
            f"({times[0]:g} to {times[-1]:g} ms); {LEAST_BASELINE} are needed to know its standard "
            "deviation"
        )
    if not after(times, base).any():
        raise AnalysisError(
            f"no time is later than the baseline, which ends at {times[base].max():g} ms"
        )
    return base


def checked_courses(
    courses: Any, times_ms: Any, window: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """``(..., time)`` and its times, finite and ascending."""
    x, times = (
        numbers(v, what).astype(np.float64)
        for v, what in ((courses, "courses"), (times_ms, "times_ms"))
    )
    if times.ndim != 1 or x.ndim < 1 or not x.size or x.shape[-1] != len(times) or not len(times):
        raise AnalysisError(
            f"courses have shape {x.shape} and times_ms {times.shape}; the last axis of the "
            "courses is time"
        )
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise AnalysisError("times_ms must ascend, without NaN")
    if isinstance(window, str) and window == SILENT:
        x = np.where(np.isnan(x) & (np.cumsum(~np.isnan(x), -1) == 0), 0.0, x)
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(-1).sum())
        raise AnalysisError(
            f"{bad} courses hold NaN or infinite values; leave those units out (a cell without "
            "trials has no course)"
        )
    return x, times


def members_of(courses: Any, times_ms: Any, window: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """``(member, time)`` and its times, checked."""
    x, times = checked_courses(courses, times_ms, window)
    if x.ndim != 2 or len(x) < 2:
        raise AnalysisError(
            f"courses have shape {x.shape}; (member, time) with at least two members is needed to "
            "resample them"
        )
    return x, times


def check_criterion(method: str, k: float, bins: Any) -> None:
    """AnalysisError for unknown latencies, limits below 0, and fewer than one bin."""
    if method not in LATENCIES:
        raise AnalysisError(f"there is no latency {method!r}; choose from {', '.join(LATENCIES)}")
    sound = isinstance(k, (int, float, np.number)) and 0 <= k < np.inf
    if not sound or whole_number(bins, "bins") < 1:
        raise AnalysisError(f"k={k!r} and bins={bins}: give a k of at least 0 and at least one bin")
