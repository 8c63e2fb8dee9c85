"""Schedules, groups and averages against values by hand and torch's own."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from cortexsim.models import build
from cortexsim.training.optimisation import SCHEDULES, Averaged, optimizer_of, rate
from cortexsim.training.recipes import MEMO


def recipe(**changes):
    return dataclasses.replace(MEMO, lr=1.0, **changes)


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
