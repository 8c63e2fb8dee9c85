"""Record what every state of a network does at every step: ``cortexsim record``.

With no arguments: the bundled cortex4 on 48 crops of the two photographs that scikit-learn ships,
into recording.zarr, with a figure.

Several processes, on one machine or on several that share the folder, record one store together:

  torchrun --nproc-per-node 4 -m cortexsim.record --stimuli FOLDER --keep mean --out r.zarr

After a kill continue with --resume and as many processes as you like.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.cli import command, parse, run, settings_of
from cortexsim.errors import RecordingError
from cortexsim.experiments.record.config import RecordConfig
from cortexsim.locks import holding
from cortexsim.processes import ALONE, Processes

if TYPE_CHECKING:
    from cortexsim.experiments.record.subject import Subject
    from cortexsim.recording.settings import Settings


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of recording."""
    config = parse(RecordConfig, arguments, "cortexsim record", __doc__ or "")
    record(config, Processes.of_environment())
    return 0


def record(config: RecordConfig, processes: Processes = ALONE) -> Path:
    """Do what ``config`` says; returns the path of the recording, or of the RDM movie.

    processes: those that do it together, each with the same settings; the first one speaks.
    """
    from cortexsim.console.recording import check_call

    check_call(config, processes)
    path = Path(config.out)
    if config.plan:  # takes no time
        return _record(config, path, processes) if processes.first else path
    if not processes.first:  # the first one holds the lock
        return _record(config, path, processes)
    with holding(path, error=RecordingError):
        return _record(config, path, processes)


def _record(config: RecordConfig, path: Path, processes: Processes) -> Path:
    """The same, of an output that no other process writes, or others of the same group."""
    from cortexsim.console import movie, note
    from cortexsim.console import recording as console

    console.check_options(config, path, processes)
    asked = _subject(config, processes)
    if config.rdm is not None:
        memory = config.memory << 20
        if config.plan:
            console.print_movie_plan(asked.movie_plan(config.rdm, memory=memory))
        else:
            asked.movie(config.rdm, path, memory=memory, log=note, overwrite=config.overwrite)
            movie.report(path, figure=config.figure)
    elif config.plan:
        console.print_recording_plan(asked.plan(processes.count))
    else:
        if config.resume and not path.exists() and processes.first:
            note(f"there is no {path} to continue; beginning it")
        how = {"resume": config.resume, "overwrite": config.overwrite}
        tree = asked.record(path, **how, processes=processes)
        if processes.first:
            more = console.more(config, asked.net)
            console.report(path, tree, asked, figure=config.figure, more=more)
    return path


def _subject(config: RecordConfig, processes: Processes) -> Subject:
    """The network, its images and how to record it, as objects."""
    from cortexsim.console import note
    from cortexsim.console import recording as console
    from cortexsim.experiments.networks import named
    from cortexsim.experiments.record.subject import subject
    from cortexsim.experiments.stimuli import stimuli_named
    from cortexsim.models.weights import device_among

    settings, device = _settings(config), device_among(config.device, processes)
    stimuli = stimuli_named(config.stimuli, limit=config.limit)
    choice = named(
        config.model,
        steps=config.steps,
        size=config.size,
        as_=config.as_,
        untrained=config.untrained,
        seed=config.seed,
    )
    console.check_time(config, choice.net)
    if not config.plan:
        how = {"skip_unreadable": config.skip_unreadable, "silent": not processes.first}
        stimuli = console.read(stimuli, **how)
    asked = subject(
        choice,
        stimuli,
        settings=settings,
        lesions=config.lesion,
        device=device,
        planned=config.plan,
    )
    for text in asked.net.card.get("notes", ()) if processes.first else ():
        note(text)
    return asked


def _settings(config: RecordConfig) -> Settings:
    """How to record, with the presentation and the time axis as objects."""
    from cortexsim.experiments.stimuli import presentation_named
    from cortexsim.recording.settings import Settings
    from cortexsim.timeaxis import TimeAxis

    low, nominal, high = config.step_ms or (20.0, 25.0, 50.0)
    declared = config.step_ms is not None or config.onset_ms is not None
    return settings_of(
        Settings,
        config,
        time_axis=TimeAxis(nominal, low, high, config.onset_ms) if declared else None,
        presentation=presentation_named(config.on_ms, config.presentation),
        round_to_steps=config.round,
    )


if __name__ == "__main__":
    run(main)
