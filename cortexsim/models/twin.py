"""The feed-forward twin of a recurrent network: as many parameters, nothing sideways or back."""

from __future__ import annotations

import dataclasses
import functools

from torch import nn

from cortexsim.arguments import clear_errors
from cortexsim.errors import GraphError
from cortexsim.models.graph import Graph
from cortexsim.models.liveness import schedule
from cortexsim.models.network import Network
from cortexsim.models.spec import PRE_NETS, Spec
from cortexsim.models.transitions import conv_specs, shortcut_spec

FORWARD = ("feed-forward", "skip")
WIDEST = 64.0  # how much wider a twin may become


@clear_errors
def twin(net: Network | Spec, *, seed: int = 0, pre_net: nn.Module | None = None) -> Network:
    """The parameter-matched feed-forward control of a network, with fresh weights.

    What the recurrent part of the network is compared against: the same states in the same order
    and sizes, the transitions that go forward (feed-forward, skip), and every state wider by one
    factor, chosen so that the number of parameters is as near as whole features allow (``cortex4``:
    210,083 beside 209,530). The image is on at every step, and one set of normalisation statistics
    serves all steps, so that after the first pass every state is *exactly* constant: what then
    still changes in the recurrent net is not the number of its parameters. The readout time is that
    of the network.

    Parameters
    ----------
    net : Network or Spec
        The network, or its specification.
    seed : int
        Of the fresh weights.
    pre_net : torch.nn.Module, optional
        The module of a network that has one of its own.

    Raises
    ------
    GraphError
        For a lesioned network, and where no forward path leads to the last state at the readout
        time.

    Examples
    --------
    >>> import cortexsim
    >>> graph = twin(cortexsim.load("cortex4")).spec.graph
    >>> [s.features for s in graph.states], sorted(t.name for t in graph.transitions)
    ([15, 31, 62, 124], ['V1->V2', 'V2->V4', 'V4->IT'])
    """
    if isinstance(net, Network) and net.is_lesioned:
        raise GraphError("this network is lesioned; take the twin of the intact one")
    return Network(
        twin_spec(net.spec if isinstance(net, Network) else net), seed=seed, pre_net=pre_net
    )


@functools.lru_cache(maxsize=64)  # hundreds of candidates are counted
def twin_spec(spec: Spec) -> Spec:
    """The architecture of the twin: see :func:`twin`."""
    graph = spec.graph
    # With the image always on, a feed-forward transition acts at every step, also where the net
    # used it at one step only.
    forward = tuple(
        dataclasses.replace(t, only_at=None, blocked=(), silenced=())
        for t in graph.transitions
        if graph.kind(t) in FORWARD
    )
    if not forward:
        raise GraphError(
            f"a network of the one state {graph.input_state} has no feed-forward transition, so no "
            "twin; compare it with its readout at step 1"
        )
    states = tuple(dataclasses.replace(s, update="sum", tau_steps=1.0) for s in graph.states)
    # Partitions and "none" name single instances, of which the twin has others.
    tying = "all" if spec.tying == "all" else "time"
    base = dataclasses.replace(
        spec, graph=Graph(states, forward, inhomogeneous=True), tying=tying, norm="shared"
    )
    wanted, best = parameter_count(spec), base
    for scale in range(50, int(100 * WIDEST)):
        candidate = _wider(base, scale / 100)
        if abs(parameter_count(candidate) - wanted) < abs(parameter_count(best) - wanted):
            best = candidate
        if parameter_count(candidate) > 2 * wanted:
            break
    return best


def parameter_count(spec: Spec) -> int:
    """How many parameters the network of a specification has, without building it.

    A pre-net of its own is left out.

    >>> from cortexsim.models.zoo import spec
    >>> parameter_count(spec("rnn2"))
    297994
    """
    graph = spec.graph
    first, last = graph[graph.input_state].features, graph[graph.output_state].features
    total = 2 * last + last * spec.classes + spec.classes
    if spec.pre_net in PRE_NETS:
        depth = len(PRE_NETS[spec.pre_net])
        total += 9 * first * (spec.channels + (depth - 1) * first) + depth * first
    live = schedule(graph, max(spec.readout), readouts=spec.readout).instances()
    if spec.tying not in ("time", "all"):
        return sum(p.numel() for p in Network(spec, warn=False).parameters())
    seen: set[object] = set()
    for t, _ in live:
        specs = conv_specs(graph, t)
        for layer, conv in enumerate(specs):
            if (key := "shared" if spec.tying == "all" else (t.name, layer)) not in seen:
                total += 9 * conv.in_features * conv.out_features + conv.out_features
            seen.add(key)
            if spec.norm_affine and t.operator == "brc":
                affine = ("affine", layer) if spec.tying == "all" else ("affine", t.name, layer)
                total += 2 * conv.in_features if affine not in seen else 0
                seen.add(affine)
        if t.shortcut == "projection" and (t.name, "projection") not in seen:
            total += shortcut_spec(graph, t).in_features * shortcut_spec(graph, t).out_features
            seen.add((t.name, "projection"))
    return total


def _wider(spec: Spec, scale: float) -> Spec:
    """The specification with ``scale`` times the features of every state."""
    states = tuple(
        dataclasses.replace(s, features=max(1, round(scale * s.features)))
        for s in spec.graph.states
    )
    return dataclasses.replace(spec, graph=dataclasses.replace(spec.graph, states=states))
