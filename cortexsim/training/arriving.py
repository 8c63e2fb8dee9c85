"""What arrives in the first state at each step, of images and masks that are shown in turn."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cortexsim.models.network import Network


class Shown(NamedTuple):
    """A batch and what is on when.

    images ``(n, channel, y, x)``; masks, those of the images ``masked``; the rest ``(n, step)``.

    image_on, mask_on: 1 while it is on, else 0. answerable: whether the image can have reached the
    last state. answered ``(step,)``: to how many images of the whole batch that applies, as the
    share of these ones; None: these are the whole batch.
    """

    images: Tensor
    masks: Tensor
    masked: Tensor
    image_on: Tensor
    mask_on: Tensor
    answerable: Tensor
    answered: Tensor | None = None

    def chunk(self, count: int) -> list[Shown]:
        """So many equal parts of the images, each with its masks."""
        answered = self.answerable.sum(0) if self.answered is None else self.answered
        size, parts = len(self.images) // count, []
        for first in range(0, len(self.images), size):
            own = slice(first, first + size)
            mine = (self.masked >= first) & (self.masked < first + size)
            parts.append(
                Shown(
                    self.images[own],
                    self.masks[mine],
                    self.masked[mine] - first,
                    self.image_on[own],
                    self.mask_on[own],
                    self.answerable[own],
                    answered / count,
                )
            )
        return parts


def driven(net: Network) -> Network:
    """The network without its pre-net, sharing all else.

    It takes what arrives in the first state at each step, not images.
    """
    spec = dataclasses.replace(net.spec, pre_net="custom")
    return net.with_spec(spec, pre_net=nn.Identity())


def arriving(net: Network, shown: Shown, steps: int) -> list[Tensor]:
    """What the pre-net brings to the first state at steps 1..``steps``.

    Of each image its own, that of its mask, or 0.

    Images and masks go through the pre-net together, once.
    """
    both = torch.cat([shown.images, shown.masks]) if len(shown.masks) else shown.images
    seen = net.look(both)
    image = seen[: len(shown.images)]
    mask_drive = None
    if len(shown.masks):
        mask_drive = torch.zeros_like(image).index_copy(0, shown.masked, seen[len(shown.images) :])
    frames = []
    for t in range(steps):
        if t >= shown.image_on.shape[1]:
            frames.append(torch.zeros_like(image))
            continue
        on = shown.image_on[:, t, None, None, None].to(image.dtype)
        frame = image * on
        if mask_drive is not None:
            frame = frame + mask_drive * shown.mask_on[:, t, None, None, None].to(image.dtype)
        frames.append(frame)
    return frames
