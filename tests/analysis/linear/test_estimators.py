"""A fit that does not converge is refused."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from cortexsim.analysis import ESTIMATORS, decode
from cortexsim.errors import AnalysisError

CLASSES = ["cat", "dog", "owl"]


def example(each=20, features=30, strength=0.5, seed=0, classes=3):
    """Patterns about a mean for each label; features differ in scale, stimuli are shuffled."""
    rng = np.random.default_rng(seed)
    number = rng.permutation(np.repeat(np.arange(classes), each))
    means = strength * rng.normal(size=(classes, features))
    x = 5 + (means[number] + rng.normal(size=(len(number), features))) * rng.uniform(
        0.1, 10, features
    )
    return x, np.array(CLASSES)[number]


X, Y = example(each=10, features=6)


def test_a_fit_that_does_not_converge_is_refused(monkeypatch):
    monkeypatch.setitem(ESTIMATORS, "logistic", lambda: LogisticRegression(max_iter=1))
    with pytest.raises(AnalysisError, match="did not converge"):
        decode(X, Y)
