"""Intervals: against numpy and scipy, coverage, scale, what is not finite."""

import numpy as np
import pytest
import scipy.stats

from cortexsim.analysis.statistics.intervals import (
    bias_corrected_interval,
    censored_interval,
    finite_quantiles,
    interval_around,
    mean_interval,
    order_statistics,
    percentile_interval,
    tails_of,
    widened,
)


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_percentile_intervals_are_those_of_numpy_and_scipy(confidence):
    x = np.random.default_rng(0).normal(size=30)
    scipys = scipy.stats.bootstrap(
        (x,),
        np.mean,
        n_resamples=500,
        method="percentile",
        confidence_level=confidence,
        rng=np.random.default_rng(1),
    )
    draws = scipys.bootstrap_distribution
    ours = percentile_interval(draws, confidence)
    np.testing.assert_allclose(ours, scipys.confidence_interval, rtol=0, atol=1e-14)
    tails = [50 - 50 * confidence, 50 + 50 * confidence]
    np.testing.assert_array_equal(ours, np.percentile(draws, tails))


def test_the_tails_of_95_percent_are_exact():
    assert tails_of(0.95).tolist() == [0.025, 0.975]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_percentile_intervals_leave_out_what_is_not_finite(axis):
    draws = np.random.default_rng(2).normal(size=(50, 3, 4))
    draws[7, 1, 2], draws[9, 1, 2], draws[:, 0, 0] = np.nan, np.inf, np.nan
    ours = percentile_interval(np.moveaxis(draws, 0, axis), 0.9, axis=axis)
    assert ours.shape == (2, 3, 4)
    assert np.isnan(ours[:, 0, 0]).all()
    kept = np.delete(draws[:, 1, 2], [7, 9])
    np.testing.assert_array_equal(ours[:, 1, 2], np.quantile(kept, tails_of(0.9)))
    np.testing.assert_array_equal(ours[:, 2], np.quantile(draws[:, 2], tails_of(0.9), axis=0))


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e9, 1e30])
def test_intervals_scale_with_their_unit_and_turn_with_their_sign(scale):
    draws = np.random.default_rng(3).normal(size=400)
    for interval in (percentile_interval, censored_interval):
        whole = interval(draws, 0.9)
        np.testing.assert_allclose(interval(scale * draws, 0.9), scale * whole, rtol=1e-12)
        np.testing.assert_allclose(interval(-draws, 0.9), -whole[::-1], rtol=1e-12)


def test_intervals_of_draws_that_are_all_the_same_are_that_value():
    for value in (0.3, 0.1 + 0.2, 1e30, -7.0):
        draws = np.full(100, value)
        for interval in (percentile_interval, censored_interval):
            assert interval(draws, 0.95).tolist() == [value, value]
        assert bias_corrected_interval(draws, 0.95, value).tolist() == [value, value]
        assert interval_around(draws, 0.95, value, free=value).tolist() == [value, value]


def test_wider_confidence_holds_the_narrower():
    draws = np.random.default_rng(4).gamma(1, 1, 200)
    for interval in (percentile_interval, censored_interval):
        bounds = np.array([interval(draws, c) for c in (0.5, 0.8, 0.95, 0.99)])
        assert (np.diff(bounds[:, 0]) <= 0).all()
        assert (np.diff(bounds[:, 1]) >= 0).all()


def test_quantiles_of_one_share_and_of_nothing():
    draws = np.array([[1.0, np.nan], [3.0, np.nan]])
    np.testing.assert_array_equal(finite_quantiles(draws, 0.5), [2.0, np.nan])
    assert finite_quantiles(draws, [0.0, 0.5, 1.0]).shape == (3, 2)


