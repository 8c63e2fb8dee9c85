"""One-step operators: shapes and values of the convolutions, time-specific normalisation, and sets of tied weights."""

import numpy as np
import pytest
import torch
from plain_net import Norms, images, network, run

from cortexsim.errors import GraphError
from cortexsim.models import Graph, State, Transition, adjacent, calibrate, full
from cortexsim.models.transitions import (
    Affine,
    Convolution,
    ConvSpec,
    Statistics,
    conv_specs,
    weight_names,
)

THREE = (State("V1", 8, 3), State("V2", 4, 4), State("IT", 2, 5))


@pytest.mark.parametrize(
    ("sizes", "features", "depth", "expected"),
    [
        ((8, 8), (3, 3), None, [(3, 3, 1), (3, 3, 1)]),
        ((8, 8), (4, 8), None, [(4, 6, 1), (6, 8, 1)]),
        ((8, 4), (4, 8), None, [(4, 6, 2), (6, 8, 1)]),
        ((8, 2), (4, 8), None, [(4, 6, 2), (6, 8, 2)]),
        ((8, 1), (4, 8), None, [(4, 6, 2), (6, 6, 2), (6, 8, 2)]),
        ((16, 1), (2, 8), None, [(2, 5, 2), (5, 5, 2), (5, 5, 2), (5, 8, 2)]),
        ((8, 4), (4, 8), 3, [(4, 6, 2), (6, 6, 1), (6, 8, 1)]),
        ((8, 8), (4, 8), 1, [(4, 8, 1)]),
    ],
)
def test_brc_chains_follow_the_memo(sizes, features, depth, expected):
    graph = full([State("a", sizes[0], features[0]), State("b", sizes[1], features[1])])
    down = conv_specs(graph, Transition("a", "b", depth=depth))
    assert [(c.in_features, c.out_features, c.stride) for c in down] == expected
    assert not any(c.transposed for c in down)
    up = conv_specs(graph, Transition("b", "a", depth=depth))
    assert [c.stride for c in up] == [stride for *_, stride in expected], (
        "the first ones change the size, going up as going down"
    )
    assert all(c.transposed == (sizes[0] != sizes[1]) for c in up)
    assert (up[0].in_features, up[-1].out_features) == (features[1], features[0])


