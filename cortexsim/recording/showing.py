"""What the network is shown in a recording: the trials of a batch as the input of each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from cortexsim.errors import RecordingError
from cortexsim.models.frames import Frames
from cortexsim.models.network import Network
from cortexsim.models.protocol import Unrolls
from cortexsim.stimuli.images import Preprocessing, Stimuli
from cortexsim.stimuli.presentation import Presentation, compose
from cortexsim.stimuli.screen import on_screen
from cortexsim.stimuli.trials import Masker, check_trials, trial_images
from cortexsim.timeaxis import TimeAxis


@dataclass
class Showing:
    """Images, masks and the other images of streams, by trial.

    Parameters
    ----------
    net : Unrolls
        The network, for masks that it makes.
    preprocessing : Preprocessing
        What makes its inputs.
    stimuli : Stimuli
        One trial each.
    presentation : Presentation, optional
        What is on the screen when; None is the image as the network takes it (at step 1 only if
        homogeneous, always if inhomogeneous).
    steps : int
        Of the run.
    axis : TimeAxis
        When each step happens.
    device : torch.device
        Where trials are put.
    seed : int
        Of masks, and of the other images of streams.
    round_to_steps : bool
        Round times of the presentation that are no whole steps.

    Raises
    ------
    RecordingError, StimulusError
        For a presentation that does not fit the steps or that the stimuli cannot fill.
    """

    net: Unrolls
    stimuli: Stimuli
    preprocessing: Preprocessing
    presentation: Presentation | None
    steps: int
    axis: TimeAxis
    device: torch.device
    seed: int = 0
    round_to_steps: bool = False
    masker: Masker = field(init=False)
    frames: list[str] | None = field(init=False, default=None)  # what is shown at each step

    def __post_init__(self) -> None:
        self.masker = Masker(self.stimuli, self.net, self.preprocessing, seed=self.seed)
        if self.presentation is None:
            return
        if not self.axis.is_declared:
            raise RecordingError(
                f"a presentation is in ms, and how long a step of "
                f"{self.net.card.get('name', 'this network')} is was not declared; give "
                "time_axis=TimeAxis(...) in the settings (--step-ms LOW NOMINAL HIGH)"
            )
        self.frames = self.presentation.frames(
            self.axis, self.steps, round_to_steps=self.round_to_steps
        )
        image = [e for e in self.presentation.events if e.shows == "image" and not e.position]
        # The whole of it, of which a recording that ends before would show less than it says.
        step = self.axis.step_ms
        end = max(round(e.onset_ms / step) + max(1, round(e.duration_ms / step)) for e in image)
        if end > self.steps:
            raise RecordingError(
                f"the image is to be on until the end of step {end} (for "
                f"{sum(e.duration_ms for e in image) / step:g} steps), the recording has "
                f"{self.steps}; record at least as many (`steps={end}`)"
            )
        check_trials(self.masker, self.presentation)

    def trials(self, start: int, stop: int) -> dict[str, Tensor]:
        """All that is shown on these trials, ``(trial, channel, y, x)`` by name of the frame."""
        pixels = trial_images(
            self.masker, self.presentation, self.frames or ["image"], which=range(start, stop)
        )
        fitted = {name: self.preprocessing.fit(images) for name, images in pixels.items()}
        return {name: self.preprocessing.normalise(x.to(self.device)) for name, x in fitted.items()}

    def grey(self, count: int) -> dict[str, Tensor]:
        """Trials of nothing but grey, to measure shapes and times with."""
        height, width = self.preprocessing.size
        grey = torch.zeros(count, self.net.channels, height, width, device=self.device)
        return dict.fromkeys(["image", *(self.frames or ())], grey)

    def input(self, shown: Mapping[str, Tensor], steps: int | None = None) -> Frames:
        """What ``unroll`` takes: the frame of each (of the first) steps, or the images alone."""
        return shown["image"] if self.frames is None else compose(self.frames[:steps], shown)

    @property
    def on_screen(self) -> list[dict[str, Any]]:
        """What is on the screen when, in steps and ms, also where no presentation was given."""
        if self.frames is not None:
            return on_screen(self.frames, self.axis)
        once = isinstance(self.net, Network) and not self.net.spec.graph.inhomogeneous
        rest = "blank" if once else "image"
        return on_screen(["image", *[rest] * (self.steps - 1)], self.axis)

    def as_dict(self) -> dict[str, Any]:
        """To be stored.

        Times count from the beginning of the presentation, at which step 1 sees what is on the
        screen.
        """
        if self.presentation is None or self.frames is None:
            return {"frames": "as trained", "on_screen": self.on_screen}
        return {
            **self.presentation.as_dict(),
            "frames": self.frames,
            "on_screen": self.on_screen,
            "image_onset_ms": self.presentation.image_onset_ms,
            "round_to_steps": self.round_to_steps,
            "mask_seed": self.seed,
        }
