"""Our networks and wrapped ones keep one protocol."""

import torch
from others import AREAS, iterated
from torch import nn

from cortexsim.models import Unrolls, build, wrap

SMALL = {"size": (8, 8), "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}


OUTPUTS = {s: f"{s}.output" for s in AREAS}


def small(module: nn.Module, states: dict[str, str], **options):
    return wrap(module, states, **{"preprocessing": SMALL, **options})


def test_both_kinds_of_network_have_the_protocol():
    for net in (build("cortex4"), small(iterated(), OUTPUTS, as_="staircase")):
        assert isinstance(net, Unrolls)
    assert not isinstance(nn.Linear(2, 2), Unrolls)


def test_the_protocols_readout_of_our_own_network_is_its_readout():
    net = build("cortex4", seed=1).train()
    x = torch.rand(4, 3, 32, 32)
    ours = {step: net.logits(states, step) for step, states in net.unroll(x, 8)}
    assert [t for t, y in ours.items() if y is None] == [1, 2, 3]
    torch.testing.assert_close(ours[8], net.readouts(x, (8,))[8], rtol=0, atol=0)
    assert net.state_names == AREAS
    assert net.describe() == net.spec.as_dict()
