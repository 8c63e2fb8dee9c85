"""Several trainings of an architecture: what they differ by, and whether architectures do.

Pure functions of one number a training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats

from cortexsim.analysis.statistics.pvalues import corrected

LEAST = 2
"""Trainings of an architecture, with fewer of which nothing is said of another training."""


def spread(values: Sequence[float], confidence: float = 0.95) -> dict[str, Any]:
    """Mean over trainings, standard deviation, and Student's interval of the mean.

    >>> spread([1.0, 2.0, 3.0])["mean"], spread([1.0])["interval"]
    (2.0, None)
    """
    x = np.asarray(values, float)
    out: dict[str, Any] = {"n": len(x), "values": x, "mean": float(x.mean())}
    if len(x) < LEAST:
        return out | {"sd": None, "interval": None}
    sd = float(x.std(ddof=1))
    reach = scipy.stats.t.ppf(0.5 + confidence / 2, len(x) - 1) * sd / np.sqrt(len(x))
    return out | {"sd": sd, "interval": [out["mean"] - reach, out["mean"] + reach]}


def against_zero(values: Sequence[float]) -> dict[str, Any]:
    """Whether the mean over trainings differs from zero: Student's t test."""
    x = np.asarray(values, float)
    if len(x) < LEAST or not np.ptp(x):
        return {"p": None}
    return {"p": float(scipy.stats.ttest_1samp(x, 0.0).pvalue)}


def difference(
    first: Sequence[float], second: Sequence[float], confidence: float = 0.95
) -> dict[str, Any]:
    """The mean of the first trainings less that of the second, with Welch's interval and p.

    Trainings are drawn independently of each other, also those of the same seed: two architectures
    share its number, not their weights.

    References
    ----------
    Welch 1947, Biometrika 34:28.
    """
    values = {"first": first, "second": second}
    return combination(values, {"first": 1.0, "second": -1.0}, confidence=confidence)


def combination(
    values: Mapping[str, Sequence[float]],
    weights: Mapping[str, float],
    *,
    alike: Mapping[str, str] | None = None,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """A weighted sum of means over trainings, with an interval and p over trainings.

    Its variance is the sum of those of the means, its degrees of freedom are Satterthwaite's; of
    two nets this is Welch's test. alike: of a net with one training, the net whose trainings are
    taken to scatter as much; beside that net alone this is the test of Crawford and Howell, whether
    one training could be one of the others.

    >>> combination({"a": [1.0, 2.0, 3.0], "b": [5.0]}, {"b": 1, "a": -1}, alike={"b": "a"})["p"]
    0.1216...

    References
    ----------
    Satterthwaite 1946, Biometrics Bulletin 2:110; Crawford & Howell 1998, Clin Neuropsychol 12:482.
    """
    out: dict[str, Any] = {
        "difference": float(sum(w * np.mean(values[net]) for net, w in weights.items()))
    }
    share: dict[str, float] = {}  # of the variance of a net's trainings in that of the sum
    for net, weight in weights.items():
        source = (alike or {}).get(net, net)
        share[source] = share.get(source, 0.0) + weight**2 / len(values[net])
    if any(len(values[net]) < LEAST for net in share):
        return out | {"interval": None, "p": None}
    parts = {net: k * float(np.var(values[net], ddof=1)) for net, k in share.items()}
    total = sum(parts.values())
    if not total:
        return out | {"interval": None, "p": None}
    freedom = total**2 / sum(v**2 / (len(values[net]) - 1) for net, v in parts.items())
    t, error = scipy.stats.t(freedom), np.sqrt(total)
    reach = t.ppf(0.5 + confidence / 2) * error
    low, high = out["difference"] - reach, out["difference"] + reach
    return out | {
        "interval": [float(low), float(high)],
        "p": float(2 * t.sf(abs(out["difference"]) / error)),
    }


def tested(
    found: Mapping[str, Mapping[str, Sequence[float]]], first: str, second: str
) -> dict[str, dict[str, Any]]:
    """Every quantity: spread of both architectures, and their difference, p corrected over all.

    found: quantity -> architecture -> one number a training. Where a quantity of the second cannot
    be but zero it is left out, and the first is tested against zero.
    """
    out: dict[str, dict[str, Any]] = {}
    for name, by_net in found.items():
        one: dict[str, Any] = {net: spread(values) for net, values in by_net.items()}
        one["test"] = (
            {"what": f"{first} - {second}", **difference(by_net[first], by_net[second])}
            if second in by_net
            else {"what": f"{first}, mean against 0", **against_zero(by_net[first])}
        )
        out[name] = one
    add_holm([one["test"] for one in out.values()])
    return out


def without_the_first(
    found: Mapping[str, Mapping[str, Sequence[float]]], first: str, second: str
) -> dict[str, dict[str, Any]]:
    """The same tests on the later trainings alone: p of each quantity, and corrected over all.

    For one of the first seed was known when it was chosen what is measured.
    """
    later = {k: {net: list(v)[1:] for net, v in by.items()} for k, by in found.items()}
    few = min(len(v) for by in later.values() for v in by.values()) < LEAST
    tests = {} if few else tested(later, first, second)
    none = {"p": None, "p_holm": None}
    return {k: {p: tests[k]["test"][p] for p in none} if tests else dict(none) for k in found}


def add_holm(tests: Sequence[dict[str, Any]]) -> None:
    """Give each test p_holm, corrected over all that could be made; None to the others."""
    p = np.array([np.nan if test["p"] is None else test["p"] for test in tests])
    for test, adjusted in zip(tests, corrected(p, "holm"), strict=True):
        test["p_holm"] = float(adjusted) if np.isfinite(adjusted) else None
