"""What trained_on.py compares, and what may be said of it.

Each contrast is tested over images, units and subjects (one training of each network) and over
trainings, of which there are several; it is said where both show it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cortexsim.analysis.statistics.intervals import percentile_interval
from shared.trainings import add_holm, combination

PHOTOGRAPHS, PHOTOGRAPHS_TWIN = "photographs", "photographs twin"
CONTRASTS = {
    "images": (PHOTOGRAPHS, "cortex4"),
    "images, twin": (PHOTOGRAPHS_TWIN, "twin"),
    "recurrence": ("cortex4", "twin"),
    "recurrence, photographs": (PHOTOGRAPHS, PHOTOGRAPHS_TWIN),
    "training": ("cortex4", "untrained"),
}
ALIKE = {PHOTOGRAPHS: "cortex4", PHOTOGRAPHS_TWIN: "twin"}
"""A net of one training, and the net whose trainings it is taken to scatter as."""
TWO = {
    "images - recurrence": {PHOTOGRAPHS_TWIN: 1.0, "cortex4": -1.0},
    "images + recurrence": {PHOTOGRAPHS: 1.0, "twin": -1.0},
}
"""What tells which of the two is larger in size: both have its sign.

Images are the mean of both contrasts of images, recurrence that of both of recurrence, of which
these are the difference and the sum.
"""
LEVEL = 0.05


def over_trainings(values: Mapping[str, Sequence[float]], targets: int) -> dict[str, Any]:
    """Contrasts of networks of which there are several trainings, and intervals of :data:`TWO`.

    targets: over how many the larger is judged; the intervals are as much wider.
    """
    contrasts = {
        k: combination(values, {a: 1.0, b: -1.0}, alike=ALIKE)
        for k, (a, b) in CONTRASTS.items()
        if a in values and b in values
    }
    sure = 1 - LEVEL / targets
    two = {k: combination(values, w, alike=ALIKE, confidence=sure) for k, w in TWO.items()}
    return {"contrasts": contrasts, "larger": {k: one["interval"] for k, one in two.items()}}


def larger(
    samples: Mapping[str, np.ndarray], trainings: Mapping[str, Any], targets: int
) -> dict[str, Any]:
    """Whether images or recurrence make the larger absolute difference.

    samples: of the same resamples, for each network. trainings: intervals over trainings, as
    :func:`over_trainings` gives them.

    >>> zero = np.zeros(40)
    >>> of = {"cortex4": zero, "twin": zero - 1 + np.linspace(-0.1, 0.1, 40)}
    >>> of |= {PHOTOGRAPHS: zero + 5, PHOTOGRAPHS_TWIN: zero + 4}
    >>> wide = {"images - recurrence": [3.0, 5.0], "images + recurrence": [5.0, 7.0]}
    >>> larger(of, wide, 4)["verdict"]
    'images'
    >>> larger(of, wide | {"images - recurrence": None}, 4)["verdict"]  # trainings are too few
    'undecided'
    """
    sure = 1 - LEVEL / targets
    intervals = {
        k: percentile_interval(sum(w * samples[net] for net, w in weights.items()), sure)
        for k, weights in TWO.items()
    }
    verdicts = {named(intervals), named(trainings)}
    verdict = verdicts.pop() if len(verdicts) == 1 else "undecided"
    return {**intervals, "over trainings": dict(trainings), "verdict": verdict}


def named(intervals: Mapping[str, Any]) -> str:
    """Which of the two is larger, by the intervals of :data:`TWO`.

    >>> named({"images - recurrence": [0.1, 0.2], "images + recurrence": [-0.3, -0.1]})
    'recurrence'
    """
    signs = [_sign(intervals[k]) for k in TWO]
    return {1: "images", -1: "recurrence", 0: "undecided"}[signs[0] * signs[1]]


def _sign(interval: Any) -> int:
    """Of all that an interval holds; 0 if zero is in it, or if there is none."""
    if interval is None or interval[0] <= 0 <= interval[1]:
        return 0
    return 1 if interval[0] > 0 else -1


def adjust(found: Sequence[dict[str, Any]]) -> None:
    """Holm's p of all contrasts of all targets; apart from these, of all over trainings."""
    for kind in ("contrasts", "over_trainings"):
        add_holm([row for one in found for row in one[kind].values()])


def shown(row: Mapping[str, Any]) -> bool:
    """Whether a contrast differs from zero."""
    return row["p_holm"] is not None and row["p_holm"] < LEVEL


def sentence(name: str, one: Mapping[str, Any]) -> str:
    """What may be said of a target."""
    said = []
    for k, row in one["contrasts"].items():
        low, high = row["interval"]
        over = one["over_trainings"].get(k)
        unsure = ", not shown" if not shown(row) else ""
        if not unsure and over is not None and not shown(over):
            unsure = ", not shown over trainings"
        said.append(f"{k} {row['difference']:+.3f} [{low:+.3f}, {high:+.3f}]{unsure}")
    which = {
        "images": "images matter more than recurrence",
        "recurrence": "recurrence matters more than images",
        "undecided": "which matters more is undecided",
    }[one["larger"]["verdict"]]
    return f"{name}: {'; '.join(said)}; {which}."
