"""How long something takes, from a small part of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


def seconds(one: Callable[[int], Any], permutations: int) -> float:
    """How long ``one(permutations)`` takes, from a run without and a run with 20."""
    one(0)  # what is imported or compiled only once
    took = []
    for few in (0, 20):
        began = time.monotonic()
        one(few)
        took.append(time.monotonic() - began)
    return took[0] + max(0.0, took[1] - took[0]) / 20 * permutations
