"""When a response begins: latencies of time courses with intervals, and differences between areas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.latency.onsets import LATENCIES, after
from cortexsim.analysis.statistics.draws import (
    attributes,
    generator_of,
    group_counts,
    share,
    whole_number,
)
from cortexsim.analysis.statistics.intervals import INTERVALS, percentiles
from cortexsim.errors import AnalysisError
from cortexsim.pairs import numbers

if TYPE_CHECKING:
    import xarray

Window = tuple[float, float] | str
LEAST_BASELINE = 5  # bins; the standard deviation of fewer means little
SILENT = "silent"


def latencies(
    courses: Any,
    times_ms: Any,
    method: str = "onset",
    *,
    baseline_ms: Window | None = None,
    k: float = 3.0,
    bins: int = 3,
) -> np.ndarray:
    """The latency of each time course, in ms: ``onset``, ``half_maximum`` or ``peak``; NaN where there is no response.

    ``onset = min t: x(t), ..., x(t + bins - 1) > mean(baseline) + k sd(baseline)``. A course with a flat baseline responds where it first exceeds it.

    courses: ``(..., time)``. times_ms: ``(time,)``, ascending. baseline_ms: first and last time of the baseline, by default all times before 0;
        ``"silent"`` for what is 0 before it begins, such as a state of a network: NaN at its first times counts as 0, as does all before the first.
    bins: consecutive times that must exceed the limit (chance crossings of a single bin are common); ``half_maximum`` averages its peak over as many.

    The onset of a gradual response comes the later the noisier its baseline is: compare areas whose noise differs by ``half_maximum``.
    Raises AnalysisError for a baseline of fewer than 5 times, NaN in the courses, and times that do not ascend.

    >>> times = np.arange(-50, 150, 10)
    >>> course = np.where(times >= 60, 5.0, 0.0) + np.tile([0.1, -0.1], 10)
    >>> float(latencies(course, times))
    60.0
    >>> float(latencies([np.nan, np.nan, 2.0, 4.0], [1, 2, 3, 4], "half_maximum", baseline_ms="silent", bins=1))
    3.0
    """
    x, times, base = _before(*_courses(courses, times_ms, baseline_ms), baseline_ms)
    _settings(method, k, bins)
    return LATENCIES[method](x, times, base, k=k, bins=bins)


def population_latency(
    courses: Any, times_ms: Any, method: str = "onset", *, baseline_ms: Window | None = None, k: float = 3.0, bins: int = 3,
    interval: str = "bootstrap", n: int = 1000, rng: int | np.random.Generator = 0, confidence: float = 0.95,
) -> xarray.Dataset:  # fmt: skip
    """The latency of the mean over members (units, subjects, images), with its interval over members, and that of each member.

    courses: ``(member, time)``. n, rng: resamples of members; seed or generator. The rest as in ``latencies``. Resamples are held against the
    standard deviation of the whole sample's baseline, since their own holds the noise twice. Resamples without a response are not dropped but
    counted as later than every time: an interval that reaches them ends in NaN ("not before the last time").
    interval: ``bootstrap``, or ``jackknife``: ``latency +- t sqrt((m - 1)/m sum (latency without member i - their mean)^2)``, t of m - 1 degrees of
        freedom; NaN where a latency without one member is (n and rng are not used). For a half maximum of 12 (30) members it held the truth in 84 %
        (87 %) of 150 simulations at a nominal 95 %, the bootstrap in 90 % (92 %).

    Returns a Dataset: latency_ms, interval (bound), each (member), undefined (share of resamples without a response).
    Sources: Efron & Tibshirani 1993, bias-corrected percentile interval; Miller, Patterson & Ulrich 1998, jackknife of latencies.

    >>> times = np.arange(-100.0, 200, 10)
    >>> noisy = np.random.default_rng(0).normal(size=(40, 30)) + 3 * (times > 75)
    >>> found = population_latency(noisy, times)
    >>> float(found.latency_ms), found.interval.values.tolist()
    (80.0, [80.0, 80.0])
    """
    import xarray

    if interval not in INTERVALS:
        raise AnalysisError(
            f"there is no interval {interval!r}; choose from {', '.join(INTERVALS)}"
        )
    x, times, base = _before(*members_of(courses, times_ms, baseline_ms), baseline_ms)
    _settings(method, k, bins)
    share(confidence, "confidence")
    once = interval == "jackknife"
    counts = (
        (1 - np.eye(len(x))) * len(x) / (len(x) - 1)
        if once
        else group_counts(len(x), n, generator_of(rng))
    )
    point, drawn = _resampled(x, times, base, counts, method, k, bins)
    return xarray.Dataset(
        {
            "latency_ms": point,
            "interval": ("bound", INTERVALS[interval](drawn, confidence, point)),
            "each": ("member", LATENCIES[method](x, times, base, k=k, bins=bins)),
            "undefined": float(np.isnan(drawn).mean()),
        },
        {"bound": ["lower", "upper"]},
        attributes(
            rng,
            method=method,
            k=k,
            bins=bins,
            interval=interval,
            n=len(drawn),
            members=len(x),
            confidence=confidence,
        ),
    )


def latency_difference(
    first: Any, second: Any, times_ms: Any, method: str = "onset", *, second_times_ms: Any = None, paired: bool = False,
    baseline_ms: Window | None = None, k: float = 3.0, bins: int = 3, n: int = 1000, rng: int | np.random.Generator = 0, confidence: float = 0.95,
) -> xarray.Dataset:  # fmt: skip
    """How much later the second area responds than the first, in ms, with a bootstrap interval and a two-sided p-value.

    ``latency(mean of second) - latency(mean of first)``, members drawn with replacement in each area on its own, or together if ``paired``.

    first, second: ``(member, time)``, units or subjects. times_ms, second_times_ms: of each (the same unless given). paired: members are the same
    subjects in the same order. The rest as in ``latencies``.

    Returns a Dataset: difference_ms, interval (bound), p (twice the smaller share of resamples at or beyond zero, at least 2/(n + 1)), latency_ms
    (area), undefined. A difference is NaN where either area has no response.

    >>> times = np.arange(-100.0, 200, 10)
    >>> rng = np.random.default_rng(0)
    >>> v1, it = (rng.normal(size=(40, 30)) + 3 * (times > t) for t in (45, 95))
    >>> found = latency_difference(v1, it, times)
    >>> float(found.difference_ms), found.interval.values.tolist(), float(found.p) < 0.01
    (50.0, [50.0, 50.0], True)
    """
    import xarray

    given = ((first, times_ms), (second, times_ms if second_times_ms is None else second_times_ms))
    sides = [
        _before(*members_of(courses, times, baseline_ms), baseline_ms) for courses, times in given
    ]
    _settings(method, k, bins)
    share(confidence, "confidence")
    if paired and len(sides[0][0]) != len(sides[1][0]):
        raise AnalysisError(
            f"paired members need as many in each area; found {len(sides[0][0])} and {len(sides[1][0])}. Give paired=False for different units"
        )
    generator = generator_of(rng)
    counts = [group_counts(len(sides[0][0]), n, generator)]
    counts.append(counts[0] if paired else group_counts(len(sides[1][0]), n, generator))
    points, draws = [], []
    for (x, times, base), c in zip(sides, counts):
        found = _resampled(x, times, base, c, method, k, bins)
        points.append(found[0])
        draws.append(found[1])
    drawn = draws[1] - draws[0]
    # A resample without a response in either area is no evidence for any order.
    beyond = min((~(drawn > 0)).sum(), (~(drawn < 0)).sum())
    return xarray.Dataset(
        {
            "difference_ms": points[1] - points[0],
            "interval": ("bound", percentiles(drawn, confidence, both=True)),
            "p": min(1.0, 2 * (1 + beyond) / (1 + n)),
            "latency_ms": ("area", points),
            "undefined": float(np.isnan(drawn).mean()),
        },
        {"bound": ["lower", "upper"], "area": ["first", "second"]},
        attributes(
            rng,
            method=method,
            k=k,
            bins=bins,
            n=n,
            confidence=confidence,
            paired=int(paired),
            members=f"{len(sides[0][0])}, {len(sides[1][0])}",
        ),
    )


def _before(
    x: np.ndarray, times: np.ndarray, window: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Courses, times and which of them are the baseline; what is silent before it begins gets one of zeros."""
    if isinstance(window, str) and window == SILENT:
        gap = times[1] - times[0] if len(times) > 1 else 1.0
        times = np.concatenate([times[0] - gap * np.arange(LEAST_BASELINE, 0, -1), times])
        x = np.concatenate([np.zeros((*x.shape[:-1], LEAST_BASELINE)), x], -1)
        return x, times, np.arange(len(times)) < LEAST_BASELINE
    return x, times, _baseline(times, window)


