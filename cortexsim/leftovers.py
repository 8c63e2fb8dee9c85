"""Temporary files and folders, named for the process that writes them: those of the dead go.

A temporary of ``a.nc`` is ``.a.nc.HOST-PID.tmp`` beside it (and, where a library looks at the
suffix, ``.a.nc.HOST-PID.tmp.nc``). On a folder that several machines share, each removes only what
its own processes left: of those of others nobody here knows whether they run.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]+)-(?P<pid>\d+)\.(?:tmp|part)(?:\.[^.]+)*")
"""The name of a temporary file or folder."""

FIRST_NAMESPACE = 0xEFFFFFFC  # Linux: the process numbers that the machine itself sees


@functools.cache
def here() -> str:
    """This machine, as names of temporaries tell it from others; a container is another."""
    name = socket.gethostname().partition(".")[0][:20]
    try:
        numbers = os.stat("/proc/self/ns/pid").st_ino
    except OSError:  # not Linux
        return name
    return name if numbers == FIRST_NAMESPACE else f"{name}~{numbers:x}"


def beside(path: Path, ending: str = ".tmp") -> Path:
    """The temporary of this process for a file or folder, in the same folder.

    Parameters
    ----------
    path : Path
        What it will take the place of.
    ending : str
        ``.tmp`` or ``.part``, and a suffix.

    Examples
    --------
    >>> bool(TEMPORARY.fullmatch(beside(Path("a.nc"), ".tmp.nc").name))
    True
    """
    return path.with_name(f".{path.name}.{here()}-{os.getpid()}{ending}")


def sweep(folder: Path, name: str | None = None) -> None:
    """Remove the temporaries in a folder that dead processes of this machine left.

    Parameters
    ----------
    folder : Path
        The folder; not those in it.
    name : str, optional
        Only temporaries of this file or folder.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_left(entry.name) and name in (None, _name_of(entry.name)):
                remove(Path(entry.path))


def is_left(name: str) -> bool:
    """Whether a file name is that of a temporary of a dead process of this machine."""
    match = TEMPORARY.fullmatch(name)
    return match is not None and match["host"] == here() and not _runs(int(match["pid"]))


def is_temporary(name: str) -> bool:
    """Whether a file name is that of a temporary of any process, or of a lock."""
    return TEMPORARY.fullmatch(name) is not None or name == ".lock"


def _name_of(name: str) -> str:
    match = TEMPORARY.fullmatch(name)
    return match["name"] if match else ""


def remove(path: Path) -> None:
    """Remove a file or a whole folder, as far as the system lets us; nothing is raised."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        path.unlink()


@contextlib.contextmanager
def scratch(parent: Path | None = None) -> Iterator[Path]:
    """An empty folder that is gone at the end of the block.

    Those of killed processes go when the next one is made.

    Parameters
    ----------
    parent : Path, optional
        Where; made if need be. Default the system's folder for temporary files.

    Yields
    ------
    Path
        The folder.

    Examples
    --------
    >>> with scratch() as folder:
    ...     folder.is_dir()
    True
    >>> folder.exists()
    False
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    ending = beside(Path("scratch")).name.removeprefix(".scratch")
    folder = Path(tempfile.mkdtemp(ending, ".cortexsim-", parent))
    try:
        yield folder
    finally:
        remove(folder)


def _runs(process: int) -> bool:
    """Whether a process of that number runs on this machine."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it runs, and is somebody else's
        return True
    return True
