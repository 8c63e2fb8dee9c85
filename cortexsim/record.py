"""Record what every state of a network does at every step: ``python -m cortexsim.record``.

With no arguments: the bundled cortex4 on 48 crops of the two photographs that scikit-learn ships,
into recording.zarr, with a figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.cli import command, parse, run
from cortexsim.errors import RecordingError
from cortexsim.experiments.record.config import RecordConfig
from cortexsim.locks import holding

if TYPE_CHECKING:
    from cortexsim.recording.settings import Settings


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of recording."""
    record(parse(RecordConfig, arguments, "python -m cortexsim.record", __doc__ or ""))
    return 0


def record(config: RecordConfig) -> Path:
    """Do what ``config`` says; returns the path of the recording, or of the RDM movie."""
    path = Path(config.out)
    if not path.name:
        raise RecordingError(f"--out {config.out!r} names no file; give e.g. recording.zarr")
    if config.plan:
        return _record(config, path)
    with holding(path, error=RecordingError):
        return _record(config, path)


def _record(config: RecordConfig, path: Path) -> Path:
    """The same, of an output that no other process writes."""
    from cortexsim.analysis.movie.while_recording import Passes, movie_while_recording
    from cortexsim.console import movie, note
    from cortexsim.console import recording as console
    from cortexsim.experiments.networks import lesioned, named
    from cortexsim.experiments.record.plan import movie_plan, recording_plan
    from cortexsim.experiments.stimuli import stimuli_named
    from cortexsim.models.network import Network
    from cortexsim.models.weights import device_of
    from cortexsim.recording.network import record_network, recorder_of

    if config.rdm is not None:
        console.check_rdm(config, path)
    elif not config.plan:
        console.check_out(
            path, resume=config.resume, overwrite=config.overwrite, figure=config.figure
        )
    settings, device = _settings(config), device_of(config.device)
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
        stimuli = console.read(stimuli, skip_unreadable=config.skip_unreadable)
        net, preprocessing = choice.ready(stimuli, config.steps)
    if config.onset_ms is not None and config.step_ms is None and not isinstance(net, Network):
        raise RecordingError(
            f"--onset-ms {config.onset_ms:g}, but how long a step of {config.model} is was not "
            "declared; give --step-ms LOW NOMINAL HIGH too"
        )
    for text in net.card.get("notes", ()):
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
            console.print_recording_plan(recording_plan(recorder, calibrated=fresh))
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
        if config.resume and not path.exists():
            note(f"there is no {path} to continue; beginning it")
        tree = record_network(
            net,
            stimuli,
            **with_these,
            out=path,
            resume=config.resume,
            overwrite=config.overwrite,
            progress=True,
        )
        image = preprocessing([stimuli.read(0)])[0]
        console.report(path, tree, image, figure=config.figure)
    return path


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
