"""Networks of the user's own: from a graph or a specification to a network."""

from __future__ import annotations

import dataclasses
from typing import Any

from cortexsim.errors import GraphError
from cortexsim.models.graph import Graph
from cortexsim.models.liveness import schedule
from cortexsim.models.network import Network
from cortexsim.models.spec import Spec

PRE_NET = "conv3"  # in front of a graph that comes alone, as of cortex4
PATIENCE = 4  # times the number of states: so long a readout time is looked for


def spec_of(graph: Graph, *, classes: int = 10, channels: int = 3) -> Spec:
    """A specification around a graph that comes alone.

    The readout time is twice the number of states, as that of cortex4, or the next step at which
    the last state is populated; the pre-net is that of cortex4.

    Parameters
    ----------
    graph : Graph
        States and transitions.
    classes : int
        Outputs of the post-net.
    channels : int
        Of the images.

    Raises
    ------
    GraphError
        If nothing reaches the last state.

    >>> import cortexsim
    >>> spec_of(cortexsim.build("cortex4").spec.graph).readout
    (8,)
    """
    least, most = 2 * len(graph.states), PATIENCE * len(graph.states)
    populated = schedule(graph, most).populated
    possible = [t for t in range(least, most + 1) if (graph.output_state, t) in populated]
    if not possible:
        raise GraphError(
            f"nothing reaches {graph.output_state} at steps {least} to {most} of this graph; "
            "give a Spec with a readout time of its own"
        )
    return Spec(graph, (possible[0],), classes=classes, channels=channels, pre_net=PRE_NET)


def network_of(made: Graph | Spec | Network, *, seed: int = 0) -> Network:
    """A network, whether it comes as one or as what it is built from.

    >>> import cortexsim
    >>> network_of(cortexsim.build("rnn2").spec.graph).readout
    4
    """
    if isinstance(made, Network):
        return made
    return Network(spec_of(made) if isinstance(made, Graph) else made, seed=seed)


def fitted(
    made: Graph | Spec, *, classes: int, channels: int, seed: int = 0, **overrides: Any
) -> Network:
    """A fresh network with as many outputs and channels as data have.

    overrides: fields of :class:`Spec` or of its graph, e.g. ``readout`` or ``inhomogeneous``.
    """
    spec = spec_of(made) if isinstance(made, Graph) else made
    of_graph = {f.name for f in dataclasses.fields(Graph)}
    graph = dataclasses.replace(spec.graph, **{k: v for k, v in overrides.items() if k in of_graph})
    others = {k: v for k, v in overrides.items() if k not in of_graph}
    spec = dataclasses.replace(spec, graph=graph, classes=classes, channels=channels, **others)
    return Network(spec, seed=seed)
