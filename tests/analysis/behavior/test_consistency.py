"""Confusions and difficulty of images: scikit-learn, planted truths, refusals."""

import numpy as np
import pytest
import scipy.stats
from grouped import grouped
from sklearn.metrics import confusion_matrix

from cortexsim.analysis import (
    Inference,
    confusion_consistency,
    image_consistency,
    image_dprimes,
    image_rates,
)
from cortexsim.analysis.behavior.consistency import confusions
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


def test_confusions_are_those_of_scikit_learn():
    rng = np.random.default_rng(5)
    p, y = planted(rng, 200)
    said = p.argmax(1)
    expected = confusion_matrix(y, said, normalize="true")
    np.testing.assert_allclose(confusions(np.eye(4)[said], y), expected)
    weights = rng.integers(1, 4, (3, 200)) / 200
    again = confusions(np.eye(4)[said], y, weights)
    for w, one in zip(weights, again):
        np.testing.assert_allclose(
            one, confusion_matrix(y, said, normalize="true", sample_weight=w)
        )


def test_planted_confusions_are_found_at_the_step_at_which_they_are():
    rng = np.random.default_rng(6)
    bias = rng.uniform(0, 2, (6, 6))
    y = np.repeat(np.arange(6), 60)
    like = np.exp(2 * bias[y] + 4 * np.eye(6)[y])
    other = np.exp(2 * rng.uniform(0, 2, (6, 6))[y] + 4 * np.eye(6)[y])
    like, other = (v / v.sum(1, keepdims=True) for v in (like, other))
    people = rng.multinomial(60, like)
    found = confusion_consistency(
        np.stack([other, like], 1), people, y, choice="probability", inference=Inference(n=100)
    )
    assert float(found.rho[1]) > 0.9 > 0.6 > float(found.rho[0])
    assert float(found.ceiling) > 0.95
    assert (found.interval[0] <= found.rho).all()
    assert (found.interval[1] >= found.rho).all()
    expected = scipy.stats.spearmanr(
        *(confusions(v, y)[~np.eye(6, dtype=bool)] for v in (other, people))
    ).statistic
    assert float(found.rho[0]) == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["i1", "i1n", "i2", "i2n"])
def test_difficulty_of_images_corrected_for_noise_is_that_without_noise(metric):
    rng = np.random.default_rng(7)
    p, y = planted(rng, 400)
    noisy = rng.normal(size=p.shape)
    model = p * np.exp(0.8 * noisy)
    model /= model.sum(1, keepdims=True)
    both = [image_dprimes(v, y, metric) for v in (model, p)]
    there = np.isfinite(both[0])
    truth = np.corrcoef(both[0][there], both[1][there])[0, 1]
    rates = [image_rates(v, y, metric)[there] for v in (model, p)]
    true_rate = np.corrcoef(*rates)[0, 1]
    few, many = (
        image_consistency(
            model[:, None],
            rng.multinomial(answers, p),
            y,
            metric=metric,
            splits=20,
            inference=Inference(n=50),
        )
        for answers in (20, 200)
    )
    assert float(few.value[0]) < truth - 0.02
    # d' of small counts is no linear function of the truth, so the correction is not exact,
    assert float(many.noise_corrected[0]) == pytest.approx(truth, abs=0.1)
    # as it is on the scale of probabilities, with few answers, too.
    assert float(few.rate_value[0]) < true_rate - 0.02
    assert float(few.rate_noise_corrected[0]) == pytest.approx(true_rate, abs=0.03)
    for r in (few, many):
        assert float(r.interval[0, 0]) < float(r.value[0]) < float(r.interval[1, 0])


def test_the_bootstrap_of_difficulty_is_that_of_drawing_images():
    rng = np.random.default_rng(8)
    p, y = planted(rng, 150)
    people = rng.multinomial(30, p)
    found = image_consistency(
        p[:, None], people, y, metric="i2", splits=5, inference=Inference(n=600)
    )
    a, b = image_dprimes(p, y, "i2"), image_dprimes(people, y, "i2")
    drawn = []
    for _ in range(600):
        rows = rng.integers(150, size=150)
        there = np.isfinite(a[rows])
        drawn.append(np.corrcoef(a[rows][there], b[rows][there])[0, 1])
    width = np.subtract(*np.percentile(drawn, [97.5, 2.5]))
    assert float(found.interval[1, 0] - found.interval[0, 0]) == pytest.approx(width, rel=0.15)


@pytest.mark.parametrize(
    "change",
    [
        {"people": np.ones((5, 3), dtype=int)},
        {"people": np.full((6, 3), 2.5)},
        {"people": np.zeros((6, 3), dtype=int)},
        {"labels": [0, 0, 0, 1, 1, 1]},
        {"labels": None},
        {"labels": [0, 1, 2, 0, 1, 5]},
        {"splits": 2, "n": 5},
    ],
)
def test_people_and_networks_that_do_not_match_are_refused(change):
    given = {
        "probability": np.full((6, 1, 3), 1 / 3),
        "people": np.full((6, 3), 4),
        "labels": [0, 1, 2] * 2,
        **change,
    }
    with pytest.raises(AnalysisError):
        confusion_consistency(**grouped(confusion_consistency, **given))
