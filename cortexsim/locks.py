"""Locks: of two processes that begin the same output, one runs and the other says who holds it.

Who holds an output also clears away what killed processes of this machine left beside it.

A lock is an open file that the system lets go of when its process ends, however it ends: what a
killed process leaves of it holds nobody. On systems without ``flock`` (not POSIX) nothing is held.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cortexsim.errors import CortexsimError
from cortexsim.leftovers import sweep
from cortexsim.refusals import refusal

# Open files that this process holds. A child that a fork makes shares them, and would keep them
# when this process is gone.
_held: set[int] = set()

# Outputs that a thread of this process holds, and how many times over.
_ours: dict[tuple[str, int], int] = {}


def _let_go() -> None:
    _ours.clear()
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


class FolderHeldError(Exception):
    """Another process holds a folder; the message says which, where and since when."""


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder, made if need be, for this process.

    A file ``.lock`` in it says who. It is gone afterwards, and so is a folder into which nothing
    else was written; what a killed process leaves of it holds nobody.

    Parameters
    ----------
    folder : Path
        The folder to hold.

    Raises
    ------
    FolderHeldError
        If another process holds it.
    """
    with _locked(folder / ".lock"):
        sweep(folder)
        yield


def is_there(path: Path) -> bool:
    """Whether an output is there; the lock that a killed process left beside it goes.

    For those who refuse to replace an output before they hold it.

    Examples
    --------
    >>> is_there(Path("/nowhere/a.nc"))
    False
    """
    if not path.exists():
        return False
    place = _place(path)
    with contextlib.suppress(OSError):  # held, or not ours to remove
        if place.exists():
            handle = _lock(place)
            try:
                if os.path.samestat(os.fstat(handle), os.stat(place)):
                    place.unlink()
            finally:
                _unlock(handle)
    return True


@contextlib.contextmanager
def holding(path: Path, *, error: type[CortexsimError] = CortexsimError) -> Iterator[None]:
    """Hold an output before anything of it is there, until the end of the block.

    A file ``.NAME.lock`` beside it says who, and is gone afterwards. A thread that holds an output
    may hold it again.

    Parameters
    ----------
    path : Path
        The file or folder that will be written; folders on the way to it are made.
    error : type
        Raised.

    Raises
    ------
    CortexsimError
        If another process (or thread) holds it, with who that is; and where nothing can be written.

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "a.zarr"
    >>> with holding(out):
    ...     [file.name for file in out.parent.iterdir()]
    ['.a.zarr.lock']
    >>> [file.name for file in out.parent.iterdir()]
    []
    """
    path = Path(path)
    place = _place(path)
    me = (str(place), threading.get_ident())
    with contextlib.ExitStack() as stack:
        if me not in _ours:
            try:
                stack.enter_context(_locked(place))
            except FolderHeldError as cause:
                raise error(
                    f"{path} is being written by {cause}; wait for it, or give another `out`"
                ) from cause
            except OSError as cause:
                raise error(refusal(path, cause)) from cause
            sweep(place.parent)
        _ours[me] = _ours.get(me, 0) + 1
        try:
            yield
        finally:
            _ours[me] -= 1
            if not _ours[me]:
                del _ours[me]


def _place(path: Path) -> Path:
    return path.parent.absolute() / f".{path.name}.lock"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file, which says who; it is gone afterwards, and folders made for it."""
    made = [p for p in path.parents if not p.exists()]
    handle = None
    try:
        handle = _lock_file(path)
        who = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        }
        # A full disk takes no more than the name of a file: held, though nobody can read by whom.
        with contextlib.suppress(OSError):
            os.truncate(path, 0)
            os.write(handle, json.dumps(who).encode())
        yield
    finally:
        if handle is not None:
            path.unlink(missing_ok=True)
            _unlock(handle)
        with contextlib.suppress(OSError):  # something else is in it: it stays
            for parent in made:
                parent.rmdir()


def _lock_file(path: Path) -> int:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = _lock(path)
        except BlockingIOError as error:
            if (who := _holder(path)) is None:  # let go since we looked
                continue
            raise FolderHeldError(who) from error
        except FileNotFoundError:
            # Who held it before had made the folder, and removed it again since we looked.
            if path.parent.is_dir():
                raise
            continue
        # Between our opening it and our holding it, its last holder may have removed it: then we
        # hold nothing that others can find.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        _unlock(handle)


def _lock(path: Path) -> int:
    """The open file, held; BlockingIOError if another process holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
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


def _unlock(handle: int) -> None:
    _held.discard(handle)
    os.close(handle)


def _holder(path: Path) -> str | None:
    """Who holds a lock, in words; None where it is gone."""
    for _ in range(50):
        try:
            who = json.loads(path.read_text())
            return f"process {who['pid']} on {who['host']}, since {who['since']}"
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            pass
        time.sleep(0.02)  # it may just have taken it, and be about to write who it is
    return "another process"
