"""Chance and effects are on one scale: shares, or per cent."""

import numpy as np
import pytest

from cortexsim.analysis import Inference, significance_onset
from cortexsim.errors import AnalysisError

TIMES = np.arange(-100.0, 300, 20)
FEW = Inference(n=50)


def accuracies(effect=0.3):
    noise = 0.02 * np.random.default_rng(0).normal(size=(12, 20))
    return 0.5 + noise + effect * (TIMES >= 80)


def onset(x, chance):
    return float(significance_onset(x, TIMES, chance=chance, inference=FEW).onset_ms)


def test_shares_and_per_cent_have_one_onset():
    assert onset(accuracies(), 0.5) == onset(100 * accuracies(), 50) == 80


@pytest.mark.parametrize(
    ("factor", "chance", "advice"),
    [(1, 50, "Give chance=0.5, or effects"), (100, 0.5, "Give chance=50, or effects / 100")],
)
def test_two_scales_are_refused(factor, chance, advice):
    with pytest.raises(AnalysisError, match=advice):
        onset(factor * accuracies(), chance)


def test_a_baseline_that_is_not_at_chance_is_said():
    with pytest.warns(UserWarning, match=r"all 12 subjects differ from chance=0.25 at all 5 times"):
        onset(accuracies(), 0.25)
    assert np.isfinite(onset(accuracies() - 0.5, 0.0))  # similarities may be of any size
