"""From the correlation of two halves to the reliability of the whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError


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
