"""Ranks of images, compared with scipy's."""

import numpy as np
from scipy.special import softmax
from scipy.stats import rankdata

import cortexsim
from cortexsim.experiments.explorer.opened import opened
from cortexsim.experiments.explorer.readout import Readout, ranks
from cortexsim.experiments.explorer.settings import Settings


def test_ranks_are_those_of_scipy_also_of_equals():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(30, 5, 6))
    logits[7] = logits[3]
    logits[:, 2, 1] = logits[:, 2, 4]
    logits[:, 0] = np.nan
    followed = rng.integers(0, 6, 30)
    class_rank, image_rank = ranks(logits, followed)
    assert (class_rank[:, 0] == 0).all()
    p = softmax(logits, axis=-1)
    for t in range(1, 5):
        for k in range(30):
            c = followed[k]
            assert class_rank[k, t] == rankdata(-logits[k, t], "min")[c]
            assert image_rank[k, t] == rankdata(-p[:, t, c], "min")[k]


def test_the_label_is_followed_where_it_is_a_class_else_the_last_answer(unknown):
    (shown,) = opened([unknown], Settings())
    told = Readout(shown).described()
    answers = cortexsim.open_recording(unknown)["readout"].logits.values[:, -1].argmax(-1)
    assert told["why"] == ["its label", "its last answer"] * 4
    expected = [told["classes"].index("ship") if k % 2 == 0 else answers[k] for k in range(8)]
    assert told["followed"] == expected


def test_a_second_recording_follows_the_classes_of_the_first(whole, lesioned):
    first, second = opened([whole, lesioned], Settings())
    beside = Readout(first)
    told = Readout(second, beside).described()
    assert told["followed"] == beside.described()["followed"]
    assert told["followed"] != Readout(second).described()["followed"]
    assert set(told["why"]) == {"the last answer of A"}


def test_blocks_are_the_logits_of_the_images_that_are_shown(whole, lesioned):
    _, shown = opened([whole, lesioned], Settings(limit=3))
    logits = np.frombuffer(Readout(shown).block(0), "<f4").reshape(3, 8, 10)
    expected = cortexsim.open_recording(lesioned)["readout"].logits.values[[7, 6, 5]]
    np.testing.assert_array_equal(logits, expected)
