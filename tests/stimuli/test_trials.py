"""Masks that need a table or a network, streams, and how presentations are written on a command
line.
"""

import numpy as np
import pytest

import cortexsim
from cortexsim.errors import CortexsimError
from cortexsim.stimuli.images import Stimuli, sample
from cortexsim.stimuli.masks import KINDS, MASKS, check_kind, mask
from cortexsim.stimuli.trials import Masker, companions, other_class


def table(labels):
    """Images that say their number."""
    n = len(labels)
    pixels = np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    return Stimuli("table", tuple(f"s{i}" for i in range(n)), tuple(labels), pixels)


@pytest.mark.parametrize("kind", MASKS)
def test_the_masker_makes_the_masks_of_the_dictionary(kind):
    stimuli = sample()
    found = Masker(stimuli, seed=3)(kind, [4, 0])
    for i, m in zip((4, 0), found):
        np.testing.assert_array_equal(m, mask(kind, stimuli.read(i), stimuli.ids[i], seed=3))


def test_another_image_is_of_another_class_and_the_same_whatever_the_batch():
    stimuli = table(["a", "b", "c"] * 20)
    drawn = [other_class(stimuli, i) for i in range(60)]
    assert all(stimuli.labels[i] != stimuli.labels[k] for i, k in enumerate(drawn))
    assert len(set(drawn)) > 20
    assert [int(m[0, 0, 0]) for m in Masker(stimuli)("image", range(10, 20))] == drawn[10:20]
    assert drawn != [other_class(stimuli, i, 1) for i in range(60)]
    unlabelled = table([""] * 5)
    assert all(other_class(unlabelled, i) != i for i in range(5))


def test_a_stream_draws_different_others():
    stimuli = table([""] * 12)
    drawn = [companions(stimuli, i, 5) for i in range(12)]
    assert all(len({i, *d}) == 6 for i, d in enumerate(drawn))
    assert sorted(companions(stimuli, 3, 11)) == [i for i in range(12) if i != 3]
    assert {k for d in drawn for k in d} == set(range(12))
    assert drawn != [companions(stimuli, i, 5, seed=1) for i in range(12)]


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda: other_class(table(["a", "a"]), 0), "has none beside 's0' .class 'a'."),
        (lambda: other_class(table([""]), 0), "record more stimuli"),
        (
            lambda: companions(table([""] * 3), 0, 3),
            "a stream of 4 images needs 3 others beside each; table has 2",
        ),
        (lambda: check_kind("plaid"), "no mask 'plaid'; choose from white, .*texture:STATE"),
        (lambda: check_kind("texture:V4@0"), "no mask"),
        (lambda: check_kind("texture:"), "no mask"),
        (lambda: mask("image", np.zeros((8, 8, 3), np.uint8), "a"), "Masker makes it"),
        (
            lambda: Masker(sample())("texture:V4", [0]),
            "through a network of cortexsim, and none is given",
        ),
        (
            lambda: Masker(sample(), cortexsim.build("cortex4"))("texture:V4", [0]),
            "declares no preprocessing",
        ),
        (
            lambda: Masker(sample(), cortexsim.load("cortex4"))("texture:V3", [0]),
            "no state is called 'V3'",
        ),
        (
            lambda: Masker(sample(), cortexsim.load("cortex4"))("texture:IT@3", [0]),
            "give a step from 4",
        ),
    ],
)
def test_masks_and_streams_that_cannot_be_are_refused(do, message):
    with pytest.raises(CortexsimError, match=message):
        do()


def test_every_kind_is_named_in_the_help():
    from cortexsim.experiments.record import config

    assert all(k in KINDS and k in config.KINDS for k in (*MASKS, "image", "texture:STATE"))
