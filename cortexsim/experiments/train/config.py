"""The options of training: what, on which images and where, beside how."""

from __future__ import annotations

from dataclasses import dataclass

from cortexsim.cli import option
from cortexsim.training.config import LEAST as LEAST_OF_SETTINGS
from cortexsim.training.config import Settings, check_numbers, named

LEAST = {**LEAST_OF_SETTINGS, "train_count": 1, "jobs": 1}


@dataclass(frozen=True)
class _What:
    """The network, the images and the folder, as words."""

    model: str = option(
        "cortex4",
        "network of the zoo (cortexsim.zoo() lists them), or FILE.py:NAME, whose code is run "
        "and returns a Graph, a Spec or a Network of your own",
    )
    data: str = option(
        "cifar10",
        "cifar10, cifar100, a folder train/<class>/*, test/<class>/*, an .npz of images and "
        "labels, tiny-imagenet[:FOLDER or archive] as Stanford's CS231n gives it (default from "
        "CORTEXSIM_DATA), or imagenet:FOLDER with train/<class>/* and val/<class>/*, read while "
        "training goes on (random crops and mirrors of 224 x 224 pixels)",
    )
    train_count: int | None = option(
        None, "for an .npz with x and y only: the first N images are for training"
    )
    out: str | None = option(None, "folder of the run; default runs/NAME")
    name: str | None = option(
        None, "what the weights are called, NAME.safetensors; default as the network"
    )


@dataclass(frozen=True)
class _Suite:
    """Many networks at once, and a look ahead."""

    suite: str | None = option(
        None, "train all networks of a suite, each in a folder of its own under --out, e.g. paper"
    )
    jobs: int = option(1, "networks of a suite trained side by side")
    plan: bool = option(
        False, "time a few steps, say how long all of them take, train and write nothing"
    )


# The order of the bases is the order of the options, from the last to the first.
@dataclass(frozen=True)
class TrainConfig(_Suite, Settings, _What):
    """All options of training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, LEAST)

    @property
    def folder(self) -> str:
        """Where the run, or the runs of a suite, are."""
        return self.out or f"runs/{self.suite or self.name or named(self.model)}"
