"""Processes that share every batch (``torchrun``).

Gradients and time-specific statistics are over all of them, files come from the first.

The global batch is that of one process: process r of R takes the r-th of R equal parts of it.
Random numbers are drawn for the whole batch in every process, so that crops, mirrors and readout
times do not depend on R.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from cortexsim.errors import TrainingError
from cortexsim.models.transitions import EPSILON, Statistics


@dataclass(frozen=True)
class World:
    """This process among those of the run: ``rank`` from 0 of ``size``."""

    rank: int = 0
    size: int = 1

    @classmethod
    def of_environment(cls) -> World:
        """As ``torchrun`` says it, before the processes have joined."""
        return cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def part(self, batch: int) -> slice:
        """The images of a batch that this process takes."""
        if batch % self.size:
            raise TrainingError(
                f"a batch of {batch} images cannot be shared equally by {self.size} processes; "
                "give `batch_size` a multiple"
            )
        each = batch // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def average(
        self, parameters: Iterable[nn.Parameter], *numbers: Tensor, stop: bool = False
    ) -> list[float]:
        """Average over all processes: gradients in place, numbers, and how many want to stop."""
        if self.size == 1:
            return [*map(float, numbers), float(stop)]
        numbers = (*numbers, torch.tensor(float(stop), device=numbers[0].device))
        gradients = [p.grad for p in parameters if p.grad is not None]
        pieces = [
            *(g.reshape(-1) for g in gradients),
            torch.stack([at_least_single(n.detach()) for n in numbers]),
        ]
        flat = sum_over_processes(torch.cat(pieces)).div_(self.size)
        *averaged, shared = flat.split([p.numel() for p in pieces])
        for gradient, mean in zip(gradients, averaged, strict=True):
            gradient.copy_(mean.view(gradient.shape))
        return shared.tolist()


def sum_over_processes(values: Tensor) -> Tensor:
    """The sum over all processes, in place; a process that is gone is an error of ours."""
    try:
        dist.all_reduce(values)
    except RuntimeError as error:
        cause = str(error).strip().splitlines()[0]
        raise TrainingError(
            f"process {dist.get_rank()} of {dist.get_world_size()} lost another one ({cause}), so "
            "all of them end. The same command continues from the last checkpoint"
        ) from error
    return values


def at_least_single(x: Tensor) -> Tensor:
    """In the precision of sums: single for half precisions and integers, else as it is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class _Normalise(torch.autograd.Function):
    """(x - mean) / sqrt(var + epsilon), over the images of all processes.

    The variance is the biased one; the processes hold equally many images.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        size = dist.get_world_size()
        var, mean = torch.var_mean(at_least_single(x), (0, 2, 3), correction=0)
        total = sum_over_processes(mean.clone()).div_(size)
        # Of the deviations and not of the squares, whose difference loses digits.
        spread = sum_over_processes(var + (mean - total) ** 2).div_(size)
        scale = (spread + EPSILON).rsqrt()
        ctx.save_for_backward(x, total, scale)
        ctx.mark_non_differentiable(total, spread)
        return _scaled(x, total, scale).to(x.dtype), total, spread

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> Tensor:
        # With y the output: dx = scale (dy - mean(dy) - y mean(dy y)), the means over all
        # processes.
        x, mean, scale = ctx.saved_tensors
        y, dy = _scaled(x, mean, scale), at_least_single(grad)
        means = torch.stack([dy.mean((0, 2, 3)), (dy * y).mean((0, 2, 3))])
        first, second = sum_over_processes(means).div_(dist.get_world_size())[:, :, None, None]
        return (scale[:, None, None] * (dy - first - y * second)).to(x.dtype)


def _scaled(x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    return (at_least_single(x) - mean[:, None, None]) * scale[:, None, None]


def normalise_together(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``x (batch, feature, y, x)`` normalised over all processes, and its moments.

    Mean, and unbiased variance, of each feature.
    """
    y, mean, var = _Normalise.apply(x)
    count = x.numel() // x.shape[1] * dist.get_world_size()
    return y, mean, var * (count / (count - 1))


def synchronise(net: nn.Module) -> None:
    """Let every time-specific normalisation use, and keep, the statistics of the whole batch."""
    for module in net.modules():
        if isinstance(module, Statistics):
            module.together = normalise_together


@contextlib.contextmanager
def joined(device: str) -> Iterator[tuple[World, str]]:
    """The processes that ``torchrun`` started (or this one alone), and the device of this one."""
    if World.of_environment().size == 1:
        yield World(), device
        return
    on_cuda = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if on_cuda:
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    # Its functions have the group as default value: imported by torch while we train, they keep it
    # after it is destroyed, and a thread of it that outlives the interpreter aborts the process.
    importlib.import_module("torch.distributed.nn.functional")
    dist.init_process_group("nccl" if on_cuda else "gloo")
    try:
        yield World(dist.get_rank(), dist.get_world_size()), device
    finally:
        dist.destroy_process_group()


def only(world: World, log: Callable[[str], None]) -> Callable[[str], None]:
    """``log`` in the first process, silence in the others."""
    return log if world.first else lambda text: None
