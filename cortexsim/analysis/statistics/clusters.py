"""Cluster-based permutation inference over time, or over model time x brain time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    pass


class Clusters(NamedTuple):
    """labels: number of the cluster at each point, 0 outside. p: of each cluster, (1 + null maxima at least as large) / (1 + permutations).
    mass: sum of the statistic over each cluster."""

    labels: np.ndarray
    p: np.ndarray
    mass: np.ndarray

    def p_map(self) -> np.ndarray:
        """The p-value of the cluster at each point, NaN outside clusters."""
        return np.concatenate([[np.nan], self.p])[self.labels]


def cluster_test(statistic: Any, null: Any, threshold: Any) -> Clusters:
    """Clusters of neighbouring points above a threshold, each tested against the largest cluster of every permutation.

    The mass of a cluster is the sum of the statistic over it; its p-value is that of the maximum over all clusters of a permutation, so that the
    chance of any false cluster is controlled over the whole axis (Maris & Oostenveld 2007). A significant cluster says that there is an effect in
    it, not that its edges are where the effect begins and ends.

    statistic: ``(time,)`` or ``(step, time)``, large where there is an effect (one-sided); NaN counts as below the threshold.
    null: ``(permutation, ...)`` of the same shape: the statistic in data without the effect. threshold: a number or one for each point.

    Raises AnalysisError for shapes that differ and fewer than 20 permutations.

    >>> rng = np.random.default_rng(0)
    >>> found = cluster_test([0, 0, 4, 5, 4, 0], rng.standard_normal((999, 6)), 2.0)
    >>> found.labels.tolist(), found.p.tolist()
    ([0, 0, 1, 1, 1, 0], [0.001])
    """
    from scipy import ndimage

    observed, permuted = np.asarray(statistic, dtype=np.float64), np.asarray(null, dtype=np.float64)
    if observed.ndim not in (1, 2) or permuted.shape[1:] != observed.shape:
        raise AnalysisError(
            f"the statistic has shape {observed.shape} and its null {permuted.shape}; (time,) or (step, time), and (permutation, ...) of the same"
        )
    if len(permuted) < 20:
        raise AnalysisError(
            f"{len(permuted)} permutations cannot give a p-value below 0.05; take at least 20, better 1000"
        )
    limit = np.asarray(threshold, dtype=np.float64)
    if limit.shape not in ((), observed.shape):
        raise AnalysisError(
            f"the threshold has shape {limit.shape}; a number, or one for each point {observed.shape}"
        )
    above = np.broadcast_to(limit, observed.shape)

    def masses(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inside = values > above
        labels, count = ndimage.label(inside)
        if not count:
            return labels, np.zeros(0)
        return labels, np.asarray(
            ndimage.sum_labels(np.where(inside, values, 0), labels, np.arange(1, count + 1))
        )

    labels, mass = masses(observed)
    largest = np.array([max(masses(values)[1], default=0.0) for values in permuted])
    p = (1 + (largest[None] >= (1 - 1e-9) * mass[:, None]).sum(1)) / (1 + len(permuted))
    return Clusters(labels, p, mass)


def sign_flips(
    by_subject: np.ndarray, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One-sample t of ``(subject, ...)`` over subjects, and of n random sign flips of whole subjects (the null: symmetric about zero).

    Where all 2^subjects flips are at most n, they are enumerated, so that no p-value is finer than the data allow.
    """
    count, shape = len(by_subject), by_subject.shape[1:]
    flat = by_subject.reshape(count, -1)
    if 2**count <= n:
        signs = (
            1.0 - 2.0 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)[1:]
        )  # without the observed one
    else:
        signs = rng.choice([-1.0, 1.0], size=(n, count))
    squares = (flat**2).sum(0)

    def t(mean: np.ndarray) -> np.ndarray:
        variance = np.maximum(squares / count - mean**2, 1e-300) / (count - 1)
        return mean / np.sqrt(variance)

    return t(flat.mean(0)).reshape(shape), t(signs @ flat / count).reshape(-1, *shape)


def cluster_mass(t: np.ndarray, threshold: float) -> np.ndarray:
    """Sum of t ``(..., time)`` over the run of neighbouring times above the threshold that each time lies in; 0 outside (Maris & Oostenveld 2007)."""
    from scipy import ndimage

    rows = np.atleast_2d(t)
    labels, count = ndimage.label(rows > threshold, structure=[[0, 0, 0], [1, 1, 1], [0, 0, 0]])
    mass = ndimage.sum_labels(rows, labels, np.arange(count + 1))
    mass[0] = 0.0
    return np.asarray(mass)[labels].reshape(t.shape)
