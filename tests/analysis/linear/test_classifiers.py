"""Balanced accuracy in resamples, against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from cortexsim.analysis.linear.classifiers import balanced


def test_balanced_accuracy_in_resamples_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    true, guessed = rng.integers(0, 3, size=(2, 40))
    counts = rng.multinomial(40, np.full(40, 1 / 40), size=30)
    for c, value in zip(counts, balanced(true == guessed, true, counts)):
        rows = np.repeat(np.arange(40), c)
        assert value == pytest.approx(balanced_accuracy_score(true[rows], guessed[rows]))
