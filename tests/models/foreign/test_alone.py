"""Activations that depend on the other images of a batch, or on chance, are warned of."""

import warnings

import pytest
import torch
from torch import nn

from cortexsim import wrap
from cortexsim.errors import DependenceWarning

SMALL = {"size": (8, 8), "mean": (0.5,) * 3, "std": (0.25,) * 3}


class Net(nn.Module):
    """A convolution, and what is done with it."""

    def __init__(self, then) -> None:
        super().__init__()
        self.conv, self.then = nn.Conv2d(3, 4, 3, padding=1), then
        self.last = nn.Linear(4, 2)

    def forward(self, x):
        x = self.conv(x)
        then = self.then if isinstance(self.then, nn.Module) else lambda y: self.then(self, y)
        return self.last(then(x).mean((2, 3)))


class Remembering(nn.Module):
    """Keeps what it saw, as recurrent modules do that are not reset."""

    def __init__(self) -> None:
        super().__init__()
        self.held = 0.0

    def forward(self, x):
        self.held = x.mean() + self.held
        return x + self.held


UNSOUND = {
    "statistics of the batch": (
        nn.BatchNorm2d(4, track_running_stats=False),
        "depends on the other images of the batch.*batch_size=1",
    ),
    "mean of the batch": (lambda net, x: x - x.mean(0), "depends on the other images"),
    "dropout": (lambda net, x: nn.functional.dropout(x, 0.5), "each time it sees the same image"),
    "noise": (lambda net, x: x + torch.randn_like(x), "each time it sees the same image"),
    "memory": (Remembering(), "each time it sees the same image"),
}
SOUND = {
    "running statistics": nn.BatchNorm2d(4),
    "statistics of the image": nn.GroupNorm(2, 4),
    "dropout in evaluation": nn.Dropout(0.5),
    "a module that writes into its input": nn.ReLU(inplace=True),
}


@pytest.mark.parametrize("kind", UNSOUND)
def test_what_is_not_of_the_image_alone_is_warned_of_when_it_is_wrapped(kind):
    then, said = UNSOUND[kind]
    torch.manual_seed(0)
    with pytest.warns(DependenceWarning, match=said) as caught:
        wrap(Net(then), {"V1": "conv"}, preprocessing=SMALL)
    assert str(caught[0].message).startswith("readout: "), "the convolution itself is sound"


@pytest.mark.parametrize("kind", SOUND)
def test_what_is_of_the_image_alone_is_not(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = wrap(Net(SOUND[kind]), {"V1": "conv"}, preprocessing=SMALL)
    assert net.state_names == ("V1",)
