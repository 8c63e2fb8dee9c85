"""What permutations say of the scores of all frames."""

from __future__ import annotations

import numpy as np

from cortexsim.analysis.statistics.pvalues import max_statistic, monte_carlo_p, null_high


def null_tests(observed: np.ndarray, null: np.ndarray, confidence: float) -> dict[str, np.ndarray]:
    """What a null says of scores ``(...)``.

    Parameters
    ----------
    observed : array of shape (...)
        Scores; NaN where there is none.
    null : array of shape (permutation, ...)
        The same of permuted data.
    confidence : float
        Of ``null_high``.

    Returns
    -------
    dict
        null_high, the ``confidence`` quantile of each null; p; p_corrected, against the largest
        score of each permutation.
    """
    defined = np.isfinite(observed) & np.isfinite(null).any(0)
    known = np.where(defined, observed, np.nan)
    return {
        "null_high": np.where(defined, null_high(null, confidence), np.nan),
        "p": np.asarray(monte_carlo_p(known, null)),
        "p_corrected": max_statistic(known, null, two_sided=False),
    }
