"""Summaries of latencies, encoding and decoding name the best place, its interval and its p."""

import numpy as np
import pytest
import xarray as xr

from cortexsim.analysis import (
    Inference,
    decode,
    discrimination_latency,
    encode,
    latency_difference,
    population_latency,
    significance_onset,
)
from cortexsim.analysis.latency import summaries as latency
from cortexsim.analysis.linear import summaries as linear

TIMES = np.arange(-100.0, 200, 10)
FEW = Inference(n=50, permutations=20)


def courses(onset, seed=0):
    return np.random.default_rng(seed).normal(size=(20, 30)) + 4 * (onset < TIMES)


def test_encoding_and_decoding_name_the_best_step():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3, 8))
    y = x[:, 1] @ rng.normal(size=(8, 5)) + rng.normal(size=(60, 5))
    movie = xr.DataArray(x, dims=("stimulus", "step", "unit"))
    lines = linear.summary_of_encoding(encode({"IT": movie}, y, inference=FEW))
    assert "at state IT, step 2, over 5 units" in lines[1]
    assert "95 % interval" in lines[1]
    assert "p 0.048 against permuted stimuli" in lines[-1]
    labels = np.where(x[:, 2, 0] > 0.0, "cat", "dog")
    lines = linear.summary_of_decoding(decode({"IT": movie}, labels, inference=FEW))
    assert "at state IT, step 3; chance 0.50" in lines[1]
    assert "p 0.048 against permuted labels" in lines[-1]
    plain = decode(movie, labels, inference=Inference(n=0))
    assert linear.summary_of_decoding(plain)[-1] == "no p-value: no permutations"
    assert "nothing resampled" in linear.summary_of_decoding(plain)[1]


def test_latencies_state_their_intervals_and_p_values():
    few = Inference(n=50)
    found = population_latency(courses(45), TIMES, inference=few)
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
