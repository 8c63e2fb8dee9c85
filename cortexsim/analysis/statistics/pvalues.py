"""Variances of a 2-factor bootstrap, t-tests from them, and corrections for many tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float

SAME = 1e-9  # of the largest value: less is a difference of rounding
LEAST = 1e-300  # p-value: less would be rounded to 0, and none is 0
CORRECTIONS = ("holm", "fdr", "max", "none")


def two_factor(
    both: np.ndarray, subject: np.ndarray, condition: np.ndarray, *, subjects: int, conditions: int
) -> np.ndarray:
    """The variance of an evaluation over new subjects and new conditions, from three bootstraps.

    Resampling both factors counts the noise of each measurement three times over; with v_s, v_c
    the variances when only subjects or only conditions are resampled and v_sc when both are,

        v = S/(S-1) v_s + C/(C-1) v_c - S C / ((S-1)(C-1)) (v_sc - v_s - v_c),

    at least each single one (with its own factor n/(n-1)) and at most v_sc.

    Parameters
    ----------
    both : array of shape (...)
        The variance v_sc of resamples of both, in squared units of the evaluation.
    subject : array of shape (...)
        v_s, of resamples of subjects.
    condition : array of shape (...)
        v_c, of resamples of conditions.
    subjects : int
        S, at least 2.
    conditions : int
        C, at least 2.

    Returns
    -------
    array of shape (...)

    References
    ----------
    Schuett et al. 2023, as in rsatoolbox.

    Examples
    --------
    >>> v = (np.array([v]) for v in (3.0, 1.0, 1.5))
    >>> two_factor(*v, subjects=10, conditions=20).round(3)
    array([2.105])
    """
    s, c = subjects / (subjects - 1), conditions / (conditions - 1)
    v = s * subject + c * condition - s * c * (both - subject - condition)
    return np.minimum(np.maximum(np.maximum(v, s * subject), c * condition), both)


def t_test(
    difference: np.ndarray, variance: np.ndarray, dof: float, *, two_sided: bool
) -> np.ndarray:
    """p-values of difference / sqrt(variance) under Student's t, never 0.

    Parameters
    ----------
    difference : array of shape (...)
        An estimate less what it is tested against.
    variance : array of shape (...)
        Of the difference.
    dof : float
        Degrees of freedom.
    two_sided : bool
        Otherwise: greater than zero.

    Returns
    -------
    array of shape (...)
        NaN where there is no variance to judge by; at least 1e-300, where it would be rounded to 0.

    Examples
    --------
    >>> t_test(np.array([2.262]), np.array([1.0]), 9, two_sided=True).round(3)
    array([0.05])
    """
    from scipy import stats

    with np.errstate(invalid="ignore", divide="ignore"):
        t = difference / np.sqrt(variance)
    p = 2 * stats.t.sf(np.abs(t), dof) if two_sided else stats.t.sf(t, dof)
    return np.where(np.isfinite(t), np.maximum(p, LEAST), np.nan)


def holm(p: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """Holm's step-down p-values: the chance of any false rejection is at most alpha.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    in_place = np.empty_like(p)
    in_place[order] = np.minimum(stepped, 1)
    return in_place


def false_discovery(p: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """Benjamini and Hochberg's p-values: the expected share of false rejections is at most alpha.

    Examples
    --------
    >>> false_discovery(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.04, 0.04])
    """
    from scipy.stats import false_discovery_control

    return false_discovery_control(p)


STEPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "holm": holm,
    "fdr": false_discovery,
    "none": lambda p: p,
}


def corrected(p: np.ndarray, method: str) -> np.ndarray:
    """p-values corrected over all that are numbers, in their shape.

    Parameters
    ----------
    p : array of shape (...)
        NaN where there is no test.
    method : {"holm", "fdr", "none"}
        A key of ``STEPS``.

    Returns
    -------
    array of shape (...)

    Examples
    --------
    >>> corrected(np.array([0.01, np.nan, 0.03]), "holm")
    array([0.02,  nan, 0.03])
    """
    if method not in STEPS:
        raise AnalysisError(f"there is no correction {method!r}; choose from {', '.join(STEPS)}")
    if ((p < 0) | (p > 1)).any():
        raise AnalysisError(f"p-values lie between 0 and 1; found {np.nanmin(p)} to {np.nanmax(p)}")
    all_corrected = np.full(p.shape, np.nan)
    tested = np.isfinite(p)
    if tested.any():
        all_corrected[tested] = STEPS[method](p[tested])
    return all_corrected


def normal_equivalent(t: np.ndarray, dof: int) -> np.ndarray:
    """The standard normal value with the tail of Student's t.

    Bootstrap draws over their standard deviation have no Student tails to compare with.

    Examples
    --------
    >>> normal_equivalent(np.array([2.0]), 5).round(3)
    array([1.636])
    """
    from scipy import stats

    return -np.sign(t) * stats.norm.ppf(np.maximum(stats.t.sf(np.abs(t), dof), LEAST))


