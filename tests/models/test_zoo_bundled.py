"""The bundled weights do on real images what their card says."""

import math

import numpy as np
import pytest
import torch

import cortexsim
from cortexsim.models.weights import bundled_seeds, with_seed
from cortexsim.stimuli.images import Preprocessing

N = 2000
TRAININGS = [
    with_seed(net, seed) for net in ("cortex4", "cortex4-twin") for seed in bundled_seeds(net)
]


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_a_network_has_the_errors_of_its_card_at_every_readout(cifar10, name):
    x, y, _ = cifar10
    net = cortexsim.load(name)
    declared = net.card["preprocessing"]
    preprocessing = Preprocessing(
        tuple(declared["size"]), tuple(declared["mean"]), tuple(declared["std"])
    )
    expected = {int(t): e for t, e in net.card["test_error_by_readout"].items()}
    wrong = dict.fromkeys(expected, 0)
    with torch.inference_mode():
        for start in range(0, N, 500):
            part = slice(50_000 + start, 50_000 + start + 500)
            for t, logits in net.readouts(preprocessing(list(x[part])), at=expected).items():
                wrong[t] += int((logits.argmax(1).numpy() != y[part]).sum())
    for t, error in expected.items():
        # The card's error is over all 10,000 test images; these are the first 2,000 of them.
        spread = math.sqrt(error * (1 - error) / N)
        assert abs(wrong[t] / N - error) < 4 * spread, (
            f"step {t}: {wrong[t] / N:.3f}, the card says {error:.3f}"
        )


@pytest.mark.parametrize("name", TRAININGS)
def test_the_card_tells_classes_data_and_calibration(name):
    card = cortexsim.load(name).card
    assert card["classes"] == [
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ]
    assert card["calibrated_to_step"] == 12
    assert any("172 images" in note for note in card["data"]["notes"])
    assert np.isclose(card["test_error"], card["test_error_by_readout"]["8"])


@pytest.mark.parametrize("net", ["cortex4", "cortex4-twin"])
def test_trainings_of_a_net_differ_in_the_seed_alone(net):
    cards = [cortexsim.load(net, seed=k).card for k in bundled_seeds(net)]
    # The first read an .npz, whose count it was told, and was calibrated afterwards, in float32.
    where = {"seed", "calibrate_to", "kernels", "train_count"}
    recipes = [{k: v for k, v in card["recipe"].items() if k not in where} for card in cards]
    # Options that came after the first training were left at their defaults.
    shared = set.intersection(*map(set, recipes))
    assert {"epochs", "lr", "recipe", "batch_size", "precision", "flip", "pad"} <= shared
    for key in shared - {"model"}:
        assert len({str(recipe[key]) for recipe in recipes}) == 1, key
    assert [card["recipe"]["seed"] for card in cards] == list(bundled_seeds(net))
    assert len({card["weights_sha256"] for card in cards}) == len(cards)
    assert len({(card["data"]["sha256"], card["data"]["train"]) for card in cards}) == 1


def test_every_state_can_be_recorded_at_every_step_up_to_12():
    net = cortexsim.load("cortex4")
    with torch.inference_mode():
        steps = dict(net.unroll(3 * torch.rand(2, 3, 32, 32) - 1.5, steps=12))
    assert list(steps[12]) == ["V1", "V2", "V4", "IT"]
    assert all(torch.isfinite(s).all() for states in steps.values() for s in states.values())
