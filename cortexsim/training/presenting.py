"""Training with presentations: brief images, blanks and masks, drawn anew for every image.

``random-soa`` draws, in steps (uniformly, every end included, L the last readout time):

- the time that the image is on, 1 to 6 (and less than L);
- for every second image of the batch a mask, of one of the kinds ``TRAINED_MASKS``: backward
  (three of four), at an SOA from the end of the image to 4 steps after it, for 1 to L steps; or
  forward, for 1 to 4 steps, the image 0 to 2 steps after its end;
- between and after them nothing arrives: a blank.

Every mask is made from *another* image of the batch, so that it says nothing on the class that is
asked for. The kinds ``checkerboard`` and ``grey``, another image, and the texture masks are never
shown: they test whether what was learned carries over.

Presentations differ within a batch and not between batches: the normalisation of a training batch
then sees the same mixture as the stored statistics, which one presentation a batch would not. A
blank of one image is an input of exactly 0 in the first state, which is what no input is as long
as that state is populated without it; networks of which that is not true are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cortexsim.errors import StimulusError, TrainingError
from cortexsim.models.calibration import estimate
from cortexsim.models.liveness import schedule
from cortexsim.models.memory import States
from cortexsim.models.network import Network
from cortexsim.stimuli.forms import read_presentation
from cortexsim.stimuli.image_set import ImageSet
from cortexsim.stimuli.images import Preprocessing
from cortexsim.stimuli.masks import MASKS, mask
from cortexsim.stimuli.presentation import Presentation
from cortexsim.timeaxis import TimeAxis
from cortexsim.training.arriving import Shown, arriving, driven
from cortexsim.training.config import Settings

RANDOM = "random-soa"
TRAINED_MASKS = ("white", "pink", "phase", "blocks")
LONGEST_IMAGE, LONGEST_GAP, LONGEST_LEAD, LONGEST_LEAD_GAP = 6, 4, 4, 2  # steps
FORWARD_SHARE = 0.25  # of the masks
BATCH = 500


class Timing(NamedTuple):
    """What is on when, ``(image, step)`` boolean.

    Every image of which ``mask_on`` is ever true is in ``masked``.
    """

    image_on: Tensor
    mask_on: Tensor
    masked: Tensor


class Presenting:
    """What ``presentation`` asks of a network whose last readout time is ``steps``.

    what: ``random-soa``, or a presentation (see :func:`read_presentation`) that every image gets,
    on the default time axis, with masks made from the image itself as in recordings. Raises
    TrainingError for a network whose first state is not populated during a blank, and for streams.

    >>> import cortexsim
    >>> presenting = Presenting("random-soa", cortexsim.build("cortex4"), 8)
    >>> timing = presenting.draw(64, torch.Generator().manual_seed(0))
    >>> timing.image_on.shape, len(timing.masked)
    (torch.Size([64, 8]), 32)
    """

    def __init__(self, what: str, net: Network, steps: int) -> None:
        self.what, self.steps, self.view = what, steps, driven(net)
        self.delay = net.readable(steps)[0] - 1  # from the image to the first answer
        self.fixed: Presentation | None = None
        if what != RANDOM:
            self.fixed = _read(what)
            _check_fixed(self.fixed)
            try:
                self.frames = self.fixed.frames(TimeAxis(), steps)
            except StimulusError as error:
                raise TrainingError(f"`presentation`: {error}, or show it sooner") from error
            _check_frames(self.fixed, self.frames, self.delay)
        graph = net.spec.graph
        without = schedule(graph, steps, inputs=(1,)).populated
        if missing := [t for t in range(1, steps + 1) if (graph.input_state, t) not in without]:
            raise TrainingError(
                "`presentation` needs a network that goes on without input, but "
                f"{graph.input_state} of this one is empty at step {missing[0]} if the image is "
                "shown at step 1 only (no transition delivers to it); train a recurrent one"
            )

    # ----------------------------------------------------------------------------------------------

    def draw(self, count: int, generator: torch.Generator) -> Timing:
        """When image and mask of each of ``count`` images are on."""
        step = torch.arange(self.steps)
        if self.fixed is not None:
            image_on, mask_on = (
                torch.tensor([f == name for f in self.frames]) for name in ("image", "mask")
            )
            masked = torch.arange(count if mask_on.any() else 0)
            return Timing(image_on.expand(count, -1), mask_on.expand(count, -1), masked)

        def whole(least: int | Tensor, most: int | Tensor) -> Tensor:
            """Whole numbers from ``least`` to ``most``, one for each image."""
            return least + (torch.rand(count, generator=generator) * (most - least + 1)).long()

        last = self.steps
        on = whole(1, min(LONGEST_IMAGE, last - 1))  # at most, so that a mask that follows is seen
        soa = torch.minimum(on + whole(0, LONGEST_GAP), torch.tensor(last - 1))
        mask_steps = whole(1, last)
        # Ahead of the image as far as it can still be answered at the last readout time.
        room = last - 1 - self.delay
        lead = whole(1, max(1, min(LONGEST_LEAD, room)))
        lead_gap = torch.minimum(whole(0, LONGEST_LEAD_GAP), (room - lead).clamp(min=0))
        forward = (torch.rand(count, generator=generator) < FORWARD_SHARE) & (room >= 1)
        has_mask = torch.arange(count) % 2 == 0
        forward &= has_mask
        start = torch.where(forward, lead + lead_gap, 0)
        image_on = (step >= start[:, None]) & (step < (start + on)[:, None])
        first, length = torch.where(forward, 0, soa), torch.where(forward, lead, mask_steps)
        mask_on = (
            (step >= first[:, None])
            & (step < (first + length)[:, None])
            & has_mask[:, None]
            & ~image_on
        )
        return Timing(image_on, mask_on, torch.arange(0, count, 2))

    def show(
        self,
        pixels: Tensor,
        preprocessing: Preprocessing,
        generator: torch.Generator,
        *,
        part: slice = slice(None),
    ) -> Shown:
        """A batch ``(n, channel, y, x)`` uint8 with presentations and masks drawn for it.

        They are drawn on the CPU, whatever its device, and for the whole batch, whatever the
        ``part`` of it that is shown here: others may show the rest.
        """
        count, device = len(pixels), pixels.device
        own = range(count)[part]
        timing = self.draw(count, generator)
        kinds = torch.randint(len(TRAINED_MASKS), (count,), generator=generator).tolist()
        seeds = torch.randint(2**62, (count,), generator=generator).tolist()
        masks = pixels[:0]
        masked = timing.masked[(timing.masked >= own.start) & (timing.masked < own.stop)]
        if len(masked):
            images = pixels.permute(0, 2, 3, 1).cpu().contiguous().numpy()
            made = [
                mask(TRAINED_MASKS[kinds[i]], images[(i + 1) % count], "", seed=seeds[i])
                if self.fixed is None
                else mask(str(self.fixed.mask), images[i], "", seed=seeds[i])
                for i in masked.tolist()
            ]
            masks = torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).to(device)
        onset = timing.image_on.int().argmax(1)
        answerable = torch.arange(self.steps) >= (onset + self.delay)[:, None]
        image_on, mask_on, can_answer = (
            t[part].float().to(device) for t in (timing.image_on, timing.mask_on, answerable)
        )
        return Shown(
            preprocessing.normalise(pixels[part]),
            preprocessing.normalise(masks),
            (masked - own.start).to(device),
            image_on,
            mask_on,
            can_answer,
            (answerable.float().sum(0) * len(own) / count).to(device),
        )

    # ----------------------------------------------------------------------------------------------

    def readouts(self, net: Network, shown: Shown, at: tuple[int, ...]) -> dict[int, Tensor]:
        """Logits at the steps ``at`` of the network that trains."""
        return self.view.readouts(arriving(net, shown, max(at)), at)

    def calibrate(
        self,
        net: Network,
        pixels: Tensor,
        preprocessing: Preprocessing,
        steps: int,
        *,
        seed: int,
        redo: bool = False,
    ) -> Network:
        """``cortexsim.calibrate`` under these presentations, for every state up to ``steps``.

        After the last readout time all is blank.
        """
        generator, view = torch.Generator().manual_seed(seed), driven(net)

        def runs() -> Iterator[Iterator[tuple[int, States]]]:
            for batch in pixels.tensor_split(-(-len(pixels) // BATCH)):  # none of a few images
                shown = self.show(batch, preprocessing, generator)
                yield view.unroll(arriving(net, shown, steps), steps)

        net.extend(steps)
        view.training = False
        return estimate(net, runs(), steps, redo=redo)

    def errors(
        self,
        net: Network,
        pixels: Tensor,
        labels: Tensor,
        *,
        preprocessing: Preprocessing,
        at: tuple[int, ...],
        seed: int,
    ) -> dict[str, dict[int, float]]:
        """Share of images misclassified at each readout time at which they are answerable.

        Of ``all``, ``masked`` and ``unmasked`` ones.
        """
        generator, view = torch.Generator().manual_seed(seed), driven(net.eval())
        view.training = False
        wrong: dict[str, dict[int, list[int]]] = {
            g: {t: [0, 0] for t in at} for g in ("all", "masked", "unmasked")
        }
        with torch.inference_mode():
            for x, y in zip(pixels.split(BATCH), labels.split(BATCH), strict=True):
                shown = self.show(x, preprocessing, generator)
                is_masked = shown.mask_on.any(1)
                for t, logits in view.readouts(arriving(net, shown, max(at)), at).items():
                    miss = logits.argmax(1) != y
                    can = shown.answerable[:, min(t, self.steps) - 1] > 0
                    for group, who in (
                        ("all", can),
                        ("masked", can & is_masked),
                        ("unmasked", can & ~is_masked),
                    ):
                        wrong[group][t][0] += int((miss & who).sum())
                        wrong[group][t][1] += int(who.sum())
        return {g: {t: w / n for t, (w, n) in times.items() if n} for g, times in wrong.items()}

    def card(
        self,
        net: Network,
        images: ImageSet,
        *,
        preprocessing: Preprocessing,
        at: tuple[int, ...],
        seed: int,
        of: str = "test_error",
    ) -> dict[str, Any]:
        """What the model card says of it, under the name of the error.

        What was shown in training, and the errors on the test images shown in that way.
        """
        device = next(net.parameters()).device
        errors = self.errors(
            net,
            images.test_x.to(device),
            images.test_y.to(device),
            preprocessing=preprocessing,
            at=at,
            seed=seed,
        )
        how: dict[str, Any] = {"what": self.what, "steps": self.steps}
        if self.fixed is None:
            how |= {"masks": list(TRAINED_MASKS), "masks_made_from": "another image of the batch"}
        else:
            how |= {"presentation": self.fixed.as_dict(), "masks_made_from": "the image itself"}
        return {
            **how,
            "note": "the other errors of this card are of the image as the network takes it "
            "(homogeneous: at step 1 only), unmasked; those here are under the presentations of "
            "training, at the readout times at which an image can have arrived",
            "seed": seed,
            f"{of}_by_readout": {
                g: {str(t): e for t, e in times.items()} for g, times in errors.items()
            },
        }


def presenting_of(
    settings: Settings, net: Network, *, steps: int, processes: int
) -> Presenting | None:
    """What the setting ``presentation`` asks for, if anything."""
    if settings.presentation is None:
        return None
    each = settings.settings().batch_size // processes
    if processes > 1 and each % 2:
        raise TrainingError(
            f"`presentation` masks every second image of a batch, and each of {processes} "
            f"processes must show as many masks as the others, not the masks of {each} images; "
            f"give `batch_size` a multiple of {2 * processes}"
        )
    return Presenting(settings.presentation, net, steps)


def loss_of(logits: dict[int, Tensor], labels: Tensor, shown: Shown, *, smoothing: float) -> Tensor:
    """Mean cross-entropy over images and the readout times at which each can be answered."""
    losses = [
        F.cross_entropy(
            v.to(torch.promote_types(v.dtype, torch.float32)),
            labels,
            label_smoothing=smoothing,
            reduction="none",
        )
        for v in logits.values()
    ]
    weight = torch.stack([shown.answerable[:, t - 1] for t in logits])
    total = weight.sum()
    if shown.answered is not None:
        total = torch.stack([shown.answered[t - 1] for t in logits]).sum()
    return (torch.stack(losses) * weight).sum() / torch.where(total > 0, total, 1)


def _read(what: str) -> Presentation:
    try:
        return read_presentation(what)
    except StimulusError as error:
        raise TrainingError(f"`presentation`: {error}; or {RANDOM}") from error


def _check_frames(presentation: Presentation, frames: Sequence[str], delay: int) -> None:
    """Refuse what cannot be answered, or masks that never come, until the last trained step."""
    last = len(frames)
    first = frames.index("image") + 1 if "image" in frames else None
    if first is None or first + delay > last:
        when = "does not come" if first is None else f"comes at step {first}"
        raise TrainingError(
            f"`presentation`: the image {when} and is answered {delay} steps later at the "
            f"earliest, but the last trained step is {last}; train later ones (`supervise`, "
            "`readout`), or show it sooner"
        )
    if presentation.mask is not None and "mask" not in frames:
        raise TrainingError(
            f"`presentation`: no mask comes until the last trained step, {last}; let it come "
            "sooner, or leave it out (flash:)"
        )


def _check_fixed(presentation: Presentation) -> None:
    if presentation.positions > 1:
        raise TrainingError(
            "`presentation` is a stream of several images; training shows one image a trial: give "
            "flash:, backward: or forward:"
        )
    if presentation.mask is not None and presentation.mask not in MASKS:
        raise TrainingError(
            f"`presentation` has the mask {presentation.mask!r}, which cannot be made for every "
            f"batch; choose from {', '.join(MASKS)}"
        )
