"""When an effect first differs from chance over subjects."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.latency.baseline import members_of
from cortexsim.analysis.latency.onsets import first_run
from cortexsim.analysis.statistics.clusters import cluster_mass, sign_flips
from cortexsim.analysis.statistics.draws import attributes, enough, share, whole_number
from cortexsim.analysis.statistics.intervals import censored_interval
from cortexsim.analysis.statistics.pvalues import monte_carlo_p, null_high
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.settled import settled
from cortexsim.arguments import clear_errors, outside
from cortexsim.errors import AnalysisError
from cortexsim.milliseconds import slack
from cortexsim.plain import precision
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray

# t where all subjects are equal: past rounding errors, so that flips that change nothing tie.
INFINITE = 1e6

TESTS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "max": lambda t, _: t,
    "cluster": cluster_mass,
}


@clear_errors
def significance_onset(
    effects: Any,
    times_ms: Any = None,
    *,
    chance: float = 0.0,
    test: str = "max",
    threshold: float = 0.05,
    cluster_threshold: float = 0.05,
    after_ms: float = 0.0,
    bins: int = 1,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """When an effect first differs from chance over subjects, with the interval of that onset.

    One-sided sign-flip test over the whole time axis: the statistic is t over subjects; the null
    flips the sign of whole subjects.

    Parameters
    ----------
    effects : array_like of shape (subject, time), DataArray or DataFrame
        Decoding accuracy with ``chance`` its level, or a similarity with 0; axes as in
        ``latencies``. The test generalises over subjects alone: of similarities to one model RDM
        it holds the conditions fixed, and an unrelated model may have an onset; see
        ``evaluate`` with ``ClusterTest()``.
    times_ms : array_like of shape (time,), optional
        Ascending, in ms, as in ``latencies``.
    chance : float
        What the effect is without an effect, on the scale of the effects. Effects that differ from
        it by the rounding of their type alone (1/3 in single precision) are at chance.
    test : {"max", "cluster"}
        ``max``: a time is significant if its t exceeds the 1 - threshold quantile of the maximum
        over times (strong control: the onset itself is a significant time). ``cluster``: clusters
        of t above ``cluster_threshold`` (uncorrected) against the largest cluster of each flip;
        more sensitive, but a cluster's edge is not a claim about that time (Sassenhagen & Draschkow
        2019).
    threshold : float
        Significance level of the onset.
    cluster_threshold : float
        Uncorrected significance level of the times that make up a cluster.
    after_ms : float
        The onset is sought from this time on.
    bins : int
        Consecutive significant times that an onset needs.
    inference : Inference
        ``n``: sign flips, and bootstrap resamples of subjects for the interval, 1000, each held
        against the limit of the whole sample. Resampled noise exceeds it more often than noise, so
        that the interval's lower end errs towards ``after_ms``; bins=3 keeps single times from it.
        That a time is known to a bin at best is not in the interval.

    Returns
    -------
    Dataset
        t (time_ms; infinite where all subjects are equal and not at chance), p (time_ms;
        corrected), significant, onset_ms (NaN: none), interval (bound; its upper end NaN if more
        resamples than that have none), undefined.

    Raises
    ------
    AnalysisError
        For fewer than 5 subjects, who cannot reach p < 0.05, and for shares with a chance in per
        cent, or the other way round.

    Warns
    -----
    UserWarning
        Where all subjects differ from chance at all times before stimulus onset.

    Examples
    --------
    >>> times = np.arange(-100.0, 300, 20)
    >>> effects = np.random.default_rng(0).normal(size=(16, 20)) + 3 * (times >= 80)
    >>> float(significance_onset(effects, times).onset_ms)
    80.0
    """
    import xarray
    from scipy import stats

    sample = members_of(effects, times_ms)
    x, times = sample.values, sample.times
    asked = settled(inference, "significance_onset", n=1000)
    limits = {
        "threshold": threshold,
        "cluster_threshold": cluster_threshold,
        "confidence": asked.confidence,
    }
    _check(test, len(x), bins, n=asked.n, limits=limits, numbers=(chance, after_ms))
    _check_scale(x, float(chance))
    x = above_chance(x, chance, max(sample.precision, precision(chance)))
    _check_baseline(x[:, times < -slack(times)], float(chance))
    above = float(stats.t.ppf(1 - cluster_threshold, len(x) - 1)) if test == "cluster" else 0.0
    t, null = _flipped(x, asked.n, asked.rng)
    statistic, largest = TESTS[test](t, above), TESTS[test](null, above).max(1)
    p = monte_carlo_p(statistic, np.broadcast_to(largest[:, None], (len(largest), len(t))))
    critical = float(null_high(largest, 1 - threshold))
    late = times >= after_ms - slack(times)
    draws = []
    for row in asked.rng.integers(len(x), size=(asked.n, len(x))):
        exceeds = TESTS[test](_t(x[row], x), above) > critical
        draws.append(first_run(exceeds & late, times, bins))
    onsets = np.array(draws)
    equal = (np.ptp(x, axis=0) == 0) & (x[0] != 0)
    return xarray.Dataset(
        {
            "t": ("time_ms", np.where(equal, np.copysign(np.inf, x[0]), t)),
            "p": ("time_ms", p),
            "significant": ("time_ms", p <= threshold),
            "onset_ms": float(first_run((p <= threshold) & late, times, bins)),
            "interval": ("bound", censored_interval(onsets, asked.confidence)),
            "undefined": float(np.isnan(onsets).mean()),
        },
        {
            "time_ms": ("time_ms", times, {"units": "ms after stimulus onset"}),
            "bound": ["lower", "upper"],
        },
        attributes(
            inference.rng,
            analysis="significance_onset",
            test=test,
            chance=float(chance),
            after_ms=float(after_ms),
            critical=critical,
            n=asked.n,
            flips=len(null),
            subjects=len(x),
            bins=bins,
            **limits,
        ),
    )


def above_chance(
    effects: Float[np.ndarray, "subject time"], chance: float, rounding: float
) -> Float[np.ndarray, "subject time"]:
    """Effects less chance; exactly 0 where they differ by rounding (in parts of chance).

    Examples
    --------
    >>> above_chance(np.array([[1 / 3 + 1e-8, 0.5]]), 1 / 3, 1e-7).round(3).tolist()
    [[0.0, 0.167]]
    """
    difference = effects - float(chance)
    return np.where(np.abs(difference) <= 4 * rounding * abs(float(chance)), 0.0, difference)


def _check(
    test: Any,
    subjects: int,
    bins: Any,
    *,
    n: int,
    limits: dict[str, Any],
    numbers: tuple[Any, Any],
) -> None:
    """AnalysisError for settings that give no test."""
    if subjects < 5:
        raise AnalysisError(
            f"{subjects} subjects have {2**subjects} sign flips, which cannot reach p < 0.05; 5 "
            "subjects are the least"
        )
    if test not in TESTS:
        raise AnalysisError(f"there is no test {test!r}; choose from {', '.join(TESTS)}")
    if whole_number(bins, "bins") < 1:
        raise AnalysisError(f"bins={bins}; an onset needs at least one significant time")
    enough(n, "sign flips and resamples")
    for name, value in limits.items():
        share(value, name)
    for name, value in zip(("chance", "after_ms"), numbers, strict=True):
        if not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
            raise AnalysisError(f"{name}={value!r} is not a finite number")


def _check_scale(x: Float[np.ndarray, "subject time"], chance: float) -> None:
    """AnalysisError for effects and a chance that are on two scales: shares, and per cent."""
    least, most = float(x.min()), float(x.max())
    if chance >= 2 and least >= 0 and most <= 1:
        raise AnalysisError(
            f"chance={chance:g}, and all effects lie between {least:.3g} and {most:.3g}: chance is "
            f"in per cent, the effects are shares. Give chance={chance / 100:g}, or effects * 100"
        )
    if 0 < chance < 1 < least:
        raise AnalysisError(
            f"chance={chance:g}, and all effects lie between {least:.3g} and {most:.3g}: chance is "
            f"a share, the effects are not. Give chance={100 * chance:g}, or effects / 100"
        )


def _check_baseline(before: Float[np.ndarray, "subject time"], chance: float) -> None:
    """Warn where all subjects are on one side of chance at three or more times, all before onset.

    before: effects less chance. Either chance is another, or the baseline holds a response.
    """
    if before.shape[1] >= 3 and ((before > 0).all() or (before < 0).all()):
        warnings.warn(
            f"before stimulus onset the effects of all {len(before)} subjects differ from "
            f"chance={chance:g} at all {before.shape[1]} times, by {before.mean():.3g} in the "
            "mean; look at chance, and whether the times are ms after stimulus onset",
            stacklevel=outside(),
        )


def _flipped(
    x: Float[np.ndarray, "subject time"], n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """t of the effects and of n sign flips; 0 at times at which every subject is at chance."""
    varies = (x != 0).any(0)
    t, null = sign_flips(x, n, rng)
    t, null = (np.where(varies, np.clip(v, -INFINITE, INFINITE), 0.0) for v in (t, null))
    return t, null


def _t(part: Float[np.ndarray, "drawn time"], x: Float[np.ndarray, "subject time"]) -> np.ndarray:
    """t over the subjects of a resample; where they happen to be equal 0, unless all are."""
    mean, spread = part.mean(0), part.std(0, ddof=1)
    flat = spread <= 1e-12 * np.abs(mean)
    t = np.divide(mean * np.sqrt(len(part)), spread, out=np.zeros_like(mean), where=~flat)
    return np.where(flat & (np.ptp(x, axis=0) == 0), np.sign(mean) * INFINITE, t)
