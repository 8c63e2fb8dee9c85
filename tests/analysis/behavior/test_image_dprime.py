"""d' of images: its definitions, caps, refusals."""

import itertools

import numpy as np
import pytest
import scipy.stats

from cortexsim.analysis import (
    image_dprimes,
)
from cortexsim.errors import AnalysisError


def planted(rng, stimuli=300, classes=4, sharp=1.0):
    """Probabilities whose sharpness differs between images, and their labels."""
    y = np.arange(stimuli) % classes
    logits = (
        rng.normal(size=(stimuli, classes))
        + sharp * rng.uniform(0, 3, (stimuli, 1)) * np.eye(classes)[y]
    )
    p = np.exp(logits)
    return p / p.sum(1, keepdims=True), y


def brute_i2(q, y, i, c):
    """One image and distractor, by the definition."""
    o = y[i]
    z = scipy.stats.norm.ppf
    hit = q[i, o] / (q[i, o] + q[i, c])
    false = np.mean([q[j, o] / (q[j, o] + q[j, c]) for j in range(len(y)) if y[j] == c])
    return float(np.clip(z(hit) - z(false), -5, 5))


def test_i1_and_i2_are_their_definitions():
    rng = np.random.default_rng(1)
    q, y = planted(rng, stimuli=24)
    z = scipy.stats.norm.ppf
    i2 = image_dprimes(q, y, "i2")
    for i, c in itertools.product(range(24), range(4)):
        assert np.isnan(i2[i, c]) if c == y[i] else i2[i, c] == pytest.approx(brute_i2(q, y, i, c))
    pooled = [np.mean([brute_i2(q, y, i, c) for c in range(4) if c != y[i]]) for i in range(24)]
    np.testing.assert_allclose(image_dprimes(q, y, "i1", pool="dprimes"), pooled)
    for i in range(24):
        o = y[i]
        hit = np.mean([q[i, o] / (q[i, o] + q[i, c]) for c in range(4) if c != o])
        false = np.mean([q[j, o] / (q[j, o] + q[j, y[j]]) for j in range(24) if y[j] != o])
        assert image_dprimes(q, y)[i] == pytest.approx(np.clip(z(hit) - z(false), -5, 5))


def test_the_normalised_metrics_have_no_mean_within_an_object():
    q, y = planted(np.random.default_rng(2))
    for metric in ("i1n", "i2n"):
        d = image_dprimes(q, y, metric)
        for k in range(4):
            own = d[y == k] if d.ndim == 1 else d[y == k][:, np.arange(4) != k]
            mean = own.mean(0)
            np.testing.assert_allclose(mean, 0, atol=1e-12)


def test_dprime_of_certain_answers_is_capped_and_of_guesses_is_zero():
    y = np.array([0, 0, 1, 1])
    np.testing.assert_array_equal(image_dprimes(np.eye(2)[y], y), 5)
    np.testing.assert_array_equal(image_dprimes(np.full((4, 2), 0.5), y), 0)
    np.testing.assert_array_equal(image_dprimes(np.eye(2)[1 - y], y), -5)
    always = np.tile([1, 0], (4, 1))  # says 0 whatever is shown: no discrimination
    np.testing.assert_array_equal(image_dprimes(always, y), 0)


@pytest.mark.parametrize(
    ("choices", "labels"),
    [
        (np.ones((3, 2)), [0, 1]),
        (np.ones((3, 2)), [0, 1, 2]),
        (np.ones((3, 2)), [0, 0, 0]),
        (-np.ones((2, 2)), [0, 1]),
        (np.ones((2, 2)), [0.0, 1.0]),
        (np.ones((2, 2)), [-1, 0]),
    ],
)
def test_dprime_refuses_what_it_is_not_defined_for(choices, labels):
    with pytest.raises(AnalysisError):
        image_dprimes(choices, labels)
