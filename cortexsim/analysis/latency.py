"""When a response begins: latencies of time courses with intervals, differences between areas, onset of significance over subjects."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.clusters import cluster_test, sign_flips
from cortexsim.analysis.inputs import generator_of, whole_number
from cortexsim.errors import AnalysisError
from cortexsim.provenance import provenance

if TYPE_CHECKING:
    import xarray

Window = tuple[float, float]
TESTS = ("max", "cluster")
LEAST_BASELINE = 5  # bins; the standard deviation of fewer means little


def onset(courses: np.ndarray, times: np.ndarray, base: np.ndarray, *, k: float, bins: int) -> np.ndarray:
    """The first of ``bins`` consecutive times after the baseline above its mean by ``k`` of its standard deviations."""
    quiet = courses[..., base]
    limit = quiet.mean(-1) + k * quiet.std(-1, ddof=1)
    return _first_run((courses > limit[..., None]) & _after(times, base), times, bins)


def half_maximum(courses: np.ndarray, times: np.ndarray, base: np.ndarray, *, k: float, bins: int) -> np.ndarray:
    """The first time halfway from the mean of the baseline to the peak, interpolated; NaN where ``onset`` finds no response."""
    level = courses[..., base].mean(-1)
    later = _after(times, base)
    peak = np.where(later, courses, -np.inf).max(-1)
    half = ((level + peak) / 2)[..., None]
    above = (courses >= half) & later
    at = np.argmax(above, -1)
    before = np.maximum(at - 1, 0)
    y1, y0 = (np.take_along_axis(courses, i[..., None], -1)[..., 0] for i in (at, before))
    rise = np.where(y1 > y0, y1 - y0, 1.0)
    part = np.where((y0 < half[..., 0]) & (y1 > y0), (half[..., 0] - y0) / rise, 1.0)
    found = times[before] + part * (times[at] - times[before])
    return np.where(np.isnan(onset(courses, times, base, k=k, bins=bins)), np.nan, found)


def peak(courses: np.ndarray, times: np.ndarray, base: np.ndarray, *, k: float, bins: int) -> np.ndarray:
    """The time of the largest value after the baseline; NaN where ``onset`` finds no response."""
    found = times[np.argmax(np.where(_after(times, base), courses, -np.inf), -1)]
    return np.where(np.isnan(onset(courses, times, base, k=k, bins=bins)), np.nan, found)


LATENCIES: dict[str, Callable[..., np.ndarray]] = {"onset": onset, "half_maximum": half_maximum, "peak": peak}


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

    courses: ``(..., time)``. times_ms: ``(time,)``, ascending. baseline_ms: first and last time of the baseline, by default all times before 0.
    bins: consecutive times that must exceed the limit (chance crossings of a single bin are common).

    Raises AnalysisError for a baseline of fewer than 5 times, NaN in the courses, and times that do not ascend.

    >>> times = np.arange(-50, 150, 10)
    >>> course = np.where(times >= 60, 5.0, 0.0) + np.tile([0.1, -0.1], 10)
    >>> float(latencies(course, times))
    60.0
    """
    x, times = _courses(courses, times_ms)
    base = _baseline(times, baseline_ms)
    _settings(method, k, bins)
    return LATENCIES[method](x, times, base, k=k, bins=bins)


