"""The line that a masking experiment says of a threshold."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from cortexsim.experiments.mask.results import describe_threshold


@pytest.mark.parametrize(
    ("interval", "says"),
    [
        ((30.0, 60.0), "threshold 50 ms [30, 60]"),
        ((0.0, 60.0), "threshold 50 ms [below 25, 60]"),
        ((30.0, np.inf), "threshold 50 ms [30, above 100]"),
    ],
)
def test_a_threshold_and_its_interval(interval, says):
    course = xarray.Dataset(
        {
            "threshold_ms": 50.0,
            "threshold_status": "ok",
            "threshold_interval": ("bound", list(interval)),
        },
        {"soa_ms": [25.0, 50.0, 100.0]},
    )
    assert describe_threshold(course) == says
