"""Small modules built as other people build theirs.

Areas with ``output``, iterated in one forward pass.
"""

from typing import Any

import torch
from torch import Tensor, nn

AREAS = ("V1", "V2", "V4", "IT")


class Area(nn.Module):
    """One convolution, an in-place ReLU, and an Identity called ``output``.

    Called ``times`` times on its own result.
    """

    def __init__(self, channels: int, out: int, times: int = 1) -> None:
        super().__init__()
        self.inward = nn.Conv2d(channels, out, 3, padding=1)
        self.lateral = nn.Conv2d(out, out, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.output = nn.Identity()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        x = self.inward(x)
        for _ in range(self.times):
            x = self.output(self.relu(self.lateral(x)))
        return x


def iterated(calls: tuple[int, ...] = (1, 2, 4, 2)) -> nn.Sequential:
    """As CORnet-S: each area iterates, then hands over. (1, 1, 1, 1) is as CORnet-Z."""
    torch.manual_seed(1)
    net = nn.Sequential()
    for k, (name, times) in enumerate(zip(AREAS, calls, strict=True)):
        net.add_module(name, Area(3 if k == 0 else 4, 4, times))
    net.add_module("decoder", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)))
    return net


class Step(nn.Module):
    """One step of an area that remembers.

    Returns (output, state), as CORnet-R and -RT do; without input it begins with zeros.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inward = nn.Conv2d(channels, 4, 3, padding=1)
        self.lateral = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.output = nn.Identity()

    def forward(self, x: Tensor | None, state: Any, like: Tensor) -> tuple[Tensor, Tensor]:
        drive = torch.zeros(len(like), 4, *like.shape[2:]) if x is None else self.inward(x)
        out = self.output(self.relu(self.lateral(drive + (0 if state is None else state))))
        return out, out


class Unrolled(nn.Module):
    """As CORnet-R or -RT.

    R (``at_once``): within a step each area sees the newest output of the one before; RT: the
    output of the step before.
    """

    def __init__(self, times: int = 5, *, at_once: bool) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.times, self.at_once = times, at_once
        for k, name in enumerate(AREAS):
            setattr(self, name, Step(3 if k == 0 else 4))
        self.decoder = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))

    def forward(self, image: Tensor) -> Tensor:
        outputs: dict[str, Tensor | None] = dict.fromkeys(AREAS)
        states: dict[str, Tensor | None] = dict.fromkeys(AREAS)
        for t in range(self.times):
            new = dict(outputs)
            for k, name in enumerate(AREAS):
                source = new if self.at_once and t > 0 else outputs
                x = image if k == 0 else source[AREAS[k - 1]]
                new[name], states[name] = getattr(self, name)(x, states[name], image)
            outputs = new
        return self.decoder(outputs["IT"])
