"""What moves the weights: optimisers, parameter groups, schedules of the rate, averaged weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from cortexsim.errors import TrainingError
from cortexsim.models.network import Network
from cortexsim.models.transitions import Convolution
from cortexsim.training.muon import Muon
from cortexsim.training.recipes import Recipe


def _sgd(groups: Any, recipe: Recipe, nesterov: bool, fused: bool | None) -> torch.optim.Optimizer:
    if nesterov and not recipe.momentum:
        raise TrainingError(
            "`optimizer='nesterov'` needs a `momentum` above 0; give one, e.g. 0.9, or "
            "`optimizer='sgd'`"
        )
    return torch.optim.SGD(
        groups,
        recipe.lr,
        recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=nesterov,
        fused=fused,
    )


def _adamw(groups: Any, recipe: Recipe, fused: bool | None) -> torch.optim.Optimizer:
    if recipe.momentum >= 1:
        raise TrainingError(
            f"`optimizer='adamw'` needs a `momentum` (beta 1) below 1; it is {recipe.momentum:g}"
        )
    return torch.optim.AdamW(
        groups, recipe.lr, (recipe.momentum, 0.999), weight_decay=recipe.weight_decay, fused=fused
    )


OPTIMIZERS: dict[str, Callable[[Any, Recipe, bool | None], torch.optim.Optimizer]] = {
    "sgd": lambda groups, recipe, fused: _sgd(groups, recipe, False, fused),
    "nesterov": lambda groups, recipe, fused: _sgd(groups, recipe, True, fused),
    "adamw": _adamw,
}


def optimizer_of(
    net: nn.Module, recipe: Recipe, *, fused: bool | None = None
) -> torch.optim.Optimizer:
    """The optimiser of a recipe.

    Unless ``decay_all``, only tensors of two or more dimensions (kernels) are decayed.

    Source: He et al. 2019 (Bag of Tricks), section 3.1, for biases and normalisation without decay.
    """
    if recipe.optimizer == "muon":
        return _muon(net, recipe)
    parameters = [p for p in net.parameters() if p.requires_grad]
    if recipe.decay_all and recipe.bias_rate == 1:
        return OPTIMIZERS[recipe.optimizer](parameters, recipe, fused)
    kernels = [p for p in parameters if p.dim() > 1]
    groups = [{"params": kernels}, _biases(parameters, recipe, recipe.bias_rate)]
    return OPTIMIZERS[recipe.optimizer](groups, recipe, fused)


def _biases(parameters: list[nn.Parameter], recipe: Recipe, factor: float) -> dict[str, Any]:
    """The group of all vectors; ``factor`` is what the session multiplies their rate by."""
    group: dict[str, Any] = {"params": [p for p in parameters if p.dim() <= 1], "factor": factor}
    return group if recipe.decay_all else {**group, "weight_decay": 0.0}


def _muon(net: nn.Module, recipe: Recipe) -> Muon:
    """Muon for the kernels of convolutions, Nesterov's SGD for all other parameters."""
    if not recipe.momentum:
        raise TrainingError("`optimizer='muon'` needs a `momentum` above 0; give one, e.g. 0.9")
    kernels: dict[bool, list[nn.Parameter]] = {False: [], True: []}
    for module in net.modules():
        if isinstance(module, Convolution) and module.weight.requires_grad:
            kernels[module.spec.transposed].append(module.weight)
    taken = {id(p) for group in kernels.values() for p in group}
    rest = [p for p in net.parameters() if p.requires_grad and id(p) not in taken]
    groups: list[dict[str, Any]] = [
        {"params": params, "kernels": True, "transposed": transposed}
        for transposed, params in kernels.items()
    ]
    groups.append({"params": [p for p in rest if p.dim() > 1], "factor": recipe.rest_rate})
    groups.append(_biases(rest, recipe, recipe.rest_rate * recipe.bias_rate))
    return Muon(
        [g for g in groups if g["params"]],
        recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        fixed_norm=recipe.fixed_norm,
    )


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give each group the rate ``lr``, times its own factor if it has one."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("factor", 1.0)


def _steps(done: float, epochs: float, drops: tuple[int, ...]) -> float:
    return 0.1 ** sum(int(done) >= d for d in drops)


def _cosine(done: float, epochs: float, drops: tuple[int, ...]) -> float:
    return 0.5 * (1 + math.cos(math.pi * done / epochs))


def _triangle(done: float, epochs: float, drops: tuple[int, ...]) -> float:
    return 1 - done / epochs


SCHEDULES: dict[str, Callable[[float, float, tuple[int, ...]], float]] = {
    "steps": _steps,
    "cosine": _cosine,
    "triangle": _triangle,
}
"""The rate, as a share of its highest, from the epochs done, all epochs, and the drops."""


def rate(
    recipe: Recipe, step: int, steps_per_epoch: int, *, epochs: int, drops: tuple[int, ...]
) -> float:
    """The learning rate of step ``step`` (from 0).

    A linear rise in W = ``warmup`` epochs, then the schedule.

    With w = W x ``steps_per_epoch``, step s < w has rate lr (s + 1) / w. After it, ``cosine`` is
    lr (1 + cos(pi u)) / 2 and ``triangle`` lr (1 - u), u going from 0 to 1 over the remaining
    steps; ``steps`` is lr / 10^k from the k-th drop on.

    Source: Loshchilov & Hutter 2017 (cosine), Smith & Topin 2019 (one cycle), Goyal et al. 2017
    (warm-up).

    >>> from cortexsim.training import Settings
    >>> recipe = Settings(lr=1.0, warmup=1.0, schedule="triangle").settings()
    >>> [round(rate(recipe, s, 4, epochs=3, drops=()), 3) for s in range(12)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    """
    warm = min(round(recipe.warmup * steps_per_epoch), epochs * steps_per_epoch)
    if step < warm:
        return recipe.lr * (step + 1) / warm
    if recipe.schedule == "steps":  # drops are epochs of the whole run
        warm = 0
    done, left = (step - warm) / steps_per_epoch, epochs - warm / steps_per_epoch
    return recipe.lr * SCHEDULES[recipe.schedule](done, left, drops)


class Averaged:
    """An exponential moving average of a network's weights.

    After update n (from 0), ``a <- d a + (1 - d) w``.

    d = min(``decay``, (1 + n) / (10 + n)), so that the first weights do not linger. Its
    normalisation statistics are its own: averaged statistics are not those of averaged weights, so
    they are estimated on training images when they are needed (``calibrate``).

    Source: Polyak & Juditsky 1992; the rising decay is that of TensorFlow's
    ExponentialMovingAverage.
    """

    def __init__(self, net: Network, decay: float) -> None:
        self.decay = decay
        self.net = copy.deepcopy(net).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, weights: nn.Module, number: int) -> None:
        """Take in the weights after step ``number`` (from 0)."""
        decay = min(self.decay, (1 + number) / (10 + number))
        mine: tuple[Tensor, ...] = tuple(self.net.parameters())
        get_ema_multi_avg_fn(decay)(mine, tuple(weights.parameters()), number)
