"""Differences of latencies know how wide their bins are."""

import numpy as np
import pytest
import xarray as xr

from cortexsim.analysis import Inference, latency_difference, population_latency
from cortexsim.errors import AnalysisError

FEW = Inference(n=100)
TIMES = np.arange(-100.0, 200, 10)


def steps(at, times=TIMES, members=20):
    """A response that begins at once, in hardly any noise."""
    rng = np.random.default_rng(0)
    return 0.1 * rng.normal(size=(members, len(times))) + 5.0 * (times >= at)


def named(values, times, **attrs):
    return xr.DataArray(values, {"time_ms": ("time_ms", times, attrs)}, ("unit", "time_ms"))


@pytest.mark.parametrize("method", ["onset", "half_maximum"])
def test_an_interval_is_no_narrower_than_the_bins_of_both_areas(method):
    found = latency_difference(steps(50), steps(90), TIMES, method=method, inference=FEW)
    low, high = found.interval.values
    assert float(found.difference_ms) == 40
    assert float(found.resolution_ms) == 20
    assert low <= 20 < 60 <= high
    assert float(found.p) == pytest.approx(2 / 101)
    # What is planted between two times lies within: 41 to 50 and 81 to 90 look alike.
    for start in (41, 50):
        assert low <= 90 - start <= high


def test_what_the_bins_cannot_tell_from_none_has_no_small_p():
    found = latency_difference(steps(50), steps(60), TIMES, inference=FEW)
    assert float(found.difference_ms) == 10
    assert found.interval[0] < 0 < found.interval[1]
    assert float(found.p) == 1


def test_the_width_of_overlapping_bins_is_that_of_the_coordinate():
    fine = np.arange(-100.0, 200, 5)
    first, second = steps(50), steps(90, fine)
    whole = latency_difference(named(first, TIMES), named(second, fine, bin_ms=20.0), inference=FEW)
    assert float(whole.resolution_ms) == (10 + 10) / 2 + (20 + 5) / 2
    beside = latency_difference(
        first,
        second,
        TIMES,
        second_times_ms=named(second, fine, bin_ms=20.0).time_ms,
        inference=FEW,
    )
    xr.testing.assert_equal(beside, whole)
    with pytest.raises(AnalysisError, match="bin_ms='wide'"):
        latency_difference(named(first, TIMES, bin_ms="wide"), first, inference=FEW)


def test_steps_of_a_network_are_exact():
    x = 5.0 * (np.arange(1, 9) >= 3) * np.ones((4, 1))
    later = np.roll(x, 2, 1)
    later[:, :2] = 0
    settings = {"baseline_ms": "silent", "bins": 1, "inference": FEW}
    found = latency_difference(x, later, np.arange(1, 9), **settings)
    assert found.interval.values.tolist() == [2, 2]
    assert float(found.resolution_ms) == 0


@pytest.mark.parametrize("interval", ["jackknife", "bayes"])
def test_there_is_no_interval_of_the_jackknife(interval):
    with pytest.raises(AnalysisError, match=r"give interval='bootstrap'.*66 to 89 %"):
        population_latency(steps(50), TIMES, interval=interval)
