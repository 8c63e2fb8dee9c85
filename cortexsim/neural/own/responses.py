"""Responses that people bring: single trials or averages, units, times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.own.files import pick
from cortexsim.neural.own.layout import (
    UNSTATED,
    About,
    described,
    labels_of,
    refuse_infinite,
    texts,
    time_coord,
    times_of,
    unique_texts,
)
from cortexsim.pairs import numbers

if TYPE_CHECKING:
    import xarray

# In the order of the result, "trial" becoming "repeat".
AXES = ("trial", "repeat", "time_ms", "stimulus", "unit")


def from_responses(
    responses: Any,
    *,
    dims: Sequence[str],
    stimulus_id: Any = None,
    time_ms: Any = None,
    unit: Any = None,
    label: Any = None,
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
        The name of each of its axes, in their order: ``unit``; ``trial``, or ``stimulus`` and
        perhaps ``repeat``; perhaps ``time_ms``.
    stimulus_id : array_like of shape (trial,) or (stimulus,), optional
        One id for each trial (a stimulus may occur in many), or one for each stimulus.
    time_ms : array_like of shape (time,), optional
        Centres of the bins, ms after stimulus onset.
    unit : array_like of shape (unit,), optional
        Names of the units.
    label : array_like of shape (trial,) or (stimulus,), optional
        A label for each trial or stimulus.
    bin_ms : float, optional
        Width of the bins in ms.
    variable : str, optional
        Which array of the file.
    about : About
        What was recorded, and in what unit.

    Returns
    -------
    xarray.Dataset
        With responses ``([repeat,] [time_ms,] stimulus, unit)`` and trials ``(stimulus,)``, the
        number of trials of each.

    Raises
    ------
    AnalysisError
        For lengths that do not fit the axes, trials that are NaN in part, infinite values, times in
        seconds, and an ``about`` with a measure.

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
    stated = {"stimulus_id": stimulus_id, "time_ms": time_ms, "unit": unit, "label": label}
    read, where = {"values": responses}, "the array"
    if isinstance(responses, (str, Path)):
        where = Path(responses).name
        read = pick(
            Path(responses),
            variable,
            lambda shape, count: len(shape) == len(axes),
            wanted=f"responses {axes}",
        )
    elif variable is not None:
        raise AnalysisError(
            f"variable={variable!r} names an array of a file; responses is a "
            f"{type(responses).__name__}"
        )
    elif hasattr(responses, "dims"):
        if tuple(responses.dims) != axes:
            raise AnalysisError(f"dims says {axes}, the DataArray has {tuple(responses.dims)}")
        read = {"values": responses.values}
    known = {k: v if v is not None else read.get(k) for k, v in stated.items()}
    values = numbers(read["values"], "responses")
    _check_lengths(values, axes, known, where=where)
    times = None if "time_ms" not in axes else times_of(known["time_ms"])
    attrs = {
        "area": about.area or "unknown",
        "species": about.species or "unknown",
        "units": about.units or "unknown",
    }
    return response_dataset(
        values,
        axes,
        stimulus_id=known["stimulus_id"],
        times=times,
        unit=known["unit"],
        label=known["label"],
        bin_ms=bin_ms,
        attrs=attrs,
        about=described(about.name or "own data", where),
    )


def _axes(dims: Any) -> tuple[str, ...]:
    """The names of the axes, checked."""
    axes = (dims,) if isinstance(dims, str) else tuple(map(str, dims))
    if unknown := [d for d in axes if d not in AXES]:
        raise AnalysisError(
            f"dims={axes}: {unknown[0]!r} is not known; choose from {', '.join(AXES)}"
        )
    if len(set(axes)) != len(axes):
        raise AnalysisError(f"dims={axes}: a name stands twice")
    if (
        "unit" not in axes
        or ("trial" in axes) == ("stimulus" in axes)
        or {"trial", "repeat"} <= set(axes)
    ):
        raise AnalysisError(
            f"dims={axes}: 'unit' is needed, and either 'trial' (with the stimulus of each) or "
            "'stimulus' (averages; 'repeat' where there are several)"
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


def response_dataset(
    values: np.ndarray,
    axes: tuple[str, ...],
    *,
    stimulus_id: Any,
    times: np.ndarray | None,
    unit: Any,
    label: Any,
    bin_ms: float | None,
    attrs: dict[str, Any],
    about: dict[str, Any],
    per_unit: dict[str, Any] | None = None,
) -> xarray.Dataset:
    """Responses with axes in any order as a Dataset; trials become repeats of stimuli.

    Parameters
    ----------
    values : array
        The responses, with these axes.
    axes : tuple of str
        Their names, of ``AXES``.
    stimulus_id : array_like of shape (trial,) or (stimulus,)
        The ids.
    times : array of shape (time,) or None
        Centres of the bins in ms.
    unit : array_like of shape (unit,) or None
        Names of the units.
    label : array_like of shape (trial,) or (stimulus,), or None
        The labels.
    bin_ms : float or None
        Width of the bins.
    attrs : dict
        Attributes of the responses.
    about : dict
        Attributes of the data set.
    per_unit : dict of str to array of shape (unit,), optional
        Further coordinates of the units.

    Returns
    -------
    xarray.Dataset
        With responses ``([repeat,] [time_ms,] stimulus, unit)`` and trials ``(stimulus,)``.

    Raises
    ------
    AnalysisError
        For trials that are NaN in part, infinite values, and labels that contradict each other.
    """
    import xarray

    refuse_infinite(values, "responses")
    order = [d for d in AXES if d in axes]
    values = values.transpose([axes.index(d) for d in order])
    if "time_ms" in order:
        _refuse_parts(values, order.index("time_ms"))
    n = values.shape[order.index("trial" if "trial" in order else "stimulus")]
    labels = labels_of(label, n)
    if "trial" in order:
        of_trial = texts(stimulus_id, "stimulus_id", n)
        values, ids, counts, first = stack_trials(values, of_trial)
        order = [
            *(["repeat"] if values.ndim == len(order) + 1 else []),
            *order[1:-1],
            "stimulus",
            "unit",
        ]
        if (bad := [k for k in range(n) if labels[k] != labels[first[of_trial[k]]]]) != []:
            raise AnalysisError(
                f"stimulus {of_trial[bad[0]]!r} has several labels, {labels[bad[0]]!r} among them"
            )
        labels = labels[[first[s] for s in ids]]
    else:
        ids = unique_texts(
            stimulus_id, "stimulus_id (for single trials say dims=('trial', ...))", n
        )
        counts = _counted(values, order)
    if np.isnan(values).all():
        raise AnalysisError("all responses are NaN")
    units = values.shape[-1]
    coords: dict[str, Any] = {"stimulus_id": ("stimulus", ids), "label": ("stimulus", labels)}
    coords["unit"] = (
        "unit",
        unique_texts(
            [f"unit {k + 1}" for k in range(units)] if unit is None else unit, "unit", units
        ),
    )
    coords |= {k: ("unit", v) for k, v in (per_unit or {}).items()}
    if times is not None:
        coords["time_ms"] = time_coord(times, bin_ms)
    elif bin_ms is not None:
        raise AnalysisError(
            f"bin_ms={bin_ms!r} is the width of bins in time; these data have no times"
        )
    variables = {
        "responses": (order, values, {"kind": "responses", **attrs}),
        "trials": ("stimulus", counts, {"kind": "count", "units": "trials"}),
    }
    return xarray.Dataset(variables, coords, about)


def stack_trials(
    values: np.ndarray, stimulus_id: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, int]]:
    """Trials as repeats of stimuli, NaN where a stimulus has fewer than others.

    Parameters
    ----------
    values : array of shape (trial, ..., unit)
        The trials.
    stimulus_id : array of shape (trial,)
        The stimulus of each.

    Returns
    -------
    repeated : array of shape (repeat, ..., stimulus, unit)
        Without the first axis where each stimulus occurs once.
    ids : array of shape (stimulus,)
        In the order of first appearance.
    counts : array of int, shape (stimulus,)
        How often each occurs.
    first : dict of str to int
        The first trial of each.
    """
    first: dict[str, int] = {}
    for k, s in enumerate(stimulus_id):
        first.setdefault(s, k)
    ids = np.array(list(first), dtype=object)
    place = {s: k for k, s in enumerate(ids)}
    code = np.array([place[s] for s in stimulus_id])
    counts = np.bincount(code)
    order = np.argsort(code, kind="stable")
    repeat = np.empty(len(code), dtype=np.int64)
    repeat[order] = np.arange(len(code)) - np.repeat(np.cumsum(counts) - counts, counts)
    out = np.full((counts.max(), len(ids), *values.shape[1:]), np.nan, dtype=values.dtype)
    out[repeat, code] = values
    out = np.moveaxis(out, 1, -2)
    return (out[0] if counts.max() == 1 else out), ids, counts.astype(np.int32), first


def _refuse_parts(values: np.ndarray, axis: int) -> None:
    """A trial of a unit is there or missing: NaN at some times only would be averaged unseen."""
    missing = np.isnan(values)
    part = missing.any(axis) & ~missing.all(axis)
    if part.any():
        raise AnalysisError(
            f"{int(part.sum()):,} of {part.size:,} time courses are NaN at some times and not at "
            "others; cut the times, or make those trials NaN throughout"
        )


def _counted(values: np.ndarray, order: list[str]) -> np.ndarray:
    """The number of repeats in which any unit has a number, of each stimulus."""
    others = tuple(k for k, d in enumerate(order) if d not in ("repeat", "stimulus"))
    seen = (~np.isnan(values)).any(others)
    return (seen.sum(0) if "repeat" in order else seen).astype(np.int32)
