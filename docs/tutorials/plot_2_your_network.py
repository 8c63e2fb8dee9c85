"""
Your network through the same door
==================================

Three networks that cortexsim did not make are recorded as its own are: a convolutional GRU that
keeps its states to itself, a loop that returns all of its states, and a plain feed-forward ResNet.
Nothing in them is changed; what a *step* means is said once, when they are wrapped.

The networks here have fresh weights, since their training is not the point; load yours before
wrapping.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

import cortexsim
from cortexsim.stimuli import load_stimuli

photographs = load_stimuli("sample", limit=16)
small = {"size": (32, 32), "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}

# %%
# A convolutional GRU
# -------------------
# Its cells are ordinary submodules, each called once a time step. ``as_="calls"`` says that the
# n-th call of a cell is step n.


class ConvGRUCell(nn.Module):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.gates = nn.Conv2d(channels_in + channels, 2 * channels, 3, padding=1)
        self.candidate = nn.Conv2d(channels_in + channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor, h: torch.Tensor | None) -> torch.Tensor:
        if h is None:
            h = x.new_zeros(len(x), self.channels, *x.shape[2:])
        update, reset = torch.sigmoid(self.gates(torch.cat([x, h], 1))).chunk(2, 1)
        candidate = torch.tanh(self.candidate(torch.cat([x, reset * h], 1)))
        return (1 - update) * h + update * candidate


class ConvGRU(nn.Module):
    def __init__(self, steps: int = 6) -> None:
        super().__init__()
        self.steps = steps
        self.v1, self.v4 = ConvGRUCell(3, 8), ConvGRUCell(8, 16)
        self.pool, self.readout = nn.MaxPool2d(4), nn.Linear(16, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        v1 = v4 = None
        for _ in range(self.steps):
            v1 = self.v1(images, v1)
            v4 = self.v4(self.pool(v1), v4)
        return self.readout(v4.mean((2, 3)))


torch.manual_seed(0)
gru = cortexsim.wrap(
    ConvGRU(), {"V1": "v1", "V4": "v4"}, as_="calls", readout=None, preprocessing=small
)
recording = cortexsim.record_network(gru, photographs, keep="mean")
recording["V4"].activation

# %%
# Times of somebody else's network are steps until you say otherwise, because nobody knows how long
# its step is. To declare milliseconds (here 10 a step, from 8 to 15), give the recording an axis:

from cortexsim.recording import Settings

ten_ms = cortexsim.TimeAxis(step_ms=10, step_ms_low=8, step_ms_high=15, source="my guess")
recording = cortexsim.record_network(
    gru, photographs, keep="mean", settings=Settings(time_axis=ten_ms)
)
recording["V4"].time_ms.values

# %%
# A loop that returns all of its states
# -------------------------------------
# Many recurrent models return a list with one dictionary a time step. Then the place of each state
# is written as one would index it, with ``*`` for time; ``arguments`` is what forward needs besides
# the images.


class Loop(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.feedforward = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.lateral = nn.Conv2d(8, 8, 3, padding=1)
        self.up = nn.Conv2d(8, 16, 3, stride=2, padding=1)

    def forward(self, images: torch.Tensor, T: int) -> list[dict[str, torch.Tensor]]:
        drive, states = self.feedforward(images), []
        v1 = torch.zeros_like(drive)
        for _ in range(T):
            v1 = torch.relu(drive + self.lateral(v1))
            states.append({"V1": v1, "IT": torch.relu(self.up(v1))})
        return states


loop = cortexsim.wrap(
    Loop(),
    {"V1": "[*][V1]", "IT": "[*][IT]"},
    arguments={"T": 5},
    readout=None,
    preprocessing=small,
)
cortexsim.record_network(loop, photographs, keep="mean")["IT"].activation.sizes

# %%
# A plain ResNet
# --------------
# A feed-forward network has no time. ``as_="staircase"`` lets one area be reached a step, as a wave
# of activity would; ``as_="static"`` puts all areas at step 1. Which layer stands for which area is
# a convention of yours.

import torchvision

torch.manual_seed(0)
resnet = cortexsim.wrap(
    torchvision.models.resnet18(),
    {"V1": "layer1", "V2": "layer2", "V4": "layer3", "IT": "layer4"},
    as_="staircase",
    preprocessing={"size": (64, 64), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
)
recording = cortexsim.record_network(resnet, photographs, keep="mean", steps=6)
recording["IT"].activation.isnull().all(("stimulus", "unit")).to_series()

# %%
# From here on all is alike
# -------------------------
# Recordings of any network go into the same analyses. Here: how differently each state of the GRU
# responds to each pair of photographs, step by step.

from cortexsim import plotting
from cortexsim.analysis import rdm_movie

plotting.movie(rdm_movie(cortexsim.record_network(gru, photographs), progress=False))
plt.show()

# %%
# ``small`` says how images are to be prepared. Without it ``wrap`` takes what networks of ImageNet
# want, 224 x 224 pixels, which is slow for a small network; ``print(net)`` says what holds.
#
# The same from the shell, with a file ``mine.py`` that has ``net`` (the network, or a function that
# returns it; it may import files beside it):
#
# .. code-block:: console
#
#    $ cortexsim record --model mine.py:net --stimuli photos/ --keep mean --out mine.zarr
