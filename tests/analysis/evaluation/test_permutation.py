"""Permuted conditions, against permuted square RDMs."""

import numpy as np
import pytest

from cortexsim.analysis import COMPARATORS, compare, condensed, square
from cortexsim.analysis.evaluation.permutation import permuted
from cortexsim.analysis.rsa.comparators import whitener

WHITENED = ("cosine-whitened", "pearson-whitened")


def vectors(rows, n=10, seed=0, levels=None):
    """Random RDMs; ``levels`` makes heavy ties."""
    rng = np.random.default_rng(seed)
    shape = (rows, n * (n - 1) // 2)
    return rng.random(shape) if levels is None else rng.integers(0, levels, shape).astype(float)


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("levels", [None, 3])
def test_permuted_labels_are_the_comparison_with_permuted_square_rdms(comparator, levels):
    a, d = vectors(3, 8, 1, levels), vectors(4, 8, 2, levels)
    rng = np.random.default_rng(0)
    orders = np.array([rng.permutation(8) for _ in range(20)])
    c = COMPARATORS[comparator]
    (ours,) = permuted(a, [d], c, whitener(c, comparator, None, 28), orders)
    for order, row in zip(orders, ours, strict=True):
        moved = condensed(square(d)[:, order][:, :, order])
        back = condensed(square(d)[:, np.argsort(order)][:, :, np.argsort(order)])
        expected = [
            compare(a, x, comparator).mean(1) for x in (moved, back)
        ]  # either direction is a permutation
        assert min(np.abs(row - e).max() for e in expected) < 1e-12
    (identity,) = permuted(a, [d], c, whitener(c, comparator, None, 28), np.arange(8)[None])
    np.testing.assert_allclose(identity[0], compare(a, d, comparator).mean(1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("comparator", WHITENED)
def test_permuted_labels_with_a_covariance_of_conditions_are_compared_with_it(comparator):
    a, d = vectors(3, 8, 1), vectors(4, 8, 2)
    rng = np.random.default_rng(0)
    sigma_k = np.diag(rng.uniform(0.3, 3, 8)) + 0.1
    order = rng.permutation(8)
    c = COMPARATORS[comparator]
    ours = permuted(a, [d], c, whitener(c, comparator, sigma_k, 28), order[None])[0][0]
    moved = condensed(square(d)[:, order][:, :, order])
    np.testing.assert_allclose(
        ours, compare(a, moved, comparator, sigma_k=sigma_k).mean(1), rtol=0, atol=1e-11
    )


def test_no_permutations_are_an_empty_null():
    c = COMPARATORS["pearson"]
    (null,) = permuted(vectors(3, 8), [vectors(4, 8)], c, None, np.empty((0, 8), dtype=int))
    assert null.shape == (0, 3)


@pytest.mark.parametrize("comparator", ["spearman", "cosine", "cosine-whitened", "tau-a"])
def test_the_null_of_a_time_does_not_see_the_others(comparator):
    c, a = COMPARATORS[comparator], vectors(3, 8)
    times = [vectors(4, 8, seed=k) for k in range(1, 4)]
    orders = np.array([np.random.default_rng(k).permutation(8) for k in range(5)])
    whiten = whitener(c, comparator, None, 28)
    together = permuted(a, times, c, whiten, orders)
    for of_time, null in zip(times, together, strict=True):
        np.testing.assert_array_equal(null, permuted(a, [of_time], c, whiten, orders)[0])
