"""Time courses as they come in: their times checked, their axes named, their members known."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.ids import quoted, repeated, texts
from cortexsim.labelled.arrays import FEATURES, LEADS, named
from cortexsim.labelled.item_ids import ITEMS, ids_of
from cortexsim.milliseconds import slack, times_of
from cortexsim.plain import numbers, precision, refuse_extreme

AXES = ("time_ms", "step")
MEMBERS = tuple(d for d in ("member", *FEATURES, *ITEMS, *LEADS) if d not in AXES)
ID_COORDINATES = ("member_id", "unit_id", "neuroid_id", "subject_id")


class Timed(NamedTuple):
    """Courses with their times.

    Parameters
    ----------
    values : array of float64 of shape (..., time)
        Not checked for NaN.
    times : array of float64 of shape (time,)
        In ms (or steps), ascending.
    members : array of str of shape (member,), optional
        Ids of the members of courses ``(member, time)``, where they have any.
    counted : bool
        Whether these ids only count 0, 1, 2, ...
    precision : float
        Relative rounding of the type in which they came.
    bin_ms : float
        Width of a bin, or of the window that smoothed them: what the coordinate of the times
        states (``attrs["bin_ms"]``), and at least the gap between two times.
    axis : {"time_ms", "step"}
        What the times are: ms, or steps 1, 2, 3, ... that nobody declared in ms.
    """

    values: np.ndarray
    times: np.ndarray
    members: np.ndarray | None
    counted: bool
    precision: float
    bin_ms: float
    axis: str = "time_ms"

    @property
    def blur_ms(self) -> float:
        """How far from where it is found a change may lie: half of a bin and half of a gap."""
        return (self.bin_ms + _gap(self.times)) / 2


def timed(
    courses: Any,
    times_ms: Any = None,
    *,
    steps: bool = False,
    what: str = "courses",
    name: str = "times_ms",
) -> Timed:
    """Courses ``(..., time)`` and their times, checked.

    Parameters
    ----------
    courses : array_like of shape (..., time), DataArray, Series or DataFrame
        Of a DataArray one dimension is ``time_ms`` (or ``step``), wherever it stands; of a
        DataFrame the columns are times, unless its index is called ``time_ms``.
    times_ms : array_like of shape (time,), optional
        In ms; default the coordinate ``time_ms`` of the courses, which it must not contradict. The
        attribute ``bin_ms`` of either is the width of a bin.
    steps : bool
        Whether the times may be steps 1, 2, 3, ...
    what : str
        What the courses are called in errors.
    name : str
        What the times are called in errors.

    Returns
    -------
    Timed

    Raises
    ------
    AnalysisError
        For unknown dimensions, times that are none, and two times that contradict each other.
    """
    array = _framed(courses, what)
    axis, own = None, None
    if array is None:
        x = numbers(courses, what).astype(np.float64)
    else:
        axis = _axis_of(array, what)
        array = array.transpose(..., axis)
        x = numbers(array, what).astype(np.float64)
        own = array[axis] if axis in array.coords else None
    shape = None if times_ms is None else np.shape(times_ms)
    if x.ndim < 1 or not x.size or shape not in (None, x.shape[-1:]):
        raise AnalysisError(
            f"{what} have shape {x.shape} and {name} {shape or '()'}; the last axis of the {what} "
            "is time"
        )
    refuse_extreme(x, what)
    times = _times(times_ms, own, axis, what=what, name=name, steps=steps)
    members, counted = _members(array, what) if array is not None and x.ndim == 2 else (None, False)
    states = [t for t in (times_ms, own) if "bin_ms" in getattr(t, "attrs", {})]
    width = bin_width(states[0] if states else None, _gap(times), name)
    by_step = axis == "step" if times_ms is None else steps and _are_steps(times_ms)
    kind = "step" if by_step else "time_ms"
    return Timed(x, times, members, counted, precision(courses), width, kind)


def bin_width(coordinate: Any, gap: float, name: str = "time_ms") -> float:
    """The width of a bin that the coordinate states; at least the gap between two bins.

    Parameters
    ----------
    coordinate : DataArray, optional
        Whose attribute ``bin_ms`` is read.
    gap : float
        In ms.
    name : str
        What the coordinate is called in errors.

    Returns
    -------
    float
        In ms.

    Raises
    ------
    AnalysisError
        For a width that is none.
    """
    stated = getattr(coordinate, "attrs", {}).get("bin_ms", gap)
    try:
        width = float(stated)
    except (TypeError, ValueError):
        width = np.nan
    if not np.isfinite(width) or width < 0 or width == 0 < gap:
        raise AnalysisError(
            f"{name} says bin_ms={stated!r}; give the width of a bin in ms, or leave the "
            "attribute out"
        )
    return max(width, gap)


def same_members(first: Timed, second: Timed) -> np.ndarray | None:
    """Where each member of the first stands among those of the second; None: at the same places.

    By ids where both have them, else by place.

    Raises
    ------
    AnalysisError
        If they are not the same, or if ids that occur twice stand in another order.
    """
    a, b = first.members, second.members
    if len(first.values) != len(second.values):
        raise AnalysisError(
            f"paired members need as many in each area; found {len(first.values)} and "
            f"{len(second.values)}. Give paired=False for different units"
        )
    if a is None or b is None or bool((a == b).all()):
        return None
    if first.counted != second.counted and set(a) != set(b):
        return None  # the one has names, the other has only counted them
    if twice := repeated(a) or repeated(b):
        raise AnalysisError(
            f"paired members are joined by their ids, of which some occur more than once "
            f"({quoted(twice)}) while the order differs; bring both into one order"
        )
    place = {s: k for k, s in enumerate(b)}
    if missing := [s for s in a if s not in place]:
        others = [s for s in b if s not in set(a)]
        raise AnalysisError(
            f"paired members are the same in both areas; {len(missing)} of {len(a)} are only in "
            f"the first ({quoted(missing)}), only in the second are {quoted(others)}. Give "
            "paired=False for different units"
        )
    return np.array([place[s] for s in a])


def _gap(times: np.ndarray) -> float:
    """The largest gap between two times; 0 of one time."""
    return float(np.diff(times).max(initial=0.0))


def _axis_of(array: Any, what: str) -> str:
    """The dimension of time; AnalysisError for none, two, and dimensions that are not known."""
    dims = tuple(map(str, array.dims))
    axes = [d for d in dims if d in AXES]
    unknown = [d for d in dims if d not in (*AXES, *MEMBERS)]
    if len(axes) != 1 or unknown:
        raise AnalysisError(
            f"the {what} have the dimensions {dims}; one of them must be time_ms (or step), the "
            f"others any of {', '.join(MEMBERS)}. "
            + (
                f"Rename {', '.join(unknown)} (.rename), or choose one of each (.sel)"
                if unknown
                else "Rename the dimension of time (.rename)"
            )
        )
    return axes[0]


def _times(
    stated: Any, own: Any, axis: str | None, *, what: str, name: str, steps: bool
) -> np.ndarray:
    """The times of courses, from what was stated beside them and from their own coordinate."""
    if stated is None and own is None:
        raise AnalysisError(
            f"the {what} have no times; give {name}, in ms after stimulus onset, or a DataArray "
            "with the coordinate time_ms"
        )
    if stated is None:
        if axis == "step" and not steps:
            raise AnalysisError(
                f"the {what} are by step, and ms are needed; give {name}=axis.time_ms(steps) of a "
                "cortexsim.TimeAxis (latencies in steps: baseline_ms='silent')"
            )
        return times_of(np.asarray(own.values, float) if axis == "step" else own, name=str(axis))
    if steps and _are_steps(stated):
        stated = np.asarray(stated, dtype=np.float64)
    times = times_of(stated, name=name)
    if own is not None and axis == "time_ms":
        theirs = times_of(own)
        apart = np.abs(times - theirs)
        if (apart > slack(theirs)).any():
            k = int(np.argmax(apart > slack(theirs)))
            raise AnalysisError(
                f"{name} and the coordinate time_ms of the {what} contradict each other: time {k} "
                f"is {times[k]:g} and {theirs[k]:g} ms. Leave {name} out, or mend the coordinate "
                "(.assign_coords)"
            )
    return times


def _are_steps(stated: Any) -> bool:
    """Whether times that were stated are steps: bare whole numbers from 1."""
    return not hasattr(stated, "dims") and _counts_from_1(stated)


def _counts_from_1(values: Any) -> bool:
    """Whether whole numbers begin at 1, as steps do."""
    x = np.asarray(values)
    return x.dtype.kind in "iu" and x.ndim == 1 and len(x) > 0 and int(x[0]) == 1


def _members(array: Any, what: str) -> tuple[np.ndarray | None, bool]:
    """Ids along the first of two dimensions, and whether they only count."""
    import pandas

    dim = str(array.dims[0])
    index = array.indexes.get(dim)
    if isinstance(index, pandas.MultiIndex):
        return _joined(index), False
    ids, counted = ids_of(array, dim, what)
    for name in ID_COORDINATES:
        if (ids is None or counted) and name in array.coords and array[name].dims == (dim,):
            return texts(array[name].values, f"{name} of the {what}"), False
    return ids, counted


def _joined(index: Any) -> np.ndarray:
    """The names of the levels of an index, as one."""
    return np.array(["|".join(map(str, levels)) for levels in index], dtype=object)


def _framed(values: Any, what: str) -> Any:
    """A DataArray of what has names; of pandas' tables the columns are times."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(values, (pandas.Series, pandas.DataFrame)):
        return named(values, what)
    import xarray

    table = values.to_frame().T if values.ndim == 1 else values
    table = table.T if table.index.name in AXES and table.columns.name not in AXES else table
    times, rows = table.columns, table.index
    counted = isinstance(times, pandas.RangeIndex)
    if isinstance(times, pandas.MultiIndex) or (not counted and times.dtype.kind not in "fiu"):
        raise AnalysisError(
            f"the {what} are a table whose columns are {quoted(list(times))}; its columns are its "
            "times: .T, or .rename_axis(index='time_ms')"
        )
    axis = str(times.name) if times.name in AXES else "time_ms"
    coords: dict[str, Any] = {} if counted else {axis: times.to_numpy()}
    coords["member"] = _joined(rows) if isinstance(rows, pandas.MultiIndex) else rows.to_numpy()
    array = xarray.DataArray(numbers(table, what), coords, ("member", axis))
    return array.isel(member=0, drop=True) if values.ndim == 1 else array
