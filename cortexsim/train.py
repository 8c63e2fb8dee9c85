"""Train a network of the zoo, or your own, on labelled images: ``cortexsim train``.

The run has a folder, and the same command continues it where it stopped.

  cortexsim train --model cortex4 --data cifar10
  cortexsim train --model own.py:net --data FOLDER --out runs/own
  cortexsim train --suite paper --jobs 2
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.cli import arguments_of, command, in_options, parse, run
from cortexsim.errors import TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.processes import Processes

if TYPE_CHECKING:
    from cortexsim.experiments.train.suite import Job
    from cortexsim.training.run import Run


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of training."""
    config = parse(TrainConfig, arguments, "cortexsim train", __doc__ or "")
    if config.plan:
        return plan(config)
    if config.suite is not None:
        from cortexsim.experiments.train.suite import train_suite

        jobs = jobs_of(config)
        log(
            f"suite {config.suite}: {len(jobs)} networks, {config.jobs} at a time, into "
            f"{config.folder}"
        )
        return train_suite(config.suite, jobs, side_by_side=config.jobs, log=log)
    from cortexsim.training.trainer import train

    train(run_of(config), log)
    return 0


def log(text: str) -> None:
    """A line of a run, in which parameters are options."""
    print(in_options(text), file=sys.stderr)


def run_of(config: TrainConfig) -> Run:
    """The run that the options name, as objects; its images are read when it begins.

    >>> run = run_of(TrainConfig(model="rnn2", epochs=3))
    >>> run.name, run.architecture.readout, str(run.folder)
    ('rnn2', (10,), 'runs/rnn2')
    """
    from cortexsim.training.network import make_run

    return make_run(
        config.model,
        config.data,
        out=config.out,
        name=config.name,
        settings=config,
        train_count=config.train_count,
        jobs=config.jobs,
    )


def jobs_of(config: TrainConfig) -> list[Job]:
    """The networks of a suite, each with the command that trains it alone."""
    from cortexsim.experiments.train.suite import Job, networks_of

    networks = networks_of(config.suite or "")
    if config.model != TrainConfig.model:
        raise TrainingError(
            f"`suite={config.suite}` names its networks itself; leave out `model={config.model}`"
        )
    if config.name is not None:
        raise TrainingError(
            f"`suite={config.suite}` has many networks; leave out `name={config.name}`"
        )
    if Processes.of_environment().several:
        raise TrainingError("`suite` starts processes of its own; run it without torchrun")
    threads = config.threads or max(1, (os.cpu_count() or 1) // config.jobs)
    alone = replace(config, suite=None, jobs=1, threads=threads)
    jobs = []
    for model in networks:
        folder = Path(config.folder) / model
        options = arguments_of(replace(alone, model=model, out=str(folder)))
        jobs.append(Job(model, folder, [sys.executable, "-m", "cortexsim.train", *options]))
    return jobs


def plan(config: TrainConfig) -> int:
    """Say what ``config`` would train and how long it would take."""
    from cortexsim.console import duration
    from cortexsim.experiments.train.plan import training_plan

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
