"""Steps and milliseconds."""

import numpy as np
import pytest

from cortexsim import TimeAxis
from cortexsim.errors import CortexsimError


def test_default_is_the_memos_20t_to_50t():
    t = np.arange(1, 13)
    axis = TimeAxis()
    np.testing.assert_allclose(axis.low_ms(t), 20 * t)
    np.testing.assert_allclose(axis.high_ms(t), 50 * t)
    assert axis.low_ms(4) <= 100 <= axis.high_ms(4), (
        "IT, first populated at step 4, must be able to respond at 100 ms"
    )
    assert axis.time_ms(4) == 100


def test_a_declared_onset_moves_all_three_alike():
    axis = TimeAxis(step_ms=30, step_ms_low=20, step_ms_high=40, onset_ms=66)
    assert axis.time_ms(1) == axis.low_ms(1) == axis.high_ms(1) == 66
    assert (axis.low_ms(3), axis.time_ms(3), axis.high_ms(3)) == (106, 126, 146)


def test_json_round_trip():
    axis = TimeAxis(30, 25, 35, 40, "measured")
    assert TimeAxis.from_dict(axis.as_dict()) == axis


@pytest.mark.parametrize(
    ("ms", "nearest"), [(60, ("50", "75")), (10, ("25",)), (110, ("100", "125"))]
)
def test_a_duration_off_the_grid_names_the_nearest_choices(ms, nearest):
    with pytest.raises(CortexsimError) as error:
        TimeAxis().steps_in(ms)
    assert all(n in str(error.value) for n in nearest)


@pytest.mark.parametrize(
    "bad", [{"step_ms": 10}, {"step_ms_low": 0}, {"step_ms_high": 24}, {"onset_ms": -1}]
)
def test_impossible_axes_are_refused(bad):
    with pytest.raises(CortexsimError):
        TimeAxis(**bad)
