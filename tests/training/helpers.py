"""What the tests of training share."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import numpy as np
import torch

from cortexsim.experiments.train.config import TrainConfig
from cortexsim.experiments.train.run import run_of
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
            tuple(line[k] for k in ("epoch", "step", "loss", "train_error", "lr", "test_error"))
            for line in self.metrics
        ]


def normalised(path: Path) -> torch.Tensor:
    """The first 48 images of an .npz (n, channel, y, x), each channel with mean 0 and variance 1."""
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
