"""The processes that ``torchrun`` (or another launcher) started for one piece of work."""

from __future__ import annotations

import os
from dataclasses import dataclass

from cortexsim.errors import CortexsimError


@dataclass(frozen=True)
class Processes:
    """This process among those that were started together.

    Parameters
    ----------
    rank : int
        Which one this is, from 0; the first one speaks and decides.
    count : int
        How many there are, on all machines.
    local : int
        Which one this is of those on this machine, from 0.
    name : str
        What tells these processes from others that do the same elsewhere.
    """

    rank: int = 0
    count: int = 1
    local: int = 0
    name: str = ""

    @classmethod
    def of_environment(cls) -> Processes:
        """As ``RANK``, ``WORLD_SIZE`` and ``LOCAL_RANK`` say; one process where they are not set.

        Raises
        ------
        CortexsimError
            For what is no number, and for a rank that there is not.
        """
        rank, count, local = (
            _number(name, default)
            for name, default in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))
        )
        if not rank < count:
            raise CortexsimError(
                f"RANK is {rank} and WORLD_SIZE is {count}: ranks go from 0 to {count - 1}. Start "
                "with torchrun, which sets both, or unset both"
            )
        names = ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_ADDR", "MASTER_PORT")
        return cls(rank, count, local, " ".join(os.environ.get(name, "-") for name in names))

    @property
    def first(self) -> bool:
        """Whether this is the process that speaks and decides."""
        return self.rank == 0

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.count > 1


def _number(name: str, default: str) -> int:
    """A number from the environment, at least 0."""
    text = os.environ.get(name, default)
    if not text.isdecimal():
        raise CortexsimError(
            f"the environment variable {name} is {text!r}, which is no number; torchrun sets it, "
            "or unset it"
        )
    return int(text)


ALONE = Processes()
