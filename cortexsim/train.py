"""Train a network of the zoo: ``python -m cortexsim.train --model cortex4 --data cifar10``.

``--recipe memo`` (the default) is that of Liao & Poggio 2016: SGD with momentum 0.9, batches of 64, 60 epochs, learning rate 0.01, a tenth
of it from epoch 40 and a hundredth from epoch 50 (140 epochs with drops at 100 and 120 for the few-parameter nets), images padded by 4 and
cropped at random, mirrored at random, no weight decay. A shorter run scales the epochs of the drops. ``--recipe modern`` changes the
defaults of the options that name it; its rate grows with ``--batch-size``.
``--recipe fast`` is for 5 to 10 epochs: Muon for the kernels of convolutions.

The loss is the mean cross-entropy at the supervised readout times S, L = 1/|S| sum over t in S of CE(logits(t), label): ``--supervise``.

A killed run continues with the same command and ends, on one CPU machine, in bit-identical weights. Under ``torchrun`` the processes share
each batch; ``--suite NAME --jobs N`` trains many networks side by side.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cortexsim.cli import parse, run
from cortexsim.training.config import TrainConfig


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of training."""
    config = parse(TrainConfig, arguments, "python -m cortexsim.train", __doc__ or "")

    def log(text: str) -> None:
        print(text, file=sys.stderr)

    if config.suite is not None:
        from cortexsim.training.suite import train_suite

        return train_suite(config, log)
    from cortexsim.training.trainer import train

    train(config, log=log)
    return 0


if __name__ == "__main__":
    run(main)
