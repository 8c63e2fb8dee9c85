"""Images class by class are told from mixed ones, and taken in turn from all classes."""

from __future__ import annotations

import numpy as np
import pytest

from cortexsim.stimuli.order import class_by_class, in_turn, some_of

SIZES = (40, 7, 25, 1)


@pytest.fixture
def by_class():
    return np.repeat(np.arange(len(SIZES)), SIZES)


@pytest.mark.parametrize("seed", range(5))
def test_a_mixed_order_is_told_from_one_class_by_class(by_class, seed):
    mixed = np.random.default_rng(seed).permutation(by_class)
    assert class_by_class(by_class)
    assert not class_by_class(mixed)
    assert class_by_class(np.tile(np.repeat([0, 1, 2], 6), 4))  # class by class in each part
    assert not class_by_class(np.tile([0, 1, 2], 9))


def test_few_images_and_one_class_are_in_no_order_of_classes():
    assert not any(class_by_class(np.array(v)) for v in ([], [1], [0, 1], [2, 2, 2, 2]))


def test_every_beginning_holds_the_classes_in_their_shares(by_class):
    order = in_turn(by_class)
    assert sorted(order.tolist()) == list(range(len(by_class)))
    shares = np.array(SIZES) / len(by_class)
    for count in range(1, len(by_class) + 1):
        held = np.bincount(by_class[order[:count]], minlength=len(SIZES))
        assert np.abs(held - count * shares).max() <= 1
    for number in range(len(SIZES)):  # images of a class keep their order
        assert (np.diff(order[by_class[order] == number]) > 0).all()


def test_names_are_taken_as_numbers_are(by_class):
    names = np.array(["bird", "cat", "dog", "zebra"])[by_class]
    assert in_turn(names).tolist() == in_turn(by_class).tolist()
    assert class_by_class(names)


def test_a_few_images_a_class_are_told_from_mixed_ones_too():
    assert class_by_class(np.repeat(np.arange(50), 2))
    assert class_by_class(np.r_[np.zeros(900, int), np.repeat(np.arange(1, 6), 2)])
    assert not class_by_class(np.tile(np.arange(50), 2))
    assert not class_by_class(np.arange(50))  # one image a class


def test_some_are_the_first_of_a_mixed_order_and_in_turn_of_one_by_class(by_class):
    mixed = np.random.default_rng(0).permutation(by_class)
    assert some_of(mixed, 9).tolist() == list(range(9))
    assert set(by_class[some_of(by_class, 9)]) == {0, 1, 2}
    assert some_of(mixed, 1000).tolist() == list(range(len(by_class)))
    assert some_of(by_class, 1000).tolist() == in_turn(by_class).tolist()  # batches are of all
