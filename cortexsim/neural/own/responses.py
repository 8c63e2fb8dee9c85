"""Responses that people bring: single trials or averages, units, times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.own.files import pick
from cortexsim.neural.own.layout import (
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

AXES = (
    "trial",
    "repeat",
    "time_ms",
    "stimulus",
    "unit",
)  # in the order of the result, "trial" becoming "repeat"


def from_responses(
    responses: Any,
    *,
    dims: Sequence[str],
    stimulus_id: Any = None,
    time_ms: Any = None,
    unit: Any = None,
    label: Any = None,
    bin_ms: float | None = None,
    area: str = "unknown",
    species: str = "unknown",
    units: str = "unknown",
    variable: str | None = None,
    name: str = "own data",
) -> xarray.Dataset:
    """Your own responses of units (neurons, sensors, voxels) to stimuli, in the layout of the benchmarks.

    responses: an array, or an .npz or .mat file with one (``variable`` says which). dims: the name of each of its axes, in their order:
        ``unit``; ``trial``, or ``stimulus`` and perhaps ``repeat``; perhaps ``time_ms``.
    stimulus_id: one id for each trial (a stimulus may occur in many), or one for each stimulus. label: of each trial or stimulus, likewise.
    time_ms: centres of the bins, ms after stimulus onset; bin_ms: their width. unit: names. All may stand in the file under these names.
    area, species, units: what was recorded, and in what unit, e.g. "spikes/s".

    Returns a Dataset with responses ``([repeat,] [time_ms,] stimulus, unit)`` and trials ``(stimulus)``, the number of trials of each. Trials are
    sorted by stimulus (in the order of first appearance) and numbered by repeat; where a stimulus has fewer than others the rest is NaN.
    Trials that are NaN for a unit are missing. ``cortexsim.neural.average`` takes the mean over repeats.
    Raises AnalysisError for lengths that do not fit the axes, trials that are NaN in part, infinite values and times in seconds.

    >>> trials = np.arange(12.0).reshape(3, 2, 2)
    >>> data = from_responses(trials, dims=("trial", "unit", "time_ms"), stimulus_id=["cat", "dog", "cat"], time_ms=[0, 10])
    >>> data.responses.dims, data.responses.shape, data.trials.values
    (('repeat', 'time_ms', 'stimulus', 'unit'), (2, 2, 2, 2), array([2, 1], dtype=int32))
    """
    axes = _axes(dims)
    given = {"stimulus_id": stimulus_id, "time_ms": time_ms, "unit": unit, "label": label}
    found, where = {"values": responses}, "the array"
    if isinstance(responses, (str, Path)):
        where = Path(responses).name
        found = pick(
            Path(responses),
            variable,
            lambda shape, count: len(shape) == len(axes),
            f"responses {axes}",
        )
    elif variable is not None:
        raise AnalysisError(
            f"variable={variable!r} names an array of a file; responses is a {type(responses).__name__}"
        )
    elif hasattr(responses, "dims"):
        if tuple(responses.dims) != axes:
            raise AnalysisError(f"dims says {axes}, the DataArray has {tuple(responses.dims)}")
        found = {"values": responses.values}
    known = {k: v if v is not None else found.get(k) for k, v in given.items()}
    values = numbers(found["values"], "responses")
    _check_lengths(values, axes, known, where)
    times = None if "time_ms" not in axes else times_of(known["time_ms"])
    return response_dataset(
        values, axes, known["stimulus_id"], times, known["unit"], known["label"], bin_ms=bin_ms,
        attrs={"area": area, "species": species, "units": units}, about=described(name, where),
    )  # fmt: skip


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
            f"dims={axes}: 'unit' is needed, and either 'trial' (with the stimulus of each) or 'stimulus' (averages; 'repeat' where there are "
            "several)"
        )
    return axes


def _check_lengths(
    values: np.ndarray, axes: tuple[str, ...], known: dict[str, Any], where: str
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
            f"{word} has {np.size(known[word])} entries, the axis {axis!r} of {where} has {sizes[axis]} (shape {values.shape}, dims={axes})"
            + (
                f"; the axis you call {others[0]!r} has as many: is the order of dims right?"
                if others
                else ""
            )
        )


def response_dataset(
    values: np.ndarray, axes: tuple[str, ...], stimulus_id: Any, times: np.ndarray | None, unit: Any, label: Any, *,
    bin_ms: float | None, attrs: dict[str, Any], about: dict[str, Any], per_unit: dict[str, Any] | None = None,
) -> xarray.Dataset:  # fmt: skip
    """Responses with axes in any order as a Dataset; trials become repeats of stimuli."""
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
    """Trials ``(trial, ..., unit)`` as ``(repeat, ..., stimulus, unit)``, NaN where a stimulus has fewer; no repeats where each occurs once.

    Returns also the ids ``(stimulus,)``, how often each occurs, and the first trial of each.
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
            f"{int(part.sum()):,} of {part.size:,} time courses are NaN at some times and not at others; cut the times, or make those trials NaN "
            "throughout"
        )


def _counted(values: np.ndarray, order: list[str]) -> np.ndarray:
    """The number of repeats in which any unit has a number, of each stimulus."""
    there = ~np.isnan(values)
    kept = tuple(k for k, d in enumerate(order) if d not in ("repeat", "stimulus"))
    there = there.any(kept)
    return (there.sum(0) if "repeat" in order else there).astype(np.int32)
