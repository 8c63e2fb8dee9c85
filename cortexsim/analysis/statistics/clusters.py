"""Cluster-based permutation inference over time, or over model time x brain time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cortexsim.analysis.statistics.draws import FEWER
from cortexsim.analysis.statistics.pvalues import max_statistic
from cortexsim.analysis.statistics.sizes import room_for
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plain import numbers
from cortexsim.shapes import Float

LEAST = 20  # permutations of which a p-value below 0.05 can come


class Clusters(NamedTuple):
    """Clusters of points and how likely the largest of them is by chance.

    Parameters
    ----------
    labels : array of shape (time,) or (step, time)
        Number of the cluster at each point, 0 outside.
    p : array of shape (cluster,)
        (1 + null maxima at least as large) / (1 + permutations).
    mass : array of shape (cluster,)
        Sum of the statistic over each cluster.
    """

    labels: np.ndarray
    p: np.ndarray
    mass: np.ndarray

    def p_map(self) -> np.ndarray:
        """The p-value of the cluster at each point, NaN outside clusters."""
        return np.concatenate([[np.nan], self.p])[self.labels]


@clear_errors
def cluster_test(statistic: Any, null: Any, threshold: Any) -> Clusters:
    """Clusters of neighbouring points above a threshold, tested against the largest by chance.

    The mass of a cluster is the sum of the statistic over it; its p-value is that of the maximum
    over all clusters of a permutation, so that the chance of any false cluster is controlled over
    the whole axis. A significant cluster says that there is an effect in it, not that its edges
    are where the effect begins and ends.

    Parameters
    ----------
    statistic : array of shape (time,) or (step, time)
        Large where there is an effect (one-sided); NaN, which says that a point does not exist,
        counts as below the threshold.
    null : array of shape (permutation, time) or (permutation, step, time)
        The statistic in data without the effect; NaN only at points that do not exist.
    threshold : float or array of the shape of ``statistic``
        Points above it form clusters.

    Returns
    -------
    Clusters

    Raises
    ------
    AnalysisError
        For shapes that differ, fewer than 20 permutations, and NaN in the null or the threshold at
        points that have a statistic.

    References
    ----------
    Maris & Oostenveld 2007.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tested = cluster_test([0, 0, 4, 5, 4, 0], rng.standard_normal((999, 6)), 2.0)
    >>> tested.labels.tolist(), tested.p.tolist()
    ([0, 0, 1, 1, 1, 0], [0.001])
    """
    observed, permuted, limit = (
        numbers(values, what).astype(np.float64)
        for values, what in ((statistic, "statistic"), (null, "null"), (threshold, "threshold"))
    )
    if observed.ndim not in (1, 2) or permuted.shape[1:] != observed.shape:
        raise AnalysisError(
            f"the statistic has shape {observed.shape} and its null {permuted.shape}; (time,) or "
            "(step, time), and (permutation, ...) of the same"
        )
    if len(permuted) < LEAST:
        raise AnalysisError(
            f"{len(permuted)} permutations cannot give a p-value below 0.05; take at least "
            f"{LEAST}, better 1000"
        )
    if limit.shape not in ((), observed.shape):
        raise AnalysisError(
            f"the threshold has shape {limit.shape}; a number, or one for each point "
            f"{observed.shape}"
        )
    if (limit < 0).any():
        raise AnalysisError(
            f"a threshold of {limit.min():g}: clusters are of points where the statistic is large, "
            "above a threshold of 0 or more; subtract what is expected without an effect first"
        )
    _refuse_unknown(observed, permuted, limit)
    labels, mass = _masses(observed, limit)
    largest = np.array([_masses(values, limit)[1].max(initial=0) for values in permuted])
    return Clusters(labels, max_statistic(mass, largest), mass)


def _refuse_unknown(observed: np.ndarray, permuted: np.ndarray, limit: np.ndarray) -> None:
    """AnalysisError for NaN in the null or the threshold of a point that has a statistic."""
    known = ~np.isnan(observed)
    missing = np.isnan(permuted)
    if (holes := missing & (known | ~missing.all(0))).any():
        rows = int(holes.reshape(len(permuted), -1).any(1).sum())
        raise AnalysisError(
            f"{int(holes.sum())} of {permuted.size} values of the null are NaN, in {rows} of "
            f"{len(permuted)} permutations; "
            "a statistic that is not defined in a permutation cannot be compared: leave these "
            "points out (NaN in the statistic and in every permutation)"
        )
    if (np.isnan(limit) & known).any():
        raise AnalysisError(
            "the threshold is NaN where the statistic is a number; nothing is above it. Give a "
            "number, e.g. scipy.stats.t.ppf(0.95, subjects - 1)"
        )


def _masses(values: np.ndarray, limit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The labels of the clusters of one map, and their masses."""
    from scipy import ndimage

    inside = values > limit
    labels, count = ndimage.label(inside)
    if not count:
        return labels, np.zeros(0)
    mass = ndimage.sum_labels(np.where(inside, values, 0), labels, np.arange(1, count + 1))
    return labels, np.asarray(mass)


