"""The axes of what submodules return: any layout to ``(batch, channel, y, x)``."""

from __future__ import annotations

from torch import Tensor

from cortexsim.errors import ExternalError

LAYOUTS = {2: "batch channel", 3: "batch token channel", 4: "batch channel y x"}
"""The meaning of the axes of a tensor, by their number, where nobody says."""

ALLOWED = (("batch", "channel"), ("batch", "channel", "token"), ("batch", "channel", "x", "y"))
"""The axes that a state can have, sorted by name."""


def as_maps(x: Tensor, state: str, batch: int, *, layout: str | None = None) -> Tensor:
    """A state as ``(batch, channel, y, x)``; tokens become ``(batch, channel, token, 1)``.

    Parameters
    ----------
    x : Tensor
        What a submodule returned.
    state : str
        Its name, for messages.
    batch : int
        How many images were shown.
    layout : str, optional
        The meaning of its axes, e.g. ``batch y x channel``; default: by their number.

    Raises
    ------
    ExternalError
        If the axes are not understood, or the batch is not where they say.

    Examples
    --------
    >>> import torch
    >>> as_maps(torch.zeros(2, 7, 5), "V1", 2).shape
    torch.Size([2, 5, 7, 1])
    """
    layout = layout or LAYOUTS.get(x.dim(), "")
    axes = layout.split()
    understood = tuple(sorted(axes)) in ALLOWED and len(axes) == x.dim()
    if not understood or x.shape[axes.index("batch")] != batch:
        raise ExternalError(
            f"{state} has shape {tuple(x.shape)} for {batch} images, which is not "
            f"{layout or 'understood'!r}; say what its axes are, e.g. "
            f"layouts={{{state!r}: 'token batch channel'}} "
            "(batch and channel, and y and x, or token)"
        )
    order = [axes.index(a) for a in ("batch", "channel", "y", "x", "token") if a in axes]
    x = x.permute(order)
    return x.reshape(*x.shape, *[1] * (4 - x.dim()))


def as_logits(x: Tensor, batch: int) -> Tensor:
    """Logits ``(batch, class)`` as they are; ExternalError for anything else."""
    if x.dim() != 2 or len(x) != batch:
        raise ExternalError(
            f"the readout is of shape {tuple(x.shape)} for {batch} images; (batch, class) is "
            "needed: readout='submodule', or None for none"
        )
    return x
