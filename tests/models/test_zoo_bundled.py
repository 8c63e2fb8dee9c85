"""The bundled weights do on real images what their card says."""

import math

import numpy as np
import pytest
import torch

import cortexsim
from cortexsim.stimuli.images import Preprocessing

N = 2000


@pytest.mark.slow
def test_cortex4_has_the_errors_of_its_card_at_every_readout(cifar10):
    x, y, _ = cifar10
    net = cortexsim.load("cortex4")
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


def test_the_card_tells_classes_data_and_remarks():
    card = cortexsim.load("cortex4").card
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


def test_every_state_can_be_recorded_at_every_step_up_to_12():
    net = cortexsim.load("cortex4")
    with torch.inference_mode():
        steps = dict(net.unroll(3 * torch.rand(2, 3, 32, 32) - 1.5, steps=12))
    assert list(steps[12]) == ["V1", "V2", "V4", "IT"]
    assert all(torch.isfinite(s).all() for states in steps.values() for s in states.values())
