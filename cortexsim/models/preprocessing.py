"""From pixels to what a network takes: one normalised tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cortexsim.errors import StimulusError
from cortexsim.models.fields import checked_fields, shown
from cortexsim.shapes import Float

if TYPE_CHECKING:
    from cortexsim.models.spec import Spec

MEAN, STD = 0.5, 0.25  # of each channel, where nothing is declared
RESIZE = (
    "shorter side resized (bilinear, antialiased), centre cropped; "
    "alpha over mid-grey (128); EXIF rotation applied"
)
"""How images are resized: in this one way."""
MOST_GREY = 10.0  # a mean or std that is larger is not one of pixels from 0 to 1
MOST_PIXELS = 1 << 16  # of an image's side


@dataclass(frozen=True)
class Preprocessing:
    """Pixels to network input: (x / 255 - mean) / std per channel, of images of one size.

    The shorter side is resized to ``size``, then the centre cropped.

    Parameters
    ----------
    size : (int, int)
        Height and width of the input, in pixels.
    mean : tuple of float
        Of each channel, in units of 0..1.
    std : tuple of float
        Of each channel, in units of 0..1.

    Examples
    --------
    >>> Preprocessing((8, 8), (0.5,) * 3, (0.25,) * 3)([np.zeros((16, 12, 3), np.uint8)]).shape
    torch.Size([1, 3, 8, 8])
    """

    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        values = checked_fields(
            Preprocessing, dict(vars(self)), "the preprocessing", error=StimulusError
        )
        for field, value in values.items():
            object.__setattr__(self, field, value)
        if min(self.size) < 1 or max(self.size) > MOST_PIXELS:
            raise StimulusError(
                f"an image size of {self.size[0]} x {self.size[1]} pixels is none; give at least "
                f"1 and at most {MOST_PIXELS:,}"
            )
        if len(self.mean) != len(self.std) or not self.mean:
            raise StimulusError(
                f"the preprocessing has {len(self.mean)} means and {len(self.std)} stds; "
                "one of each is needed for every channel"
            )
        if max(map(abs, (*self.mean, *self.std))) > MOST_GREY:
            raise StimulusError(
                f"the preprocessing has a mean of {max(self.mean, key=abs):g} and a std of "
                f"{max(self.std, key=abs):g}; pixels are from 0 to 1 here: divide those of 0 to "
                "255 by 255"
            )
        if min(self.std) <= 0:
            raise StimulusError(
                f"the preprocessing has a std of {min(self.std):g}; each is above 0"
            )

    def as_dict(self) -> dict[str, object]:
        """To be stored: size, mean, std and how images are resized."""
        return {
            "size": list(self.size),
            "mean": list(self.mean),
            "std": list(self.std),
            "resize": RESIZE,
        }

    @classmethod
    def from_dict(cls, declared: Any) -> Preprocessing:
        """What a model card declares.

        Raises
        ------
        StimulusError
            For what is missing, of another type, or cannot be.
        """
        known = declared
        if isinstance(declared, Mapping):  # what else stands there (how images are resized) is said
            known = {k: declared[k] for k in ("size", "mean", "std") if k in declared}
            if declared.get("resize", RESIZE) != RESIZE:
                raise StimulusError(
                    f"the declared preprocessing: resize is {shown(declared['resize'])}; images "
                    f"are resized in one way only, {RESIZE!r}. Leave resize out, or write this"
                )
        return cls(**checked_fields(cls, known, "the declared preprocessing", error=StimulusError))

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What black and white become in each channel; grey, which is 0, lies between.

        Returns
        -------
        (tuple of float, tuple of float)
            The least and the greatest value that an image can have.

        Examples
        --------
        >>> Preprocessing((8, 8), (0.5,), (0.25,)).limits()
        ((-2.0,), (2.0,))
        """
        pairs = list(zip(self.mean, self.std, strict=True))
        return (
            tuple(min(0.0, (0 - mean) / std) for mean, std in pairs),
            tuple(max(0.0, (1 - mean) / std) for mean, std in pairs),
        )

    def resized(self, side: int | None) -> Preprocessing:
        """The same for square images of another size; None: as it is."""
        return self if side is None else Preprocessing((side, side), self.mean, self.std)

    def __call__(self, images: Sequence[np.ndarray]) -> Float[Tensor, "batch channel y x"]:
        """A batch of images ``(y, x, 3)`` uint8 of any sizes."""
        return self.normalise(self.fit(images))

    def fit(self, images: Sequence[np.ndarray]) -> Tensor:
        """The batch at the network's size, still in grey levels.

        Images that have this size already are only put together.
        """
        for image in images:
            if getattr(image, "dtype", None) != np.uint8 or image.shape[2:] != (3,):
                raise StimulusError(
                    f"an image is a {type(image).__name__} of shape "
                    f"{tuple(getattr(image, 'shape', ()))} and type "
                    f"{getattr(image, 'dtype', 'none')}; uint8 (y, x, 3) is needed"
                )
        if all(i.shape[:2] == tuple(self.size) for i in images):
            return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
        return torch.stack(
            [self._fit(torch.from_numpy(np.ascontiguousarray(i)).permute(2, 0, 1)) for i in images]
        )

    def normalise(self, batch: Tensor) -> Float[Tensor, "batch channel y x"]:
        """(x / 255 - mean) / std per channel."""
        mean, std = (
            torch.tensor(v, device=batch.device)[:, None, None] for v in (self.mean, self.std)
        )
        return batch.float().div_(255).sub_(mean).div_(std)

    def _fit(self, image: Tensor) -> Tensor:
        height, width = self.size
        if tuple(image.shape[1:]) == (height, width):
            return image.float()
        scale = max(height / image.shape[1], width / image.shape[2])
        shape = [
            max(height, round(image.shape[1] * scale)),
            max(width, round(image.shape[2] * scale)),
        ]
        resized = F.interpolate(
            image[None].float(), shape, mode="bilinear", antialias=True, align_corners=False
        )[0]
        top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
        return resized[:, top : top + height, left : left + width]


