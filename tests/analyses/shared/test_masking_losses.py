"""What a mask costs: shares above chance, and sentences that follow the intervals."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray
from scipy import stats


@pytest.fixture
def module(script):
    return script("shared.masking_losses")


def test_shares_are_of_the_accuracy_above_chance(module):
    share = module.share_lost(np.array([0.569, 0.1]), np.array([0.251, 0.1]), 0.2)
    assert share[0] == pytest.approx(0.862, abs=1e-3)  # people at 25 ms, Tang et al. 2018
    assert np.isnan(share[1])


def test_losses_are_those_counted_by_hand(module):
    right = np.zeros((2, 3, 100), int)  # mask, readout, stimulus
    right[0, 1, :80], right[1, 1, :60] = 1, 1
    right[0, 2, :80], right[1, 2, 20:100] = 1, 1
    guess = np.where(right, 0, 1)
    guess[:, 0] = -1
    result = xarray.Dataset(
        {"guess": (("lesion", "mask", "soa_ms", "readout", "stimulus"), guess[None, :, None])},
        {
            "lesion": ["none"],
            "mask": ["none", "phase"],
            "soa_ms": [25.0],
            "soa_steps": ("soa_ms", [1]),
            "readout": [4, 8, 12],
            "label": ("stimulus", np.zeros(100, int)),
        },
        {"chance": 0.1},
    )
    found = module.losses(result, "phase", n=400, seed=0)
    assert found["readout_steps"].tolist() == [8, 12]
    np.testing.assert_allclose(found["loss"], [0.2, 0])
    np.testing.assert_allclose(found["share_above_chance"], [0.2 / 0.7, 0])
    # Paired: 20 images lost, none gained; then 20 lost and 20 gained.
    np.testing.assert_allclose(found["loss_interval"][0], [0.125, 0.28], atol=0.02)
    np.testing.assert_allclose(found["loss_interval"][1], [-0.12, 0.12], atol=0.03)


def test_intervals_of_people_are_as_wide_as_students(module):
    rng = np.random.default_rng(0)
    people = SimpleNamespace(
        soa_ms=np.array([25.0, 50.0]),
        subjects=7,
        accuracy={False: np.array([0.6, 0.7]), True: np.array([0.3, 0.6])},
        draws={
            masked: np.array([0.3 if masked else 0.6, 0.65]) + 0.02 * rng.normal(size=(400, 2))
            for masked in (False, True)
        },
    )
    found = module.losses_of_people(people)
    tail = stats.norm.cdf(-stats.t.ppf(0.975, 6) * np.sqrt(7 / 6))
    lost = people.draws[False] - people.draws[True]
    by_hand = np.quantile(lost, [tail, 1 - tail], axis=0).T
    np.testing.assert_allclose(found["loss_interval"], by_hand)
    shares = np.quantile(lost / (people.draws[False] - 0.2), [tail, 1 - tail], axis=0).T
    np.testing.assert_allclose(found["share_interval"], shares)


THEIRS = {
    "soa_ms": [25.0],
    "loss": [0.319],
    "share_above_chance": [0.86],
    "share_interval": [[0.81, 0.93]],
}


@pytest.mark.parametrize(
    ("loss", "interval", "text"),
    [
        (0.13, [0.1, 0.16], "the mask costs 13.0 points [10.0, 16.0], 18% [14%, 22%]"),
        (0.01, [-0.01, 0.03], "no loss is shown: 1.0 points [-1.0, 3.0]"),
        (-0.05, [-0.1, -0.01], "with the mask it is better by 5.0 points [1.0, 10.0]"),
    ],
)
def test_a_sentence_says_what_the_interval_says_and_names_the_step(module, loss, interval, text):
    mine = {
        "soa_steps": 1,
        "chance": 0.1,
        "readout_steps": [8],
        "unmasked": [0.81],
        "loss": [loss],
        "loss_interval": [interval],
        "share_above_chance": [0.18],
        "share_interval": [[0.14, 0.22]],
    }
    (said,) = module.sentences("net", mine, THEIRS, (8,))
    assert text in said
    assert said.startswith("net, readout step 8, SOA of 1 step")
    assert "people at 25 ms lose 31.9 points, 86% [81%, 93%]" in said
    (none,) = module.sentences("net", mine, THEIRS, (4,))
    assert "no answer" in none
    near = mine | {"unmasked": [0.15], "share_above_chance": [None], "share_interval": [[None] * 2]}
    assert "no share is said" in module.sentences("net", near, THEIRS, (8,))[0]