def population_latency(
    courses: Any, times_ms: Any, method: str = "onset", *, baseline_ms: Window | None = None, k: float = 3.0, bins: int = 3,
    n: int = 1000, rng: int | np.random.Generator = 0, confidence: float = 0.95,
) -> xarray.Dataset:  # fmt: skip
    """The latency of the mean over members (units, subjects), with its bootstrap interval over members, and that of each member.

    courses: ``(member, time)``. n, rng: resamples of members; seed or generator. The rest as in ``latencies``. Resamples without a response are not
    dropped but counted as later than every time: an interval that reaches them ends in NaN ("not before the last time").

    Returns a Dataset: latency_ms, interval (bound), each (member), undefined (share of resamples without a response).
    Source: Efron & Tibshirani 1993, percentile interval.

    >>> times = np.arange(-100.0, 200, 10)
    >>> noisy = np.random.default_rng(0).normal(size=(40, 30)) + 3 * (times > 75)
    >>> found = population_latency(noisy, times)
    >>> float(found.latency_ms), found.interval.values.tolist()
    (80.0, [80.0, 80.0])
    """
    import xarray

    x, times = _members(courses, times_ms)
    base = _baseline(times, baseline_ms)
    _settings(method, k, bins)
    find = LATENCIES[method]
    counts = _counts(len(x), n, generator_of(rng))
    drawn = find(counts @ x / len(x), times, base, k=k, bins=bins)
    return xarray.Dataset(
        {
            "latency_ms": float(find(x.mean(0), times, base, k=k, bins=bins)),
            "interval": ("bound", _interval(drawn, confidence)),
            "each": ("member", find(x, times, base, k=k, bins=bins)),
            "undefined": float(np.isnan(drawn).mean()),
        },
        {"bound": ["lower", "upper"]},
        _attributes(rng, method=method, k=k, bins=bins, n=n, members=len(x), confidence=confidence),
    )


