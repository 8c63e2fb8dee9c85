"""The axes of what submodules return: any layout to ``(batch, channel, y, x)``."""

from __future__ import annotations

from torch import Tensor

from cortexsim.errors import ExternalError

LAYOUTS = {2: "batch channel", 3: "batch token channel", 4: "batch channel y x"}
"""The meaning of the axes of a tensor, by their number, where nobody says."""

ALLOWED = (("batch", "channel"), ("batch", "channel", "token"), ("batch", "channel", "x", "y"))
"""The axes that a state can have, sorted by name."""
TIME = "time"
"""The axis of a tensor that holds every step: element n of it is step n, as call n would be."""


def without_time(layout: str) -> tuple[str, int | None]:
    """A layout without its axis of time, and where that was.

    >>> without_time("batch time channel y x")
    ('batch channel y x', 1)
    """
    axes = layout.split()
    if axes.count(TIME) != 1:
        return layout, None
    place = axes.index(TIME)
    return " ".join(axes[:place] + axes[place + 1 :]), place


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
            f"layouts={{{state!r}: 'batch time channel y x'}} "
            "(batch and channel; y and x, or token; time if it holds every step)"
        )
    order = [axes.index(a) for a in ("batch", "channel", "y", "x", "token") if a in axes]
    x = x.permute(order)
    return x.reshape(*x.shape, *[1] * (4 - x.dim()))


def as_logits(x: Tensor, batch: int, *, layout: str | None = None) -> Tensor:
    """Logits as ``(batch, class)``; ExternalError for what is none.

    layout: ``class batch`` is the other way round.
    """
    axes = (layout or "batch class").split()
    if sorted(axes) == ["batch", "class"] and x.dim() == 2:
        x = x.permute(axes.index("batch"), axes.index("class"))
        if len(x) == batch:
            return x
    raise ExternalError(
        f"the readout is of shape {tuple(x.shape)} for {batch} images; (batch, class) is "
        "needed: readout='submodule', layouts={'readout': 'batch time class'} if it holds every "
        "step, or readout=None for none"
    )