def sign_flips(
    by_subject: Float[np.ndarray, " subject *point"], n: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " *point"], Float[np.ndarray, " flip *point"]]:
    """One-sample t over subjects, and its null of random sign flips of whole subjects.

    The null says that the effects of a subject are symmetric about zero. Where all 2^subjects
    flips are at most n, they are enumerated, so that no p-value is finer than the data allow.

    Parameters
    ----------
    by_subject : array of shape (subject, ...)
        The effect of each subject.
    n : int
        Random flips.
    rng : numpy.random.Generator
        To draw from.

    Returns
    -------
    t : array of shape (...)
    null : array of shape (flip, ...)

    Examples
    --------
    >>> t, null = sign_flips(np.array([1.0, 2.0, 3.0]), 100, np.random.default_rng(0))
    >>> float(t.round(3)), null.shape
    (3.464, (7,))
    """
    count, shape = len(by_subject), by_subject.shape[1:]
    flat = by_subject.reshape(count, -1)
    flips = min(n, 2**count)
    room_for({"flip": flips, "point": flat.shape[1]}, "t of all sign flips", FEWER)
    room_for({"flip": flips, "subject": count}, "sign flips", FEWER)
    if 2**count <= n:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        signs = 1.0 - 2.0 * bits[1:]  # without the observed one
    else:
        signs = rng.choice([-1.0, 1.0], size=(n, count))
    squares = (flat**2).sum(0)

    def t(mean: np.ndarray) -> np.ndarray:
        variance = np.maximum(squares / count - mean**2, 1e-300) / (count - 1)
        return mean / np.sqrt(variance)

    return t(flat.mean(0)).reshape(shape), t(signs @ flat / count).reshape(-1, *shape)


def cluster_mass(t: np.ndarray, threshold: float) -> np.ndarray:
    """The mass of the cluster in time that each point lies in.

    Parameters
    ----------
    t : array of shape (..., time)
        A statistic.
    threshold : float
        Runs of neighbouring times above it are clusters.

    Returns
    -------
    array of shape (..., time)
        The sum of t over the cluster of each point; 0 outside.

    References
    ----------
    Maris & Oostenveld 2007.

    Examples
    --------
    >>> cluster_mass(np.array([0.0, 3.0, 4.0, 1.0, 5.0]), 2.0)
    array([0., 7., 7., 0., 5.])
    """
    from scipy import ndimage

    rows = np.atleast_2d(t)
    labels, count = ndimage.label(rows > threshold, structure=[[0, 0, 0], [1, 1, 1], [0, 0, 0]])
    mass = ndimage.sum_labels(rows, labels, np.arange(count + 1))
    mass[0] = 0.0
    return np.asarray(mass)[labels].reshape(t.shape)
