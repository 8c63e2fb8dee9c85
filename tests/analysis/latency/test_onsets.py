"""Onsets, halves and peaks by hand and against scipy; noise and constant courses have none."""

import numpy as np
import pytest
import scipy.interpolate
import scipy.sparse
import scipy.stats

from cortexsim.analysis import (
    LATENCIES,
    latencies,
)

TIMES = np.arange(-200.0, 300, 10)


def ramp(start, lasts=60.0, height=5.0, times=TIMES):
    """From 0 at ``start`` to ``height`` after ``lasts`` ms.

    Half of it after half the time, on any grid.
    """
    return height * np.clip((times - start) / lasts, 0, 1)


@pytest.mark.parametrize("at", [0, 35, 80, 215])
def test_planted_onsets_of_many_courses_come_back(at):
    rng = np.random.default_rng(at)
    courses = rng.normal(size=(4, 5, 50)) + 20 * (at <= TIMES)
    found = latencies(courses, TIMES)
    assert found.shape == (4, 5)
    np.testing.assert_array_equal(found, TIMES[at <= TIMES][0])


def test_onset_by_hand():
    base = np.tile([1.0, -1.0], 10)  # mean 0, sd sqrt(20/19)
    sd = np.std(base, ddof=1)
    limit = 3 * sd
    later = np.zeros(30)
    later[[4, 7, 8, 9, 10]] = limit * 1.001  # one time alone, then four
    later[15:20] = limit * 0.999
    course = np.concatenate([base, later])
    assert latencies(course, TIMES) == 70
    assert latencies(course, TIMES, bins=1) == 40
    assert latencies(course, TIMES, bins=4) == 70
    assert np.isnan(latencies(course, TIMES, bins=5))
    assert latencies(course, TIMES, k=2.9, bins=5) == 150
    assert np.isnan(latencies(course, TIMES, k=3.1))
    assert latencies(course + 100, TIMES) == latencies(course * 7, TIMES) == 70


def test_a_response_that_lasts_to_the_end_needs_all_its_bins():
    course = 9.0 * (TIMES >= 270) + 0.1 * np.sin(np.arange(50))
    assert latencies(course, TIMES) == 270
    assert np.isnan(latencies(course, TIMES, bins=4))
    assert np.isnan(latencies(course, TIMES, bins=51))


def test_the_baseline_is_the_window_that_is_named():
    course = np.where(TIMES < -100, 50.0, 0.0) + 9 * (TIMES >= 60) + 0.1 * np.cos(np.arange(50))
    assert np.isnan(latencies(course, TIMES))
    assert latencies(course, TIMES, baseline_ms=(-100, 0)) == 60
    early = 9.0 * (TIMES >= -50) + 0.1 * np.cos(np.arange(50))
    assert latencies(early, TIMES, baseline_ms=(-200, -100)) == -50, (
        "nothing but the baseline is left out"
    )


@pytest.mark.parametrize("k", [0.0, 3.0])
def test_a_constant_course_has_no_latency(k):
    # The mean of equal numbers differs from them by rounding.
    courses = np.repeat(np.random.default_rng(0).uniform(-100, 100, (500, 1)), 50, axis=1)
    for method in LATENCIES:
        assert np.isnan(latencies(courses, TIMES, method, k=k)).all()
    courses[:, TIMES >= 40] += 1e-6
    np.testing.assert_array_equal(latencies(courses, TIMES, k=k), 40)


@pytest.mark.parametrize("seed", range(20))
def test_half_maximum_against_the_inverse_of_scipys_interpolation(seed):
    rng = np.random.default_rng(seed)
    rise = np.sort(rng.uniform(0, 10, 20))
    course = np.concatenate([0.01 * rng.normal(size=20), rise, np.full(10, rise[-1])])
    half = (course[:20].mean() + rise[-1]) / 2
    expected = scipy.interpolate.interp1d(course[19:40], TIMES[19:40])(half)  # the rise is monotone
    assert latencies(course, TIMES, "half_maximum") == pytest.approx(expected, abs=1e-9)


def test_half_maximum_and_peak_by_hand():
    for start in (12.0, 40.0, 77.0):
        assert latencies(ramp(start), TIMES, "half_maximum") == pytest.approx(start + 30)
    course = ramp(50.0) + 3 * (TIMES == 120)
    assert latencies(course, TIMES, "peak") == 120
    # The largest mean of three bins, (5 + 8 + 5) / 3 = 6, is the peak: half of it is reached 3 / 5
    # of the way.
    assert latencies(course, TIMES, "half_maximum") == pytest.approx(50 + 36)
    assert latencies(course, TIMES, "half_maximum", bins=1) == pytest.approx(50 + 48)
    gaussian = np.exp(-((TIMES - 100) ** 2) / 2 / 30**2)
    assert latencies(gaussian, TIMES, "peak") == 100


@pytest.mark.parametrize("method", LATENCIES)
def test_a_later_course_has_a_latency_as_much_later(method):
    rng = np.random.default_rng(0)
    courses = ramp(30.0) - ramp(90.0) + 0.05 * rng.normal(size=(10, 50))
    # The noise is that of the baseline.
    shifted = np.concatenate([courses[:, :20], courses[:, 15:45]], axis=1)
    np.testing.assert_allclose(
        latencies(shifted, TIMES, method), latencies(courses, TIMES, method) + 50, atol=2
    )


@pytest.mark.parametrize("method", LATENCIES)
def test_suppression_and_noise_have_no_latency(method):
    rng = np.random.default_rng(1)
    assert np.isnan(latencies(rng.normal(size=(200, 50)) - 3 * (TIMES > 50), TIMES, method)).all()
    assert np.isfinite(latencies(rng.normal(size=(500, 50)), TIMES, method)).mean() < 0.01
