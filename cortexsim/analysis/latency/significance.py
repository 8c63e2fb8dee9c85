"""When an effect first differs from chance over subjects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.latency.latency import members_of
from cortexsim.analysis.latency.onsets import first_run
from cortexsim.analysis.statistics.clusters import cluster_mass, sign_flips
from cortexsim.analysis.statistics.draws import (
    attributes,
    enough,
    generator_of,
    share,
    whole_number,
)
from cortexsim.analysis.statistics.intervals import percentiles
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray


INFINITE = 1e6  # t where all subjects are equal: past rounding errors, so that the flips that change nothing tie with it


TESTS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "max": lambda t, _: t,
    "cluster": cluster_mass,
}


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
    bins: consecutive significant times that an onset needs.
    n: sign flips, and bootstrap resamples of subjects for the interval, each held against the limit of the whole sample. Resampled noise exceeds it
        more often than noise, so that the interval's lower end errs towards ``after_ms``; bins=3 keeps single times from it.

    Returns a Dataset: t (time_ms; infinite where all subjects are equal and not at chance), p (time_ms; corrected), significant, onset_ms (NaN:
    none), interval (bound; its upper end NaN if more resamples than that have none), undefined. Raises AnalysisError for fewer than 5 subjects, who
    cannot reach p < 0.05.

    >>> times = np.arange(-100.0, 300, 20)
    >>> found = significance_onset(np.random.default_rng(0).normal(size=(16, 20)) + 3 * (times >= 80), times)
    >>> float(found.onset_ms)
    80.0
    """
    import xarray
    from scipy import stats

    x, times = members_of(effects, times_ms)
    generator = generator_of(rng)
    limits = {
        "threshold": threshold,
        "cluster_threshold": cluster_threshold,
        "confidence": confidence,
    }
    _settings(test, len(x), bins, n, chance, after_ms, limits)
    x = x - chance
    above = float(stats.t.ppf(1 - cluster_threshold, len(x) - 1)) if test == "cluster" else 0.0
    t, null = _flipped(x, n, generator)
    statistic, largest = TESTS[test](t, above), TESTS[test](null, above).max(1)
    p = (1 + (largest[:, None] >= statistic - 1e-9 * np.abs(statistic)).sum(0)) / (1 + len(largest))
    critical = float(np.quantile(largest, 1 - threshold, method="higher"))
    late = times >= after_ms
    drawn = np.array([
        first_run((TESTS[test](_t(x[row], x), above) > critical) & late, times, bins)
        for row in generator.integers(len(x), size=(n, len(x)))
    ])  # fmt: skip
    equal = (np.ptp(x, axis=0) == 0) & (x[0] != 0)
    return xarray.Dataset(
        {
            "t": ("time_ms", np.where(equal, np.copysign(np.inf, x[0]), t)),
            "p": ("time_ms", p),
            "significant": ("time_ms", p <= threshold),
            "onset_ms": float(first_run((p <= threshold) & late, times, bins)),
            "interval": ("bound", percentiles(drawn, confidence)),
            "undefined": float(np.isnan(drawn).mean()),
        },
        {"time_ms": ("time_ms", times, {"units": "ms after stimulus onset"}), "bound": ["lower", "upper"]},
        attributes(
            rng, test=test, chance=float(chance), after_ms=float(after_ms), critical=critical, n=n, flips=len(null), subjects=len(x), bins=bins,
            **limits,
        ),
    )  # fmt: skip


def _settings(
    test: Any, subjects: int, bins: Any, n: Any, chance: Any, after_ms: Any, limits: dict[str, Any]
) -> None:  # fmt: skip
    if subjects < 5:
        raise AnalysisError(
            f"{subjects} subjects have {2**subjects} sign flips, which cannot reach p < 0.05; 5 subjects are the least"
        )
    if test not in TESTS:
        raise AnalysisError(f"there is no test {test!r}; choose from {', '.join(TESTS)}")
    if whole_number(bins, "bins") < 1:
        raise AnalysisError(f"bins={bins}; an onset needs at least one significant time")
    enough(n, "sign flips and resamples")
    for name, value in limits.items():
        share(value, name)
    for name, value in (("chance", chance), ("after_ms", after_ms)):
        if not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
            raise AnalysisError(f"{name}={value!r} is not a finite number")


def _flipped(x: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """t of the effects and of n sign flips; times at which every subject is at chance (before a baseline's end, say) have 0."""
    some = (x != 0).any(0)
    t, null = sign_flips(x, n, rng)
    t, null = (np.where(some, np.clip(v, -INFINITE, INFINITE), 0.0) for v in (t, null))
    return t, null


def _t(part: np.ndarray, x: np.ndarray) -> np.ndarray:
    """t over the subjects of a resample; where they happen to be equal 0, unless all subjects are."""
    mean, spread = part.mean(0), part.std(0, ddof=1)
    flat = spread <= 1e-12 * np.abs(mean)
    t = np.divide(mean * np.sqrt(len(part)), spread, out=np.zeros_like(mean), where=~flat)
    return np.where(flat & (np.ptp(x, axis=0) == 0), np.sign(mean) * INFINITE, t)
