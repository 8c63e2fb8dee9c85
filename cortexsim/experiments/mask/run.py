"""The masking experiment on a network: its answers and its states when a mask follows.

Every stimulus is shown alone (on for the SOA, then blank) and with each mask (on for the SOA, then
the mask at once), as Tang et al. 2018 did. Presentations of one SOA run side by side through
``Network.unroll``, one step at a time, and are compared as they run: no states are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from cortexsim.errors import AnalysisError, CalibrationError
from cortexsim.experiments.mask.design import INTACT, NO_ANSWER, UNMASKED, Design
from cortexsim.experiments.mask.disruption import Disruption
from cortexsim.experiments.mask.statistics import Presented
from cortexsim.models.memory import States
from cortexsim.models.protocol import Unrolls
from cortexsim.progress import bar as progress_bar
from cortexsim.stimuli.presentation import compose

if TYPE_CHECKING:
    from cortexsim.stimuli.images import Preprocessing, Stimuli


Masks = Callable[[str, Sequence[int]], list[np.ndarray]]


@dataclass
class Answers:
    """What was measured of one network.

    Parameters
    ----------
    design : Design
        What was shown.
    lesions : tuple of str
        To which networks.
    readouts : tuple of int
        When they were read out, in steps.
    classes : int
        How many the network tells apart.
    labels : ndarray
        ``(stimulus,)``.
    guess : ndarray
        ``(lesion, mask, soa, readout, stimulus)``: chosen class, -1 where the last state is empty.
    disruption : list of Disruption
        One for each lesion.
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
    *,
    preprocessing: Preprocessing,
    masks: Masks,
    design: Design,
    presented: Presented | None = None,
    device: torch.device | None = None,
    progress: bool = False,
) -> Answers:
    """Show every stimulus under every condition to one network, intact and lesioned.

    Batches are independent: memory holds one batch of states under the conditions of one SOA,
    besides the answers.

    Parameters
    ----------
    nets : dict of str to Unrolls
        Lesion -> network, the intact one (``none``) first.
    stimuli : Stimuli
        The images.
    labels : array of int of shape (stimulus,)
        The class of each.
    preprocessing : Preprocessing
        What makes inputs of them.
    masks : Masks
        (kind, stimuli) -> images ``(y, x, 3)`` uint8.
    design : Design
        What is shown.
    presented : dict, optional
        (lesion, mask, SOA in ms) -> the network with statistics of that presentation; where there
        is none, that of ``nets``.
    device : torch.device, optional
        Default the CPU.
    progress : bool
        Whether to show a bar.

    Raises
    ------
    AnalysisError
        For too few steps.
    CalibrationError
        For steps without statistics, and for answers that are no number.
    """

    intact = nets[INTACT]
    readouts = design.readouts(intact)
    for lesion, net in nets.items():
        net.eval().to(device or torch.device("cpu"))
        if lesion != INTACT:
            design.readouts(net, f"the network without {lesion}")
    n = len(stimuli)
    shape = (len(nets), len(design.conditions), len(design.soa_ms), len(readouts), n)
    out = Answers(
        design,
        tuple(nets),
        readouts,
        intact.classes,
        labels,
        np.full(shape, NO_ANSWER, np.int16),
        [
            Disruption(net, design, labels, n=n, thorough=k == 0)
            for k, net in enumerate(nets.values())
        ],
    )
    bar = progress_bar(total=n, unit="images", doing="masking", shown=progress)
    with bar:
        for start, stop in batches(n, design):
            # Texture masks need gradients.
            shown = _shown(
                stimuli,
                masks,
                preprocessing,
                design=design,
                which=range(start, stop),
                device=device,
            )
            with torch.inference_mode():
                for k, (lesion, net) in enumerate(nets.items()):
                    for s, soa in enumerate(design.soa_ms):
                        each = [
                            (presented or {}).get((lesion, condition, soa), net).eval()
                            for condition in design.conditions
                        ]
                        _one_soa(each, shown, out, where=(k, s, soa), batch=slice(start, stop))
            bar.update(stop - start)
    return out


