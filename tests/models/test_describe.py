"""What is printed of networks: each transition once, dead ones named, nothing that is not known."""

import dataclasses
import re
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

import cortexsim
from cortexsim.models.describe import describe_network
from cortexsim.models.graph import Graph, full
from cortexsim.models.liveness import first_readouts, schedule
from cortexsim.models.network import Network
from cortexsim.models.spec import Spec
from cortexsim.models.states import State, Transition
from cortexsim.models.zoo import ZOO, spec

THREE = (State("V1", 8, 3), State("V2", 4, 4), State("IT", 2, 5))
GRAPHS = {
    "delays": Graph(
        THREE,
        (
            Transition("V1", "V2", delay=2),
            Transition("V2", "V1", delay=3),
            Transition("V2", "IT"),
            Transition("IT", "V1", delay=2),
        ),
    ),
    "windows": Graph(
        (THREE[0], dataclasses.replace(THREE[1], update="leaky", tau_steps=2.0), THREE[2]),
        (
            Transition("V1", "V2", only_at=(4, 5)),
            Transition("V1", "V1", blocked=((2, 3),)),
            Transition("V2", "IT", blocked=((1, 6),)),
            Transition("IT", "V2", shortcut="projection", silenced=((3, 4),)),
        ),
    ),
    "no way": Graph(THREE, (Transition("V1", "V2"), Transition("IT", "V2"))),
    "cut off": full(THREE).lesion("V1->V2").lesion("V1->IT"),
    "inhomogeneous": full(THREE, inhomogeneous=True).lesion("feedback", (1, 9)),
}
SPECS = {
    **{name: spec(name) for name in ZOO},
    **{f"{name} {t}": Spec(graph, (t,)) for name, graph in GRAPHS.items() for t in (1, 7)},
    "two readouts": Spec(GRAPHS["windows"], (3, 9), tying="none"),
}


def described(architecture: Spec, **facts):
    facts = {"parameters": 1234, "card": {}, "estimated": [], "taken_out": ()} | facts
    return describe_network(architecture, **facts)


def live_names(architecture: Spec) -> set[str]:
    """The transitions on a walk to a readout that can be read.

    By the schedule of the trained run.
    """
    names = set()
    for readout in architecture.readout:
        try:
            plan = schedule(architecture.graph, readout, readouts=[readout])
        except cortexsim.models.graph.GraphError:
            continue
        names |= {t.name for t, _ in plan.instances()}
    return names


@pytest.mark.parametrize("graph", [*GRAPHS.values(), *(spec(name).graph for name in ZOO)])
def test_first_readouts_are_those_of_a_search_through_all_readouts(graph):
    expected: dict[str, int] = {}
    for readout in range(1, 31):
        try:
            plan = schedule(graph, readout, readouts=[readout])
        except cortexsim.models.graph.GraphError:
            continue
        for t, _ in plan.instances():
            expected.setdefault(t.name, readout)
    assert first_readouts(graph) == expected


@pytest.mark.parametrize("name", SPECS)
def test_every_transition_is_a_row_and_dead_ones_say_when_they_would_live(name):
    architecture = SPECS[name]
    graph, live = architecture.graph, live_names(architecture)
    description = described(architecture)
    rows = {row.cells[1]: row for row in description.rows}
    assert len(description.rows) == len(rows) == len(graph.transitions)
    first = first_readouts(graph)
    for t in graph.transitions:
        row = rows[t.name]
        assert row.faint == (t.name not in live)
        assert (row.cells[0], row.cells[3]) == (graph.kind(t), str(t.delay))
        assert all(condition in row.cells[4] for condition in t.conditions())
        if row.faint and t.name in first:
            assert f"dead; first live for a readout at step {first[t.name]}" in row.cells[4]
        elif row.faint:
            assert "dead at every readout" in row.cells[4]
        else:
            assert "dead" not in row.cells[4]
    assert f"({len(live)} live)" in description.title
    counts = re.findall(r"(\d+) of (\d+) ([a-z-]+)", description.facts["live"])
    for alive, total, kind in counts:
        of_kind = {t.name for t in graph.transitions if graph.kind(t) == kind}
        assert (int(alive), int(total)) == (len(of_kind & live), len(of_kind))
    assert sum(int(total) for _, total, _ in counts) == len(graph.transitions)


