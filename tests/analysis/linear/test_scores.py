"""Scores in resamples are correlations of the resampled stimuli."""

import numpy as np
import pytest
import scipy.stats

from cortexsim.analysis.linear.scores import Held, by_split, resampled
from cortexsim.analysis.linear.splits import splits_of


def splits(stimuli=60, folds=4, seed=0, groups=None):
    groups = np.arange(stimuli) if groups is None else groups
    return splits_of("folds", groups, folds, inner_folds=3, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(3))
def test_resamples_are_correlations_of_the_resampled_stimuli(seed):
    rng = np.random.default_rng(seed)
    held = []
    for s in splits(30, 3):
        there = rng.normal(size=(len(s.test), 4)) + 100
        held.append(Held(s.test, there + rng.normal(size=there.shape), there, np.zeros(4)))
    counts = rng.multinomial(30, np.full(30, 1 / 30), size=20)
    for c, r in zip(counts, resampled(held, counts)):
        each = []
        for h in held:
            rows = np.repeat(np.arange(len(h.test)), c[h.test])
            each.append(
                [
                    scipy.stats.pearsonr(h.predicted[rows, k], h.measured[rows, k])[0]
                    for k in range(4)
                ]
            )
        np.testing.assert_allclose(r, np.mean(each, axis=0), atol=1e-9)
    np.testing.assert_allclose(
        resampled(held, np.ones((1, 30), int))[0], by_split(held).mean(0), atol=1e-9
    )
