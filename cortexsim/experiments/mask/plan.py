"""How many runs a masking experiment takes, and how long they last."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cortexsim.experiments.mask.run import seconds_per_image
from cortexsim.experiments.mask.subject import Subject

if TYPE_CHECKING:
    from cortexsim.stimuli.images import Stimuli

TRIED = 4  # stimuli whose masks are made to measure how long that takes


@dataclass(frozen=True)
class MaskingPlan:
    """Of one network.

    Parameters
    ----------
    name : str
        Of the network.
    stimuli : int
        How many.
    soas : int
        How many.
    conditions : tuple of str
        Presentations (``none`` without a mask), by name.
    lesions : tuple of str
        Networks, by name.
    steps : int
        Of a run.
    seconds : float
        Of all runs, measured on a small batch.
    caveat : str
        What must be known of the network.
    calibration : int
        Images on which statistics are estimated under each presentation; 0 for none.
    """

    name: str
    stimuli: int
    soas: int
    conditions: tuple[str, ...]
    lesions: tuple[str, ...]
    steps: int
    seconds: float
    caveat: str
    calibration: int = 0

    @property
    def runs(self) -> int:
        """Presentations of one stimulus to one network."""
        return self.stimuli * self.soas * len(self.conditions) * len(self.lesions)


def masking_plan(subject: Subject, stimuli: Stimuli) -> MaskingPlan:
    """What the experiment on one network takes."""
    design, few = subject.design, min(TRIED, len(stimuli))
    calibration = len(subject.calibration) if subject.calibration is not None else 0
    masks = subject.masker(stimuli)
    began = time.perf_counter()
    for kind in design.masks:
        masks(kind, range(few))
    each = (time.perf_counter() - began) / few
    each += seconds_per_image(subject.nets, subject.preprocessing, design)
    return MaskingPlan(
        name=subject.name,
        stimuli=len(stimuli),
        soas=len(design.soa_ms),
        conditions=design.conditions,
        lesions=tuple(subject.nets),
        steps=design.steps,
        seconds=each * (len(stimuli) + calibration),
        caveat=subject.caveat,
        calibration=calibration,
    )
