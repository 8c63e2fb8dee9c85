"""Responses that people bring: single trials or averages, units, times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import UNSTATED, About, described, times_of, unique_texts
from cortexsim.neural.own.response_layout import response_dataset
from cortexsim.neural.own.response_sources import PEOPLE, axes_of, read_source
from cortexsim.neural.own.stated import bin_of, merged, with_names
from cortexsim.neural.stack import stack
from cortexsim.plain import numbers

if TYPE_CHECKING:
    import xarray


@clear_errors
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
    axes = None if dims is None else axes_of(dims)
    about.refuse("measure", "responses have no dissimilarity")
    stated = {
        "stimulus_id": stimulus_id,
        "time_ms": time_ms,
        "unit": unit,
        "label": label,
        "subject": subject,
        "session": session,
    }
    read, where = read_source(responses, axes, variable, stated)
    axes = axes_of(read["dims"]) if axes is None else axes
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
            bin_ms=bin_of(bin_ms, known, read),
            attrs=attrs,
            about=about_it,
        )

    return _each(values, axes, known, of_one=of_one, where=where)


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