def test_other_operators_have_one_convolution_or_none():
    graph = full([State("a", 16, 4), State("b", 2, 4)])
    assert conv_specs(graph, Transition("a", "b", "maxpool")) == ()
    assert conv_specs(graph, Transition("a", "b", "conv")) == (ConvSpec(4, 4, 8),)
    assert conv_specs(graph, Transition("b", "a", "conv")) == (ConvSpec(4, 4, 8, transposed=True),)


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("kernel", [1, 3])
def test_convolution_is_the_sum_over_the_kernel(stride, kernel):
    convolution = Convolution(ConvSpec(2, 3, stride, kernel=kernel)).double()
    weight, x = convolution.weight.detach().numpy(), images(2, 8)[:, :2].numpy()
    torch.nn.init.normal_(convolution.bias)
    padded = np.pad(x, ((0, 0), (0, 0), (kernel // 2,) * 2, (kernel // 2,) * 2))
    expected = (
        np.zeros((2, 3, 8 // stride, 8 // stride))
        + convolution.bias.detach().numpy()[:, None, None]
    )
    for i, j in np.ndindex(expected.shape[2:]):
        patch = padded[:, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
        expected[:, :, i, j] += np.einsum("oiyx,biyx->bo", weight, patch)
    np.testing.assert_allclose(
        convolution(torch.from_numpy(x)).detach().numpy(), expected, atol=1e-12
    )


@pytest.mark.parametrize("stride", [1, 2, 8])
def test_transposed_convolution_is_the_adjoint_and_enlarges_exactly(stride):
    up, down = (
        Convolution(ConvSpec(3, 2, stride, transposed=True)).double(),
        Convolution(ConvSpec(2, 3, stride)).double(),
    )
    down.weight.data = up.weight.data
    small, large = images(2, 2), images(2, 2 * stride, seed=1)[:, :2]
    assert up(small).shape == large.shape
    torch.testing.assert_close(
        (up(small) * large).sum(), (small * down(large)).sum(), msg="<K'x, y> must equal <x, Ky>"
    )


@pytest.mark.parametrize(
    "spec",
    [
        ConvSpec(64, 64),
        ConvSpec(64, 96, 2),
        ConvSpec(64, 96, 2, True),
        ConvSpec(256, 128, kernel=1),
    ],
)
def test_he_initialisation_keeps_the_second_moment_of_rectified_noise(spec):
    convolution = Convolution(spec, torch.Generator().manual_seed(0))
    assert not convolution.bias.any()
    x = torch.relu(
        torch.randn(4, spec.in_features, 24, 24, generator=torch.Generator().manual_seed(1))
    )
    y = convolution(x)[:, :, 3:-3, 3:-3]
    assert y.var().item() == pytest.approx(1.0, rel=0.1), (
        "variance 2 / fan-in times the second moment 1/2 times fan-in is 1"
    )


def test_statistics_average_with_momentum_and_take_the_first_batch_whole():
    norm = Statistics(3, 4).double()
    batches = [2 + 3 * images(4, 2, seed=k) for k in range(3)]
    mean = var = None
    for x in batches:
        out = norm(x, 2, use_batch=True)
        values = x.numpy().transpose(1, 0, 2, 3).reshape(3, -1)
        normal = (values - values.mean(1, keepdims=True)) / np.sqrt(
            values.var(1, keepdims=True) + 1e-5
        )
        np.testing.assert_allclose(
            out.numpy().transpose(1, 0, 2, 3).reshape(3, -1), normal, atol=1e-12
        )
        new = values.mean(1), values.var(1, ddof=1)
        mean, var = new if mean is None else (0.9 * mean + 0.1 * new[0], 0.9 * var + 0.1 * new[1])
    np.testing.assert_allclose(norm.mean[1], mean)
    np.testing.assert_allclose(norm.var[1], var)
    assert norm.estimated == [False, True, False, False]
    assert not norm.mean[[0, 2, 3]].any()
    assert (norm.var[[0, 2, 3]] == 1).all()
    x = batches[0]
    expected = (x.numpy() - mean[:, None, None]) / np.sqrt(var[:, None, None] + 1e-5)
    np.testing.assert_allclose(norm(x, 2, use_batch=False).numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(
        norm.mean[1], mean, err_msg="evaluation must not move the statistics"
    )


def test_statistics_extend_without_touching_what_is_known_and_travel_in_the_state_dict():
    norm = Statistics(3, 2).double()
    norm(images(), 1, use_batch=True)
    known = norm.mean[0].clone()
    norm.extend(5)
    norm.extend(3)
    assert norm.mean.shape == norm.var.shape == (5, 3)
    assert torch.equal(norm.mean[0], known)
    assert [norm.has(step) for step in range(1, 8)] == [True] + [False] * 6
    other = Statistics(3, 2).double()
    other.load_state_dict(norm.state_dict())
    assert other.estimated == norm.estimated
    assert torch.equal(other.mean, norm.mean)


def test_shared_statistics_have_one_row_that_every_step_moves():
    norm, reference = Statistics(3, 6, shared=True).double(), Norms()
    for step in (1, 4, 2, 9):
        norm(images(seed=step), step, use_batch=True)
        reference("any step", images(seed=step), True)
    norm.extend(20)
    assert norm.mean.shape == (1, 3)
    assert norm.has(1)
    assert norm.has(99)
    torch.testing.assert_close(norm.mean[0], reference.rows["any step"][0])
    torch.testing.assert_close(norm.var[0], reference.rows["any step"][1])


def test_affine_scales_and_shifts_each_channel():
    affine = Affine(3).double()
    assert torch.equal(affine(images()), images())
    affine.scale.data = torch.tensor([1.0, -2.0, 0.5]).double()
    affine.shift.data = torch.tensor([0.0, 1.0, 3.0]).double()
    for channel, (scale, shift) in enumerate([(1, 0), (-2, 1), (0.5, 3)]):
        torch.testing.assert_close(
            affine(images())[:, channel], images()[:, channel] * scale + shift
        )


@pytest.mark.parametrize(
    "graph",
    [
        adjacent(THREE),
        full(THREE),
        Graph(
            THREE, (*adjacent(THREE, lateral=False).transitions, Transition("V1", "V1", delay=2))
        ),
    ],
)
def test_the_first_batchnorm_is_the_same_for_all_transitions_that_leave_a_state(graph):
    """Kept once per (state, t): equal to one per (transition, t), in training, in its running statistics, and in evaluation."""
    steps, norms = 7, Norms()
    net = network(graph, steps)
    for seed in range(3):
        x = images(seed=seed)
        ours = {(s, t): h for t, here in net.unroll(x, steps) for s, h in here.items()}
        naive = run(net, {1: x}, steps, norms)
        assert ours.keys() == naive.keys()
        for key in ours:
            torch.testing.assert_close(ours[key], naive[key], rtol=1e-9, atol=1e-9)
    for (edge, layer, departed), (mean, var) in norms.rows.items():
        kept = net.statistics[edge.split("->")[0] if layer == 0 else f"{edge}|{layer}"]
        torch.testing.assert_close(kept.mean[departed - 1], mean, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(kept.var[departed - 1], var, rtol=1e-9, atol=1e-9)
    x, naive = images(seed=7), run(net, {1: images(seed=7)}, steps, norms, training=False)
    for step, here in net.eval().unroll(x, steps):
        for state, h in here.items():
            torch.testing.assert_close(h, naive[state, step], rtol=1e-9, atol=1e-9)


INSTANCES = [
    (Transition("V1", "V1"), 1),
    (Transition("V1", "V1"), 2),
    (Transition("V1", "V2"), 1),
    (Transition("V1", "V2"), 2),
]
KEYS = [(t.name, step) for t, step in INSTANCES]


@pytest.mark.parametrize(
    ("tying", "sets"),
    [
        ("time", [{0, 1}, {2, 3}]),
        ("none", [{0}, {1}, {2}, {3}]),
        ("all", [{0, 1, 2, 3}]),
        ((), [{0}, {1}, {2}, {3}]),
        ((("V1->V1@2", "V1->V2@1"),), [{0}, {1, 2}, {3}]),
        ((("V1->V1@1", "V1->V1@2"), ("V1->V2@2", "V1->V2@1")), [{0, 1}, {2, 3}]),
    ],
)
def test_tying_partitions_the_instances(tying, sets):
    names = weight_names(INSTANCES, tying)
    found: dict[str, set[int]] = {}
    for index, key in enumerate(KEYS):
        found.setdefault(names[key], set()).add(index)
    assert sorted(map(sorted, found.values())) == sorted(map(sorted, sets))


@pytest.mark.parametrize(
    ("tying", "facts"),
    [
        ("space", ["'space'", "time, none, all"]),
        ((("V1->V1@7",),), ["'V1->V1@7'", "V1->V1@1, V1->V1@2, V1->V2@1"]),
        ((("V1->V1",),), ["'V1->V1'", "not a live instance"]),
        ((("V1->V1@1", "V1->V2@1"), ("V1->V1@1",)), ["'V1->V1@1'", "twice", "disjoint"]),
    ],
)
def test_bad_tying_says_what_is_live(tying, facts):
    with pytest.raises(GraphError) as error:
        weight_names(INSTANCES, tying)
    assert all(fact in str(error.value) for fact in facts), str(error.value)


TWO_SIZES = adjacent([State("a", 8, 3), State("b", 4, 3)])
UNEQUAL = {
    "features": (adjacent(THREE), (("V1->V1@1", "V1->V2@1"),), ["V1->V1@1", "V1->V2"]),
    "stride": (TWO_SIZES, (("a->a@1", "a->b@1"),), ["a->a@1", "a->b"]),
    "direction": (TWO_SIZES, (("a->b@1", "b->a@2"),), ["a->b@1", "b->a"]),
    "one convolution for maps of two sizes": (TWO_SIZES, "all", ["shared", "a->b"]),
}


@pytest.mark.parametrize("name", UNEQUAL)
def test_only_convolutions_of_one_shape_can_be_tied(name):
    graph, tying, facts = UNEQUAL[name]
    with pytest.raises(GraphError, match="cannot be tied") as error:
        network(graph, 4, tying=tying)
    assert all(fact in str(error.value) for fact in facts), str(error.value)


def test_one_convolution_for_all_layers_leaves_projections_their_own():
    edges = tuple(Transition(a, b, shortcut="projection") for a in "ab" for b in "ab")
    net = network(Graph((State("a", 8, 3), State("b", 8, 3)), edges), 4, tying="all")
    assert {key: tuple(c.weight.shape) for key, c in net.convolutions.items()} == {
        "shared": (3, 3, 3, 3),
        "shared|projection": (3, 3, 1, 1),
    }
    assert torch.isfinite(net(images())).all()


def test_an_arbitrary_partition_computes_with_the_set_of_each_instance():
    graph, steps = full([State("a", 8, 3), State("b", 8, 3)]), 5
    partition = (("a->a@1", "b->b@3", "a->b@2"), ("b->a@2", "b->a@3"))
    tied = calibrate(network(graph, steps, tying=partition), images(20), steps)
    loose = network(graph, steps, tying="none").eval()
    weights = tied.state_dict()
    for key in loose.state_dict():
        instance = key.removeprefix("convolutions.").split("|")[0]
        group = next((g for g in partition if instance in g), None)
        weights[key] = tied.state_dict()[key.replace(instance, group[0]) if group else key]
    loose.load_state_dict({key: weights[key] for key in loose.state_dict()})
    assert len(list(loose.parameters())) - len(list(tied.parameters())) == 4 * (2 + 1)
    torch.testing.assert_close(tied(images()), loose(images()), rtol=0, atol=0)
