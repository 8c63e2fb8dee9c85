"""Splits of stimuli and their permutations."""

import numpy as np
import pytest

from cortexsim.analysis.linear.splits import SPLITS, permutations_of, splits_of


def splits(stimuli=60, folds=4, seed=0, groups=None):
    groups = np.arange(stimuli) if groups is None else groups
    return splits_of("folds", groups, folds, inner_folds=3, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("scheme", SPLITS)
def test_groups_are_never_on_both_sides_of_a_split_or_of_an_inner_one(scheme):
    groups = np.random.default_rng(0).integers(0, 20, 90)
    groups = np.unique(groups, return_inverse=True)[1]
    for s in splits_of(scheme, groups, 5, inner_folds=3, rng=np.random.default_rng(1)):
        assert not set(groups[s.train]) & set(groups[s.test])
        assert sorted([*s.train, *s.test]) == list(range(90))
        for train, held in s.inner():
            assert not set(groups[s.train[train]]) & set(groups[s.train[held]])
            assert sorted([*train, *held]) == list(range(len(s.train)))


def test_folds_hold_every_stimulus_out_once_and_shuffles_a_tenth():
    folds = splits(61, 5)
    assert sorted(np.concatenate([s.test for s in folds])) == list(range(61))
    shuffled = splits_of("shuffle", np.arange(61), 5, inner_folds=3, rng=np.random.default_rng(0))
    assert [len(s.test) for s in shuffled] == [7] * 10


def test_permutations_move_groups_as_wholes_and_stay_in_their_block():
    groups, blocks = np.repeat(np.arange(10), 3), np.repeat([0, 1], 15)
    orders = permutations_of(groups, 50, np.random.default_rng(0), blocks)
    assert len(np.unique(orders, axis=0)) > 40
    for order in orders:
        assert sorted(order) == list(range(30))
        assert (blocks[order] == blocks).all()
        assert (groups[order].reshape(10, 3) == groups[order][::3, None]).all()
