"""The networks as one would write them for a single experiment.

Eager, one BatchNorm for each (transition, layer, step), default memory format.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import nn

CORTEX4 = {
    "sizes": (32, 16, 8, 4),
    "features": (8, 16, 32, 64),
    "adjacent": True,
    "steps": 8,
    "pre": 3,
}
CORTEX4_FULL = {**CORTEX4, "adjacent": False, "steps": 5}
RNN2 = {"sizes": (32, 32), "features": (64, 64), "adjacent": False, "steps": 10, "pre": 1}
RNN3_FULL = {
    "sizes": (32, 16, 8),
    "features": (64, 128, 256),
    "adjacent": False,
    "steps": 5,
    "pre": 3,
}
PLAIN = {"cortex4": CORTEX4, "cortex4-full": CORTEX4_FULL, "rnn2": RNN2, "rnn3-full": RNN3_FULL}


class Plain(nn.Module):
    def __init__(self, sizes, features, adjacent, steps, pre):
        super().__init__()
        self.n, self.steps = len(sizes), steps
        self.edges = [
            (i, j) for i in range(self.n) for j in range(self.n) if not adjacent or abs(i - j) <= 1
        ]
        first = features[0]
        layers = [nn.Conv2d(3, first, 3, padding=1)]
        for _ in range(pre - 1):
            layers += [
                nn.BatchNorm2d(first, affine=False),
                nn.ReLU(),
                nn.Conv2d(first, first, 3, padding=1),
            ]
        self.pre = nn.Sequential(*layers)
        self.depth = {}
        self.conv, self.norm = nn.ModuleDict(), nn.ModuleDict()
        for i, j in self.edges:
            between = (features[i] + features[j]) // 2
            levels = (
                (sizes[i] // sizes[j]).bit_length() - 1
                if sizes[i] >= sizes[j]
                else -((sizes[j] // sizes[i]).bit_length() - 1)
            )
            depth = self.depth[i, j] = max(2, abs(levels))
            ends = [features[i], *[between] * (depth - 1), features[j]]
            for layer, (a, b) in enumerate(itertools.pairwise(ends)):
                stride = 2 if layer < abs(levels) else 1
                up = (
                    nn.ConvTranspose2d(a, b, 3, stride, padding=1, output_padding=stride - 1)
                    if levels < 0
                    else None
                )
                self.conv[f"{i}{j}{layer}"] = up or nn.Conv2d(a, b, 3, stride, padding=1)
                for t in range(1, steps):
                    self.norm[f"{i}{j}{layer}{t}"] = nn.BatchNorm2d(a, affine=False)
        self.last = nn.BatchNorm2d(features[-1])
        self.linear = nn.Linear(features[-1], 10)

    def forward(self, x):
        h = {0: self.pre(x)}
        for t in range(1, self.steps):
            # What can still reach the last state at the readout, as a careful person would skip the
            # rest.
            useful = {
                j
                for j in range(self.n)
                if self.n - 1 - j
                <= (self.steps - 1 - t) * (1 if len(self.edges) < self.n**2 else self.n)
            }
            new = {}
            for i, j in self.edges:
                if i in h and j in useful:
                    out = h[i]
                    for layer in range(self.depth[i, j]):
                        out = self.conv[f"{i}{j}{layer}"](
                            F.relu(self.norm[f"{i}{j}{layer}{t}"](out))
                        )
                    if i == j:
                        out = out + h[i]
                    new[j] = new[j] + out if j in new else out
            h = new
        return self.linear(F.relu(self.last(h[self.n - 1])).mean((2, 3)))


def copy_weights(plain: Plain, net) -> None:
    """The weights of one of our networks, to check that both compute the same before they are
    timed.
    """
    names = [s.name for s in net.spec.graph.states]
    with torch.no_grad():
        convolutions = [m for m in plain.pre if isinstance(m, nn.Conv2d)]
        pairs = list(zip(convolutions, net.pre_net.convolutions, strict=True))
        for i, j in plain.edges:
            pairs += [
                (plain.conv[f"{i}{j}{layer}"], net.convolutions[f"{names[i]}->{names[j]}|{layer}"])
                for layer in range(plain.depth[i, j])
            ]
        for theirs, ours in [*pairs, (plain.linear, net.post_net.linear)]:
            theirs.weight.copy_(ours.weight)
            theirs.bias.copy_(ours.bias)