@pytest.mark.parametrize("n", [20, 99, 200, 1000])
def test_censored_bounds_are_draws_just_outside_the_percentiles(n):
    draws = np.random.default_rng(n).normal(size=n)
    low, high = censored_interval(draws, 0.95)
    assert {low, high} <= set(draws)
    inner = percentile_interval(draws, 0.95)
    assert low <= inner[0]
    assert high >= inner[1]
    between = (np.sort(draws) > low) & (np.sort(draws) < inner[0])
    assert not between.any()


def test_what_is_beyond_the_range_opens_the_interval_on_its_side():
    draws = np.arange(100.0)
    some_late = np.where(draws >= 90, np.nan, draws)
    assert np.isnan(censored_interval(some_late, 0.9)).tolist() == [False, True]
    # Of a difference it may be on either side.
    assert np.isnan(censored_interval(some_late, 0.9, both=True)).tolist() == [True, True]
    assert np.isnan(censored_interval(np.full(50, np.nan), 0.9)).all()
    assert order_statistics(np.array([0.0, 1.0, np.inf]), [0.2, 0.8]).tolist() == [0.0, np.inf]


def test_without_bias_the_corrected_interval_is_the_censored_one():
    draws = np.arange(100.0)
    corrected = bias_corrected_interval(draws, 0.9, 49.5)
    assert corrected.tolist() == censored_interval(draws, 0.9).tolist()
    # Resamples that lie above the estimate move the interval down.
    assert bias_corrected_interval(draws, 0.9, 30.0)[1] < corrected[1]
    assert bias_corrected_interval(draws, 0.9, float("nan")).tolist() == corrected.tolist()
    low, high = bias_corrected_interval(draws, 0.9, 500.0)
    assert low <= 500 <= high


@pytest.mark.parametrize("members", [5, 12, 40])
def test_percentiles_of_a_mean_at_the_widened_confidence_are_students_interval(members):
    x = np.random.default_rng(5).normal(size=members)
    t = scipy.stats.ttest_1samp(x, 0).confidence_interval(0.9)
    # What a bootstrap of many members would tend to: a normal with the resamples' spread.
    normal = scipy.stats.norm(x.mean(), x.std() / np.sqrt(members))
    np.testing.assert_allclose(normal.interval(widened(0.9, members)), t, rtol=1e-9)


def test_two_members_widen_an_interval_to_its_draws():
    assert 0.999 < widened(0.95, 2) < 1
    draws = np.arange(100.0)
    assert interval_around(draws, widened(0.95, 2), 50.0, free=50.0).tolist() == [0, 99]


def test_an_interval_holds_the_estimate_that_is_held_within_limits():
    draws = np.arange(100.0)
    assert interval_around(draws, 0.9, 49.5, free=49.5).tolist() == [4, 95]
    assert interval_around(draws, 0.9, 97.0, free=49.5).tolist() == [4, 97]
    assert np.isnan(interval_around(draws, 0.9, np.nan, free=49.5)).all()
    assert interval_around(draws, 0.9, np.nan, free=np.nan).tolist() == [4, 95]


@pytest.mark.parametrize("seed", range(2))
def test_percentile_intervals_of_a_mean_cover_it_at_their_rate(seed):
    rng, inside = np.random.default_rng(seed), 0
    for _ in range(300):
        x = rng.normal(1.0, 1.0, 50)
        counts = rng.multinomial(50, np.full(50, 1 / 50), size=300)
        low, high = mean_interval(x, counts)[1]
        inside += low <= 1.0 <= high
    # 50 members: the percentile interval of a mean covers about 94 %.
    assert (
        scipy.stats.binom.ppf(0.001, 300, 0.93) <= inside <= scipy.stats.binom.ppf(0.999, 300, 0.96)
    )


def test_summaries_leave_empty_states_empty():
    values = np.array([[1.0, 3.0], [np.nan, np.nan]])
    mean, interval = mean_interval(values, np.array([[1, 1], [2, 0], [0, 2]]))
    assert mean[0] == 2
    assert np.isnan(mean[1])
    assert np.isnan(interval[:, 1]).all()
