"""Times as people give them, checked: ms after stimulus onset, never seconds or counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.ids import quoted
from cortexsim.plain import numbers

MS = ("ms", "msec", "millisecond", "milliseconds")
FACTORS = {  # ms in one of other units of time
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1000.0),
    **dict.fromkeys(("us", "\u00b5s", "\u03bcs", "usec", "microsecond", "microseconds"), 1e-3),
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), 1e-6),
    **dict.fromkeys(("min", "minute", "minutes"), 60_000.0),
}
COUNTS = ("sample", "samples", "frame", "frames", "bin", "bins", "tr", "trs", "step", "steps")
SECONDS_AT_MOST, FINE = 100.0, 0.5  # a trial of many seconds, sampled every half second or finer
ROUNDING = 1e-9  # in parts of the largest time: what arithmetic on a grid of times leaves behind
SLACK = 1e-3  # of the gap between two times: an edge that misses a time by less meets it


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
    if units in FACTORS:
        raise AnalysisError(
            f"{name} is in {units}; milliseconds are needed: {FACTORS[units]:g} * {name}"
        )
    if units in COUNTS:
        raise AnalysisError(
            f"{name} counts {units}; milliseconds are needed: {name} * (ms of one of them)"
        )
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
    single = t.dtype == np.float32
    t = without_rounding(t.astype(np.float64))
    if single:  # in single precision the zero of a grid is missed by more
        t = np.where(np.abs(t) <= 8 * np.finfo(np.float32).eps * np.abs(t).max(), 0.0, t)
    refuse_unordered(t, name)
    steps = np.diff(t)
    if len(t) > 1 and units not in MS and _like_seconds(float(np.abs(t).max()), np.median(steps)):
        raise AnalysisError(
            f"{name} goes from {t[0]:g} to {t[-1]:g} in steps of {np.median(steps):g}: these "
            "look like seconds. Give milliseconds: 1000 * times; if they are ms, a DataArray "
            'coordinate that says so: attrs["units"] = "ms"'
        )
    if len(t) > 2 and whole and units not in MS and t[0] in (0, 1) and (steps == 1).all():
        raise AnalysisError(
            f"{name} is {t[0]:g}, {t[1]:g}, {t[2]:g}, ... {t[-1]:g}, whole numbers: these look "
            "like places in an array, not times. Give ms after stimulus onset; if they are that, "
            "as floats"
        )
    return t


def refuse_unordered(places: Any, name: str) -> None:
    """Refuse times or steps that do not ascend: what is next to each other is not neighbouring.

    Parameters
    ----------
    places : array_like of shape (time,)
        Times or steps.
    name : str
        What they are called in errors.

    Raises
    ------
    AnalysisError
        With the first two that do not.
    """
    t = numbers(places, name)
    down = np.diff(t) <= 0
    if down.any():
        k = int(np.argmax(down))
        raise AnalysisError(
            f"{name} must ascend; entry {k} is {t[k]:g}, entry {k + 1} is {t[k + 1]:g}"
        )


def _like_seconds(last: float, step: float) -> bool:
    """Whether a course up to ``last`` in such steps is rather one of seconds."""
    return (last < 10 and step < 1) or (last < SECONDS_AT_MOST and step < FINE)


def without_rounding(times: np.ndarray) -> np.ndarray:
    """Times put on multiples of 1e-6 ms where rounding alone keeps them off."""
    near = np.round(times, 6)
    scale = max(1.0, float(np.abs(times).max(initial=0.0)))
    return np.where(np.abs(near - times) <= ROUNDING * scale, near + 0.0, times)


def slack(times: np.ndarray) -> float:
    """By how many ms an edge may miss a time and still meet it.

    Examples
    --------
    >>> slack(np.array([0.0, 10.0, 30.0]))
    0.01
    """
    return SLACK * float(np.diff(times).min()) if len(times) > 1 else 1e-6


def from_to(window: Any, name: str) -> tuple[float, float]:
    """The two ends of a window in ms; AnalysisError for what is none.

    Examples
    --------
    >>> from_to((0, 50), "window_ms")
    (0.0, 50.0)
    """
    try:
        low, high = (_no_text(end) for end in window)
    except (TypeError, ValueError):
        raise AnalysisError(
            f"{name}={window!r} is no window; give its first and last time in ms, e.g. (0, 300)"
        ) from None
    return low, high


def _no_text(end: Any) -> float:
    """A float of what is a number already; TypeError for digits in a text."""
    if isinstance(end, (str, bytes)):
        raise TypeError("a text")
    return float(end)


def within(times: np.ndarray, window: tuple[float, float], *, half: float = 0.0) -> np.ndarray:
    """Which times (or bins that are ``half`` to either side of them) lie within a window.

    Parameters
    ----------
    times : array of shape (time,)
        Ascending, in ms.
    window : tuple of two float
        From, to, in ms; both ends belong to it, and what rounding puts beside them.
    half : float
        Half the width of a bin, in ms.

    Returns
    -------
    array of bool of shape (time,)

    Examples
    --------
    >>> within(np.array([-10.0, 0.0, 10.0]), (0, 10)).tolist()
    [False, True, True]
    """
    near = slack(times)
    return (times - half >= window[0] - near) & (times + half <= window[1] + near)


def _ends(values: np.ndarray) -> str:
    flat = values.ravel()
    return f"{flat[0]:g} to {flat[-1]:g}" if flat.size else "(none)"
