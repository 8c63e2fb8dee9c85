"""What the tests of training share."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from cortexsim.experiments.train.config import TrainConfig
from cortexsim.train import run_of
from cortexsim.training import trainer
from cortexsim.training.feeding import part_of
from cortexsim.training.session import Session

PATIENCE = 600
"""Seconds until what must happen is taken to hang; no test depends on how busy the machine is."""


def wait_for(path: Path, process: subprocess.Popen) -> None:
    """Until a file is there that a running process writes."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert process.poll() is None, f"the process ended without {path}"
        assert time.monotonic() < deadline, f"no {path} in {PATIENCE} s"
        time.sleep(0.02)


LEARNED = {"limit": 256, "epochs": 8, "lr": 0.02, "pad": 0, "flip": False, "seed": 3}
"""The settings of the run that has learned."""


class Run:
    """What a finished training left in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.weights,) = folder.glob("*.safetensors")
        self.bytes = self.weights.read_bytes()
        self.card = json.loads(self.weights.with_suffix(".json").read_text())
        self.metrics = metrics_of(folder)

    @property
    def losses(self) -> list[tuple]:
        """Of each epoch, what does not depend on the clock."""
        return [
            tuple(v for k, v in line.items() if k not in ("seconds", "images_per_s"))
            for line in self.metrics
        ]


def normalised(path: Path) -> torch.Tensor:
    """The first 48 images of an .npz (n, channel, y, x), each channel of mean 0, variance 1."""
    with np.load(path) as file:
        x = torch.from_numpy(file["x"][:48]).permute(0, 3, 1, 2).double() / 255
    x = (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True, correction=0)
    return x.float()


def metrics_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def settings(data: Path, out: Path, **changes) -> TrainConfig:
    """A run of 9 steps in 3 epochs on 48 images, all other settings the memo's."""
    small = {
        "model": "cortex4-adjacent",
        "train_count": 48,
        "batch_size": 16,
        "epochs": 3,
        "device": "cpu",
        "threads": 1,
    }
    return TrainConfig(data=str(data), out=str(out), **{**small, **changes})


def train(config: TrainConfig, log=lambda text: None, **how) -> Path:
    """Train what the options name."""
    return trainer.train(run_of(config), log, **how)


def images_for(config: TrainConfig):
    """The images that the options name, as they are trained on."""
    return part_of(run_of(config).images(), config)


def session_of(config: TrainConfig) -> Session:
    """The session of what the options name."""
    return Session(run_of(config), images_for(config))


def as_arguments(config: TrainConfig) -> list[str]:
    """The command line that says what a configuration says."""
    arguments = []
    for name, value in vars(config).items():
        option = "--" + name.replace("_", "-")
        if value is False and getattr(TrainConfig, name) is False:
            continue  # a switch without a --no- form
        if isinstance(value, bool):
            arguments.append(option if value else option.replace("--", "--no-", 1))
        elif value is not None:
            arguments += [option, *map(str, value if isinstance(value, tuple) else (value,))]
    return arguments


class Killed(BaseException):
    """The process ends here."""


@contextlib.contextmanager
def killed_at(call: int, *, torn: bool) -> Iterator[list[int]]:
    """End at a call of ``os.replace``, by which every file but metrics.jsonl is written.

    Torn, before it and with half of the temporary file on disk; or right after it. Yields a list
    whose only element counts the calls.

    A process that is killed cleans up nothing: its half file is kept under the name of another
    process.
    """
    real, calls = os.replace, [0]

    def replace(source, target):
        calls[0] += 1
        if calls[0] == call and torn:
            half = Path(source).read_bytes()[: os.path.getsize(source) // 2]
            left = Path(source).with_name(
                Path(source).name.replace(f"-{os.getpid()}.tmp", "-1.tmp")
            )
            left.write_bytes(half)
            raise Killed
        real(source, target)
        if calls[0] == call:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", replace)
        yield calls


def same(one: Run, other: Run) -> bool:
    return one.bytes == other.bytes and one.losses == other.losses


def kill(config, call: int, *, torn: bool = False) -> None:
    with killed_at(call, torn=torn), pytest.raises(Killed):
        train(config, log=lambda text: None)


ENDING = str(Path(__file__).with_name("ending.py"))


def ending(config, what: str, count: int, seconds: float = 0.0) -> subprocess.Popen:
    """The training command that ends, or waits, by itself."""
    command = [sys.executable, ENDING, what, str(count), str(seconds), *as_arguments(config)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


def start(config, *program: str, processes: int = 2) -> subprocess.Popen:
    return subprocess.Popen(
        [*TORCHRUN, str(processes), *(program or ("-m", "cortexsim.train")), *as_arguments(config)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen) -> str:
    try:
        said = process.communicate(timeout=PATIENCE)[1]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return said
