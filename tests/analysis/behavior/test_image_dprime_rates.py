"""Difficulty of images on the scale of probabilities: loops, planted truths, limits of d'."""

import numpy as np
import pytest

from cortexsim.analysis import Inference, image_consistency, image_rates
from cortexsim.analysis.summaries_of_parts import SUMMARIES
from cortexsim.errors import AnalysisError

SETTINGS = {"splits": 10, "inference": Inference(n=20)}


def planted(rng, *, stimuli=300, classes=10, ease=3.0):
    """Probabilities of images of different difficulty; the larger ease, the more are certain."""
    y = np.arange(stimuli) % classes
    own = (ease + rng.uniform(0, 3, (stimuli, 1))) * np.eye(classes)[y]
    p = np.exp(rng.normal(size=(stimuli, classes)) + own)
    return p / p.sum(1, keepdims=True), y


@pytest.mark.parametrize("metric", ["i1", "i1n", "i2", "i2n"])
def test_rates_are_those_of_loops(metric):
    rng = np.random.default_rng(0)
    p, y = planted(rng, stimuli=24, classes=3)
    counts = rng.multinomial(9, p)
    s = counts / 9
    expected = np.full((24, 3), np.nan)
    for i in range(24):
        for c in range(3):
            if c != y[i]:
                false = np.mean([s[j, y[i]] for j in range(24) if y[j] == c])
                expected[i, c] = 1 - s[i, c] - false
    if metric.startswith("i1"):
        expected = np.array(
            [s[i, y[i]] - np.mean([s[j, y[i]] for j in range(24) if y[j] != y[i]])
             for i in range(24)]
        )  # fmt: skip
    if metric.endswith("n"):
        for k in range(3):
            expected[y == k] -= expected[y == k].mean(0)
    np.testing.assert_allclose(image_rates(counts, y, metric), expected)
    with pytest.raises(AnalysisError, match="choose from i1, i1n, i2, i2n"):
        image_rates(counts, y, "i3")


def test_counts_of_few_answers_are_unbiased():
    rng = np.random.default_rng(1)
    p, y = planted(rng, stimuli=30, classes=3)
    drawn = np.mean([image_rates(rng.multinomial(3, p), y, "i2") for _ in range(4000)], 0)
    there = ~np.isnan(drawn)
    np.testing.assert_allclose(drawn[there], image_rates(p, y, "i2")[there], atol=0.025)


def test_a_corrected_dprime_is_given_only_where_it_may_be_used():
    rng = np.random.default_rng(2)
    p, y = planted(rng)
    many = image_consistency(p[:, None], rng.multinomial(400, p), y, **SETTINGS)
    assert float(many.at_cap) < 0.1
    assert float(many.noise_corrected[0]) == pytest.approx(1, abs=0.06)
    assert many.attrs["noise_corrected_text"] == "value / ceiling"
    few = image_consistency(p[:, None], rng.multinomial(10, p), y, **SETTINGS)
    assert float(few.at_cap) > 0.1
    assert np.isnan(few.noise_corrected).all()
    assert few.attrs["noise_corrected_text"].startswith(
        f"not corrected: {float(few.at_cap):.0%} of the"
    )
    easy, y = planted(rng, ease=0.0, stimuli=100)
    noisy = image_consistency(easy[:, None], rng.multinomial(4, easy), y, **SETTINGS)
    assert float(noisy.at_cap) < 0.1
    assert np.isnan(noisy.noise_corrected).all()
    assert "the reliability of the people's d' is 0." in noisy.attrs["noise_corrected_text"]


def test_the_summary_says_how_many_lie_at_the_cap_and_why_nothing_is_corrected():
    rng = np.random.default_rng(3)
    p, y = planted(rng)
    few = image_consistency(p[:, None], rng.multinomial(10, p), y, **SETTINGS)
    text = "\n".join(SUMMARIES["image_consistency"](few))
    assert f"{float(few.at_cap):.0%} of the people's d' at the cap of 5; not corrected:" in text
    assert f"of rates (no cap): {float(few.rate_value[0]):.2f}" in text
    many = image_consistency(p[:, None], rng.multinomial(400, p), y, **SETTINGS)
    text = "\n".join(SUMMARIES["image_consistency"](many))
    assert f"at the cap of 5; corrected {float(many.noise_corrected[0]):.2f}" in text


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["i1n", "i2n"])
@pytest.mark.parametrize(("answers", "ease"), [(4, 0), (10, 3), (50, 6)])
def test_a_network_that_answers_as_people_do_is_corrected_to_1(metric, answers, ease):
    """Where d' with its cap comes out between 0.7 and above 1."""
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        p, y = planted(rng, stimuli=400, ease=ease)
        result = image_consistency(
            p[:, None], rng.multinomial(answers, p), y, metric=metric, **SETTINGS
        )
        found.append(float(result.rate_noise_corrected[0]))
        # What is given of d' is near the truth, too.
        corrected = float(result.noise_corrected[0])
        assert np.isnan(corrected) or abs(corrected - 1) < 0.12
    assert np.mean(found) == pytest.approx(1, abs=0.035)


@pytest.mark.slow
def test_a_network_that_is_half_like_people_is_corrected_to_its_truth():
    found, truth = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        p, y = planted(rng, stimuli=400)
        model = p * np.exp(0.8 * rng.normal(size=p.shape))
        model /= model.sum(1, keepdims=True)
        result = image_consistency(model[:, None], rng.multinomial(6, p), y, **SETTINGS)
        found.append(float(result.rate_noise_corrected[0]))
        truth.append(np.corrcoef(*(image_rates(v, y, "i1n") for v in (model, p)))[0, 1])
    assert np.mean(found) == pytest.approx(np.mean(truth), abs=0.03)
    assert np.mean(truth) < 0.9
