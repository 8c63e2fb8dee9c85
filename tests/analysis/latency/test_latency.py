"""Latencies, their differences and the onset of significance: planted truths, coverage, false alarms, scipy and MNE."""

import functools
import json

import mne
import numpy as np
import pytest
import scipy.interpolate
import scipy.sparse
import scipy.stats
import xarray as xr
from grouped import grouped

import cortexsim.provenance
from cortexsim.analysis import (
    LATENCIES,
    Inference,
    cluster_test,
    latencies,
    latency_difference,
    population_latency,
    significance_onset,
)
from cortexsim.analysis.latency.significance import TESTS
from cortexsim.analysis.statistics.clusters import cluster_mass
from cortexsim.errors import AnalysisError

TIMES = np.arange(-200.0, 300, 10)
AFTER = np.arange(-100.0, 300, 20)


@pytest.fixture(autouse=True)
def no_commit(monkeypatch):
    """The commit is asked for in every call; here there are hundreds."""
    monkeypatch.setattr(cortexsim.provenance, "git_commit", lambda: None)


def ramp(start, lasts=60.0, height=5.0, times=TIMES):
    """From 0 at ``start`` to ``height`` after ``lasts`` ms: half of it after half the time, on any grid."""
    return height * np.clip((times - start) / lasts, 0, 1)


def noisy(rng, course, members=30, noise=1.0):
    return course + noise * rng.normal(size=(members, course.shape[-1]))


# --- single courses ---------------------------------------------------------------------------------------------------


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
    # The largest mean of three bins, (5 + 8 + 5) / 3 = 6, is the peak: half of it is reached 3 / 5 of the way.
    assert latencies(course, TIMES, "half_maximum") == pytest.approx(50 + 36)
    assert latencies(course, TIMES, "half_maximum", bins=1) == pytest.approx(50 + 48)
    gaussian = np.exp(-((TIMES - 100) ** 2) / 2 / 30**2)
    assert latencies(gaussian, TIMES, "peak") == 100


@pytest.mark.parametrize("method", LATENCIES)
def test_a_later_course_has_a_latency_as_much_later(method):
    rng = np.random.default_rng(0)
    courses = ramp(30.0) - ramp(90.0) + 0.05 * rng.normal(size=(10, 50))
    shifted = np.concatenate(
        [courses[:, :20], courses[:, 15:45]], axis=1
    )  # the noise is that of the baseline
    np.testing.assert_allclose(
        latencies(shifted, TIMES, method), latencies(courses, TIMES, method) + 50, atol=2
    )


@pytest.mark.parametrize("method", LATENCIES)
def test_suppression_and_noise_have_no_latency(method):
    rng = np.random.default_rng(1)
    assert np.isnan(latencies(rng.normal(size=(200, 50)) - 3 * (TIMES > 50), TIMES, method)).all()
    assert np.isfinite(latencies(rng.normal(size=(500, 50)), TIMES, method)).mean() < 0.01


# --- populations ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("height", [3.0, 1.0, 0.8])
def test_the_interval_of_an_onset_covers_the_truth(height):
    # A step at 75 ms: from 80 ms on, the first time of the grid with a response, at 16 to 4 times the noise of the mean.
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
        # The resamples' noise is that of the whole sample twice; held against its own baseline, one in three intervals had no end.
        assert np.isfinite(ends).mean() >= 0.95
        assert np.nanmean(ends) < 110


