"""The recipes: schedules, groups and averages against values by hand and torch's own; resuming; what the card says."""

from __future__ import annotations

import copy
import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from cortexsim.errors import TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.models import build
from cortexsim.models.weights import load_weights
from cortexsim.stimuli.datasets import cutout
from cortexsim.training.config import BELOW
from cortexsim.training.optimisation import SCHEDULES, Averaged, optimizer_of, rate
from cortexsim.training.recipes import MEMO, RECIPES
from cortexsim.training.session import Session

from .helpers import Run, settings, train
from .test_resume import kill, same

MODERN = {"recipe": "modern", "batch_size": 16, "lr": 0.02, "ema": 0.9}  # a rate for 9 steps


def recipe(**changes):
    return dataclasses.replace(MEMO, lr=1.0, **changes)


# ------------------------------------------------------------------------------------------------ settings


def test_what_is_given_wins_over_the_recipe():
    config = TrainConfig(recipe="modern", momentum=0.5, cutout=2).resolved()
    modern = RECIPES["modern"]
    assert (config.momentum, config.cutout) == (0.5, 2)
    assert (config.lr, config.schedule, config.ema) == (modern.lr, modern.schedule, modern.ema)
    assert config.resolved() == config


def test_the_modern_rate_is_proportional_to_the_batch_and_the_memos_is_not():
    modern = RECIPES["modern"]
    assert (
        TrainConfig(recipe="modern", batch_size=4 * modern.batch_size).settings().lr
        == 4 * modern.lr
    )
    assert TrainConfig(recipe="modern", batch_size=7, lr=0.3).settings().lr == 0.3
    assert TrainConfig(batch_size=512).settings().lr == 0.01


def test_a_recipe_that_there_is_not_names_those_there_are():
    with pytest.raises(
        TrainingError, match="no recipe is called 'old'; choose from memo, modern, fast"
    ):
        TrainConfig(recipe="old")


@pytest.mark.parametrize("name", BELOW)
def test_shares_of_one_and_more_are_refused(name):
    with pytest.raises(TrainingError, match="it must be below 1"):
        TrainConfig(**{name: 1.0})


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


# ------------------------------------------------------------------------------------------------ schedules


def test_the_memos_schedule_by_hand():
    rates = [rate(recipe(), s, 2, epochs=6, drops=(4, 5)) for s in range(12)]
    np.testing.assert_allclose(rates, [1] * 8 + [0.1] * 2 + [0.01] * 2)
    warm = [rate(recipe(warmup=1.0), s, 2, epochs=6, drops=(4, 5)) for s in range(12)]
    np.testing.assert_allclose(warm, [0.5, 1] + [1] * 6 + [0.1] * 2 + [0.01] * 2)


def test_cosine_by_hand_and_by_torch():
    rates = [rate(recipe(schedule="cosine"), s, 5, epochs=4, drops=()) for s in range(20)]
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], 1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    for ours in rates:
        assert ours == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert rates[10] == pytest.approx(0.5)
    assert rates[5] == pytest.approx((1 + math.sqrt(0.5)) / 2)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("triangle", [0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25]),
        (
            "cosine",
            [0.25, 0.5, 0.75, 1, 1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2],
        ),
    ],
)
def test_the_rise_comes_before_the_fall(schedule, expected):
    np.testing.assert_allclose(
        [rate(recipe(schedule=schedule, warmup=1.0), s, 4, epochs=2, drops=()) for s in range(8)],
        expected,
        atol=1e-12,
    )


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_run_shorter_than_its_rise_only_rises(schedule):
    np.testing.assert_allclose(
        [rate(recipe(schedule=schedule, warmup=9.0), s, 2, epochs=2, drops=()) for s in range(4)],
        [0.25, 0.5, 0.75, 1],
    )


def test_the_run_follows_the_schedule(trained):
    run = trained(schedule="triangle", warmup=1.0, lr=0.03)
    np.testing.assert_allclose(
        [line["lr"] for line in run.metrics], [0.03, 0.03 * 4 / 6, 0.03 * 1 / 6]
    )