def batches(n: int, design: Design) -> Iterator[tuple[int, int]]:
    """The stimuli whose RDMs are compared together, then batches of nearly equal size."""
    first = min(n, design.compared or design.batch_size)
    # None alone: its states are compared with those of the next.
    first = n if n - first == 1 else first
    edges = (
        np.linspace(first, n, -(-(n - first) // design.batch_size) + 1).round().astype(int).tolist()
        if first < n
        else [n]
    )
    yield from zip([0, *edges[:-1]], edges)


def _shown(
    stimuli: Stimuli,
    masks: Masks,
    preprocessing: Preprocessing,
    *,
    design: Design,
    which: Sequence[int],
    device: torch.device | None,
) -> dict[str, Tensor]:
    """Images (under ``none``) and masks of a batch as the network takes them."""
    pictures = {UNMASKED: [stimuli.read(i) for i in which]} | {
        kind: masks(kind, which) for kind in design.masks
    }
    return {
        k: preprocessing.normalise(preprocessing.fit(v).to(device or "cpu"))
        for k, v in pictures.items()
    }


def _one_soa(
    nets: Sequence[Unrolls],
    shown: dict[str, Tensor],
    out: Answers,
    *,
    where: tuple[int, int, float],
    batch: slice,
) -> None:
    """All conditions of one SOA side by side."""
    lesion, s, soa = where
    for step, conditions in side_by_side(nets, out.design, soa, shown=shown):
        if step in out.readouts:
            at = out.readouts.index(step)
            for c, (net, states) in enumerate(zip(nets, conditions, strict=True)):
                if (logits := net.logits(states, step)) is not None:
                    out.guess[lesion, c, s, at, batch] = _answers(logits, step)
        out.disruption[lesion].add(s, step, conditions, batch)


def side_by_side(
    nets: Unrolls | Sequence[Unrolls], design: Design, soa_ms: float, *, shown: dict[str, Tensor]
) -> Iterator[tuple[int, list[States]]]:
    """All conditions of one SOA in one pass over time.

    nets: one for all conditions, or one for each.

    Yields
    ------
    Step, and the states of each condition, the unmasked one first.
    """
    runs = []
    each = nets if isinstance(nets, Sequence) else [nets] * len(design.conditions)
    for net, condition in zip(each, design.conditions, strict=True):
        frames = design.frames(condition, soa_ms)
        runs.append(
            net.unroll(
                compose(frames, {"image": shown[UNMASKED], "mask": shown[condition]}), design.steps
            )
        )
    for parts in zip(*runs, strict=True):
        yield parts[0][0], [states for _, states in parts]


def _answers(logits: Tensor, step: int) -> np.ndarray:
    """The class of the largest logit; CalibrationError where one is no number."""
    if not bool(torch.isfinite(logits).all()):
        raise CalibrationError(
            f"the readout at step {step} is not a number for some images: the normalisation "
            "statistics of this step do not fit what is shown. Estimate them on training images "
            f"under such presentations: cortexsim.calibrate(net, frames, steps={step}, redo=True)"
        )
    return logits.argmax(1).cpu().numpy().astype(np.int16)


def class_numbers(labels: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """The number of the class of each label, which is its name or its number.

    Parameters
    ----------
    labels : sequence of str
        Of the stimuli.
    classes : sequence of str
        Of the network.

    Returns
    -------
    ``(stimulus,)``.

    Raises
    ------
    AnalysisError
        For a label that is neither, and for none.

    >>> class_numbers(["dog", "cat"], ["cat", "dog"]), class_numbers(["1", "0"], ["cat", "dog"])
    (array([1, 0]), array([1, 0]))
    """
    names = [str(c) for c in classes]
    if any(not str(label) for label in labels):
        raise AnalysisError(
            "some stimuli have no label, so that no answer is right; give stimuli with a label "
            "each (a folder a class, or a column 'label')"
        )
    place = {c: k for k, c in enumerate(names)}
    if not set(labels) <= set(names):
        place = {str(k): k for k in range(len(names))}
    if strangers := sorted(set(map(str, labels)) - set(place)):
        raise AnalysisError(
            f"labels {', '.join(strangers[:5])} are no classes of this network; it knows "
            f"{', '.join(names[:12])} (or their numbers from 0)"
        )
    return np.array([place[str(label)] for label in labels])


def seconds_per_image(
    nets: dict[str, Unrolls],
    preprocessing: Preprocessing,
    design: Design,
    *,
    device: torch.device | None = None,
) -> float:
    """Of all conditions and lesions of one stimulus, without the masks.

    Measured on one batch of 8 grey images at the longest SOA.
    """
    import time

    grey = torch.zeros(8, 3, *preprocessing.size, device=device or torch.device("cpu"))
    shown = dict.fromkeys(design.conditions, grey)
    total = 0.0
    with torch.inference_mode():
        for net in nets.values():
            net.eval().to(grey.device)
            for rounds in range(2):  # the first is not counted
                began = time.perf_counter()
                for _ in side_by_side(net, design, design.soa_ms[-1], shown=shown):
                    pass
                total += (time.perf_counter() - began) * rounds
    return total / 8 * len(design.soa_ms)
