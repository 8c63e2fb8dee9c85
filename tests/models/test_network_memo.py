"""The memo's identities.

Appendix A (a tied ResNet is an RNN), Appendix B (a linear net solves a fixed point), equation 6
(tied gradients).
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from plain_net import copy_of, images, network, post_net, shaken, states

from cortexsim.models import Graph, State, Transition, adjacent, build, calibrate, full, schedule

THREE = (State("V1", 8, 3), State("V2", 4, 4), State("IT", 2, 5))


def batch_norm(x, running, row):
    """By the batch (running is None), or by the given row of the running statistics."""
    mean, var = (
        (x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0))
        if running is None
        else (running.mean[row], running.var[row])
    )
    return (x - mean[:, None, None]) / torch.sqrt(var[:, None, None] + 1e-5)


def residual_network(net, x, blocks, training):
    """A ResNet of ``blocks`` pre-activation blocks that use the same pair of convolutions.

    Each BatchNorm is its block's own.
    """
    first, second = net.convolutions["h1->h1|0"], net.convolutions["h1->h1|1"]
    norms = (
        [None] * 3
        if training
        else [net.statistics["h1"], net.statistics["h1->h1|1"], net.post_net.statistics]
    )
    stem = net.pre_net.convolutions[0]
    h = F.conv2d(x, stem.weight, stem.bias, padding=1)
    for block in range(blocks):
        residual = F.conv2d(
            F.relu(batch_norm(h, norms[0], block)), first.weight, first.bias, padding=1
        )
        residual = F.conv2d(
            F.relu(batch_norm(residual, norms[1], block)), second.weight, second.bias, padding=1
        )
        h = h + residual
    mean, var = (
        (h.mean((0, 2, 3)), h.var((0, 2, 3), correction=0))
        if training
        else (norms[2].mean[blocks], norms[2].var[blocks])
    )
    return post_net(net, h, mean, var)


def gradients(net, loss):
    parameters = dict(net.named_parameters())
    return dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True))


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("features", [5, 64])
def test_a_tied_one_state_net_is_a_residual_network(features, training):
    """Appendix A, forward and backward; 64 features is ``resnet1`` itself."""
    net = (
        build("resnet1")
        if features == 64
        else build("resnet1", states=(State("h1", 32, features),))
    )
    net = shaken(net.double())
    net(images(4, 8, seed=1))
    net.train(training)
    x = images(3, 8 if features == 64 else 32)
    ours, theirs = net(x), residual_network(net, x, 9, training)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    label = torch.tensor([1, 7, 3])
    ours, theirs = (gradients(net, F.cross_entropy(logits, label)) for logits in (ours, theirs))
    for name, gradient in ours.items():
        torch.testing.assert_close(
            gradient, theirs[name], rtol=1e-6, atol=1e-11, msg=lambda m, name=name: f"{name}: {m}"
        )


def test_the_full_size_residual_network_agrees_in_single_and_double_precision():
    net = shaken(build("resnet1"))
    x = images(2, 32, dtype=torch.float32)
    ours, theirs = net(x), residual_network(net, x, 9, training=True)
    assert (ours - theirs).norm() / theirs.norm() < 5e-6
    assert (
        copy_of(net).double()(x.double())
        - residual_network(net.double(), x.double(), 9, training=True)
    ).abs().max() < 1e-9


def three_stages(net, x, training):
    """Figures 3 D and 4 D.

    Three blocks a stage; a plain convolution, or max-pooling, hands over after blocks 3 and 6
    (steps 4 and 8).
    """
    tiny = net.spec.tying == "all"
    stem = net.pre_net.convolutions[0]
    h = F.conv2d(x, stem.weight, stem.bias, padding=1)
    for step in range(1, 12):
        stage = f"h{(step + 3) // 4}"
        if step in (4, 8):
            plain = None if tiny else net.convolutions[f"{stage}->h{step // 4 + 1}|0"]
            h = (
                F.max_pool2d(h, 2)
                if tiny
                else F.conv2d(h, plain.weight, plain.bias, stride=2, padding=1)
            )
            continue
        residual = h
        for layer, norm in enumerate((stage, f"{stage}->{stage}|1")):
            kernel = net.convolutions["shared" if tiny else f"{stage}->{stage}|{layer}"]
            residual = batch_norm(residual, None if training else net.statistics[norm], step - 1)
            if tiny:
                affine = net.affines[f"shared|{layer}"]
                residual = residual * affine.scale[:, None, None] + affine.shift[:, None, None]
            residual = F.conv2d(F.relu(residual), kernel.weight, kernel.bias, padding=1)
        h = h + residual
    last = net.post_net.statistics
    mean, var = (
        (h.mean((0, 2, 3)), h.var((0, 2, 3), correction=0))
        if training
        else (last.mean[11], last.var[11])
    )
    return post_net(net, h, mean, var)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", ["resnet3", "tiny30"])
def test_three_stage_nets_are_residual_networks(name, training):
    net = shaken(build(name).double())
    net(images(4, seed=1))
    net.train(training)
    x, label = images(3), torch.tensor([1, 7, 3])
    ours, theirs = net(x), three_stages(net, x, training)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    ours, theirs = (gradients(net, F.cross_entropy(logits, label)) for logits in (ours, theirs))
    for key, gradient in ours.items():
        torch.testing.assert_close(gradient, theirs[key], rtol=1e-6, atol=1e-11)


def untied(net, **options):
    """The unrolled feed-forward twin.

    Each instance has weights of its own, copied from the tied ones.
    """
    twin = network(net.spec.graph, net.spec.readout, tying="none", **options)
    source = net.state_dict()
    twin.load_state_dict(
        {
            key: source[key.split("@")[0] + "|" + key.split("|")[1] if "@" in key else key]
            for key in twin.state_dict()
        }
    )
    return twin.train(net.training)


TIED = {
    "resnet1": (full([State("h1", 8, 4)]), 6),
    "rnn2": (full([State("h1", 8, 4), State("h2", 8, 4)]), 6),
    "cortex4": (
        adjacent([State("V1", 16, 2), State("V2", 8, 3), State("V4", 4, 4), State("IT", 2, 5)]),
        8,
    ),
    "full": (full(THREE), 5),
}


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", TIED)
def test_a_tied_net_equals_its_untied_twin_and_its_gradient_is_the_sum_over_the_copies(
    name, training
):
    """Equation 6 of the memo."""
    graph, readout = TIED[name]
    tied = calibrate(
        network(graph, readout, pre_net="conv3"), images(20, graph.states[0].size), readout
    ).train(training)
    twin = untied(tied, pre_net="conv3")
    x, label = images(size=graph.states[0].size, seed=3), torch.tensor([0, 1, 2, 3])
    logits, same = tied(x), twin(x)
    torch.testing.assert_close(logits, same, rtol=1e-12, atol=1e-12)
    found, copies = (
        gradients(tied, F.cross_entropy(logits, label)),
        gradients(twin, F.cross_entropy(same, label)),
    )
    summed, number = {}, {}
    for key, gradient in copies.items():
        name = key.split("@")[0] + "|" + key.split("|")[1] if "@" in key else key
        summed[name] = summed.get(name, 0) + gradient
        number[name] = number.get(name, 0) + 1
    assert summed.keys() == found.keys()
    assert max(number.values()) > 1
    for key, gradient in found.items():
        torch.testing.assert_close(gradient, summed[key], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", TIED)
def test_unrolling_in_time_is_a_feed_forward_graph_with_a_state_for_every_step(name):
    """The same computation as a graph without any cycle.

    State V2 at step 3 becomes the state V2_3.
    """
    graph, readout = TIED[name]
    net = network(graph, readout)
    live = schedule(graph, readout, readouts=[readout]).instances()
    places = sorted(
        {(t.source, d) for t, d in live} | {(t.target, d + 1) for t, d in live},
        key=lambda p: (p[1], p[0] == graph.output_state),
    )
    unrolled = [
        State(f"{state}_{step}", graph[state].size, graph[state].features) for state, step in places
    ]
    edges = [
        Transition(f"{t.source}_{d}", f"{t.target}_{d + 1}", shortcut=t.shortcut) for t, d in live
    ]
    chain = network(Graph(tuple(unrolled), tuple(edges)), readout)
    assert all(chain.spec.graph.kind(t) in ("feed-forward", "skip") for t in edges)

    def tied(key):
        edge, layer = key.removeprefix("convolutions.").split("|")
        source, target = (end.rsplit("_", 1)[0] for end in edge.split("->"))
        return f"convolutions.{source}->{target}|{layer}"

    source = net.state_dict()
    weights = {
        key: source[tied(key) if key.startswith("convolutions.") else key]
        for key, _ in chain.named_parameters()
    }
    chain.load_state_dict(weights, strict=False)
    x = images(size=graph.states[0].size)
    torch.testing.assert_close(chain(x), net(x), rtol=1e-9, atol=1e-9)


def dense(weight, size):
    """The matrix of a 3x3 convolution with zero padding on (feature, y, x) vectors, by entry."""
    out_features, in_features = weight.shape[:2]
    matrix = np.zeros((out_features, size, size, in_features, size, size))
    for y, x, dy, dx in np.ndindex(size, size, 3, 3):
        i, j = y + dy - 1, x + dx - 1
        if 0 <= i < size and 0 <= j < size:
            matrix[:, y, x, :, i, j] = weight[:, :, dy, dx]
    return matrix.reshape(out_features * size**2, -1)


def linear_net(radius, seed, *, positive=False, size=5):
    """One state, h(t + 1) = K' h(t) + x: the convolution K' is scaled to a spectral radius."""
    graph = Graph((State("h", size, 2),), (Transition("h", "h", "conv"),), inhomogeneous=True)
    net = network(graph, 2, seed=seed).eval()
    kernel = net.convolutions["h->h|0"]
    with torch.no_grad():
        kernel.bias.zero_()
        if positive:
            kernel.weight.abs_()
        kernel.weight.mul_(
            radius / np.abs(np.linalg.eigvals(dense(kernel.weight.numpy(), size))).max()
        )
    return net, dense(kernel.weight.detach().numpy(), size)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("radius", [0.3, 0.8])
def test_a_linear_net_below_radius_one_converges_to_the_fixed_point(radius, seed):
    """Appendix B: h = (I - K')^-1 x."""
    net, matrix = linear_net(radius, seed)
    with torch.no_grad():
        found = states(net, images(1, 5, seed=seed), 120)
    x = found["h", 1].numpy().ravel()
    fixed_point = np.linalg.solve(np.eye(len(x)) - matrix, x)
    distance = [
        np.linalg.norm(found["h", t].numpy().ravel() - fixed_point) / np.linalg.norm(fixed_point)
        for t in range(1, 121)
    ]
    assert distance[0] > 0.05, "the first state is not yet the answer"
    assert distance[-1] < 1e-9
    np.testing.assert_allclose(
        found["h", 3].numpy().ravel(), x + matrix @ x + matrix @ matrix @ x, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("radius", [1.0, 1.1])
def test_a_linear_net_at_or_above_radius_one_diverges(radius):
    """With a kernel of one sign the largest eigenvalue is real, and a positive input excites it.

    Growth by radius^t, or linear at 1.
    """
    net, _ = linear_net(radius, 0, positive=True)
    with torch.no_grad():
        net.pre_net.convolutions[0].weight.abs_()
        found = states(net, images(1, 5).abs(), 400)
    norm = {t: found["h", t].norm().item() for t in (100, 200, 400)}
    step = (found["h", 400] - found["h", 399]).norm().item()
    if radius > 1:
        assert norm[400] / norm[200] == pytest.approx(radius**200, rel=1e-3)
    else:
        assert norm[400] / norm[200] == pytest.approx(2, rel=0.05)
        assert step == pytest.approx((norm[400] - norm[200]) / 200, rel=1e-3), (
            "each step adds as much as the one before"
        )
    assert norm[100] < norm[200] < norm[400]


@pytest.mark.parametrize("update", ["sum", "leaky"])
@pytest.mark.slow
def test_gradients_agree_with_finite_differences(update):
    """On a graph with feedback live at the readout, in evaluation mode after calibration."""
    tau = 2.0 if update == "leaky" else 1.0
    graph = adjacent([State("V1", 4, 2, update, tau), State("V2", 2, 3, update, tau)])
    net = calibrate(network(graph, 4), images(30, 4), 4)
    assert "V2->V1|0" in net.convolutions
    parameters = {name: p.detach().clone().requires_grad_() for name, p in net.named_parameters()}

    def logits(x, *values):
        return torch.func.functional_call(net, dict(zip(parameters, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(
        logits,
        (images(1, 4, seed=2).requires_grad_(), *parameters.values()),
        fast_mode=update == "leaky",
    )
