"""The recipes: schedules, groups and averages against values by hand and torch's own; resuming.

What the card says.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from cortexsim.models import build
from cortexsim.models.weights import load_weights
from cortexsim.stimuli.augmentation import as_trained, cutout
from cortexsim.training.recipes import MEMO, RECIPES
from cortexsim.training.session import Session

from .helpers import Run, kill, same, settings, train

MODERN = {"recipe": "modern", "batch_size": 16, "lr": 0.02, "ema": 0.9}  # a rate for 9 steps


def recipe(**changes):
    return dataclasses.replace(MEMO, lr=1.0, **changes)


def test_a_folder_of_an_earlier_version_is_continued(crops, tmp_path, trained):
    """Its settings lack the options that came later, whose defaults it had."""
    config = settings(crops(8, 64), tmp_path / "old", checkpoint_seconds=0.0)
    kill(config, 3)
    path = tmp_path / "old" / "config.json"
    stored = json.loads(path.read_text())
    later = (
        "recipe",
        "schedule",
        "warmup",
        "optimizer",
        "decay_all",
        "label_smoothing",
        "ema",
        "cutout",
        "supervise",
    )
    path.write_text(json.dumps({k: v for k, v in stored.items() if k not in later}))
    train(config, log=lambda text: None)
    assert same(Run(tmp_path / "old"), trained("whole"))


def test_the_card_has_every_choice(trained):
    card = trained(**MODERN).card
    expected = dataclasses.asdict(
        dataclasses.replace(RECIPES["modern"], lr=0.02, batch_size=16, ema=0.9)
    )
    assert {k: card["recipe"][k] for k in expected} == expected
    assert card["recipe"]["recipe"] == "modern"


def test_the_run_follows_the_schedule(trained):
    run = trained(schedule="triangle", warmup=1.0, lr=0.03)
    np.testing.assert_allclose(
        [line["lr"] for line in run.metrics], [0.03, 0.03 * 4 / 6, 0.03 * 1 / 6]
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_label_smoothing_is_torchs_and_its_definition(trained, crops, smoothing):
    """(1 - s) CE + s x the mean over classes of -log p; measured on the first full batch."""
    run = trained(label_smoothing=smoothing, batch_size=48, epochs=1, pad=0, flip=False)
    with np.load(crops(8, 64)) as f:
        x, y = f["x"][:48] / 255, torch.from_numpy(f["y"][:48])
    x = (x - x.mean((0, 1, 2))) / x.std((0, 1, 2))
    net = build("cortex4-adjacent", seed=0).train()
    logits = net(torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32)))
    log_p = torch.log_softmax(logits, 1)
    by_definition = -(1 - smoothing) * log_p[range(48), y].mean() - smoothing * log_p.mean()
    by_torch = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)(logits, y)
    assert run.metrics[0]["loss"] == pytest.approx(by_definition.item(), rel=1e-4)
    assert by_torch.item() == pytest.approx(by_definition.item(), rel=1e-5)


def test_the_averaged_weights_are_saved_with_statistics_of_their_own(crops, tmp_path, monkeypatch):
    weights: list[dict] = []
    real = Session._advance

    def note(self, index):
        real(self, index)
        weights.append({k: v.detach().clone().double() for k, v in self.net.named_parameters()})

    monkeypatch.setattr(Session, "_advance", note)
    config = settings(crops(8, 64), tmp_path, ema=0.6, lr=0.05)
    train(config, log=lambda text: None)
    run = Run(tmp_path)
    average = {k: v.detach().double() for k, v in build(config.model, seed=0).named_parameters()}
    for n, now in enumerate(weights):
        decay = min(0.6, (1 + n) / (10 + n))
        average = {k: decay * average[k] + (1 - decay) * v for k, v in now.items()}
    net = load_weights(run.weights)
    for k, v in net.named_parameters():
        torch.testing.assert_close(v.double(), average[k], rtol=1e-4, atol=1e-6)
    # In training mode the whole training set, cropped as in training, is one batch, by whose
    # statistics every layer is normalised: those that were stored.
    with np.load(crops(8, 64)) as file:
        x = torch.from_numpy(file["x"][:48]).permute(0, 3, 1, 2)
    x = as_trained(x, run.card["recipe"]).permute(0, 2, 3, 1).numpy() / 255
    x = ((x - run.card["preprocessing"]["mean"]) / run.card["preprocessing"]["std"]).transpose(
        0, 3, 1, 2
    )
    images = torch.from_numpy(x.astype(np.float32))
    with torch.no_grad():
        torch.testing.assert_close(
            copy.deepcopy(net).train()(images), net(images), rtol=1e-2, atol=0.02
        )


def test_cutout_blanks_one_square_whose_centre_is_anywhere():
    images = torch.ones(4000, 2, 6, 8)
    out = cutout(images, 3, generator=torch.Generator().manual_seed(1))
    assert out is images
    blank = out == 0
    assert torch.equal(blank[:, 0], blank[:, 1])
    centres = np.zeros((6, 8), int)
    for image in blank[:, 0].numpy():
        rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
        assert image.sum() == len(rows) * len(columns)  # a whole rectangle
        for edges, size in ((rows, 6), (columns, 8)):
            assert len(edges) == 3 or (len(edges) == 2 and (edges[0] == 0 or edges[-1] == size - 1))
        centre = [
            e[0] + 1 if len(e) == 3 else (0 if e[0] == 0 else n - 1)
            for e, n in ((rows, 6), (columns, 8))
        ]
        centres[tuple(centre)] += 1
    assert np.abs(centres - 4000 / 48).max() < 4.5 * math.sqrt(4000 / 48)


def test_cutout_is_seeded_and_the_parts_of_a_batch_make_the_whole():
    def blank(part=slice(None), seed=0):
        images = torch.ones(12, 1, 5, 5)[part].clone()
        return cutout(images, 2, generator=torch.Generator().manual_seed(seed), batch=12, part=part)

    assert torch.equal(blank(), blank())
    assert not torch.equal(blank(), blank(seed=1))
    assert torch.equal(torch.cat([blank(slice(0, 4)), blank(slice(4, 12))]), blank())


@pytest.mark.slow
def test_the_modern_recipe_learns_what_it_is_shown(trained):
    run = trained(**{**MODERN, "epochs": 20, "cutout": 2, "pad": 0, "flip": False})
    assert run.metrics[-1]["train_error"] < 0.3
    assert run.metrics[-1]["loss"] < 0.5 * run.metrics[0]["loss"]


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "changes",
    [MODERN, {**MODERN, "optimizer": "adamw", "cutout": 3, "schedule": "triangle"}],
    ids=["modern", "adamw"],
)
@pytest.mark.parametrize("call", [2, 5, 8, 11, 12])
def test_a_killed_run_ends_the_same(whole_run, crops, tmp_path, changes, call):
    whole = whole_run(**changes)
    config = settings(crops(8, 64), tmp_path / "killed", checkpoint_seconds=0.0, **changes)
    kill(config, call)
    train(config, log=lambda text: None)
    assert same(Run(tmp_path / "killed"), whole)
