"""Whether images can be what the preprocessing of a model card gives: between black and white."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from cortexsim.arguments import outside
from cortexsim.errors import CortexsimError, GraphError
from cortexsim.models.preprocessing import Preprocessing

LEVELS = 255
"""A grey level more than black or white is rounding, also of bfloat16."""


class Limits:
    """The values that images of a network can have; they follow its model card.

    Parameters
    ----------
    error : type
        Raised.

    Examples
    --------
    >>> card = {"preprocessing": {"size": (8, 8), "mean": (0.5,), "std": (0.25,)}}
    >>> Limits().check([torch.full((1, 1, 8, 8), 3.0)], card)
    Traceback (most recent call last):
    ...
    cortexsim.errors.GraphError: images have values from 3 to 3 in channel 0; what the preprocessing
    of the network gives lies between -2 (black) and 2 (white). Give images through
    net.preprocess(pictures), or set net.checks_images = False for images beyond black and white
    """

    def __init__(self, error: type[CortexsimError] = GraphError) -> None:
        self.error = error
        self._declared: Any = None
        self._low: tuple[float, ...] = ()
        self._high: tuple[float, ...] = ()

    def check(self, frames: Iterable[Tensor], card: dict[str, Any]) -> None:
        """Refuse values that are beyond black and white, or not finite.

        Images that are being synthesised (``requires_grad``) are let through, since an optimiser
        passes beyond the limits on its way. A card without preprocessing knows no limits.

        Parameters
        ----------
        frames : iterable of Tensor of shape (batch, channel, y, x)
            The images of a run.
        card : dict
            The model card of the network.

        Warns
        -----
        UserWarning
            Where all values fill the range from 0 to 1, as pixels before normalisation do.
        """
        declared = card.get("preprocessing")
        if declared is not self._declared:
            low, high = Preprocessing.from_dict(declared).limits() if declared else ((), ())
            self._declared, self._low, self._high = declared, low, high
        for frame in {id(x): x for x in frames}.values():
            if _has_values(frame):
                self._check(frame, str(card.get("name", "the network")))

    def _check(self, frame: Tensor, name: str) -> None:
        """One batch: one pass over its values, a second one only where something is wrong."""
        least, most = (float(x) for x in torch.stack(frame.detach().aminmax()).tolist())
        if not (math.isfinite(least) and math.isfinite(most)):
            raise self.error(
                "images hold values that are not finite (NaN or infinite); look at what made them"
            )
        if not self._low:
            return
        slack = [(b - a) / LEVELS for a, b in zip(self._low, self._high)]
        low = [a - s for a, s in zip(self._low, slack)]
        high = [b + s for b, s in zip(self._high, slack)]
        if least < max(low) or most > min(high):
            self._check_channels(frame, name, low, high)
        elif 0 <= least < 0.1 and 0.9 < most <= 1 and max(low) < -0.5 and min(high) > 1.1:
            warnings.warn(
                f"images have values from {least:.3g} to {most:.3g}, as pixels that were not "
                f"normalised do; {name} takes values from {min(low):.3g} to "
                f"{max(high):.3g}: give images through net.preprocess(pictures)",
                stacklevel=outside(),
            )

    def _check_channels(
        self, frame: Tensor, name: str, low: list[float], high: list[float]
    ) -> None:
        """Channel by channel, if the batch has those of the card."""
        by_channel = frame.dim() == 4 and frame.shape[1] == len(low)
        parts = frame.detach().unbind(1) if by_channel else (frame.detach(),)
        low, high = (low, high) if by_channel else ([min(low)], [max(high)])
        for channel, (part, a, b) in enumerate(zip(parts, low, high, strict=True)):
            least, most = float(part.min()), float(part.max())
            if a <= least and most <= b:
                continue
            black, white = self._low[channel], self._high[channel]
            raise self.error(
                f"images have values from {least:.3g} to {most:.3g} in channel {channel}; what "
                f"the preprocessing of {name} gives lies between {black:.3g} (black) and "
                f"{white:.3g} (white). Give images through net.preprocess(pictures), or set "
                "net.checks_images = False for images beyond black and white"
            )


def _has_values(frame: Tensor) -> bool:
    """Whether a tensor has numbers to look at, and is not being synthesised, traced or mapped."""
    return (
        frame.numel() > 0
        and not frame.requires_grad
        and not frame.is_meta
        and not torch.compiler.is_compiling()
        and not torch._C._functorch.is_functorch_wrapped_tensor(frame)
    )
