"""Responses in the layout of the benchmarks: trials of a stimulus become its repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import labels_of, refuse_infinite, texts, time_coord, unique_texts

if TYPE_CHECKING:
    import xarray

# In the order of the result, "trial" becoming "repeat".
AXES = ("trial", "repeat", "time_ms", "stimulus", "unit")


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
        values, ids, first = stack_trials(values, of_trial)
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
        counts = _counted(values, order)
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
) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
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
    return (out[0] if counts.max() == 1 else out), ids, first


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
