"""Random halves of repeats, and from their correlation to the reliability of the whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.shapes import Bool, Int


def spearman_brown(r: Any, *, keep_negative: bool = False) -> Any:
    """The reliability of the whole from the correlation of its halves: 2 r / (1 + r).

    Parameters
    ----------
    r : float or array
        Correlation of the halves.
    keep_negative : bool
        What happens to r <= 0, which the formula carries away from 0 (-0.5 becomes -2) and which
        no reliability can be. False: the formula all the same, so that the ends of an interval keep
        their order, and -inf for r <= -1. True: r stays as it is, within [-1, 1].

    Returns
    -------
    float or array
        Reliability of the whole; NaN where r is.

    Raises
    ------
    AnalysisError
        For what is no correlation.

    References
    ----------
    Spearman 1910; Brown 1910.

    Examples
    --------
    >>> spearman_brown(0.5).round(3)
    np.float64(0.667)
    >>> spearman_brown([-0.5, 0.5]).round(3)
    array([-2.   ,  0.667])
    >>> spearman_brown([-0.5, 0.5], keep_negative=True).round(3)
    array([-0.5  ,  0.667])
    """
    r = np.asarray(r, dtype=np.float64)
    if (np.abs(r) > 1 + 1e-6).any():
        raise AnalysisError(
            f"a correlation lies between -1 and 1; found {np.nanmin(r):g} to {np.nanmax(r):g}"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = 2 * r / (1 + r)
        if keep_negative:
            return np.where(r > 0, whole, r)[()]
        return np.where(r > -1, whole, -np.inf)[()] + 0 * r


def random_halves(
    measured: Bool[np.ndarray, "repeat stimulus ..."], rng: np.random.Generator
) -> Int[np.ndarray, "repeat stimulus ..."]:
    """The half that each repeat goes into: in each cell half of those that are measured.

    The repeats of a stimulus are drawn in one random order for all cells (units, times), and go to
    the two halves by turns, those that a cell lacks passed over. Cells that miss the same repeats
    are so split alike, and cells that miss different ones are split into halves of equal size all
    the same: halves of unequal size agree less, and the formula of Spearman and Brown, which is of
    equal halves, would make too little of them.

    Parameters
    ----------
    measured : array of bool of shape (repeat, stimulus, ...)
        Which repeats each cell has.
    rng : numpy.random.Generator
        To draw from.

    Returns
    -------
    array of int8 of the shape of ``measured``
        0 or 1; of a repeat that is missing it means nothing. The odd one goes to either half.

    Examples
    --------
    >>> measured = np.ones((8, 100), bool)
    >>> measured[:4, 0] = False
    >>> halves = random_halves(measured, np.random.default_rng(0))
    >>> [int((halves[measured[:, k], k] == 1).sum()) for k in (0, 1)]
    [2, 4]
    """
    repeats, stimuli = measured.shape[:2]
    # Also for the times and units of a stimulus.
    wide = (repeats, stimuli, *[1] * (measured.ndim - 2))
    order = np.argsort(rng.random((stimuli, repeats)).T, axis=0).reshape(wide)
    first = rng.integers(0, 2, stimuli).reshape(wide[1:])
    ordered = np.take_along_axis(measured, order, axis=0)
    turn = np.cumsum(ordered, axis=0, dtype=np.int32) - ordered + first
    return np.take_along_axis(turn % 2, np.argsort(order, axis=0), axis=0).astype(np.int8)
