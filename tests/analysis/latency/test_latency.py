"""Latencies, their differences and the onset of significance.

Planted truths, coverage, false alarms, scipy and MNE.
"""

import functools
import json

import numpy as np
import pytest
import scipy.interpolate
import scipy.sparse
import scipy.stats
import xarray as xr
from grouped import grouped

from cortexsim.analysis import (
    Inference,
    latencies,
    latency_difference,
    population_latency,
    significance_onset,
)
from cortexsim.errors import AnalysisError

TIMES = np.arange(-200.0, 300, 10)


AFTER = np.arange(-100.0, 300, 20)


def ramp(start, lasts=60.0, height=5.0, times=TIMES):
    """From 0 at ``start`` to ``height`` after ``lasts`` ms.

    Half of it after half the time, on any grid.
    """
    return height * np.clip((times - start) / lasts, 0, 1)


def noisy(rng, course, members=30, noise=1.0):
    return course + noise * rng.normal(size=(members, course.shape[-1]))


@pytest.mark.slow
@pytest.mark.parametrize("height", [3.0, 1.0, 0.8])
def test_the_interval_of_an_onset_covers_the_truth(height):
    # A step at 75 ms: from 80 ms on, the first time of the grid with a response, at 16 to 4 times
    # the noise of the mean.
    covered, ends, found = 0, [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        result = population_latency(
            noisy(rng, height * (TIMES >= 75)), TIMES, inference=Inference(n=300, rng=seed)
        )
        low, high = result.interval.values
        covered += low <= 80 and (high >= 80 or np.isnan(high))
        found.append(float(result.latency_ms))
        ends.append(high)
        if np.isfinite(found[-1]):
            assert low <= found[-1]
            assert not high < found[-1]
    assert covered >= 90
    assert abs(np.nanmedian(found) - 80) < 10
    if height >= 1:
        # The resamples' noise is that of the whole sample twice; held against its own baseline, one
        # in three intervals had no end.
        assert np.isfinite(ends).mean() >= 0.95
        assert np.nanmean(ends) < 110


@pytest.mark.slow
@pytest.mark.parametrize(
    ("height", "lasts", "jitter", "members"),
    [
        (3.0, 30.0, 0.0, 30),
        (5.0, 60.0, 0.0, 30),
        (2.0, 60.0, 0.0, 30),
        (5.0, 60.0, 15.0, 30),
        (5.0, 60.0, 15.0, 12),
    ],
)
def test_the_interval_of_a_half_maximum_covers_the_truth(height, lasts, jitter, members):
    covered, widths, off = 0, [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        starts = 70 + jitter * rng.normal(size=(members, 1))
        courses = noisy(rng, ramp(starts, lasts, height), members)
        result = population_latency(
            courses, TIMES, "half_maximum", inference=Inference(n=300, rng=seed)
        )
        low, high = result.interval.values
        covered += low <= 70 + lasts / 2 <= high
        widths.append(high - low)
        off.append(float(result.latency_ms) - 70 - lasts / 2)
    assert covered >= 172, covered  # 0.9 of 200, less two standard errors
    assert np.std(off) > 0.4
    assert np.mean(widths) < 6 * np.std(off), "no wider than it must be"


def test_a_population_without_a_response_has_no_latency_and_no_interval():
    result = population_latency(
        noisy(np.random.default_rng(0), 0 * TIMES), TIMES, inference=Inference(n=200)
    )
    assert np.isnan(result.latency_ms)
    assert np.isnan(result.interval).all()
    assert float(result.undefined) > 0.975


def test_resamples_without_a_response_are_later_than_any_time():
    # One member in ten responds: a resample holds it with probability 1 - 0.9^10 = 0.65.
    rng = np.random.default_rng(0)
    courses = noisy(rng, 0 * TIMES, 10, 0.1)
    courses[0] += 30 * (TIMES >= 80)
    result = population_latency(courses, TIMES, inference=Inference(n=2000))
    assert float(result.undefined) == pytest.approx(0.9**10, abs=4 * np.sqrt(0.35 * 0.65 / 2000))
    assert float(result.latency_ms) == 80
    assert result.interval.values[0] == 80
    assert np.isnan(result.interval.values[1])
    assert float(result.each[0]) == 80
    assert np.isnan(result.each[1:]).sum() >= 8


def test_an_interval_is_wider_with_fewer_members_and_more_confidence():
    rng = np.random.default_rng(0)
    courses = noisy(rng, ramp(50 + 20 * rng.normal(size=(80, 1))), 80)

    def width(x, **settings):
        return float(
            population_latency(x, TIMES, "half_maximum", **grouped(population_latency, **settings))
            .interval.diff("bound")
            .item()
        )

    assert width(courses[:10]) > 1.5 * width(courses)
    assert width(courses, confidence=0.99) > width(courses) > width(courses, confidence=0.5)


def test_without_bias_the_interval_is_the_percentile_interval_of_scipy():
    rng = np.random.default_rng(3)
    # Hardly any noise to take for a peak.
    courses = noisy(rng, ramp(60 + 15 * rng.normal(size=(25, 1)), lasts=120), 25, 0.01)
    ours = population_latency(courses, TIMES, "half_maximum", inference=Inference(n=4000))
    theirs = scipy.stats.bootstrap(
        (np.arange(25),),
        lambda i, axis: latencies(courses[i].mean(-2), TIMES, "half_maximum"),
        n_resamples=4000,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    np.testing.assert_allclose(
        ours.interval, [theirs.low, theirs.high], atol=0.15 * (theirs.high - theirs.low)
    )


def differences(
    seeds,
    difference,
    *,
    members=30,
    jitter=15.0,
    noise=(1.0, 1.0),
    n=300,
    method="half_maximum",
    **shape,
):
    """Coverage of the truth and share of p <= 0.05."""
    covered = rejected = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        areas = [
            noisy(rng, ramp(start + jitter * rng.normal(size=(members, 1)), **shape), members, s)
            for start, s in zip((50, 50 + difference), noise)
        ]
        result = latency_difference(
            *areas, TIMES, method=method, inference=Inference(n=n, rng=seed)
        )
        low, high = result.interval.values
        covered += not (low > difference or high < difference)
        rejected += float(result.p) <= 0.05
    return covered / seeds, rejected / seeds


@pytest.mark.parametrize("noise", [(1.0, 1.0), (0.5, 3.0)])
@pytest.mark.parametrize("members", [12, 30])
@pytest.mark.slow
def test_no_difference_is_found_in_5_percent(members, noise):
    covered, rejected = differences(300, 0, members=members, noise=noise)
    assert rejected <= 0.09, rejected  # 0.05, 3 standard errors of 0.0126
    assert covered >= 0.90, covered


@pytest.mark.slow
def test_a_planted_difference_is_covered_and_found():
    covered, rejected = differences(200, 45)  # 25 beyond what bins of 10 ms tell from none
    assert covered >= 0.90
    assert rejected >= 0.95
    covered, rejected = differences(100, 45, method="onset", jitter=0.0, lasts=1.0, height=1.0)
    assert covered >= 0.95
    assert rejected >= 0.3
    assert differences(100, 0, method="onset", jitter=0.0, lasts=1.0, height=1.0)[1] <= 0.05


def test_pairs_that_share_their_latency_make_a_tighter_interval():
    widths, hits = [], 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        shared = 25 * rng.normal(size=(30, 1))
        areas = [
            noisy(rng, ramp(start + shared + 3 * rng.normal(size=(30, 1)))) for start in (50, 60)
        ]
        results = [
            latency_difference(
                *areas, TIMES, method="half_maximum", paired=p, inference=Inference(n=300, rng=seed)
            )
            for p in (True, False)
        ]
        # The resolution of the bins is the same in both.
        bins = [2 * float(r.resolution_ms) for r in results]
        widths.append(
            [float(r.interval.diff("bound").item()) - b for r, b in zip(results, bins, strict=True)]
        )
        hits += results[0].interval.values[0] <= 10 <= results[0].interval.values[1]
        assert float(results[0].difference_ms) == float(results[1].difference_ms)
    assert np.mean(widths, axis=0)[0] < 0.75 * np.mean(widths, axis=0)[1]
    assert hits >= 18


def test_the_other_way_round_a_difference_has_the_other_sign():
    rng = np.random.default_rng(0)
    a, b = noisy(rng, ramp(50.0)), noisy(rng, ramp(70.0))
    one, other = (
        latency_difference(*x, TIMES, paired=True, inference=Inference(n=200))
        for x in ((a, b), (b, a))
    )
    assert float(one.difference_ms) == -float(other.difference_ms)
    np.testing.assert_allclose(one.interval, -other.interval.values[::-1])
    assert float(one.p) == float(other.p)
    np.testing.assert_array_equal(one.latency_ms, other.latency_ms[::-1])
    same = latency_difference(a, a, TIMES, paired=True, inference=Inference(n=200))
    # Bins of 10 ms every 10 ms in both areas tell no difference below 20 ms from none.
    assert (float(same.difference_ms), float(same.p), *same.interval.values) == (0, 1, -20, 20)


def test_areas_on_different_clocks():
    rng = np.random.default_rng(0)
    fine = np.arange(-100.0, 250, 5)
    areas = noisy(rng, 9.0 * (TIMES >= 60)), noisy(rng, 9.0 * (fine >= 85), 12)
    result = latency_difference(*areas, TIMES, second_times_ms=fine, inference=Inference(n=100))
    assert result.latency_ms.values.tolist() == [60, 85]
    assert float(result.difference_ms) == 25
    assert float(result.p) == pytest.approx(2 / 101)


def test_an_area_without_a_response_has_no_difference():
    rng = np.random.default_rng(0)
    result = latency_difference(
        noisy(rng, ramp(50.0)), noisy(rng, 0 * TIMES), TIMES, inference=Inference(n=100)
    )
    assert np.isnan(result.difference_ms)
    assert np.isnan(result.interval).all()
    assert np.isnan(result.p)
    assert float(result.undefined) > 0.9
    # Of the second area one member in ten responds: a third of its resamples are unknown, and count
    # for neither order.
    some = noisy(rng, 0 * TIMES, 10, 0.1)
    some[0] += 30 * (TIMES >= 200)
    result = latency_difference(noisy(rng, ramp(50.0)), some, TIMES, inference=Inference(n=500))
    assert float(result.difference_ms) > 100
    assert np.isnan(result.interval).all(), "the unknown may lie at either end"
    assert float(result.p) > 0.5


def effects(seed, subjects=10, height=2.0, at=80, times=AFTER):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(subjects, len(times))) + height * (times >= at)


COURSES = noisy(np.random.default_rng(0), ramp(50.0), 8)


CALLS = {
    "population_latency": lambda **k: population_latency(
        **grouped(population_latency, **{"courses": COURSES, "times_ms": TIMES, **k})
    ),
    "latency_difference": lambda **k: latency_difference(
        **grouped(
            latency_difference,
            **{"first": COURSES, "second": COURSES[::-1] + 1, "times_ms": TIMES, **k},
        )
    ),
    "significance_onset": lambda **k: significance_onset(
        **grouped(significance_onset, **{"effects": COURSES, "times_ms": TIMES, **k})
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_results_go_through_netcdf_and_say_how_they_were_made(call, tmp_path):
    make = functools.partial(CALLS[call], n=50)
    result = make(rng=3)
    result.to_netcdf(tmp_path / "x.nc", engine="netcdf4")
    with xr.open_dataset(tmp_path / "x.nc", engine="netcdf4") as back:
        xr.testing.assert_identical(back.load(), result)
    assert (result.attrs["seed"], result.attrs["n"], result.attrs["confidence"]) == (3, 50, 0.95)
    assert "packages" in json.loads(result.attrs["provenance"])
    xr.testing.assert_identical(make(rng=3), result)
    from_generator = make(rng=np.random.default_rng(3))
    xr.testing.assert_equal(from_generator, result)
    assert from_generator.attrs["seed"] == "a generator of the caller"


@pytest.mark.parametrize("call", CALLS)
def test_seeds_differ(call):
    x = noisy(
        np.random.default_rng(1), ramp(60 + 10 * np.random.default_rng(2).normal(size=(12, 1))), 12
    )
    given = {
        "latency_difference": {"first": x, "second": np.concatenate([x[:, :3], x[:, :-3]], axis=1)},
        "population_latency": {"courses": x},
    }
    more = given.get(call, {"effects": x})
    if call != "significance_onset":
        more["method"] = "half_maximum"
    one, other = (CALLS[call](n=200, rng=seed, **more) for seed in (0, 1))
    assert not one.equals(other)


def spoiled(value):
    x = COURSES.copy()
    x[2, 7] = value
    return x


BAD_COURSES = {
    "NaN": (spoiled(np.nan), "1 courses hold NaN"),
    "inf": (spoiled(np.inf), "1 courses hold NaN or infinite"),
    "text": ([["a"] * 50] * 3, "real numbers"),
    "ragged": ([[1, 2], [3]], "not an array of numbers"),
    "other times": (COURSES[:, :-1], r"\(8, 49\) and times_ms \(50,\)"),
    "none": (np.empty((0, 50)), "shape"),
    "one": (COURSES[:1], "at least two members|1 subjects|two members"),
    "one course": (COURSES[0], "member, time"),
    "three axes": (COURSES[None], "member, time"),
}


BAD_SETTINGS = {
    "n": ({"n": 19}, "n=19"),
    "half n": ({"n": 50.5}, "n=50.5 is not a whole number"),
    "confidence": ({"confidence": 1.0}, "confidence=1.0 must lie between 0 and 1"),
    "text confidence": ({"confidence": "high"}, "confidence='high'"),
    "bins": ({"bins": 0}, "bins=0"),
    "half bins": ({"bins": 1.5}, "bins=1.5"),
    "seed": ({"rng": None}, "rng=None"),
    "times": ({"times_ms": TIMES[::-1]}, "ascend"),
    "NaN times": ({"times_ms": np.where(TIMES == 50, np.nan, TIMES)}, "NaN or infinite"),
    "times twice": ({"times_ms": np.where(TIMES == 50, 40, TIMES)}, "ascend"),
}


BAD_LATENCIES = {
    "method": ({"method": "first_spike"}, "onset, half_maximum, peak"),
    "k": ({"k": -1}, "k=-1"),
    "NaN k": ({"k": np.nan}, "k=nan"),
    "text k": ({"k": "3"}, "k='3'"),
    "short baseline": ({"baseline_ms": (-30, 0)}, "holds 4 of 50 times"),
    "empty baseline": ({"baseline_ms": (0, -100)}, "holds 0 of 50"),
    "late baseline": ({"baseline_ms": (0, 400)}, "no time is later"),
    "half a baseline": ({"baseline_ms": (-100,)}, "no window"),
    "text baseline": ({"baseline_ms": "xy"}, "no window"),
}


BAD_TESTS = {
    "test": ({"test": "fdr"}, "choose from max, cluster"),
    "threshold": ({"threshold": 0}, "threshold=0 must"),
    "cluster_threshold": ({"cluster_threshold": 1.5}, "cluster_threshold=1.5 must"),
    "chance": ({"chance": np.nan}, "chance=nan"),
    "text chance": ({"chance": "half"}, "chance='half'"),
    "after_ms": ({"after_ms": np.inf}, "after_ms=inf"),
    "four subjects": ({"effects": COURSES[:4]}, "4 subjects have 16 sign flips"),
}


@pytest.mark.parametrize("name", BAD_COURSES)
@pytest.mark.parametrize("call", CALLS)
def test_courses_that_are_none_are_refused(call, name):
    courses, message = BAD_COURSES[name]
    first = {
        "population_latency": "courses",
        "latency_difference": "first",
        "significance_onset": "effects",
    }[call]
    with pytest.raises(AnalysisError, match=message):
        CALLS[call](**{first: courses})


@pytest.mark.parametrize("name", BAD_SETTINGS)
@pytest.mark.parametrize("call", CALLS)
def test_settings_that_mean_nothing_are_refused(call, name):
    given, message = BAD_SETTINGS[name]
    with pytest.raises(AnalysisError, match=message):
        CALLS[call](**given)


@pytest.mark.parametrize("name", BAD_LATENCIES)
@pytest.mark.parametrize("call", ["population_latency", "latency_difference", "latencies"])
def test_latencies_that_mean_nothing_are_refused(call, name):
    given, message = BAD_LATENCIES[name]
    with pytest.raises(AnalysisError, match=message):
        CALLS.get(call, lambda **k: latencies(COURSES, TIMES, **k))(**given)


@pytest.mark.parametrize("name", BAD_TESTS)
def test_tests_that_mean_nothing_are_refused(name):
    given, message = BAD_TESTS[name]
    with pytest.raises(AnalysisError, match=message):
        CALLS["significance_onset"](**given)


def test_pairs_must_be_as_many():
    with pytest.raises(AnalysisError, match="found 8 and 7"):
        latency_difference(COURSES, COURSES[:7], TIMES, paired=True)
    with pytest.raises(AnalysisError, match=r"\(8, 50\) and second_times_ms \(49,\)"):
        latency_difference(COURSES, COURSES, TIMES, second_times_ms=TIMES[1:])
