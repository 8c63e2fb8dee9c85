"""Lesions.

A net with an edge cut equals a net built without it, in space (transitions, kinds) and in time
(windows).
"""

import pytest
import torch
from plain_net import assert_same, copy_of, images, network, states

from cortexsim.models import Graph, State, Transition, adjacent, calibrate, full

THREE = (State("V1", 8, 3), State("V2", 4, 4), State("IT", 2, 5))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "which", ["feedback", "lateral", "feed-forward", "skip", "V1->V2", "V2->V1", "IT->V1"]
)
def test_a_lesion_equals_a_graph_without_the_edges(which, training):
    graph, steps = full(THREE), 6
    net = calibrate(network(graph, steps), images(20), steps).train(training)
    without = Graph(
        THREE, tuple(t for t in graph.transitions if which not in (t.name, graph.kind(t)))
    )
    small = network(without, steps)
    small.load_state_dict({key: net.state_dict()[key] for key in small.state_dict()})
    x = images(seed=5)
    whole = states(copy_of(net), x, steps)
    lesioned = states(net.lesioned(which), x, steps)
    assert_same(lesioned, states(small.train(training), x, steps), rtol=0, atol=0)
    assert any(key not in lesioned or not torch.equal(h, lesioned[key]) for key, h in whole.items())


@pytest.mark.parametrize("edge", ["V1->V2", "V2->V1", "V2->V2"])
def test_a_lesion_in_a_window_equals_a_graph_where_the_edge_has_other_times_only(edge):
    graph, steps = adjacent(THREE), 7
    net = calibrate(network(graph, steps), images(20), steps)
    elsewhere = (1, 2, 5, 6, 7)
    windowed = tuple(
        Transition(
            t.source, t.target, shortcut=t.shortcut, only_at=elsewhere if t.name == edge else None
        )
        for t in graph.transitions
    )
    small = network(Graph(THREE, windowed), steps)
    small.load_state_dict({key: net.state_dict()[key] for key in small.state_dict()})
    whole, lesioned = (
        states(net, images(seed=5), steps),
        states(net.lesioned(edge, (3, 4)), images(seed=5), steps),
    )
    assert_same(lesioned, states(small.eval(), images(seed=5), steps), rtol=0, atol=0)
    assert {t for s, t in whole if s == "V2" and not torch.equal(whole[s, t], lesioned[s, t])} <= {
        4,
        5,
        6,
        7,
    }
    assert not torch.equal(whole["IT", 7], lesioned["IT", 7])


@pytest.mark.parametrize("times", [None, (2, 3)])
def test_keeping_the_shortcut_delivers_the_state_without_its_transform(times):
    net = calibrate(network(adjacent(THREE), 6, tying="none"), images(20), 6)
    silent, lesioned = copy_of(net), net.lesioned("V1->V1", times, keep_shortcut=True)
    for step in range(1, 7) if times is None else range(times[0], times[1] + 1):
        if (key := f"V1->V1@{step}|1") in silent.convolutions:
            torch.nn.init.zeros_(silent.convolutions[key].weight)
            torch.nn.init.zeros_(silent.convolutions[key].bias)
    found = states(lesioned, images(seed=5), 6)
    assert_same(found, states(silent, images(seed=5), 6), rtol=1e-12, atol=1e-12)
    assert not torch.equal(found["V1", 3], states(net, images(seed=5), 6)["V1", 3])


def test_a_lesioned_net_shares_weights_and_leaves_the_intact_net_as_it_was():
    net = calibrate(network(adjacent(THREE), 6), images(20), 8)
    before = net(images())
    lesioned = net.lesioned("feedback").lesioned("V2->V2", (2, 3))
    assert [a is b for a, b in zip(net.parameters(), lesioned.parameters(), strict=True)]
    assert not torch.equal(lesioned(images()), before)
    assert torch.equal(net(images()), before)
