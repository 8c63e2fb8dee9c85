"""Time courses with their baseline, checked: what every latency starts from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cortexsim.analysis.latency.onsets import LATENCIES, after
from cortexsim.analysis.latency.timed import Timed, timed
from cortexsim.analysis.statistics.draws import whole_number
from cortexsim.errors import AnalysisError
from cortexsim.milliseconds import from_to, slack, within
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
    return based(checked_courses(courses, times_ms, window), window)


def based(x: Timed, window: Window | None) -> Courses:
    """Checked courses with the baseline that a window says."""
    values, times = x.values, x.times
    if is_silent(window):
        gap = times[1] - times[0] if len(times) > 1 else 1.0
        times = np.concatenate([times[0] - gap * np.arange(LEAST_BASELINE, 0, -1), times])
        values = np.concatenate([np.zeros((*values.shape[:-1], LEAST_BASELINE)), values], -1)
        return Courses(values, times, np.arange(len(times)) < LEAST_BASELINE)
    return Courses(values, times, _baseline(times, window))


def is_silent(window: Any) -> bool:
    """Whether what is measured is 0 before it begins."""
    return isinstance(window, str) and window == SILENT


def _baseline(times: Float[np.ndarray, " time"], window: Any) -> np.ndarray:
    """Which times are the baseline."""
    if window is not None:
        try:
            window = from_to(window, "baseline_ms")
        except AnalysisError as error:
            raise AnalysisError(f"{error}; or 'silent'") from None
    base = times < -slack(times) if window is None else within(times, window)
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
    courses: Any,
    times_ms: Any,
    window: Any = None,
    *,
    what: str = "courses",
    name: str = "times_ms",
) -> Timed:
    """``(..., time)`` and its times, finite and ascending."""
    x = timed(courses, times_ms, steps=is_silent(window), what=what, name=name)
    values = x.values
    if is_silent(window):
        unheard = np.isnan(values) & (np.cumsum(~np.isnan(values), -1) == 0)
        values = np.where(unheard, 0.0, values)
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).any(-1).sum())
        raise AnalysisError(
            f"{bad} {what} hold NaN or infinite values; leave those units out (a cell without "
            "trials has no course)"
        )
    return x._replace(values=values)


def members_of(
    courses: Any,
    times_ms: Any,
    window: Any = None,
    *,
    what: str = "courses",
    name: str = "times_ms",
) -> Timed:
    """``(member, time)`` and its times, checked."""
    x = checked_courses(courses, times_ms, window, what=what, name=name)
    if x.values.ndim != 2 or len(x.values) < 2:
        raise AnalysisError(
            f"{what} have shape {x.values.shape}; (member, time) with at least two members is "
            "needed to resample them"
        )
    return x


MOST_BINS = 100_000
"""Consecutive times that a criterion can ask for: more than any recording has."""


def check_criterion(method: str, k: float, bins: Any) -> None:
    """AnalysisError for unknown latencies, limits below 0, and fewer than one bin."""
    if method not in LATENCIES:
        raise AnalysisError(f"there is no latency {method!r}; choose from {', '.join(LATENCIES)}")
    real = isinstance(k, (int, float, np.number)) and not isinstance(k, (bool, complex))
    sound = real and 0 <= k < np.inf
    if not sound or not 1 <= whole_number(bins, "bins") <= MOST_BINS:
        raise AnalysisError(
            f"k={k!r} and bins={bins}: give a k of at least 0, and from one bin to {MOST_BINS:,}"
        )
