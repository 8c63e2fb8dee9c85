"""Whether what a module makes of an image is of that image alone, and the same every time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from cortexsim.errors import ExternalError

Outputs = Mapping[str, Sequence[Tensor]]
CLOSE = 1e-3  # of the largest value: by so little batches of other sizes may round differently


def not_its_own(look: Callable[[Tensor], Outputs], image: Tensor) -> str:
    """What is wrong with the activations of a module, if anything is.

    Parameters
    ----------
    look : callable
        Images ``(batch, channel, y, x)`` to the tensors of each state ``(batch, ...)``.
    image : Tensor of shape (1, channel, y, x)
        Any.

    Returns
    -------
    str
        Empty where the image gives the same alone, again, and beside another image.
    """
    noise = torch.rand(image.shape, generator=torch.Generator().manual_seed(0))
    pair = torch.cat([image, noise.to(image)])
    try:
        with torch.no_grad():
            alone, again, beside = look(image), look(image), look(pair)
    except ExternalError:
        return ""  # it says so when it is run on images
    if moved := _moved(alone, again):
        return (
            f"{', '.join(moved)}: the module gives other activations each time it sees the same "
            "image, so that no recording can be made again (dropout that is always on, noise?); "
            "switch it off, or record several times and average"
        )
    if moved := _moved(alone, beside):
        return (
            f"{', '.join(moved)}: what the module makes of an image depends on the other images "
            "of the batch (normalisation without running statistics?), so that the numbers change "
            "with the order of the stimuli and the batch size; record one image a batch "
            "(batch_size=1), or give the normalisation its statistics"
        )
    return ""


def _moved(first: Outputs, second: Outputs) -> list[str]:
    """The states whose first image is not the same in both."""
    return [
        state
        for state, tensors in first.items()
        if any(_differ(a[0], b[0]) for a, b in zip(tensors, second[state], strict=False))
    ]


def _differ(a: Tensor, b: Tensor) -> bool:
    a, b = (torch.nan_to_num(x.float()) for x in (a, b))
    return bool((a - b).abs().max() > CLOSE * a.abs().max())
