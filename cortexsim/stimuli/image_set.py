"""Images and labels to train with, a training and a test part."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import torch
from torch import Tensor

from cortexsim.arguments import clear_errors
from cortexsim.errors import StimulusError


@clear_errors
@dataclass(frozen=True)
class ImageSet:
    """Images and labels, a training and a test part.

    Parameters
    ----------
    name : str
        Of the data.
    train_x : uint8 Tensor of shape (n_train, channel, y, x)
        The images to train with, 0 to 255.
    train_y : integer Tensor of shape (n_train,)
        Their labels, from 0; kept as int64.
    test_x : uint8 Tensor of shape (n_test, channel, y, x)
        The images to test with.
    test_y : integer Tensor of shape (n_test,)
        Their labels.
    classes : tuple of str
        Names of the labels.
    notes : tuple of str
        What a reader of results must know about the data, e.g. how many images are not exact
        copies.

    Raises
    ------
    StimulusError
        For images and labels that do not match.

    Examples
    --------
    >>> x, y = torch.zeros((4, 3, 8, 8), dtype=torch.uint8), torch.tensor([0, 1, 0, 1])
    >>> ImageSet("black", x, y, x[:2], y[:2], ("cat", "dog")).channel_statistics()[0]
    (0.0, 0.0, 0.0)
    """

    name: str
    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            x, y = getattr(self, f"{part}_x"), getattr(self, f"{part}_y")
            if not (isinstance(x, Tensor) and isinstance(y, Tensor)):
                raise StimulusError(
                    f"{self.name}: {part} images are a {type(x).__name__} and labels a "
                    f"{type(y).__name__}; tensors are needed (torch.from_numpy)"
                )
            if torch.strided not in (x.layout, y.layout) or x.layout != y.layout:
                raise StimulusError(
                    f"{self.name}: {part} images are {x.layout} and labels {y.layout}; dense "
                    "tensors are needed (tensor.to_dense())"
                )
            if y.is_floating_point() or y.is_complex() or y.is_meta or x.is_meta:
                raise StimulusError(
                    f"{self.name}: {part} labels are {y.dtype} on {y.device}; whole numbers are "
                    "needed: the class of each image"
                )
            if x.dtype != torch.uint8:
                raise StimulusError(
                    f"{self.name}: {part} images are {x.dtype}; uint8 is needed, 0 to 255 (of "
                    "fractions: (255 * x).round().to(torch.uint8))"
                )
            object.__setattr__(self, f"{part}_y", y.long())
            if x.dim() != 4 or y.dim() != 1 or len(x) != len(y) or not len(x):
                raise StimulusError(
                    f"{self.name}: {part} images {tuple(x.shape)} and labels {tuple(y.shape)} do "
                    "not match or are empty"
                )
            if int(y.min()) < 0 or int(y.max()) >= len(self.classes):
                raise StimulusError(
                    f"{self.name}: {part} labels run from {int(y.min())} to {int(y.max())}; there "
                    f"are {len(self.classes)} classes"
                )
        train, test = (tuple(x.shape[1:]) for x in (self.train_x, self.test_x))
        if train != test:
            raise StimulusError(
                f"{self.name}: training images are {train}, test images {test} (channel, y, x); "
                "they must be alike"
            )

    def sha256(self) -> str:
        """Of images and labels, in order.

        Two runs saw the same data only if these agree.

        Returns
        -------
        str
            Hexadecimal digits.
        """
        digest = hashlib.sha256()
        for tensor in (self.train_x, self.train_y, self.test_x, self.test_y):
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def channel_statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each channel over the training images.

        Returns
        -------
        mean, sd : tuple of float
            In units of 0..1.
        """
        x = self.train_x
        count = x.numel() // x.shape[1]
        total = x.sum((0, 2, 3), dtype=torch.float64)
        # A table of squares avoids a float copy of the whole set.
        squares = torch.stack(
            [
                torch.bincount(x[:, c].reshape(-1), minlength=256).double()
                @ torch.arange(256).double() ** 2
                for c in range(x.shape[1])
            ]
        )
        mean = total / count
        std = (squares / count - mean**2).sqrt()
        return tuple((mean / 255).tolist()), tuple((std / 255).tolist())
