"""Files that are whole or absent."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.errors import AnalysisError, CortexsimError

if TYPE_CHECKING:
    import xarray


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to, for libraries that open the file themselves.

    At the end of the block the file is flushed to disk and takes the place of ``path``: after a
    crash there is the old file or the new one, never a part. After an error in the block ``path``
    is as it was, and nothing is left beside it.

    Parameters
    ----------
    path : Path
        The file to make or replace; folders on the way to it are made.

    Yields
    ------
    Path
        Where to write; in the same folder, with the same suffix.

    Raises
    ------
    FileNotFoundError
        If the block wrote nothing there.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "numbers.npy"
    >>> with atomic_path(target) as temporary:
    ...     _ = temporary.write_bytes(b"1 2 3")
    >>> [file.name for file in target.parent.iterdir()]
    ['numbers.npy']
    """
    with _replacing(path, path.suffix) as temporary:
        yield temporary


@contextlib.contextmanager
def _replacing(path: Path, suffix: str = "") -> Iterator[Path]:
    """What :func:`atomic_path` does; the temporary file ends in ``.tmp`` and the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp{suffix}")
    try:
        yield temporary
        _flush(temporary, os.O_RDWR)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        _flush(path.parent, os.O_RDONLY)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A folder beside ``path`` to fill, which takes its name at the end of the block.

    After an error in the block nothing is left; what a killed process leaves is cleared away by
    the next one.

    Parameters
    ----------
    path : Path
        The folder to make, which is not there yet; folders on the way to it are made.

    Yields
    ------
    Path
        Where to write; the block makes it.

    Raises
    ------
    OSError
        If ``path`` exists and is not empty.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "store"
    >>> with atomic_folder(target) as temporary:
    ...     temporary.mkdir()
    ...     target.exists()
    False
    >>> target.is_dir()
    True
    """
    temporary = path.with_name(f".{path.name}.creating")
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        yield temporary
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


class Replaced:
    """A folder that is being replaced, set aside until the new one is whole.

    Parameters
    ----------
    path : Path
        The folder that is replaced.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._aside = path, path.with_name(f".{path.name}.replaced")

    def set_aside(self, *, whole: bool = True) -> None:
        """Keep what is there, and make place.

        Parameters
        ----------
        whole : bool
            Whether what is there is more than a part; a part is dropped if a whole one is set
            aside already.
        """
        if self._aside.exists() and not whole:
            shutil.rmtree(self.path)
            return
        self.forget()
        self.path.rename(self._aside)

    def put_back(self) -> None:
        """What was set aside, if anything, takes its place again."""
        if self._aside.exists():
            shutil.rmtree(self.path, ignore_errors=True)
            self._aside.rename(self.path)

    def forget(self) -> None:
        """Drop what was set aside: the new one is whole."""
        shutil.rmtree(self._aside, ignore_errors=True)


def atomic_write(path: Path, data: bytes) -> None:
    """Write bytes to a file that is whole or as it was (see :func:`atomic_path`).

    Parameters
    ----------
    path : Path
        The file to make or replace; folders on the way to it are made.
    data : bytes
        All it will hold.
    """
    # Without the suffix: what a killed process leaves is not taken for weights or a data set.
    with _replacing(path) as temporary:
        temporary.write_bytes(data)


def _flush(path: Path, flags: int) -> None:
    """What the system holds back of a file or folder goes to disk."""
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(result: xarray.Dataset, path: Path) -> None:
    """Write a netCDF file, whole or not at all.

    Parameters
    ----------
    result : xarray.Dataset or xarray.DataTree
        What to write.
    path : Path
        The file to make or replace.

    Raises
    ------
    AnalysisError
        If it cannot be written; the file is then as it was.
    """
    try:
        with atomic_path(path) as temporary:
            result.to_netcdf(temporary, engine="netcdf4")
    # What HDF5 cannot write, on a full disk say, is a RuntimeError.
    except (OSError, RuntimeError) as error:
        raise AnalysisError(f"{path} cannot be written: {error}") from error


def parsed_json(
    text: str | bytes, what: str, *, error: type[CortexsimError] = CortexsimError
) -> Any:
    """What a JSON text holds that may come from a stranger: one clear error if it is none.

    Parameters
    ----------
    text : str or bytes
        The text; bytes are UTF-8, a byte-order mark is passed over.
    what : str
        What it is to be, for the message.
    error : type
        Raised.

    Raises
    ------
    CortexsimError
        For bytes that are no UTF-8, text that is no JSON, and nesting that is too deep to be read.

    Examples
    --------
    >>> parsed_json(b'{"size": [32, 32]}', "a model card")
    {'size': [32, 32]}
    """
    try:
        return json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
    except UnicodeDecodeError as cause:
        raise error(
            f"{what} is not JSON: byte {cause.start} is no UTF-8 text; save it as UTF-8"
        ) from cause
    except RecursionError:
        raise error(f"{what} is nested too deep to be read; it is none of ours") from None
    except ValueError as cause:  # also numbers of thousands of digits
        raise error(f"{what} is not JSON: {cause}") from cause
