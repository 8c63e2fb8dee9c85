"""Train a network of the zoo: ``python -m cortexsim.train --model cortex4 --data cifar10``.

The default is the recipe of Liao & Poggio 2016: SGD with momentum 0.9, batches of 64, 60 epochs, learning rate 0.01, a tenth of it
from epoch 40 and a hundredth from epoch 50 (140 epochs with drops at 100 and 120 for the few-parameter nets), images padded by 4 and
cropped at random, mirrored at random, no weight decay. A shorter run scales the epochs of the drops.

A killed run continues with the same command and ends, on one CPU machine, in bit-identical weights.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from cortexsim.cli import option, parse, run
from cortexsim.errors import TrainingError

# The least value of each number, below which a setting has no meaning.
LEAST = {
    **dict.fromkeys(("train_count", "limit", "epochs", "batch_size", "threads", "validate_every"), 1),
    **dict.fromkeys(("lr", "momentum", "weight_decay", "pad", "checkpoint_seconds"), 0),
}


@dataclass(frozen=True)
class TrainConfig:
    """All settings of a training run; saved beside its output."""

    model: str = option("cortex4", "network of the zoo (cortexsim.models() lists them)")
    data: str = option(
        "cifar10", "cifar10, cifar100, a folder train/<class>/*, test/<class>/*, or an .npz of images and labels"
    )
    train_count: int | None = option(None, "for an .npz with x and y only: the first N images are for training")
    limit: int | None = option(None, "use only the first N training images (a quick trial)")
    out: str | None = option(None, "folder of the run; default runs/MODEL")
    epochs: int | None = option(None, "passes over the training images; default 60 (140 for the few-parameter nets)")
    lr: float = option(0.01, "learning rate")
    lr_drops: tuple[int, ...] | None = option(
        None,
        "epochs after which the rate falls to a tenth (none given: never); default two, at 2/3 and 5/6 of the epochs",
        nargs="*",
    )
    batch_size: int = option(64, "images a step")
    momentum: float = option(0.9, "of SGD")
    weight_decay: float = option(0.0, "L2 penalty (the memo states none)")
    pad: int = option(4, "pixels of zero padding before the random crop")
    flip: bool = option(True, "mirror half of the images")
    readout: tuple[int, ...] | None = option(None, "readout time(s) to train at, in steps; default the network's own")
    inhomogeneous: bool | None = option(None, "input at every step; default the network's own")
    norm: str | None = option(None, "statistics per step (time) or shared over time", choices=("time", "shared"))
    calibrate_to: int | None = option(
        None, "estimate the statistics of all states up to this step at the end; default 4 beyond the readout"
    )
    seed: int = option(0, "of the weights and the order, crops and flips of the images")
    device: str = option("auto", "auto, cpu, cuda, cuda:N")
    precision: str = option(
        "auto",
        "arithmetic of convolutions: auto is bfloat16 on CUDA, float32 on CPU",
        choices=("auto", "float32", "bfloat16"),
    )
    compile: bool | None = option(None, "torch.compile (with graph capture on CUDA); default on for CUDA, off for CPU")
    channels_last: bool = option(True, "memory format of the maps")
    threads: int | None = option(None, "CPU threads; default torch's own")
    checkpoint_seconds: float = option(60.0, "time between checkpoints")
    validate_every: int = option(1, "epochs between validations")

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and not value >= least:  # so written, nan is refused too
                raise TrainingError(f"--{name.replace('_', '-')} is {value}; it must be at least {least}")

    @property
    def folder(self) -> str:
        return self.out or f"runs/{self.model}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of training."""
    config = parse(TrainConfig, arguments, "python -m cortexsim.train", __doc__ or "")
    from cortexsim.training.trainer import train

    train(config, log=lambda text: print(text, file=sys.stderr))
    return 0


if __name__ == "__main__":
    run(main)
