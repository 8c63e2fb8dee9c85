"""Reaction times: the first certain step, speed against accuracy."""

import numpy as np
import pytest
import scipy.stats

from cortexsim.analysis import (
    Inference,
    reaction_times,
    softmax,
    speed_accuracy,
)
from cortexsim.analysis.behavior.reaction_time import CRITERIA, entropy


def rising(rng, stimuli=120, steps=8, classes=3):
    """Evidence for the true class that grows at a rate of the image's own.

    Probabilities, labels, rates.
    """
    y = np.arange(stimuli) % classes
    rate = rng.uniform(0.05, 1.0, stimuli)
    logits = (rate[:, None] * np.arange(steps))[..., None] * np.eye(classes)[y][:, None]
    return softmax(logits), y, rate


def test_entropy_is_that_of_scipy():
    p = np.random.default_rng(7).dirichlet(np.ones(5), 30)
    np.testing.assert_allclose(entropy(p), scipy.stats.entropy(p, base=2, axis=1))


@pytest.mark.parametrize("criterion", CRITERIA)
def test_an_answer_is_given_at_the_first_certain_step(criterion):
    p, y, _ = rising(np.random.default_rng(8))
    limit = 0.5
    found = reaction_times(p, limit, y, criterion=criterion)
    u = CRITERIA[criterion](p)
    for i in range(len(y)):
        below = np.flatnonzero(u[i] <= limit)
        assert found.time[i] == (below[0] + 1 if len(below) else 8)
        assert bool(found.answered[i]) == bool(len(below))
        assert found.choice[i] == p[i, int(found.time[i]) - 1].argmax()
    assert 0 < float(found.coverage) < 1


def test_speed_is_traded_for_accuracy():
    rng = np.random.default_rng(9)
    y = np.arange(300) % 3
    evidence = np.cumsum(0.5 * np.eye(3)[y][:, None] + rng.normal(size=(300, 12, 3)), 1)
    found = speed_accuracy(softmax(evidence), y, inference=Inference(n=100))
    assert found.time.values[0] > found.time.values[-1]
    assert found.accuracy.values[0] > found.accuracy.values[-1] + 0.2
    assert (np.diff(found.time) <= 0).all()
    # Sequential sampling: answering when certain beats answering always at the same step, at the
    # same mean time.
    middle = len(found.threshold) // 3
    fixed = np.interp(float(found.time[middle]), found.step, found.fixed_accuracy)
    assert float(found.accuracy[middle]) > fixed
