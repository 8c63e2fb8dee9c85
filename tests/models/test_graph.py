"""Graphs are data: validation, kinds and levels, lesions, JSON, and the schedule against an enumeration of all walks."""

import json

import pytest

from cortexsim.errors import GraphError
from cortexsim.models.graph import Graph, State, Transition, adjacent, full, schedule
from cortexsim.models.zoo import ZOO

V1, V2, IT = State("V1", 8, 3), State("V2", 4, 4), State("IT", 2, 5)
THREE = (V1, V2, IT)


def walks(graph, steps, starts):
    """Every walk [(transition, departure), ...] from the input, by plain recursion on arrival times up to ``steps``."""

    def grow(state, now, path):
        yield state, now, path
        for t in graph.transitions:
            if t.source == state and now + t.delay <= steps and t.departs_at(now):
                yield from grow(t.target, now + t.delay, [*path, (t.name, now)])

    for start in starts:
        yield from grow(graph.states[0].name, start, [])


def spec_of(name):
    return ZOO[name][1]()


GRAPHS = {
    **{name: (spec_of(name).graph, spec_of(name).readout[0]) for name in ZOO},
    "delays": (
        Graph(
            THREE,
            (
                Transition("V1", "V2", delay=2),
                Transition("V2", "V1", delay=3),
                Transition("V2", "IT"),
                Transition("V1", "V1"),
            ),
        ),
        9,
    ),
    "windows": (adjacent(THREE).lesion("V2->V1", (3, 4)).lesion("lateral", (2, 2)), 7),
    "only_at": (
        Graph(
            THREE,
            (
                Transition("V1", "V1"),
                Transition("V1", "V2", only_at=(2, 5)),
                Transition("V2", "IT"),
                Transition("IT", "IT"),
            ),
        ),
        7,
    ),
    "skip": (
        Graph(THREE, (Transition("V1", "IT"), Transition("IT", "V2"), Transition("V2", "IT"))),
        6,
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_schedule_is_what_an_enumeration_of_walks_finds(name):
    graph, steps = GRAPHS[name]
    starts = range(1, steps + 1) if graph.inhomogeneous else (1,)
    found = list(walks(graph, steps, starts))
    populated = {(state, now) for state, now, _ in found}
    simulated = {instance for _, _, path in found for instance in path}
    plan = schedule(graph, steps)
    assert plan.populated == populated
    assert {(t.name, d) for t, d in plan.instances()} == simulated
    assert len(plan.instances()) == len(simulated)
    assert plan.inputs == set(starts)

    live = {
        instance
        for state, now, path in found
        for instance in path
        if (state, now) == (graph.states[-1].name, steps)
    }
    plan = schedule(graph, steps, readouts=[steps])
    assert {(t.name, d) for t, d in plan.instances()} == live
    assert all(
        (t.source, d) in plan.populated and (t.target, d + t.delay) in plan.populated
        for t, d in plan.instances()
    )


@pytest.mark.parametrize("name", GRAPHS)
def test_instances_arrive_one_delay_after_departure(name):
    graph, steps = GRAPHS[name]
    for now, here in enumerate(schedule(graph, steps).arrivals, start=1):
        assert all(departed + t.delay == now for t, departed in here)


def test_several_readouts_keep_the_union_of_what_each_needs():
    graph = Graph(THREE, (Transition("V1", "V2"), Transition("V1", "IT"), Transition("V2", "IT")))
    found = [
        {(t.name, d) for t, d in schedule(graph, 3, readouts=at).instances()}
        for at in ([2], [3], [2, 3])
    ]
    assert found == [
        {("V1->IT", 1)},
        {("V1->V2", 1), ("V2->IT", 2)},
        {("V1->IT", 1), ("V1->V2", 1), ("V2->IT", 2)},
    ]


def test_without_self_transitions_the_third_state_lives_at_odd_steps_only():
    graph = adjacent(THREE, lateral=False)
    assert sorted(t for s, t in schedule(graph, 10).populated if s == "IT") == [3, 5, 7, 9]
    with pytest.raises(
        GraphError,
        match=r"IT cannot be read out at step 10 of 10.*populated at steps 3, 5, 7, 9 only",
    ):
        schedule(graph, 10, readouts=[10])
    inhomogeneous = adjacent(THREE, lateral=False, inhomogeneous=True)
    assert sorted(t for s, t in schedule(inhomogeneous, 10).populated if s == "IT") == list(
        range(3, 11)
    )


def test_a_leaky_state_stays_populated_once_reached():
    graph = Graph(
        (V1, State("V2", 4, 4, "leaky", 2.0), IT), (Transition("V1", "V2"), Transition("V2", "IT"))
    )
    populated = schedule(graph, 6).populated
    assert {t for s, t in populated if s == "V1"} == {1}
    assert {t for s, t in populated if s == "V2"} == {2, 3, 4, 5, 6}
    live = schedule(graph, 6, readouts=[6])
    assert [(t.name, d) for t, d in live.instances()] == [("V1->V2", 1), ("V2->IT", 5)]


def test_inputs_at_given_steps_shift_or_add_walks():
    graph = adjacent(THREE)
    early, late = schedule(graph, 7, inputs=[1]), schedule(graph, 7, inputs=[3])
    assert {(s, t + 2) for s, t in early.populated if t <= 5} == late.populated
    assert schedule(graph, 7, inputs=[1, 3, 9]).inputs == {1, 3}
    assert schedule(graph, 5, inputs=[1, 4], readouts=[5]).inputs == {1}, (
        "an input at step 4 cannot reach IT by step 5"
    )


@pytest.mark.parametrize(
    ("steps", "readouts", "facts"),
    [(0, None, ["0 steps", "at least 1"]), (5, [2], ["IT", "step 2 of 5", "3-5"])],
)
def test_schedule_errors(steps, readouts, facts):
    with pytest.raises(GraphError) as error:
        schedule(adjacent(THREE), steps, readouts=readouts)
    assert all(fact in str(error.value) for fact in facts), str(error.value)


def test_a_last_state_without_a_path_is_reported_as_never_populated():
    with pytest.raises(
        GraphError, match="IT cannot be read out at step 4 of 4: it is never populated"
    ):
        schedule(Graph(THREE, (Transition("V1", "V2"),)), 4, readouts=[4])


@pytest.mark.parametrize(
    ("sizes", "level"),
    [((32, 32), 0), ((32, 16), 1), ((32, 4), 3), ((4, 32), -3), ((16, 32), -1), ((224, 7), 5)],
)
def test_levels_are_factors_of_two(sizes, level):
    graph = full([State("a", sizes[0], 2), State("b", sizes[1], 2)])
    assert graph.levels(graph.transitions[1]) == level
    assert sizes[0] / sizes[1] == 2.0**level


def test_kinds_and_constructors():
    graph = full(THREE)
    assert {t.name: graph.kind(t) for t in graph.transitions} == {
        "V1->V1": "lateral", "V1->V2": "feed-forward", "V1->IT": "skip",
        "V2->V1": "feedback", "V2->V2": "lateral", "V2->IT": "feed-forward",
        "IT->V1": "feedback", "IT->V2": "feedback", "IT->IT": "lateral",
    }  # fmt: skip
    assert {t.name for t in graph.transitions if t.shortcut == "identity"} == {
        "V1->V1",
        "V2->V2",
        "IT->IT",
    }
    neighbours = {t.name for t in adjacent(THREE).transitions}
    assert neighbours == {t.name for t in graph.transitions} - {"V1->IT", "IT->V1"}
    assert {t.name for t in adjacent(THREE, lateral=False).transitions} == neighbours - {
        "V1->V1",
        "V2->V2",
        "IT->IT",
    }
    assert (graph.input_state, graph.output_state) == ("V1", "IT")


@pytest.mark.parametrize("which", ["feedback", "lateral", "feed-forward", "skip", "V2->V1"])
@pytest.mark.parametrize("times", [None, (3, 5)])
def test_lesion_blocks_what_it_names_and_nothing_else(which, times):
    graph = full(THREE)
    lesioned = graph.lesion(which, times)
    for before, after in zip(graph.transitions, lesioned.transitions, strict=True):
        hit = which in (before.name, graph.kind(before))
        gone = [
            step for step in range(1, 100) if before.departs_at(step) and not after.departs_at(step)
        ]
        assert gone == ([] if not hit else list(range(1, 100)) if times is None else [3, 4, 5])


def test_lesions_accumulate_and_silencing_leaves_departures():
    graph = (
        full(THREE)
        .lesion("V1->V1", (2, 2))
        .lesion("V1->V1", (4, 5))
        .lesion("V2->V2", (3, 3), keep_shortcut=True)
    )
    v1, v2 = graph.transitions[0], graph.transitions[4]
    assert [s for s in range(1, 8) if not v1.departs_at(s)] == [2, 4, 5]
    assert [s for s in range(1, 8) if v2.silent_at(s)] == [3]
    assert all(v2.departs_at(s) for s in range(1, 8))


def test_lesion_errors():
    with pytest.raises(
        GraphError,
        match=r"'V4->V2' is neither a transition \(V1->V1, .*\) nor a kind \(feed-forward, lateral, feedback, skip\)",
    ):
        full(THREE).lesion("V4->V2")
    with pytest.raises(GraphError, match=r"V2->V1 has no shortcut.*block it instead"):
        full(THREE).lesion("V2->V1", keep_shortcut=True)


A = {"source": "V1", "target": "V2"}
BAD = {
    "ratio": (lambda: full([V1, State("V3", 3, 4)]), ["V1->V3", "8 and 3", "power of two"]),
    "ratio 6": (lambda: full([State("a", 12, 4), State("b", 2, 4)]), ["a->b", "12 and 2", "power of two"]),
    "twice the state": (lambda: Graph((V1, V1), ()), ["state", "twice", "V1"]),
    "twice the transition": (lambda: Graph(THREE, (Transition(**A), Transition(**A))), ["transition", "twice", "V1->V2"]),
    "unknown source": (lambda: Graph((V1, V2), (Transition("V4", "V2"),)), ["V4->V2", "'V4'", "V1, V2"]),
    "unknown target": (lambda: Graph((V1, V2), (Transition("V1", "V9"),)), ["V1->V9", "'V9'", "V1, V2"]),
    "no state": (lambda: Graph((), ()), ["at least one state"]),
    "identity": (lambda: Graph(THREE, (Transition(**A, shortcut="identity"),)), ["V1->V2", "8x3f", "4x4f", "projection"]),
    "max-pool": (lambda: Graph(THREE, (Transition(**A, operator="maxpool"),)), ["V1->V2", "8x3f", "4x4f", "max-pool"]),
    "max-pool up": (lambda: Graph((State("a", 4, 3), V1), (Transition("a", "V1", operator="maxpool"),)), ["a->V1", "enlarge"]),
    "depth": (lambda: Graph(THREE, (Transition("V1", "IT", depth=1),)), ["V1->IT", "2 levels", "1 stride-2", "raise depth"]),
    "depth 0": (lambda: Transition(**A, depth=0), ["V1->V2", "depth 0"]),
    "depth of conv": (lambda: Transition(**A, operator="conv", depth=2), ["V1->V2", "depth 2", "'conv'"]),
    "operator": (lambda: Transition(**A, operator="gru"), ["V1->V2", "'gru'", "brc, conv, maxpool"]),
    "shortcut": (lambda: Transition(**A, shortcut="skip"), ["V1->V2", "'skip'", "none, identity, projection"]),
    "delay": (lambda: Transition(**A, delay=0), ["V1->V2", "delay 0"]),
    "window": (lambda: Transition(**A, blocked=((5, 3),)), ["V1->V2", "blocked", "(5, 3)"]),
    "update": (lambda: State("V1", 8, 3, update="lstm"), ["V1", "'lstm'", "sum, leaky"]),
    "tau": (lambda: State("V1", 8, 3, "leaky", 0.5), ["V1", "0.5", ">= 1"]),
    "tau of sum": (lambda: State("V1", 8, 3, tau_steps=2.0), ["V1", "2.0", "'sum'"]),
    "size": (lambda: State("V1", 0, 3), ["V1", "size 0"]),
    "features": (lambda: State("V1", 8, 0), ["V1", "features 0"]),
    "name": (lambda: State("V1.a", 8, 3), ["'V1.a'"]),
    "empty name": (lambda: State("", 8, 3), ["''"]),
    "lookup": (lambda: full(THREE)["V4"], ["'V4'", "V1, V2, IT"]),
    "json": (lambda: Graph.from_json("{"), ["JSON", "to_json"]),
    "json without states": (lambda: Graph.from_json('{"transitions": []}'), ["states"]),
    "json with a stranger": (lambda: Graph.from_json('{"states": [{"name": "a", "size": 8, "features": 2, "hue": 1}], "transitions": []}'), ["hue"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_graphs_say_what_is_wrong(name):
    make, facts = BAD[name]
    with pytest.raises(GraphError) as error:
        make()
    assert all(fact in str(error.value) for fact in facts), str(error.value)


RICH = Graph(
    (State("retina-1", 64, 2, "leaky", 2.5), State("b_2", 8, 3), State("c", 8, 3)),
    (
        Transition("retina-1", "b_2", depth=4, shortcut="projection", delay=2, only_at=(5, 3)),
        Transition("b_2", "c", "maxpool", blocked=((1, 2), (4, 4))),
        Transition("c", "c", "conv", shortcut="identity", silenced=((2, 3),)),
    ),
    inhomogeneous=True,
)


@pytest.mark.parametrize("name", [*GRAPHS, "rich"])
def test_json_round_trip(name):
    graph = RICH if name == "rich" else GRAPHS[name][0]
    again = Graph.from_json(graph.to_json())
    assert again == graph
    assert hash(again) == hash(graph)
    assert Graph.from_dict(json.loads(json.dumps(graph.as_dict()))) == graph


def test_the_order_in_which_times_are_given_does_not_matter():
    assert Transition("V1", "V2", only_at=(5, 2)) == Transition("V1", "V2", only_at=(2, 5))


def test_json_of_a_default_state_is_short():
    assert full([V1]).as_dict()["states"] == [{"name": "V1", "size": 8, "features": 3}]
