"""Supervision at chosen readout times.

The loss written out, the network it leaves alone, drawn readout times, resuming.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from cortexsim.errors import TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.models import build
from cortexsim.models.weights import load_weights
from cortexsim.training import session
from cortexsim.training.session import Session
from cortexsim.training.supervision import Supervision, supervision

from .helpers import Run, kill, same, settings, train


def steps(net, **changes) -> tuple[int, ...]:
    return supervision(TrainConfig(**changes), net).steps


@pytest.mark.parametrize(
    ("model", "every"),
    [
        ("cortex4", range(4, 9)),
        ("cortex4-adjacent", range(4, 6)),
        ("rnn2-unshared", range(2, 11)),
        ("resnet3", range(9, 13)),
        ("resnet3-unshared", range(9, 13)),
        ("rnn3-generalize", range(3, 11)),
        ("cortex4-twin", range(4, 9)),
    ],
)
def test_all_is_from_the_first_step_at_which_the_last_state_is_populated(model, every):
    """By the schedule alone.

    At each of these steps, and at no earlier one, ``unroll`` yields the last state.
    """
    net = build(model)
    assert steps(net, supervise=("all",)) == tuple(every)
    net.train()
    out, images = net.spec.graph.output_state, torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        assert [t for t, states in net.unroll(images) if out in states] == list(every)
        assert sorted(net.readouts(images, every)) == list(every)


@pytest.mark.parametrize(
    "model", ["cortex4", "rnn2-unshared", "resnet3-unshared", "rnn3-generalize"]
)
def test_every_weight_of_the_network_is_trained_and_no_other_is_made(model):
    net = build(model)
    count = sum(p.numel() for p in net.parameters())
    at = steps(net, supervise=("all",))
    net.train()
    torch.stack(
        [v.sum() for v in net.readouts(torch.randn(2, 3, 8, 8), at).values()]
    ).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert sum(p.numel() for p in net.parameters()) == count


@pytest.mark.slow
def test_what_is_supervised_does_not_change_the_network(trained):
    """Unlike --readout, which decides what is live: at T = 5 cortex4 has no feedback."""
    runs = [
        trained(str(k), model="cortex4", epochs=1, **c)
        for k, c in enumerate([{}, {"supervise": ("all",)}])
    ]
    assert [r.card["parameters"] for r in runs] == [209530, 209530]
    assert runs[0].card["network"] == runs[1].card["network"]
    assert [r.card["recipe"]["supervised_steps"] for r in runs] == [[8], [4, 5, 6, 7, 8]]


def by_hand(path, at, rates):
    """Full-batch training of 48 images, the mean of cross-entropies at ``at`` written out."""
    with np.load(path) as file:
        x, y = file["x"][:48] / 255, torch.from_numpy(file["y"][:48])
    x = (x - x.mean((0, 1, 2))) / x.std((0, 1, 2))
    images = torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32))
    images = images.to(torch.get_default_dtype())
    net = build("cortex4", seed=0).train()
    optimizer = torch.optim.SGD(net.parameters(), rates[0], 0.9)
    seen = []
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        logits = dict.fromkeys(at)
        for t, states in net.unroll(images, max(at)):
            if t in at:
                logits[t] = net.read(states["IT"], t)
        loss = sum(-torch.log_softmax(v, 1)[range(48), y].mean() for v in logits.values()) / len(at)
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
    return net, seen


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("supervise", "at"), [(("all",), (4, 5, 6, 7, 8)), (("8", "5"), (5, 8)), (("8", "9"), (8, 9))]
)
def test_the_loss_is_the_mean_cross_entropy_of_the_supervised_steps(
    trained, crops, double, supervise, at
):
    plain = {"batch_size": 48, "pad": 0, "flip": False, "lr": 0.02, "lr_drops": (1, 2)}
    run = trained(model="cortex4", supervise=supervise, **plain)
    net, seen = by_hand(crops(8, 64), at, [0.02, 0.002, 0.0002])
    np.testing.assert_allclose([line["loss"] for line in run.metrics], seen, rtol=1e-4)
    ours = load_weights(run.weights)
    # The statistics of these readouts are those of training, not of the calibration afterwards.
    for t in at:
        for name in ("mean", "var"):
            expected = getattr(net.post_net.statistics, name)[t - 1]
            torch.testing.assert_close(
                getattr(ours.post_net.statistics, name)[t - 1], expected, rtol=1e-2, atol=1e-3
            )


def test_last_and_the_readout_by_its_number_are_the_same(trained):
    assert trained("a").bytes == trained("b", supervise=("5",)).bytes


def test_a_step_that_the_owned_transitions_do_not_reach_is_refused():
    """Unshared weights exist for the live instances only: none carries on beyond the readout."""
    with pytest.raises(
        TrainingError, match="asks for the readout at step 11, but h1 can be read at step 1-10 only"
    ):
        steps(build("resnet1-unshared"), supervise=("10", "11"))
    assert steps(build("resnet1"), supervise=("10", "11")) == (10, 11)


def test_all_readout_times_of_a_network_must_be_supervised():
    with pytest.raises(TrainingError, match="leaves out step 6"):
        steps(build("cortex4", readout=(6, 8)), supervise=("7", "8"))


# ------------------------------------------------------------------------------------------------ d


def test_readout_times_are_drawn_equally_often_and_by_the_generator():
    """Of 6000 draws each of 3 steps gets 2000 with a standard deviation of 36.5."""
    drawn, generator = Supervision((4, 5, 6), drawn=True), torch.Generator().manual_seed(0)
    assert drawn.of_batch(0, generator) == (4, 5, 6)  # the first batch begins the statistics of all
    counts = Counter(drawn.of_batch(k, generator) for k in range(1, 6001))
    assert set(counts) == {(4,), (5,), (6,)}
    assert max(abs(n - 2000) for n in counts.values()) < 4.5 * 36.5
    again = torch.Generator().manual_seed(0)
    assert [drawn.of_batch(k, again) for k in range(1, 9)] != [(4,)] * 8


def test_what_is_not_drawn_leaves_the_generator_alone():
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert Supervision((4, 8)).of_batch(3, generator) == (4, 8)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.slow
def test_each_batch_is_read_at_the_drawn_step_only(crops, tmp_path, monkeypatch):
    seen = []
    real = Session._plain_loss

    def note(self, images, labels, at):
        seen.append(at)
        return real(self, images, labels, at)

    monkeypatch.setattr(session.Session, "_plain_loss", note)
    train(
        settings(crops(8, 64), tmp_path, random_readout=(4, 7), batch_size=2, epochs=2),
        log=lambda text: None,
    )
    assert seen[0] == (4, 5, 6, 7)
    assert {len(at) for at in seen[1:]} == {1}
    assert {at[0] for at in seen[1:]} == {4, 5, 6, 7}
    assert Run(tmp_path).card["recipe"]["random_readout"] == [4, 7]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("changes", [{"random_readout": (4, 6)}, {"supervise": ("all",)}])
@pytest.mark.parametrize("call", [2, 5, 8])
def test_a_killed_run_ends_the_same(whole_run, crops, tmp_path, changes, call):
    whole = whole_run(**changes)
    config = settings(crops(8, 64), tmp_path / "killed", checkpoint_seconds=0.0, **changes)
    kill(config, call)
    train(config, log=lambda text: None)
    assert same(Run(tmp_path / "killed"), whole)
