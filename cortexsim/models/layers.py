"""The modules that a network owns: a convolution a set of tied weights, statistics a layer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import nn

from cortexsim.errors import GraphError
from cortexsim.models.graph import Graph
from cortexsim.models.spec import PRE_NETS, Spec
from cortexsim.models.states import Transition
from cortexsim.models.transitions import (
    Affine,
    Convolution,
    ConvSpec,
    Statistics,
    conv_specs,
    shortcut_spec,
)
from cortexsim.models.tying import Sharing


@dataclass(frozen=True)
class Layers:
    """What stands between the states, by the names that :class:`Sharing` gives."""

    convolutions: nn.ModuleDict = field(default_factory=nn.ModuleDict)
    affines: nn.ModuleDict = field(default_factory=nn.ModuleDict)
    statistics: nn.ModuleDict = field(default_factory=nn.ModuleDict)


MOST_NUMBERS = 1 << 32
"""Weights and statistics of the largest network that is built: 16 GiB in single precision."""


def numbers_needed(spec: Spec, sharing: Sharing, instances: list[tuple[Transition, int]]) -> int:
    """How many weights and statistics a network has, before any is made; a custom pre-net's apart.

    Raises
    ------
    GraphError
        For more than ``MOST_NUMBERS``.
    """
    horizon = 1 if spec.norm == "shared" else max(spec.readout)
    first, last = spec.graph.states[0].features, spec.graph.states[-1].features
    strides = PRE_NETS.get(spec.pre_net, ())
    pre_net = [ConvSpec(first if n else spec.channels, first) for n in range(len(strides))]
    convolutions: dict[str, ConvSpec] = {f"pre-net {n}": c for n, c in enumerate(pre_net)}
    statistics, affines = {"readout": last}, {"readout": last}
    for t, step in instances:
        for layer, conv in enumerate(conv_specs(spec.graph, t)):
            convolutions[sharing.convolution(t, step, layer)] = conv
            if t.operator == "brc":
                statistics[sharing.statistics(t, layer)] = conv.in_features
                if spec.norm_affine:
                    affines[sharing.affine(t, step, layer)] = conv.in_features
        if t.shortcut == "projection":
            convolutions[sharing.convolution(t, step, "projection")] = shortcut_spec(spec.graph, t)
    total = sum(
        math.prod(conv.weight_shape) + conv.bias * conv.out_features
        for conv in convolutions.values()
    )
    total += 2 * (horizon * sum(statistics.values()) + sum(affines.values()))
    total += 2 * first * max(0, len(strides) - 1) + (last + 1) * spec.classes
    if total > MOST_NUMBERS:
        raise GraphError(
            f"this network has {total:,} weights and statistics; at most {MOST_NUMBERS:,} are "
            "built: fewer features, or an earlier readout"
        )
    return total


def make_layers(
    spec: Spec,
    sharing: Sharing,
    instances: list[tuple[Transition, int]],
    *,
    generator: torch.Generator,
) -> Layers:
    """Fresh layers for the live instances of a network; GraphError where weights cannot be tied."""
    layers = Layers()
    for t, step in instances:
        _add_convolutions(layers.convolutions, spec.graph, sharing, t, step, generator=generator)
        if t.operator == "brc":
            _add_normalisation(layers, spec, sharing, t, step)
    return layers


def _add_convolutions(
    convolutions: nn.ModuleDict,
    graph: Graph,
    sharing: Sharing,
    t: Transition,
    step: int,
    *,
    generator: torch.Generator,
) -> None:
    """The convolutions of an instance that no earlier one has created."""
    named = [
        (sharing.convolution(t, step, layer), conv)
        for layer, conv in enumerate(conv_specs(graph, t))
    ]
    if t.shortcut == "projection":
        named.append((sharing.convolution(t, step, "projection"), shortcut_spec(graph, t)))
    for key, conv in named:
        if key not in convolutions:
            convolutions[key] = Convolution(conv, generator)
        elif (theirs := convolutions[key].spec) != conv:
            raise GraphError(
                f"weights {key!r} cannot be tied: {t.name} needs {conv}, "
                f"the others of the set {theirs}"
            )


def _add_normalisation(
    layers: Layers, spec: Spec, sharing: Sharing, t: Transition, step: int
) -> None:
    """Statistics by (layer, step), and scale and shift, that no earlier instance has created."""
    horizon, shared = max(spec.readout), spec.norm == "shared"
    for layer, conv in enumerate(conv_specs(spec.graph, t)):
        if (key := sharing.statistics(t, layer)) not in layers.statistics:
            if hasattr(nn.ModuleDict, key):
                raise GraphError(
                    f"a state cannot be called {key!r}: torch needs that name for itself; "
                    "choose another"
                )
            layers.statistics[key] = Statistics(conv.in_features, horizon, shared=shared)
        if spec.norm_affine and (key := sharing.affine(t, step, layer)) not in layers.affines:
            layers.affines[key] = Affine(conv.in_features)
