"""How much later one area responds than another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.latency.baseline import (
    Window,
    based,
    check_criterion,
    is_silent,
    members_of,
)
from cortexsim.analysis.latency.resampled import resampled
from cortexsim.analysis.latency.timed import same_members
from cortexsim.analysis.statistics.draws import attributes, group_counts
from cortexsim.analysis.statistics.intervals import censored_interval, with_point
from cortexsim.analysis.statistics.resampled_p import resampled_p
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.settled import settled
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray


@clear_errors
def latency_difference(
    first: Any,
    second: Any,
    times_ms: Any = None,
    *,
    method: str = "half_maximum",
    second_times_ms: Any = None,
    paired: bool = False,
    baseline_ms: Window | None = None,
    k: float = 3.0,
    bins: int = 3,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """How much later the second area responds than the first, with interval and p-value.

        difference = latency(mean of second) - latency(mean of first)

    Members are drawn with replacement in each area on its own, or together if ``paired``. A time
    is known to half a bin (or smoothing window) and half a gap between times at best; both areas'
    are within the interval and the test, as in ``fit_time_axis``:

        resolution = (bin_1 + gap_1) / 2 + (bin_2 + gap_2) / 2
        p = 2 min(P(draw <= resolution), P(draw >= -resolution))

    ``onset`` compares areas of equal noise only: where the noise of one was 2.6 times that of the
    other, 13 to 27 % of simulations without a difference found one at p < 0.05; with
    ``half_maximum`` 2 to 4 % where the members' own latencies spread by 40 ms (bins of 2 ms), none
    where they spread by 10 ms: the test is cautious by the resolution, on purpose, for a difference
    within it is none that the data show. At a nominal 95 % the interval held a planted difference
    in 96 to 99 %, and a difference of 40 ms was found in 97 % of simulations
    (tests/analysis/latency/test_latency_coverage.py).

    Parameters
    ----------
    first : array_like of shape (member, time), DataArray or DataFrame
        Units or subjects of the first area; as in ``latencies``. The attribute ``bin_ms`` of its
        times says how wide bins that overlap are, or the window that smoothed them; by default
        the gap between two times. Of what is ``"silent"`` before it begins a time is exact.
    second : array_like of shape (member, time), DataArray or DataFrame
        Of the second area.
    times_ms : array_like of shape (time,), optional
        Of both areas, or of the first; in ms, as in ``latencies``.
    method : {"onset", "half_maximum", "peak"}
        As in ``latencies``.
    second_times_ms : array of shape (time,), optional
        Of the second area, in ms; default ``times_ms``.
    paired : bool
        Members are the same subjects: joined by their ids where both have them (the index of
        their dimension), else in the same order.
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
        difference_ms, interval (bound), p (two-sided: twice the smaller share of resamples that
        the resolution cannot tell from zero or that lie beyond, at least 2/(n + 1)), latency_ms
        (area), undefined, resolution_ms. All but the last three are NaN where either area has
        no latency.

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
    >>> float(result.difference_ms), result.interval.values.round().tolist(), float(result.p) < 0.01
    (50.0, [29.0, 72.0], True)
    """
    import xarray

    second_name = "times_ms" if second_times_ms is None else "second_times_ms"
    second_times = times_ms if second_times_ms is None else second_times_ms
    areas = [
        members_of(courses, times, baseline_ms, name=name)
        for courses, times, name in (
            (first, times_ms, "times_ms"),
            (second, second_times, second_name),
        )
    ]
    if areas[0].axis != areas[1].axis:
        raise AnalysisError(
            "the first courses are by time in ms and the second by step, or the other way round; "
            "give both in ms: cortexsim.TimeAxis(...).time_ms(steps)"
        )
    if paired and (order := same_members(*areas)) is not None:
        areas[1] = areas[1]._replace(values=areas[1].values[order])
    sides = [based(area, baseline_ms) for area in areas]
    check_criterion(method, k, bins)
    asked = settled(inference, "latency_difference", n=1000)
    members = [len(side.values) for side in sides]
    counts = [group_counts(members[0], asked.n, asked.rng)]
    counts.append(counts[0] if paired else group_counts(members[1], asked.n, asked.rng))
    first_latency, second_latency = (
        resampled(x, c, method, k=k, bins=bins) for x, c in zip(sides, counts, strict=True)
    )
    difference = second_latency.point - first_latency.point
    draws = second_latency.draws - first_latency.draws
    resolution = 0.0 if is_silent(baseline_ms) else sum(area.blur_ms for area in areas)
    interval, p = np.full(2, np.nan), np.nan
    if np.isfinite(difference):
        members_alone = censored_interval(draws, asked.confidence, both=True)
        interval = with_point(members_alone + resolution * np.array([-1.0, 1.0]), difference)
        p = resampled_p(draws, within=resolution)
    return xarray.Dataset(
        {
            "difference_ms": difference,
            "interval": ("bound", interval),
            "p": p,
            "latency_ms": ("area", [first_latency.point, second_latency.point]),
            "undefined": float(np.isnan(draws).mean()),
            "resolution_ms": resolution,
        },
        {"bound": ["lower", "upper"], "area": ["first", "second"]},
        attributes(
            inference.rng,
            analysis="latency_difference",
            axis=areas[0].axis,
            method=method,
            k=k,
            bins=bins,
            n=asked.n,
            confidence=asked.confidence,
            paired=int(paired),
            members=f"{members[0]}, {members[1]}",
        ),
    )
