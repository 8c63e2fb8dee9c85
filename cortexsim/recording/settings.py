"""How to record a network."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from cortexsim.arguments import clear_errors
from cortexsim.errors import RecordingError
from cortexsim.models.states import MOST_STEPS
from cortexsim.recording.store import COMPRESSORS
from cortexsim.stimuli.presentation import Presentation
from cortexsim.timeaxis import TimeAxis

DTYPES = {"float16": torch.float16, "float32": torch.float32, "float64": torch.float64}


@clear_errors
@dataclass(frozen=True)
class Settings:
    """How to record a network.

    Parameters
    ----------
    steps : int, optional
        Of the run; default the readout time.
    states : tuple of str, optional
        To be stored; default all.
    keep : str
        Of each state: ``full | mean | units:N | project:K``.
    dtype : str
        Of the stored activations: ``float16 | float32 | float64``.
    drive : bool
        Whether to store also what each transition delivered.
    presentation : Presentation, optional
        What is on the screen when; see :class:`Showing`.
    time_axis : TimeAxis, optional
        When each step happens, in ms; default that of the memo for a network of ours, and the
        numbers of the steps for somebody else's.
    batch_size : int
        Images a batch: the unit of committing.
    compression : str
        Of the chunks: ``none | zstd``.
    seed : int
        Of random units and projections.
    round_to_steps : bool
        Round times of the presentation that are no whole steps, instead of refusing them.
    mask_seed : int
        Of masks, and of the other images of streams.

    Raises
    ------
    RecordingError
        For a choice that there is not, and for numbers that are too small.
    """

    steps: int | None = None
    states: tuple[str, ...] | None = None
    keep: str = "full"
    dtype: str = "float32"
    drive: bool = False
    presentation: Presentation | None = None
    time_axis: TimeAxis | None = None
    batch_size: int = 64
    compression: str = "none"
    seed: int = 0
    round_to_steps: bool = False
    mask_seed: int = 0

    def __post_init__(self) -> None:
        states = (self.states,) if isinstance(self.states, (str, type(None))) else self.states
        if not isinstance(states, (list, tuple)) or not all(
            isinstance(state, (str, type(None))) for state in states
        ):
            raise RecordingError(f"states are {self.states!r}; names of states are needed")
        for what, value, choices in (
            ("dtype", self.dtype, DTYPES),
            ("compression", self.compression, COMPRESSORS),
        ):
            if value not in choices:
                raise RecordingError(
                    f"{what} {value!r} is not known; choose from {', '.join(choices)}"
                )
        for what, number, least in (
            ("batch size", self.batch_size, 1),
            ("steps", self.steps, 1),
            ("seed", self.seed, 0),
            ("mask seed", self.mask_seed, 0),
        ):
            if number is not None and number < least:
                raise RecordingError(f"{what} is {number}; it must be at least {least}")
        if self.steps is not None and self.steps > MOST_STEPS:
            raise RecordingError(
                f"asked for {self.steps:,} steps; a run has at most {MOST_STEPS:,}: give fewer"
            )
