"""One-step operators: the convolutions of a transition, and time-specific normalisation.

BRCxN is N times (BatchNorm, ReLU, 3x3 convolution with bias); BRDxN the same with transposed
convolutions where the target is larger. Source: Liao & Poggio 2016, sections 3.3-3.4, 3.7 and
Figure 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cortexsim.models.graph import Graph
from cortexsim.models.states import Transition
from cortexsim.shapes import Float

NORMS = ("time", "shared")
MOMENTUM = 0.1
EPSILON = 1e-5


@dataclass(frozen=True)
class ConvSpec:
    """Shape of one convolution: ``stride`` shrinks, or enlarges if ``transposed``.

    Parameters
    ----------
    in_features : int
        Channels before.
    out_features : int
        Channels after.
    stride : int
        By how much it changes the size.
    transposed : bool
        Whether it enlarges.
    kernel : int
        Height and width of the kernel.
    bias : bool
        Whether a bias is added.
    """

    in_features: int
    out_features: int
    stride: int = 1
    transposed: bool = False
    kernel: int = 3
    bias: bool = True

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """Of its weights, as torch has them."""
        ends = (
            (self.in_features, self.out_features)
            if self.transposed
            else (self.out_features, self.in_features)
        )
        return (*ends, self.kernel, self.kernel)


def conv_specs(graph: Graph, t: Transition) -> tuple[ConvSpec, ...]:
    """The convolutions of a transition's F, in order; empty for max-pooling.

    A transition across k levels has max(2, k) convolutions, of which the first k change the size by
    2. Features between are the mean of source and target.
    """
    source, target = graph[t.source], graph[t.target]
    levels = graph.levels(t)
    up, k = levels < 0, abs(levels)
    if t.operator == "maxpool":
        return ()
    if t.operator == "conv":
        return (ConvSpec(source.features, target.features, 2**k, up),)
    depth = t.depth or max(2, k)
    between = (source.features + target.features) // 2
    features = [source.features, *[between] * (depth - 1), target.features]
    strides = [2] * k + [1] * (depth - k)
    return tuple(
        ConvSpec(a, b, s, up) for a, b, s in zip(features[:-1], features[1:], strides, strict=True)
    )


def shortcut_spec(graph: Graph, t: Transition) -> ConvSpec:
    """The 1x1 convolution of a projection shortcut (ResNet-34 C).

    Going up, it follows nearest-neighbour enlargement.
    """
    down = max(0, graph.levels(t))
    return ConvSpec(
        graph[t.source].features, graph[t.target].features, 2**down, kernel=1, bias=False
    )


class Convolution(nn.Module):
    """The weights of one convolution, He-initialised: weight ~ N(0, 2 / fan-in), bias 0."""

    def __init__(self, spec: ConvSpec, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.spec = spec
        # Each output unit of a transposed convolution sees only 1 / stride^2 of the kernel.
        fan_in = spec.in_features * spec.kernel**2 / (spec.stride**2 if spec.transposed else 1)
        weight = torch.empty(spec.weight_shape).normal_(
            0.0, math.sqrt(2.0 / fan_in), generator=generator
        )
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(spec.out_features)) if spec.bias else None

    def forward(self, x: Float[Tensor, "batch source y x"]) -> Float[Tensor, "batch target y2 x2"]:
        s = self.spec
        pad = s.kernel // 2
        if s.transposed:
            return F.conv_transpose2d(
                x, self.weight, self.bias, s.stride, pad, output_padding=s.stride - 1
            )
        return F.conv2d(x, self.weight, self.bias, s.stride, pad)


class Statistics(nn.Module):
    """Mean and variance of a layer's input for every step: row t - 1 belongs to step t.

    One row if they are shared over time.

    The rows are estimated while training (exponential average, momentum 0.1, the first batch taken
    whole) or by ``calibrate``; a row that never was is never used: ``estimated`` says which are.

    Parameters
    ----------
    features : int
        Channels of the input.
    steps : int
        How many steps have a row.
    shared : bool
        One row for all steps.
    """

    mean: Tensor
    var: Tensor
    together: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]] | None = None
    """Set where several processes share a batch.

    The input normalised over all of them, its mean and its (unbiased) variance.
    """
    keeps: bool = True
    """Whether a batch enters the row.

    Not when a step is computed a second time for its gradient (activation checkpointing).
    """

    def __init__(self, features: int, steps: int, *, shared: bool = False) -> None:
        super().__init__()
        self.shared = shared
        rows = 1 if shared else steps
        self.register_buffer("mean", torch.zeros(rows, features))
        self.register_buffer("var", torch.ones(rows, features))
        self.estimated = [False] * rows

    def row(self, step: int) -> int:
        """The row of a step."""
        return 0 if self.shared else step - 1

    def has(self, step: int) -> bool:
        """Whether the row of a step was estimated."""
        row = self.row(step)
        return row < len(self.estimated) and self.estimated[row]

    def extend(self, steps: int) -> None:
        """Make room for ``steps`` steps; new rows are not estimated."""
        more = (1 if self.shared else steps) - len(self.estimated)
        if more > 0:
            self.mean = torch.cat([self.mean, self.mean.new_zeros(more, self.mean.shape[1])])
            self.var = torch.cat([self.var, self.var.new_ones(more, self.var.shape[1])])
            self.estimated += [False] * more

    def forward(
        self, x: Float[Tensor, "batch feature y x"], step: int, *, use_batch: bool
    ) -> Float[Tensor, "batch feature y x"]:
        """(x - mean) / sqrt(var + 1e-5) per channel.

        With ``use_batch`` by this batch, whose statistics enter the row.
        """
        row = self.row(step)
        momentum = MOMENTUM if self.keeps else 0.0
        if use_batch and not self.estimated[row]:
            momentum = 1.0
            self.estimated[row] = True
        if use_batch and self.together is not None:
            y, mean, var = self.together(x)
            with torch.no_grad():
                self.mean[row].lerp_(mean, momentum)
                self.var[row].lerp_(var, momentum)
            return y
        return F.batch_norm(
            x, self.mean[row], self.var[row], training=use_batch, momentum=momentum, eps=EPSILON
        )

    def get_extra_state(self) -> Tensor:
        return torch.tensor(self.estimated, dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        self.estimated = [bool(v) for v in state.tolist()]

    def _load_from_state_dict(self, state_dict, prefix, *args):  # type: ignore[no-untyped-def]
        # The stored horizon decides the number of rows: calibration may have gone beyond the
        # trained readout.
        if (stored := state_dict.get(prefix + "mean")) is not None:
            self.extend(stored.shape[0])
        super()._load_from_state_dict(state_dict, prefix, *args)


class Affine(nn.Module):
    """A learnable scale and shift per channel.

    Of the post-net's BatchNorm, and of that of the few-parameter nets.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(features))
        self.shift = nn.Parameter(torch.zeros(features))

    def forward(self, x: Float[Tensor, "batch feature y x"]) -> Float[Tensor, "batch feature y x"]:
        return torch.addcmul(self.shift[:, None, None], x, self.scale[:, None, None])


def sum_of(terms: list[Tensor]) -> Tensor:
    """The sum of two or more terms, in memory of its own."""
    total = terms[0] + terms[1]
    for term in terms[2:]:
        total.add_(term)
    return total
