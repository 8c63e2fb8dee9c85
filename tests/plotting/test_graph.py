"""A network drawn: an arrow a transition, of its kind, pale where it is dead."""

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

from cortexsim.models import adjacent, build, full
from cortexsim.models.describe import dead_transitions
from cortexsim.models.states import State
from cortexsim.plotting import graph
from cortexsim.plotting.graph import ARROWS


def arrows(axes):
    return [p for p in axes.patches if isinstance(p, FancyArrowPatch)]


@pytest.mark.parametrize("name", ["cortex4", "cortex4-adjacent", "rnn3-full", "resnet1"])
def test_every_transition_is_an_arrow_of_its_kind(name):
    spec = build(name).spec
    axes = graph(Figure().subplots(), spec)
    of_graph = axes.patches
    assert sum(isinstance(p, Circle) for p in of_graph) == len(spec.graph.states)
    drawn = [to_hex(p.get_edgecolor()) for p in arrows(axes)]
    for kind, transitions in spec.graph.by_kind().items():
        assert drawn.count(ARROWS[kind][0]) >= len(transitions)
    pale = [p for p in arrows(axes) if (p.get_alpha() or 1) < 1]
    assert len(pale) == len(dead_transitions(spec))


def test_a_graph_alone_has_no_dead_transition_and_no_readout():
    states = [State("a", 8, 4), State("b", 4, 8), State("c", 2, 8)]
    for made in (adjacent(states), full(states)):
        axes = graph(Figure().subplots(), made)
        assert not [p for p in arrows(axes) if (p.get_alpha() or 1) < 1]
        assert not [t for t in axes.texts if "readout" in t.get_text()]
        assert len(axes.get_legend().get_texts()) == sum(map(bool, made.by_kind().values()))
