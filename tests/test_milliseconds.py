"""Times as people give them: ms are taken, seconds and counts are not."""

import numpy as np
import pytest
import xarray

from cortexsim.errors import AnalysisError
from cortexsim.milliseconds import from_to, slack, times_of, within, without_rounding


@pytest.mark.parametrize(
    "times",
    [
        np.arange(-100.0, 600.0, 10),
        np.arange(-50.0, 300.0, 0.5),  # fine bins of a whole trial
        np.array([25.0, 50.0, 75.0]),
        np.array([85.0]),
        np.arange(0.0, 40.0, 1.0),
    ],
)
def test_times_in_ms_stay_as_they_are(times):
    np.testing.assert_array_equal(times_of(times), times)


@pytest.mark.parametrize(
    "times",
    [
        np.arange(-0.1, 0.6, 0.01),
        np.arange(0.0, 20.0, 0.1),  # a trial of twenty seconds
        np.arange(-2.0, 30.0, 0.25),
        np.arange(0.0, 9.0, 0.5),
    ],
)
def test_seconds_are_refused_however_long_the_trial(times):
    with pytest.raises(AnalysisError, match=r"look like seconds.*1000 \* times.*units"):
        times_of(times)


def test_fine_times_that_say_that_they_are_ms_are_taken():
    fine = xarray.DataArray(np.arange(0.0, 5.0, 0.1), dims="time_ms", attrs={"units": "ms"})
    fine = fine.assign_coords(time_ms=fine.values)
    np.testing.assert_allclose(times_of(fine), np.arange(0.0, 5.0, 0.1))
    with pytest.raises(AnalysisError, match="is in seconds"):
        times_of(fine.assign_attrs(units="seconds"))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([0, 10, 10], "must ascend"),
        ([0.0, np.nan], "NaN or infinite"),
        ([[0.0, 1.0]], "shape"),
        (["a", "b"], "what is not a number"),
        (np.arange(20), "look like places"),
        (xarray.DataArray(np.arange(3.0), dims="time_ms"), "has no coordinate"),
    ],
)
def test_what_is_no_time_is_refused(times, message):
    with pytest.raises(AnalysisError, match=message):
        times_of(times)
    with pytest.raises(AnalysisError, match="3 entries, the data have 4"):
        times_of([0.0, 10.0, 20.0], 4)


def test_a_grid_that_misses_zero_by_rounding_meets_the_window_that_starts_there():
    grid = np.arange(-0.3, 0.6, 0.1) * 1000
    assert grid[3] != 0
    assert times_of(grid)[3] == 0
    assert within(times_of(grid), (0, 200)).sum() == 3
    single = (np.arange(-30, 60, dtype=np.float32) * np.float32(0.1) + np.float32(0)) * 100
    assert 0.0 in times_of(single)


def test_both_ends_of_a_window_belong_to_it_and_whole_bins_only():
    times = np.arange(5.0, 105.0, 10)
    assert times[within(times, (15, 35))].tolist() == [15, 25, 35]
    assert times[within(times, (10, 40), half=5)].tolist() == [15, 25, 35]
    assert times[within(times, (11, 40), half=5)].tolist() == [25, 35]
    assert slack(times) == pytest.approx(0.01)
    assert without_rounding(np.array([1e-13, 0.3 + 1e-16])).tolist() == [0.0, 0.3]


def test_a_window_has_two_ends():
    with pytest.raises(AnalysisError, match="is no window"):
        from_to(50, "window_ms")
