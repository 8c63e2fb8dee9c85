"""Signal detection: d' of a classifier that chooses one of several classes."""

from __future__ import annotations

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import column


def dprime(
    labels: np.ndarray, answers: np.ndarray, classes: int, counts: np.ndarray | None = None
) -> np.ndarray:
    """One-versus-rest d' averaged over classes; 0 for answers that do not depend on the label.

    d'_c = z(H_c) - z(F_c), with H_c = (hits + p) / (trials of c + 2 p) and
    F_c = (false alarms + q) / (other trials + 2 q), where p is the share of trials that are of
    class c and q = 1 - p: the log-linear correction, which keeps rates of 0 and 1 finite, with
    constants in proportion to the trials; for as many trials of c as of others it adds 0.5 and 1.
    Always the same answer then gives exactly 0. A false alarm of c is an answer c to another class.

    Parameters
    ----------
    labels : int array of shape (trial,)
        The class shown: 0 .. classes - 1.
    answers : int array of shape (trial,)
        The class answered: 0 .. classes - 1; joined with the labels by the ids that both carry.
    classes : int
        How many classes there are.
    counts : array of shape (resample, trial), optional
        How often each trial counts, for bootstraps.

    Returns
    -------
    float, or array of shape (resample,)
        In standard deviations. Classes without trials are left out (in that resample).

    Raises
    ------
    AnalysisError
        For labels or answers outside the classes and where fewer than two classes have trials.

    References
    ----------
    Green & Swets 1966; Hautus 1995 (correction); Macmillan & Creelman 2005.

    Examples
    --------
    >>> labels = np.repeat([0, 1], 50)
    >>> answers = np.r_[np.repeat([0, 1], [40, 10]), np.repeat([1, 0], [35, 15])]
    >>> dprime(labels, answers, 2).round(4)  # z(40.5 / 51) - z(15.5 / 51) of both classes
    np.float64(1.3339)
    """
    shown_as, said_as = column(labels, "labels"), column(answers, "answers")
    true, said = shown_as.values, said_as.values
    if true.shape == said.shape and counts is None:
        said = said_as.like(shown_as).values
    if true.ndim != 1 or true.shape != said.shape or not len(true):
        raise AnalysisError(
            f"labels have shape {true.shape}, answers {said.shape}; one of each for every trial "
            "is needed"
        )
    for what, values in (("labels", true), ("answers", said)):
        if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= classes:
            raise AnalysisError(
                f"{what} must be whole numbers from 0 to {classes - 1}; found {values.min()} to "
                f"{values.max()}"
            )
    is_class = true[:, None] == np.arange(classes)
    chosen = said[:, None] == np.arange(classes)
    weight = (
        np.ones((1, len(true)), np.float32) if counts is None else np.asarray(counts, np.float32)
    )
    table = weight @ np.concatenate([is_class, is_class & chosen, chosen], axis=1).astype(
        np.float32
    )
    of_class, hits, answered = (v.astype(np.float64) for v in np.split(table, 3, axis=1))
    d = _rates(hits, answered - hits, of_class, weight.sum(1, dtype=np.float64)[:, None] - of_class)
    shown = np.isfinite(d).sum(1)
    if (shown < 2).any():
        raise AnalysisError(
            "d' needs trials of at least two classes; show stimuli of several labels"
        )
    mean = np.nansum(d, axis=1) / shown
    return mean if counts is not None else mean[0]


def _rates(
    hits: np.ndarray, false_alarms: np.ndarray, signal: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """z(H) - z(F) with the log-linear correction; NaN where there are no trials of a kind."""
    from scipy.special import ndtri

    p = signal / (signal + noise)
    with np.errstate(invalid="ignore"):
        d = ndtri((hits + p) / (signal + 2 * p)) - ndtri(
            (false_alarms + 1 - p) / (noise + 2 * (1 - p))
        )
    return np.where((signal > 0) & (noise > 0), d, np.nan)
