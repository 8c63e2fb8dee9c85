"""Weights of combined models, against scipy, planted weights and sums written out."""

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from cortexsim.analysis import COMPARATORS, square
from cortexsim.analysis.evaluation.weighted import Combination, nonnegative


def vectors(rows, n=10, seed=0, levels=None):
    """Random RDMs; ``levels`` makes heavy ties."""
    rng = np.random.default_rng(seed)
    shape = (rows, n * (n - 1) // 2)
    return rng.random(shape) if levels is None else rng.integers(0, levels, shape).astype(float)


def counted(index, n):
    return np.bincount(index, minlength=n)[None]


def every_once(n):
    return np.ones((1, n), dtype=int)


def written_out(x, index):
    """RDMs of the conditions ``index``, copies included, without the pairs of a condition with its
    own copy.
    """
    i, j = np.triu_indices(len(index), 1)
    return np.delete(square(x)[:, index[i], index[j]], np.flatnonzero(index[i] == index[j]), axis=1)


@pytest.mark.parametrize("seed", range(8))
def test_non_negative_weights_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(30, 5)), rng.normal(size=30)
    ours = nonnegative(x.T @ x, x.T @ y)
    np.testing.assert_allclose(ours, scipy.optimize.nnls(x, y)[0], rtol=0, atol=1e-10)
    assert (ours >= 0).all()


def test_non_negative_weights_of_collinear_components_fit_as_well_as_those_of_scipy():
    rng = np.random.default_rng(0)
    x = rng.random((30, 3)) @ np.array([[1, 0, 0, 1, 2], [0, 1, 0, 1, 0], [0, 0, 1, 0, 1.0]])
    y = x @ rng.random(5) + 0.1 * rng.normal(size=30)
    ours, theirs = nonnegative(x.T @ x, x.T @ y), scipy.optimize.nnls(x, y)[0]
    assert np.linalg.norm(x @ ours - y) == pytest.approx(np.linalg.norm(x @ theirs - y), rel=1e-6)


def scaled(n, rows, seed):
    """Random components with a largest entry of 1, that of the pair (0, 2).

    The units in which weights are counted.
    """
    x = vectors(rows, n, seed)
    x[:, 1] = 1
    return x


def halves(n):
    """Even and odd conditions."""
    train = (np.arange(n) % 2 == 0).astype(int)[None]
    return train, 1 - train


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_planted_weights_are_found_and_the_combination_then_fits_conditions_it_never_saw(
    comparator,
):
    n, planted = 12, np.array([2.0, 0.0, 0.5])
    components = scaled(n, 3, 1)
    data = np.stack([planted @ components * s for s in (1, 3)])
    fitted = Combination(components, data, COMPARATORS[comparator])
    train, test = halves(n)
    w = fitted.weights(train, every_once(2))[0]
    np.testing.assert_allclose(w / w.max(), planted / planted.max(), rtol=0, atol=1e-10)
    # Both halves of the data are the planted combination, without ties.
    np.testing.assert_allclose(fitted.similarity(train, test, every_once(2)), 1, rtol=0, atol=1e-10)


@pytest.mark.parametrize("comparator", ["cosine", "pearson"])
def test_weights_are_the_least_squares_of_scipy_on_the_pairs_within_training_conditions(comparator):
    n = 12
    components, data = scaled(n, 3, 1), vectors(4, n, 2) + vectors(1, n, 1)
    index = np.array([0, 0, 2, 4, 4, 4, 6, 8, 10])  # with copies
    x, y = written_out(components, index), written_out(data, index)
    if comparator == "pearson":
        x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    m = np.array([2, 0, 1, 1])
    target = m @ (y / np.sqrt((y**2).mean(1, keepdims=True)))
    expected = scipy.optimize.nnls(x.T, target)[0]
    ours = Combination(components, data, COMPARATORS[comparator]).weights(
        counted(index, n), m[None]
    )[0]
    np.testing.assert_allclose(ours / ours.sum(), expected / expected.sum(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_no_pair_with_a_test_condition_changes_the_weights(comparator):
    n = 12
    components, data = scaled(n, 3, 1), vectors(4, n, 2)
    train, test = halves(n)
    i, j = np.triu_indices(n, 1)
    outside = (train[0, i] * train[0, j]) == 0
    moved = (
        np.where(outside, vectors(3, n, 7), components),
        np.where(outside, vectors(4, n, 8) * 3, data),
    )
    c = COMPARATORS[comparator]
    kept = Combination(components, data, c).weights(train, every_once(4))
    after = Combination(*moved, c).weights(train, every_once(4))
    np.testing.assert_allclose(after, kept, rtol=1e-8, atol=1e-10)
    flipped = Combination(*moved, c).weights(test, every_once(4))
    assert (
        np.abs(flipped - Combination(components, data, c).weights(test, every_once(4))).max() > 0.01
    )


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("level", [0.0, 0.1, 0.3, 2 / 3])
def test_a_component_that_is_the_same_for_all_training_pairs_does_not_decide_the_combination(
    comparator, level
):
    if comparator in ("cosine", "cosine-whitened") and level:
        pytest.skip("a constant component is one like any other where nothing is centred")
    # The second component tells condition 1 from the rest, and condition 1 is a test condition:
    # nothing is known of its weight.
    n = 12
    i, j = np.triu_indices(n, 1)
    step = np.where((i == 1) | (j == 1), 0.9, level)
    components = np.concatenate([vectors(1, n, 1), step[None]])
    data = vectors(1, n, 1) + 0.2 * vectors(4, n, 2)
    train, test = halves(n)
    c = COMPARATORS[comparator]
    alone = Combination(components[:1], data, c).similarity(train, test, every_once(4))
    both = Combination(components, data, c).similarity(train, test, every_once(4))
    np.testing.assert_allclose(both, alone, rtol=0, atol=1e-6)
