"""Recordings of parts of the stimuli as one: joined by stimulus, nothing read but coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.checksums import sha256
from cortexsim.errors import RecordingError
from cortexsim.recording.refusals import differences
from cortexsim.recording.schema import STIMULUS, configuration, root_attributes

if TYPE_CHECKING:
    import xarray

FREE = ("stimuli", "provenance", "batch_size", "compression", "device")
"""What may differ in the configurations of recordings that are joined."""

SHOWN = 5  # ids that an error lists
ROWS = 64  # stimuli compared at a time


def joined(trees: Sequence[xarray.DataTree], paths: Sequence[Path]) -> xarray.DataTree:
    """Recordings in a row as one tree, whose arrays are read when they are used.

    Parameters
    ----------
    trees : sequence of DataTree
        As :func:`cortexsim.open_recording` gives each of them.
    paths : sequence of Path
        Where they are, for messages.

    Returns
    -------
    DataTree
        The stimuli of the first, then those of the second that the first does not have, ...

    Raises
    ------
    RecordingError
        If they are of different networks, presentations, steps or ways to keep; and for a stimulus
        that two of them hold with different numbers.
    """
    import xarray

    known = [configuration(tree) for tree in trees]
    for path, theirs in zip(paths[1:], known[1:], strict=True):
        if lines := differences(_fixed(known[0]), _fixed(theirs)):
            lines = [line.replace(" there, ", f" in {paths[0]}, ", 1) for line in lines]
            lines = [line.removesuffix(" here") + f" in {path}" for line in lines]
            raise RecordingError(
                f"{paths[0]} and {path} cannot be joined, they were not recorded alike:\n  "
                + "\n  ".join(lines)
                + "\nRecord all parts with the same settings"
            )
    names = [name.lstrip("/") for name in trees[0].groups if trees[0][name].dataset.data_vars]
    kept = _kept(trees, paths, names)
    groups = {
        f"/{name}": _group([tree[name].dataset for tree in trees], kept, name=name, paths=paths)
        for name in names
    }
    total = sum(map(len, kept))
    root = xarray.Dataset(attrs=root_attributes(_together(known, paths, total), total, total))
    return xarray.DataTree.from_dict({"/": root, **groups})


def _fixed(known: Mapping[str, Any]) -> dict[str, Any]:
    """What must be equal."""
    return {k: v for k, v in known.items() if k not in FREE}


def _together(known: Sequence[dict[str, Any]], paths: Sequence[Path], total: int) -> dict[str, Any]:
    """The configuration of all of them; of each what may differ stands under ``joined``."""
    stimuli = [k["stimuli"] for k in known]
    together = {
        "name": " + ".join(dict.fromkeys(s["name"] for s in stimuli)),
        "count": total,
        "sha256": sha256("".join(s["sha256"] for s in stimuli).encode()),
        "skipped": [name for s in stimuli for name in s["skipped"]],
    }
    parts = [
        {"path": str(path), **{name: k.get(name) for name in FREE}}
        for path, k in zip(paths, known, strict=True)
    ]
    return {**known[0], "stimuli": together, "joined": parts}


def _kept(
    trees: Sequence[xarray.DataTree], paths: Sequence[Path], names: Sequence[str]
) -> list[np.ndarray]:
    """Of each recording the places of stimuli that none before it has."""
    seen: dict[str, tuple[int, int]] = {}
    kept = []
    for k, tree in enumerate(trees):
        ids = list(map(str, tree[names[0]].stimulus_id.values))
        own: list[int] = []
        twice: list[int] = []
        for place, stimulus in enumerate(ids):
            (twice if stimulus in seen else own).append(place)
            seen.setdefault(stimulus, (k, place))
        for first in sorted({seen[ids[place]][0] for place in twice}):
            pairs = [(seen[ids[p]][1], p) for p in twice if seen[ids[p]][0] == first]
            _refuse_different(
                (trees[first], tree), (paths[first], paths[k]), np.array(pairs).T, names=names
            )
        kept.append(np.array(own, dtype=np.int64))
    return kept


def _refuse_different(
    trees: tuple[Any, Any], paths: tuple[Path, Path], places: np.ndarray, *, names: Sequence[str]
) -> None:
    """RecordingError for stimuli that two recordings hold with different numbers."""
    for name in names:
        first, second = (tree[name].dataset for tree in trees)
        ids = first.stimulus_id.values[places[0]]
        for variable in ("label", *map(str, first.data_vars)):
            different = [
                str(stimulus)
                for stimulus, same in zip(
                    ids, _equal(first[variable], second[variable], *places), strict=True
                )
                if not same
            ]
            if different:
                more = f" and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
                raise RecordingError(
                    f"{paths[0]} and {paths[1]} both hold {', '.join(different[:SHOWN])}{more}, "
                    f"with different {variable} in {name}; give stimuli that are not the same "
                    "other ids, or leave one of the recordings out"
                )


def _equal(
    one: xarray.DataArray, other: xarray.DataArray, mine: np.ndarray, theirs: np.ndarray
) -> list[bool]:
    """Of each place in one array whether it holds what that in another does, NaN being NaN."""
    same: list[bool] = []
    for first in range(0, len(mine), ROWS):
        a = one.isel({STIMULUS: mine[first : first + ROWS]}).values
        b = other.isel({STIMULUS: theirs[first : first + ROWS]}).values
        nan = a.dtype.kind == "f"
        same += [np.array_equal(x, y, equal_nan=nan) for x, y in zip(a, b, strict=True)]
    return same


def _group(
    parts: Sequence[xarray.Dataset],
    kept: Sequence[np.ndarray],
    *,
    name: str,
    paths: Sequence[Path],
) -> xarray.Dataset:
    """One group of all of them."""
    import xarray

    first = parts[0]
    for part, path in zip(parts[1:], paths[1:], strict=True):
        for key, coordinate in first.coords.items():
            if STIMULUS not in coordinate.dims and not coordinate.equals(part.coords.get(key)):
                raise RecordingError(
                    f"{paths[0]} and {path} cannot be joined: {key} of {name} differs"
                )
    whole = all(len(own) == part.sizes[STIMULUS] for own, part in zip(kept, parts, strict=True))
    if not whole:
        parts = [part.isel({STIMULUS: own}) for part, own in zip(parts, kept, strict=True)]
    variables = {
        key: _in_a_row([part[key].variable for part in parts])
        for key in map(str, (*first.data_vars, *first.coords))
        if STIMULUS in first[key].dims
    }
    rest = {key: c for key, c in first.coords.items() if STIMULUS not in c.dims}
    coordinates = {key: v for key, v in variables.items() if key in first.coords}
    data = {key: v for key, v in variables.items() if key not in first.coords}
    return xarray.Dataset(data, {**coordinates, **rest}, first.attrs)


def _in_a_row(parts: Sequence[xarray.Variable]) -> xarray.Variable:
    """Variables along the stimuli, as one that reads what is asked for."""
    import xarray
    from xarray.core.indexing import LazilyIndexedArray

    from cortexsim.recording.in_a_row import InARow

    first = parts[0]
    if first.ndim == 1 or first.chunks is not None:  # ids and labels; dask joins lazily itself
        return xarray.Variable.concat(list(parts), STIMULUS)
    return xarray.Variable(first.dims, LazilyIndexedArray(InARow(parts)), first.attrs)
