"""Intervals of image-level consistency hold what was planted; of nothing, 5 % is found."""

import numpy as np
import pytest
from levels import near

from cortexsim.analysis import Inference, image_consistency

pytestmark = pytest.mark.slow
RUNS = 150


def people(rng, stimuli=100, classes=5):
    """Probabilities of answers to images of different difficulty."""
    y = np.arange(stimuli) % classes
    own = (1 + rng.uniform(0, 3, (stimuli, 1))) * np.eye(classes)[y]
    p = np.exp(rng.normal(size=(stimuli, classes)) + own)
    return p / p.sum(1, keepdims=True), y


@pytest.mark.parametrize("alike", [0.0, 1.0], ids=["unrelated", "related"])
def test_intervals_hold_what_such_experiments_give_on_average(alike):
    values, intervals = [], []
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        p, y = people(rng)
        other, _ = people(rng)
        model = p**alike * other ** (1 - 0.5 * alike)
        model /= model.sum(1, keepdims=True)
        result = image_consistency(
            model[:, None],
            rng.multinomial(10, p),
            y,
            metric="i1n",
            splits=2,
            inference=Inference(n=200, rng=seed),
        )
        values.append(float(result.rate_value[0]))
        intervals.append(result.rate_interval.values[:, 0])
    low, high = np.transpose(intervals)
    truth = np.mean(values) if alike else 0.0
    assert abs(np.mean(values) - truth) < 0.03
    assert alike == 0 or truth > 0.3
    held = np.mean((low <= truth) & (truth <= high))
    assert near(held, 0.95, RUNS), held
