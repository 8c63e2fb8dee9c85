"""Time courses of the states of a recording, to be given to the latency functions beside those of neurons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cortexsim.analysis.linear.frames import frames
from cortexsim.errors import AnalysisError

PER = ("unit", "stimulus")


def size(x: np.ndarray, per: str) -> np.ndarray:
    """Root mean square of ``(stimulus, unit)`` over the other axis."""
    return np.sqrt((x.astype(np.float64) ** 2).mean(0 if per == "unit" else 1))


def selectivity(x: np.ndarray, per: str) -> np.ndarray:
    """Root mean square distance from the mean over stimuli: per unit its standard deviation over stimuli, per stimulus how far it is from the mean."""
    return size(x - x.mean(0, dtype=np.float64), per)


QUANTITIES: dict[str, Callable[[np.ndarray, str], np.ndarray]] = {
    "size": size,
    "selectivity": selectivity,
}


def state_courses(recording: Any, state: str, quantity: str = "size", *, per: str = "unit") -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """``(member, step)`` and the steps: how strongly a state responds, per unit or per stimulus; NaN where it is not populated.

    ``size = sqrt(mean x^2)``, ``selectivity = sqrt(mean (x - mean over stimuli)^2)``, over stimuli for ``per="unit"`` and over units for
    ``per="stimulus"``. These are what ``latencies``, ``population_latency`` and ``latency_difference`` take, with ``baseline_ms="silent"``: the onset is
    then the first populated step. A state whose response still grows peaks at the last step of the run.

    recording: its path or DataTree, or a DataArray ``(stimulus, step, unit)`` (then state is its name in errors only).
    Raises AnalysisError for unknown quantities and states.

    >>> import xarray
    >>> x = np.full((2, 4, 3), np.nan)
    >>> x[:, 2:] = 1.0
    >>> courses, steps = state_courses(xarray.DataArray(x, dims=("stimulus", "step", "unit")), "V4")
    >>> courses[0].tolist(), steps.tolist()
    ([nan, nan, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0])
    """
    if quantity not in QUANTITIES or per not in PER:
        raise AnalysisError(
            f"quantity={quantity!r} per={per!r} is not known; choose from {', '.join(QUANTITIES)}, and per from {', '.join(PER)}"
        )
    is_array = hasattr(recording, "dims") and not hasattr(recording, "children")
    x = frames(recording) if is_array else frames(recording, states=state)
    found = {place: QUANTITIES[quantity](x.frame(0, place), per) for _, place in x.all()}
    members = len(next(iter(found.values())))
    courses = np.full((members, len(x.places)), np.nan)
    for place, values in found.items():
        courses[:, place] = values
    return courses, np.asarray(x.places, dtype=np.float64)
