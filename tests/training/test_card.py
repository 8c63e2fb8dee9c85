"""The card of a run says of what, on what, how and by what."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from cortexsim.models.weights import load_weights, sha256

from .helpers import LEARNED, Run, settings, train


@pytest.mark.slow
def test_the_card_says_what_was_trained(learned):
    card, net = learned.card, load_weights(learned.weights)
    assert card["name"] == "cortex4-adjacent"
    assert card["network"] == json.loads(net.spec.to_json())
    assert [s["name"] for s in card["network"]["graph"]["states"]] == ["V1", "V2", "V4", "IT"]
    assert card["parameters"] == sum(p.numel() for p in net.parameters())
    assert card["weights_sha256"] == sha256(learned.weights)
    assert card["classes"] == [str(k) for k in range(10)]


def test_the_card_says_on_what_and_how(learned, pictures):
    card = learned.card
    recipe = {**LEARNED, "lr_drops": [5, 7], "batch_size": 16, "momentum": 0.9, "weight_decay": 0.0}
    assert {k: card["recipe"][k] for k in recipe} == recipe
    assert (card["recipe"]["precision"], card["recipe"]["compile"]) == ("float32", False)
    assert (card["data"]["train"], card["data"]["test"], card["data"]["notes"]) == (256, 100, [])
    assert len(card["data"]["sha256"]) == 64
    assert card["preprocessing"]["size"] == [16, 16]
    part = pictures[0][:256, 8:24, 8:24] / 255
    np.testing.assert_allclose(card["preprocessing"]["mean"], part.mean((0, 1, 2)))
    np.testing.assert_allclose(card["preprocessing"]["std"], part.std((0, 1, 2)))


def test_the_card_says_by_what(learned):
    (session,) = learned.card["provenance"]
    assert torch.__version__.startswith(session["packages"]["torch"])
    assert session["packages"]["numpy"] == np.__version__
    assert session["hardware"].endswith("1 threads")
    assert {"cortexsim", "git_commit", "python"} <= session.keys()
    assert learned.card["seconds"] >= learned.metrics[-1]["seconds"] > 0


def test_the_notes_of_the_data_reach_the_card(pictures, tmp_path):
    exact = np.arange(64) != 60
    np.savez(tmp_path / "a.npz", x=pictures[0][:64, 12:20, 12:20], y=pictures[1][:64], exact=exact)
    train(settings(tmp_path / "a.npz", tmp_path / "run", epochs=1), log=lambda text: None)
    notes = Run(tmp_path / "run").card["data"]["notes"]
    assert [note for note in notes if "(0 train, 1 test)" in note]
    # Of the 16 test images none are of some classes.
    missing = sorted(set(pictures[1][:48].tolist()) - set(pictures[1][48:64].tolist()))
    assert [note for note in notes if f"no test image is of {', '.join(map(str, missing))}" in note]
