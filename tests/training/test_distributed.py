"""Two and four gloo processes on the CPU.

The same numbers as one at the same global batch, one that dies, resuming.
"""

from __future__ import annotations

import copy
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from safetensors.torch import load

from cortexsim.errors import TrainingError
from cortexsim.models import build
from cortexsim.training.control import stop_politely
from cortexsim.training.distributed import World, synchronise

from .helpers import PATIENCE, Run, finish, metrics_of, settings, start, train

DOUBLE = str(Path(__file__).with_name("double.py"))
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "training.md"
ENDING = str(Path(__file__).with_name("ending_together.py"))
# All options with a part for each process: crops, mirrors, blanks, drawn and supervised readout
# times, averaged weights.
PARTS = {
    "memo": {},
    "drawn": {"model": "cortex4", "random_readout": (6, 9)},
    "compiled": {"model": "rnn2-t2", "compile": True},
    "modern": {
        "recipe": "modern",
        "batch_size": 16,
        "lr": 0.01,
        "cutout": 2,
        "ema": 0.9,
        "supervise": ("all",),
    },
    "fast": {
        "recipe": "fast",
        "batch_size": 16,
        "lr": 0.02,
        "whitening": "frozen",
        "alternating_flip": True,
    },
}


def twenty_steps(data: Path, out: Path, **changes):
    return settings(data, out, train_count=320, epochs=1, validate_every=9, **changes)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "processes"), [*((name, 2) for name in PARTS), ("memo", 4)])
def test_several_processes_equal_one_after_20_steps(crops, tmp_path, double, name, processes):
    """20 batches of 16, once whole and once in equal parts.

    Every weight and statistic within 1e-5, in double precision.

    In single precision 20 steps at this rate turn a difference of 1e-7 into one of 0.04, also
    between two memory formats in one process.
    """
    data = crops(8, 336)
    # As written, not compiled.
    alone = twenty_steps(data, tmp_path / "one", **{**PARTS[name], "compile": None})
    train(alone, log=lambda text: None)
    shared = twenty_steps(data, tmp_path / "two", **PARTS[name])
    process = start(shared, DOUBLE, processes=processes)
    said = finish(process)
    assert process.returncode == 0, said[-3000:]
    one, two = Run(tmp_path / "one"), Run(tmp_path / "two")
    assert two.metrics[0]["step"] == 20
    theirs, start_ = load(one.bytes), build(two.card["name"], seed=0).state_dict()
    assert theirs.keys() == load(two.bytes).keys()
    for key, value in load(two.bytes).items():
        torch.testing.assert_close(
            value, theirs[key], rtol=1e-5, atol=1e-5, msg=lambda m, k=key: f"{k}: {m}"
        )
    # It has moved.
    assert (
        max((theirs[k] - v).abs().max() for k, v in start_.items() if k.endswith("weight")) > 0.01
    )
    assert two.metrics[0]["loss"] == pytest.approx(one.metrics[0]["loss"], rel=1e-5)
    assert two.metrics[0]["train_error"] == pytest.approx(
        one.metrics[0]["train_error"], abs=0.5 / 320
    )
    assert len(two.metrics) == 1  # the first process writes, alone
    assert said.count(" parameters, readout at step") == 1
    assert f"in {processes} processes" in said
    assert two.card["provenance"][0]["processes"] == processes


# ------------------------------------------------------------------------------------------------ n


