"""p-values, corrections and variances: against scipy, rsatoolbox and their definitions."""

import itertools
import warnings

import numpy as np
import pytest
import scipy.stats

from cortexsim.analysis.statistics.pvalues import (
    corrected,
    false_discovery,
    holm,
    max_statistic,
    monte_carlo_p,
    null_high,
    t_test,
    two_factor,
)


@pytest.mark.parametrize(("subjects", "conditions"), [(2, 4), (8, 20), (16, 92), (500, 6)])
def test_the_variance_of_two_factors_is_that_of_rsatoolbox(subjects, conditions):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rsatoolbox.util.inference_util import _dual_bootstrap
    rng = np.random.default_rng(0)
    v = rng.gamma(1, 1, (3, 200)) * np.array([[2], [1], [1]])
    ours = two_factor(*v, subjects=subjects, conditions=conditions)
    np.testing.assert_allclose(ours, _dual_bootstrap(v, subjects, conditions), rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_holm_rejects_what_the_closure_of_bonferroni_tests_rejects(seed):
    p = np.random.default_rng(seed).beta(0.4, 1, 6)
    p[1] = p[4] if seed % 2 else p[1]
    sets = [np.array(s) for k in range(1, 7) for s in itertools.combinations(range(6), k)]
    expected = [max(min(1, len(s) * p[s].min()) for s in sets if i in s) for i in range(6)]
    np.testing.assert_allclose(holm(p), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", range(10))
def test_false_discovery_rates_are_those_of_the_step_up_procedure(seed):
    p = np.random.default_rng(seed).beta(0.4, 1, 12)
    ours = false_discovery(p)
    np.testing.assert_allclose(
        ours, scipy.stats.false_discovery_control(p, method="bh"), rtol=0, atol=1e-15
    )
    for level in (0.01, 0.05, 0.2):
        order = np.sort(p)
        below = np.flatnonzero(order <= level * np.arange(1, 13) / 12)
        expected = p <= order[below[-1]] if len(below) else np.zeros(12, dtype=bool)
        np.testing.assert_array_equal(ours <= level, expected)


@pytest.mark.parametrize("method", ["holm", "fdr", "none"])
def test_corrections_count_the_tests_that_exist_and_keep_the_shape(method):
    p = np.array([[0.01, np.nan, 0.02], [0.5, 0.04, np.nan]])
    ours = corrected(p, method)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(p))
    some = corrected(np.array([0.01, 0.02, 0.5, 0.04]), method)
    np.testing.assert_array_equal(ours[np.isfinite(p)], some)
    assert np.isnan(corrected(np.full(3, np.nan), method)).all()


@pytest.mark.parametrize("two_sided", [False, True])
def test_the_maximum_statistic_counts_draws_whose_largest_value_reaches_each_point(two_sided):
    rng = np.random.default_rng(0)
    observed, null = rng.normal(size=(3, 4)) * 2, rng.normal(size=(50, 3, 4))
    observed[0, 0] = null[7].max()
    observed[1, 1], null[:, 1, 1], null[3, 2, 2] = np.nan, np.nan, np.nan
    size = np.abs if two_sided else np.asarray
    expected = [
        [(1 + sum(np.nanmax(size(x)) >= size(o) for x in null)) / 51 for o in row]
        for row in observed
    ]
    expected[1][1] = np.nan
    np.testing.assert_allclose(
        max_statistic(observed, null, two_sided=two_sided), expected, rtol=0, atol=1e-15
    )


@pytest.mark.parametrize("two_sided", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_monte_carlo_p_values_are_those_of_scipy(two_sided, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0.4, 1, (2, 4, 12))

    def correlation(a, axis=-1):
        return (a * y).mean(axis)

    tested = scipy.stats.permutation_test(
        (x,),
        correlation,
        permutation_type="pairings",
        n_resamples=199,
        alternative="greater",
        axis=-1,
        rng=np.random.default_rng(9),
    )
    observed, null = tested.statistic, tested.null_distribution
    if not two_sided:
        np.testing.assert_allclose(monte_carlo_p(observed, null), tested.pvalue, rtol=1e-12)
    reached = (np.abs(null) >= np.abs(observed)) if two_sided else null >= observed
    np.testing.assert_allclose(
        monte_carlo_p(observed, null, two_sided=two_sided), (1 + reached.sum(0)) / 200, rtol=1e-12
    )


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1.0, 1e9, 1e30])
def test_p_values_do_not_depend_on_the_unit(scale):
    rng = np.random.default_rng(0)
    observed, null = rng.normal(size=5), rng.normal(size=(99, 5))
    observed[0] = null[3, 0]
    for p in (monte_carlo_p, max_statistic):
        np.testing.assert_array_equal(p(scale * observed, scale * null), p(observed, null))


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_what_differs_by_rounding_is_a_tie_and_what_differs_by_more_is_none(size):
    null = size * np.array([[0.1], [0.3], [0.3], [-0.7]])
    for shift, reached in ((0, 2), (1e-11, 2), (-1e-11, 2), (1e-6, 0), (-1e-6, 2)):
        observed = np.array([size * (0.3 + shift)])
        for p in (monte_carlo_p, max_statistic):
            assert p(observed, null)[0] == (1 + reached) / 5
    # An effect of zero ties with the null that is zero, whatever the largest of it is.
    assert monte_carlo_p(np.zeros(1), np.array([[0.0], [0.0], [-size]]))[0] == 3 / 4


