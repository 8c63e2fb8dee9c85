"""Micro-batches and steps computed twice: the same gradient as one batch computed once."""

from __future__ import annotations

import pytest
import torch

from cortexsim.errors import TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.models import build
from cortexsim.training.control import check_combination
from cortexsim.training.distributed import World

from .helpers import Run, finish, kill, same, session_of, settings, start, train


def gradients(config, tmp_path, *, frozen: bool) -> dict[str, torch.Tensor]:
    """Of the mean loss over the first 16 training images, in double precision.

    ``frozen``: by stored statistics.
    """
    session = session_of(config)
    net = session.net.double().train()
    images = session.preprocessing.normalise(session.feed.sample()[:16]).double()
    net(images)  # statistics of some batch
    session.step = 1
    net.train(not frozen)
    session._gradients(images, session.feed.labels(torch.arange(16)), (net.readout,))
    return {k: p.grad for k, p in net.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("count", [2, 4, 16])
def test_with_statistics_that_do_not_depend_on_the_batch_micro_batches_have_its_gradient(
    crops, tmp_path, count
):
    config = settings(crops(8, 64), tmp_path)
    whole = gradients(config, tmp_path, frozen=True)
    parts = gradients(settings(crops(8, 64), tmp_path, accumulate=count), tmp_path, frozen=True)
    assert whole.keys() == parts.keys()
    assert max(g.abs().max() for g in whole.values()) > 1e-3
    for key, gradient in whole.items():
        torch.testing.assert_close(
            parts[key], gradient, rtol=1e-10, atol=1e-12, msg=lambda m, k=key: f"{k}: {m}"
        )


def test_in_training_each_micro_batch_is_normalised_by_itself(crops, tmp_path):
    """The gradient is the mean of those of the micro-batches, each a batch of its own.

    It is not that of the whole batch.
    """
    config = settings(crops(8, 64), tmp_path, accumulate=2)
    session = session_of(config)
    net, images = (
        session.net.double().train(),
        session.preprocessing.normalise(session.feed.sample()[:16]).double(),
    )
    labels = session.feed.labels(torch.arange(16))
    net(images)
    session.step = 1
    session._gradients(images, labels, (net.readout,))
    parts = []
    for k in (slice(0, 8), slice(8, 16)):
        alone = build(config.model, seed=0).double().train()
        torch.nn.functional.cross_entropy(alone(images[k]), labels[k]).backward()
        parts.append({n: p.grad for n, p in alone.named_parameters()})
    whole = gradients(settings(crops(8, 64), tmp_path), tmp_path, frozen=False)
    for key, p in net.named_parameters():
        torch.testing.assert_close(
            p.grad, (parts[0][key] + parts[1][key]) / 2, rtol=1e-9, atol=1e-12
        )
    key = "post_net.linear.weight"
    assert (whole[key] - net.post_net.linear.weight.grad).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("processes", "count", "text"),
    [
        (
            1,
            3,
            "`accumulate=3` does not divide the 16 images into equal micro-batches; choose from "
            "1, 2, 4, 8, 16",
        ),
        (
            2,
            16,
            "the 8 images of each of 2 processes into equal micro-batches; choose from 1, 2, 4, 8",
        ),
    ],
)
def test_micro_batches_must_be_equal(processes, count, text):
    with pytest.raises(TrainingError, match=text):
        check_combination(
            TrainConfig(batch_size=16, accumulate=count), World(0, processes), streamed=False
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"compile": True, "checkpoint_activations": True},
    ],
)
def test_what_cannot_be_combined_is_refused_before_anything_is_written(crops, tmp_path, changes):
    config = settings(crops(8, 64), tmp_path / "new" / "run", **changes)
    with pytest.raises(TrainingError):
        session_of(config)
    assert not (tmp_path / "new").exists()


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "changes",
    [{"accumulate": 4}, {"checkpoint_activations": True, "model": "cortex4", "accumulate": 2}],
)
def test_a_killed_run_ends_the_same(whole_run, crops, tmp_path, changes):
    whole = whole_run(**changes)
    config = settings(crops(8, 64), tmp_path / "killed", checkpoint_seconds=0.0, **changes)
    kill(config, 5)
    train(config, log=lambda text: None)
    assert same(Run(tmp_path / "killed"), whole)


@pytest.mark.slow
def test_two_processes_accumulate_and_compute_again(crops, tmp_path):
    """Two processes with half of the batch each, in two micro-batches.

    The statistics are those of the quarter that both hold a part of.
    """
    config = settings(
        crops(8, 64),
        tmp_path / "run",
        accumulate=2,
        checkpoint_activations=True,
        model="cortex4",
        epochs=1,
    )
    process = start(config)
    said = finish(process)
    assert process.returncode == 0, said[-2000:]
    assert Run(tmp_path / "run").card["provenance"][0]["processes"] == 2
