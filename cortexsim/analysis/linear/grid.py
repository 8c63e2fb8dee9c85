"""Results of single frames on the grid of states and steps, with coordinates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.frames import Frames
from cortexsim.analysis.linear.responses import Responses

if TYPE_CHECKING:
    import xarray

DIMS = ("state", "step", "time_ms", "unit")

Variable = tuple[tuple[str, ...], np.ndarray]  # dimensions and values


def on_grid(
    by_frame: Mapping[tuple[int, int], Mapping[str, np.ndarray]],
    x: Frames,
    leading: Mapping[str, tuple[str, ...]],
    *,
    trailing: Callable[[str], int],
) -> dict[str, Variable]:
    """All frames on the grid, NaN where there is none.

    Parameters
    ----------
    by_frame : dict
        (state index, step index) -> name -> array (leading dimensions, then time and unit).
    x : Frames
        What was fitted.
    leading : dict
        Name -> dimensions of the variable that come before state and step.
    trailing : callable
        Name -> how many of (time_ms, unit) the variable has.

    Returns
    -------
    dict
        Name -> dimensions and values.
    """
    variables: dict[str, Variable] = {}
    for name, example in next(iter(by_frame.values())).items():
        values = np.full((len(x.states), len(x.places), *example.shape), np.nan)
        for frame, results in by_frame.items():
            values[frame] = results[name]
        lead = leading.get(name, ())
        values = np.moveaxis(values, range(2, 2 + len(lead)), range(len(lead)))
        variables[name] = ((*lead, *DIMS[: 2 + trailing(name)]), values)
    return variables


def coordinates_of(x: Frames, y: Responses) -> dict[str, Any]:
    """Coordinates of (state, step, time_ms, unit).

    The times of a recording are ``model_time_ms``, since time_ms is that of the responses.
    """
    model = {f"model_{k}" if k.startswith("time_ms") else k: v for k, v in x.coords.items()}
    coords: dict[str, Any] = {
        "state": np.array(x.states, dtype=object),
        "step": x.places,
        "unit": y.units,
        "bound": ["lower", "upper"],
        "populated": (("state", "step"), x.populated),
        **model,
    }
    if y.times is not None:
        coords["time_ms"] = ("time_ms", y.times, y.array.time_ms.attrs)
    for name, c in y.array.coords.items():
        if c.dims == ("unit",) and name != "unit":
            coords.setdefault(str(name), ("unit", c.values))
    return coords


def without_absent_axes(result: xarray.Dataset, x: Frames, y: Responses) -> xarray.Dataset:
    """The axes that the inputs did not have are gone."""
    absent = {"state", "step"} - {*x.present} | ({"time_ms"} if y.times is None else set())
    return result.isel(dict.fromkeys(absent, 0), drop=True) if absent else result
