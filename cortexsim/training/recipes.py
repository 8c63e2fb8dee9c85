"""Recipes: the defaults of some settings of training, together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The settings that a recipe gives; each is an option of the same name."""

    optimizer: str
    lr: float
    batch_size: int
    momentum: float
    weight_decay: float
    decay_all: bool
    schedule: str
    warmup: float
    label_smoothing: float
    ema: float
    cutout: int
    # Later ones, with the defaults that leave the recipes before them as they were.
    rest_rate: float = 1.0
    bias_rate: float = 1.0
    fixed_norm: bool = False
    whitening: str = "none"
    alternating_flip: bool = False
    small_size: int = 0
    small_share: float = 0.5


MEMO = Recipe(
    optimizer="sgd",
    lr=0.01,
    batch_size=64,
    momentum=0.9,
    weight_decay=0.0,
    decay_all=True,
    schedule="steps",
    warmup=0.0,
    label_smoothing=0.0,
    ema=0.0,
    cutout=0,
)


MODERN = Recipe(
    optimizer="nesterov",
    lr=0.05,
    batch_size=64,
    momentum=0.9,
    weight_decay=5e-4,
    decay_all=False,
    schedule="cosine",
    warmup=1.0,
    label_smoothing=0.05,
    ema=0.0,
    cutout=0,
)


FAST = Recipe(
    optimizer="muon",
    lr=0.06,
    batch_size=128,
    momentum=0.9,
    weight_decay=5e-4,
    decay_all=False,
    schedule="triangle",
    warmup=1.0,
    label_smoothing=0.2,
    ema=0.0,
    cutout=0,
    fixed_norm=True,
    whitening="learned",
)


RECIPES = {"memo": MEMO, "modern": MODERN, "fast": FAST}
"""Defaults of the options by recipe.

``memo``: Liao & Poggio 2016. ``modern``: Nesterov momentum, a rise of one epoch and a cosine
(Loshchilov & Hutter 2017; Goyal et al. 2017), decay of kernels only (He et al. 2019), label
smoothing (Szegedy et al. 2016); its rate is proportional to the batch (Goyal et al. 2017). Averaged
weights and cutout are options that it leaves off: no gain of theirs was measured yet.
``fast``: for 5 to 10 epochs; Muon for the kernels (Jordan et al. 2024), Nesterov momentum for the
rest, a learned whitening of the first convolution, label smoothing 0.2 and a rate that rises and
falls in straight lines: chosen from 20 combinations by the error on held-out training images
(docs/fast_recipe.json has the trials, three seeds each). Larger rates for biases, averaged weights,
alternating flips and small images first brought nothing there, and are options.
"""
