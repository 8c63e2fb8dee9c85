"""ResNets for CIFAR-10 as they were first described: residual blocks, which are steps of states."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from cortexsim.shapes import Float

WIDTHS = {"stage1": 16, "stage2": 32, "stage3": 64}
X, FX = "shortcut x", "residual F(x)"  # a variable x beside the axis x would be none


class CifarResNet(nn.Module):
    """ResNet of 6 n + 2 layers for images of 32 x 32 pixels.

        h <- relu(x + F(x)),   F(x) = bn2(conv2(relu(bn1(conv1(h)))))

    x is h itself; into stages 2 and 3 every second pixel of it, with channels of zeros on both
    sides.

    Parameters
    ----------
    blocks : int
        In each of the three stages: n.

    Examples
    --------
    >>> import torch
    >>> tuple(CifarResNet(3).eval()(torch.zeros(2, 3, 32, 32)).shape)
    (2, 10)

    References
    ----------
    He, Zhang, Ren & Sun 2015, section 4.2, shortcuts of option A.
    """

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        before = 16
        for k, width in enumerate(WIDTHS.values(), start=1):
            widths = [before, *[width] * (blocks - 1)]
            self.add_module(f"layer{k}", nn.Sequential(*(Block(w, width) for w in widths)))
            before = width
        self.linear = nn.Linear(before, 10)

    @property
    def stages(self) -> dict[str, list[Block]]:
        """The blocks of each stage, in the order of computation."""
        return {stage: list(getattr(self, f"layer{k}")) for k, stage in enumerate(WIDTHS, start=1)}

    def stem(self, images: Float[Tensor, "batch 3 y x"]) -> Tensor:
        """What the first block gets."""
        return F.relu(self.bn1(self.conv1(images)))

    def head(self, h: Tensor) -> Float[Tensor, "batch 10"]:
        """The logits of the output of the last block."""
        return self.linear(h.mean((2, 3)))

    def forward(self, images: Float[Tensor, "batch 3 y x"]) -> Float[Tensor, "batch 10"]:
        """The logits."""
        h = self.stem(images)
        for stage in self.stages.values():
            for block in stage:
                h = block(h)
        return self.head(h)


class Block(nn.Module):
    """A residual block: what it passes on and what it adds are asked for apart.

    Parameters
    ----------
    channels, width : int
        Of input and output.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        stride = 1 if channels == width else 2
        self.conv1 = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def parts(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """x, which is passed on, and F(x), which is added."""
        stride, missing = self.conv1.stride[0], self.bn1.num_features - h.shape[1]
        x = F.pad(h[:, :, ::stride, ::stride], (0, 0, 0, 0, missing // 2, missing // 2))
        return x, self.bn2(self.conv2(F.relu(self.bn1(self.conv1(h)))))

    def forward(self, h: Tensor) -> Tensor:
        """The output of the block."""
        x, added = self.parts(h)
        return F.relu(x + added)


class Unfolded(nn.Module):
    """A ResNet whose forward returns a dictionary for each block, which is a step.

    Of each stage that has begun, the output of its last block, and what was passed on and what was
    added there (``"stage1"``, ``"stage1 shortcut x"``, ``"stage1 residual F(x)"``); at the last
    step ``readout``.

    Parameters
    ----------
    net : CifarResNet
        The network.

    Examples
    --------
    >>> import torch
    >>> steps = Unfolded(CifarResNet(1)).eval()(torch.zeros(1, 3, 32, 32))
    >>> sorted(steps[0]), len(steps)
    (['stage1', 'stage1 residual F(x)', 'stage1 shortcut x'], 3)
    """

    def __init__(self, net: CifarResNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Float[Tensor, "batch 3 y x"]) -> list[dict[str, Tensor]]:
        """What there is after each block."""
        h, steps = self.net.stem(images), []
        held: dict[str, Tensor] = {}
        for stage, blocks in self.net.stages.items():
            for block in blocks:
                x, added = block.parts(h)
                h = F.relu(x + added)
                held |= {stage: h, f"{stage} {X}": x, f"{stage} {FX}": added}
                steps.append(dict(held))
        steps[-1]["readout"] = self.net.head(h)
        return steps
