"""A two-sided p-value from the resamples of a difference."""

from __future__ import annotations

import numpy as np

from cortexsim.analysis.statistics.pvalues import monte_carlo_p


def resampled_p(draws: np.ndarray, *, within: float = 0.0) -> float:
    """Twice the smaller share of resamples at or beyond zero, at most 1.

        p = 2 min((1 + #{draws <= within}) / (1 + n), (1 + #{draws >= -within}) / (1 + n))

    Parameters
    ----------
    draws : array of shape (resample,)
        Of a difference; NaN (a side without a value) is no evidence for any order, and counts on
        both sides.
    within : float
        What cannot be told from zero, in the unit of the draws.

    Returns
    -------
    float
        At least 2 / (1 + n).

    Examples
    --------
    >>> resampled_p(np.array([1.0, 2.0, 3.0]))
    0.5
    >>> resampled_p(np.array([1.0, 2.0, 3.0]), within=1.0)
    1.0
    """
    values = np.where(np.isnan(draws), 0.0, draws)
    sides = (monte_carlo_p(-within, values), monte_carlo_p(-within, -values))
    return min(1.0, 2 * float(min(sides)))
