"""The images that nets are trained on and shown: a budget's share of a data set, or noise."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.cli import option
from cortexsim.errors import TrainingError
from shared.budgets import Budget
from shared.common import Config

if TYPE_CHECKING:
    from cortexsim.models import Network
    from cortexsim.stimuli.image_set import ImageSet

SYNTHETIC = "synthetic"


def images_of(data: str, train_count: int | None, budget: Budget) -> ImageSet:
    """The images of a budget: so many of the first, averaged down to so many pixels."""
    from cortexsim.stimuli.datasets import load_images

    images = synthetic() if data == SYNTHETIC else load_images(data, train_count=train_count)
    parts = {
        f"{part}_{k}": getattr(images, f"{part}_{k}")[:n]
        for part, n in (("train", budget.train), ("test", budget.test))
        for k in "xy"
    }
    for part in ("train_x", "test_x"):
        parts[part] = averaged(parts[part], budget.pixels)
    return dataclasses.replace(images, **parts)


def averaged(x: Any, pixels: int | None) -> Any:
    """Images ``(n, channel, y, x)`` uint8, averaged in blocks unless they are small enough."""
    edge = min(x.shape[2:])
    if pixels is None or edge <= pixels:
        return x
    if x.shape[2] != x.shape[3] or edge % pixels:
        raise TrainingError(
            f"images of {x.shape[2]} x {x.shape[3]} pixels cannot be averaged to {pixels} x "
            f"{pixels}; give square ones of a multiple"
        )
    import torch.nn.functional as F

    return F.avg_pool2d(x.float(), edge // pixels).round().byte()


def synthetic(seed: int = 0, count: int = 400) -> ImageSet:
    """Noise with a colour and a direction for each of ten classes, 16 x 16 pixels: learnable."""
    import torch

    from cortexsim.stimuli.image_set import ImageSet

    rng = np.random.default_rng(seed)
    y = np.arange(count) % 10
    wave = (
        np.sin(np.arange(16) * 0.9)[None, :, None] * (y % 2)[:, None, None]
        + np.sin(np.arange(16) * 0.9)[None, None, :] * (1 - y % 2)[:, None, None]
    )
    colour = np.stack([np.cos(y), np.sin(y), np.cos(2 * y)], 1)[:, :, None, None]
    x = 128 + 40 * colour + 30 * wave[:, None] + 30 * rng.normal(size=(count, 3, 16, 16))
    x, y = torch.from_numpy(x.clip(0, 255).astype(np.uint8)), torch.from_numpy(y.astype(np.int64))
    half = count * 3 // 4
    return ImageSet(SYNTHETIC, x[:half], y[:half], x[half:], y[half:], tuple(map(str, range(10))))


@dataclass(frozen=True)
class ShownConfig(Config):
    """The command line of an analysis that shows CIFAR-10 to trained networks."""

    data: str = option("cifar10", "cifar10 or an .npz (with --train-count)")
    train_count: int | None = option(
        None, "for an .npz with x and y only: the first N images are for training"
    )


def shown_to(net: Network, x: Any) -> Any:
    """Images ``(n, channel, y, x)`` uint8, standardised as the model card of a network says."""
    from cortexsim.stimuli.images import Preprocessing

    p = net.card["preprocessing"]
    return Preprocessing(tuple(p["size"]), tuple(p["mean"]), tuple(p["std"])).normalise(x)


def training_shown_to(net: Network, x: Any) -> Any:
    """The same of training images, cropped and mirrored as the net's recipe does.

    For statistics that are estimated anew: those of whole images are not what the weights are used
    to.
    """
    from cortexsim.stimuli.augmentation import as_trained

    return shown_to(net, as_trained(x, net.card["recipe"]))