@runtime_checkable
class Declares(Protocol):
    """What has a model card."""

    card: dict[str, Any]


def preprocessing_of(net: Declares, size: int | None = None) -> tuple[Preprocessing, str]:
    """The preprocessing that a network's card declares, or the default of one that was not trained.

    Parameters
    ----------
    net
        A network with a model card. One of ours whose card declares nothing gets images as large as
        its graph says (the first state times the stride of the pre-net), mean 0.5 and std 0.25.
    size
        Of the image's side in pixels, instead of the declared one.

    Returns
    -------
    The preprocessing, and a note that says so where it is the default; else an empty text.

    Raises
    ------
    StimulusError
        If nothing is declared and nothing is known of the network.

    >>> import cortexsim
    >>> preprocessing_of(cortexsim.load("cortex4"))[0].size
    (32, 32)
    >>> preprocessing_of(cortexsim.build("rnn2"))[1]
    'no preprocessing was declared: images of 32 x 32 pixels, mean 0.5, std 0.25'
    """
    if "preprocessing" in net.card:
        return Preprocessing.from_dict(net.card["preprocessing"]).resized(size), ""
    spec: Spec | None = getattr(net, "spec", None)
    if spec is None:
        raise StimulusError(
            f"the model card of {net.card.get('name', 'this network')} declares no preprocessing "
            "(size, mean, std)"
        )
    side = spec.stride * spec.graph[spec.graph.input_state].size if size is None else size
    default = Preprocessing((side, side), (MEAN,) * spec.channels, (STD,) * spec.channels)
    return default, (
        f"no preprocessing was declared: images of {side} x {side} pixels, "
        f"mean {MEAN:g}, std {STD:g}"
    )
