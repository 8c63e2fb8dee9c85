"""The loop over time.

States, drive, delays, leaks, lesions, sequences and readouts against plainly written equations.
"""

import pytest
import torch
from plain_net import Norms, assert_same, copy_of, images, network, post_net, run, states

from cortexsim.errors import GraphError
from cortexsim.models import Graph, State, Transition, adjacent, calibrate, full
from cortexsim.models.network import Network, Spec

V1, V2, IT = State("V1", 8, 3), State("V2", 4, 4), State("IT", 2, 5)
THREE = (V1, V2, IT)
SMALL = adjacent(THREE)
X = images()
LEAKY = (State("V1", 8, 3, "leaky", 1.5), V2, State("IT", 2, 5, "leaky", 3.0))
DELAYED = tuple(
    Transition(a, b, delay=n)
    for a, b, n in (("a", "b", 1), ("a", "c", 2), ("b", "c", 2), ("c", "a", 1), ("c", "c", 1))
)
DELAYED = (*DELAYED, Transition("b", "b", delay=3, shortcut="identity"))
STRANGE = (State("a", 16, 2), State("b", 2, 6), State("c", 8, 3), State("d", 1, 4))
JUMPS = ("a->b", "b->c", "a->d", "d->a", "c->d", "d->d", "b->b", "d->c")
GRAPHS = {
    "adjacent": adjacent(THREE),
    "full": full(THREE),
    "leaky": adjacent(LEAKY),
    "delays": Graph((State("a", 8, 3), State("b", 4, 4), State("c", 8, 3)), DELAYED),
    "user-named, levels differ by 3 and 4": Graph(
        STRANGE, tuple(Transition(*j.split("->")) for j in JUMPS)
    ),
    "inhomogeneous": adjacent(THREE, inhomogeneous=True),
}


def size_of(graph):
    return graph.states[0].size


def frames_of(graph, x, steps):
    return dict.fromkeys(range(1, steps + 1) if graph.inhomogeneous else (1,), x)


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("name", GRAPHS)
def test_states_obey_the_equations(name, scale):
    graph, steps = GRAPHS[name], 8
    net = network(graph, steps)
    x = images(size=scale * size_of(graph))
    found = states(net, x, steps)
    assert_same(found, run(net, frames_of(graph, x, steps), steps), rtol=1e-9, atol=1e-9)
    for (state, _), h in found.items():
        assert h.shape == (
            4,
            graph[state].features,
            scale * graph[state].size,
            scale * graph[state].size,
        )


def test_images_need_not_be_square():
    net = network(GRAPHS["full"], 4)
    x = images(size=16)[:, :, :12, :8]
    assert_same(states(net, x, 4), run(net, {1: x}, 4), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["leaky", "full"])
