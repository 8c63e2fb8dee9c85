"""The named networks.

The memo's parameter counts to the last digit, gradients that reach every parameter, overrides and
names.
"""

import json

import pytest
import torch
import torch.nn.functional as F
from plain_net import assert_same, images, shaken, states

import cortexsim
from cortexsim.errors import GraphError
from cortexsim.models import Spec, State, build, calibrate, full
from cortexsim.models.zoo import ZOO, spec

MEMO = {
    "resnet1": 76_426,
    "resnet1-unshared": 667_274,
    "rnn2-t2": 76_426,
    "rnn2-t3": 224_138,
    "rnn2-t5": 297_994,
    "rnn2": 297_994,
    "rnn2-unshared": 2_365_962,
    "resnet3": 121_354,
    "resnet3-unshared": 315_338,
    "tiny30": 9_460,
    "tiny64": 39_754,
    "rnn3-full": 4_210_186,
    "rnn3-adjacent": 3_287_946,
    "rnn3-adjacent-inhomogeneous": 3_287_946,
    "cortex4-full": 351_970,
    "cortex4-adjacent": 154_958,
    "cortex4": 209_530,
}
OURS = {"rnn3-generalize", "cortex4-twin", "cortex4-masked", "cortex4-imagenet"}
READOUT = dict.fromkeys(MEMO, 10) | {
    "rnn2-t2": 2,
    "rnn2-t3": 3,
    "rnn2-t5": 5,
    "cortex4": 8,
    "cortex4-twin": 8,
    "cortex4-masked": 12,
    "cortex4-imagenet": 8,
    "rnn3-generalize": 10,
}
READOUT |= dict.fromkeys(("resnet3", "resnet3-unshared", "tiny30", "tiny64"), 12)
READOUT |= dict.fromkeys(
    (
        "rnn3-full",
        "rnn3-adjacent",
        "rnn3-adjacent-inhomogeneous",
        "cortex4-full",
        "cortex4-adjacent",
    ),
    5,
)


def count(net):
    return sum(p.numel() for p in net.parameters())


def smallest_images(net, n=6, **options):
    """Images so small that the last state is 2 x 2 units."""
    sizes = [s.size for s in net.spec.graph.states]
    return images(n, max(8, 2 * net.spec.stride * sizes[0] // min(sizes)), **options)


@pytest.mark.parametrize("name", MEMO)
def test_parameter_counts_are_the_memos(name):
    assert count(build(name)) == MEMO[name]


@pytest.mark.parametrize(
    ("readout", "parameters"), [(2, 76_426), (3, 224_138), (5, 297_994), (10, 297_994)]
)
def test_parameter_counts_change_with_the_readout_time(readout, parameters):
    assert (
        count(build("rnn2", readout=readout))
        == count(build("rnn2", readout=(readout,)))
        == parameters
    )


@pytest.mark.parametrize("readout", [8, 9, 12])
def test_from_eight_steps_on_all_ten_transitions_of_cortex4_have_weights(readout):
    net = build("cortex4", readout=readout)
    assert count(net) == 209_530
    assert len({key.split("|")[0] for key in net.convolutions}) == 10


def test_the_memos_four_state_adjacent_net_has_no_feedback():
    used = {key.split("|")[0] for key in build("cortex4-adjacent").convolutions}
    assert used == {"V1->V1", "V1->V2", "V2->V2", "V2->V4", "V4->V4", "V4->IT", "IT->IT"}


def test_every_entry_of_the_zoo_is_listed_and_has_its_readout_time():
    assert set(ZOO) == set(MEMO) | OURS == set(cortexsim.zoo())
    assert {name: spec(name).readout for name in ZOO} == {name: (t,) for name, t in READOUT.items()}


def test_states_of_the_cortex_nets_are_areas():
    assert [(s.name, s.size, s.features) for s in spec("cortex4").graph.states] == [
        ("V1", 32, 8),
        ("V2", 16, 16),
        ("V4", 8, 32),
        ("IT", 4, 64),
    ]


@pytest.mark.parametrize("name", ZOO)
def test_spec_json_round_trip(name):
    original = spec(name)
    again = Spec.from_dict(json.loads(original.to_json()))
    assert again == original
    assert hash(again) == hash(original)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", ZOO)
def test_training_moves_every_weight_and_no_bias_that_only_feeds_a_normalisation(name):
    net = shaken(build(name).double())
    x = smallest_images(net)
    F.cross_entropy(net(x), torch.arange(6)).backward()
    size = {key: p.grad.abs().max().item() for key, p in net.named_parameters()}
    largest = max(size.values())
    plain_convolutions = (
        "resnet3" in name
    )  # they see the biases of the state before, and the zeros around it
    for key, gradient in size.items():
        if not key.endswith("bias") or key == "post_net.linear.bias":
            assert gradient > 1e-8 * largest, f"{key} gets no gradient"
        elif not plain_convolutions:
            assert gradient < 1e-12 * largest, f"{key}: BatchNorm takes away what a bias adds"


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", ZOO)
def test_in_evaluation_gradients_reach_every_parameter(name):
    net = shaken(build(name).double())
    calibrate(net, smallest_images(net, 12), net.readout)
    F.cross_entropy(net(smallest_images(net, seed=1)), torch.arange(6)).backward()
    size = {key: p.grad.abs().max().item() for key, p in net.named_parameters()}
    assert min(size.values()) > 1e-8 * max(size.values()), min(size, key=size.get)


@pytest.mark.parametrize("readout", [6, 7, 8, 9, 10, 11, 12, 15])
def test_the_generalisation_net_can_be_read_out_at_the_memos_times(readout):
    net = build(
        "rnn3-generalize",
        states=full([State("h1", 8, 2), State("h2", 4, 3), State("h3", 2, 4)]).states,
    )
    calibrate(net, images(20, 8, dtype=torch.float32), 15)
    logits = net.readouts(images(2, 8, dtype=torch.float32), range(6, 16))
    assert torch.isfinite(logits[readout]).all()
    assert logits[readout].shape == (2, 10)


@pytest.mark.parametrize("name", ["cortex4", "resnet3", "tiny30"])
def test_images_of_twice_the_size_run_on_maps_of_twice_the_size(name):
    net = build(name)
    x = images(2, 64, dtype=torch.float32)
    found = states(net, x, net.readout)
    for (state, _), h in found.items():
        area = net.spec.graph[state]
        assert h.shape == (2, area.features, 2 * area.size, 2 * area.size)
    assert {s for s, _ in found} == {s.name for s in net.spec.graph.states}
    assert net(x).shape == (2, 10)


def test_the_inhomogeneous_net_sees_its_image_at_every_step():
    net, once = build("rnn3-adjacent-inhomogeneous").double(), build("rnn3-adjacent").double()
    x = images(2)
    with torch.no_grad():
        assert_same(states(net, x, 4), states(once, [x] * 4, 4), rtol=0, atol=0)
        assert not torch.equal(net(x), once(x))


def test_a_seed_decides_the_weights():
    first = build("cortex4", seed=3)
    torch.rand(3)  # the global random state must not matter
    again, other = build("cortex4", seed=3), build("cortex4", seed=4)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)
    )
    assert not torch.equal(
        first.convolutions["V1->V1|0"].weight, other.convolutions["V1->V1|0"].weight
    )