def test_the_maximum_statistic_of_one_point_is_the_monte_carlo_p():
    rng = np.random.default_rng(1)
    observed, null = rng.normal(size=1), rng.normal(size=(200, 1))
    for two_sided in (False, True):
        assert max_statistic(observed, null, two_sided=two_sided) == monte_carlo_p(
            observed, null, two_sided=two_sided
        )


def test_without_a_null_or_an_observation_there_is_no_p_value():
    for p in (monte_carlo_p, max_statistic):
        assert np.isnan(p(np.ones(2), np.empty((0, 2)))).all()
        assert np.isnan(p(np.ones(2), np.full((9, 2), np.nan))).all()
        assert np.isnan(p(np.array([np.nan, 1.0]), np.zeros((9, 2)))).tolist() == [True, False]
        # A draw that is no number did not reach anything.
        assert p(np.array([0.5]), np.array([[1.0], [np.nan], [np.inf], [0.0]]))[0] == 3 / 4


@pytest.mark.parametrize("two_sided", [True, False])
def test_no_p_value_of_t_is_zero(two_sided):
    strong = np.array([3.0, 200.0, 1e6])
    p = t_test(strong, np.ones(3), 999, two_sided=two_sided)
    expected = scipy.stats.t.sf(strong, 999) * (1 + two_sided)
    assert expected[-1] == 0
    np.testing.assert_allclose(p[0], expected[0])
    assert (p > 0).all()
    assert (np.diff(p) <= 0).all()
    assert np.isnan(t_test(np.ones(1), np.zeros(1), 9, two_sided=two_sided)).all()


@pytest.mark.parametrize("draws", [1, 10, 19, 105, 200, 999])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.99])
def test_the_high_end_of_a_null_is_the_higher_quantile_of_numpy(draws, share):
    null = np.random.default_rng(draws).normal(size=(draws, 3))
    null[: draws // 3, 1], null[:, 2] = np.nan, np.nan
    high = null_high(null, share)
    expected = [np.quantile(v[~np.isnan(v)], share, method="higher") for v in null[:, :2].T]
    assert high[:2].tolist() == expected
    assert np.isnan(high[2])


@pytest.mark.parametrize("draws", [19, 200, 999, 1000])
def test_what_lies_above_the_high_end_of_a_null_is_significant(draws):
    null = np.random.default_rng(0).permutation(draws).astype(float)
    observed = null + 0.5
    above = observed > null_high(null, 0.95)
    p = monte_carlo_p(observed, np.repeat(null[:, None], draws, 1))
    np.testing.assert_array_equal(above[p < 0.05], True)
    assert p[above].max() <= 0.05 + 1 / draws
