"""Files that are whole or absent."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.checksums import seal_file, seal_holds
from cortexsim.errors import AnalysisError, CortexsimError, OutputError
from cortexsim.leftovers import beside, remove, sweep
from cortexsim.refusals import ONLY_WRITING, refusal

if TYPE_CHECKING:
    import xarray


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to, for libraries that open the file themselves.

    At the end of the block the file is flushed to disk and takes the place of ``path``: after a
    crash there is the old file or the new one, never a part. After an error in the block ``path``
    is as it was, and nothing is left beside it. What a killed process left beside it is removed.

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
    OutputError
        For what the system refuses: a full disk, a folder without permission, a file in the way.

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
    if not path.name:
        raise OutputError(f"{path} is a folder; give the file to write, e.g. {path / 'result'}")
    temporary = beside(path, f".tmp{suffix}")
    with _said(path, temporary):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, path.name)
        try:
            yield temporary
            _flush(temporary, os.O_RDWR)
            os.replace(temporary, path)
        finally:
            remove(temporary)
        if os.name == "posix":  # elsewhere a folder cannot be opened
            _flush(path.parent, os.O_RDONLY)


@contextlib.contextmanager
def _said(path: Path, temporary: Path) -> Iterator[None]:
    """What the system refuses to write is told of ``path``; what is read passes."""
    try:
        yield
    except FileNotFoundError:  # the block wrote nothing
        raise
    except OSError as error:
        ours = (str(path), str(temporary), *map(str, path.parents))
        named = str(error.filename)
        written = error.filename is None or named in ours or named.startswith(ours[:2])
        if not written and error.errno not in ONLY_WRITING:
            raise
        raise OutputError(refusal(path, error)) from error


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
    OutputError
        If ``path`` exists and is not empty, and for what the system refuses.

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
    temporary = beside(path)
    with _said(path, temporary):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, path.name)
        remove(temporary)
        try:
            yield temporary
            temporary.rename(path)
        except BaseException:
            remove(temporary)
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

    Its numbers carry the checksums of HDF5 (fletcher32), and a line behind its end the sha256 of
    all of it, which other software passes over.

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
            try:
                _with_fletcher32(result).to_netcdf(temporary, engine="netcdf4")
            # HDF5 hides why, and calls a full disk forbidden: the disk is asked, before the
            # temporary goes and there is room again.
            except (OSError, RuntimeError) as error:
                raise OutputError(refusal(path, RuntimeError(error))) from error
            except (ValueError, TypeError) as error:  # xarray's and netCDF4's of what is no number
                raise AnalysisError(
                    f"{path} cannot be written: netCDF holds numbers, texts and times, and this "
                    f"result something else ({error}); write labels as texts"
                ) from error
            seal_file(temporary)
    except OSError as error:
        raise AnalysisError(refusal(path, error)) from error


def _with_fletcher32(result: Any) -> Any:
    """The same, to be written with a checksum in every chunk of numbers."""
    copied = result.copy(deep=False)
    if hasattr(copied, "subtree"):
        variables = [v for node in copied.subtree for v in node.dataset.variables.values()]
    elif hasattr(copied, "variables"):
        variables = list(copied.variables.values())
    else:  # a DataArray
        variables = [copied.variable, *(c.variable for c in copied.coords.values())]
    for variable in variables:
        if variable.ndim and variable.size and variable.dtype.kind in "biuf":
            variable.encoding = {**variable.encoding, "fletcher32": True, "contiguous": False}
    return copied


def check_sealed(path: Path, *, error: type[CortexsimError] = AnalysisError) -> bool:
    """Refuse a netCDF file of ours that is not what was written.

    Parameters
    ----------
    path : Path
        The file.
    error : type
        Raised.

    Returns
    -------
    bool
        Whether it was checked: other people's files carry no seal, nor do those of before
        checksums.

    Raises
    ------
    CortexsimError
        If it is damaged.
    """
    try:
        holds = seal_holds(path)
        if holds is None and (end := _end_of_hdf5(path)) is not None:
            holds = False if path.stat().st_size > end else None
    except OSError as cause:
        raise error(f"{path} cannot be read: {cause}") from cause
    if holds is False:
        raise error(
            f"{path} is damaged, or was changed after it was written: the sha256 at its end is "
            "that of another file. Put it back from a copy, or make it anew"
        )
    return bool(holds)


def _end_of_hdf5(path: Path) -> int | None:
    """Where an HDF5 file of the kind that netCDF writes ends, as its first bytes say."""
    with open(path, "rb") as file:
        start = file.read(64)
    if start[:8] != b"\x89HDF\r\n\x1a\n" or len(start) < 64:
        return None
    place = {0: 40, 1: 44, 2: 28, 3: 28}.get(start[8])  # by the version of the superblock
    return None if place is None else int.from_bytes(start[place : place + 8], "little")


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
    if not isinstance(text, (str, bytes)):
        raise error(f"{what} is not JSON, but a {type(text).__name__}; give its text")
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