def test_overrides_replace_fields_of_the_spec_or_of_its_graph():
    net = build(
        "cortex4-adjacent",
        readout=(4, 6),
        classes=100,
        channels=1,
        inhomogeneous=True,
        norm="shared",
    )
    assert net.spec.readout == (4, 6)
    assert net.readout == 6
    assert net.spec.graph.inhomogeneous
    logits = net.readouts(images(2, 16, dtype=torch.float32)[:, :1], (4, 6))
    assert {t: tuple(y.shape) for t, y in logits.items()} == {4: (2, 100), 6: (2, 100)}
    graph = full([State("a", 8, 2)])
    assert spec("resnet1", graph=graph, inhomogeneous=True).graph == full(
        [State("a", 8, 2)], inhomogeneous=True
    )


def test_a_pre_net_of_ones_own_replaces_the_built_in_one():
    retina = torch.nn.Conv2d(1, 64, 5, padding=2)
    net = build("resnet1", pre_net=retina)
    assert net.spec.pre_net == "custom"
    assert any(p is retina.weight for p in net.parameters())
    x = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(next(iter(net.unroll(x, 1)))[1]["h1"], retina(x))


@pytest.mark.parametrize(
    ("call", "facts"),
    [
        (
            lambda: build("cortex-4"),
            ["'cortex-4'", "did you mean cortex4", "rnn3-adjacent-inhomogeneous"],
        ),
        (lambda: spec("resnet"), ["'resnet'", "resnet1", "resnet3"]),
        (lambda: build("vgg16"), ["'vgg16'", "cortex4, "]),
        (
            lambda: build("cortex4", width=3),
            ["width", "cortex4", "readout", "inhomogeneous", "tying"],
        ),
        (lambda: build("cortex4", depth=3, colour=1), ["colour, depth"]),
        (lambda: build("cortex4", readout=3), ["IT", "step 3 of 3"]),
    ],
)
def test_errors_name_what_exists(call, facts):
    with pytest.raises(GraphError) as error:
        call()
    assert all(fact in str(error.value) for fact in facts), str(error.value)
