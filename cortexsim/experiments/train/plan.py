"""How long a training run takes, from a few of its steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from cortexsim.errors import TrainingError
from cortexsim.training.architecture import describe
from cortexsim.training.card import description
from cortexsim.training.distributed import joined
from cortexsim.training.feeding import part_of
from cortexsim.training.run import Run
from cortexsim.training.session import Session
from cortexsim.training.trainer import is_complete

SHARE = 0.1
"""What tests after epochs, checkpoints and statistics at the end take of the time of the steps."""


@dataclass(frozen=True)
class TrainingPlan:
    """What a run would take that has not been trained.

    Parameters
    ----------
    text : str
        The network, the images and the recipe in a line.
    steps : int
        Of gradient descent that are to come; fewer than all for a run that was begun.
    images_per_second : float
        Measured.
    seconds : float
        All that is to come, tests and statistics included.
    speaks : bool
        Whether this process speaks for all that train together.
    """

    text: str
    steps: int
    images_per_second: float
    seconds: float
    speaks: bool = True


def training_plan(run: Run) -> TrainingPlan:
    """Time a few steps of a run, in memory, and count those to come.

    Parameters
    ----------
    run : Run
        As :func:`cortexsim.training.train` takes it; nothing is written to its folder.

    Returns
    -------
    TrainingPlan

    Raises
    ------
    TrainingError
        For what ``train`` would refuse before its first step, and a run that is complete.
    """
    if is_complete(run, describe(run)):
        raise TrainingError(f"the run in {run.folder} is complete; give another `out`")
    if run.settings.threads:
        torch.set_num_threads(run.settings.threads)
    images = part_of(run.images(), run.settings)
    with joined(run.settings.device) as (world, device):
        session = Session(run, images, world=world, device=device)
        text, done = description(session), session.step
        each = session.seconds_per_step()
        steps = session.epochs * session.steps_per_epoch - done
        return TrainingPlan(
            text=text,
            steps=steps,
            images_per_second=session.batch / each,
            seconds=(1 + SHARE) * steps * each,
            speaks=world.first,
        )
