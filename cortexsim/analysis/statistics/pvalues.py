"""Variances of a 2-factor bootstrap, t-tests from them, and corrections for many tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SAME = 1e-9  # of the largest value: less is a difference of rounding
TIE = 1e-10  # similarities that differ by less are the same, computed along different ways
CORRECTIONS = ("holm", "fdr", "max", "none")


def two_factor(
    both: np.ndarray, subject: np.ndarray, condition: np.ndarray, subjects: int, conditions: int
) -> np.ndarray:
    """The variance of an evaluation over new subjects and new conditions, from three bootstraps.

    Resampling both factors counts the noise of each measurement three times over; with v_s, v_c the variances when only subjects or only
    conditions are resampled and v_sc when both are,

        v = S/(S-1) v_s + C/(C-1) v_c - S C / ((S-1)(C-1)) (v_sc - v_s - v_c),

    at least each single one (with its own factor n/(n-1)) and at most v_sc. Source: Schuett et al. 2023, as in rsatoolbox.
    """
    s, c = subjects / (subjects - 1), conditions / (conditions - 1)
    v = s * subject + c * condition - s * c * (both - subject - condition)
    return np.minimum(np.maximum(np.maximum(v, s * subject), c * condition), both)


def t_test(
    difference: np.ndarray, variance: np.ndarray, dof: int, *, two_sided: bool
) -> np.ndarray:
    """p-values of difference / sqrt(variance) under Student's t; NaN where there is no variance to judge by."""
    from scipy import stats

    with np.errstate(invalid="ignore", divide="ignore"):
        t = difference / np.sqrt(variance)
    p = 2 * stats.t.sf(np.abs(t), dof) if two_sided else stats.t.sf(t, dof)
    return np.where(np.isfinite(t), p, np.nan)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down p-values: the chance of any false rejection is at most alpha.

    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty_like(p)
    out[order] = np.minimum(stepped, 1)
    return out


def false_discovery(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's p-values: the expected share of false rejections is at most alpha."""
    from scipy.stats import false_discovery_control

    return false_discovery_control(p)


STEPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "holm": holm,
    "fdr": false_discovery,
    "none": lambda p: p,
}


def corrected(p: np.ndarray, method: str) -> np.ndarray:
    """p-values corrected over all that are numbers, in their shape."""
    out = np.full(p.shape, np.nan)
    some = np.isfinite(p)
    if some.any():
        out[some] = STEPS[method](p[some])
    return out


def normal_equivalent(t: np.ndarray, dof: int) -> np.ndarray:
    """The standard normal value with the tail of Student's t: bootstrap draws over their standard deviation have no Student tails to compare with."""
    from scipy import stats

    return -np.sign(t) * stats.norm.ppf(np.maximum(stats.t.sf(np.abs(t), dof), 1e-300))


def max_statistic(observed: np.ndarray, null: np.ndarray, *, two_sided: bool) -> np.ndarray:
    """Single-step p-values: how often the largest null statistic ``(draw, ...)`` reaches each observed one ``(...)``.

    What is equal but for rounding counts as reached: permutations that change nothing are computed along another way.
    """
    flat = null.reshape(len(null), -1)
    flat = np.abs(flat) if two_sided else flat
    largest = np.sort(np.nanmax(np.where(np.isfinite(flat), flat, -np.inf), axis=1))
    values = np.abs(observed) if two_sided else observed
    reached = len(largest) - np.searchsorted(
        largest, np.where(np.isfinite(values), values - TIE, 0), side="left"
    )
    return np.where(np.isfinite(values), (1 + reached) / (1 + len(largest)), np.nan)


def monte_carlo_p(
    observed: np.ndarray | float, null: np.ndarray, *, two_sided: bool = False
) -> np.ndarray:
    """The share of a null distribution that reaches what was observed.

    p = (1 + #{null >= observed}) / (1 + draws). Ties count as reached; what differs by less than
    1e-9 of the largest absolute value among the observed and its null is a tie, for permutations
    that change nothing are computed along another way.

    Parameters
    ----------
    observed : array of shape (...)
        Statistics; larger is more extreme.
    null : array of shape (draw, ...)
        The same under the null hypothesis; NaN counts as not reached.
    two_sided : bool
        Compare absolute values.

    Returns
    -------
    array of shape (...)
        p-values; NaN where ``observed`` is NaN or no draw is a number.

    References
    ----------
    Phipson & Smyth 2010.

    Examples
    --------
    >>> float(monte_carlo_p(0.3, np.array([0.1, 0.3, 0.2])))
    0.5
    """
    values, draws = np.asarray(observed, dtype=np.float64), np.asarray(null, dtype=np.float64)
    if two_sided:
        values, draws = np.abs(values), np.abs(draws)
    numbers = np.isfinite(draws)
    size = np.abs(np.where(numbers, draws, 0)).max(axis=0, initial=0)
    tie = SAME * np.maximum(size, np.abs(np.nan_to_num(values)))
    reached = (numbers & (draws >= values - tie)).sum(axis=0)
    defined = np.isfinite(values) & numbers.any(axis=0)
    return np.where(defined, (1 + reached) / (1 + len(draws)), np.nan)[()]


def t_quantile(confidence: float, dof: int) -> float:
    """Half the width, in standard errors, of the two-sided interval; NaN without degrees of freedom."""
    from scipy import stats

    return float(stats.t.ppf(0.5 + confidence / 2, dof)) if dof > 0 else float("nan")
