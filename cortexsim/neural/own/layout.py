"""The layout of neural data: checked ids, times and numbers in, the pieces of an xarray.Dataset out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.pairs import pair_indices
from cortexsim.provenance import provenance

SHOWN = 5  # ids in an error


def quoted(texts: Sequence[Any] | np.ndarray) -> str:
    """The first few, in quotation marks."""
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(repr(str(s)) for s in texts[:SHOWN]) + more


def texts(values: Any, what: str, count: int | None = None) -> np.ndarray:
    """Ids or names as an object array of str: text as it is, whole numbers as digits. count: how many there must be.

    >>> texts([1, 2.0, "a"], "the ids")
    array(['1', '2', 'a'], dtype=object)
    """
    values = values.values if hasattr(values, "dims") else values  # a DataArray
    given = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
        given = [given]
    out = np.array([_text(v, what) for v in given], dtype=object)
    if count is not None and len(out) != count:
        raise AnalysisError(f"{what}: {len(out)} are given for {count}")
    return out


def _text(value: Any, what: str) -> str:
    if isinstance(value, (bytes, np.bytes_)):
        value = bytes(value).decode()
    if (
        isinstance(value, (int, float, np.integer, np.floating))
        and not isinstance(value, bool)
        and value == value // 1
    ):
        value = str(int(value))  # MATLAB has whole numbers as doubles
    if not isinstance(value, str) or not value.strip():
        raise AnalysisError(f"{what}: {value!r} is no name; text or whole numbers are needed")
    return str(value).strip()


def unique_texts(values: Any, what: str, count: int | None = None) -> np.ndarray:
    """``texts``, of which there is at least one and none occurs twice."""
    out = texts(values, what, count)
    if not len(out):
        raise AnalysisError(f"{what}: there are none")
    names, times = np.unique(out.astype(str), return_counts=True)
    if (times > 1).any():
        raise AnalysisError(
            f"{what}: {int((times > 1).sum())} occur more than once: {quoted(names[times > 1])}"
        )
    return out


def labels_of(label: Any, count: int) -> np.ndarray:
    """A label for each stimulus; '' where there is none."""
    if label is None:
        return np.full(count, "", dtype=object)
    given = list(label) if not isinstance(label, str) else [label]
    if len(given) != count:
        raise AnalysisError(f"label: {len(given)} are given for {count} stimuli")
    return np.array(["" if str(s) == "" else _text(s, "label") for s in given], dtype=object)


def times_of(values: Any, count: int | None = None) -> np.ndarray:
    """Times in ms after stimulus onset, as float64: finite, ascending, and not seconds."""
    try:
        t = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise AnalysisError(f"time_ms holds what is not a number: {quoted(list(values))}") from None
    if t.ndim != 1 or not len(t):
        raise AnalysisError(f"time_ms has shape {t.shape}; (time,) is needed")
    if count is not None and len(t) != count:
        raise AnalysisError(f"time_ms has {len(t)} entries, the data have {count} times")
    if not np.isfinite(t).all():
        raise AnalysisError(
            f"{int((~np.isfinite(t)).sum())} of {len(t)} entries of time_ms are NaN or infinite"
        )
    steps = np.diff(t)
    if (steps <= 0).any():
        k = int(np.argmax(steps <= 0))
        raise AnalysisError(
            f"time_ms must ascend; entry {k} is {t[k]:g}, entry {k + 1} is {t[k + 1]:g}"
        )
    if len(t) > 1 and np.abs(t).max() < 10 and np.median(steps) < 1:
        raise AnalysisError(
            f"time_ms goes from {t[0]:g} to {t[-1]:g} in steps of {np.median(steps):g}: these look like seconds. "
            "Give milliseconds: 1000 * times"
        )
    return t


def time_coord(times: np.ndarray, bin_ms: float | None) -> tuple[str, np.ndarray, dict[str, Any]]:
    """The coordinate ``time_ms``: the centres of bins, their width if it is known."""
    attrs: dict[str, Any] = {"units": "ms after stimulus onset"}
    if bin_ms is not None:
        if not np.isfinite(bin_ms) or bin_ms <= 0:
            raise AnalysisError(f"bin_ms={bin_ms!r}: the width of a bin is a positive number of ms")
        attrs["bin_ms"] = float(bin_ms)
    return "time_ms", times, attrs


def pair_coords(n: int) -> dict[str, Any]:
    """``first`` and ``second`` of each pair of n stimuli."""
    i, j = pair_indices(n)
    return {"first": ("pair", i.astype(np.int32)), "second": ("pair", j.astype(np.int32))}


def described(name: str, source: str, *packages: str, notes: str = "") -> dict[str, Any]:
    """The attributes of data that a user brings."""
    return {
        "name": name,
        "title": name,
        "citation": "the user's own data",
        "licence": "not stated",
        "source": source,
        "notes": notes,
        "provenance": json.dumps(provenance("xarray", *packages)),
    }


def refuse_infinite(values: np.ndarray, what: str) -> None:
    if np.isinf(values).any():
        raise AnalysisError(f"{int(np.isinf(values).sum())} of {values.size} {what} are infinite")
