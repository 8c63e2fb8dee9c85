"""The masking experiment on a network: what it answers, and what its states hold, when a mask follows the image.

Every stimulus is shown alone (on for the SOA, then blank) and with each mask (on for the SOA, then the mask at once), as Tang et al. 2018 did. Presentations
of one SOA run side by side through ``Network.unroll``, one step at a time, and are compared as they run: no states are stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from cortexsim.errors import AnalysisError, CalibrationError, StimulusError
from cortexsim.experiments.mask.disruption import Disruption
from cortexsim.models.memory import States
from cortexsim.models.protocol import Unrolls
from cortexsim.stimuli.presentation import backward_mask, compose, flash
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    from cortexsim.stimuli.images import Preprocessing, Stimuli

UNMASKED = "none"
INTACT = "none"
NO_ANSWER = -1
FEWEST = 10  # stimuli of an RDM
MASK_MS = 500.0  # Tang et al. 2018

Masks = Callable[[str, Sequence[int]], list[np.ndarray]]


@dataclass(frozen=True)
class Design:
    """What is shown. soa_ms: from image onset to mask onset, during which the image is on; masks: kinds; mask_ms: how long each stays; steps: of a run.

    compared: so many of the first stimuli for RDMs; decoded: so many for decoding, of ``units`` random projections of a state; 0: neither.

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
                "a masking experiment needs at least one SOA and one kind of mask, e.g. --soa-ms 25 50 --mask pink"
            )
        if UNMASKED in self.masks or len(set(self.masks)) < len(self.masks):
            raise StimulusError(
                f"masks {', '.join(self.masks)}: name each kind once; the presentation without a mask is always shown beside them"
            )
        shown = [self.soa_steps(s) for s in self.soa_ms]
        if sorted(set(shown)) != shown:
            raise StimulusError(
                f"SOAs of {', '.join(f'{s:g}' for s in self.soa_ms)} ms are {shown} steps of {self.axis.step_ms:g} ms; give them in ascending order, each a "
                "step of its own"
            )
        if self.batch_size < 2 or self.units < 1 or self.decoded < 0 or 0 != self.compared < FEWEST:
            raise StimulusError(
                f"batches of {self.batch_size} (2 or more), {self.units} units (1 or more), decoding of {self.decoded} stimuli (0 or more), RDMs of "
                f"{self.compared} (0, or {FEWEST} and more): one of them is too small"
            )
        for soa in self.soa_ms:
            self.frames(self.masks[0], soa)

    def soa_steps(self, soa_ms: float) -> int:
        """The SOA in steps."""
        return (
            flash(soa_ms)
            .frames(self.axis, max(1, math.ceil(soa_ms / self.axis.step_ms)), round_to_steps=self.round_to_steps)
            .count("image")
        )

    def frames(self, mask: str, soa_ms: float) -> list[str]:
        """What is on the screen at each step, of one condition."""
        shown = (
            flash(soa_ms) if mask == UNMASKED else backward_mask(soa_ms, soa_ms=soa_ms, mask_ms=self.mask_ms, kind=mask)
        )
        return shown.frames(self.axis, self.steps, round_to_steps=self.round_to_steps)

    @property
    def conditions(self) -> tuple[str, ...]:
        """No mask first."""
        return (UNMASKED, *self.masks)

    def readouts(self, net: Unrolls, name: str = "this network") -> tuple[int, ...]:
        """The steps at which an image can be answered; AnalysisError if there is none, or the mask of the longest SOA comes too late for the last."""
        readable = net.readable(self.steps)
        if not readable:
            raise AnalysisError(
                f"in {self.steps} steps nothing reaches the readout of {name}; run more steps (--steps), or leave the lesion out"
            )
        late = self.soa_steps(self.soa_ms[-1]) + readable[0]
        if late > self.steps:
            raise AnalysisError(
                f"the mask at an SOA of {self.soa_ms[-1]:g} ms reaches the readout of {name} at step {late}, and the run has {self.steps}: nothing could be "
                f"masked. Run at least {late} steps, or give SOAs up to {(self.steps - readable[0]) * self.axis.step_ms:g} ms"
            )
        return readable


@dataclass
class Answers:
    """What was measured of one network. guess ``(lesion, mask, soa, readout, stimulus)``: chosen class, -1 where the last state is empty.

    disruption: one for each lesion. labels ``(stimulus,)``.
    """

    design: Design
    lesions: tuple[str, ...]
    readouts: tuple[int, ...]
    classes: int
    labels: np.ndarray
    guess: np.ndarray
    disruption: list[Disruption]


