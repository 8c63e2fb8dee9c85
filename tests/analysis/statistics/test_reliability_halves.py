"""Halves of repeats: balanced in every cell, alike where the same repeats are missing."""

import numpy as np
import pytest

from cortexsim.analysis.statistics.reliability import random_halves


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", [(7, 5), (8, 5, 3), (9, 4, 2, 3)])
def test_halves_differ_by_one_at_most_in_every_cell(seed, shape):
    rng = np.random.default_rng(seed)
    measured = rng.random(shape) < 0.7
    half = random_halves(measured, rng)
    first, second = ((measured & (half == k)).sum(0) for k in (0, 1))
    assert (np.abs(first - second) <= 1).all()
    np.testing.assert_array_equal(first + second, measured.sum(0))


def test_cells_with_the_same_repeats_are_split_alike_and_stimuli_each_anew():
    measured = np.ones((8, 30, 4), bool)
    measured[2, :, 3] = False
    half = random_halves(measured, np.random.default_rng(0))
    assert (half[..., 0] == half[..., 1]).all()
    assert not (half[..., 0] == half[..., 3]).all()
    assert len({tuple(h) for h in half[:, :, 0].T}) > 20


def test_each_repeat_goes_to_either_half_equally_often():
    measured = np.ones((3, 4000), bool)
    half = random_halves(measured, np.random.default_rng(1))
    assert np.abs(half.mean(1) - 0.5).max() < 4 * 0.5 / np.sqrt(4000)
    assert set(half.sum(0)) == {1, 2}  # the odd one in either
