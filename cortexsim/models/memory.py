"""What the loop over time keeps of the steps behind it, and how it runs them a second time."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import Tensor, nn

from cortexsim.models.transitions import Statistics

States = dict[str, Tensor]


@dataclass
class Memory:
    """What a step needs of those before it.

    Parameters
    ----------
    past : dict of int to states
        States by step.
    ready : dict of (str, int) to Tensor
        States normalised and rectified, by (state, step), shared by all transitions that leave
        them.
    looked : (Tensor, Tensor), optional
        The last frame and what the pre-net made of it.
    """

    past: dict[int, States] = field(default_factory=dict)
    ready: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    looked: tuple[Tensor, Tensor] | None = None

    def copy(self) -> Memory:
        """Another memory of the same tensors."""
        return Memory(dict(self.past), dict(self.ready), self.looked)

    def advance(self, now: int, states: States, *, longest: int) -> None:
        """Take in a step, and forget what no transition of at most ``longest`` steps can need."""
        self.past[now] = states
        self.past.pop(now - longest, None)
        for key in [k for k in self.ready if k[1] <= now - longest]:
            del self.ready[key]


def segments(steps: int, *, again: bool) -> Iterator[range]:
    """Steps 1..``steps`` in pieces: each by itself, or several where they are run ``again``.

    Run again for their gradient, they are so many that memory grows with the root of T: only the
    states between segments are kept. A segment has half the root of T steps, since a step keeps
    several times what its states hold.

    >>> [list(s) for s in segments(3, again=False)], [list(s) for s in segments(10, again=True)]
    ([[1], [2], [3]], [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]])
    """
    length = math.ceil(math.sqrt(steps) / 2) if again else 1
    for first in range(1, steps + 1, length):
        yield range(first, min(first + length, steps + 1))


@contextlib.contextmanager
def recomputing(net: nn.Module) -> Iterator[None]:
    """Steps computed a second time: their batch has entered the statistics already."""
    norms = [module for module in net.modules() if isinstance(module, Statistics)]
    for norm in norms:
        norm.keeps = False
    try:
        yield
    finally:
        for norm in norms:
            norm.keeps = True
