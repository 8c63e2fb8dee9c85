"""Weighted combinations of RDMs, fitted and tested on different conditions."""

from __future__ import annotations

import numpy as np

from cortexsim.analysis.evaluation.bootstrap import DISTINCT, Resampler
from cortexsim.analysis.rsa.comparators import COMPARATORS, Comparator, largest_one
from cortexsim.shapes import Bool, Float, Int


def nonnegative(
    gram: Float[np.ndarray, "component component"], cross: Float[np.ndarray, " component"]
) -> Float[np.ndarray, " component"]:
    """Non-negative least squares from its normal equations.

    The weights w >= 0 that minimise w^T G w - 2 c^T w.

    Parameters
    ----------
    gram : array of shape (component, component)
        G, inner products of the components.
    cross : array of shape (component,)
        c, their inner products with the target.

    Returns
    -------
    array of shape (component,)

    Examples
    --------
    >>> nonnegative(np.eye(2), np.array([0.5, -0.2]))
    array([0.5, 0. ])
    """
    from scipy.optimize import nnls

    values, vectors = np.linalg.eigh(gram)  # a root of G, also where components are collinear
    root = vectors * np.sqrt(np.maximum(values, 1e-12 * values[-1]))
    return nnls(root.T, np.linalg.lstsq(root, cross, rcond=None)[0])[0]


class Combination:
    """Components whose non-negative weights are fitted on conditions and tested on others.

    The weights maximise the comparator's linear counterpart (cosine, or correlation for those that
    centre or rank) with the subjects' pooled RDM; least squares with a free scale does that. No
    test condition is in any pair of the fit, nor is a copy of it: folds are of conditions, not of
    their copies in a resample.

    Parameters
    ----------
    components : array of shape (component, pair)
        RDMs that are combined.
    data : array of shape (subject, pair)
    comparator : Comparator
    exists : bool array of shape (pair,), optional
        Which pairs exist; all, unless given.
    """

    def __init__(
        self,
        components: Float[np.ndarray, "component pair"],
        data: Float[np.ndarray, "subject pair"],
        comparator: Comparator,
        *,
        exists: Bool[np.ndarray, " pair"] | None = None,
    ) -> None:
        components = largest_one(
            components if exists is None else np.where(exists, components, 0.0)
        )  # as Resampler scales them
        self.components, self.data, self.c, self.exists = components, data, comparator, exists
        linear = (
            comparator if not (comparator.ranked or comparator.sign) else COMPARATORS["pearson"]
        )
        self.to_data = Resampler(components, data, linear, exists=exists)
        self.to_each_other = Resampler(components, components, linear, exists=exists)

    def weights(
        self,
        counts: Int[np.ndarray, "resample condition"],
        subjects: Int[np.ndarray, "resample subject"],
    ) -> Float[np.ndarray, "resample component"]:
        """Weights fitted in each resample; NaN where it holds too few conditions."""
        weights = np.full((len(counts), len(self.components)), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            cross, _, _, scale = self.to_data.inner(counts)
            target = (cross / scale[:, None] * subjects[:, None]).sum(2)
            each = self.to_each_other.inner(counts)[0]
            size = np.sqrt(np.maximum(np.diagonal(each, axis1=1, axis2=2), 0))
        for b in np.flatnonzero((counts > 0).sum(1) >= DISTINCT):
            useful = (size[b] > 1e-6) & np.isfinite(
                target[b]
            )  # a component that does not vary has weight 0
            scaled = size[b][useful]
            weights[b] = 0
            if useful.any():
                gram = each[b][np.ix_(useful, useful)] / np.outer(scaled, scaled)
                weights[b, useful] = nonnegative(gram, target[b][useful] / scaled) / scaled
        return weights

    def similarity(
        self,
        train: Int[np.ndarray, "resample condition"],
        test: Int[np.ndarray, "resample condition"],
        subjects: Int[np.ndarray, "resample subject"],
    ) -> Float[np.ndarray, "resample subject"]:
        """Of the combination fitted in ``train`` counts with each subject in ``test`` counts.

        A combination whose weights are all zero predicts nothing: its similarity is 0.
        """
        w = self.weights(train, subjects)
        if self.c.ranked or self.c.sign:
            return self._of_ranks(w, test)
        with np.errstate(invalid="ignore", divide="ignore"):
            cross, _, gram, _ = self.to_data.inner(test)
            each = self.to_each_other.inner(test)[0]
            own = np.einsum("bi,bij,bj->b", w, each, w)
            size = np.sqrt(own[:, None] * np.diagonal(gram, axis1=1, axis2=2))
            similarity = np.einsum("bi,bis->bs", w, cross) / size
        similarity[(w == 0).all(1)] = 0.0
        similarity[(test > 0).sum(1) < DISTINCT] = np.nan
        return similarity

    def _of_ranks(self, w: np.ndarray, test: np.ndarray) -> np.ndarray:
        """The same for comparators that rank: the combination is ranked in every resample."""
        similarity = np.full((len(w), len(self.data)), np.nan)
        for b in np.flatnonzero(np.isfinite(w).all(1)):
            if not w[b].any():
                similarity[b] = 0.0
                continue
            combined = (w[b] @ self.components)[None]
            sampler = Resampler(combined, self.data, self.c, exists=self.exists)
            similarity[b] = sampler(test[b : b + 1], []).similarity[0, 0]
        return similarity
