"""Stores from which nothing damaged is read: what a root says of its files, and reading by it.

The attributes of the root of a store (of a recording, and of an RDM movie) hold two texts besides
their own::

    integrity   JSON: ``files``, the sha256 of each file with metadata or coordinates;
                ``absent``, of each array the places along its first two axes that hold no chunk
                (states at steps at which they are not populated)
    digest      the sha256 of the rest of the root's ``zarr.json``

The chunks of arrays end with their crc32c. Stores of before version 0.1 have none of this.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.arguments import outside
from cortexsim.checksums import crc_holds, json_digest, sha256, with_digest
from cortexsim.errors import CortexsimError, UncheckedWarning
from cortexsim.files import parsed_json
from cortexsim.leftovers import is_temporary

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest, Store
    from zarr.core.buffer import Buffer, BufferPrototype

INTEGRITY, DIGEST = "integrity", "digest"
NODE = "zarr.json"
SHOWN = 3  # damaged files that a message names


@dataclass(frozen=True)
class Root:
    """The root of a store, read once: what a writer commits later is not seen.

    Parameters
    ----------
    path : Path
        The store.
    data : bytes
        Its ``zarr.json``.
    node : dict
        What that says.
    error : type
        Raised for what is damaged.
    """

    path: Path
    data: bytes
    node: dict[str, Any]
    error: type[CortexsimError]

    @property
    def attributes(self) -> dict[str, Any]:
        """Of the store."""
        return self.node["attributes"]

    @property
    def nodes(self) -> dict[str, Any]:
        """The metadata of groups and arrays, cut to what is committed."""
        return self.node["consolidated_metadata"]["metadata"]

    @property
    def is_checked(self) -> bool:
        """Whether it was written with checksums."""
        return INTEGRITY in self.attributes

    @functools.cached_property
    def integrity(self) -> dict[str, Any]:
        """What it says of its files."""
        return json.loads(self.attributes[INTEGRITY])

    @property
    def files(self) -> dict[str, str]:
        """The sha256 of each file with metadata or coordinates."""
        return self.integrity["files"]

    def chunks(self) -> dict[str, list[str]]:
        """The files that arrays must have, by array."""
        return {name: list(self._chunks_of(name)) for name in self.integrity["absent"]}

    def _chunks_of(self, name: str) -> Iterator[str]:
        node = self.nodes[name]
        sizes = node["chunk_grid"]["configuration"]["chunk_shape"]
        counts = [math.ceil(n / size) for n, size in zip(node["shape"], sizes, strict=True)]
        absent = {tuple(place) for place in self.integrity["absent"][name]}
        separator = node["chunk_key_encoding"]["configuration"]["separator"]
        rest = list(itertools.product(*map(range, counts[2:])))
        for first, second in itertools.product(range(counts[0]), range(counts[1])):
            if (first, second) not in absent and (None, second) not in absent:
                for other in rest:
                    yield separator.join(map(str, ("c", first, second, *other)))

    def missing(self) -> list[str]:
        """Files that must be there and are not; none of them is read."""
        gone = [name for name in self.files if not (self.path / name).is_file()]
        for name, keys in self.chunks().items():
            folder = self.path / name
            if keys and "/" in keys[0]:
                gone += [f"{name}/{key}" for key in keys if not (folder / key).is_file()]
                continue
            try:
                names = set(os.listdir(folder)) if keys else set()
            except OSError:
                names = set()
            gone += [f"{name}/{key}" for key in keys if key not in names]
        return gone

    def damaged(self, names: Iterable[str]) -> list[str]:
        """Those of some files of the store that are missing or are not what was written."""
        return [name for name in names if not self._is_whole(name)]

    def _is_whole(self, name: str) -> bool:
        try:
            return self.holds(name, (self.path / name).read_bytes())
        except OSError:
            return False

    def holds(self, name: str, data: Any) -> bool:
        """Whether bytes are those that were written as a file of the store."""
        if (expected := self.files.get(name)) is not None:
            return sha256(bytes(data)) == expected
        return self._array_of(name) is None or crc_holds(data)

    def _array_of(self, name: str) -> str | None:
        """The array that a file is a chunk of, if it must be there."""
        array, found, _ = name.rpartition("/c.")
        if not found:
            array, found, _ = name.partition("/c/")
        return array if found and array in self.integrity["absent"] else None

    def refuse_missing(self, advice: str) -> None:
        """An error if files that must be there are not; what to do is said by ``advice``."""
        if gone := self.missing():
            raise self.error(f"{self.path} is damaged: {in_words(gone)} missing. {advice}")

    def of_damage(self, name: str, *, missing: bool) -> CortexsimError:
        """The error for a file that is read and is not what was written."""
        chunk = self._array_of(name) is not None
        why = (
            "is missing, and was written"
            if missing
            else f"is not what was written: its {'crc32c' if chunk else 'sha256'} is another"
        )
        return self.error(
            f"{self.path / name} {why}. The store is damaged: 'cortexsim verify "
            f"{self.path}' lists all that is; record with `resume=True` what is recorded, or "
            "write it anew"
        )

    def must_exist(self, name: str) -> bool:
        """Whether a file was written."""
        if name in self.files:
            return True
        array = self._array_of(name)
        return array is not None and name[len(array) + 1 :] in self._sets[array]

    @functools.cached_property
    def _sets(self) -> dict[str, set[str]]:
        return {name: set(keys) for name, keys in self.chunks().items()}

    def store(self) -> Store:
        """The store, read-only: what is damaged is an error, and the root is as it was read."""
        from zarr.storage import LocalStore

        local = LocalStore(self.path, read_only=True)
        return _checked_store()(local, self) if self.is_checked else local


def in_words(names: list[str]) -> str:
    """Files, the first few by name: ``V1/c.0 and 2 more are``."""
    more = len(names) - SHOWN
    listed = ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")
    return f"{listed} {'is' if len(names) == 1 else 'are'}"


def read_root(path: Path, what: str, *, error: type[CortexsimError]) -> Root:
    """The root of a store, if it is what was written.

    Parameters
    ----------
    path : Path
        The store.
    what : str
        What it is to be, for messages.
    error : type
        Raised.

    Raises
    ------
    CortexsimError
        If it is no Zarr metadata, or damaged.
    """
    file = path / NODE
    try:
        data = file.read_bytes()
    except OSError as cause:
        raise error(f"{file} cannot be read: {cause}") from cause
    node = parsed_json(data, f"{file} is not Zarr metadata: it", error=error)
    if not isinstance(node, dict) or not isinstance(node.get("attributes"), dict):
        raise error(f"{file} is not Zarr metadata of {what}: it holds no attributes")
    attributes = node["attributes"]
    if (INTEGRITY in attributes or DIGEST in attributes) and not _digest_holds(node):
        raise error(
            f"{file} is damaged: its digest is not that of what it says. Put it back from a copy "
            f"of {path}, or remove {path} and make it anew"
        )
    return Root(path, data, node, error)


def lost_its_root(path: Path, arrays: Iterable[str]) -> bool:
    """Whether a folder is a store of ours whose root is damaged or gone: it may be replaced.

    Parameters
    ----------
    path : Path
        The folder.
    arrays : iterable of str
        Of which it, or a folder in it, holds all: with their metadata, and nothing else anywhere
        than files of Zarr.
    """
    try:
        read_root(path, "a store", error=CortexsimError)
    except CortexsimError:
        groups = [path, *(p for p in path.glob("*") if p.is_dir())]
        ours = any(all((g / name / NODE).is_file() for name in arrays) for g in groups)
        return ours and all(map(_is_of_zarr, (f for f in path.rglob("*") if f.is_file())))
    return False


def _is_of_zarr(file: Path) -> bool:
    """Whether a file of a store is metadata, a chunk, or a temporary."""
    chunk = file.name.startswith("c.") or "c" in file.parts or file.name == "c"
    return file.name == NODE or chunk or file.suffix == ".partial" or is_temporary(file.name)


def _digest_holds(node: dict[str, Any]) -> bool:
    attributes = node["attributes"]
    if INTEGRITY not in attributes or DIGEST not in attributes:
        return False
    rest = {k: v for k, v in attributes.items() if k != DIGEST}
    return json_digest({**node, "attributes": rest}, DIGEST) == attributes[DIGEST]


def with_own_digest(node: dict[str, Any]) -> dict[str, Any]:
    """The metadata of a root that says how its files are checked, with the digest of itself."""
    attributes = {k: v for k, v in node["attributes"].items() if k != DIGEST}
    digest = with_digest({**node, "attributes": attributes}, DIGEST)[DIGEST]
    return {**node, "attributes": {**attributes, DIGEST: digest}}


def integrity_of(path: Path, absent: Mapping[str, Any], *, leave_out: Iterable[str] = ()) -> str:
    """What a root says of the files of its store, as JSON.

    Parameters
    ----------
    path : Path
        The store, with all its metadata and coordinates.
    absent : dict
        Of each array whose chunks are checked by themselves: places without one.
    leave_out : iterable of str
        Files that will change.
    """
    besides = {NODE, *leave_out}
    files = {}
    for file in sorted(f for f in path.rglob("*") if f.is_file()):
        name = file.relative_to(path).as_posix()
        chunk = any(name.startswith((f"{array}/c.", f"{array}/c/")) for array in absent)
        if name not in besides and not chunk:
            files[name] = sha256(file.read_bytes())
    return json.dumps({"files": files, "absent": dict(absent)})


def warn_unchecked(path: Path) -> None:
    """A note for stores of before checksums."""
    warnings.warn(
        f"{path} was written without checksums: damage to it would not be noticed",
        UncheckedWarning,
        stacklevel=outside(),
    )


@functools.cache  # zarr is imported when a store is opened, not before
def _checked_store() -> type:
    from zarr.storage import WrapperStore

    class CheckedStore(WrapperStore):
        """A local store that gives out nothing but what was written."""

        def __init__(self, store: Any, root: Root) -> None:
            super().__init__(store)
            self.root = root

        def _with_store(self, store: Any) -> Any:
            return type(self)(store, self.root)

        def __reduce__(self) -> Any:
            return _reopened, (self.root,)

        def __eq__(self, other: object) -> bool:
            return type(other) is type(self) and getattr(other, "root", None) == self.root

        __hash__ = None  # type: ignore[assignment]

        async def get(
            self,
            key: str,
            prototype: BufferPrototype | None = None,
            byte_range: ByteRequest | None = None,
        ) -> Buffer | None:
            """A file; an error if it is missing or damaged."""
            from zarr.core.buffer import default_buffer_prototype

            prototype = prototype or default_buffer_prototype()
            if key == NODE and byte_range is None:
                return prototype.buffer.from_bytes(self.root.data)
            data = await self._store.get(key, prototype, byte_range)
            if data is None:
                if self.root.must_exist(key):
                    raise self.root.of_damage(key, missing=True)
            elif byte_range is None and not self.root.holds(key, data.as_numpy_array()):
                raise self.root.of_damage(key, missing=False)
            return data

    return CheckedStore


def _reopened(root: Root) -> Any:
    """The store of a root, in another process."""
    return root.store()
