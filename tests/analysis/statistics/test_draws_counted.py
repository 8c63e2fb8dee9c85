"""Repetitions, caps and counts that mean nothing are refused before anything is computed."""

import numpy as np
import pytest

from cortexsim import analysis
from cortexsim.errors import AnalysisError

RNG = np.random.default_rng(0)
TRIALS = RNG.normal(size=(4, 10, 3))
P = RNG.dirichlet(np.ones(3), (40, 4))
CHOICES, LABELS = RNG.multinomial(20, np.ones(3) / 3, 40), np.arange(40) % 3
SOA, RIGHT, ALL = (
    np.array([25.0, 50, 75, 100, 150]),
    np.array([10, 20, 30, 38, 40.0]),
    np.full(5, 40),
)


@pytest.mark.parametrize("splits", [-1, 0, 2**31, 1.5])
def test_splits_are_a_number_that_is_of_use(splits):
    for call in (
        lambda: analysis.split_half_reliability(TRIALS, splits=splits),
        lambda: analysis.image_consistency(P, CHOICES, LABELS, splits=splits),
        lambda: analysis.confusion_consistency(P, CHOICES, LABELS, splits=splits),
    ):
        with pytest.raises(AnalysisError, match="splits"):
            call()


@pytest.mark.parametrize("cap", [-1, 0, np.nan, np.inf])
def test_a_cap_lies_above_zero(cap):
    for call in (
        lambda: analysis.image_dprimes(CHOICES, LABELS, cap=cap),
        lambda: analysis.image_consistency(P, CHOICES, LABELS, cap=cap),
    ):
        with pytest.raises(AnalysisError, match="cap"):
            call()


def test_soas_in_seconds_and_proportions_are_no_counts_at_ms():
    with pytest.raises(AnalysisError, match=r"look like seconds.*1000 \* soa"):
        analysis.threshold(SOA / 1000, RIGHT, ALL, chance=0.1)
    with pytest.raises(AnalysisError, match="look like seconds"):
        analysis.fit_weibull(SOA / 1000, RIGHT, ALL, chance=0.1)
    with pytest.raises(AnalysisError, match="look like proportions"):
        analysis.fit_weibull(SOA, RIGHT / 40, ALL, chance=0.1)


def test_simulations_that_do_not_fit_are_refused():
    with pytest.raises(AnalysisError, match="n=2,147,483,648"):
        analysis.goodness_of_fit(SOA, RIGHT, ALL, chance=0.1, n=2**31)
