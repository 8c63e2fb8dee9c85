"""Responses that people bring: single trials or averages, units, times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import named
from cortexsim.neural.layout import (
    UNSTATED,
    About,
    described,
    times_of,
    unique_texts,
)
from cortexsim.neural.own.files import Wanted, pick
from cortexsim.neural.own.netcdf import SUFFIXES as NETCDF
from cortexsim.neural.own.netcdf import read_netcdf
from cortexsim.neural.own.response_layout import AXES, response_dataset
from cortexsim.neural.own.response_tables import read_responses
from cortexsim.neural.own.stated import merged, named_in_file, with_names
from cortexsim.neural.own.tables import SUFFIXES as TABLES
from cortexsim.neural.own.tables import is_frame, table_of
from cortexsim.neural.stack import stack
from cortexsim.plain import numbers

if TYPE_CHECKING:
    import xarray

PEOPLE = ("subject", "session")  # axes before all others: each is read on its own, then joined
WORDS = ("stimulus_id", "time_ms", "unit", "label")
DIMS = "give dims=, the name of each axis in order, e.g. dims=('trial', 'unit', 'time_ms')"


def from_responses(
    responses: Any,
    *,
    dims: Sequence[str] | None = None,
    stimulus_id: Any = None,
    time_ms: Any = None,
    unit: Any = None,
    label: Any = None,
    subject: Any = None,
    session: Any = None,
    bin_ms: float | None = None,
    variable: str | None = None,
    about: About = UNSTATED,
) -> xarray.Dataset:
    """Your own responses of units (neurons, sensors, voxels), in the layout of the benchmarks.

    All that names an axis may also stand in the file, under the names of the parameters. Trials are
    sorted by stimulus (in the order of first appearance) and numbered by repeat; where a stimulus
    has fewer than others the rest is NaN. Trials that are NaN for a unit are missing.
    ``cortexsim.neural.average`` takes the mean over repeats.

    Parameters
    ----------
    responses : array_like, xarray.DataArray, pandas.DataFrame or path
        An array, or a file with one: .npy, .npz, .h5, .hdf5, .nc, .mat of any version (of an array
        of structs the same field of all is one array, subjects or subjects x sessions first). Or a
        table, .csv, .tsv or a DataFrame: long, a row for each response, with the columns
        stimulus_id and response and, as far as there are several, unit, time_ms, subject, session,
        trial or repeat; or wide, with a column for each unit, rows of one stimulus being repeats.
    dims : sequence of str, optional
        The name of each of its axes, in their order: ``unit`` (absent of a single one);
        ``trial``, or ``stimulus`` and perhaps ``repeat``; perhaps ``time_ms``, ``subject``,
        ``session``. Tables, DataArrays and .nc name their own.
    stimulus_id : array_like of shape (trial,) or (stimulus,), optional
        One id for each trial (a stimulus may occur in many), or one for each stimulus; with
        subjects also ``(subject, trial)``, where they saw them in other orders. As of the words
        below, a text is the name that the file (or the column of the table) has for them.
    time_ms : array_like of shape (time,), optional
        Centres of the bins, ms after stimulus onset.
    unit : array_like of shape (unit,), optional
        Names of the units.
    label : array_like of shape (trial,) or (stimulus,), optional
        A label for each trial or stimulus.
    subject : array_like of shape (subject,), optional
        Names of the subjects, default "subject 1", ...
    session : array_like of shape (session,), optional
        Names of the sessions, alike.
    bin_ms : float, optional
        Width of the bins in ms.
    variable : str, optional
        Which array of the file, or column of a long table.
    about : About
        What was recorded, and in what unit.

    Returns
    -------
    xarray.Dataset
        With responses ``([subject,] [session,] [repeat,] [time_ms,] stimulus, unit)`` and trials
        ``([subject,] [session,] stimulus)``, the number of trials of each.

    Raises
    ------
    AnalysisError
        For lengths that do not fit the axes, trials that are NaN in part, infinite values, times in
        seconds, ids that are stated and others in the file or array, subjects with different
        stimuli, and an ``about`` with a measure.

    Examples
    --------
    >>> trials = np.arange(12.0).reshape(3, 2, 2)
    >>> data = from_responses(
    ...     trials,
    ...     dims=("trial", "unit", "time_ms"),
    ...     stimulus_id=["cat", "dog", "cat"],
    ...     time_ms=[0, 10],
    ... )
    >>> data.responses.dims, data.responses.shape
    (('repeat', 'time_ms', 'stimulus', 'unit'), (2, 2, 2, 2))
    >>> data.trials.values
    array([2, 1], dtype=int32)
    """
    axes = None if dims is None else _axes(dims)
    about.refuse("measure", "responses have no dissimilarity")
    stated = {
        "stimulus_id": stimulus_id,
        "time_ms": time_ms,
        "unit": unit,
        "label": label,
        "subject": subject,
        "session": session,
    }
    read, where = _read(responses, axes, variable, stated)
    axes = _axes(read["dims"]) if axes is None else axes
    stated = with_names(stated, read)
    # Whose data an array is may stand beside it; that gives it no axis of subjects.
    read = {k: v for k, v in read.items() if k not in PEOPLE or k in axes or stated[k] is not None}
    known = merged(stated, read, where)
    values = numbers(read["values"], "responses")
    if "unit" not in axes:  # a single one
        values, axes = values[..., None], (*axes, "unit")
    about_it = described(about.name or "own data", where, notes=read.get("notes", ""))
    attrs = {
        "area": about.area or "unknown",
        "species": about.species or "unknown",
        "units": about.units or "unknown",
    }

    def of_one(part: np.ndarray, names: tuple[str, ...], ids: Any) -> xarray.Dataset:
        those = known | {"stimulus_id": ids}
        _check_lengths(part, names, those, where=where, hint=read.get("hint", ""))
        times = None if "time_ms" not in names else times_of(those["time_ms"])
        return response_dataset(
            part,
            names,
            stimulus_id=ids,
            times=times,
            unit=those["unit"],
            label=those["label"],
            bin_ms=bin_ms,
            attrs=attrs,
            about=about_it,
        )

    return _each(values, axes, known, of_one=of_one, where=where)


def _read(
    responses: Any, axes: tuple[str, ...] | None, variable: str | None, stated: dict[str, Any]
) -> tuple[Any, str]:
    """The values, and what the file or the array itself says about its axes."""
    path = Path(responses) if isinstance(responses, (str, Path)) else None
    is_table = is_frame(responses) and (axes is None or "stimulus_id" in responses.columns)
    if is_table or (path and path.suffix.lower() in TABLES):
        table = table_of(responses)
        read = read_responses(table, stated, variable)
        read["named"] = [w for w in named_in_file(stated) if w in read]
        if axes is None:
            return read, table.where
        if set(axes) != set(read["dims"]):
            raise AnalysisError(
                f"dims says {axes}, {table.where} has {read['dims']}; leave dims out"
            )
        order = [read["dims"].index(d) for d in axes]
        return read | {"values": read["values"].transpose(order)}, table.where
    if path and path.suffix.lower() in NETCDF:
        array, beside = read_netcdf(path, variable, _could_be_responses, wanted="responses")
        return beside | _named(array, axes, path.name), path.name
    if path:
        return _read_file(path, axes, variable, stated), path.name
    if variable is not None:
        raise AnalysisError(
            f"variable={variable!r} names an array of a file; responses is a "
            f"{type(responses).__name__}"
        )
    array = named(responses, "responses")
    if array is not None:
        return _named(array, axes, "the DataArray"), "the array"
    if axes is None:
        raise AnalysisError(f"the array has shape {np.shape(responses)}; {DIMS}")
    return {"values": responses}, "the array"


def _read_file(
    path: Path, axes: tuple[str, ...] | None, variable: str | None, stated: dict[str, Any]
) -> Any:
    """The array of a file that has these axes."""
    matlab = path.suffix.lower() == ".mat"
    count = 0 if axes is None else len(axes)
    ids = stated["stimulus_id"]
    said = None if ids is None or isinstance(ids, str) or np.ndim(ids) > 1 else np.size(ids)
    item = next((k for k, d in enumerate(axes or ()) if d in ("trial", "stimulus")), 0)

    def fits(shape: tuple[int, ...], named: int | None) -> int:
        """How well: exactly, as a vector of MATLAB, without axes of one, with axes of one added."""
        full = len(tuple(s for s in shape if s != 1))
        if axes is None or not shape or 0 in shape:
            return int(full > 1)
        if len(shape) == count and matlab and full < 2:  # every vector has two axes there
            return 3 if shape[item] in (said, named) else 0
        if len(shape) == count:
            return 4
        return 2 if full == count else int(matlab and len(shape) < count and full > 1)

    def shaped(array: np.ndarray, _: int | None) -> np.ndarray:
        if axes is None or array.ndim == count:
            return array
        if array.ndim > count:
            squeezed = np.squeeze(array)
            return squeezed if squeezed.ndim == count else array
        return array.reshape(*array.shape, *[1] * (count - array.ndim)) if matlab else array

    advice = ". All structs at once are subjects: dims=('subject', ...), or ('subject', 'session', "
    read = pick(
        path,
        variable,
        Wanted(
            f"responses {axes}" if axes else "responses",
            fits,
            shaped,
            names=named_in_file(stated),
            shape=", and the name of each of its axes with dims",
            advice=f"{advice}...)",
        ),
    )
    if axes is None:
        raise AnalysisError(f"{path.name} has responses of shape {read['values'].shape}; {DIMS}")
    lead = read.get("dims", ())
    if axes[: len(lead)] != lead:
        raise AnalysisError(
            f"{path.name}: {read['notes']}, so that dims begins with {lead}; it is {axes}"
        )
    return read


def _could_be_responses(array: Any) -> bool:
    """Whether a variable of a netCDF file has the dimensions of responses."""
    dims = {str(d) for d in array.dims}
    return dims <= {*PEOPLE, *AXES} and bool(dims & {"stimulus", "trial"}) and dims != {"stimulus"}


def _named(array: Any, axes: tuple[str, ...] | None, where: str) -> dict[str, Any]:
    """What a DataArray says of its axes, which are brought into the order that was asked for."""
    if axes is None:
        axes = _axes(array.dims)
    if set(map(str, array.dims)) != set(axes):
        raise AnalysisError(f"dims says {axes}, {where} has {tuple(array.dims)}")
    array = array.transpose(*axes)
    read = {w: array[w].values for w in (*WORDS, *PEOPLE) if w in array.coords and array[w].ndim}
    if "stimulus" in axes and "stimulus_id" not in read and "stimulus" in array.coords:
        read["stimulus_id"] = array["stimulus"].values
    return read | {"values": array, "dims": axes}


def _each(
    values: np.ndarray, axes: tuple[str, ...], known: dict[str, Any], *, of_one: Any, where: str
) -> xarray.Dataset:
    """Subjects and sessions one by one (each may have its own ids), then joined by their ids."""
    people = [d for d in PEOPLE if d in axes]
    for word in PEOPLE:
        if known[word] is not None and word not in people:
            raise AnalysisError(
                f"{word} is stated, but dims={axes} names no such axis; put it there, or leave "
                f"{word} out"
            )
    if not people:
        return of_one(values, axes, known["stimulus_id"])
    dim = people[0]
    if values.ndim != len(axes):
        raise AnalysisError(f"{where} has shape {values.shape}; dims={axes} names {len(axes)} axes")
    axis = axes.index(dim)
    count, rest = values.shape[axis], tuple(d for d in axes if d != dim)
    if not count:
        raise AnalysisError(f"{where} is empty: shape {values.shape}")
    ids = known["stimulus_id"]
    own = ids is not None and np.ndim(ids) > 1 and len(ids) == count
    names = unique_texts(
        [f"{dim} {k + 1}" for k in range(count)] if known[dim] is None else known[dim], dim, count
    )
    parts = [
        _each(
            values.take(k, axis),
            rest,
            known | {dim: None, "stimulus_id": ids[k] if own else ids},
            of_one=of_one,
            where=f"{where}, {dim} {names[k]}",
        )
        for k in range(count)
    ]
    return stack(parts, names, dim=dim)


def _axes(dims: Any) -> tuple[str, ...]:
    """The names of the axes, checked."""
    axes = (dims,) if isinstance(dims, str) else tuple(map(str, dims))
    if unknown := [d for d in axes if d not in (*PEOPLE, *AXES)]:
        raise AnalysisError(
            f"dims={axes}: {unknown[0]!r} is not known; choose from {', '.join((*AXES, *PEOPLE))}"
        )
    if len(set(axes)) != len(axes):
        raise AnalysisError(f"dims={axes}: a name stands twice")
    if not axes or ("trial" in axes) == ("stimulus" in axes) or {"trial", "repeat"} <= set(axes):
        raise AnalysisError(
            f"dims={axes}: either 'trial' (with the stimulus of each) or 'stimulus' (averages; "
            "'repeat' where there are several) is needed, and 'unit' unless there is only one"
        )
    return axes


def _check_lengths(
    values: np.ndarray, axes: tuple[str, ...], known: dict[str, Any], *, where: str, hint: str
) -> None:
    """Each axis is as long as what names it."""
    if values.ndim != len(axes):
        raise AnalysisError(f"{where} has shape {values.shape}; dims={axes} names {len(axes)} axes")
    if 0 in values.shape:
        raise AnalysisError(f"{where} is empty: shape {values.shape}")
    sizes = dict(zip(axes, values.shape, strict=True))
    first = "trial" if "trial" in axes else "stimulus"
    if known["stimulus_id"] is None:
        raise AnalysisError(
            f"{where} has no ids: give stimulus_id=[...], one for each {first} "
            f"({sizes[first]}){hint}"
        )
    if "time_ms" in axes and known["time_ms"] is None:
        raise AnalysisError(
            f"{where} has {sizes['time_ms']} times; give time_ms=[...], ms after stimulus onset"
            f"{hint}"
        )
    if "time_ms" not in axes and known["time_ms"] is not None:
        raise AnalysisError(f"time_ms is given, but dims={axes} names no axis of times")
    for word, axis in (
        ("stimulus_id", first),
        ("label", first),
        ("time_ms", "time_ms"),
        ("unit", "unit"),
    ):
        if known[word] is None or np.size(known[word]) == sizes[axis]:
            continue
        others = [d for d, size in sizes.items() if size == np.size(known[word]) and d != axis]
        raise AnalysisError(
            f"{word} has {np.size(known[word])} entries, the axis {axis!r} of {where} has "
            f"{sizes[axis]} (shape {values.shape}, dims={axes})"
            + (
                f"; the axis you call {others[0]!r} has as many: is the order of dims right?"
                if others
                else ""
            )
        )