def latency_difference(
    first: Any, second: Any, times_ms: Any, method: str = "onset", *, second_times_ms: Any = None, paired: bool = False,
    baseline_ms: Window | None = None, k: float = 3.0, bins: int = 3, n: int = 1000, rng: int | np.random.Generator = 0, confidence: float = 0.95,
) -> xarray.Dataset:  # fmt: skip
    """How much later the second area responds than the first, in ms, with a bootstrap interval and a two-sided p-value.

    ``latency(mean of second) - latency(mean of first)``, members drawn with replacement in each area on its own, or together if ``paired``.

    first, second: ``(member, time)``, units or subjects. times_ms, second_times_ms: of each (the same unless given). paired: members are the same
    subjects in the same order. The rest as in ``latencies``.

    Returns a Dataset: difference_ms, interval (bound), p (twice the smaller share of resamples at or beyond zero, at least 1/(n + 1)), latency_ms (area),
    undefined. A difference is NaN where either area has no response.

    >>> times = np.arange(-100.0, 200, 10)
    >>> rng = np.random.default_rng(0)
    >>> v1, it = (rng.normal(size=(40, 30)) + 3 * (times > t) for t in (45, 95))
    >>> found = latency_difference(v1, it, times)
    >>> float(found.difference_ms), found.interval.values.tolist(), float(found.p) < 0.01
    (50.0, [50.0, 50.0], True)
    """
    import xarray

    sides = [_members(first, times_ms), _members(second, times_ms if second_times_ms is None else second_times_ms)]
    _settings(method, k, bins)
    if paired and len(sides[0][0]) != len(sides[1][0]):
        raise AnalysisError(
            f"paired members need as many in each area; found {len(sides[0][0])} and {len(sides[1][0])}. Give paired=False for different units"
        )
    generator = generator_of(rng)
    counts = [_counts(len(sides[0][0]), n, generator)]
    counts.append(counts[0] if paired else _counts(len(sides[1][0]), n, generator))
    points, draws = [], []
    for (x, times), c in zip(sides, counts):
        base = _baseline(times, baseline_ms)
        points.append(float(LATENCIES[method](x.mean(0), times, base, k=k, bins=bins)))
        draws.append(LATENCIES[method](c @ x / len(x), times, base, k=k, bins=bins))
    drawn = draws[1] - draws[0]
    beyond = min(
        (~(drawn > 0)).sum(), (~(drawn < 0)).sum()
    )  # without a response in either area: no evidence for any order
    return xarray.Dataset(
        {
            "difference_ms": points[1] - points[0],
            "interval": ("bound", _interval(drawn, confidence, both=True)),
            "p": min(1.0, 2 * (1 + beyond) / (1 + n)),
            "latency_ms": ("area", points),
            "undefined": float(np.isnan(drawn).mean()),
        },
        {"bound": ["lower", "upper"], "area": ["first", "second"]},
        _attributes(
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


def significance_onset(
    effects: Any, times_ms: Any, *, chance: float = 0.0, test: str = "max", threshold: float = 0.05, cluster_threshold: float = 0.05,
    after_ms: float = 0.0, bins: int = 1, n: int = 1000, rng: int | np.random.Generator = 0, confidence: float = 0.95,
) -> xarray.Dataset:  # fmt: skip
    """When an effect first differs from chance over subjects: one-sided sign-flip test over the whole time axis, and the onset's interval.

    The statistic is t over subjects; the null flips the sign of whole subjects. ``max``: a time is significant if its t exceeds the 1 - threshold
    quantile of the maximum over times (strong control: the onset itself is a significant time). ``cluster``: clusters of t above
    ``cluster_threshold`` (uncorrected) against the largest cluster of each flip; more sensitive, but a cluster's edge is not a claim about that
    time (Sassenhagen & Draschkow 2019).

    effects: ``(subject, time)``, decoding accuracy with ``chance`` its level, or a similarity with 0. after_ms: the onset is sought from here on.
    bins: consecutive significant times that an onset needs. n: sign flips, and bootstrap resamples of subjects for the interval.

    Returns a Dataset: t (time_ms), p (time_ms; corrected), significant, onset_ms (NaN: none), interval (bound; its upper end NaN if
    more resamples than that have none), undefined. Raises AnalysisError for fewer than 5 subjects, who cannot reach p < 0.05.

    >>> times = np.arange(-100.0, 300, 20)
    >>> found = significance_onset(np.random.default_rng(0).normal(size=(16, 20)) + 3 * (times >= 80), times)
    >>> float(found.onset_ms)
    80.0
    """
    import xarray

    x, times = _members(effects, times_ms)
    generator = generator_of(rng)
    if len(x) < 5:
        raise AnalysisError(
            f"{len(x)} subjects have {2 ** len(x)} sign flips, which cannot reach p < 0.05; 5 subjects are the least"
        )
    if test not in TESTS:
        raise AnalysisError(f"there is no test {test!r}; choose from {', '.join(TESTS)}")
    if whole_number(n, "n") < 20:
        raise AnalysisError(f"n={n} flips cannot give a p-value below 0.05; take at least 20, better 1000")
    sound = (
        np.ptp(x, axis=0) > 0
    )  # times at which all subjects are equal (before the baseline's end, say) carry no test
    t, null = sign_flips(np.where(sound, x - chance, 0.0), n, generator)
    t, null = np.where(sound, t, 0.0), np.where(sound, null, 0.0)
    critical = 0.0
    if test == "max":
        largest = null.max(1)
        p = (1 + (largest[:, None] >= t * (1 - 1e-12)).sum(0)) / (1 + len(null))
        critical = float(np.quantile(largest, 1 - threshold, method="higher"))
    else:
        from scipy import stats

        critical = float(stats.t.ppf(1 - cluster_threshold, len(x) - 1))
        found = cluster_test(t, null, critical)
        p = np.nan_to_num(found.p_map(), nan=1.0)
    significant = p <= threshold
    late = times >= after_ms
    drawn = np.full(n, np.nan)
    for b, row in enumerate(generator.integers(len(x), size=(n, len(x)))):
        part = x[row] - chance
        spread = part.std(0, ddof=1) / np.sqrt(len(x))
        again = np.divide(part.mean(0), spread, out=np.zeros(len(times)), where=spread > 0)
        drawn[b] = _first_run((again > critical) & late, times, bins)
    return xarray.Dataset(
        {
            "t": ("time_ms", t),
            "p": ("time_ms", p),
            "significant": ("time_ms", significant),
            "onset_ms": float(_first_run(significant & late, times, bins)),
            "interval": ("bound", _interval(drawn, confidence)),
            "undefined": float(np.isnan(drawn).mean()),
        },
        {"time_ms": ("time_ms", times, {"units": "ms"}), "bound": ["lower", "upper"]},
        _attributes(
            rng,
            test=test,
            chance=chance,
            threshold=threshold,
            critical_t=critical,
            n=n,
            subjects=len(x),
            bins=bins,
            confidence=confidence,
        ),
    )


def _first_run(above: np.ndarray, times: np.ndarray, bins: int) -> np.ndarray:
    """The first time from which ``bins`` consecutive times are above; NaN if there is none."""
    count = above.shape[-1] - bins + 1
    if count < 1:
        return np.full(above.shape[:-1], np.nan)
    run = np.stack([above[..., i : i + count] for i in range(bins)]).all(0)
    return np.where(run.any(-1), times[np.argmax(run, -1)], np.nan)


def _after(times: np.ndarray, base: np.ndarray) -> np.ndarray:
    return times > times[base].max()


def _baseline(times: np.ndarray, window: Window | None) -> np.ndarray:
    base = times < 0 if window is None else (times >= window[0]) & (times <= window[1])
    if base.sum() < LEAST_BASELINE:
        raise AnalysisError(
            f"the baseline, {'times before 0' if window is None else f'{window[0]:g} to {window[1]:g}'} ms, holds {int(base.sum())} of {len(times)} times "
            f"({times[0]:g} to {times[-1]:g} ms); {LEAST_BASELINE} are needed to know its standard deviation"
        )
    if not _after(times, base).any():
        raise AnalysisError(f"no time is later than the baseline, which ends at {times[base].max():g} ms")
    return base


def _courses(courses: Any, times_ms: Any) -> tuple[np.ndarray, np.ndarray]:
    x, times = np.asarray(courses, dtype=np.float64), np.asarray(times_ms, dtype=np.float64)
    if times.ndim != 1 or x.ndim < 1 or x.shape[-1] != len(times) or not len(times):
        raise AnalysisError(
            f"courses have shape {x.shape} and times_ms {times.shape}; the last axis of the courses is time"
        )
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise AnalysisError("times_ms must ascend, without NaN")
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(-1).sum())
        raise AnalysisError(
            f"{bad} courses hold NaN or infinite values; leave those units out (a cell without trials has no course)"
        )
    return x, times


def _members(courses: Any, times_ms: Any) -> tuple[np.ndarray, np.ndarray]:
    x, times = _courses(courses, times_ms)
    if x.ndim != 2 or len(x) < 2:
        raise AnalysisError(
            f"courses have shape {x.shape}; (member, time) with at least two members is needed to resample them"
        )
    return x, times


def _settings(method: str, k: float, bins: Any) -> None:
    if method not in LATENCIES:
        raise AnalysisError(f"there is no latency {method!r}; choose from {', '.join(LATENCIES)}")
    if whole_number(bins, "bins") < 1 or not k >= 0:
        raise AnalysisError(f"k={k} and bins={bins}: give a k of at least 0 and at least one bin")


def _counts(members: int, n: Any, rng: np.random.Generator) -> np.ndarray:
    if whole_number(n, "n") < 20:
        raise AnalysisError(f"n={n} resamples tell nothing about an interval; take at least 20, better 1000")
    return rng.multinomial(members, np.full(members, 1 / members), size=n).astype(np.float64)


def _interval(drawn: np.ndarray, confidence: float, *, both: bool = False) -> np.ndarray:
    """Percentiles; resamples without a latency stand beyond the last time (``both``: of a difference, beyond either end)."""
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    low = np.quantile(np.where(np.isnan(drawn), -np.inf if both else np.inf, drawn), tails[0], method="lower")
    high = np.quantile(np.where(np.isnan(drawn), np.inf, drawn), tails[1], method="higher")
    found = np.array([low, high])
    return np.where(np.isfinite(found), found, np.nan)


def _attributes(rng: Any, **settings: Any) -> dict[str, Any]:
    seed = "a generator of the caller" if isinstance(rng, np.random.Generator) else int(rng)
    return {**settings, "seed": seed, "provenance": json.dumps(provenance("scipy", "xarray"))}
