"""The unit of the times of a recording's steps."""

import numpy as np
import pytest
from torch import nn

import cortexsim
from cortexsim.analysis import Inference, encode

SMALL = {"size": (8, 8), "mean": (0.5,) * 3, "std": (0.25,) * 3}


@pytest.mark.parametrize("declared", [False, True])
def test_steps_of_a_foreign_network_stay_steps_until_ms_are_declared(declared, tmp_path):
    from cortexsim.recording.settings import Settings

    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())
    net = cortexsim.wrap(module, {"V1": "0"}, preprocessing=SMALL)
    pictures = np.random.default_rng(0).integers(0, 255, (20, 8, 8, 3), dtype=np.uint8)
    settings = Settings(time_axis=cortexsim.TimeAxis()) if declared else None
    recording = cortexsim.record_network(
        net, pictures, steps=1, out=tmp_path / "r.zarr", settings=settings
    )
    found = encode(recording, np.random.default_rng(1).random((20, 2)), inference=Inference(n=20))
    expected = "ms after image onset" if declared else "steps (no ms declared)"
    assert found.model_time_ms.attrs["units"] == expected
