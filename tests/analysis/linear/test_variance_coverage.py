"""Intervals of the parts of explained variance hold what was planted."""

import numpy as np
import pytest
from levels import near

from cortexsim.analysis import CrossValidation, Inference, Regression, partition

pytestmark = pytest.mark.slow
QUICK = CrossValidation(folds=3, inner_folds=3)
ALPHAS = (1e-3, 1e-2, 1e-1, 1.0)
PARTS = ["unique_a", "unique_b", "shared"]


def two_sets(rng, *, stimuli=60, units=16):
    """Two sets that share a dimension, and responses that each explains in part."""
    common = rng.normal(size=(stimuli, 1))
    a, b = (np.hstack([common, rng.normal(size=(stimuli, 3))]) for _ in range(2))
    weights = rng.normal(size=(9, units)) * np.array([1, *[0.7] * 3, *[0.4] * 3, 0, 0])[:, None]
    y = np.hstack([common, a[:, 1:], b[:, 1:], np.zeros((stimuli, 2))]) @ weights
    return a, b, y + rng.normal(size=y.shape)


def test_intervals_of_parts_hold_what_such_experiments_give_on_average():
    runs, means, intervals = 120, [], []
    for seed in range(runs):
        result = partition(
            *two_sets(np.random.default_rng(seed)),
            cv=QUICK,
            regression=Regression(alphas=ALPHAS),
            inference=Inference(n=200, permutations=0, rng=seed),
        )
        means.append(result.mean_over_units.sel(part=PARTS).values)
        intervals.append(result.interval.sel(part=PARTS).values)
    truth = np.mean(means, axis=0)
    low, high = np.moveaxis(intervals, 1, 0)
    held = ((low <= truth) & (truth <= high)).mean(0)
    assert (truth > 0.05).all(), truth
    # The fits are not repeated: rather too wide than too narrow.
    assert all(near(h, 0.95, runs) or h > 0.95 for h in held), held
