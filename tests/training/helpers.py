"""What the tests of training share."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from cortexsim.stimuli.datasets import ImageSet
from cortexsim.training.config import TrainConfig


def same(images: ImageSet, x: np.ndarray, y: np.ndarray, split: int) -> bool:
    """Whether a set holds the images ``x`` (n, y, x, 3) and labels ``y``, the first ``split`` of them for training."""
    parts = [
        (images.train_x, images.train_y, slice(0, split)),
        (images.test_x, images.test_y, slice(split, None)),
    ]
    return all(
        bx.dtype == torch.uint8
        and by.dtype == torch.int64
        and np.array_equal(np.moveaxis(bx.numpy(), 1, 3), x[part])
        and np.array_equal(by.numpy(), y[part])
        for bx, by, part in parts
    )


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
