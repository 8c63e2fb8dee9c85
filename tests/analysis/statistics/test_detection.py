"""d' of classifiers: against scipy, planted sensitivities, resamples, refusals."""

import numpy as np
import pytest
from scipy import stats

from cortexsim.analysis.statistics.detection import dprime
from cortexsim.errors import AnalysisError


def test_dprime_of_two_classes_is_the_textbooks():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 200)
    answers = np.where(rng.random(400) < 0.8, labels, 1 - labels)
    h, f = (answers[labels == 1] == 1).sum(), (answers[labels == 0] == 1).sum()
    expected = stats.norm.ppf((h + 0.5) / 201) - stats.norm.ppf((f + 0.5) / 201)
    np.testing.assert_allclose(dprime(labels, answers, 2), expected, atol=1e-6)


def test_dprime_recovers_a_planted_sensitivity():
    """An observer with Gaussian evidence, a yes/no criterion in the middle.

    D' is the distance of the means.
    """
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 40000)
    answers = (rng.normal(size=len(labels)) + 1.5 * labels > 0.75).astype(int)
    assert abs(dprime(labels, answers, 2) - 1.5) < 0.03


@pytest.mark.parametrize("sizes", [(50, 50), (10, 90), (5, 20, 300)])
def test_an_answer_that_does_not_depend_on_the_label_has_no_dprime(sizes):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    np.testing.assert_allclose(dprime(labels, np.zeros_like(labels), len(sizes)), 0, atol=1e-6)
    rng = np.random.default_rng(0)
    drawn = [
        dprime(labels, rng.integers(0, len(sizes), len(labels)), len(sizes)) for _ in range(200)
    ]
    assert abs(np.mean(drawn)) < 0.08


def test_dprime_of_resamples_is_that_of_the_drawn_trials():
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(4), 30)
    answers = np.where(rng.random(120) < 0.6, labels, rng.integers(0, 4, 120))
    counts = rng.multinomial(120, np.full(120, 1 / 120), size=5)
    for c, found in zip(counts, dprime(labels, answers, 4, counts)):
        np.testing.assert_allclose(
            found, dprime(np.repeat(labels, c), np.repeat(answers, c), 4), atol=1e-6
        )


@pytest.mark.parametrize(
    ("labels", "answers", "text"),
    [([0, 0], [0, 1], "two classes"), ([0, 1], [0, -1], "from 0 to 1"), ([0, 1], [0], "shape")],
)
def test_dprime_refuses(labels, answers, text):
    with pytest.raises(AnalysisError, match=text):
        dprime(np.array(labels), np.array(answers), 2)
