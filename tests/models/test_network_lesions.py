"""Lesions.

A net with an edge cut equals a net built without it, in space (transitions, kinds) and in time
(windows).
"""

import contextlib
import dataclasses
import itertools
import re
import warnings

import pytest
import torch
from plain_net import assert_same, copy_of, images, network, states

import cortexsim
from cortexsim.errors import DeadTransitionWarning, GraphError
from cortexsim.models import (
    Graph,
    Network,
    Spec,
    State,
    Transition,
    adjacent,
    build,
    calibrate,
    full,
)
from cortexsim.models.describe import dead_in_words, dead_transitions
from cortexsim.models.zoo import ZOO

THREE = (State("V1", 8, 3), State("V2", 4, 4), State("IT", 2, 5))


@pytest.mark.sampled(4)
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


# A lesion that removes nothing.

FOUR = (State("V1", 16, 3), State("V2", 8, 4), State("V4", 4, 5), State("IT", 2, 6))


def slow(delay: int) -> Graph:
    """Feed-forward and lateral transitions, and a slow one from IT back to V2."""
    forward = [Transition(a.name, b.name) for a, b in itertools.pairwise(FOUR)]
    lateral = [Transition(s.name, s.name, shortcut="identity") for s in FOUR]
    return Graph(FOUR, (*forward, *lateral, Transition("IT", "V2", delay=delay)))


def test_a_lesion_where_no_feedback_is_live_is_an_error_that_names_when_it_would_be():
    net = build("cortex4-adjacent")
    with pytest.raises(GraphError) as error:
        net.lesioned("feedback")
    assert "'feedback' removes nothing" in str(error.value)
    assert "V2->V1 is dead (it would be live from a readout at step 6)" in str(error.value)
    with pytest.raises(
        GraphError, match=r"removes nothing with the readout at step 5: IT->V4 is dead"
    ):
        net.lesioned("IT->V4", (1, 100))
    dead = network(slow(3), 8)
    with pytest.raises(GraphError, match="live from a readout at step 9"):
        dead.lesioned("feedback")
    assert network(slow(3), 9).lesioned("feedback").is_lesioned


@pytest.mark.sampled(1)
@pytest.mark.parametrize("tying", ["time", "none"])
def test_a_lesion_is_refused_exactly_where_the_states_of_every_run_stay_the_same(tying):
    graph = slow(2)
    net = calibrate(network(graph, 9, tying=tying), images(20, size=16), 9)
    whole = states(net, images(seed=5, size=16), 9)
    for t in graph.transitions:
        for times in (None, (1, 2), (4, 4), (5, 7), (8, 8)):
            lesioned = None
            with contextlib.suppress(GraphError):
                lesioned = net.lesioned(t.name, times, steps=9)
            if lesioned is None:
                same = net.with_spec(
                    dataclasses.replace(net.spec, graph=graph.lesion(t.name, times))
                )
                found = states(same, images(seed=5, size=16), 9)
                assert found.keys() == whole.keys()
                assert all(torch.equal(found[k], whole[k]) for k in whole)
                continue
            found = states(lesioned, images(seed=5, size=16), 9)
            assert found.keys() != whole.keys() or any(
                not torch.equal(found[k], whole[k]) for k in whole
            )


def test_what_is_lesioned_already_and_what_is_later_than_the_run_removes_nothing():
    net = cortexsim.load("cortex4")
    with pytest.raises(GraphError, match="removes nothing"):
        net.lesioned("feedback").lesioned("V4->V2")
    with pytest.raises(GraphError, match="removes nothing in a run of 4 steps"):
        net.lesioned("IT->V4", steps=4)
    assert net.lesioned("IT->V4", (20, 30)).is_lesioned  # a longer run has these steps
    with pytest.raises(GraphError, match="removes nothing"):
        net.lesioned("lateral", keep_shortcut=True).lesioned("V1->V1", (2, 3), keep_shortcut=True)
    with pytest.raises(GraphError, match="h1->h2 departs at steps 4"):
        build("resnet3").lesioned("h1->h2", (5, 8))


# A dead transition is named.


def is_warned(name) -> bool:
    try:
        build(name)
    except DeadTransitionWarning:
        return True
    return False


def test_a_dead_transition_is_named_where_a_network_is_built_also_one_of_the_zoo():
    spec = Spec(slow(3), (8,))
    with pytest.warns(DeadTransitionWarning, match=r"1 of 8 .* step 8, .*IT->V2 \(live from 9\)"):
        Network(spec)
    with pytest.warns(DeadTransitionWarning, match=r"V2->V1, V4->V2, IT->V4 \(live from 6\)"):
        build("cortex4", readout=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warned = {name for name in ZOO if is_warned(name)}
        assert warned == {"cortex4-adjacent", "rnn2-t2", "rnn2-t3"}
        Network(Spec(slow(3), (9,)))
        Network(spec, warn=False)
        cortexsim.load("cortex4-twin")
        Network(Spec(slow(3).lesion("IT->V2"), (8,)))  # removed on purpose


def test_what_is_dead_at_every_readout_is_said_to_be():
    graph = Graph(FOUR[:2], (Transition("V1", "V2"), Transition("V1", "V1", only_at=(7,))))
    assert dead_transitions(Spec(graph, (2,))) == {"V1->V1": None}
    assert "V1->V1 (dead at every readout)" in dead_in_words(Spec(graph, (2,)))


@pytest.mark.parametrize("name", ZOO)
def test_what_is_named_dead_is_what_the_description_shows_as_dead(name):
    net = build(name)
    shown = {line.split()[1] for line in repr(net).splitlines() if " dead" in line}
    assert shown == set(dead_transitions(net.spec))


def test_what_lesions_took_out_is_said_with_its_steps():
    net = cortexsim.load("cortex4")
    assert net.taken_out == ()
    one = net.lesioned("IT->V4", steps=8)
    (said,) = one.taken_out
    assert re.fullmatch(r"IT->V4 departing at steps \d+-7", said)
    twice = one.lesioned("V1->V1", (2, 3), keep_shortcut=True)
    assert twice.taken_out == (said, "all but the shortcut of V1->V1 departing at steps 2-3")
    assert said in str(twice)
