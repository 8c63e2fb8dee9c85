"""Opening recordings: one, or several as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.accessor import register
from cortexsim.arguments import clear_errors
from cortexsim.errors import RecordingError
from cortexsim.recording.checked import DIGEST, INTEGRITY, warn_unchecked
from cortexsim.recording.schema import COORDINATES, STIMULUS, configuration, recording_root
from cortexsim.recording.shards import joined

if TYPE_CHECKING:
    import xarray


@clear_errors
def open_recording(
    path: str | Path | Sequence[str | Path], *, partial: bool = False, chunks: Any = None
) -> xarray.DataTree:
    """Open a recording and check it against the layout.

    Parameters
    ----------
    path : path, or sequence of paths
        The store. Of several, parts of the stimuli of one and the same network and presentation,
        one tree is made, whose stimuli are those of the first, then those of the second, ...;
        nothing but coordinates is read for that.
    partial : bool
        Accept one that was not finished (its committed stimuli).
    chunks : mapping, optional
        ``{}`` for dask arrays, None for xarray's lazy ones.

    Returns
    -------
    xarray.DataTree
        A group for each state.

    Raises
    ------
    RecordingError
        If there is none, if it is not finished, has another layout, or is damaged: a file that
        was written is missing. Damage inside a file is noticed when it is read. Of several: if
        they were not recorded alike, with what differs, and for a stimulus that two of them hold
        with different numbers.

    Warns
    -----
    UncheckedWarning
        For recordings of before checksums.

    Examples
    --------
    >>> import tempfile, cortexsim
    >>> path = tempfile.mkdtemp() + "/a.zarr"
    >>> _ = cortexsim.record_network(cortexsim.load("cortex4"), "sample", keep="mean", out=path)
    >>> recording = open_recording(path)
    >>> recording["IT"].activation.sel(step=4).dims
    ('stimulus', 'unit')
    """
    if not isinstance(path, (str, Path)):
        paths = [Path(p) for p in path]
        if not paths:
            raise RecordingError("there are no recordings to join; give at least one path")
        trees = [_open(p, partial=partial, chunks=chunks) for p in paths]
        return joined(trees, paths)
    return _open(Path(path), partial=partial, chunks=chunks)


def _open(path: Path, *, partial: bool, chunks: Any) -> xarray.DataTree:
    """One recording."""
    import xarray

    register()
    root = recording_root(path)
    attributes = root.attributes
    done, total = attributes["stimuli_committed"], attributes["stimuli_total"]
    if done < total and not partial:
        raise RecordingError(
            f"{path} is not complete: {done} of {total} stimuli are committed. Continue it with "
            "what began it and `resume=True`, or open what is there with "
            "open_recording(path, partial=True)"
        )
    if root.is_checked:
        root.refuse_missing(
            "Continue the recording with what began it and `resume=True`: what is missing is "
            "recorded anew"
        )
    else:
        warn_unchecked(path)
    if not (chunks is None or isinstance(chunks, (int, dict, tuple)) or str(chunks) == "auto"):
        raise RecordingError(f"chunks={chunks!r}; give a number, a dictionary, 'auto' or None")
    # The type that xarray declares for stores knows no wrapped ones.
    store: Any = root.store()
    tree = xarray.open_datatree(store, engine="zarr", chunks=chunks, consolidated=True)
    tree.attrs = {k: v for k, v in tree.attrs.items() if k not in (INTEGRITY, DIGEST)}
    problems = list(_problems(tree, done))
    if problems:
        raise RecordingError(
            f"{path} does not have the layout of a recording:\n  " + "\n  ".join(problems)
        )
    return tree


def _problems(tree: xarray.DataTree, stimuli: int) -> list[str]:
    """What differs from the layout."""
    problems: list[str] = []
    for key in configuration(tree)["variables"]:
        name, _, variable = key.rpartition("/")
        dims = ("class",) if name == "readout" else None
        if name not in tree.groups and f"/{name}" not in tree.groups:
            problems.append(f"group {name!r} is missing")
            continue
        group = tree[name]
        if variable not in group:
            problems.append(f"{name}: variable {variable!r} is missing")
            continue
        array = group[variable]
        if (
            tuple(array.dims)[:2] != (STIMULUS, "step")
            or (dims or tuple(array.dims)[2:]) != tuple(array.dims)[2:]
        ):
            problems.append(f"{name}: {variable} has dimensions {array.dims}")
        if group.sizes[STIMULUS] != stimuli:
            problems.append(f"{name}: {group.sizes[STIMULUS]} stimuli, {stimuli} were committed")
        problems += [
            f"{name}: coordinate {c!r} is missing"
            for c in (*COORDINATES, "step")
            if c not in group.coords
        ]
    return problems
