"""What is to be recorded, as objects: a network that is ready, its images and how to record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.analysis.movie.while_recording import Passes, movie_while_recording
from cortexsim.experiments.networks import Choice, lesioned
from cortexsim.experiments.record.plan import MoviePlan, RecordingPlan, movie_plan, recording_plan
from cortexsim.processes import ALONE, Processes
from cortexsim.recording.network import record_network, recorder_of

if TYPE_CHECKING:
    import torch
    import xarray

    from cortexsim.models.preprocessing import Preprocessing
    from cortexsim.models.protocol import Unrolls
    from cortexsim.recording.recorder import Recorder
    from cortexsim.recording.settings import Settings
    from cortexsim.stimuli.images import Stimuli


@dataclass(frozen=True)
class Subject:
    """A network and the images that it is shown.

    Parameters
    ----------
    net : Unrolls
        Its statistics estimated, its lesions made.
    stimuli : Stimuli
        Read, unless it is for a plan.
    settings : Settings
        How to record.
    preprocessing : Preprocessing
        What makes inputs of the stimuli.
    device : torch.device
        Where the network runs.
    calibrated : bool
        Whether its statistics are estimated on the stimuli first.
    """

    net: Unrolls
    stimuli: Stimuli
    settings: Settings
    preprocessing: Preprocessing
    device: torch.device
    calibrated: bool

    def image(self) -> torch.Tensor:
        """The first image as the network takes it ``(channel, y, x)``."""
        return self.preprocessing([self.stimuli.read(0)])[0]

    def plan(self, processes: int = 1) -> RecordingPlan:
        """What a recording by so many processes would take."""
        recorder = self._recorder(planned=True)
        return recording_plan(recorder, processes, calibrated=self.calibrated)

    def movie_plan(self, measure: str, *, memory: int) -> MoviePlan:
        """What the RDM movie would take; memory: bytes of activations held."""
        recorder = self._recorder(planned=True)
        return movie_plan(recorder, measure, memory, calibrated=self.calibrated)

    def movie(
        self,
        measure: str,
        path: Path,
        *,
        memory: int,
        log: Callable[[str], None],
        overwrite: bool = False,
    ) -> None:
        """Write the RDM movie of the running network; ``log`` is told if it runs several times."""
        recorder, sha256 = self._recorder(), self.stimuli.sha256
        if text := Passes.of(recorder, memory).describe(memory):
            log(text)
        movie_while_recording(recorder, measure, path, sha256, memory=memory, overwrite=overwrite)

    def record(
        self,
        path: Path,
        *,
        resume: bool = False,
        overwrite: bool = False,
        processes: Processes = ALONE,
    ) -> xarray.DataTree:
        """Write the recording, with a bar; see :func:`cortexsim.record_network`."""
        return record_network(
            self.net,
            self.stimuli,
            settings=self.settings,
            preprocessing=self.preprocessing,
            device=self.device,
            out=path,
            resume=resume,
            overwrite=overwrite,
            progress=True,
            processes=processes,
        )

    def _recorder(self, *, planned: bool = False) -> Recorder:
        return recorder_of(
            self.net,
            self.stimuli,
            settings=self.settings,
            preprocessing=self.preprocessing,
            device=self.device,
            planned=planned,
        )


def subject(
    choice: Choice,
    stimuli: Stimuli,
    *,
    settings: Settings,
    lesions: Sequence[str] = (),
    device: torch.device,
    planned: bool = False,
) -> Subject:
    """A network as asked for, ready to run.

    Parameters
    ----------
    choice : Choice
        See :func:`cortexsim.experiments.networks.named`.
    stimuli : Stimuli
        The images.
    settings : Settings
        How to record.
    lesions : sequence of str
        See :func:`cortexsim.experiments.networks.lesioned`.
    device : torch.device
        Where it runs.
    planned : bool
        For a plan only: statistics are estimated on a few images.

    Raises
    ------
    RecordingError
        For a lesion that does nothing.
    """
    fresh, make = choice.needs_images, choice.tried if planned else choice.ready
    net, preprocessing = make(stimuli, settings.steps)
    net = lesioned(net, lesions, settings.steps)
    return Subject(net, stimuli, settings, preprocessing, device, fresh)
