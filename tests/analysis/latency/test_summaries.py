"""Summaries of latencies, encoding and decoding name the best place, its interval and its p."""

import numpy as np
import pytest
import xarray as xr

from cortexsim.analysis import (
    Inference,
    discrimination_latency,
    latency_difference,
    population_latency,
    significance_onset,
)
from cortexsim.analysis.latency import summaries as latency

TIMES = np.arange(-100.0, 200, 10)


FEW = Inference(n=50, permutations=20)


def courses(onset, seed=0):
    return np.random.default_rng(seed).normal(size=(20, 30)) + 4 * (onset < TIMES)


def test_latencies_state_their_intervals_and_p_values():
    few = Inference(n=50)
    found = population_latency(courses(45), TIMES, inference=Inference(n=400))
    assert latency.summary_of_population_latency(found)[1].startswith("50 ms (95 % interval 50")
    found = latency_difference(courses(45), courses(95, 1), TIMES, inference=few)
    assert "second less first 50 ms" in latency.summary_of_latency_difference(found)[1]
    found = significance_onset(courses(75), TIMES, inference=few)
    assert "onset 80 ms" in latency.summary_of_significance_onset(found)[1]


def test_discrimination_has_a_line_for_each_state():
    rng, y = np.random.default_rng(0), np.repeat(["cat", "dog"], 20)
    x = rng.normal(size=(40, 4, 6)) + 3 * (y == "dog")[:, None, None] * (np.arange(4) >= 2)[:, None]
    movie = xr.DataArray(x, dims=("stimulus", "step", "unit"))
    found = discrimination_latency({"V1": movie, "IT": movie}, y, inference=FEW)
    lines = latency.summary_of_discrimination_latency(found)
    assert len(lines) == 3
    assert lines[1].startswith("V1: onset 3 (95 % interval ")


@pytest.mark.parametrize("value", [np.nan, 12.5])
def test_what_is_not_known_is_said(value):
    assert latency._ms(value) == ("none" if np.isnan(value) else "12.5 ms")
