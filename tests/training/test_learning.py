"""What a finished run leaves: a network that has learnt, and a card that says of what, on what and by what."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cortexsim.experiments.train.config import TrainConfig
from cortexsim.models.weights import load_weights, sha256
from cortexsim.training import session

from .helpers import Run, metrics_of, settings, train

RECIPE = {"limit": 256, "epochs": 8, "lr": 0.02, "pad": 0, "flip": False, "seed": 3}


@pytest.fixture(scope="module")
def learned(crops, tmp_path_factory) -> Run:
    """256 images of 16 x 16 pixels, 8 times; tested on 100 others."""
    folder = tmp_path_factory.mktemp("learned")
    train(settings(crops(16, 400), folder, train_count=300, **RECIPE), log=lambda text: None)
    return Run(folder)


def test_training_learns(learned):
    errors = [line["train_error"] for line in learned.metrics]
    assert errors[0] > 0.7
    assert errors[-1] < 0.45
    assert learned.card["test_error"] < 0.84  # chance is 0.9 with a standard error of 0.03


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
    recipe = {**RECIPE, "lr_drops": [5, 7], "batch_size": 16, "momentum": 0.9, "weight_decay": 0.0}
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
    (note,) = Run(tmp_path / "run").card["data"]["notes"]
    assert "(0 train, 1 test)" in note


def test_loaded_weights_make_the_errors_of_the_card(learned, pictures):
    card, net = learned.card, load_weights(learned.weights)
    x = (pictures[0][300:, 8:24, 8:24] / 255 - card["preprocessing"]["mean"]) / card[
        "preprocessing"
    ]["std"]
    images = torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32))
    times = [int(t) for t in card["test_error_by_readout"]]
    assert times == list(
        range(4, 10)
    )  # from the first step that reaches IT to 4 beyond the readout
    assert card["calibrated_to_step"] == 9
    with torch.no_grad():
        logits = net.readouts(images, times)
    errors = {str(t): (v.argmax(1).numpy() != pictures[1][300:]).mean() for t, v in logits.items()}
    assert errors == pytest.approx(
        card["test_error_by_readout"], abs=0.011
    )  # rounding may turn one image
    assert len(set(errors.values())) > 2
    assert (
        card["test_error"]
        == card["test_error_by_readout"]["5"]
        == learned.metrics[-1]["test_error"]
    )


def test_the_error_of_a_run_is_that_at_the_last_trained_readout(trained, monkeypatch):
    monkeypatch.setattr(session.Session, "errors", lambda self, at: {t: t / 100 for t in at})
    run = trained(epochs=1, readout=(5, 6))
    assert run.card["test_error"] == run.metrics[0]["test_error"] == 0.06
    assert run.card["test_error_by_readout"] == {str(t): t / 100 for t in range(4, 11)}


def test_a_finished_run_is_left_alone(learned):
    said: list[str] = []
    before = {p.name: p.stat().st_mtime_ns for p in learned.folder.iterdir()}
    config = TrainConfig(**json.loads((learned.folder / "config.json").read_text()))
    assert train(config, log=said.append) == learned.weights
    assert "is complete; give another `out` to train again" in said[0]
    assert {p.name: p.stat().st_mtime_ns for p in learned.folder.iterdir()} == before
    assert set(before) == {
        "config.json",
        "metrics.jsonl",
        "cortex4-adjacent.safetensors",
        "cortex4-adjacent.json",
    }
    assert len(metrics_of(learned.folder)) == 8


class Bar(SimpleNamespace):
    """Stands in for a tqdm bar."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_the_progress_bar_names_the_epoch_in_progress(crops, tmp_path, monkeypatch):
    shown: list[str] = []
    done: list[int] = []
    total: list[int] = []

    def bar(**options):
        total.append(options["total"])
        return Bar(
            update=done.append,
            set_postfix_str=lambda text, **_: shown.append(text),
            write=lambda text: None,
        )

    monkeypatch.setattr(session, "tqdm", bar)
    train(
        settings(crops(8, 64), tmp_path, batch_size=2, epochs=2, train_count=60),
        log=lambda text: None,
    )
    assert [text.split(" loss")[0] for text in shown] == [
        "epoch 1/2",
        "epoch 2/2",
        "epoch 2/2",
    ]  # steps 20, 40, 60 of 60
    assert total == [sum(done)] == [120]
