"""What is damaged in a recording, and how it is made whole again when it is continued."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.errors import RecordingError
from cortexsim.files import atomic_write
from cortexsim.leftovers import beside, remove
from cortexsim.recording.checked import Root
from cortexsim.recording.schema import damaged_groups, write_groups
from cortexsim.recording.store import lay_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cortexsim.recording.store import Plan


def damaged_files(root: Root) -> list[str]:
    """All files of a recording that are not what was written; every committed chunk is read.

    Parameters
    ----------
    root : Root
        Of a recording with checksums.

    Returns
    -------
    list of str
        Their names in the store: metadata and coordinates first.
    """
    chunks = (f"{array}/{key}" for array, keys in root.chunks().items() for key in keys)
    return [*root.damaged(root.files), *damaged_groups(root), *root.damaged(chunks)]


def restored(root: Root, damaged: Sequence[str], plan: Plan) -> tuple[int, ...]:
    """Make damaged metadata and coordinates anew, and drop damaged chunks.

    Parameters
    ----------
    root : Root
        Of a recording with checksums.
    damaged : sequence of str
        What :func:`damaged_files` says of it.
    plan : Plan
        What it was created from.

    Returns
    -------
    tuple of int
        The first stimulus of each batch that is to be recorded again.

    Raises
    ------
    RecordingError
        If what is made anew is not what was written, by another version of zarr say.
    """
    if any(name in root.files for name in damaged):
        _lay_out_again(root, [name for name in damaged if name in root.files], plan)
    if any(name.endswith("zarr.json") and name not in root.files for name in damaged):
        write_groups(root)
    starts = set()
    for name in damaged:
        array, found, key = name.rpartition("/c.")
        if found and array in root.integrity["absent"]:
            # A part of a chunk is written into what is there of it, which must not be damaged.
            (root.path / name).unlink(missing_ok=True)
            starts.add(plan.size * int(key.split(".")[0]))
    return tuple(sorted(starts))


def whole_batches(root: Root, batches: Iterable[int], plan: Plan) -> set[int]:
    """Those of some batches behind the committed ones of which every chunk is what was written."""
    return {
        batch
        for batch in batches
        if not root.damaged(
            f"{v.group}/{v.name}/{key}" for v in plan.variables for key in v.chunks_of(batch)
        )
    }


def _lay_out_again(root: Root, names: Sequence[str], plan: Plan) -> None:
    """The files, as they are in an empty store of the same plan."""
    fresh = beside(root.path)
    remove(fresh)
    try:
        lay_out(fresh, plan)
        for name in names:
            data = _bytes_of(fresh / name)
            if data is None or not root.holds(name, data):
                raise RecordingError(
                    f"{root.path / name} is damaged and cannot be made anew: this version of zarr "
                    "writes it otherwise. Put it back from a copy, or give `overwrite=True`"
                )
            atomic_write(root.path / name, data)
    finally:
        remove(fresh)


def _bytes_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
