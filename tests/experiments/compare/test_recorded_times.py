"""Whose milliseconds a result has."""

import numpy as np
import xarray

from cortexsim.experiments.compare.recorded import timed
from cortexsim.experiments.compare.sentence import sentence
from cortexsim.timeaxis import TimeAxis


def of_steps(*before: str) -> xarray.Dataset:
    """A result of encode, whose steps have ``model_time_ms``."""
    shape = (1, 1, 3, *(2 for _ in before))
    dims = ("network", "state", "step", *before)
    r = xarray.DataArray(np.linspace(0.1, 0.5, int(np.prod(shape))).reshape(shape), dims=dims)
    interval = xarray.concat([r - 0.1, r + 0.1], "bound")
    coords = {"network": ["n"], "state": ["IT"], "step": [1, 2, 3]}
    model = {"model_time_ms": ("step", [25.0, 50.0, 75.0], {"units": "ms after image onset"})}
    brain = {"time_ms": [100.0, 140.0]} if before else {}
    attrs = {"method": "encoding", "quantity": "held-out correlation", "network": "n"}
    return xarray.Dataset(
        {"evaluation": r, "interval": interval}, {**coords, **model, **brain}, attrs
    )


def test_a_brain_without_times_has_none_in_the_result_and_in_words():
    result = timed(of_steps(), TimeAxis())
    assert result.time_ms.values.tolist() == [25, 50, 75]
    assert "model_time_ms" not in result.coords
    assert "of the brain" not in sentence(result)
    assert "step 3 (75 ms" in sentence(result)


def test_a_brain_with_times_keeps_them_beside_those_of_the_network():
    result = timed(of_steps("time_ms"), TimeAxis())
    assert result.time_ms.values.tolist() == [100, 140]
    assert result.model_time_ms.values.tolist() == [25, 50, 75]
    assert "140 ms of the brain" in sentence(result)