@pytest.mark.slow
@pytest.mark.parametrize(
    ("height", "lasts", "jitter", "members"),
    [
        (3.0, 10.0, 0.0, 30),
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
    courses = noisy(
        rng, ramp(60 + 15 * rng.normal(size=(25, 1)), lasts=120), 25, 0.01
    )  # hardly any noise to take for a peak
    ours = population_latency(courses, TIMES, "half_maximum", inference=Inference(n=4000))
    theirs = scipy.stats.bootstrap(
        (np.arange(25),), lambda i, axis: latencies(courses[i].mean(-2), TIMES, "half_maximum"), n_resamples=4000, vectorized=True,
        method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    np.testing.assert_allclose(
        ours.interval, [theirs.low, theirs.high], atol=0.15 * (theirs.high - theirs.low)
    )


# --- differences ------------------------------------------------------------------------------------------------------


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
def test_no_difference_is_found_in_5_percent(members, noise):
    covered, rejected = differences(300, 0, members=members, noise=noise)
    assert rejected <= 0.09, rejected  # 0.05, 3 standard errors of 0.0126
    assert covered >= 0.90, covered


def test_a_planted_difference_is_covered_and_found():
    covered, rejected = differences(200, 30)
    assert covered >= 0.90
    assert rejected >= 0.95
    covered, rejected = differences(100, 30, method="onset", jitter=0.0, lasts=1.0, height=1.0)
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
        widths.append([float(r.interval.diff("bound").item()) for r in results])
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
    assert (float(same.difference_ms), float(same.p), *same.interval.values) == (0, 1, 0, 0)


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
    assert float(result.p) == 1
    assert float(result.undefined) > 0.9
    # Of the second area one member in ten responds: a third of its resamples are unknown, and count for neither order.
    some = noisy(rng, 0 * TIMES, 10, 0.1)
    some[0] += 30 * (TIMES >= 200)
    result = latency_difference(noisy(rng, ramp(50.0)), some, TIMES, inference=Inference(n=500))
    assert float(result.difference_ms) > 100
    assert np.isnan(result.interval).all(), "the unknown may lie at either end"
    assert float(result.p) > 0.5


# --- onset of significance --------------------------------------------------------------------------------------------


def effects(seed, subjects=10, height=2.0, at=80, times=AFTER):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(subjects, len(times))) + height * (times >= at)


def mne_p_values(x, limit, adjacency=None):
    """MNE's p-value at each time, 1 outside its clusters, from all sign flips.

    Of the 2^n it leaves out the one that flips everyone and counts the true signs twice, so that most are one in 2^n larger than they should be.
    """
    _, clusters, p, _ = mne.stats.permutation_cluster_1samp_test(
        x,
        threshold=limit,
        n_permutations=2 ** len(x),
        tail=1,
        adjacency=adjacency,
        out_type="mask",
        verbose="error",
    )
    out = np.ones(x.shape[1])
    for where, value in zip(clusters, p, strict=True):
        out[where] = value
    return out


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("subjects", [6, 9])
def test_max_test_against_scipy_and_mne_with_all_sign_flips(seed, subjects):
    x = effects(seed, subjects, 1.0)
    ours = significance_onset(x, AFTER, inference=Inference(n=2**subjects))
    assert ours.attrs["flips"] == 2**subjects - 1
    t = scipy.stats.ttest_1samp(x, 0).statistic
    np.testing.assert_allclose(ours.t, t, rtol=1e-9)
    largest = scipy.stats.permutation_test(
        (np.ones(subjects),),
        lambda signs: scipy.stats.ttest_1samp(signs[:, None] * x, 0).statistic.max(),
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="greater",
    )
    assert float(ours.p.min()) == pytest.approx(largest.pvalue)
    # Where no time has a neighbour, a cluster is a time.
    alone = mne_p_values(x, 1e-9, scipy.sparse.coo_array((len(AFTER), len(AFTER))))
    more = (alone - ours.p.values)[t > 0] * 2**subjects
    assert set(more.round(6)) <= {0, 1}
    assert (more.round(6) == 1).any()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("subjects", [7, 9])
def test_cluster_test_against_mne_with_all_sign_flips(seed, subjects):
    x = effects(seed, subjects, 0.8)
    ours = significance_onset(x, AFTER, test="cluster", inference=Inference(n=2**subjects))
    theirs = mne_p_values(x, scipy.stats.t.ppf(0.95, subjects - 1))
    assert ((theirs == 1) == (ours.p == 1)).all()
    assert set(((theirs - ours.p.values)[theirs < 1] * 2**subjects).round(6)) <= {0, 1}
    assert theirs.min() < 0.05


def test_cluster_test_with_random_flips_agrees_with_mne_and_with_cluster_test():
    x = effects(4, 20, 0.6)
    ours = significance_onset(x, AFTER, test="cluster", inference=Inference(n=4000))
    limit = scipy.stats.t.ppf(0.95, 19)
    _, clusters, p, _ = mne.stats.permutation_cluster_1samp_test(
        x, threshold=limit, n_permutations=4000, tail=1, out_type="mask", seed=0, verbose="error"
    )  # fmt: skip
    for (where,), value in zip(clusters, p, strict=True):
        np.testing.assert_allclose(ours.p[where], value, atol=5 * np.sqrt(0.25 / 4000))
    rng = np.random.default_rng(0)
    t, null = rng.normal(size=30) + 1, rng.normal(size=(200, 30))
    found = cluster_test(t, null, 1.0)
    mass, largest = cluster_mass(t, 1.0), cluster_mass(null, 1.0).max(1)
    np.testing.assert_allclose(
        mass[found.labels > 0], found.mass[found.labels[found.labels > 0] - 1]
    )
    assert (mass[found.labels == 0] == 0).all()
    p_of = (1 + (largest >= mass[:, None] * (1 - 1e-9)).sum(1)) / 201
    np.testing.assert_allclose(p_of[found.labels > 0], found.p_map()[found.labels > 0])


@pytest.mark.slow
@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("test", TESTS)
def test_noise_is_significant_anywhere_in_5_percent(test, correlated):
    rng = np.random.default_rng(0)
    false = 0
    for seed in range(300):
        x = rng.normal(size=(12, 22))
        x = (x[:, :-2] + x[:, 1:-1] + x[:, 2:]) if correlated else x[:, :20]
        false += bool(
            significance_onset(
                x, AFTER, test=test, inference=Inference(n=100, rng=seed)
            ).significant.any()
        )
    assert false <= scipy.stats.binom.ppf(0.999, 300, 0.05), false
    assert false >= scipy.stats.binom.ppf(0.001, 300, 0.05), false


@pytest.mark.slow
@pytest.mark.parametrize("bins", [1, 3])
@pytest.mark.parametrize("test", TESTS)
def test_a_planted_onset_is_found_and_covered(test, bins):
    covered, found, lower = 0, [], []
    for seed in range(100):
        result = significance_onset(
            effects(seed, 16, 1.5),
            AFTER,
            test=test,
            bins=bins,
            inference=Inference(n=200, rng=seed),
        )
        low, high = result.interval.values
        covered += low <= 80 and (high >= 80 or np.isnan(high))
        found.append(float(result.onset_ms))
        lower.append(low)
    assert covered >= 90
    assert np.mean(np.array(found) == 80) >= 0.85
    if bins == 3:
        assert np.mean(lower) > 60, "single times of resampled noise are no onset"


def test_the_onset_of_the_max_test_is_itself_significant_and_counts_all_bins():
    x = effects(0, 14, 3.0, 80)
    x[:, 12:] = effects(1, 14, 0.0)[
        :, 12:
    ]  # three times, 80, 100 and 120 ms (bins 9 to 11), and noise again
    assert np.flatnonzero(significance_onset(x, AFTER).significant).tolist() == [9, 10, 11]
    assert float(significance_onset(x, AFTER, bins=3).onset_ms) == 80
    none = significance_onset(x, AFTER, bins=4)
    assert np.isnan(none.onset_ms)
    assert np.isnan(none.interval.values[1])
    assert float(significance_onset(x, AFTER, after_ms=100).onset_ms) == 100
    early = effects(0, 14, 3.0, -60)
    assert float(significance_onset(early, AFTER).onset_ms) == 0
    assert float(significance_onset(early, AFTER, after_ms=-100).onset_ms) == -60


@pytest.mark.parametrize("test", TESTS)
def test_chance_is_what_effects_are_measured_from(test):
    x = effects(3, 8)
    plain, accuracy = (
        significance_onset(x, AFTER, test=test),
        significance_onset(0.125 + x, AFTER, test=test, chance=0.125),
    )
    for name in plain:
        np.testing.assert_allclose(plain[name], accuracy[name], rtol=1e-9)
    below = significance_onset(-x, AFTER, test=test)
    assert not below.significant[9:].any(), "one-sided"


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("level", [1.0, 0.7])
def test_accuracy_at_the_ceiling_is_significant_and_at_chance_is_not(test, level):
    # Every subject the same: at chance before, and all right after. (0.7 - 0.5 is not exact: their variance is rounding.)
    x = np.full((10, len(AFTER)), 0.5)
    x[:, AFTER >= 80] = level
    result = significance_onset(x, AFTER, chance=0.5, test=test)
    assert result.significant.values.tolist() == (AFTER >= 80).tolist()
    assert result.interval.values.tolist() == [80, 80]
    assert np.isinf(result.t[AFTER >= 80]).all()
    assert (result.t[AFTER < 80] == 0).all()
    worse = significance_onset(x, AFTER, chance=0.99 + 0.5, test=test)
    assert not worse.significant.any()


def test_more_subjects_or_a_stricter_level_move_the_p_values():
    x = effects(0, 24, 0.7)
    few, many = significance_onset(x[:8], AFTER), significance_onset(x, AFTER)
    assert float(many.p[AFTER >= 80].mean()) < float(few.p[AFTER >= 80].mean())
    strict = significance_onset(x, AFTER, threshold=0.005)
    np.testing.assert_array_equal(strict.p, many.p)
    assert strict.significant.sum() < many.significant.sum()
    assert strict.attrs["critical"] > many.attrs["critical"]


# --- results and refusals ---------------------------------------------------------------------------------------------

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
