"""At which readout times the loss is taken."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from cortexsim.errors import TrainingError
from cortexsim.models.network import Network
from cortexsim.models.states import ranges
from cortexsim.training.config import Settings


@dataclass(frozen=True)
class Supervision:
    """The readout times whose statistics and answers are trained.

    drawn: one of them for each batch, instead of all.
    """

    steps: tuple[int, ...]
    drawn: bool = False

    def of_batch(self, number: int, generator: torch.Generator) -> tuple[int, ...]:
        """The readout times of the loss of batch ``number``.

        The first batch takes all, so that the statistics of every one begin with it.
        """
        if not self.drawn or number == 0:
            return self.steps
        return (self.steps[int(torch.randint(len(self.steps), (), generator=generator))],)


def supervision(settings: Settings, net: Network) -> Supervision:
    """What ``supervise`` or ``random_readout`` asks of a network.

    The network stays the same whatever is supervised: its readout time alone decides which
    transitions own parameters, and an earlier answer is read from the last state that these
    populate. Raises TrainingError for a step at which they do not, or where the readout time of
    the network is left out (weights that only it uses would never be trained).
    """
    words = tuple(settings.supervise)
    if settings.random_readout is not None:
        low, high = settings.random_readout
        asked, option = tuple(range(low, high + 1)), "`random_readout`"
    elif words == ("last",):
        return Supervision(net.spec.readout)
    elif words == ("all",):
        return Supervision(net.readable(net.readout))
    else:
        asked, option = tuple(sorted(set(map(int, words)))), "`supervise`"
    possible = net.readable(max(*asked, net.readout))
    if strangers := sorted(set(asked) - set(possible)):
        raise TrainingError(
            f"{option} asks for the readout at step {ranges(strangers)}, but "
            f"{net.spec.graph.output_state} can be read at step {ranges(list(possible))} only; "
            "give such steps"
        )
    if left_out := sorted(set(net.spec.readout) - set(asked)):
        raise TrainingError(
            f"{option} leaves out step {ranges(left_out)}, the readout time of the network; add "
            "it, or change it with `readout`"
        )
    return Supervision(asked, drawn=settings.random_readout is not None)