# ------------------------------------------------------------------------------------------------ steps


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adamw", "muon"])
def test_only_kernels_are_decayed(optimizer):
    """With gradients of zero only the decay moves a weight: by lr x decay x weight."""
    net = build("tiny30")
    with torch.no_grad():
        for p in net.parameters():
            p.fill_(1.0)
    chosen = recipe(optimizer=optimizer, weight_decay=0.1, decay_all=False, momentum=0.9)
    optimizer_ = optimizer_of(net, dataclasses.replace(chosen, lr=0.5))
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    optimizer_.step()
    moved = {name for name, p in net.named_parameters() if bool((p != 1).any())}
    kernels = {name for name, _ in net.named_parameters() if name.endswith("weight")}
    assert kernels
    assert {name.rpartition(".")[2] for name, _ in net.named_parameters()} == {
        "weight",
        "bias",
        "scale",
        "shift",
    }
    assert moved == kernels
    for name in kernels:
        # Of Muon, the readout is what Nesterov's momentum moves.
        nesterov = optimizer == "nesterov" or (optimizer == "muon" and name.startswith("post_net"))
        expected = 1 - 0.5 * 0.1 * (1.9 if nesterov else 1)
        torch.testing.assert_close(
            net.get_parameter(name), torch.full_like(net.get_parameter(name), expected)
        )


def test_the_decay_of_the_memo_is_of_all():
    (group,) = optimizer_of(
        build("cortex4"), dataclasses.replace(MEMO, weight_decay=0.1)
    ).param_groups
    assert len(group["params"]) == len(list(build("cortex4").parameters()))


@pytest.mark.parametrize(
    ("name", "kind", "has"),
    [
        ("sgd", torch.optim.SGD, {"nesterov": False, "momentum": 0.8}),
        ("nesterov", torch.optim.SGD, {"nesterov": True, "momentum": 0.8}),
        ("adamw", torch.optim.AdamW, {"betas": (0.8, 0.999)}),
    ],
)
def test_optimisers_are_torchs(name, kind, has):
    optimizer = optimizer_of(torch.nn.Linear(2, 2), recipe(optimizer=name, momentum=0.8))
    assert type(optimizer) is kind
    assert {k: optimizer.param_groups[0][k] for k in has} == has


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


# ------------------------------------------------------------------------------------------------ averaged weights


def test_the_average_by_hand():
    net = build("tiny30")
    average = Averaged(net, 0.3)
    expected = {k: v.detach().clone().double() for k, v in net.named_parameters()}
    generator = torch.Generator().manual_seed(0)
    for n in range(6):
        with torch.no_grad():
            for p in net.parameters():
                p.add_(torch.randn(p.shape, generator=generator))
        average.update(net, n)
        decay = [1 / 10, 2 / 11, 3 / 12, 0.3, 0.3, 0.3][n]  # 4 / 13 is above 0.3
        expected = {
            k: decay * expected[k] + (1 - decay) * v.detach().double()
            for k, v in net.named_parameters()
        }
    for k, v in average.net.named_parameters():
        torch.testing.assert_close(v.double(), expected[k], rtol=1e-5, atol=1e-6)
        assert not v.requires_grad


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
    # In training mode the whole training set is one batch, by whose statistics every layer is normalised: those that were stored.
    with np.load(crops(8, 64)) as file:
        x = file["x"][:48] / 255
    x = ((x - run.card["preprocessing"]["mean"]) / run.card["preprocessing"]["std"]).transpose(
        0, 3, 1, 2
    )
    images = torch.from_numpy(x.astype(np.float32))
    with torch.no_grad():
        torch.testing.assert_close(
            copy.deepcopy(net).train()(images), net(images), rtol=1e-2, atol=0.02
        )


# ------------------------------------------------------------------------------------------------ cutout


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


def test_the_modern_recipe_learns_what_it_is_shown(trained):
    run = trained(**{**MODERN, "epochs": 20, "cutout": 2, "pad": 0, "flip": False})
    assert run.metrics[-1]["train_error"] < 0.3
    assert run.metrics[-1]["loss"] < 0.5 * run.metrics[0]["loss"]


@pytest.mark.parametrize(
    "changes",
    [MODERN, {**MODERN, "optimizer": "adamw", "cutout": 3, "schedule": "triangle"}],
    ids=["modern", "adamw"],
)
@pytest.mark.parametrize("call", [2, 5, 8, 11, 12])
def test_a_killed_run_ends_the_same(trained, crops, tmp_path, changes, call):
    whole = trained("whole", **changes)
    config = settings(crops(8, 64), tmp_path / "killed", checkpoint_seconds=0.0, **changes)
    kill(config, call)
    train(config, log=lambda text: None)
    assert same(Run(tmp_path / "killed"), whole)
