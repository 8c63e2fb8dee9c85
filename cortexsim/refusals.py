"""What the system refuses when something is written, in a sentence that says what to do."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cortexsim.errors import CortexsimError, OutputError

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
FORBIDDEN = (errno.EACCES, errno.EPERM)
ONLY_WRITING = (*FULL, errno.EROFS, errno.EFBIG)
"""What the system says of writing, and never of reading."""
ELSEWHERE = "give another place"


def refusal(path: Path, error: BaseException) -> str:
    """Why a file or folder cannot be written, and what to do.

    Parameters
    ----------
    path : Path
        What was to be written.
    error : BaseException
        What the system said, or a library that hides it: then the disk is asked.

    Examples
    --------
    >>> print(refusal(Path("/a/b.nc"), OSError(errno.EROFS, "EROFS")))
    /a/b.nc cannot be written: the file system of / is read-only (EROFS); give another place
    """
    if isinstance(error, OutputError):
        return str(error)
    if not isinstance(error, OSError) and (asked := _asked(path)) is not None:
        error = asked
    number = error.errno if isinstance(error, OSError) else None
    why, advice = _why(path, number)
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    words = f"{why} ({said})" if why and said else why or said or type(error).__name__
    return f"{path} cannot be written: {words}; {advice or ELSEWHERE}"


def _why(path: Path, number: int | None) -> tuple[str, str]:
    """What is in the way, and what to do; nothing where only the system's words are known."""
    folder, blocking = _nearest(path)
    if number == errno.ENOSPC:
        left = shutil.disk_usage(folder).free
        return (
            f"the disk of {folder} is full, {left:,} bytes are free",
            f"make room, or {ELSEWHERE}",
        )
    if number in FULL:
        return f"your quota on the disk of {folder} is used up", f"make room, or {ELSEWHERE}"
    if number == errno.EFBIG:
        return f"no file may become as large in {folder}", f"raise 'ulimit -f', or {ELSEWHERE}"
    if number == errno.EROFS:
        return f"the file system of {folder} is read-only", ""
    if blocking is not None:
        return f"{blocking} is a file, and a folder must be there", f"remove it, or {ELSEWHERE}"
    if number in FORBIDDEN:
        return f"you have no permission to write in {folder}", ""
    if number == errno.ENAMETOOLONG:
        return "its name is too long for the file system", "give a shorter one"
    if number in (errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST) and path.is_dir():
        return "it is a folder", f"remove it, or {ELSEWHERE}"
    return "", ""


def _nearest(path: Path) -> tuple[Path, Path | None]:
    """The folder on the way to a path that is there, and a file that is where a folder must be."""
    for parent in path.absolute().parents:
        if os.path.lexists(parent):
            if parent.is_dir():
                return parent, None
            return parent.parent, parent
    return Path(path.absolute().anchor), None


def _asked(path: Path) -> OSError | None:
    """What the system says of a small file beside a path, if it refuses that."""
    probe = path.with_name(f".{path.name[:100]}.{os.getpid()}.probe")
    try:
        with open(probe, "wb") as file:
            file.write(bytes(1 << 20))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
    return None


@contextlib.contextmanager
def writing(
    path: Path, *, error: type[CortexsimError] = OutputError, then: str = ""
) -> Iterator[None]:
    """What the system refuses in the block is one error that says what to do.

    Parameters
    ----------
    path : Path
        What is written in the block.
    error : type
        Raised.
    then : str
        Added: what is kept, and how to go on.

    Raises
    ------
    CortexsimError
        If the system refuses.

    Examples
    --------
    >>> with writing(Path("/a/b.nc"), then="The same command goes on"):
    ...     raise OSError(errno.EROFS, "EROFS")
    Traceback (most recent call last):
    ...
    cortexsim.errors.OutputError: /a/b.nc cannot be written: the file system of / is read-only \
(EROFS); give another place. The same command goes on
    """
    try:
        yield
    except OSError as cause:
        raise error(refusal(path, cause) + (f". {then}" if then else "")) from cause


def human(count: float) -> str:
    """Bytes with a unit: 1536 -> '1.5 kB'."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
