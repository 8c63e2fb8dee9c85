"""Summaries of encoding and decoding name the best place, its interval and its p."""

import numpy as np
import xarray as xr

from cortexsim.analysis import (
    Inference,
    decode,
    encode,
)
from cortexsim.analysis.linear import summaries as linear

FEW = Inference(n=50, permutations=20)


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
