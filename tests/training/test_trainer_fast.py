"""The recipe for few epochs: a kill changes nothing; alternating flips, small images, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from cortexsim.errors import GraphError, TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.training.recipes import RECIPES
from cortexsim.training.session import Session

from .helpers import Run, kill, metrics_of, normalised, same, settings, train

# Every new option on, at a rate for 9 steps.
ALL = {
    "recipe": "fast",
    "batch_size": 16,
    "lr": 0.02,
    "ema": 0.9,
    "rest_rate": 0.5,
    "bias_rate": 8.0,
    "fixed_norm": True,
    "whitening": "learned",
    "alternating_flip": True,
    "small_size": 8,
    "small_share": 0.5,
    "hold_out": 8,
    "mirror_test": True,
}


SIZE, COUNT = 16, 80


TRAIN = {"train_count": 56}  # 48 of them after those held out: 3 steps in each of 3 epochs


def silent(text: str) -> None:
    pass


@pytest.fixture
def fast(crops, tmp_path):
    """``fast(name, **changes)``: a run with every new option on 16 x 16 pixels."""

    def do(name: str = "run", **changes) -> Run:
        config = settings(crops(SIZE, COUNT), tmp_path / name, **{**ALL, **TRAIN, **changes})
        train(config, log=silent)
        return Run(tmp_path / name)

    return do


@pytest.mark.sampled(1)
@pytest.mark.parametrize("whitening", ["learned", "frozen"])
@pytest.mark.parametrize("call", [2, 5, 6, 8, 11, 12])
def test_a_killed_run_ends_the_same_with_every_option_on(
    whole_run, crops, tmp_path, call, whitening
):
    """Killed in the first epoch, at its end, where the images grow (between steps 4 and 5), in the
    last, at the weights and the card.
    """
    changes = {**ALL, **TRAIN, "whitening": whitening}
    whole = whole_run(crops(SIZE, COUNT), **changes)
    config = settings(crops(SIZE, COUNT), tmp_path / "killed", checkpoint_seconds=0.0, **changes)
    kill(config, call)
    train(config, log=silent)
    assert same(Run(tmp_path / "killed"), whole)
    of = "mirrored_held_out_error_by_readout"
    mirrored = [r.card[of] for r in (whole, Run(tmp_path / "killed"))]
    assert mirrored[0] == mirrored[1]


def test_the_card_has_every_option_and_the_recipe_is_whole(fast):
    run = fast()
    assert {k: run.card["recipe"][k] for k in ALL} == ALL
    fast_recipe = vars(RECIPES["fast"])
    assert {k: run.card["recipe"][k] for k in fast_recipe} == {
        **fast_recipe,
        **{k: ALL[k] for k in fast_recipe if k in ALL},
    }


@pytest.mark.slow
def test_the_fast_recipe_learns_what_it_is_shown(fast):
    run = fast(epochs=20, pad=0, hold_out=0, bias_rate=1.0, small_size=0)
    assert run.metrics[-1]["train_error"] < 0.3
    assert run.metrics[-1]["loss"] < 0.7 * run.metrics[0]["loss"]


def mirrored(epoch: np.ndarray, originals: np.ndarray) -> list[bool]:
    same = (epoch == originals).all((1, 2, 3))
    turned = (epoch == originals[..., ::-1]).all((1, 2, 3))
    assert (same ^ turned).all()
    return turned.tolist()


def test_images_are_small_for_the_share_asked_for(crops, tmp_path, monkeypatch):
    sizes: list[tuple[int, ...]] = []
    real = Session._images

    def note(self, index):
        images = real(self, index)
        sizes.append(tuple(images.shape))
        return images

    monkeypatch.setattr(Session, "_images", note)
    train(settings(crops(16, 64), tmp_path, small_size=8, small_share=0.4), log=silent)
    assert sizes == [(16, 3, 8, 8)] * 4 + [(16, 3, 16, 16)] * 5  # 4 = 0.4 x 9 steps, rounded up


def test_small_images_keep_the_mean_colours_of_their_image(crops, tmp_path, monkeypatch):
    """But for their edges, which count less once shrunk."""
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    real = Session._images

    def note(self, index):
        images = real(self, index)
        found.append((index, images.mean((2, 3))))
        return images

    monkeypatch.setattr(Session, "_images", note)
    changes = {"small_size": 8, "small_share": 0.9, "epochs": 1, "pad": 0, "flip": False}
    train(settings(crops(16, 64), tmp_path, **changes), log=silent)
    expected = normalised(crops(16, 64)).mean((2, 3))
    for index, means in found:
        assert (means - expected[index]).abs().max() < 0.1


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"whitening": "frozen", "from_weights": "cortex4"},
            TrainingError,
            "`whitening='frozen'` and `from_weights='cortex4'` both say",
        ),
        (
            {"alternating_flip": True, "flip": False},
            TrainingError,
            "`alternating_flip` and `flip=False` contradict each other",
        ),
        (
            {"small_size": 8, "presentation": "random-soa"},
            TrainingError,
            "`small_size` and `presentation` cannot be combined",
        ),
        (
            {"mirror_test": True, "presentation": "random-soa"},
            TrainingError,
            "`mirror_test` and `presentation` cannot be combined",
        ),
        (
            {"small_size": 16},
            TrainingError,
            "`small_size=16` is not smaller than the images of 16 x 16 pixels",
        ),
        ({"small_size": 12}, GraphError, "must be multiples of 8"),
        ({"hold_out": 48}, TrainingError, "`hold_out=48` leaves none of the 48 training images"),
    ],
)
def test_what_contradicts_is_refused_and_the_folder_stays_free(
    crops, tmp_path, changes, error, message
):
    with pytest.raises(error, match=message):
        train(settings(crops(16, 64), tmp_path / "run", **changes), log=silent)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "value"), [("whitening", "some"), ("optimizer", "lion"), ("schedule", "saw")]
)
def test_a_word_that_is_no_choice_is_refused_with_those_there_are(name, value):
    with pytest.raises(TrainingError, match=f"`{name}` is '{value}'; choose from"):
        TrainConfig(**{name: value})


def test_a_run_of_a_version_without_these_options_is_continued(crops, tmp_path, trained):
    later = (
        "rest_rate",
        "bias_rate",
        "fixed_norm",
        "whitening",
        "alternating_flip",
        "small_size",
        "small_share",
        "hold_out",
        "mirror_test",
    )
    modern = {"recipe": "modern", "batch_size": 16, "lr": 0.02}
    config = settings(crops(8, 64), tmp_path / "old", checkpoint_seconds=0.0, **modern)
    kill(config, 4)
    path = tmp_path / "old" / "config.json"
    stored = json.loads(path.read_text())
    assert set(later) <= stored.keys()
    path.write_text(json.dumps({k: v for k, v in stored.items() if k not in later}))
    train(config, log=silent)
    assert same(Run(tmp_path / "old"), trained("whole", **modern))
    assert len(metrics_of(tmp_path / "old")) == 3
