"""What encoding and decoding take: patterns by state and step, read a frame at a time, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.movie.store import TIMES
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import FEATURES, Labelled, named, places, refuse_single
from cortexsim.labelled.item_ids import ids_of
from cortexsim.milliseconds import times_of
from cortexsim.plain import numbers
from cortexsim.recording.reader import chosen_frames, frame_readers
from cortexsim.shapes import Int

if TYPE_CHECKING:
    import xarray

ITEMS = ("stimulus", "trial")
AXES = ("step", "time_ms")
REPEATS = ("repeat", "trial", "repetition")
SHOWN = 5  # ids that an error lists


@dataclass(frozen=True)
class Frames:
    """Patterns ``(stimulus, feature)`` by state and place on an axis.

    The axis is the step, or the time of neural data.

    Parameters
    ----------
    states : tuple of str
        Their names.
    axis : str
        ``step`` or ``time_ms``.
    places : array of shape (place,)
        Steps, or times in ms.
    populated : array of bool of shape (state, place)
        Which frames exist.
    count : int
        Stimuli.
    read : callable
        (state index, place index) -> one frame.
    present : tuple of str
        Which of the axes ``state`` and ``axis`` the input had.
    coords : dict
        Coordinates of the axis, as xarray takes them.
    items : Labelled
        The stimuli, with their ids where they are known.
    labels : array of shape (stimulus,), optional
        Of the stimuli, where they are known.
    """

    states: tuple[str, ...]
    axis: str
    places: np.ndarray
    populated: np.ndarray
    count: int
    read: Callable[[int, int], np.ndarray]
    present: tuple[str, ...]
    coords: dict[str, Any]
    items: Labelled
    labels: np.ndarray | None = None

    @property
    def ids(self) -> np.ndarray | None:
        """The ids of the stimuli, where they are known and more than places."""
        return None if self.items.counted else self.items.ids

    def where(self, state: int, place: int) -> str:
        """In words, for errors."""
        parts = [f"state {self.states[state]}"] * ("state" in self.present)
        parts += [f"{self.axis} {self.places[place]:g}"] * (self.axis in self.present)
        return " at ".join(parts) or "the features"

    def frame(self, state: int, place: int) -> np.ndarray:
        """One frame as floats; AnalysisError where a value is not a number."""
        x = self.read(state, place)
        x = x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)
        if not np.isfinite(x).all():
            rows = np.flatnonzero(~np.isfinite(x).all(1))
            raise AnalysisError(
                f"{self.where(state, place)}: {len(rows)} of {len(x)} stimuli have values that are "
                f"NaN or infinite (first: {', '.join(map(str, rows[:SHOWN]))}); leave them out"
            )
        return x

    def all(self) -> list[tuple[int, int]]:
        """(state, place) of every frame that is populated."""
        frames = [(int(s), int(p)) for s, p in zip(*np.nonzero(self.populated))]
        if not frames:
            raise AnalysisError("no state is populated at any of the steps; nothing can be fitted")
        return frames


def frames(
    features: Any,
    states: str | Sequence[str] | None = None,
    steps: int | Sequence[int] | None = None,
) -> Frames:
    """Frames of a recording, of an array, of a DataArray, or of a dictionary state -> array.

    Parameters
    ----------
    features : path, DataTree, array of shape (stimulus, feature), DataArray or dict
        A DataArray has a dimension ``stimulus`` (or ``trial``), at most one of ``step`` and
        ``time_ms``, and any others, which are features.
    states : str or sequence of str, optional
        Chosen from a recording; default all.
    steps : int or sequence of int, optional
        Chosen from a recording; default all.

    Returns
    -------
    Frames
        Read when they are asked for.

    Raises
    ------
    AnalysisError
        For anything else, and for states of a dictionary with different stimuli or steps.
    """
    if isinstance(features, (str, Path)) or hasattr(features, "children"):
        return _of_recording(features, states, steps)
    if states is not None or steps is not None:
        raise AnalysisError(
            "states and steps choose from a recording; of an array choose with .sel, of a "
            "dictionary by its keys"
        )
    if not isinstance(features, Mapping) or hasattr(features, "data_vars"):
        return _of_arrays({"": _named_array(features, "the features")}, ())
    if not features:
        raise AnalysisError(
            "the dictionary of features is empty; give state -> array (stimulus, feature)"
        )
    return _of_arrays(
        {str(k): _named_array(v, f"state {k}") for k, v in features.items()}, ("state",)
    )


def _of_recording(recording: Any, states: Any, steps: Any) -> Frames:
    """Frames that are read from a recording."""
    from cortexsim.recording.opening import open_recording
    from cortexsim.recording.schema import configuration

    path = Path(recording) if isinstance(recording, (str, Path)) else None
    tree = recording if path is None else open_recording(path)
    if "configuration" not in getattr(tree, "attrs", {}):
        raise AnalysisError(
            "that is no recording; give its path, or what cortexsim.open_recording returns"
        )
    names, places = chosen_frames(tree, configuration(tree), states=states, steps=steps)
    first = tree[names[0]].dataset
    readers = frame_readers(tree, path, names)
    axis = [int(t) for t in first.step.values]

    def read(state: int, place: int) -> np.ndarray:
        reader = readers[names[state]]
        frame = np.empty((first.sizes["stimulus"], reader.features), reader.dtype)
        reader.into(frame, axis.index(places[place]), 0)
        return frame

    ids, labels = (np.asarray(first[c].values, dtype=object) for c in ("stimulus_id", "label"))
    populated = np.array([[bool(tree[s].populated.sel(step=t)) for t in places] for s in names])
    units = first.time_ms.attrs.get("units", "ms after image onset")
    times = {c: ("step", first[c].sel(step=list(places)).values, {"units": units}) for c in TIMES}
    return Frames(
        states=names,
        axis="step",
        places=np.array(places),
        populated=populated,
        count=first.sizes["stimulus"],
        read=read,
        present=("state", "step"),
        coords=times,
        items=Labelled(np.empty(len(ids)), ("stimulus",), "stimulus", ids, False, {}, "features"),
        labels=labels,
    )


def _named_array(values: Any, what: str) -> xarray.DataArray:
    """A DataArray with named dimensions; a plain matrix is ``(stimulus, feature)``."""
    import xarray

    array = named(values, what)
    if array is not None:
        return array
    x = numbers(values, what)
    if x.ndim != 2:
        raise AnalysisError(
            f"{what} have shape {x.shape}; a plain array must be numbers (stimulus, feature). Name "
            "other dimensions: xarray.DataArray(x, dims=('stimulus', 'step', 'unit'))"
        )
    return xarray.DataArray(x, dims=("stimulus", "feature"))


def _of_arrays(arrays: dict[str, xarray.DataArray], present: tuple[str, ...]) -> Frames:
    """Frames of arrays in memory (or lazy), one for each state."""
    tables = {name: _ordered(a, name or "the features") for name, a in arrays.items()}
    name, first = next(iter(tables.items()))
    item, axis = str(first.dims[0]), str(first.dims[1])
    for other, table in list(tables.items()):
        same_axis = np.array_equal(table[axis].values, first[axis].values)
        if table.dims[:2] != first.dims[:2] or not same_axis:
            raise AnalysisError(
                f"states {name} and {other} do not have the same {axis}s; give all states the same"
            )
        index = places(items_of(first, f"state {name}"), items_of(table, f"state {other}"))
        if index is not None:
            tables[other] = table.isel({table.dims[0]: index})
    values = list(tables.values())

    def read(state: int, place: int) -> np.ndarray:
        return np.asarray(values[state].isel({axis: place}).values).reshape(first.sizes[item], -1)

    if 0 in (first.sizes[item], first.sizes[axis], *(t.size for t in values)):
        raise AnalysisError(f"the features are empty: {dict(first.sizes)}")
    coords = {
        str(k): (axis, c.values, c.attrs)
        for k, c in first.coords.items()
        if c.dims == (axis,) and k not in (axis, "populated")
    }
    return Frames(
        states=tuple(tables) if present else ("features",),
        axis=axis,
        places=first[axis].values,
        populated=np.array([_populated(t, axis) for t in values]),
        count=first.sizes[item],
        read=read,
        present=present + ((axis,) if all(axis in a.dims for a in arrays.values()) else ()),
        coords=coords,
        items=items_of(first, "features"),
        labels=np.asarray(first.label.values, dtype=object) if "label" in first.coords else None,
    )


def _populated(table: xarray.DataArray, axis: str) -> list[bool]:
    """At which places a table holds any number."""
    if table.dtype.kind != "f":
        return [True] * table.sizes[axis]
    return [not np.isnan(table.isel({axis: p}).values).all() for p in range(table.sizes[axis])]


def _ordered(array: xarray.DataArray, what: str) -> xarray.DataArray:
    """(stimulus or trial, step or time_ms, features ...)."""
    items, axes = ([d for d in names if d in array.dims] for names in (ITEMS, AXES))
    unknown = [str(d) for d in array.dims if d not in (*ITEMS, *AXES, *FEATURES)]
    if len(items) != 1 or len(axes) > 1 or unknown or array.dtype.kind not in "fiub":
        raise AnalysisError(
            f"{what}: dimensions {array.dims} of type {array.dtype}; numbers with one dimension "
            "stimulus (or trial), at most one of step and time_ms, and features "
            f"({', '.join(FEATURES)}) are needed"
            + (f". Choose one {unknown[0]} (.sel), or rename it" if unknown else "")
        )
    if not axes:
        array, axes = array.expand_dims(step=[1]), ["step"]
    refuse_single(array, what)
    if axes[0] == "time_ms":
        own = array.time_ms if "time_ms" in array.coords else array.time_ms.variable
        array = array.assign_coords(time_ms=("time_ms", times_of(own), own.attrs))
    if axes[0] not in array.coords:
        array = array.assign_coords({axes[0]: np.arange(1, array.sizes[axes[0]] + 1)})
    return array.transpose(items[0], axes[0], ...)


def items_of(array: xarray.DataArray, what: str) -> Labelled:
    """The stimuli (or trials) of an array, without its numbers."""
    item = next(d for d in ITEMS if d in array.dims)
    ids, counted = ids_of(array, item, what)
    return Labelled(np.empty(array.sizes[item]), (item,), item, ids, counted, {}, what)


def places_of(items: Labelled) -> Int[np.ndarray, " stimulus"]:
    """The place of each stimulus in the order of the ids; as they stand where there are none.

    Numbers in ids are ordered as numbers, so that a2 is before a10.
    """
    if items.ids is None or items.counted:
        return np.arange(items.count)
    names = [str(name) for name in items.ids]
    parts = [re.split(r"(\d+)", name) for name in names]
    keys = [[_number(p) if k % 2 else p for k, p in enumerate(of_name)] for of_name in parts]
    return np.argsort(sorted(range(items.count), key=lambda k: (keys[k], names[k])))


def _number(digits: str) -> tuple[int, str]:
    """What orders digits as numbers, also thousands of them, which Python makes no number of."""
    plain = digits.lstrip("0")
    return len(plain), plain
