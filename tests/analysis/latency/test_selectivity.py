"""When units tell labels apart: planted onsets, what has no selectivity."""

import numpy as np
import pytest
import scipy.stats
import xarray as xr

from cortexsim.analysis import (
    Inference,
    selectivity_latency,
)
from cortexsim.errors import AnalysisError

STEPS = np.arange(1, 9)


def test_each_unit_has_its_planted_onset_and_the_others_seldom_any():
    rng, y = np.random.default_rng(2), np.repeat([0, 1, 2], 25)
    starts = np.array([1, 3, 5, 8])
    x = rng.normal(size=(75, 8, 204))
    x[:, :, :4] += 2 * y[:, None, None] * (STEPS[:, None] >= starts)
    found = selectivity_latency(
        xr.DataArray(x, dims=("stimulus", "step", "unit")), y, inference=Inference(permutations=199)
    )
    np.testing.assert_array_equal(found.onset[:4], starts)
    assert np.isfinite(found.onset.values[4:]).sum() <= scipy.stats.binom.ppf(0.999, 200, 0.05)
    f = scipy.stats.f_oneway(*(x[y == k, 2, 0] for k in range(3))).statistic
    eta2 = float(found.eta2[2, 0])
    assert eta2 / (1 - eta2) * 72 / 2 == pytest.approx(f)


def test_units_without_variance_have_no_selectivity():
    x = np.ones((20, 3, 2))
    found = selectivity_latency(
        xr.DataArray(x, dims=("stimulus", "step", "unit")),
        np.arange(20) % 2,
        inference=Inference(permutations=20),
    )
    assert (found.eta2 == 0).all()
    assert np.isnan(found.onset).all()


def test_units_are_those_of_one_state(recording):
    with pytest.raises(AnalysisError, match="choose states="):
        selectivity_latency(recording, inference=Inference(permutations=20))
    y = np.arange(48) % 3
    found = selectivity_latency(recording, y, states="V4", inference=Inference(permutations=20))
    assert np.isnan(found.p.sel(step=2)).all()
    assert found.sizes["unit"] == 40
