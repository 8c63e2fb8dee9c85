"""Intervals of latencies hold planted truths; differences that are not there are seldom found."""

import numpy as np
import pytest

from cortexsim.analysis import Inference, latency_difference, population_latency

pytestmark = pytest.mark.slow
COARSE, FINE = np.arange(-200.0, 300, 10), np.arange(-200.0, 300, 2)
LASTS = 60.0


def within_3_percent(share, runs, level):
    """Within 3 % of the level, and twice the error of so many runs."""
    return abs(share - level) <= 0.03 + 2 * np.sqrt(level * (1 - level) / runs)


def planted(rng, start, *, times, members, jitter, height=5.0, noise=1.0):
    """Members whose ramps begin around a time; the half of their mean is 30 ms later."""
    starts = start + jitter * rng.normal(size=(members, 1))
    course = height * np.clip((times - starts) / LASTS, 0, 1)
    return course + noise * rng.normal(size=course.shape)


@pytest.mark.parametrize(
    ("height", "jitter", "members", "noise"),
    [(5.0, 15.0, 30, 1.0), (5.0, 30.0, 12, 1.0), (5.0, 15.0, 30, 3.0), (2.0, 0.0, 30, 1.0)],
)
def test_the_interval_of_a_half_maximum_holds_the_truth(height, jitter, members, noise):
    runs, held = 300, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        x = planted(
            rng, 70, times=COARSE, members=members, jitter=jitter, height=height, noise=noise
        )
        asked = Inference(n=300, rng=seed)
        low, high = population_latency(x, COARSE, "half_maximum", inference=asked).interval.values
        held += low <= 70 + LASTS / 2 and not high < 70 + LASTS / 2
    assert within_3_percent(held / runs, runs, 0.95), held / runs


def differences(runs, difference, *, times=FINE, method="half_maximum", noise=(1.0, 1.0), **shape):
    """How often the truth is held, and how often p is at most 0.05."""
    held = rejected = 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        areas = [
            planted(rng, start, times=times, noise=s, **shape)
            for start, s in zip((70, 70 + difference), noise, strict=True)
        ]
        asked = Inference(n=300, rng=seed)
        found = latency_difference(*areas, times, method=method, inference=asked)
        low, high = found.interval.values
        held += not (low > difference or high < difference)
        rejected += float(found.p) <= 0.05
    return held / runs, rejected / runs


# Of members that differ by much more than the width of a bin: coverage and level are nominal.
@pytest.mark.parametrize(
    ("members", "noise"), [(12, (1.0, 1.0)), (30, (0.5, 1.3)), (12, (0.5, 1.3))]
)
def test_no_difference_is_seldom_found(members, noise):
    runs = 300
    held, rejected = differences(runs, 0, members=members, jitter=40.0, noise=noise)
    assert within_3_percent(held, runs, 0.95), held
    assert within_3_percent(rejected, runs, 0.05), rejected


def test_a_planted_difference_is_held_and_found():
    held, rejected = differences(200, 40, members=30, jitter=30.0, noise=(0.5, 1.3))
    assert held >= 0.92
    assert rejected >= 0.9


def test_of_bins_as_wide_as_the_differences_none_is_found_where_there_is_none():
    # All members respond at once, anywhere between two times: what is left is the bins'.
    runs, held, rejected = 200, 0, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        starts = rng.uniform(60, 70, 2)
        areas = [5.0 * (start < COARSE) + 0.3 * rng.normal(size=(20, 50)) for start in starts]
        found = latency_difference(*areas, COARSE, inference=Inference(n=100, rng=seed))
        low, high = found.interval.values
        held += low <= starts[1] - starts[0] <= high
        rejected += float(found.p) <= 0.05
    assert held == runs
    assert rejected == 0


def test_by_their_onsets_areas_of_unequal_noise_differ_too_often():
    # What the docstring warns of; the reason why half_maximum is the default.
    shape = {"members": 30, "jitter": 30.0, "noise": (0.5, 1.3)}
    assert differences(200, 0, method="onset", **shape)[1] > 0.08
