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
from cortexsim.neural.own.files import pick
from cortexsim.neural.own.response_layout import AXES, response_dataset
from cortexsim.neural.own.stated import merged
from cortexsim.neural.stack import stack
from cortexsim.plain import numbers

if TYPE_CHECKING:
    import xarray

PEOPLE = ("subject", "session")  # axes before all others: each is read on its own, then joined
WORDS = ("stimulus_id", "time_ms", "unit", "label")


def from_responses(
    responses: Any,
    *,
    dims: Sequence[str],
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
    responses : array_like, xarray.DataArray or path
        An array, or an .npz or .mat file with one.
    dims : sequence of str
        The name of each of its axes, in their order: ``unit`` (absent of a single one);
        ``trial``, or ``stimulus`` and perhaps ``repeat``; perhaps ``time_ms``, ``subject``,
        ``session``.
    stimulus_id : array_like of shape (trial,) or (stimulus,), optional
        One id for each trial (a stimulus may occur in many), or one for each stimulus; with
        subjects also ``(subject, trial)``, where they saw them in other orders.
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
        Which array of the file.
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
    axes = _axes(dims)
    about.refuse("measure", "responses have no dissimilarity")
    stated = {
        "stimulus_id": stimulus_id,
        "time_ms": time_ms,
        "unit": unit,
        "label": label,
        "subject": subject,
        "session": session,
    }
    read, where = _read(responses, axes, variable)
    known = merged(stated, read, where)
    values = numbers(read["values"], "responses")
    if "unit" not in axes:  # a single one
        values, axes = values[..., None], (*axes, "unit")
    about_it = described(about.name or "own data", where)
    attrs = {
        "area": about.area or "unknown",
        "species": about.species or "unknown",
        "units": about.units or "unknown",
    }

    def of_one(part: np.ndarray, names: tuple[str, ...], ids: Any) -> xarray.Dataset:
        those = known | {"stimulus_id": ids}
        _check_lengths(part, names, those, where=where)
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


def _read(responses: Any, axes: tuple[str, ...], variable: str | None) -> tuple[Any, str]:
    """The values, and what the file or the array itself says about its axes."""
    if isinstance(responses, (str, Path)):
        read = pick(
            Path(responses),
            variable,
            lambda shape, count: len(shape) == len(axes),
            wanted=f"responses {axes}",
        )
        return read, Path(responses).name
    if variable is not None:
        raise AnalysisError(
            f"variable={variable!r} names an array of a file; responses is a "
            f"{type(responses).__name__}"
        )
    array = named(responses, "responses")
    if array is None:
        return {"values": responses}, "the array"
    if set(map(str, array.dims)) != set(axes):
        raise AnalysisError(f"dims says {axes}, the array has {tuple(array.dims)}")
    array = array.transpose(*axes)
    read = {w: array[w].values for w in (*WORDS, *PEOPLE) if w in array.coords and array[w].ndim}
    if "stimulus" in axes and "stimulus_id" not in read and "stimulus" in array.coords:
        read["stimulus_id"] = array["stimulus"].values
    return read | {"values": array}, "the array"


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
            f"dims={axes}: {unknown[0]!r} is not known; choose from {', '.join((*PEOPLE, *AXES))}"
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
    values: np.ndarray, axes: tuple[str, ...], known: dict[str, Any], *, where: str
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
            f"{where} has no ids: give stimulus_id=[...], one for each {first} ({sizes[first]})"
        )
    if "time_ms" in axes and known["time_ms"] is None:
        raise AnalysisError(
            f"{where} has {sizes['time_ms']} times; give time_ms=[...], ms after stimulus onset"
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
