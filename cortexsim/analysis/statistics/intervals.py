"""Intervals: percentiles of resamples, censored and bias-corrected ones; the jackknife."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.analysis.statistics.draws import share
from cortexsim.shapes import Float


def tails_of(confidence: float) -> np.ndarray:
    """The two shares (1 -+ confidence) / 2 between which an interval lies, lower first.

    AnalysisError for a confidence that does not lie between 0 and 1.
    """
    share(confidence, "confidence")
    return np.array([50 - 50 * confidence, 50 + 50 * confidence]) / 100  # 0.95: exactly 0.025


def percentile_interval(
    draws: np.ndarray, confidence: float = 0.95, *, axis: int = 0
) -> np.ndarray:
    """The percentile interval of resamples: quantiles (1 -+ confidence) / 2, interpolated.

    Parameters
    ----------
    draws : array of shape (resample, ...)
        Estimates of the resamples; those that are not finite are left out.
    confidence : float
        Coverage, between 0 and 1.
    axis : int
        The axis of the resamples.

    Returns
    -------
    array of shape (bound, ...)
        Lower and upper bound; NaN where no resample is finite.

    References
    ----------
    Efron & Tibshirani 1993, chapter 13.

    Examples
    --------
    >>> percentile_interval(np.arange(101.0), 0.9)
    array([ 5., 95.])
    """
    return finite_quantiles(draws, tails_of(confidence), axis=axis)


def finite_quantiles(draws: np.ndarray, shares: Any, *, axis: int = 0) -> np.ndarray:
    """Interpolated quantiles ``(share, ...)`` of the draws that are finite; NaN where none is.

    Examples
    --------
    >>> finite_quantiles(np.array([0.0, 1.0, np.nan, 4.0]), 0.5)
    array(1.)
    """
    shares = np.asarray(shares, dtype=np.float64)
    values = np.moveaxis(np.asarray(draws, dtype=np.float64), axis, 0)
    finite = np.isfinite(values)
    whole, defined = finite.all(0), finite.any(0)
    quantiles = np.full((*shares.shape, *values.shape[1:]), np.nan)
    if whole.any():
        quantiles[..., whole] = np.quantile(values[:, whole], shares, axis=0)
    if (holes := defined & ~whole).any():
        kept = np.where(finite, values, np.nan)[:, holes]
        quantiles[..., holes] = np.nanquantile(kept, shares, axis=0)
    return quantiles


def order_statistics(draws: Float[np.ndarray, " draw"], shares: Any) -> np.ndarray:
    """The draws next to two shares, outwards: the largest not above, the smallest not below.

    For what cannot be interpolated: a bound may be infinite. Draws that are NaN are left out; both
    bounds are NaN where all are.

    Examples
    --------
    >>> order_statistics(np.array([0.0, 1.0, 2.0, np.inf]), [0.1, 0.9])
    array([ 0., inf])
    """
    low, high = shares
    draws = draws[~np.isnan(draws)]
    if not len(draws):
        return np.full(2, np.nan)
    return np.array(
        [np.quantile(draws, low, method="lower"), np.quantile(draws, high, method="higher")]
    )


def mean_interval(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A mean over stimuli, and its 95 % percentile interval over resamples of them.

    Parameters
    ----------
    values : array of shape (..., stimulus)
        NaN for one stimulus leaves the whole mean NaN.
    counts : array of shape (resample, stimulus)
        How often each stimulus is drawn.

    Returns
    -------
    mean : array of shape (...)
    interval : array of shape (bound, ...)

    Examples
    --------
    >>> mean, interval = mean_interval(np.array([1.0, 3.0]), np.array([[1, 1], [2, 0], [0, 2]]))
    >>> float(mean), interval.round(2)
    (2.0, array([1.05, 2.95]))
    """
    flat = values.reshape(-1, values.shape[-1]).astype(np.float64)
    known = np.isfinite(flat).all(1)
    mean, interval = np.full(len(flat), np.nan), np.full((2, len(flat)), np.nan)
    mean[known] = flat[known].mean(1)
    if known.any():
        draws = counts.astype(np.float64) @ flat[known].T / counts.sum(1, keepdims=True)
        interval[:, known] = percentile_interval(draws)
    return mean.reshape(values.shape[:-1]), interval.reshape(2, *values.shape[:-1])


def censored_interval(
    draws: Float[np.ndarray, " draw"], confidence: float, *, both: bool = False
) -> np.ndarray:
    """The percentile interval of a quantity that may lie beyond the range looked at.

    Bounds are order statistics, for nothing can be interpolated between a time and "later".

    Parameters
    ----------
    draws : array of shape (resample,)
        Estimates; NaN: beyond the last value, or beyond either end (``both``).
    confidence : float
        Coverage, between 0 and 1.
    both : bool
        The draws are differences: what is NaN may be on either side.

    Returns
    -------
    array of shape (2,)
        Lower and upper bound; NaN for one that is beyond the range.

    Examples
    --------
    >>> censored_interval(np.r_[np.arange(99.0), np.nan], 0.9)
    array([ 4., 95.])
    >>> censored_interval(np.r_[np.arange(90.0), [np.nan] * 10], 0.9)
    array([ 4., nan])
    """
    return _within_range(draws, tails_of(confidence), both)


