from __future__ import annotations

import sys
from collections.abc import Sequence

from cortexsim.cli import command, in_options, parse, run
from cortexsim.experiments.train.config import TrainConfig


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of training."""
    config = parse(TrainConfig, arguments, "cortexsim train", __doc__ or "")

    def log(text: str) -> None:
        print(in_options(text), file=sys.stderr)

    if config.suite is not None:
        from cortexsim.experiments.train.suite import train_suite

        return train_suite(config, log)
    from cortexsim.experiments.train.run import run_of
    from cortexsim.training.trainer import train

    train(run_of(config), log)
    return 0


if __name__ == "__main__":
    run(main)
