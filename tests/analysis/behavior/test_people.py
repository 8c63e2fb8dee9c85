"""Answers of people in halves, drawn without replacement."""

import numpy as np
import pytest
import scipy.stats

from cortexsim.analysis import confusion_consistency, image_consistency
from cortexsim.analysis.behavior.people import split_answers
from cortexsim.errors import AnalysisError


def test_halves_of_answers_are_drawn_without_replacement():
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 9, (400, 5)) + np.eye(5, dtype=int)[0]
    a, b = split_answers(counts, rng)
    np.testing.assert_array_equal(a + b, counts)
    assert (a >= 0).all()
    assert (b >= 0).all()
    np.testing.assert_array_equal(a.sum(1), counts.sum(1) // 2)
    one = np.tile([[6, 4]], (20000, 1))
    drawn = split_answers(one, rng)[0][:, 0]
    assert (
        scipy.stats.chisquare(
            np.bincount(drawn, minlength=6)[1:6],
            20000 * scipy.stats.hypergeom(10, 6, 5).pmf(range(1, 6)),
        ).pvalue
        > 0.001
    )


@pytest.mark.parametrize("times", [1e9, 1e16, 1e30])
@pytest.mark.parametrize("door", [confusion_consistency, image_consistency])
def test_counts_that_were_multiplied_are_refused(door, times):
    p = np.random.default_rng(0).dirichlet(np.ones(3), (12, 2))
    counts = np.ones((12, 3)) * times
    with pytest.raises(AnalysisError, match="give counts, not counts times something"):
        door(p, counts, np.arange(12) % 3)
