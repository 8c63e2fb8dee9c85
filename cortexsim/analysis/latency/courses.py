"""Time courses of the states of a recording, for the latency functions, beside those of neurons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cortexsim.analysis.linear.frames import Frames, frames
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float

PER = ("unit", "stimulus")


def size(x: Float[np.ndarray, "stimulus unit"], per: str) -> np.ndarray:
    """Root mean square over the other axis."""
    return np.sqrt((x.astype(np.float64) ** 2).mean(0 if per == "unit" else 1))


def selectivity(x: Float[np.ndarray, "stimulus unit"], per: str) -> np.ndarray:
    """Root mean square distance from the mean over stimuli.

    Per unit its standard deviation over stimuli, per stimulus how far it is from the mean.
    """
    return size(x - x.mean(0, dtype=np.float64), per)


QUANTITIES: dict[str, Callable[[np.ndarray, str], np.ndarray]] = {
    "size": size,
    "selectivity": selectivity,
}


def places_of(x: Frames) -> np.ndarray:
    """The steps of frames, or their times in ms, which were checked as they came in."""
    return np.asarray(x.places, dtype=np.float64)


@clear_errors
def state_courses(
    recording: Any, state: str, quantity: str = "size", *, per: str = "unit"
) -> tuple[np.ndarray, np.ndarray]:
    """How strongly a state responds at each step, per unit or per stimulus.

        size = sqrt(mean x^2)
        selectivity = sqrt(mean (x - mean over stimuli)^2)

    over stimuli for ``per="unit"`` and over units for ``per="stimulus"``. These are what
    ``latencies``, ``population_latency`` and ``latency_difference`` take, with
    ``baseline_ms="silent"``: the onset is then the first populated step. A state whose response
    still grows peaks at the last step of the run.

    Parameters
    ----------
    recording : path, DataTree, or DataArray (stimulus, step or time_ms, unit)
        Of a DataArray, state is the name in errors only.
    state : str
        Which state.
    quantity : {"size", "selectivity"}
        What is measured.
    per : {"unit", "stimulus"}
        What the members are.

    Returns
    -------
    courses : array of shape (member, step)
        NaN where the state is not populated.
    steps : array of shape (step,)
        Whole numbers from 1, so that latencies are in steps and say so; of ``time_ms`` the times.
        In ms: ``cortexsim.TimeAxis(...).time_ms(steps)``.

    Raises
    ------
    AnalysisError
        For unknown quantities and states.

    Examples
    --------
    >>> import xarray
    >>> x = np.full((2, 4, 3), np.nan)
    >>> x[:, 2:] = 1.0
    >>> array = xarray.DataArray(x, dims=("stimulus", "step", "unit"))
    >>> courses, steps = state_courses(array, "V4")
    >>> courses[0].tolist(), steps.tolist()
    ([nan, nan, 1.0, 1.0], [1, 2, 3, 4])
    """
    if quantity not in QUANTITIES or per not in PER:
        raise AnalysisError(
            f"quantity={quantity!r} per={per!r} is not known; choose from "
            f"{', '.join(QUANTITIES)}, and per from {', '.join(PER)}"
        )
    is_array = hasattr(recording, "dims") and not hasattr(recording, "children")
    x = frames(recording) if is_array else frames(recording, states=state)
    by_place = {place: QUANTITIES[quantity](x.frame(0, place), per) for _, place in x.all()}
    members = len(next(iter(by_place.values())))
    courses = np.full((members, len(x.places)), np.nan)
    for place, values in by_place.items():
        courses[:, place] = values
    times = places_of(x)
    return courses, times.astype(np.int64) if x.axis == "step" else times
