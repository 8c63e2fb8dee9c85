"""What a recording, or an RDM movie of a running network, would take."""

from __future__ import annotations

from dataclasses import dataclass

from cortexsim.analysis.movie.while_recording import Passes
from cortexsim.recording.ready import CALIBRATION_IMAGES
from cortexsim.recording.recorder import Recorder
from cortexsim.recording.store import Variable
from cortexsim.stimuli.screen import in_words


@dataclass(frozen=True)
class RecordingPlan:
    """Shapes, bytes and time of a recording that has not run.

    Parameters
    ----------
    stimuli : str
        Name of the stimuli.
    count : int
        How many they are.
    steps : int
        Of the run.
    batch_size : int
        Images a batch.
    device : str
        Where it would run, and where the time was measured.
    on_screen : str
        What is on the screen when, in steps and ms.
    variables : tuple of Variable
        What is stored, with the shape of one stimulus at one step.
    bytes : int
        Of all of it, not compressed.
    files : int
        That hold it.
    seconds : float
        Measured on one small batch; of several processes the part of each.
    tried : int
        Steps that were measured; those after are taken to be like the last of them.
    processes : int
        That would record it together.
    """

    stimuli: str
    count: int
    steps: int
    batch_size: int
    device: str
    on_screen: str
    variables: tuple[Variable, ...]
    bytes: int
    files: int
    seconds: float
    tried: int
    processes: int = 1


@dataclass(frozen=True)
class MoviePlan:
    """The same of an RDM movie, whose activations are held in blocks and not stored.

    Parameters
    ----------
    measure : str
        Of the RDMs.
    frames : int
        Number of RDMs.
    pairs : int
        Pairs of stimuli in each.
    held : int
        Bytes of the activations of all stimuli.
    blocks : str
        What does not fit into memory and what that costs; empty if all fits.
    bytes : int
        Of the movie.
    seconds : float
        Of the network, measured on one small batch; the products come on top.
    tried : int
        Steps that were measured; those after are taken to be like the last of them.
    """

    stimuli: str
    count: int
    steps: int
    device: str
    on_screen: str
    measure: str
    frames: int
    pairs: int
    held: int
    blocks: str
    bytes: int
    seconds: float
    tried: int


def _seconds(recorder: Recorder, images: float, *, calibrated: bool) -> float:
    """Of so many images, and of those on which statistics are estimated first."""
    before = min(CALIBRATION_IMAGES, len(recorder.stimuli)) if calibrated else 0
    return recorder.seconds_per_image() * (images + before)


def recording_plan(
    recorder: Recorder, processes: int = 1, *, calibrated: bool = False
) -> RecordingPlan:
    """What the run of a recorder would take, shared by so many processes.

    calibrated: statistics of the network are estimated before.
    """
    count, plan = len(recorder.stimuli), recorder.plan("")
    return RecordingPlan(
        stimuli=recorder.stimuli.name,
        count=count,
        steps=recorder.steps,
        batch_size=recorder.settings.batch_size,
        device=str(recorder.device),
        on_screen=in_words(recorder.showing.on_screen),
        variables=recorder.variables,
        bytes=plan.bytes(),
        files=plan.files(),
        seconds=_seconds(recorder, count / processes, calibrated=calibrated),
        tried=recorder.tried,
        processes=processes,
    )


def movie_plan(
    recorder: Recorder, measure: str, memory: int, *, calibrated: bool = False
) -> MoviePlan:
    """What the movie of a recorder would take, with ``memory`` bytes for activations.

    calibrated: statistics of the network are estimated before.
    """
    passes = Passes.of(recorder, memory)
    count, frames = passes.count, sum(map(len, passes.steps.values()))
    pairs = count * (count - 1) // 2
    runs = sum(count - start for start in passes.starts) / count
    return MoviePlan(
        stimuli=recorder.stimuli.name,
        count=count,
        steps=recorder.steps,
        device=str(recorder.device),
        on_screen=in_words(recorder.showing.on_screen),
        measure=measure,
        frames=frames,
        pairs=pairs,
        held=count * passes.bytes_each,
        blocks=passes.describe(memory),
        bytes=4 * frames * pairs,
        seconds=_seconds(recorder, count * runs, calibrated=calibrated),
        tried=recorder.tried,
    )