def bias_corrected_interval(
    draws: Float[np.ndarray, " draw"], confidence: float, point: float
) -> np.ndarray:
    """The censored interval, corrected for the bias of the resamples.

    Its quantiles are as far from the share of resamples below the estimate (ties count half) as
    the estimate is thought to be off: Phi(2 z0 + z), z0 = Phi^-1(share below).

    Parameters
    ----------
    draws : array of shape (resample,)
        Estimates; NaN: beyond the last value.
    confidence : float
        Coverage, between 0 and 1.
    point : float
        The estimate; NaN: the interval is not corrected.

    Returns
    -------
    array of shape (2,)
        Lower and upper bound, around ``point``; NaN for one that is beyond the range.

    References
    ----------
    Efron 1987.

    Examples
    --------
    >>> bias_corrected_interval(np.arange(100.0), 0.9, 49.5)
    array([ 4., 95.])
    """
    from scipy import special

    if np.isnan(point):
        return censored_interval(draws, confidence)
    below = ((draws < point).sum() + (draws == point).sum() / 2 + 0.5) / (len(draws) + 1)
    shares = special.ndtr(2 * special.ndtri(below) + special.ndtri(tails_of(confidence)))
    low, high = _within_range(draws, shares, both=False)
    return with_point(np.array([low, high]), point)


def widened(confidence: float, members: int) -> float:
    """The confidence at which percentiles of few members are as wide as Student's interval.

    Resamples of m members spread by sqrt((m - 1) / m) too little, and their quantiles are those of
    the normal distribution, not of t: c' = 2 Phi(t sqrt(m / (m - 1))) - 1.

    Parameters
    ----------
    confidence : float
        Coverage that is asked for, between 0 and 1.
    members : int
        At least 2.

    Returns
    -------
    float
        Below 1.

    References
    ----------
    Hesterberg 2015, the expanded percentile interval.

    Examples
    --------
    >>> round(widened(0.95, 12), 3), round(widened(0.95, 1000), 3)
    (0.978, 0.95)
    """
    from scipy import special, stats

    share(confidence, "confidence")
    t = stats.t.ppf((1 + confidence) / 2, members - 1) * np.sqrt(members / (members - 1))
    return min(float(2 * special.ndtr(t) - 1), 1 - 1e-12)


def jackknife_interval(
    estimate: float, left_out: Float[np.ndarray, " member"], confidence: float = 0.95
) -> Float[np.ndarray, "bound=2"]:
    """Student's interval of an estimate whose error is that of leaving out one member at a time.

        se^2 = (m - 1) / m sum (left_out - mean)^2, m - 1 degrees of freedom

    For estimates that change smoothly with their data, on a scale on which they are symmetric, e.g.
    the logarithm of a threshold. Percentiles of resamples of 5 members never reach as far.

    Parameters
    ----------
    estimate : float
    left_out : array of shape (member,)
        The estimates without each member, at least 2.
    confidence : float
        Coverage, between 0 and 1.

    Returns
    -------
    array of shape (2,)
        Lower and upper bound; NaN where an estimate is.

    References
    ----------
    Efron & Tibshirani 1993, chapter 11.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 4.0, 5.0])
    >>> jackknife_interval(x.mean(), (x.sum() - x) / 3).round(2)  # of a mean: Student's
    array([0.09, 5.91])
    """
    from scipy import stats

    m = len(left_out)
    error = np.sqrt((m - 1) / m * np.sum((left_out - np.mean(left_out)) ** 2))
    return estimate + stats.t.ppf(tails_of(confidence), m - 1) * error


def interval_around(
    draws: Float[np.ndarray, " draw"], confidence: float, point: float, *, free: float
) -> np.ndarray:
    """The bias-corrected interval of an estimate that is held within limits.

    Parameters
    ----------
    draws : array of shape (resample,)
        Estimates that are not held; NaN: beyond the last value.
    confidence : float
        Coverage, between 0 and 1.
    point : float
        The estimate, held within its limits: it differs from ``free`` where it is at one of them.
    free : float
        The estimate as the draws are made.

    Returns
    -------
    array of shape (2,)
        It holds ``point``; NaN for a bound that is beyond the range, and both where ``point`` is
        beyond its limits and ``free`` is a number.

    Examples
    --------
    >>> interval_around(np.arange(100.0), 0.9, 97.0, free=49.5)
    array([ 4., 97.])
    """
    if np.isnan(point) and np.isfinite(free):
        return np.full(2, np.nan)
    return with_point(bias_corrected_interval(draws, confidence, free), point)


def with_point(bounds: Float[np.ndarray, " bound"], point: float) -> np.ndarray:
    """An interval that holds a point, if that is a number; an end that is open stays open.

    Examples
    --------
    >>> with_point(np.array([1.0, 2.0]), 3.0), with_point(np.array([1.0, np.nan]), 0.0)
    (array([1., 3.]), array([ 0., nan]))
    """
    if np.isnan(point):
        return bounds
    return np.array([np.minimum(bounds[0], point), np.maximum(bounds[1], point)])


def _within_range(draws: np.ndarray, shares: np.ndarray, both: bool) -> np.ndarray:
    """Order statistics of draws of which NaN lie beyond the range; NaN for a bound that does."""
    unknown = np.isnan(draws)
    low, _ = order_statistics(np.where(unknown, -np.inf if both else np.inf, draws), shares)
    _, high = order_statistics(np.where(unknown, np.inf, draws), shares)
    bounds = np.array([low, high])
    return np.where(np.isfinite(bounds), bounds, np.nan)


def draw_variance(draws: Float[np.ndarray, " draw *point"]) -> Float[np.ndarray, " *point"]:
    """Over the draws that are numbers; NaN where fewer than two are.

    Examples
    --------
    >>> draw_variance(np.array([[1.0, 1.0], [3.0, np.nan]]))
    array([ 2., nan])
    """
    finite = np.isfinite(draws)
    count = finite.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = np.where(finite, draws - np.where(finite, draws, 0).sum(0) / count, 0)
        return np.where(count > 1, (centred**2).sum(0) / (count - 1), np.nan)