@pytest.mark.parametrize("name", SPECS)
def test_text_fits_a_terminal_and_html_is_the_same_in_cells(name):
    from cortexsim.models.describe import as_html, as_text

    description = described(SPECS[name])
    text = as_text(description)
    assert max(map(len, text.splitlines())) <= 100
    assert all(text.count(f" {row.cells[1]} ") == 1 for row in description.rows)
    tree = ElementTree.fromstring(as_html(description))
    facts, table = tree.findall("table")
    assert [[c.text for c in row] for row in facts] == [list(f) for f in description.facts.items()]
    body = table.find("tbody")
    assert body is not None
    assert [tuple(c.text for c in row) for row in body] == [r.cells for r in description.rows]
    assert ["opacity" in row.get("style", "") for row in body] == [
        r.faint for r in description.rows
    ]
    assert not re.search(r"color:|background:(?!none)|#", as_html(description))


def test_a_network_says_what_is_known_of_its_training():
    trained, fresh = cortexsim.load("cortex4"), cortexsim.build("cortex4-adjacent")
    assert "yes: on cifar10" in repr(trained)
    assert trained.card["weights_sha256"][:12] in repr(trained)
    assert "3 x 32 x 32, mean 0.491" in repr(trained)
    assert "no: fresh weights" in repr(fresh)
    assert "no preprocessing declared: mean 0.5, std 0.25" in repr(fresh)
    cortexsim.calibrate(fresh, torch.rand(4, 3, 32, 32), steps=6)
    assert "no model card; statistics of the readout at steps 4-6" in repr(fresh)
    assert "cortex4-adjacent" not in fresh._repr_html_()


def test_a_lesion_shows_where_it_is_and_never_breaks_the_text():
    net = cortexsim.load("cortex4")
    lesioned = net.lesioned("feedback", (2, 4)).lesioned("V1->V1", keep_shortcut=True)
    assert "lesioned" in repr(lesioned)
    assert "lesioned" not in repr(net)
    assert repr(lesioned).count("(blocked 2-4)") == 3
    assert "(silenced always)" in repr(lesioned)
    assert repr(net.lesioned("feed-forward")).count("dead at every readout") == 10


def test_a_strangers_card_is_text_and_no_code():
    name = "<script>alert(1)</script>"
    net = cortexsim.load("cortex4")
    net.card = {**net.card, "name": name, "data": "a text", "recipe": 3, "test_error": "low"}
    assert name in repr(net)
    assert "<script>" not in net._repr_html_()
    ElementTree.fromstring(net._repr_html_())


def test_a_wrapped_network_says_what_is_known_of_it():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3), nn.Flatten(), nn.Linear(80, 2))
    size = {"size": (8, 8), "mean": (0.5,) * 3, "std": (0.25,) * 3}
    net = cortexsim.wrap(
        module, {"V1": "0", "IT": "1"}, as_="staircase", preprocessing=size, name="mine"
    )
    lines = repr(net).splitlines()
    assert lines[0] == "External mine: 2 states, a readout, T = 2, 459 parameters"
    assert [line.split()[0] for line in lines[-3:]] == ["V1", "IT", "readout"]
    assert [line.split()[-1] for line in lines[-3:]] == ["1", "2", "2"]
    assert "3 x 8 x 8, mean 0.5 0.5 0.5, std 0.25 0.25 0.25" in repr(net)
    assert "the module's own output" in lines[-1]
    assert net.card["weights_sha256"][:12] in repr(net)
    ElementTree.fromstring(net._repr_html_())


def test_a_pre_net_of_your_own_has_no_known_image_size():
    architecture = dataclasses.replace(spec("rnn2-t2"), pre_net="custom")
    net = Network(architecture, pre_net=nn.Conv2d(3, 64, 1))
    assert "3 channels, preprocessing not declared" in repr(net)


@pytest.mark.parametrize("name", SPECS)
def test_reprs_of_graph_and_specification_name_every_part_once(name):
    architecture = SPECS[name]
    text = repr(architecture)
    assert text.endswith(repr(architecture.graph))
    assert max(map(len, text.splitlines())) <= 100
    for t in architecture.graph.transitions:
        assert len(re.findall(rf"(?<![\w>]){re.escape(t.name)}(?!\w)", text)) == 1
    for state in architecture.graph.states:
        assert f"{state.name} {state.shape}" in text.replace("\n", " ")
