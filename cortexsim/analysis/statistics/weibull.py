"""Weibull functions of the SOA, fitted by maximum likelihood.

Many fits at once (resamples are rows): coarse grids, then damped Fisher scoring.
"""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plain import numbers

PARAMETERS = 3
RANGE = 20.0  # the scale is sought between the shortest SOA / RANGE and the longest x RANGE
SLOPES = (0.2, 30.0)
NEAR = 0.99  # of a bound, on the scale of the slope
LOGITS = (-6.0, 9.0)  # of the share of the way from chance to 1 that the asymptote is
ITERATIONS = 60
FLAT = 0.05  # level of the likelihood-ratio test against a curve that does not depend on the SOA
MOST_TRIALS = 10**12


class Fits(NamedTuple):
    """Weibulls, one a row.

    Parameters
    ----------
    scale_ms : array of shape (row,)
        alpha.
    slope : array of shape (row,)
        beta.
    asymptote : array of shape (row,)
        Of the proportion correct.
    log_likelihood : array of shape (row,)
    flat : array of shape (row,)
        The log-likelihood of a flat curve.
    """

    scale_ms: np.ndarray
    slope: np.ndarray
    asymptote: np.ndarray
    log_likelihood: np.ndarray
    flat: np.ndarray

    @property
    def threshold_ms(self) -> np.ndarray:
        """The SOA halfway between chance and asymptote: alpha (ln 2)^(1 / beta)."""
        return self.scale_ms * np.log(2) ** (1 / self.slope)

    def within(self, soa_ms: np.ndarray) -> np.ndarray:
        """Thresholds; 0 and infinity below and above the SOAs shown, NaN where no curve rises."""
        t = self.threshold_ms
        x = np.abs(soa_ms)
        t = np.where(t < np.min(x), 0.0, np.where(t > np.max(x), np.inf, t))
        return np.where(self.rises(), t, np.nan)

    def proportions(self, soa_ms: np.ndarray, chance: float) -> np.ndarray:
        """What the curves say of SOAs, ``(row, soa)``."""
        with np.errstate(over="ignore"):  # a steep curve is a step: exp(-infinity) is 0
            power = (np.abs(soa_ms) / self.scale_ms[:, None]) ** self.slope[:, None]
        return chance + (self.asymptote[:, None] - chance) * -np.expm1(-power)

    def bounded(self) -> np.ndarray:
        """Whether the slope is at an end of what was sought, and so is not known."""
        return (self.slope >= NEAR * SLOPES[1]) | (self.slope * NEAR <= SLOPES[0])

    def rises(self) -> np.ndarray:
        """Whether a likelihood-ratio test (2 degrees of freedom) prefers it to a flat curve."""
        from scipy import stats

        return 2 * (self.log_likelihood - self.flat) > stats.chi2.ppf(1 - FLAT, PARAMETERS - 1)


def weibull(
    soa_ms: np.ndarray, *, scale_ms: float, slope: float, asymptote: float, chance: float
) -> np.ndarray:
    """Proportion correct: chance + (asymptote - chance) (1 - exp(-(soa / scale)^slope)).

    Parameters
    ----------
    soa_ms : array of shape (soa,)
        Stimulus onset asynchronies, in ms; negative ones (forward masks) by their size.
    scale_ms : float
        alpha, in ms.
    slope : float
        beta.
    asymptote : float
        The lapse rate is 1 - asymptote.
    chance : float
        The guess rate.

    Returns
    -------
    array of shape (soa,)

    Examples
    --------
    >>> weibull(np.array([50.0]), scale_ms=50, slope=2, asymptote=0.9, chance=0.1).round(4)
    array([0.6057])
    """
    if not (scale_ms > 0 and slope > 0 and 0 <= chance <= 1 and 0 <= asymptote <= 1):
        raise AnalysisError(
            f"a Weibull of scale_ms={scale_ms}, slope={slope}, asymptote={asymptote}, "
            f"chance={chance}: scale and slope are above 0, the others between 0 and 1"
        )
    with np.errstate(over="ignore"):  # a steep curve is a step: exp(-infinity) is 0
        return chance + (asymptote - chance) * -np.expm1(
            -((np.abs(np.asarray(soa_ms)) / scale_ms) ** slope)
        )