def _baseline(times: np.ndarray, window: Window | None) -> np.ndarray:
    if window is not None:
        try:
            low, high = map(float, window)
            window = (low, high)
        except (TypeError, ValueError):
            raise AnalysisError(
                f"baseline_ms={window!r} is no window; give its first and last time in ms, e.g. (-100, 0), or 'silent'"
            ) from None
    base = times < 0 if window is None else (times >= window[0]) & (times <= window[1])
    if base.sum() < LEAST_BASELINE:
        raise AnalysisError(
            f"the baseline, {'times before 0' if window is None else f'{window[0]:g} to {window[1]:g}'} ms, holds {int(base.sum())} of "
            f"{len(times)} times ({times[0]:g} to {times[-1]:g} ms); {LEAST_BASELINE} are needed to know its standard deviation"
        )
    if not after(times, base).any():
        raise AnalysisError(
            f"no time is later than the baseline, which ends at {times[base].max():g} ms"
        )
    return base


def _courses(courses: Any, times_ms: Any, window: Any = None) -> tuple[np.ndarray, np.ndarray]:
    x, times = (
        numbers(v, what).astype(np.float64)
        for v, what in ((courses, "courses"), (times_ms, "times_ms"))
    )
    if times.ndim != 1 or x.ndim < 1 or not x.size or x.shape[-1] != len(times) or not len(times):
        raise AnalysisError(
            f"courses have shape {x.shape} and times_ms {times.shape}; the last axis of the courses is time"
        )
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise AnalysisError("times_ms must ascend, without NaN")
    if isinstance(window, str) and window == SILENT:
        x = np.where(np.isnan(x) & (np.cumsum(~np.isnan(x), -1) == 0), 0.0, x)
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(-1).sum())
        raise AnalysisError(
            f"{bad} courses hold NaN or infinite values; leave those units out (a cell without trials has no course)"
        )
    return x, times


