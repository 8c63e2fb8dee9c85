"""Files that are whole or absent, and folders that one process holds."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray


def atomic_write(path: Path, data: bytes) -> None:
    """Write, fsync, rename: after a crash the file is the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# Locks that this process holds. A child that a fork makes shares them, and would keep them when this process is gone.
_held: set[int] = set()


def _let_go() -> None:
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def lock(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open ``path`` and hold it until :func:`unlock` or the end of this process, however it ends.

    Raises BlockingIOError where another process holds it. On systems without ``flock`` (not POSIX) nothing is held.
    """
    handle = os.open(path, flags, 0o666)
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        pass
    except BaseException:
        os.close(handle)
        raise
    _held.add(handle)
    return handle


def unlock(handle: int) -> None:
    """Let go of what :func:`lock` holds."""
    _held.discard(handle)
    os.close(handle)


class FolderHeldError(Exception):
    """Another process holds a folder; the message says which, where and since when."""


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder, made if need be, for this process; raises FolderHeldError where another one does.

    A file ``.lock`` in it says who. It is gone afterwards, and so is a folder into which nothing else was written; what a killed process leaves
    of it holds nobody.
    """
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".lock"
    handle = _lock_file(path)
    try:
        who = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        }
        os.truncate(path, 0)
        os.write(handle, json.dumps(who).encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        unlock(handle)
        with contextlib.suppress(OSError):  # something is in it: it stays
            for parent in made:
                parent.rmdir()


def _lock_file(path: Path) -> int:
    while True:
        try:
            handle = lock(path, os.O_RDWR | os.O_CREAT)
        except BlockingIOError as error:
            raise FolderHeldError(_holder(path)) from error
        # Between our opening it and our holding it, its last holder may have removed it: then we hold nothing that others can find.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        unlock(handle)


def _holder(path: Path) -> str:
    """Who holds a lock, in words; it may just have taken it, or just have let it go."""
    try:
        who = json.loads(path.read_text())
        return f"process {who['pid']} on {who['host']}, since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def write(result: xarray.Dataset, path: Path) -> None:
    """A netCDF file, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            result.to_netcdf(temporary, engine="netcdf4")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except (
        OSError,
        RuntimeError,
    ) as error:  # what HDF5 cannot write, on a full disk say, is a RuntimeError
        raise AnalysisError(f"{path} cannot be written: {error}") from error
