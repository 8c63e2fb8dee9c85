"""The reliability of responses, also where trials are missing."""

import numpy as np

from cortexsim.analysis import (
    Inference,
    split_half_reliability,
)


def test_reliability_is_that_of_the_mean_over_all_trials_also_where_trials_are_missing():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(3000, 2))
    trials = signal + np.array([1, 3]) * rng.normal(size=(9, 3000, 2))
    expected = 1 / (1 + np.array([1, 9]) / 9)
    np.testing.assert_allclose(
        split_half_reliability(trials, inference=Inference(rng=rng)), expected, atol=0.03
    )
    trials[rng.random(trials.shape) < 0.3] = np.nan
    trials[:2] = np.nan_to_num(trials[:2], nan=0.0) + np.where(np.isnan(trials[:2]), signal, 0)
    found = split_half_reliability(trials, inference=Inference(rng=rng))
    assert (found < expected).all()
    assert (found > expected - 0.15).all()
