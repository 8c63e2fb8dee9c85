"""What a network is besides its graph: its specification, its pre-net and its post-net."""

from __future__ import annotations

import dataclasses
import json
import math
import textwrap
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import skip_init

from cortexsim.arguments import clear_errors
from cortexsim.errors import GraphError
from cortexsim.models.fields import checked_fields
from cortexsim.models.graph import Graph
from cortexsim.models.states import ranges, whole
from cortexsim.models.transitions import NORMS, Affine, Convolution, ConvSpec, Statistics
from cortexsim.models.tying import Partition, refuse_other
from cortexsim.shapes import Float

PRE_NETS = {
    "conv1": (1,),
    "conv1-stride2": (2,),
    "conv3": (1, 1, 1),
    "conv3-stride2": (2, 1, 1),
    "conv3-stride4": (2, 2, 1),
}
"""Built-in pre-nets: the strides of their 3x3 convolutions (BatchNorm and ReLU between them).

Each convolution has the features of the first state. Those of stride 2 are for maps of half an
image's size (``cortexsim.models.scaling``). ``conv3-stride4`` is for photographs of 224 x 224
pixels: 112, then 56 x 56, which is the size of the first state.
"""

TYING_IN_WORDS = {
    "time": "weights tied over time",
    "none": "no weights tied",
    "all": "one convolution for all layers",
    "partition": "weights tied by a partition",
}
NORM_IN_WORDS = {
    "time": "normalisation statistics of each step",
    "shared": "normalisation statistics shared over time",
}


@clear_errors
@dataclass(frozen=True)
class Spec:
    """All that determines a network's architecture.

    Parameters
    ----------
    graph : Graph
        States and transitions.
    readout : tuple of int
        The trained readout time(s) in steps; with ``graph`` they decide which transitions own
        parameters (liveness).
    classes : int
        Outputs of the post-net.
    channels : int
        Channels of the images.
    pre_net : str
        A name in ``PRE_NETS`` or ``"custom"``.
    tying : str or partition
        ``time | none | all`` or a partition of instances, see :func:`weight_names`.
    norm : str
        ``time`` (one set of statistics per step, the memo) or ``shared`` (the ablation).
    norm_affine : bool
        Learnable scale and shift in the transitions' BatchNorm, tied as the weights are.

    Raises
    ------
    GraphError
        Without a readout time, and for names that are not known.
    """

    graph: Graph
    readout: tuple[int, ...]
    classes: int = 10
    channels: int = 3
    pre_net: str = "conv1"
    tying: str | Partition = "time"
    norm: str = "time"
    norm_affine: bool = False

    def __post_init__(self) -> None:
        readout = (
            (self.readout,)
            if isinstance(self.readout, Integral)
            else tuple(sorted(set(self.readout)))
        )
        if not readout:
            raise GraphError("a network needs at least one readout time; found none")
        readout = tuple(whole(step, "readout time") for step in readout)
        for field in ("classes", "channels"):
            number = whole(getattr(self, field), field, most=10**6)
            object.__setattr__(self, field, number)
        object.__setattr__(self, "readout", readout)
        refuse_other(self.tying)
        if self.norm not in NORMS:
            raise GraphError(
                f"normalisation {self.norm!r} is not known; choose from {', '.join(NORMS)}"
            )
        if self.pre_net not in (*PRE_NETS, "custom"):
            raise GraphError(
                f"pre-net {self.pre_net!r} is not known; choose from {', '.join(PRE_NETS)}, "
                "or pass a module to Network(pre_net=...)"
            )

    def __repr__(self) -> str:
        return "\n".join(
            [*textwrap.wrap("Spec: " + "; ".join(self.settings()), 100), repr(self.graph)]
        )

    def settings(self) -> list[str]:
        """All but the graph, in words.

        >>> from cortexsim.models.zoo import spec
        >>> spec("cortex4").settings()[:2]
        ['read out at step 8', '10 classes']
        """
        steps = f"step{'s' if len(self.readout) > 1 else ''} {ranges(list(self.readout))}"
        tying = self.tying if isinstance(self.tying, str) else "partition"
        return [
            f"read out at {steps}",
            f"{self.classes} classes",
            f"{self.channels} channel{'s' if self.channels > 1 else ''}",
            f"pre-net {self.pre_net}",
            TYING_IN_WORDS[tying],
            NORM_IN_WORDS[self.norm] + " with scale and shift" * self.norm_affine,
        ]

    @property
    def stride(self) -> int:
        """Pixels of an image per unit of the first state, along an edge.

        1 for a pre-net of its own, which nothing is known of.
        """
        return math.prod(PRE_NETS.get(self.pre_net, (1,)))

    def as_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        data = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {**data, "graph": self.graph.as_dict()}

    @classmethod
    def from_dict(cls, data: Any) -> Spec:
        """The specification that :meth:`as_dict` wrote.

        Parameters
        ----------
        data : mapping
            What :meth:`as_dict` returned.

        Returns
        -------
        Spec

        Raises
        ------
        GraphError
            For anything else, with what is missing, unknown or of another type.
        """
        fields = checked_fields(cls, data, "the network", apart=("graph",))
        return cls(graph=Graph.from_dict(data["graph"]), **fields)

    def to_json(self) -> str:
        """The specification as JSON."""
        return json.dumps(self.as_dict())


class PreNet(nn.Module):
    """What stands before V1 (retina and LGN): 3x3 convolutions, BatchNorm and ReLU between them.

    Parameters
    ----------
    strides : tuple of int
        Of each convolution.
    channels : int
        Channels of the images.
    features : int
        Channels of every convolution.
    generator : torch.Generator
        Draws the weights.
    """

    def __init__(
        self, strides: tuple[int, ...], *, channels: int, features: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        specs = [
            ConvSpec(channels if i == 0 else features, features, stride)
            for i, stride in enumerate(strides)
        ]
        self.convolutions = nn.ModuleList(Convolution(s, generator) for s in specs)
        self.statistics = nn.ModuleList(Statistics(features, 1, shared=True) for _ in strides[1:])

    def forward(
        self, images: Float[Tensor, "batch channel y x"], *, use_batch: bool
    ) -> Float[Tensor, "batch feature y2 x2"]:
        x = self.convolutions[0](images)
        for norm, conv in zip(self.statistics, list(self.convolutions)[1:], strict=True):
            x = conv(F.relu_(norm(x, 1, use_batch=use_batch)))
        return x


class PostNet(nn.Module):
    """BatchNorm (learnable, statistics per readout time), ReLU, global average pool, linear.

    Parameters
    ----------
    features : int
        Channels of the last state.
    classes : int
        Outputs.
    steps : int
        How many steps have statistics of their own.
    shared : bool
        One set of statistics for all steps.
    generator : torch.Generator
        Draws the weights.
    """

    def __init__(
        self, features: int, classes: int, steps: int, *, shared: bool, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.statistics = Statistics(features, steps, shared=shared)
        self.affine = Affine(features)
        # Its own initialisation would draw from global state.
        self.linear = skip_init(nn.Linear, features, classes)
        with torch.no_grad():
            self.linear.weight.normal_(0.0, (2.0 / features) ** 0.5, generator=generator)
            self.linear.bias.zero_()

    def forward(
        self, state: Float[Tensor, "batch feature y x"], step: int, *, use_batch: bool
    ) -> Float[Tensor, "batch class"]:
        x = F.relu_(self.affine(self.statistics(state, step, use_batch=use_batch)))
        return self.linear(x.mean((2, 3)))
