"""Bins of the brain and orders of steps."""

import numpy as np
import pytest
import xarray

from cortexsim.errors import AnalysisError, CortexsimError
from cortexsim.experiments.compare.brain_time import along, bins
from cortexsim.timeaxis import TimeAxis


@pytest.fixture(scope="module")
def long(recorded):
    """60 of the bundled images would be too many for a test; 36, ten steps, all units."""
    return recorded(limit=36, steps=10, keep="full")


@pytest.fixture(scope="module")
def rdms(long):
    from cortexsim.analysis import rdm_movie

    return rdm_movie(long, progress=False).load()


def test_one_bin_of_unknown_width_is_refused(rdms):
    brain = xarray.DataArray(
        np.zeros((4, 1, 3)), {"time_ms": [100.0]}, ("subject", "time_ms", "pair")
    )
    with pytest.raises(AnalysisError, match="unknown width"):
        bins(brain, rdms.step.values, TimeAxis(), policy="clip")
    with pytest.raises(CortexsimError, match="choose from refuse, hold, clip"):
        bins(
            brain.assign_coords(time_ms=("time_ms", [100.0], {"bin_ms": 10})),
            rdms.step.values,
            TimeAxis(),
            policy="guess",
        )


def test_random_orders_are_of_populated_steps_only():
    evaluation = np.array([[np.nan, 1.0, 2.0, 3.0]]).repeat(4, 0)
    result = xarray.Dataset({"evaluation": (("network", "time_ms", "step"), evaluation[None])})
    found = along(result, np.isfinite(evaluation[0]), np.eye(4), seed=0)
    assert np.isnan(found["along_axis"][1][0, 0])
    low, high = found["along_axis_shuffled"][1]
    assert np.isnan(low[0])
    assert (low[1:] == 1).all()
    assert (high[1:] == 3).all()
