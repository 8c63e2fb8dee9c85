"""Weighted combinations of RDMs, fitted and tested on different conditions."""

from __future__ import annotations

import numpy as np

from cortexsim.analysis.evaluation.bootstrap import DISTINCT, Resampler
from cortexsim.analysis.rsa.comparators import COMPARATORS, Comparator, largest_one


def nonnegative(gram: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """The weights w >= 0 that minimise w^T G w - 2 c^T w: non-negative least squares from its normal equations.

    >>> nonnegative(np.eye(2), np.array([0.5, -0.2]))
    array([0.5, 0. ])
    """
    from scipy.optimize import nnls

    values, vectors = np.linalg.eigh(gram)  # a root of G, also where components are collinear
    root = vectors * np.sqrt(np.maximum(values, 1e-12 * values[-1]))
    return nnls(root.T, np.linalg.lstsq(root, cross, rcond=None)[0])[0]


class Combination:
    """Components ``(component, pair)`` whose non-negative weights are fitted on training conditions and tested on the pairs of others.

    The weights maximise the comparator's linear counterpart (cosine, or correlation for those that centre or rank) with the subjects' pooled RDM;
    least squares with a free scale does that. No test condition is in any pair of the fit, nor is a copy of it: folds are of conditions, not of
    their copies in a resample.
    """

    def __init__(
        self,
        components: np.ndarray,
        data: np.ndarray,
        comparator: Comparator,
        *,
        here: np.ndarray | None = None,
    ) -> None:
        components = largest_one(
            components if here is None else np.where(here, components, 0.0)
        )  # as Resampler scales them
        self.components, self.data, self.c, self.here = components, data, comparator, here
        linear = (
            comparator if not (comparator.ranked or comparator.sign) else COMPARATORS["pearson"]
        )
        self.to_data = Resampler(components, data, linear, here=here)
        self.to_each_other = Resampler(components, components, linear, here=here)

    def weights(self, counts: np.ndarray, subjects: np.ndarray) -> np.ndarray:
        """Weights ``(resample, component)`` fitted in each resample; NaN where it holds too few conditions."""
        out = np.full((len(counts), len(self.components)), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            cross, _, _, scale = self.to_data.inner(counts)
            target = (cross / scale[:, None] * subjects[:, None]).sum(2)
            each = self.to_each_other.inner(counts)[0]
            size = np.sqrt(np.maximum(np.diagonal(each, axis1=1, axis2=2), 0))
        for b in np.flatnonzero((counts > 0).sum(1) >= DISTINCT):
            useful = (size[b] > 1e-6) & np.isfinite(
                target[b]
            )  # a component that does not vary here has weight 0
            scaled = size[b][useful]
            out[b] = 0
            if useful.any():
                gram = each[b][np.ix_(useful, useful)] / np.outer(scaled, scaled)
                out[b, useful] = nonnegative(gram, target[b][useful] / scaled) / scaled
        return out

    def similarity(self, train: np.ndarray, test: np.ndarray, subjects: np.ndarray) -> np.ndarray:
        """Of the combination fitted in ``train`` counts with each subject in ``test`` counts: ``(resample, subject)``.

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
            out = np.einsum("bi,bis->bs", w, cross) / size
        out[(w == 0).all(1)] = 0.0
        out[(test > 0).sum(1) < DISTINCT] = np.nan
        return out

    def _of_ranks(self, w: np.ndarray, test: np.ndarray) -> np.ndarray:
        out = np.full((len(w), len(self.data)), np.nan)
        for b in np.flatnonzero(np.isfinite(w).all(1)):
            if not w[b].any():
                out[b] = 0.0
                continue
            one = Resampler((w[b] @ self.components)[None], self.data, self.c, here=self.here)
            out[b] = one(test[b : b + 1], []).similarity[0, 0]
        return out
