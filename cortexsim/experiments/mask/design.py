"""The design of a masking experiment: SOAs, masks, steps, readouts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from cortexsim.errors import AnalysisError, StimulusError
from cortexsim.models.protocol import Unrolls
from cortexsim.stimuli.forms import backward_mask, flash
from cortexsim.timeaxis import TimeAxis

UNMASKED = "none"


INTACT = "none"


NO_ANSWER = -1


FEWEST = 10  # stimuli of an RDM


MASK_MS = 500.0  # Tang et al. 2018


@dataclass(frozen=True)
class Design:
    """What is shown in a masking experiment.

    Parameters
    ----------
    soa_ms : tuple of float
        From image onset to mask onset, during which the image is on; ascending.
    masks : tuple of str
        Kinds of mask.
    steps : int
        Of a run.
    mask_ms : float
        How long each mask stays.
    axis : TimeAxis
        When each step happens.
    seed : int
        Of masks, projections, folds and permutations.
    round_to_steps : bool
        Round SOAs and masks that are no whole steps, instead of refusing them.
    batch_size : int
        Images a batch.
    compared : int
        So many of the first stimuli for RDMs; 0 for none.
    decoded : int
        So many for decoding; 0 for none.
    units : int
        Random projections of a state, that are decoded.

    Raises
    ------
    StimulusError
        For what cannot be shown.

    >>> Design((25, 50), ("pink",), steps=8).frames("pink", 50)
    ['image', 'image', 'mask', 'mask', 'mask', 'mask', 'mask', 'mask']
    """

    soa_ms: tuple[float, ...]
    masks: tuple[str, ...]
    steps: int
    mask_ms: float = MASK_MS
    axis: TimeAxis = field(default_factory=TimeAxis)
    seed: int = 0
    round_to_steps: bool = False
    batch_size: int = 100
    compared: int = 100
    decoded: int = 300
    units: int = 64

    def __post_init__(self) -> None:
        if not self.soa_ms or not self.masks:
            raise StimulusError(
                "a masking experiment needs at least one SOA and one kind of mask, e.g. --soa-ms "
                "25 50 --mask pink"
            )
        if UNMASKED in self.masks or len(set(self.masks)) < len(self.masks):
            raise StimulusError(
                f"masks {', '.join(self.masks)}: name each kind once; the presentation without a "
                "mask is always shown beside them"
            )
        shown = [self.soa_steps(s) for s in self.soa_ms]
        if sorted(set(shown)) != shown:
            raise StimulusError(
                f"SOAs of {', '.join(f'{s:g}' for s in self.soa_ms)} ms are {shown} steps of "
                f"{self.axis.step_ms:g} ms; give them in ascending order, each a step of its own"
            )
        if self.batch_size < 2 or self.units < 1 or self.decoded < 0 or 0 != self.compared < FEWEST:
            raise StimulusError(
                f"batches of {self.batch_size} (2 or more), {self.units} units (1 or more), "
                f"decoding of {self.decoded} stimuli (0 or more), RDMs of {self.compared} (0, or "
                f"{FEWEST} and more): one of them is too small"
            )
        for soa in self.soa_ms:
            self.frames(self.masks[0], soa)

    def soa_steps(self, soa_ms: float) -> int:
        """The SOA in steps."""
        return (
            flash(soa_ms)
            .frames(
                self.axis,
                max(1, math.ceil(soa_ms / self.axis.step_ms)),
                round_to_steps=self.round_to_steps,
            )
            .count("image")
        )

    def frames(self, mask: str, soa_ms: float) -> list[str]:
        """What is on the screen at each step, of one condition."""
        shown = (
            flash(soa_ms)
            if mask == UNMASKED
            else backward_mask(soa_ms, soa_ms=soa_ms, mask_ms=self.mask_ms, kind=mask)
        )
        return shown.frames(self.axis, self.steps, round_to_steps=self.round_to_steps)

    @property
    def conditions(self) -> tuple[str, ...]:
        """No mask first."""
        return (UNMASKED, *self.masks)

    def readouts(self, net: Unrolls, name: str = "this network") -> tuple[int, ...]:
        """The steps at which an image can be answered.

        Raises
        ------
        AnalysisError
            If there is none, or if the mask of the longest SOA comes too late for the last.
        """
        readable = net.readable(self.steps)
        if not readable:
            raise AnalysisError(
                f"in {self.steps} steps nothing reaches the readout of {name}; run more steps "
                "(--steps), or leave the lesion out"
            )
        late = self.soa_steps(self.soa_ms[-1]) + readable[0]
        if late > self.steps:
            raise AnalysisError(
                f"the mask at an SOA of {self.soa_ms[-1]:g} ms reaches the readout of {name} at "
                f"step {late}, and the run has {self.steps}: nothing could be masked. Run at "
                f"least {late} steps, or give SOAs up to "
                f"{(self.steps - readable[0]) * self.axis.step_ms:g} ms"
            )
        return readable
