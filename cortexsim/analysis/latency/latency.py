"""When a response begins: latencies of time courses with intervals, and differences of areas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.latency.baseline import (
    Courses,
    Window,
    check_criterion,
    members_with_baseline,
    with_baseline,
)
from cortexsim.analysis.latency.onsets import LATENCIES
from cortexsim.analysis.statistics.draws import attributes, group_counts
from cortexsim.analysis.statistics.intervals import INTERVALS, censored_interval
from cortexsim.analysis.statistics.resampled_p import resampled_p
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.settled import settled
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray


def latencies(
    courses: Any,
    times_ms: Any,
    method: str = "onset",
    *,
    baseline_ms: Window | None = None,
    k: float = 3.0,
    bins: int = 3,
) -> np.ndarray:
    """The latency of each time course.

        onset = min t: x(t), ..., x(t + bins - 1) > mean(baseline) + k sd(baseline)

    A course with a flat baseline responds where it first exceeds it. The onset of a gradual
    response comes the later the noisier its baseline is: compare areas whose noise differs by
    ``half_maximum``.

    Parameters
    ----------
    courses : array of shape (..., time)
        Responses, in any unit.
    times_ms : array of shape (time,)
        Ascending.
    method : {"onset", "half_maximum", "peak"}
        Which latency.
    baseline_ms : (float, float) or "silent", optional
        First and last time of the baseline, by default all times before 0; ``"silent"`` for what
        is 0 before it begins, such as a state of a network: NaN at its first times counts as 0,
        as does all before the first.
    k : float
        Standard deviations of the baseline.
    bins : int
        Consecutive times that must exceed the limit (chance crossings of a single bin are
        common); ``half_maximum`` averages its peak over as many.

    Returns
    -------
    array of shape (...)
        In ms; NaN where there is no response.

    Raises
    ------
    AnalysisError
        For a baseline of fewer than 5 times, NaN in the courses, and times that do not ascend.

    Examples
    --------
    >>> times = np.arange(-50, 150, 10)
    >>> course = np.where(times >= 60, 5.0, 0.0) + np.tile([0.1, -0.1], 10)
    >>> float(latencies(course, times))
    60.0
    >>> silent = {"baseline_ms": "silent", "bins": 1}
    >>> float(latencies([np.nan, np.nan, 2.0, 4.0], [1, 2, 3, 4], "half_maximum", **silent))
    3.0
    """
    x = with_baseline(courses, times_ms, baseline_ms)
    check_criterion(method, k, bins)
    return LATENCIES[method](*x, k=k, bins=bins)


def population_latency(
    courses: Any,
    times_ms: Any,
    method: str = "onset",
    *,
    baseline_ms: Window | None = None,
    k: float = 3.0,
    bins: int = 3,
    interval: str = "bootstrap",
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """The latency of the mean over members, with its interval over members, and that of each.

    Resamples are held against the standard deviation of the whole sample's baseline, since their
    own holds the noise twice. Resamples without a response are not dropped but counted as later
    than every time: an interval that reaches them ends in NaN ("not before the last time").

    Parameters
    ----------
    courses : array of shape (member, time)
        Members are units, subjects or images.
    times_ms : array of shape (time,)
        Ascending, in ms.
    method : {"onset", "half_maximum", "peak"}
        As in ``latencies``.
    baseline_ms : (float, float) or "silent", optional
        First and last time of the baseline, as in ``latencies``.
    k : float
        Standard deviations of the baseline, as in ``latencies``.
    bins : int
        Consecutive times, as in ``latencies``.
    interval : {"bootstrap", "jackknife"}
        ``jackknife``: ``latency +- t sqrt((m - 1)/m sum (latency without member i - their
        mean)^2)``, t of m - 1 degrees of freedom; NaN where a latency without one member is. For a
        half maximum of 12 (30) members it held the truth in 84 % (87 %) of 150 simulations at a
        nominal 95 %, the bootstrap in 90 % (92 %).
    inference : Inference
        ``n``: resamples of members, 1000 (not used by the jackknife); ``confidence``; ``rng``.

    Returns
    -------
    Dataset
        latency_ms, interval (bound), each (member), undefined (share of resamples without a
        response).

    Raises
    ------
    AnalysisError
        As ``latencies``, and for fewer than two members.

    References
    ----------
    Efron & Tibshirani 1993, bias-corrected percentile interval; Miller, Patterson & Ulrich 1998,
    jackknife of latencies.

    Examples
    --------
    >>> times = np.arange(-100.0, 200, 10)
    >>> noisy = np.random.default_rng(0).normal(size=(40, 30)) + 3 * (times > 75)
    >>> result = population_latency(noisy, times)
    >>> float(result.latency_ms), result.interval.values.tolist()
    (80.0, [80.0, 80.0])
    """
    import xarray

    if interval not in INTERVALS:
        raise AnalysisError(
            f"there is no interval {interval!r}; choose from {', '.join(INTERVALS)}"
        )
    x = members_with_baseline(courses, times_ms, baseline_ms)
    check_criterion(method, k, bins)
    asked = settled(inference, "population_latency", n=1000)
    members = len(x.values)
    if interval == "jackknife":
        counts = (1 - np.eye(members)) * members / (members - 1)
    else:
        counts = group_counts(members, asked.n, asked.rng)
    point, draws = _resampled(x, counts, method, k=k, bins=bins)
    return xarray.Dataset(
        {
            "latency_ms": point,
            "interval": ("bound", INTERVALS[interval](draws, asked.confidence, point)),
            "each": ("member", LATENCIES[method](*x, k=k, bins=bins)),
            "undefined": float(np.isnan(draws).mean()),
        },
        {"bound": ["lower", "upper"]},
        attributes(
            inference.rng,
            analysis="population_latency",
            method=method,
            k=k,
            bins=bins,
            interval=interval,
            n=len(draws),
            members=members,
            confidence=asked.confidence,
        ),
    )


def latency_difference(
    first: Any,
    second: Any,
    times_ms: Any,
    *,
    method: str = "onset",
    second_times_ms: Any = None,
    paired: bool = False,
    baseline_ms: Window | None = None,
    k: float = 3.0,
    bins: int = 3,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """How much later the second area responds than the first, with interval and p-value.

        difference = latency(mean of second) - latency(mean of first)

    Members are drawn with replacement in each area on its own, or together if ``paired``.

    Parameters
    ----------
    first : array of shape (member, time)
        Units or subjects of the first area.
    second : array of shape (member, time)
        Of the second area.
    times_ms : array of shape (time,)
        Of both areas, or of the first; in ms.
    method : {"onset", "half_maximum", "peak"}
        As in ``latencies``.
    second_times_ms : array of shape (time,), optional
        Of the second area, in ms; default ``times_ms``.
    paired : bool
        Members are the same subjects in the same order.
    baseline_ms : (float, float) or "silent", optional
        First and last time of the baseline, as in ``latencies``.
    k : float
        Standard deviations of the baseline, as in ``latencies``.
    bins : int
        Consecutive times, as in ``latencies``.
    inference : Inference
        ``n``: resamples of members, 1000; ``confidence``; ``rng``.

    Returns
    -------
    Dataset
        difference_ms, interval (bound), p (two-sided: twice the smaller share of resamples at or
        beyond zero, at least 2/(n + 1)), latency_ms (area), undefined. A difference is NaN where
        either area has no response.

    Raises
    ------
    AnalysisError
        As ``latencies``, and for paired members of different number.

    Examples
    --------
    >>> times = np.arange(-100.0, 200, 10)
    >>> rng = np.random.default_rng(0)
    >>> v1, it = (rng.normal(size=(40, 30)) + 3 * (times > t) for t in (45, 95))
    >>> result = latency_difference(v1, it, times)
    >>> float(result.difference_ms), result.interval.values.tolist(), float(result.p) < 0.01
    (50.0, [50.0, 50.0], True)
    """
    import xarray

    second_times = times_ms if second_times_ms is None else second_times_ms
    sides = [
        members_with_baseline(courses, times, baseline_ms)
        for courses, times in ((first, times_ms), (second, second_times))
    ]
    check_criterion(method, k, bins)
    asked = settled(inference, "latency_difference", n=1000)
    members = [len(side.values) for side in sides]
    if paired and members[0] != members[1]:
        raise AnalysisError(
            f"paired members need as many in each area; found {members[0]} and {members[1]}. Give "
            "paired=False for different units"
        )
    counts = [group_counts(members[0], asked.n, asked.rng)]
    counts.append(counts[0] if paired else group_counts(members[1], asked.n, asked.rng))
    points, draws = zip(
        *(_resampled(x, c, method, k=k, bins=bins) for x, c in zip(sides, counts)), strict=True
    )
    differences = draws[1] - draws[0]
    return xarray.Dataset(
        {
            "difference_ms": points[1] - points[0],
            "interval": ("bound", censored_interval(differences, asked.confidence, both=True)),
            "p": resampled_p(differences),
            "latency_ms": ("area", list(points)),
            "undefined": float(np.isnan(differences).mean()),
        },
        {"bound": ["lower", "upper"], "area": ["first", "second"]},
        attributes(
            inference.rng,
            analysis="latency_difference",
            method=method,
            k=k,
            bins=bins,
            n=asked.n,
            confidence=asked.confidence,
            paired=int(paired),
            members=f"{members[0]}, {members[1]}",
        ),
    )


def _resampled(
    x: Courses, counts: Float[np.ndarray, "resample member"], method: str, *, k: float, bins: int
) -> tuple[float, np.ndarray]:
    """The latency of the mean, and of each resampled mean, held against the same spread."""
    mean = x.values.mean(0)
    find, spread = LATENCIES[method], mean[x.base].std(ddof=1)
    point = float(find(mean, x.times, x.base, k=k, bins=bins))
    means = counts @ x.values / len(x.values)
    return point, find(means, x.times, x.base, k=k, bins=bins, spread=spread)
