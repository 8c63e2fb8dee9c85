"""Smaller versions of the named networks.

What changes, what stays, and what a forward pass costs.
"""

from __future__ import annotations

import dataclasses

import pytest
import torch

from cortexsim.errors import GraphError
from cortexsim.models import Network, build
from cortexsim.models.liveness import schedule
from cortexsim.models.scaling import multiply_adds, scaled, split_scale
from cortexsim.models.spec import PRE_NETS
from cortexsim.models.transitions import Convolution
from cortexsim.models.twin import parameter_count
from cortexsim.models.zoo import ZOO, spec

SMALL_ENOUGH = sorted(set(ZOO) - {"cortex4-imagenet"})
SCALED = (
    "resnet1@f32p16",
    "resnet1-unshared@f32p16",
    "resnet3-unshared@f8p16",
    "rnn2-t2@f32p16",
    "rnn2@p8",
    "rnn3-full@f32p16",
    "rnn3-full@p8",
    "rnn3-adjacent-inhomogeneous@f32p16",
    "rnn3-generalize@p16",
    "tiny64@p16",
    "cortex4@f4",
    "cortex4-twin@p16",
)


def counted_by_hooks(net: Network, images: torch.Tensor) -> int:
    """Multiply-adds of a forward pass, from the shapes that went in and out of every module."""
    total = 0

    def convolution(module, arguments, output):
        nonlocal total
        taps = module.weight[0, 0].numel()
        # Every number that is read meets all output features, or every one written all inputs.
        if module.spec.transposed:
            total += arguments[0].numel() * taps * output.shape[1]
        else:
            total += output.numel() * taps * arguments[0].shape[1]

    def linear(module, arguments, output):
        nonlocal total
        total += output.numel() * arguments[0].shape[1]

    for module in net.modules():
        if isinstance(module, Convolution):
            module.register_forward_hook(convolution)
        elif isinstance(module, torch.nn.Linear):
            module.register_forward_hook(linear)
    with torch.no_grad():
        net.train()(images)
    return total // len(images)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", [*SMALL_ENOUGH, *SCALED])
def test_multiply_adds_are_those_that_hooks_count(name):
    architecture = spec(name)
    edge = architecture.graph.states[0].size * architecture.stride
    assert edge == 32
    assert multiply_adds(architecture) == counted_by_hooks(
        build(name), torch.randn(2, 3, edge, edge)
    )


def test_a_projection_is_counted():
    graph = spec("cortex4", readout=5).graph
    transitions = tuple(
        dataclasses.replace(t, shortcut="projection") if t.source != t.target else t
        for t in graph.transitions
    )
    architecture = spec("cortex4", graph=dataclasses.replace(graph, transitions=transitions))
    assert multiply_adds(architecture) == counted_by_hooks(
        Network(architecture), torch.randn(2, 3, 32, 32)
    )


@pytest.mark.parametrize("name", SMALL_ENOUGH)
def test_fewer_pixels_leave_every_parameter(name):
    assert parameter_count(spec(f"{name}@p16")) == parameter_count(spec(name))


@pytest.mark.parametrize("name", ["resnet1", "resnet3-unshared", "rnn2", "rnn3-full", "tiny30"])
def test_the_memos_networks_keep_their_shape(name):
    whole = spec(name)
    first = whole.graph.states[0]
    small = spec(f"{name}@f{first.features // 2}p{first.size // 2}")
    assert [(2 * s.size, 2 * s.features) for s in small.graph.states] == [
        (s.size, s.features) for s in whole.graph.states
    ]
    assert small.graph.transitions == whole.graph.transitions
    assert (small.readout, small.tying, small.norm) == (whole.readout, whole.tying, whole.norm)
    steps = max(whole.readout)
    assert (
        schedule(small.graph, steps, readouts=whole.readout).instances()
        == schedule(whole.graph, steps, readouts=whole.readout).instances()
    )
    assert multiply_adds(whole) / multiply_adds(small) == pytest.approx(16, rel=0.07)


def test_the_whole_image_reaches_the_smaller_maps():
    net = build("resnet1@f32p16")
    states = dict(net.train().unroll(torch.randn(2, 3, 32, 32), 2))
    assert states[2]["h1"].shape == (2, 32, 16, 16)
    image = torch.randn(2, 3, 32, 32, requires_grad=True)
    net(image).sum().backward()
    assert image.grad is not None
    assert (image.grad.abs().sum((0, 1)) > 0).all()


def test_no_change_is_the_network_itself():
    assert scaled(spec("rnn2")) == spec("rnn2") == spec("rnn2@f64p32")


def test_pre_nets_keep_their_layers():
    assert spec("rnn3-full@p16").pre_net == "conv3-stride2"
    assert spec("rnn3-full@p8").pre_net == "conv3-stride4"
    assert spec("rnn2@p16").pre_net == "conv1-stride2"
    assert spec("rnn2@p8").pre_net == "conv3-stride4"  # a 3x3 of stride 4 would leave out pixels
    more = 2 * (9 * 64 * 64 + 64)
    assert parameter_count(spec("rnn2@p8")) == parameter_count(spec("rnn2")) + more
    assert parameter_count(spec("rnn3-full@p8")) == parameter_count(spec("rnn3-full"))
    assert all(name.startswith(f"conv{len(strides)}") for name, strides in PRE_NETS.items())


def test_names_are_taken_apart():
    assert split_scale("cortex4-twin@f8") == ("cortex4-twin", {"features": 8})
    assert split_scale("tiny64@p16") == ("tiny64", {"pixels": 16})
    for wrong in ("rnn2@", "rnn2@16", "rnn2@p16f32", "rnn2@f"):
        with pytest.raises(GraphError, match="NAME@f32p16"):
            split_scale(wrong)


def test_scales_that_there_are_not_are_refused():
    with pytest.raises(GraphError, match="no network is called 'rnn9'"):
        spec("rnn9@p16")
    with pytest.raises(GraphError, match="features of V2: 31 x 4 / 15 is not a whole number"):
        spec("cortex4-twin@f4")
    with pytest.raises(GraphError, match=r"no pre-net has that stride; there are 1, 2, 4"):
        spec("rnn2@p4")
    with pytest.raises(GraphError, match="is not a whole number"):
        spec("cortex4@p4")


def test_a_scaled_network_is_built_from_its_seed_and_saved(tmp_path):
    from cortexsim.models import calibrate
    from cortexsim.models.weights import load_weights, save_weights

    net = build("rnn2-t3@f8p16", seed=3)
    x = torch.randn(4, 3, 32, 32)
    calibrate(net, x, 3)
    save_weights(net, tmp_path / "rnn2-t3@f8p16.safetensors", {})
    again = load_weights(tmp_path / "rnn2-t3@f8p16.safetensors")
    assert again.spec == net.spec == spec("rnn2-t3@f8p16")
    assert torch.equal(again.eval()(x), net.eval()(x))
