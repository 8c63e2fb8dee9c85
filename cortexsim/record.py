"""Record what every state of a network does at every step: ``cortexsim record``.

With no arguments: the bundled cortex4 on 48 crops of the two photographs that scikit-learn ships,
into recording.zarr, with a figure.

Several processes, on one machine or on several that share the folder, record one store together:

  torchrun --nproc-per-node 4 -m cortexsim.record --stimuli FOLDER --keep mean --out r.zarr

After a kill continue with --resume and as many processes as you like.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.cli import arguments_of, command, parse, run
from cortexsim.errors import GraphError, RecordingError
from cortexsim.experiments.record.config import RecordConfig
from cortexsim.locks import holding
from cortexsim.processes import ALONE, Processes

if TYPE_CHECKING:
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
    path = Path(config.out)
    if not path.name:
        raise RecordingError(f"--out {config.out!r} names no file; give e.g. recording.zarr")
    if config.rdm is not None and processes.several:
        raise RecordingError(
            f"--rdm computes RDMs of activations that one process holds, and {processes.count} "
            "were started; record without --rdm and take the RDMs of the recording with "
            "'cortexsim rdm', or start one process"
        )
    if config.plan or not processes.first:
        # What is planned takes no time, of what the others record the first one holds the lock.
        return path if config.plan and not processes.first else _record(config, path, processes)
    with holding(path, error=RecordingError):
        return _record(config, path, processes)


def _record(config: RecordConfig, path: Path, processes: Processes) -> Path:
    """The same, of an output that no other process writes, or others of the same group."""
    from cortexsim.analysis.movie.while_recording import Passes, movie_while_recording
    from cortexsim.console import movie, note
    from cortexsim.console import recording as console
    from cortexsim.experiments.networks import lesioned, named
    from cortexsim.experiments.record.plan import movie_plan, recording_plan
    from cortexsim.experiments.stimuli import stimuli_named
    from cortexsim.models.network import Network
    from cortexsim.models.weights import device_among
    from cortexsim.recording.network import record_network, recorder_of

    if config.rdm is not None:
        console.check_rdm(config, path)
    elif not config.plan and processes.first:
        console.check_out(
            path, resume=config.resume, overwrite=config.overwrite, figure=config.figure
        )
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
    fresh = choice.needs_images
    if config.plan:
        net, preprocessing = choice.tried(stimuli, config.steps)
    else:
        stimuli = console.read(
            stimuli, skip_unreadable=config.skip_unreadable, silent=not processes.first
        )
        net, preprocessing = choice.ready(stimuli, config.steps)
    if config.onset_ms is not None and config.step_ms is None and not isinstance(net, Network):
        raise RecordingError(
            f"--onset-ms {config.onset_ms:g}, but how long a step of {config.model} is was not "
            "declared; give --step-ms LOW NOMINAL HIGH too"
        )
    for text in net.card.get("notes", ()) if processes.first else ():
        note(text)
    net = lesioned(net, config.lesion, config.steps)
    with_these: dict[str, Any] = {
        "settings": settings,
        "preprocessing": preprocessing,
        "device": device,
    }
    if config.plan:
        recorder = recorder_of(net, stimuli, **with_these, planned=True)
        if config.rdm is None:
            console.print_recording_plan(
                recording_plan(recorder, processes.count, calibrated=fresh)
            )
        else:
            plan = movie_plan(recorder, config.rdm, config.memory << 20, calibrated=fresh)
            console.print_movie_plan(plan)
    elif config.rdm is not None:
        recorder = recorder_of(net, stimuli, **with_these)
        if text := Passes.of(recorder, config.memory << 20).describe(config.memory << 20):
            note(text)
        movie_while_recording(
            recorder,
            config.rdm,
            path,
            recorder.stimuli.sha256,
            memory=config.memory << 20,
            overwrite=config.overwrite,
        )
        movie.report(path, figure=config.figure)
    else:
        if config.resume and not path.exists() and processes.first:
            note(f"there is no {path} to continue; beginning it")
        tree = record_network(
            net,
            stimuli,
            **with_these,
            out=path,
            resume=config.resume,
            overwrite=config.overwrite,
            progress=True,
            processes=processes,
        )
        if not processes.first:
            return path
        image = preprocessing([stimuli.read(0)])[0]
        console.report(
            path,
            tree,
            image,
            figure=config.figure,
            taken_out=getattr(net, "taken_out", ()),
            more=_more(config, net),
        )
    return path


def _more(config: RecordConfig, net: Any) -> list[tuple[str, str]]:
    """Commands that follow from a recording, each with what it does."""
    from cortexsim.experiments.networks import lesioned

    commands = []
    if config.stimuli == RecordConfig.stimuli:
        again = replace(config, resume=False, overwrite=False, limit=None)
        mine = replace(again, stimuli="FOLDER", keep="mean", out="mine.zarr")
        commands.append((_typed(mine), "your own images, one unit a channel"))
    if not config.lesion:
        try:
            lesioned(net, ("feedback",), config.steps)
        except (GraphError, RecordingError):  # there is none to take out
            return commands
        out = f"{Path(config.out).with_suffix('')}-without-feedback.zarr"
        same = replace(config, lesion=("feedback",), out=out, resume=False, overwrite=False)
        commands.append((_typed(same), "the same without feedback"))
    return commands


def _typed(config: RecordConfig) -> str:
    """The command line that says what ``config`` says."""
    return shlex.join(["cortexsim", "record", *arguments_of(config)])


def _settings(config: RecordConfig) -> Settings:
    """How to record, with the presentation and the time axis as objects."""
    from cortexsim.experiments.stimuli import presentation_named
    from cortexsim.recording.settings import Settings
    from cortexsim.timeaxis import TimeAxis

    low, nominal, high = config.step_ms or (20.0, 25.0, 50.0)
    declared = config.step_ms is not None or config.onset_ms is not None
    return Settings(
        steps=config.steps,
        states=config.states,
        keep=config.keep,
        dtype=config.dtype,
        drive=config.drive,
        time_axis=TimeAxis(nominal, low, high, config.onset_ms) if declared else None,
        presentation=presentation_named(config.on_ms, config.presentation),
        batch_size=config.batch_size,
        compression=config.compression,
        seed=config.seed,
        round_to_steps=config.round,
        mask_seed=config.mask_seed,
    )


if __name__ == "__main__":
    run(main)
