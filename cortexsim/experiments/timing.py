"""How long something takes, from a small part of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def seconds(compute: Callable[[int], Any], permutations: int) -> float:
    """How long something takes, from a run without and a run with 20 permutations.

    Parameters
    ----------
    compute : callable
        Does it, with so many permutations.
    permutations : int
        Of the run that is asked for.
    """
    compute(0)  # what is imported or compiled only once
    took = []
    for few in (0, 20):
        began = time.monotonic()
        compute(few)
        took.append(time.monotonic() - began)
    return took[0] + max(0.0, took[1] - took[0]) / 20 * permutations