def members_of(courses: Any, times_ms: Any, window: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """``(member, time)`` and its times, checked."""
    x, times = _courses(courses, times_ms, window)
    if x.ndim != 2 or len(x) < 2:
        raise AnalysisError(
            f"courses have shape {x.shape}; (member, time) with at least two members is needed to resample them"
        )
    return x, times


def _settings(method: str, k: float, bins: Any) -> None:
    if method not in LATENCIES:
        raise AnalysisError(f"there is no latency {method!r}; choose from {', '.join(LATENCIES)}")
    if (
        not isinstance(k, (int, float, np.number))
        or not 0 <= k < np.inf
        or whole_number(bins, "bins") < 1
    ):
        raise AnalysisError(f"k={k!r} and bins={bins}: give a k of at least 0 and at least one bin")


def _resampled(
    x: np.ndarray,
    times: np.ndarray,
    base: np.ndarray,
    counts: np.ndarray,
    method: str,
    k: float,
    bins: int,
) -> tuple[float, np.ndarray]:
    """The latency of the mean over members, and of the mean in each resample, held against the same spread of the baseline."""
    mean = x.mean(0)
    find, spread = LATENCIES[method], mean[base].std(ddof=1)
    return float(find(mean, times, base, k=k, bins=bins)), find(
        counts @ x / len(x), times, base, k=k, bins=bins, spread=spread
    )
