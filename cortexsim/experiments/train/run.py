"""From the options of training to its objects: the network, the images and the folder."""

from __future__ import annotations

from pathlib import Path

from cortexsim.experiments.train.config import TrainConfig
from cortexsim.models.foreign.named import is_external, made_in
from cortexsim.models.zoo import spec
from cortexsim.training.architecture import trainable
from cortexsim.training.feeding import images_named
from cortexsim.training.run import Architecture, Run, Words


def run_of(config: TrainConfig) -> Run:
    """The run that the options name; its images are read when it begins.

    Parameters
    ----------
    config : TrainConfig
        Options. The code of ``FILE.py:NAME`` is run.

    Returns
    -------
    Run
        For :func:`cortexsim.training.train`.

    Raises
    ------
    TrainingError
        For what cannot be trained.

    Examples
    --------
    >>> run = run_of(TrainConfig(model="rnn2", epochs=3))
    >>> run.name, run.architecture.readout, str(run.folder)
    ('rnn2', (10,), 'runs/rnn2')
    """
    own = is_external(config.model)
    return Run(
        name=config.name,
        architecture=own_architecture(config.model) if own else spec(config.model),
        own=own,
        images=lambda: images_named(config.data, train_count=config.train_count),
        folder=Path(config.folder),
        settings=config,
        words=Words(
            model=config.model,
            data=config.data,
            train_count=config.train_count,
            out=config.out,
            suite=config.suite,
            jobs=config.jobs,
        ),
    )


def own_architecture(name: str) -> Architecture:
    """What the function of ``FILE.py:NAME`` returns."""
    return trainable(made_in(name) if ".py:" in name else None, name)