def run_masking(
    nets: dict[str, Unrolls],
    stimuli: Stimuli,
    labels: np.ndarray,
    preprocessing: Preprocessing,
    masks: Masks,
    design: Design,
    *,
    device: torch.device | None = None,
    progress: bool = False,
) -> Answers:
    """Show every stimulus under every condition to one network, intact and lesioned.

    nets: lesion -> network, the intact one (``none``) first. labels ``(stimulus,)``: the class of each. masks: (kind, stimuli) -> images ``(y, x, 3)`` uint8.
    Batches are independent: memory holds one batch of states under the conditions of one SOA, besides the answers.
    Raises AnalysisError for too few steps, CalibrationError for steps without statistics and for answers that are no number.
    """
    from tqdm import tqdm

    intact = nets[INTACT]
    readouts = design.readouts(intact)
    for lesion, net in nets.items():
        net.eval().to(device or torch.device("cpu"))
        if lesion != INTACT:
            design.readouts(net, f"the network without {lesion}")
    n = len(stimuli)
    shape = (len(nets), len(design.conditions), len(design.soa_ms), len(readouts), n)
    out = Answers(
        design, tuple(nets), readouts, intact.classes, labels, np.full(shape, NO_ANSWER, np.int16),
        [Disruption(net, design, labels, n, thorough=k == 0) for k, net in enumerate(nets.values())],
    )  # fmt: skip
    bar = tqdm(total=n, unit=" images", desc="masking", disable=not progress, dynamic_ncols=True)
    with bar:
        for start, stop in batches(n, design):
            shown = _shown(
                stimuli, masks, preprocessing, design, range(start, stop), device
            )  # texture masks need gradients
            with torch.inference_mode():
                for k, net in enumerate(nets.values()):
                    for s, soa in enumerate(design.soa_ms):
                        _one_soa(net, shown, out, (k, s, soa), slice(start, stop))
            bar.update(stop - start)
    return out


def batches(n: int, design: Design) -> Iterator[tuple[int, int]]:
    """The stimuli whose RDMs are compared together, then batches of nearly equal size."""
    first = min(n, design.compared or design.batch_size)
    first = n if n - first == 1 else first  # none alone: its states are compared with those of the next
    edges = (
        np.linspace(first, n, -(-(n - first) // design.batch_size) + 1).round().astype(int).tolist()
        if first < n
        else [n]
    )
    yield from zip([0, *edges[:-1]], edges)


def _shown(
    stimuli: Stimuli, masks: Masks, preprocessing: Preprocessing, design: Design, which: Sequence[int], device: torch.device | None
) -> dict[str, Tensor]:  # fmt: skip
    """Images (under ``none``) and masks of a batch as the network takes them."""
    pictures = {UNMASKED: [stimuli.read(i) for i in which]} | {kind: masks(kind, which) for kind in design.masks}
    return {k: preprocessing.normalise(preprocessing.fit(v).to(device or "cpu")) for k, v in pictures.items()}


def _one_soa(net: Unrolls, shown: dict[str, Tensor], out: Answers, where: tuple[int, int, float], batch: slice) -> None:
    """All conditions of one SOA side by side."""
    lesion, s, soa = where
    for step, conditions in side_by_side(net, out.design, soa, shown):
        if step in out.readouts:
            at = out.readouts.index(step)
            for c, states in enumerate(conditions):
                if (logits := net.logits(states, step)) is not None:
                    out.guess[lesion, c, s, at, batch] = _answers(logits, step)
        out.disruption[lesion].add(s, step, conditions, batch)


def side_by_side(
    net: Unrolls, design: Design, soa_ms: float, shown: dict[str, Tensor]
) -> Iterator[tuple[int, list[States]]]:
    """(step, states of each condition, the unmasked one first), all conditions of one SOA in one pass over time."""
    runs = []
    for condition in design.conditions:
        frames = design.frames(condition, soa_ms)
        runs.append(net.unroll(compose(frames, {"image": shown[UNMASKED], "mask": shown[condition]}), design.steps))
    for parts in zip(*runs, strict=True):
        yield parts[0][0], [states for _, states in parts]


def _answers(logits: Tensor, step: int) -> np.ndarray:
    """The class of the largest logit; CalibrationError where one is no number."""
    if not bool(torch.isfinite(logits).all()):
        raise CalibrationError(
            f"the readout at step {step} is not a number for some images: the normalisation statistics of this step do not fit what is shown. Estimate them "
            f"on training images under such presentations: cortexsim.calibrate(net, frames, steps={step}, redo=True)"
        )
    return logits.argmax(1).cpu().numpy().astype(np.int16)


def class_numbers(labels: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """The number of the class of each label, which is its name or its number; AnalysisError for what is neither.

    >>> class_numbers(["dog", "cat"], ["cat", "dog"]), class_numbers(["1", "0"], ["cat", "dog"])
    (array([1, 0]), array([1, 0]))
    """
    names = [str(c) for c in classes]
    if any(not str(label) for label in labels):
        raise AnalysisError(
            "some stimuli have no label, so that no answer is right; give stimuli with a label each (a folder a class, or a column 'label')"
        )
    place = {c: k for k, c in enumerate(names)}
    if not set(labels) <= set(names):
        place = {str(k): k for k in range(len(names))}
    if strangers := sorted(set(map(str, labels)) - set(place)):
        raise AnalysisError(
            f"labels {', '.join(strangers[:5])} are no classes of this network; it knows {', '.join(names[:12])} (or their numbers from 0)"
        )
    return np.array([place[str(label)] for label in labels])


def seconds_per_image(
    nets: dict[str, Unrolls], preprocessing: Preprocessing, design: Design, device: torch.device | None = None
) -> float:
    """Of all conditions and lesions of one stimulus, without the masks: measured on one batch of 8 grey images at the longest SOA."""
    import time

    grey = torch.zeros(8, 3, *preprocessing.size, device=device or torch.device("cpu"))
    shown = dict.fromkeys(design.conditions, grey)
    total = 0.0
    with torch.inference_mode():
        for net in nets.values():
            net.eval().to(grey.device)
            for rounds in range(2):  # the first is not counted
                began = time.perf_counter()
                for _ in side_by_side(net, design, design.soa_ms[-1], shown):
                    pass
                total += (time.perf_counter() - began) * rounds
    return total / 8 * len(design.soa_ms)
