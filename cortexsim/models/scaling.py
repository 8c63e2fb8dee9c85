"""A named network made smaller: fewer features, fewer units a map, fewer multiply-adds."""

from __future__ import annotations

import dataclasses
import math
import re

from cortexsim.errors import GraphError
from cortexsim.models.graph import Graph
from cortexsim.models.liveness import schedule
from cortexsim.models.spec import PRE_NETS, Spec
from cortexsim.models.states import Transition
from cortexsim.models.transitions import conv_specs

SCALE = re.compile(r"^(?P<net>.+)@(?=.)(?:f(?P<features>\d+))?(?:p(?P<pixels>\d+))?$")
"""``NAME@f32p16``: 32 features and maps of 16 x 16 units in the first state, either left out where
it is as in ``NAME``."""


def split_scale(name: str) -> tuple[str, dict[str, int]]:
    """The name of a network and the scale that follows its ``@``.

    >>> split_scale("rnn2@f32p16"), split_scale("rnn2")
    (('rnn2', {'features': 32, 'pixels': 16}), ('rnn2', {}))
    """
    if "@" not in name:
        return name, {}
    if (match := SCALE.match(name)) is None:
        raise GraphError(
            f"{name!r} has no scale after its '@'; write features and pixels of the first state, "
            "or one of them: NAME@f32p16, NAME@f32, NAME@p16"
        )
    return match["net"], {k: int(v) for k in ("features", "pixels") if (v := match[k])}


def scaled(spec: Spec, *, features: int | None = None, pixels: int | None = None) -> Spec:
    """The same architecture with fewer (or more) features and units in every state.

    Images stay what they were: where the maps of the first state shrink, the first convolutions of
    the pre-net take larger strides, so that nothing of an image is averaged away before it. A
    single 3x3 convolution can take a stride of 2; for one of 4, which would leave out pixels, the
    pre-net of three stands in. Transitions, depths and the ratios between states stay, and so do
    all parameters of the transitions where only the pixels change.

    Parameters
    ----------
    spec : Spec
        The architecture.
    features : int, optional
        Features of the first state; those of the others change by the same factor.
    pixels : int, optional
        Edge of the maps of the first state, in units; those of the others change alike.

    Returns
    -------
    Spec
        The scaled architecture.

    Raises
    ------
    GraphError
        Where a state would have no whole number of features or units, or where no pre-net of this
        package has the stride.

    Examples
    --------
    >>> from cortexsim.models.zoo import spec
    >>> small = scaled(spec("rnn2"), features=32, pixels=16)
    >>> [(s.size, s.features) for s in small.graph.states], small.pre_net
    ([(16, 32), (16, 32)], 'conv1-stride2')
    >>> multiply_adds(spec("rnn2")) / multiply_adds(small)  # doctest: +ELLIPSIS
    15.9...
    """
    first = spec.graph.states[0]
    f, p = features or first.features, pixels or first.size
    states = tuple(
        dataclasses.replace(
            s,
            features=_part(s.features, f, first.features, f"features of {s.name}"),
            size=_part(s.size, p, first.size, f"units along an edge of {s.name}"),
        )
        for s in spec.graph.states
    )
    graph = dataclasses.replace(spec.graph, states=states)
    return dataclasses.replace(spec, graph=graph, pre_net=_pre_net(spec, first.size, p))


def _part(whole: int, new: int, old: int, what: str) -> int:
    """``whole * new / old``, which must be a whole number."""
    if new < 1 or whole * new % old:
        raise GraphError(
            f"{what}: {whole} x {new} / {old} is not a whole number of at least 1; "
            "choose another scale"
        )
    return whole * new // old


def _pre_net(spec: Spec, old: int, new: int) -> str:
    """The pre-net whose stride makes up for the smaller maps, of as many layers if there is one."""
    if new == old:
        return spec.pre_net
    layers = len(PRE_NETS.get(spec.pre_net, ()))
    pixels = old * spec.stride
    fitting = {
        name: len(strides)
        for name, strides in PRE_NETS.items()
        if layers and pixels % new == 0 and math.prod(strides) == pixels // new
    }
    if not fitting:
        strides = sorted({math.prod(v) for v in PRE_NETS.values()})
        raise GraphError(
            f"maps of {new} x {new} units from images of {pixels} x {pixels} pixels: no pre-net "
            f"has that stride; there are {', '.join(map(str, strides))}"
            + ("" if layers else ", but this network has a pre-net of its own")
        )
    return min(fitting, key=lambda name: (abs(fitting[name] - layers), name))


def multiply_adds(spec: Spec) -> int:
    """Multiply-adds of one image up to the readout: pre-net, live transition instances, post-net.

    A 3x3 convolution from F to G features costs 9 F G for every unit that it writes, or, where it
    enlarges, for every unit that it reads. Normalisation, ReLU, sums and biases are not counted;
    the pre-net looks once at an image that stays.

    Parameters
    ----------
    spec : Spec
        The architecture; a pre-net of its own is left out.

    Returns
    -------
    int
        Multiply-adds of a forward pass; a step of training takes about three times as many.

    Examples
    --------
    >>> from cortexsim.models.zoo import spec
    >>> multiply_adds(spec("cortex4"))
    42173056
    """
    graph = spec.graph
    live = schedule(graph, max(spec.readout), readouts=spec.readout)
    instances = sum(_of_transition(graph, t) for t, _ in live.instances())
    last = graph[graph.output_state].features
    return _of_pre_net(spec) + instances + last * spec.classes * len(spec.readout)


def _of_pre_net(spec: Spec) -> int:
    first = spec.graph.states[0]
    edge, features, total = first.size * spec.stride, spec.channels, 0
    for stride in PRE_NETS.get(spec.pre_net, ()):
        edge //= stride
        total += edge**2 * 9 * features * first.features
        features = first.features
    return total


def _of_transition(graph: Graph, t: Transition) -> int:
    edge, total = graph[t.source].size, 0
    for conv in conv_specs(graph, t):
        written = edge * conv.stride if conv.transposed else edge // conv.stride
        smaller = min(edge, written)
        total += smaller**2 * conv.kernel**2 * conv.in_features * conv.out_features
        edge = written
    if t.shortcut == "projection":
        total += graph[t.target].size ** 2 * graph[t.source].features * graph[t.target].features
    return total