def _normalise(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    try:
        whole = torch.load(f"{folder}/x.pt", weights_only=True)
        net = build("cortex4-adjacent", seed=1).train()
        synchronise(net)
        part = World(rank, 2).part(len(whole))
        x = whole[part].clone().requires_grad_()
        logits = net(x)
        logits.square().sum().backward()
        norms = {k: v for k, v in net.state_dict().items() if k.startswith("statistics")}
        torch.save(
            {"logits": logits.detach(), "grad": x.grad, "norms": norms}, f"{folder}/{rank}.pt"
        )
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_normalisation_and_its_gradient_are_those_of_the_whole_batch(tmp_path):
    """Against torch's batch_norm of the whole batch in one process; images far from zero mean."""
    x = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 + 5
    x[4:] += 3  # the halves differ
    torch.save(x, tmp_path / "x.pt")
    mp.spawn(_normalise, (str(tmp_path),), nprocs=2)
    parts = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    net = build("cortex4-adjacent", seed=1).train()
    alone = copy.deepcopy(x).requires_grad_()
    logits = net(alone)
    logits.square().sum().backward()
    torch.testing.assert_close(
        torch.cat([p["logits"] for p in parts]), logits.detach(), rtol=1e-4, atol=1e-4
    )
    torch.testing.assert_close(
        torch.cat([p["grad"] for p in parts]), alone.grad, rtol=1e-3, atol=1e-3
    )
    for key, value in net.state_dict().items():
        if key.startswith("statistics"):
            for p in parts:
                torch.testing.assert_close(p["norms"][key], value, rtol=1e-4, atol=1e-5)


# ------------------------------------------------------------------------------------------------ w


def test_the_parts_of_a_batch_are_equal_and_make_the_whole():
    batch = np.arange(12)
    parts = [batch[World(r, 3).part(12)] for r in range(3)]
    assert [len(p) for p in parts] == [4, 4, 4]
    assert np.concatenate(parts).tolist() == batch.tolist()
    with pytest.raises(
        TrainingError, match="a batch of 16 images cannot be shared equally by 3 processes"
    ):
        World(0, 3).part(16)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cortex4", "{mb:.2f} MB of gradients at once, and for its {n} normalisations"),
        ("cortex4-imagenet", "`cortex4-imagenet` {mb:.1f} MB, and {sums} sums of {kb:.2f} MB"),
    ],
)
def test_what_the_page_says_of_the_exchange_is_what_is_exchanged(name, said):
    net, features = build(name, seed=0).train(), []

    def together(x):
        features.append(x.shape[1])
        return x, x.detach().mean((0, 2, 3)), x.detach().var((0, 2, 3))

    synchronise(net)
    for module in net.modules():
        if hasattr(module, "together"):
            module.together = together
    net.readouts(torch.randn(2, 3, 64, 64), (net.readout,))
    count, single = len(features), 4
    numbers = {
        "mb": sum(p.numel() for p in net.parameters()) * single / 1e6,
        "n": count,
        "sums": 3 * count,  # mean and variance forwards, two means at once backwards
        "kb": 4 * sum(features) * single / 1e6,
    }
    assert said.format(**numbers) in " ".join(PAGE.read_text().split())


def test_alone_nothing_is_exchanged():
    """torch.distributed is not even initialised."""
    assert World().average([], torch.tensor(2.5), torch.tensor(3)) == [2.5, 3.0, 0.0]
    assert World().first


@pytest.mark.slow
def test_what_cannot_be_shared_is_said_and_leaves_no_folder(crops, tmp_path):
    process = start(settings(crops(8, 64), tmp_path / "run", batch_size=15))
    said = finish(process)
    assert process.returncode != 0
    assert (
        "error: a batch of 15 images cannot be shared equally by 2 processes; give --batch-size a "
        "multiple" in said
    )
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------------------------------------ e


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_one_killed_process_ends_all_and_the_run_resumes(crops, tmp_path, rank):
    """Whichever it is, the first (which writes) or the other.

    The continued run ends in the weights of one that was not killed.
    """
    data = crops(8, 224)
    small = {"train_count": 192, "epochs": 4, "checkpoint_seconds": 0.0}
    config = settings(data, tmp_path / "killed", **small)
    (tmp_path / "ids").mkdir()
    process = start(config, ENDING, str(rank), "3", str(tmp_path / "ids"))
    said = finish(process)
    assert process.returncode != 0
    assert f"error: process {1 - rank} of 2 lost another one" in said
    assert "The same command continues from the last checkpoint" in said
    both = [int(file.name) for file in (tmp_path / "ids").iterdir()]
    assert len(both) == 2
    deadline = time.monotonic() + PATIENCE
    while any(lives(pid) for pid in both):
        assert time.monotonic() < deadline, "a process outlived the run"
        time.sleep(0.05)
    if rank == 0:  # what follows is the same for both
        return
    process = start(config)
    said = finish(process)
    assert process.returncode == 0, said[-3000:]
    assert "continuing at step" in said
    assert [line["epoch"] for line in metrics_of(tmp_path / "killed")] == [1, 2, 3, 4]
    process = start(settings(data, tmp_path / "whole", **small))
    assert finish(process) is not None
    assert Run(tmp_path / "killed").bytes == Run(tmp_path / "whole").bytes


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("launched", [False, True])
def test_the_launchers_signal_does_not_silence_an_error(launched):
    """torchrun sends SIGTERM to the others when one has died, perhaps before they have said that
    they lost it.
    """
    before, stop = (
        {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)},
        SimpleNamespace(stop_asked=False),
    )
    try:
        with pytest.raises(TrainingError, match="lost"), stop_politely(stop, launched=launched):
            raise TrainingError("lost another one")
        if launched:
            os.kill(os.getpid(), signal.SIGTERM)  # the default would end this process
        assert stop.stop_asked == launched
        assert all((signal.getsignal(s) == handler) != launched for s, handler in before.items())
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


@pytest.mark.slow
def test_a_signal_ends_all_after_the_same_step(crops, tmp_path):
    config = settings(crops(8, 224), tmp_path / "run", train_count=192, epochs=6)
    (tmp_path / "ids").mkdir()
    process = start(config, ENDING, "TERM", "13", str(tmp_path / "ids"))
    said = finish(process)
    assert process.returncode != 0
    assert "error: stopped by a signal at step" in said
    assert "lost another one" not in said
    assert (tmp_path / "run" / "checkpoint.pt").is_file()
