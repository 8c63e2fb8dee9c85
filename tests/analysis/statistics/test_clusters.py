"""Clusters and sign flips, against scipy and sums written out."""

import itertools

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from cortexsim.analysis import cluster_test
from cortexsim.analysis.statistics.clusters import sign_flips
from cortexsim.errors import AnalysisError


def test_clusters_are_runs_above_the_threshold_with_their_sums():
    statistic = np.array([3, 3, 0, 5, -4, 2.5, np.nan, 9, 2, 2.1])
    null = np.zeros((99, 10))
    found = cluster_test(statistic, null, 2.0)
    np.testing.assert_array_equal(found.labels, [1, 1, 0, 2, 0, 3, 0, 4, 0, 5])
    np.testing.assert_allclose(found.mass, [6, 5, 2.5, 9, 2.1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.p, 0.01, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(np.isnan(found.p_map()), found.labels == 0)


def test_the_p_value_of_a_cluster_counts_the_largest_clusters_of_permutations():
    # Largest masses of the 39 permutations: 1, 2, ..., 39, each as two points next to each other; a
    # lone point beside.
    null = np.zeros((39, 6))
    null[:, 1] = null[:, 2] = np.arange(1, 40) / 2
    null[:, 5] = 0.4
    found = cluster_test([0, 20, 0, 5, 5, 0], null, 0.3)
    np.testing.assert_allclose(found.mass, [20, 10], rtol=0, atol=1e-12)
    # Ties count.
    np.testing.assert_allclose(found.p, [(1 + 20) / 40, (1 + 30) / 40], rtol=0, atol=1e-15)


def test_in_two_dimensions_neighbours_share_a_side():
    statistic = np.zeros((4, 5))
    statistic[0, :3] = statistic[1, 2] = 3  # one cluster around a corner
    statistic[2, 3] = 3  # touches it at a corner only
    found = cluster_test(statistic, np.zeros((20, 4, 5)), 1.0)
    assert len(found.mass) == 2
    np.testing.assert_allclose(sorted(found.mass), [3, 12], rtol=0, atol=1e-12)


def test_a_threshold_may_differ_between_points_and_nothing_above_it_is_no_cluster():
    found = cluster_test([3, 3, 3.0], np.zeros((20, 3)), np.array([2, 4, 2]))
    np.testing.assert_array_equal(found.labels, [1, 0, 2])
    nothing = cluster_test([1, 1, 1.0], np.ones((20, 3)), 2.0)
    assert nothing.p.shape == nothing.mass.shape == (0,)
    assert np.isnan(nothing.p_map()).all()


@pytest.mark.parametrize(
    ("statistic", "null", "words"),
    [
        (np.zeros(5), np.zeros((30, 6)), r"\(5,\) and its null \(30, 6\)"),
        (np.zeros(5), np.zeros(5), "null"),
        (np.zeros((2, 2, 2)), np.zeros((30, 2, 2, 2)), r"\(2, 2, 2\)"),
        (3.0, np.zeros(30), "shape"),
        (np.zeros(5), np.zeros((19, 5)), "19 permutations"),
        (np.zeros(5), np.zeros((0, 5)), "at least 20"),
    ],
)
def test_clusters_of_other_shapes_or_of_few_permutations_are_refused(statistic, null, words):
    with pytest.raises(AnalysisError, match=words):
        cluster_test(statistic, null, 1.0)


def test_a_threshold_for_other_points_is_refused():
    with pytest.raises(AnalysisError):
        cluster_test(np.zeros(5), np.zeros((30, 5)), np.zeros(4))


def test_sign_flips_give_the_t_of_scipy():
    x = np.random.default_rng(0).normal(0.3, 1, (7, 4, 3))
    rng = np.random.default_rng(1)
    statistic, null = sign_flips(x, 50, rng)
    np.testing.assert_allclose(
        statistic, scipy.stats.ttest_1samp(x, 0).statistic, rtol=0, atol=1e-12
    )
    assert null.shape == (50, 4, 3)


def test_all_flips_are_taken_once_each_where_they_are_few():
    x = np.random.default_rng(0).normal(0.3, 1, (5, 4))
    _, null = sign_flips(x, 32, np.random.default_rng(0))
    signs = np.array(list(itertools.product([1, -1], repeat=5)))[1:]  # all but the observed
    expected = scipy.stats.ttest_1samp(signs[:, :, None] * x, 0, axis=1).statistic
    assert null.shape == expected.shape
    ours, theirs = (v[np.argsort(v[:, 0])] for v in (null, expected))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-11)


def test_flips_are_of_whole_subjects():
    x = np.random.default_rng(0).normal(0.3, 1, (12, 1)) * np.array([1, 2, -3.0])
    _, null = sign_flips(x, 30, np.random.default_rng(0))
    # Every point is a multiple of the first, so its t is the same (or the opposite) under every
    # flip.
    np.testing.assert_allclose(null[:, 1], null[:, 0], rtol=0, atol=1e-11)
    np.testing.assert_allclose(null[:, 2], -null[:, 0], rtol=0, atol=1e-11)
    assert np.std(null[:, 0]) > 0.3


def test_a_threshold_below_zero_is_refused():
    null = np.random.default_rng(0).standard_normal((99, 6))
    with pytest.raises(AnalysisError, match="a threshold of -1: clusters are of points where"):
        cluster_test(np.zeros(6), null, -1.0)
