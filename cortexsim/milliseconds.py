"""Times as people give them, checked: ms after stimulus onset, never seconds or counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.ids import quoted
from cortexsim.plain import numbers

MS = ("ms", "msec", "millisecond", "milliseconds")
SECONDS = ("s", "sec", "second", "seconds")
ROUNDING = 1e-9  # in parts of the largest time: what arithmetic on a grid of times leaves behind


def times_of(values: Any, count: int | None = None, *, name: str = "time_ms") -> np.ndarray:
    """Times in ms after stimulus onset, as float64: finite, ascending, and not seconds.

    Times that miss a multiple of 1e-6 ms by rounding alone (-5.6e-14 for 0) are put there, so that
    windows and grids that meet do meet.

    Parameters
    ----------
    values : array_like of shape (time,)
        Times in ms. A DataArray may say its unit (``attrs["units"]``), and must be a coordinate: a
        dimension without one counts places, which are no times.
    count : int, optional
        How many there must be.
    name : str
        What they are called in errors.

    Returns
    -------
    array of float64, shape (time,)
        The times.

    Raises
    ------
    AnalysisError
        Unless they are finite, ascending and in ms: small numbers in small steps look like seconds,
        whole numbers 0, 1, 2, ... of integer type like places.

    Examples
    --------
    >>> times_of([-10.0, -5.6e-14, 10.0])
    array([-10.,   0.,  10.])
    """
    units = str(getattr(values, "attrs", {}).get("units", "")).split(" ")[0].lower()
    if units in SECONDS:
        raise AnalysisError(f"{name} is in {units}; milliseconds are needed: 1000 * {name}")
    if hasattr(values, "dims") and hasattr(values, "coords") and not len(values.coords):
        raise AnalysisError(
            f"{name} has no coordinate, so that its values {_ends(np.asarray(values))} count "
            f"places; give the times: .assign_coords({name}=...), in ms after stimulus onset"
        )
    try:
        t = np.atleast_1d(numbers(values, name))
    except AnalysisError:
        raise AnalysisError(
            f"{name} holds what is not a number: {quoted(list(np.ravel(values)))}"
        ) from None
    whole = np.asarray(getattr(values, "values", values)).dtype.kind in "iu"
    if t.ndim != 1 or not len(t):
        raise AnalysisError(f"{name} has shape {t.shape}; (time,) is needed")
    if count is not None and len(t) != count:
        raise AnalysisError(f"{name} has {len(t)} entries, the data have {count} times")
    if not np.isfinite(t).all():
        raise AnalysisError(
            f"{int((~np.isfinite(t)).sum())} of {len(t)} entries of {name} are NaN or infinite"
        )
    t = without_rounding(t.astype(np.float64))
    steps = np.diff(t)
    if (steps <= 0).any():
        k = int(np.argmax(steps <= 0))
        raise AnalysisError(
            f"{name} must ascend; entry {k} is {t[k]:g}, entry {k + 1} is {t[k + 1]:g}"
        )
    if len(t) > 1 and units not in MS and np.abs(t).max() < 10 and np.median(steps) < 1:
        raise AnalysisError(
            f"{name} goes from {t[0]:g} to {t[-1]:g} in steps of {np.median(steps):g}: these "
            f"look like seconds. Give milliseconds: 1000 * times"
        )
    if len(t) > 2 and whole and units not in MS and t[0] in (0, 1) and (steps == 1).all():
        raise AnalysisError(
            f"{name} is {t[0]:g}, {t[1]:g}, {t[2]:g}, ... {t[-1]:g}, whole numbers: these look "
            "like places in an array, not times. Give ms after stimulus onset; if they are that, "
            "as floats"
        )
    return t


def without_rounding(times: np.ndarray) -> np.ndarray:
    """Times put on multiples of 1e-6 ms where rounding alone keeps them off."""
    near = np.round(times, 6)
    scale = max(1.0, float(np.abs(times).max(initial=0.0)))
    return np.where(np.abs(near - times) <= ROUNDING * scale, near + 0.0, times)


def _ends(values: np.ndarray) -> str:
    flat = values.ravel()
    return f"{flat[0]:g} to {flat[-1]:g}" if flat.size else "(none)"