def test_evaluation_uses_the_statistics_of_training_and_ignores_the_batch(name):
    graph, steps = GRAPHS[name], 6
    net, norms = network(graph, steps), Norms()
    for seed in range(3):
        states(net, images(seed=seed), steps)
        run(net, {1: images(seed=seed)}, steps, norms)
    x = images(seed=9)
    found = states(net.eval(), x, steps)
    assert_same(found, run(net, {1: x}, steps, norms, training=False), rtol=1e-9, atol=1e-9)
    assert_same(
        states(net, x[:1], steps), {key: h[:1] for key, h in found.items()}, rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("name", [*GRAPHS, "projection"])
def test_the_drive_sums_to_the_state(name):
    graph, steps = (
        Graph(
            THREE,
            tuple(Transition(a.name, b.name, shortcut="projection") for a in LEAKY for b in LEAKY),
        ),
        4,
    )
    graph, steps = (graph, 4) if name == "projection" else (GRAPHS[name], 7)
    net = network(graph, steps)
    shortcut = {t.name for t in graph.transitions if t.shortcut != "none"}
    seen = {}
    for step, here, drive in net.unroll(images(size=size_of(graph)), steps, drive=True):
        seen[step] = set(here)
        assert drive.keys() == here.keys()
        for state, parts in drive.items():
            torch.testing.assert_close(
                torch.stack(list(parts.values())).sum(0), here[state], rtol=1e-9, atol=1e-9
            )
            due = {
                t.name
                for t in graph.transitions
                if t.target == state and t.source in seen.get(step - t.delay, ())
            }
            due |= {f"{edge} shortcut" for edge in due & shortcut}
            due |= (
                {"input"}
                if state == graph.input_state and (step == 1 or graph.inhomogeneous)
                else set()
            )
            due |= (
                {"leak"}
                if graph[state].update == "leaky" and state in seen.get(step - 1, ())
                else set()
            )
            assert parts.keys() == due


def test_the_identity_shortcut_in_the_drive_is_the_state_one_delay_ago():
    net = network(GRAPHS["delays"], 9)
    past = {}
    for step, here, drive in net.unroll(images(), 9, drive=True):
        past[step] = here
        if "b->b shortcut" in drive.get("b", {}):
            assert torch.equal(drive["b"]["b->b shortcut"], past[step - 3]["b"])
    assert "b" in past[5]


def test_projection_is_a_1x1_convolution_of_the_source_resampled():
    pairs = (
        Transition("V1", "V2", shortcut="projection"),
        Transition("V2", "V1", shortcut="projection"),
    )
    net = network(Graph(THREE[:2], pairs), 4)
    steps = {t: (h, drive) for t, h, drive in net.unroll(images(), 4, drive=True)}
    down, up = (net.convolutions[f"{edge}|projection"] for edge in ("V1->V2", "V2->V1"))
    assert down.bias is None
    every_second = torch.einsum(
        "oi,biyx->boyx", down.weight[:, :, 0, 0], steps[1][0]["V1"][:, :, ::2, ::2]
    )
    torch.testing.assert_close(steps[2][1]["V2"]["V1->V2 shortcut"], every_second)
    enlarged = steps[2][0]["V2"].repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(
        steps[3][1]["V1"]["V2->V1 shortcut"],
        torch.einsum("oi,biyx->boyx", up.weight[:, :, 0, 0], enlarged),
    )


def test_a_delay_of_two_equals_a_relay_state():
    relay = State("relay", 8, 3)
    direct = Graph(
        (V1, V2), (Transition("V1", "V2", delay=2), Transition("V2", "V2", shortcut="identity"))
    )
    passed_on = (
        Transition("V1", "relay", "maxpool"),
        Transition("relay", "V2"),
        Transition("V2", "V2", shortcut="identity"),
    )
    net, other = network(direct, 6), network(Graph((V1, relay, V2), passed_on), 6)
    weights = net.state_dict()
    other.load_state_dict(
        weights
        | {k: weights[k.replace("relay", "V1")] for k in other.state_dict() if "relay" in k},
        strict=False,
    )
    found, expected = states(net, images(), 6), states(other, images(), 6)
    assert sorted(found) == [("V1", 1), ("V2", 3), ("V2", 4), ("V2", 5), ("V2", 6)]
    assert_same(found, {key: h for key, h in expected.items() if key[0] != "relay"}, rtol=0, atol=0)


def test_a_leaky_state_is_a_low_pass_filter_of_what_arrives():
    decaying = (Transition("V1", "V2"), Transition("V2", "IT"))
    net = network(Graph((V1, State("V2", 4, 4, "leaky", 4.0), IT), decaying), 6)
    plain = network(Graph(THREE, decaying), 3)
    plain.load_state_dict(
        {key: net.state_dict()[key] for key in plain.state_dict() if "post" not in key},
        strict=False,
    )
    found, drive = states(net, images(), 6), states(plain, images(), 3)["V2", 2]
    for step in range(2, 7):
        torch.testing.assert_close(found["V2", step], drive / 4 * 0.75 ** (step - 2))


def test_a_time_constant_of_one_step_is_the_memos_sum():
    net, leaky = (
        network(adjacent(THREE), 6),
        network(adjacent([State(s.name, s.size, s.features, "leaky", 1.0) for s in THREE]), 6),
    )
    leaky.load_state_dict(net.state_dict())
    assert_same(states(leaky, images(), 6), states(net, images(), 6), rtol=1e-12, atol=1e-12)


def test_a_transition_exists_at_its_own_times_only():
    handed_over = Graph(
        THREE[:2],
        (Transition("V1", "V1", shortcut="identity"), Transition("V1", "V2", only_at=(4,))),
    )
    found = {step: set(here) for step, here in network(handed_over, 5).unroll(images(), 7)}
    assert found == {
        1: {"V1"},
        2: {"V1"},
        3: {"V1"},
        4: {"V1"},
        5: {"V1", "V2"},
        6: {"V1"},
        7: {"V1"},
    }


def test_a_late_frame_shifts_the_response_and_a_linear_net_adds_responses():
    net, x, y = network(adjacent(THREE), 8), images(seed=1), images(seed=2)
    early, late = states(copy_of(net), [x], 6), states(net, [None, None, x], 8)
    assert_same(late, {(s, t + 2): h for (s, t), h in early.items()}, rtol=1e-12, atol=1e-12)

    linear = network(
        Graph(
            THREE,
            tuple(Transition(t.source, t.target, "conv") for t in adjacent(THREE).transitions),
        ),
        8,
    )
    for name, parameter in linear.named_parameters():
        parameter.data.mul_(0.0 if name.endswith("bias") else 1.0)
    both, first, second = (
        states(linear, frames, 8) for frames in ([x, None, y], [x], [None, None, y])
    )
    assert both.keys() == first.keys() | second.keys()
    for key in both:
        torch.testing.assert_close(
            both[key], first.get(key, 0) + second.get(key, 0), rtol=1e-9, atol=1e-9
        )


@pytest.mark.parametrize("again", [lambda x: x, lambda x: x.clone()])
@pytest.mark.parametrize("training", [True, False])
def test_inhomogeneous_equals_the_image_repeated_at_every_step(training, again):
    net = calibrate(network(GRAPHS["inhomogeneous"], 6), images(20), 6).train(training)
    homogeneous = network(adjacent(THREE), 6).train(training)
    homogeneous.load_state_dict(net.state_dict())
    x = images(seed=4)
    assert_same(
        states(homogeneous, [again(x) for _ in range(6)], 6), states(net, x, 6), rtol=0, atol=0
    )


@pytest.mark.parametrize(
    "frames", [lambda x: x, lambda x: [x, None, x.flip(0), 2 * x]], ids=["one image", "sequence"]
)
def test_many_readouts_of_one_run_equal_the_post_net_on_the_states(frames):
    net, shown = network(adjacent(THREE), (4, 6, 7)), frames(images(seed=3))
    trained = net.readouts(shown, (4, 6, 7))
    assert sorted(trained) == [4, 6, 7]
    found = states(net, shown, 7)
    for step, logits in trained.items():
        h = found["IT", step]
        torch.testing.assert_close(
            logits, post_net(net, h, h.mean((0, 2, 3)), h.var((0, 2, 3), correction=0))
        )
        torch.testing.assert_close(net.readouts(shown, [step])[step], logits)
    torch.testing.assert_close(net(shown), trained[7])


def test_each_readout_uses_the_statistics_of_its_own_step():
    net = calibrate(network(adjacent(THREE), (4, 7)), images(20, seed=1), 7)
    found, kept = states(net, X, 7), net.post_net.statistics
    assert not torch.equal(kept.mean[3], kept.mean[6])
    for step, logits in net.readouts(X, range(3, 8)).items():
        torch.testing.assert_close(
            logits, post_net(net, found["IT", step], kept.mean[step - 1], kept.var[step - 1])
        )
        torch.testing.assert_close(logits, net.read(found["IT", step], step))


BAD_RUNS = {
    "uint8": (
        lambda net: net((X * 0).to(torch.uint8)),
        ["step 1", "torch.uint8", "float tensor (batch, 3, y, x)"],
    ),
    "channels": (lambda net: net(X[:, :1]), ["step 1", "(4, 1, 8, 8)", "(batch, 3, y, x)"]),
    "no batch": (lambda net: net(X[0]), ["(3, 8, 8)", "(batch, 3, y, x)"]),
    "size": (lambda net: net(images(size=10)), ["10 x 10", "multiples of 4"]),
    "width": (lambda net: net(X[:, :, :, :6]), ["8 x 6", "multiples of 4"]),
    "too many frames": (lambda net: list(net.unroll([X] * 7, 6)), ["7 frames", "6 steps"]),
    "too many frames for the readout": (lambda net: net([X] * 7), ["7 frames", "6 steps"]),
    "blanks only": (lambda net: net([None, None]), ["blanks only", "at least one frame"]),
    "frames of two shapes": (
        lambda net: net([X, images(size=16)]),
        ["one shape", "(4, 3, 8, 8)", "(4, 3, 16, 16)"],
    ),
    "a bad late frame": (lambda net: net([X, X[:, :2]]), ["step 2", "(4, 2, 8, 8)"]),
    "readout too early": (
        lambda net: net.readouts(X, [2]),
        ["IT", "step 2 of 2", "never populated"],
    ),
    "readout of a late frame": (
        lambda net: net.readouts([None, None, X], [3, 6]),
        ["IT", "step 3 of 6", "populated at steps 5-6 only"],
    ),
    "no step": (lambda net: list(net.unroll(X, 0)), ["0 steps", "at least 1"]),
    "lesion": (lambda net: net.lesioned("V1->IT"), ["'V1->IT'", "V1->V2", "feedback"]),
    "nothing reaches the readout": (
        lambda net: net.lesioned("V2->IT")(X),
        ["IT", "never populated"],
    ),
}


@pytest.mark.parametrize("name", BAD_RUNS)
def test_bad_runs_say_what_was_found_and_what_is_needed(name):
    run_it, facts = BAD_RUNS[name]
    with pytest.raises(GraphError) as error:
        run_it(network(SMALL, 6))
    assert all(fact in str(error.value) for fact in facts), str(error.value)


def test_a_net_whose_weights_are_its_own_at_every_step_ends_where_they_end():
    net = network(full([V1]), 3, tying="none")
    assert [step for step, here in net.unroll(X, 5) if here] == [1, 2, 3]
    with pytest.raises(
        GraphError, match="V1 cannot be read out at step 5 of 5: it is populated at steps 1-3 only"
    ):
        net.readouts(X, [5])


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"readout": ()}, ["readout"]),
        ({"readout": (2,)}, ["IT", "step 2"]),
        ({"norm": "batch"}, ["'batch'", "time, shared"]),
        ({"pre_net": "conv7"}, ["'conv7'", "conv1, ", "conv3, "]),
        ({"pre_net": "custom"}, ["pre_net=module"]),
        ({"tying": "space"}, ["'space'", "time, none, all"]),
        ({"tying": (("V1->V1@9",),)}, ["'V1->V1@9'", "V1->V2@1"]),
    ],
)
def test_bad_specs_list_the_choices(options, facts):
    with pytest.raises(GraphError) as error:
        Network(Spec(**({"graph": SMALL, "readout": (6,)} | options)))
    assert all(fact in str(error.value) for fact in facts), str(error.value)
