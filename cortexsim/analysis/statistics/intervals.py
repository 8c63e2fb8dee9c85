"""Intervals: percentiles of resamples, bias-corrected ones, the jackknife."""

from __future__ import annotations

import numpy as np


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
    values = np.moveaxis(np.asarray(draws, dtype=np.float64), axis, 0)
    finite = np.isfinite(values)
    defined = finite.any(0)
    bounds = np.full((2, *values.shape[1:]), np.nan)
    if defined.any():
        tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        kept = np.where(finite, values, np.nan)[:, defined]
        bounds[:, defined] = np.nanquantile(kept, tails, axis=0)
    return bounds


def percentiles(drawn: np.ndarray, confidence: float, *, both: bool = False) -> np.ndarray:
    """Percentiles; resamples without a latency stand beyond the last time (``both``: of a difference, beyond either end)."""
    return _bounds(drawn, np.array([(1 - confidence) / 2, (1 + confidence) / 2]), both)


def corrected(drawn: np.ndarray, confidence: float, point: float) -> np.ndarray:
    """Percentiles corrected for bias: as far from the share of resamples below the estimate (ties half) as the estimate is thought to be off."""
    from scipy import special

    if np.isnan(point):
        return percentiles(drawn, confidence)
    below = ((drawn < point).sum() + (drawn == point).sum() / 2 + 0.5) / (len(drawn) + 1)
    tails = special.ndtri([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = _bounds(drawn, special.ndtr(2 * special.ndtri(below) + tails), both=False)
    return np.array([np.minimum(low, point), np.maximum(high, point)])


def jackknifed(drawn: np.ndarray, confidence: float, point: float) -> np.ndarray:
    """The latency with each member left out: their spread times (m - 1)^2 / m is the variance of the estimate."""
    from scipy import stats

    m = len(drawn)
    error = np.sqrt((m - 1) / m * ((drawn - drawn.mean()) ** 2).sum())
    return point + np.array([-1, 1]) * stats.t.ppf((1 + confidence) / 2, m - 1) * error


INTERVALS = {"bootstrap": corrected, "jackknife": jackknifed}


def _bounds(drawn: np.ndarray, tails: np.ndarray, both: bool) -> np.ndarray:
    low = np.quantile(
        np.where(np.isnan(drawn), -np.inf if both else np.inf, drawn), tails[0], method="lower"
    )
    high = np.quantile(np.where(np.isnan(drawn), np.inf, drawn), tails[1], method="higher")
    found = np.array([low, high])
    return np.where(np.isfinite(found), found, np.nan)


def percentiles_there(drawn: np.ndarray, confidence: float) -> np.ndarray:
    """``(bound, ...)`` over the resamples that are numbers."""
    tails = [50 - 50 * confidence, 50 + 50 * confidence]
    there = np.isfinite(drawn).any(0)
    return np.where(there, np.nanpercentile(np.where(there, drawn, 0.0), tails, axis=0), np.nan)


def summary(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over stimuli ``(...)`` of ``values (..., stimulus)`` and its percentile interval ``(2, ...)`` over resamples ``counts``; NaN where a stimulus is."""
    flat = values.reshape(-1, values.shape[-1]).astype(np.float64)
    there = np.isfinite(flat).all(1)
    mean, interval = np.full(len(flat), np.nan), np.full((2, len(flat)), np.nan)
    mean[there] = flat[there].mean(1)
    if there.any():
        drawn = counts.astype(np.float64) @ flat[there].T / counts.sum(1, keepdims=True)
        interval[:, there] = np.percentile(drawn, [2.5, 97.5], axis=0)
    return mean.reshape(values.shape[:-1]), interval.reshape(2, *values.shape[:-1])


def bounds(drawn: np.ndarray) -> np.ndarray:
    """``(resample, ...)`` -> ``(..., bound)``: percentiles 2.5 and 97.5; NaN where there is nothing."""
    return np.moveaxis(np.percentile(drawn, [2.5, 97.5], axis=0), 0, -1)
