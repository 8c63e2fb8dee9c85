"""EfficientNet-Lite0: a classifier of ImageNet whose late blocks resemble IT."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from cortexsim.shapes import Float

STAGES = (  # blocks, kernel, stride of the first, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD, CLASSES = 32, 1280, 1000
EPS = 1e-3  # of the normalisation


class EfficientNetLite0(nn.Module):
    """A stem, 16 inverted bottlenecks and a linear readout, with ReLU6 and no squeezing.

    Examples
    --------
    >>> import torch
    >>> net = EfficientNetLite0().eval()
    >>> len(net.blocks), tuple(net(torch.zeros(1, 3, 64, 64)).shape)
    (16, (1, 1000))

    References
    ----------
    Tan & Le 2019 (EfficientNet); the Lite variants are of the TensorFlow models repository.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = SameConv(3, STEM, 3, stride=2)
        self.bn0 = nn.BatchNorm2d(STEM, eps=EPS)
        self.blocks = nn.ModuleList()
        channels = STEM
        for count, kernel, stride, expansion, wide in STAGES:
            for k in range(count):
                self.blocks.append(
                    Bottleneck(
                        channels,
                        wide,
                        kernel,
                        stride=1 if k else stride,
                        expansion=expansion,
                    )
                )
                channels = wide
        self.conv_head = SameConv(channels, HEAD, 1)
        self.bn1 = nn.BatchNorm2d(HEAD, eps=EPS)
        self.fc = nn.Linear(HEAD, CLASSES)

    def forward(self, images: Float[Tensor, "batch 3 y x"]) -> Float[Tensor, "batch 1000"]:
        """The logits."""
        x = F.relu6(self.bn0(self.conv_stem(images)))
        for block in self.blocks:
            x = block(x)
        return self.fc(F.relu6(self.bn1(self.conv_head(x))).mean((2, 3)))


class Bottleneck(nn.Module):
    """Expansion, a convolution of each channel by itself, projection; added to an input alike.

    Parameters
    ----------
    channels, wide : int
        Of input and output.
    kernel : int
        Of the convolution, in pixels.
    stride : int
        Of the convolution.
    expansion : int
        How many times as many channels lie between; 1: no expansion.
    """

    def __init__(
        self, channels: int, wide: int, kernel: int, *, stride: int, expansion: int
    ) -> None:
        super().__init__()
        between = channels * expansion
        self.expands = expansion != 1
        self.adds = stride == 1 and channels == wide
        if self.expands:
            self.expand_conv = SameConv(channels, between, 1)
            self.bn0 = nn.BatchNorm2d(between, eps=EPS)
        self.depthwise_conv = SameConv(between, between, kernel, stride=stride, groups=between)
        self.bn1 = nn.BatchNorm2d(between, eps=EPS)
        self.project_conv = SameConv(between, wide, 1)
        self.bn2 = nn.BatchNorm2d(wide, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        """The output of the block."""
        inner = F.relu6(self.bn0(self.expand_conv(x))) if self.expands else x
        inner = F.relu6(self.bn1(self.depthwise_conv(inner)))
        inner = self.bn2(self.project_conv(inner))
        return x + inner if self.adds else inner


class SameConv(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow does: the odd pixel on the far side."""

    def __init__(
        self, channels: int, wide: int, kernel: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(channels, wide, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The convolution of the padded maps."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        missing = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[2:]]
        (top, left), (high, wide) = [m // 2 for m in missing], missing
        return super().forward(F.pad(x, (left, wide - left, top, high - top)))
