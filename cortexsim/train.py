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

    if config.plan:
        return plan(config)
    if config.suite is not None:
        from cortexsim.experiments.train.suite import train_suite

        return train_suite(config, log)
    from cortexsim.experiments.train.run import run_of
    from cortexsim.training.trainer import train

    train(run_of(config), log)
    return 0


def plan(config: TrainConfig) -> int:
    """Say what ``config`` would train and how long it would take."""
    from cortexsim.console import duration
    from cortexsim.errors import TrainingError
    from cortexsim.experiments.train.plan import training_plan
    from cortexsim.experiments.train.run import run_of

    if config.suite is not None:
        raise TrainingError("--plan is of one network; give --model instead of --suite")
    planned = training_plan(run_of(config))
    if planned.speaks:
        print(in_options(planned.text))
        print(
            f"about {duration(planned.seconds)} for {planned.steps:,} steps at "
            f"{planned.images_per_second:,.0f} images/s (measured on a few), tests and statistics "
            "included. Nothing was written."
        )
    return 0


if __name__ == "__main__":
    run(main)