def monte_carlo_p(
    observed: np.ndarray | float, null: np.ndarray, *, two_sided: bool = False
) -> np.ndarray | np.floating:
    """The share of a null distribution that reaches what was observed.

    p = (1 + #{null >= observed}) / (1 + draws). Ties count as reached; what differs by less than
    1e-9 of the largest absolute value among the observed and its null is a tie, for permutations
    that change nothing are computed along another way.

    Parameters
    ----------
    observed : array of shape (...)
        Statistics; larger is more extreme.
    null : array of shape (draw, ...)
        The same under the null hypothesis; NaN is no draw and left out, infinity reaches all.
    two_sided : bool
        Compare absolute values.

    Returns
    -------
    array of shape (...)
        p-values; NaN where ``observed`` is not finite or no draw is.

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
    low, high = (
        f.reduce(draws, axis=0, where=numbers, initial=0) for f in (np.minimum, np.maximum)
    )
    tie = _tie(values, np.maximum(high, -low))
    reached = (draws >= values - tie).sum(axis=0)  # NaN reaches nothing
    count = (~np.isnan(draws)).sum(axis=0)
    defined = np.isfinite(values) & (count > 0)
    return np.where(defined, (1 + reached) / (1 + count), np.nan)[()]


def max_statistic(observed: np.ndarray, null: np.ndarray, *, two_sided: bool = False) -> np.ndarray:
    """Single-step p-values: how often the largest null statistic reaches each observed one.

    The tie rule and the p-value are those of :func:`monte_carlo_p`, with the largest value of each
    draw as the null of every point; so the chance of any false rejection is at most alpha.

    Parameters
    ----------
    observed : array of shape (...)
        Statistics; larger is more extreme.
    null : array of shape (draw, ...)
        The same under the null hypothesis; the axes after the first need not be those of
        ``observed``. NaN is left out, a draw of NaN alone is none, and infinity reaches all.
    two_sided : bool
        Compare absolute values.

    Returns
    -------
    array of shape (...)
        p-values; NaN where ``observed`` is not finite or no draw is.

    References
    ----------
    Westfall & Young 1993; Nichols & Holmes 2002.

    Examples
    --------
    >>> null = np.array([[0.1, 0.2], [0.0, 0.4], [0.3, 0.1]])
    >>> max_statistic(np.array([0.5, 0.3]), null)
    array([0.25, 0.75])
    """
    draws = np.asarray(null, dtype=np.float64)
    draws = draws.reshape(len(draws), int(np.prod(draws.shape[1:])))
    values = np.asarray(observed, dtype=np.float64)
    if two_sided:
        values, draws = np.abs(values), np.abs(draws)
    known = ~np.isnan(draws)
    largest = np.where(known, draws, -np.inf).max(axis=1, initial=-np.inf)
    largest = np.sort(largest[known.any(axis=1)])
    tie = _tie(values, np.abs(largest[np.isfinite(largest)]).max(initial=0))
    limits = np.where(np.isfinite(values), values - tie, 0)
    reached = len(largest) - np.searchsorted(largest, limits, side="left")
    defined = np.isfinite(values) & (len(largest) > 0)
    return np.where(defined, (1 + reached) / (1 + len(largest)), np.nan)


def null_high(null: np.ndarray, share: float) -> np.ndarray:
    """The draw of a null distribution below which at least a share of the draws lie.

    No interpolation between draws (NumPy's method "higher"): the rule of every critical value and
    every ``null_high``.

    Parameters
    ----------
    null : array of shape (draw, ...)
        Statistics under the null hypothesis; NaN is no draw and left out.
    share : float
        Between 0 and 1.

    Returns
    -------
    array of shape (...)
        NaN where no draw is.

    Examples
    --------
    >>> float(null_high(np.arange(200.0), 0.95))
    190.0
    """
    draws = np.sort(np.asarray(null, dtype=np.float64), axis=0)  # NaN last
    count = (~np.isnan(draws)).sum(0)
    place = np.ceil(np.round(share * (count - 1), 9)).astype(np.int64)
    if not len(draws):
        return np.full(draws.shape[1:], np.nan)
    high = np.take_along_axis(draws, np.maximum(place, 0)[None], 0)[0]
    return np.where(count > 0, high, np.nan)


def _tie(values: Any, largest: Any) -> Any:
    """What is less than this is a difference of rounding."""
    return SAME * np.maximum(largest, np.abs(np.nan_to_num(values, posinf=0, neginf=0)))


def t_quantile(confidence: float, dof: float) -> float:
    """Half the width, in standard errors, of the two-sided interval; NaN for no degrees of freedom.

    Examples
    --------
    >>> round(t_quantile(0.95, 9), 3)
    2.262
    """
    from scipy import stats

    return float(stats.t.ppf(0.5 + confidence / 2, dof)) if dof > 0 else float("nan")
