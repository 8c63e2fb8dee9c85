"""Shares of variance: planted ones are recovered, what adds nothing explains nothing, refusals."""

import numpy as np
import pytest
import xarray as xr
from grouped import grouped

from cortexsim.analysis import (
    Inference,
    Regression,
    encode,
    partition,
)
from cortexsim.errors import AnalysisError


def quick(x, y, **options):
    """Few resamples; options are flat."""
    return encode(x, y, **grouped(encode, **{"n": 50, **options}))


def example(stimuli=60, features=100, units=12, noise=1.0, seed=0, signal=5):
    """Responses that are linear in the first features, which are larger than the others, about a
    mean.
    """
    rng = np.random.default_rng(seed)
    x = 3 + rng.normal(size=(stimuli, features)) * np.where(np.arange(features) < signal, 3, 0.3)
    y = x[:, :signal] @ rng.normal(size=(signal, units)) / 3
    return x, 7 + y + noise * y.std(0) * rng.normal(size=y.shape)


def planted(n=300, seed=0, units=15, dims=2, wide=0):
    """Two sets of patterns with a common part; responses of which known shares come from each."""
    rng = np.random.default_rng(seed)
    only_a, only_b, common = rng.normal(size=(3, n, dims))
    weights = [
        w * rng.choice([-1, 1], size=(dims, units)) / np.sqrt(dims)
        for w in np.sqrt([0.3, 0.15, 0.25])
    ]
    y = sum(p @ w for p, w in zip((only_a, only_b, common), weights)) + np.sqrt(0.3) * rng.normal(
        size=(n, units)
    )
    turn = [
        np.linalg.qr(rng.normal(size=(max(wide, 2 * dims),) * 2))[0][: 2 * dims] for _ in range(2)
    ]
    return (
        np.concatenate([only_a, common], 1) @ turn[0],
        np.concatenate([only_b, common], 1) @ turn[1],
        y,
    )


@pytest.mark.parametrize("wide", [0, 350])
def test_planted_shares_are_recovered(wide):
    a, b, y = planted(wide=wide)
    parts = partition(a, b, y, inference=Inference(n=50, permutations=0))
    truth = {
        "r2_a": 0.55,
        "r2_b": 0.4,
        "r2_both": 0.7,
        "unique_a": 0.3,
        "unique_b": 0.15,
        "shared": 0.25,
    }
    for name, value in truth.items():
        assert float(parts.mean_over_units.sel(part=name)) == pytest.approx(value, abs=0.05), name
        low, high = parts.interval.sel(part=name).values
        assert low - 0.02 < value < high + 0.02
    np.testing.assert_allclose(
        parts.r2_both, parts.unique_a + parts.unique_b + parts.shared, atol=1e-12
    )
    np.testing.assert_allclose(parts.unique_a, parts.r2_both - parts.r2_b, atol=1e-12)


def test_a_single_band_is_the_ridge_of_encode():
    a, b, y = planted(n=100, wide=150)
    parts, alone = partition(a, b, y, inference=Inference(n=50, permutations=0)), quick(b, y)
    np.testing.assert_allclose(parts.r2_b, alone.r2, atol=1e-9)


@pytest.mark.slow
def test_patterns_that_add_nothing_explain_nothing_of_their_own():
    a, _, y = planted()
    noise = np.random.default_rng(9).normal(size=(300, 50))
    parts = partition(a, noise, y, inference=Inference(n=50, permutations=0)).mean_over_units
    assert abs(float(parts.sel(part="unique_b"))) < 0.03
    twice = partition(a, 3 * a + 1, y, inference=Inference(n=50, permutations=0)).mean_over_units
    assert abs(float(twice.sel(part="unique_a"))) < 0.02
    assert float(twice.sel(part="shared")) == pytest.approx(float(twice.sel(part="r2_a")), abs=0.02)


def test_what_steps_add_to_the_first_pass():
    a, b, y = planted(n=200)
    first = xr.DataArray(np.concatenate([a, 0 * b], 1), dims=("stimulus", "unit"))
    later = xr.DataArray(np.concatenate([a, b], 1), dims=("stimulus", "unit"))
    steps = xr.concat([first * np.nan, first, later], dim="step").assign_coords(step=[1, 2, 3])
    parts = partition(first, {"IT": steps}, y, inference=Inference(n=50, permutations=0))
    assert parts.unique_b.dims == ("state", "step", "unit")
    share = parts.mean_over_units.sel(part="unique_b", state="IT")
    assert np.isnan(share.sel(step=1))
    assert abs(float(share.sel(step=2))) < 0.01
    assert float(share.sel(step=3)) > 0.1


X, Y = example(stimuli=30, features=12, units=4)


def test_partition_refuses_what_it_cannot_compare():
    stack = xr.DataArray(np.stack([X, X], 1), dims=("stimulus", "step", "unit"))
    with pytest.raises(AnalysisError, match="a has 2 frames"):
        partition(stack, X, Y)
    with pytest.raises(AnalysisError, match="features a are of 30 stimuli, the features b of 29"):
        partition(X, X[:29], Y)
    with pytest.raises(AnalysisError, match="projection:K"):
        partition(X, X, Y, regression=Regression(reduce="pca:3"))
