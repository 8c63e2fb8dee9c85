"""Onset, half of the maximum and peak agree with one another, on any course; by hand."""

import numpy as np
import pytest

from cortexsim.analysis import Inference, latencies, latency_difference, population_latency
from cortexsim.analysis.latency.moments import MOMENTS, moments
from cortexsim.analysis.latency.onsets import last_rise

TIMES = np.arange(-200.0, 300, 10)


def courses(seed, count=400):
    """Responses of any height, shape and noise, also none."""
    rng = np.random.default_rng(seed)
    start, lasts = rng.uniform(0, 200, (count, 1)), rng.uniform(1, 200, (count, 1))
    rise = np.clip((TIMES - start) / lasts, 0, 1)
    falls = rng.integers(0, 2, (count, 1)) * np.clip((TIMES - start - lasts) / 50, 0, 1)
    slow = np.cumsum(rng.normal(size=(count, 50)), 1) * rng.choice([0, 0.3], (count, 1))
    return rng.uniform(0, 12, (count, 1)) * (rise - falls) + slow + rng.normal(size=(count, 50))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bins", [1, 3])
def test_onset_half_maximum_and_peak_are_in_order(seed, bins):
    x = courses(seed)
    onset, half, peak = (latencies(x, TIMES, m, bins=bins) for m in MOMENTS)
    some = np.isfinite(half)
    assert 0.2 < some.mean() < 1
    assert (onset[some] <= half[some]).all()
    assert (half[some] <= peak[some]).all()
    np.testing.assert_array_equal(np.isnan(onset), np.isnan(peak))
    assert (onset <= peak)[np.isfinite(onset)].all()
    assert np.isnan(half[np.isnan(onset)]).all()


@pytest.mark.parametrize("bins", [1, 2])
def test_moments_of_decoding_are_in_order(bins):
    x = 0.5 + courses(7) / 30
    x[:, :3] = np.nan  # not populated
    found = moments(x, TIMES, 0.58, level=0.5, bins=bins)
    some = np.isfinite(found["half_maximum"])
    assert some.any()
    assert (found["onset"] <= found["half_maximum"])[some].all()
    assert (found["half_maximum"] <= found["peak"])[some].all()


def test_latencies_of_populations_are_in_order():
    for seed in range(20):
        x = courses(seed, 12) / 2 + 2 * (TIMES > 100)
        found = [
            float(population_latency(x, TIMES, m, inference=Inference(n=20)).latency_ms)
            for m in MOMENTS
        ]
        known = [v for v in found if np.isfinite(v)]
        assert known == sorted(known)


def test_what_is_above_half_before_the_onset_is_no_half_maximum():
    # One bin at 0 ms is above half, as noise may be; the response is that from 200 ms on.
    quiet = np.tile([0.5, -0.5], 10)
    later = np.zeros(30)
    later[0] = 6
    later[20:] = [1, 3, 5, 8, 10, 10, 10, 10, 10, 10]
    course = np.concatenate([quiet, later])
    assert latencies(course, TIMES) == 210
    assert latencies(course, TIMES, "half_maximum") == 220
    assert latencies(course, TIMES, "peak") == 240
    # A spike before the onset is not the peak either.
    course[20] = 99
    assert latencies(course, TIMES, "peak") == 240
    assert latencies(course, TIMES, "half_maximum") == 220


def test_of_two_responses_before_the_peak_the_later_crossing_counts():
    course = np.concatenate([np.tile([0.1, -0.1], 10), [0, 6, 6, 6, 0, 0, 0, 2, 4, 8, 10, 10, 10]])
    times = TIMES[: len(course)]
    assert latencies(course, times) == 10
    assert latencies(course, times, "half_maximum") == pytest.approx(82.5)
    # A dip shorter than the bins of an onset is noise, with bins=1 it is not.
    dipped = np.concatenate([np.tile([0.1, -0.1], 10), [0, 2, 6, 8, 4, 8, 10, 10, 10, 10]])
    times = TIMES[: len(dipped)]
    assert latencies(dipped, times, "half_maximum") == pytest.approx(17.5)
    assert latencies(dipped, times, "half_maximum", bins=1) == pytest.approx(42.5)


def test_half_of_a_response_that_noise_can_hide_is_none():
    # The limit, 3 sd, is more than half: when half was crossed the noise may say.
    quiet = np.tile([1.0, -1.0], 10)
    slow = np.concatenate([quiet, np.linspace(0, 4, 20), np.full(10, 4.0)])
    assert np.isfinite(latencies(slow, TIMES))
    assert np.isnan(latencies(slow, TIMES, "half_maximum"))
    found = population_latency(np.stack([slow, slow]), TIMES, "half_maximum")
    assert np.isnan(found.latency_ms)
    assert np.isnan(found.interval).all()
    # Within the time before the onset nobody knows better: a step has its half at its onset.
    step = np.concatenate([quiet, np.zeros(10), np.full(20, 4.0)])
    assert latencies(step, TIMES, "half_maximum") == latencies(step, TIMES) == 100


def test_the_interval_of_a_step_reaches_before_its_onset():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 50)) + 3 * np.clip((TIMES - 70) / 10, 0, 1)
    found = population_latency(x, TIMES, "half_maximum", inference=Inference(n=300))
    low, high = found.interval.values
    assert float(found.latency_ms) == 80
    assert low <= 75 <= high == 80


def test_a_rise_by_hand_held_and_free():
    course, times = np.array([0.0, 1, 4, 4, 4]), np.arange(5.0)
    level, late = np.array(2.0), np.array(3.0)
    assert np.isnan(last_rise(course, times, late, level=level, bins=1))
    assert last_rise(course, times, late, level=level, bins=1, held=False) == pytest.approx(4 / 3)
    assert last_rise(course, times, np.array(2.0), level=level, bins=1) == 2
    assert np.isnan(last_rise(course, times, np.array(np.nan), level=level, bins=1, held=False))


def test_a_difference_is_none_where_a_latency_is():
    quiet = np.tile([1.0, -1.0], 10)
    slow = np.concatenate([quiet, np.linspace(0, 4, 20), np.full(10, 4.0)])
    fast = np.concatenate([quiet, np.full(30, 9.0)])
    found = latency_difference(*(np.stack([x] * 3) for x in (fast, slow)), TIMES)
    assert found.attrs["method"] == "half_maximum"
    assert np.isnan([found.difference_ms, found.p, *found.interval]).all()
