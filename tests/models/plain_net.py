"""The equations of a multi-state net written plainly, for comparison: no planning, no sharing, one normalisation per instance."""

import copy

import torch
import torch.nn.functional as F

from cortexsim.models import Network, Spec


class Norms:
    """Running statistics of every (transition, layer, departure step), each kept apart, as the memo defines them."""

    def __init__(self):
        self.rows = {}

    def __call__(self, key, x, training):
        if training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
            unbiased = x.var((0, 2, 3), correction=1)
            old_mean, old_var = self.rows.get(key, (mean.detach(), unbiased.detach()))
            self.rows[key] = (
                0.9 * old_mean + 0.1 * mean.detach(),
                0.9 * old_var + 0.1 * unbiased.detach(),
            )
        else:
            mean, var = self.rows[key]
        return (x - mean[:, None, None]) / torch.sqrt(var[:, None, None] + 1e-5)


def run(net, frames, steps, norms=None, training=True):
    """{(state, step): maps} of a net with weights tied over time and BRC transitions; frames: {step: images}."""
    norms = norms or Norms()
    weights = dict(net.named_parameters())
    history = {}
    for now in range(1, steps + 1):
        total = {}
        if now in frames:
            first = net.spec.graph.states[0].name
            kernel, bias = (
                weights["pre_net.convolutions.0.weight"],
                weights["pre_net.convolutions.0.bias"],
            )
            total[first] = F.conv2d(frames[now], kernel, bias, padding=1)
        for t in net.spec.graph.transitions:
            source = history.get((t.source, now - t.delay))
            if source is None:
                continue
            total[t.target] = total.get(t.target, 0) + brc(
                net, weights, t, now - t.delay, source, norms, training
            )
            if t.shortcut == "identity":
                total[t.target] = total[t.target] + source
        for s in net.spec.graph.states:
            before = history.get((s.name, now - 1))
            if s.update == "leaky" and (s.name in total or before is not None):
                history[s.name, now] = (1 - 1 / s.tau_steps) * (
                    0 if before is None else before
                ) + total.get(s.name, 0) / s.tau_steps
            elif s.name in total:
                history[s.name, now] = total[s.name]
    return history


def brc(net, weights, t, departed, x, norms, training):
    """BatchNorm, ReLU, 3x3 convolution as often as there are weights; the first ones change the size by two each."""
    source, target = net.spec.graph[t.source].size, net.spec.graph[t.target].size
    layer = 0
    while (name := f"convolutions.{t.name}|{layer}") + ".weight" in weights:
        kernel, bias = weights[name + ".weight"], weights[name + ".bias"]
        x = F.relu(norms((t.name, layer, departed), x, training))
        if source > target * 2**layer:
            x = F.conv2d(x, kernel, bias, stride=2, padding=1)
        elif target > source * 2**layer:
            x = F.conv_transpose2d(x, kernel, bias, stride=2, padding=1, output_padding=1)
        elif target > source:
            x = F.conv_transpose2d(x, kernel, bias, padding=1)
        else:
            x = F.conv2d(x, kernel, bias, padding=1)
        layer += 1
    assert layer >= 1, f"{t.name} has no weights"
    return x


def post_net(net, state, mean, var):
    """BatchNorm with scale and shift, ReLU, mean over space, linear."""
    p = net.post_net
    x = (state - mean[:, None, None]) / torch.sqrt(var[:, None, None] + 1e-5)
    x = F.relu(x * p.affine.scale[:, None, None] + p.affine.shift[:, None, None])
    return x.mean((2, 3)) @ p.linear.weight.T + p.linear.bias


def network(graph, readout, seed=0, **options):
    """A net in float64 whose biases, scales and shifts are not at their neutral initial values."""
    readout = (readout,) if isinstance(readout, int) else readout
    return shaken(Network(Spec(graph, readout, classes=4, **options), seed=seed).double(), seed)


def shaken(net, seed=0):
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(
                0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            )
    return net


def images(n=4, size=8, seed=0, dtype=torch.float64):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def copy_of(net):
    return copy.deepcopy(net)


def states(net, frames, steps):
    """{(state, step): maps} of the network under test."""
    return {(name, step): x for step, here in net.unroll(frames, steps) for name, x in here.items()}


def assert_same(ours, theirs, **tolerance):
    assert ours.keys() == theirs.keys()
    for key in ours:
        torch.testing.assert_close(
            ours[key], theirs[key], msg=lambda m, key=key: f"{key}: {m}", **tolerance
        )