def check_chance(chance: Any) -> None:
    """AnalysisError for what is no guess rate.

    >>> check_chance(0.1)
    """
    if isinstance(chance, bool) or not isinstance(chance, Real) or not 0 <= float(chance) < 1:
        raise AnalysisError(
            f"chance is {chance!r}; it must lie between 0 and 1, e.g. 0.1 for ten classes, 0 where "
            "nobody guesses"
        )


@clear_errors
def fit_weibull(
    soa_ms: np.ndarray, correct: np.ndarray, trials: np.ndarray, *, chance: float
) -> Fits:
    """Maximum-likelihood Weibulls with the guess rate fixed at chance and the lapse rate free.

    They maximise the sum over SOAs of k log p + (n - k) log(1 - p), p as in :func:`weibull`.

    Parameters
    ----------
    soa_ms : array of shape (soa,)
        In ms, at least 4 different, all above 0, or all below (forward masks: their sizes are
        fitted).
    correct : array of shape (row, soa)
        Counts of right answers (weighted ones need not be whole).
    trials : array of shape (row, soa)
        Counts of all answers.
    chance : float
        The guess rate, of at least 0 and below 1.

    Returns
    -------
    Fits

    Raises
    ------
    AnalysisError
        For too few SOAs and impossible counts.

    References
    ----------
    Wichmann & Hill 2001.

    Examples
    --------
    >>> soa = np.array([25.0, 50, 75, 100, 150])
    >>> k = 1000 * weibull(soa, scale_ms=60, slope=2, asymptote=0.9, chance=0.1)[None]
    >>> fit = fit_weibull(soa, k, np.full((1, 5), 1000.0), chance=0.1)
    >>> fit.scale_ms.round(2), fit.slope.round(2), fit.asymptote.round(2)
    (array([60.]), array([2.]), array([0.9]))
    """
    signed, right, shown = (
        numbers(v, "SOAs and counts").astype(np.float64) for v in (soa_ms, correct, trials)
    )
    x, k, n = np.abs(signed), np.atleast_2d(right), np.atleast_2d(shown)
    if (
        x.ndim != 1
        or len(np.unique(x)) <= PARAMETERS
        or not ((signed > 0).all() or (signed < 0).all())
        or not np.isfinite(x).all()
    ):
        raise AnalysisError(
            f"SOAs of {signed.tolist()} ms: a curve of {PARAMETERS} parameters needs at least "
            f"{PARAMETERS + 1} different positive ones (or negative ones, of forward masks, which "
            "are another curve)"
        )
    if x.max() < 1:
        raise AnalysisError(
            f"SOAs of {signed.tolist()} ms, all below 1 ms: these look like seconds. Give "
            "milliseconds: 1000 * soa"
        )
    if k.shape == n.shape and (k <= 1).all() and (k % 1 != 0).any() and (n > 1).all():
        raise AnalysisError(
            f"right answers of {k.max():g} at most, of {n.max():g} trials: these look like "
            "proportions. Give counts: correct * trials"
        )
    if (
        k.shape != n.shape
        or k.shape[1] != len(x)
        or not ((k >= 0) & (k <= n + 1e-9) & (n > 0) & (n <= MOST_TRIALS)).all()
    ):
        raise AnalysisError(
            f"counts of shape {k.shape} of {n.shape} trials do not fit {len(x)} SOAs, or are not "
            f"between 0 and the number of trials (at most {MOST_TRIALS:,})"
        )
    check_chance(chance)
    tops = [_scored(start, x, k, n, chance) for start in _starts(x, k, n, chance)]
    steep = tops[1][1] > tops[0][1]
    theta, best = (np.where(steep.reshape(-1, *[1] * (a.ndim - 1)), b, a) for a, b in zip(*tops))
    p = np.clip(k.sum(1) / n.sum(1), 1e-12, 1 - 1e-12)
    flat = k.sum(1) * np.log(p) + (n - k).sum(1) * np.log1p(-p)
    return Fits(
        np.exp(theta[:, 0]), np.exp(theta[:, 1]), _asymptote(theta[:, 2], chance), best, flat
    )


