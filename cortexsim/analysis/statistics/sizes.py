"""Requests that are too large, refused before anything is allocated."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

from cortexsim.errors import AnalysisError

MOST = 1_000_000  # resamples, permutations, splits: a p-value of 1e-6, a bound known to 1 in 1000
ITEM = 8  # bytes
SHARE = 0.5  # of the machine's memory, for one array
UNKNOWN = 16 << 30  # bytes, where the machine does not say


def at_most(value: int, name: str, most: int = MOST) -> int:
    """A whole number that is not above the largest that is of use.

    Raises
    ------
    AnalysisError
        If it is.

    Examples
    --------
    >>> at_most(1000, "permutations")
    1000
    """
    if value > most:
        shown = f"{value:,}" if value < 10**12 else f"{value:.3g}" if value < 10**300 else "that"
        raise AnalysisError(
            f"{name}={shown} is more than is ever computed; give at most {most:,} (1000 tell an "
            "interval or a p-value of 0.05, 10,000 one of 0.005)"
        )
    return value


def room_for(shape: Mapping[str, int], what: str, instead: str, *, item: int = ITEM) -> None:
    """Refuse an array that the machine cannot hold.

    Parameters
    ----------
    shape : mapping of str to int
        The length of each axis by its name.
    what : str
        What it would hold.
    instead : str
        What to ask for instead.
    item : int
        Bytes a number.

    Raises
    ------
    AnalysisError
        If it would take more than half of the machine's memory.

    Examples
    --------
    >>> room_for({"resample": 1000, "member": 100}, "the resamples", "give a smaller n")
    """
    needed = item * math.prod(int(n) for n in shape.values())
    limit = int(SHARE * memory())
    if needed > limit:
        axes = " x ".join(f"{n:,} {name}s" for name, n in shape.items())
        raise AnalysisError(
            f"{what} ({axes}) would take {_bytes(needed)}, more than half of this machine's memory "
            f"({_bytes(limit)}): {instead}"
        )


def memory() -> int:
    """Bytes of memory of this machine."""
    try:
        return int(os.sysconf("SC_PAGE_SIZE")) * int(os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return UNKNOWN


def _bytes(count: Any) -> str:
    """In units that are read at a glance."""
    for unit, size in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,} bytes"
