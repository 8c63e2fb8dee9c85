"""Activation checkpointing.

The loss, gradients and statistics of a run that keeps everything, in memory that grows with the
root of T.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from live_bytes import LiveBytes
from plain_net import images

import cortexsim
from cortexsim.models import Graph, State, Transition
from cortexsim.models.network import Network
from cortexsim.models.spec import Spec

STATES = (State("V1", 8, 4), State("V2", 4, 6, update="leaky", tau_steps=2.0))
# Delays of two and three steps: normalised states are shared by transitions that arrive in
# different segments.
DELAYS = Graph(
    STATES,
    (
        Transition("V1", "V1", shortcut="identity", delay=2),
        Transition("V1", "V2"),
        Transition("V2", "V2", delay=3),
        Transition("V2", "V1"),
    ),
)
CASES = {
    "cortex4": lambda: cortexsim.build("cortex4"),
    "every input": lambda: cortexsim.build("cortex4", inhomogeneous=True, readout=(6, 9)),
    "affine": lambda: cortexsim.build("tiny30"),
    "shared statistics": lambda: cortexsim.build("rnn2-t5", norm="shared"),
    "delays": lambda: Network(Spec(DELAYS, (11,), pre_net="conv3")),
}


def trained_twice(make, again: bool, *, evaluate: bool = False):
    """Two batches through a network in double precision.

    The losses, gradients, and all that it stores.
    """
    net = make().double().train()
    losses = []
    for seed in (0, 1):
        net.checkpoint_activations = again
        logits = net.readouts(images(4, 16, seed=seed), net.spec.readout)
        loss = sum((F.cross_entropy(v, torch.arange(4)) for v in logits.values()), torch.zeros(()))
        loss.backward()
        losses.append(loss.detach())
        net.train(not evaluate)
    stored = {k: v for k, v in net.state_dict().items() if torch.is_tensor(v)}
    return torch.stack(losses), {k: p.grad for k, p in net.named_parameters()}, stored


@pytest.mark.sampled(5)
@pytest.mark.parametrize("evaluate", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_loss_gradients_and_statistics_are_the_same(case, evaluate):
    plain, again = (trained_twice(CASES[case], flag, evaluate=evaluate) for flag in (False, True))
    torch.testing.assert_close(again[0], plain[0], rtol=1e-10, atol=1e-12)
    for mine, theirs in zip(again[1:], plain[1:], strict=True):
        assert mine.keys() == theirs.keys()
        for key, value in theirs.items():
            torch.testing.assert_close(
                mine[key], value, rtol=1e-10, atol=1e-10, msg=lambda m, k=key: f"{k}: {m}"
            )


def test_statistics_take_a_batch_in_once_even_where_every_step_is_computed_twice():
    """Against the exponential average written out.

    From the drive of V1 by the first convolution, which no gradient has moved yet.
    """
    net = cortexsim.build("cortex4").double().train()
    net.checkpoint_activations = True
    batches = [images(6, 16, seed=s) for s in (0, 1, 2)]
    expected = None
    for batch in batches:
        with torch.no_grad():
            mean = net.pre_net.convolutions[0](batch).mean((0, 2, 3))
        expected = mean if expected is None else 0.9 * expected + 0.1 * mean
        net(batch).sum().backward()
    torch.testing.assert_close(net.pre_net.statistics[0].mean[0], expected, rtol=1e-10, atol=1e-12)
    assert all(module.keeps for module in net.modules() if hasattr(module, "keeps"))


def test_steps_are_computed_twice_only_for_a_gradient():
    net = cortexsim.build("cortex4").double().train()
    net.checkpoint_activations = True
    calls = []
    hook = net.convolutions["IT->IT|0"].register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        net(images(2, 16))
    alone, loss = len(calls), net(images(2, 16)).sum()
    assert len(calls) == 2 * alone
    loss.backward()
    hook.remove()
    assert alone == 4  # arriving at steps 5 to 8
    assert (
        len(calls) == 2 * alone + 2
    )  # steps 7 and 8 are the last segment, whose gradient comes first


def peak(net: Network, again: bool, steps: int) -> int:
    net.checkpoint_activations = again
    x = images(2, 16).float()
    with LiveBytes() as live:
        net.readouts(x, (steps,))[steps].sum().backward()
    net.zero_grad()
    return live.peak


@pytest.mark.slow
def test_memory_grows_with_the_root_of_the_number_of_steps():
    """Peak of all live tensors of a forward and backward pass.

    The exponent is fitted to T = 9 to 36.
    """
    times = (9, 16, 36)
    exponents = {}
    for again in (False, True):
        peaks = [peak(cortexsim.build("rnn2", readout=t).train(), again, t) for t in times]
        # Weights and their gradients do not depend on T.
        fixed = 2 * 4 * sum(p.numel() for p in cortexsim.build("rnn2").parameters())
        exponents[again] = np.polyfit(np.log(times), np.log(np.array(peaks) - fixed), 1)[0]
    assert exponents[False] > 0.9
    assert exponents[True] < 0.65