def _asymptote(logit: np.ndarray, chance: float) -> np.ndarray:
    return chance + (1 - chance) / (1 + np.exp(-logit))


def _bounds(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of log scale, log slope and the asymptote's logit."""
    low = np.array([np.log(x.min() / RANGE), np.log(SLOPES[0]), LOGITS[0]])
    return low, np.array([np.log(x.max() * RANGE), np.log(SLOPES[1]), LOGITS[1]])


def _parts(theta: np.ndarray, x: np.ndarray, chance: float) -> tuple[np.ndarray, np.ndarray]:
    """p ``(row, soa)`` and its derivatives ``(row, soa, parameter)``."""
    away = np.log(x) - theta[:, :1]
    beta, share = np.exp(theta[:, 1:2]), 1 / (1 + np.exp(-theta[:, 2:]))
    u = np.exp(np.clip(beta * away, -700, 6.5))
    rise = -np.expm1(-u)
    height = (1 - chance) * share
    slope = height * beta * u * np.exp(-u)
    return chance + height * rise, np.stack(
        [-slope, slope * away, height * (1 - share) * rise], axis=2
    )


def _likelihood(p: np.ndarray, k: np.ndarray, n: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return (k * np.log(p) + (n - k) * np.log1p(-p)).sum(1)


def _starts(x: np.ndarray, k: np.ndarray, n: np.ndarray, chance: float) -> list[np.ndarray]:
    """For each row the best points of two coarse grids, of shallow and of steep curves.

    The likelihood can have a top in either.
    """
    scales, heights = np.log(np.geomspace(x.min() / 3, x.max() * 3, 36)), np.linspace(-4, 5, 14)
    starts = []
    for slopes in ((0.5, 0.8, 1.2, 1.8, 2.5), (3.5, 5.0, 8.0, 12.0)):
        grid = np.stack(
            [a.ravel() for a in np.meshgrid(scales, np.log(slopes), heights, indexing="ij")], axis=1
        )
        p = np.clip(_parts(grid, x, chance)[0], 1e-12, 1 - 1e-12)
        starts.append(grid[(k @ np.log(p).T + (n - k) @ np.log1p(-p).T).argmax(1)])
    return starts


def _scored(
    theta: np.ndarray, x: np.ndarray, k: np.ndarray, n: np.ndarray, chance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Damped Fisher scoring of all rows together.

    A step that does not raise the likelihood is taken back and damped more.
    """
    low, high = _bounds(x)
    damping = np.full(len(theta), 1e-2)
    p, d = _parts(theta, x, chance)
    best = _likelihood(p, k, n)
    for _ in range(ITERATIONS):
        variance = np.clip(p * (1 - p), 1e-12, None)
        score = np.einsum("rs,rsp->rp", (k - n * p) / variance, d)
        information = np.einsum("rs,rsp,rsq->rpq", n / variance, d, d)
        diagonal = np.einsum("rpp->rp", information)
        diagonal += damping[:, None] * diagonal + 1e-9
        moved = np.clip(theta + np.linalg.solve(information, score[..., None])[..., 0], low, high)
        p_moved, d_moved = _parts(moved, x, chance)
        likelihood = _likelihood(p_moved, k, n)
        better = likelihood > best
        theta, p, d = (
            np.where(better.reshape(-1, *[1] * (a.ndim - 1)), b, a)
            for a, b in ((theta, moved), (p, p_moved), (d, d_moved))
        )
        gain = np.where(better, likelihood - best, 0.0)
        best = np.where(better, likelihood, best)
        damping = np.clip(np.where(better, damping / 5, damping * 8), 1e-9, 1e9)
        if gain.max() < 1e-10 and damping.min() > 1e3:
            break
    return theta, best
