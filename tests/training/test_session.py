"""What a finished run leaves.

A network that has learnt, and a card that says of what, on what and by what.
"""

from __future__ import annotations

import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import top_k_accuracy_score

from cortexsim.errors import TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.models import Network, Spec, State, adjacent
from cortexsim.models.weights import load_weights
from cortexsim.training import Settings, session, trainer
from cortexsim.training.network import make_run
from cortexsim.training.session import Session

from .helpers import Run, metrics_of, settings, train


def test_training_learns(learned):
    errors = [line["train_error"] for line in learned.metrics]
    assert errors[0] > 0.7
    assert errors[-1] < 0.45
    assert learned.card["test_error"] < 0.84  # chance is 0.9 with a standard error of 0.03


def test_loaded_weights_make_the_errors_of_the_card(learned, pictures):
    card, net = learned.card, load_weights(learned.weights)
    x = (pictures[0][300:, 8:24, 8:24] / 255 - card["preprocessing"]["mean"]) / card[
        "preprocessing"
    ]["std"]
    images = torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32))
    times = [int(t) for t in card["test_error_by_readout"]]
    # From the first step that reaches IT to 4 beyond the readout.
    assert times == list(range(4, 10))
    assert card["calibrated_to_step"] == 9
    with torch.no_grad():
        logits = net.readouts(images, times)
    errors = {str(t): (v.argmax(1).numpy() != pictures[1][300:]).mean() for t, v in logits.items()}
    # Rounding may turn one image.
    assert errors == pytest.approx(card["test_error_by_readout"], abs=0.011)
    # Of several images hardly one is answered in another way, but no two readouts are the same.
    assert not any(torch.equal(logits[a], logits[b]) for a, b in pairwise(times))
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


@pytest.mark.parametrize("classes", [99, 100])
def test_of_many_classes_the_card_has_the_top5_error_too(classes, crops, tmp_path):
    with np.load(crops(8, 220)) as file:
        x, y = file["x"], np.arange(220) % classes
    path = tmp_path / "many.npz"
    np.savez(path, x=x, y=y)
    train(settings(path, tmp_path / "run", train_count=120), log=lambda text: None)
    run = Run(tmp_path / "run")
    if classes < 100:
        assert not [key for key in run.card if "top5" in key]
        return
    card, net = run.card, load_weights(run.weights)
    p = card["preprocessing"]
    images = ((x[120:] / 255 - p["mean"]) / p["std"]).transpose(0, 3, 1, 2).astype(np.float32)
    times = [int(t) for t in card["test_error_by_readout"]]
    with torch.no_grad():
        logits = net.readouts(torch.from_numpy(images), times)
    for t, values in logits.items():
        error = 1 - top_k_accuracy_score(y[120:], values.numpy(), k=5, labels=range(classes))
        assert error == pytest.approx(card["test_error_top5_by_readout"][str(t)], abs=0.011)
    assert card["test_error_top5"] == card["test_error_top5_by_readout"][str(net.readout)]
    assert card["test_error_top5"] < card["test_error"]


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


@pytest.mark.slow
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

    monkeypatch.setattr(session, "progress_bar", bar)
    train(
        settings(crops(8, 64), tmp_path, batch_size=2, epochs=2, train_count=60),
        log=lambda text: None,
    )
    # Steps 20, 40, 60 of 60.
    assert [text.split(" loss")[0] for text in shown] == [
        "epoch 1/2",
        "epoch 2/2",
        "epoch 2/2",
    ]
    assert total == [sum(done)] == [120]


def test_a_function_of_ones_own_has_the_epochs_of_other_nets_whatever_it_is_called(crops):
    """Few-parameter nets of the zoo, tiny30 and tiny64, have 140."""
    graph = adjacent([State("V1", 8, 4), State("IT", 4, 8)])
    with np.load(crops(8, 64)) as file:
        run = make_run(
            graph, (file["x"], file["y"]), name="tinynet", settings=Settings(batch_size=8)
        )
    session = Session(run, run.images())
    assert (session.epochs, session.drops) == (60, (40, 50))


class Killed(BaseException):
    pass


def own(x, y, folder, architecture, **changes):
    usual = {"epochs": 1, "batch_size": 12, "device": "cpu", "pad": 0}
    return make_run(architecture, (x, y), out=folder, settings=Settings(**usual | changes))


@pytest.fixture
def some():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8), np.arange(60) % 3


def test_a_run_of_ones_own_that_was_killed_as_it_began_begins_again(some, tmp_path, monkeypatch):
    """The folder is begun once its settings are there, which are written last."""
    run = own(*some, tmp_path, adjacent([State("V1", 8, 4), State("IT", 4, 8)]))

    def killed(*args):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "claim", killed)
        with pytest.raises(Killed):
            trainer.train(run, progress=False)
    other = own(*some, tmp_path, adjacent([State("V1", 8, 4), State("IT", 4, 6)]))
    assert trainer.train(other, progress=False).is_file()
    with pytest.raises(TrainingError, match="holds the run of another network"):
        trainer.train(run, progress=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": "fast"}, "`whitening='learned'` would replace weights"),
        ({"from_weights": "cortex4"}, "`from_weights='cortex4'` would replace weights"),
    ],
)
def test_weights_of_a_network_that_is_given_are_not_replaced(some, tmp_path, changes, message):
    graph = adjacent([State("V1", 8, 4), State("IT", 4, 8)])
    net = Network(Spec(graph, readout=(3,), classes=3), seed=0)
    run = own(*some, tmp_path, net, **changes)
    with pytest.raises(TrainingError, match=message):
        Session(run, run.images())


def test_a_run_goes_on_in_the_precision_that_it_began_in(some, tmp_path, monkeypatch):
    graph = adjacent([State("V1", 8, 4), State("IT", 4, 8)])
    run = own(*some, tmp_path, graph)
    begun = Session(run, run.images())
    begun._write_checkpoint()
    again = Session(run, run.images())
    assert not again.autocast
    monkeypatch.setattr(again, "autocast", True)  # as precision="auto" is on a GPU
    with pytest.raises(TrainingError, match="begun in float32 and would go on in bfloat16"):
        again._restore()


def test_the_only_image_of_a_class_is_learned_from(some):
    x, y = some
    y = y.copy()
    y[:30], y[9] = np.arange(30) % 2, 3  # the 10th, by class, is of 3 others or alone
    y[30:] = np.arange(30) % 2
    images = make_run("cortex4", (x, y), settings=Settings()).images()
    assert 3 in images.train_y.tolist()
    assert 3 not in images.test_y.tolist()


def test_an_error_within_training_is_not_put_down_to_the_progress_bar(some, tmp_path, monkeypatch):
    run = own(*some, tmp_path, adjacent([State("V1", 8, 4), State("IT", 4, 8)]))

    def broken(*args, **more):
        raise ValueError("Expected more than 1 value per channel")

    monkeypatch.setattr(Session, "train", broken)
    with pytest.raises(Exception, match="more than 1 value") as caught:
        trainer.train(run, progress=False)
    assert "progress" not in str(caught.value)
