"""The files of the benchmarks: found in ``CORTEXSIM_DATA`` or the cache, else downloaded.

What they say is checked each time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cortexsim.arguments import clear_errors
from cortexsim.errors import CortexsimError, OutputError
from cortexsim.files import atomic_write
from cortexsim.folders import FolderError, cache_folder, data_folder, data_folder_in_words
from cortexsim.leftovers import scratch
from cortexsim.neural.benchmarks.benchmark import Benchmark, BenchmarkError, File
from cortexsim.neural.benchmarks.content import (
    UNREADABLE,
    Arrays,
    content_sha256,
    packed,
    parsed,
    read,
)
from cortexsim.neural.benchmarks.originals import CONVERTERS
from cortexsim.neural.benchmarks.registry import benchmark
from cortexsim.neural.benchmarks.retrieve import retrieve
from cortexsim.progress import bar as progress_bar


def locate(file: File) -> Path | None:
    """Where a file lies on this computer.

    Parameters
    ----------
    file : File
        The file.

    Returns
    -------
    Path or None
        In ``CORTEXSIM_DATA``, else in the cache, else None.
    """
    for folder in (_data_folder(), cache_folder()):
        if folder is not None and (folder / file.path).is_file():
            return folder / file.path
    return None


def _data_folder() -> Path | None:
    try:
        return data_folder()
    except FolderError as error:
        raise BenchmarkError(str(error)) from None


def own_table(record: Benchmark) -> Path | None:
    """The reader's own edition of a table that is part of cortexsim.

    Parameters
    ----------
    record : Benchmark
        One without files.

    Returns
    -------
    Path or None
        ``NAME/TABLE.csv`` in the folder of ``CORTEXSIM_DATA``, if it is there.
    """
    folder = _data_folder()
    own = folder / record.name / f"{record.module}.csv" if folder else None
    return own if own is not None and own.is_file() else None


def _bundled(record: Benchmark) -> Path:
    """The reader's own edition of a table, else ours."""
    return own_table(record) or Path(__file__).with_name(f"{record.module}.csv")


@clear_errors
def fetch(name: str, *, progress: bool = True) -> tuple[Path, ...]:
    """The files of a benchmark on this computer, downloaded into the cache where they are absent.

    Parameters
    ----------
    name : str
        One of ``neural.list()``.
    progress : bool
        Show a bar while downloading.

    Returns
    -------
    tuple of Path
        In the order of the record.

    Raises
    ------
    BenchmarkError
        If a file is altered, or absent and cannot be downloaded (offline, refused by the server, or
        to be obtained by hand).

    Examples
    --------
    >>> [path.name for path in fetch("latencies")]
    ['latencies.csv']
    """
    record = benchmark(name)
    if not record.files:
        return (_bundled(record),)
    return tuple(_present(record, file, progress)[0] for file in record.files)


def contents(record: Benchmark, *, progress: bool = True) -> dict[str, Arrays]:
    """What the files of a benchmark say.

    Parameters
    ----------
    record : Benchmark
        The benchmark.
    progress : bool
        Show a bar while downloading.

    Returns
    -------
    dict of str to dict of str to array
        For each name of a file its arrays; the columns of a table, as text; "" for the one array of
        an .npy.

    Raises
    ------
    BenchmarkError
        As :func:`fetch`.
    """
    if not record.files:
        return {f"{record.module}.csv": _readable(_bundled(record))}
    return {file.name: parsed(_present(record, file, progress)[1]) for file in record.files}


def _readable(path: Path) -> Arrays:
    try:
        return parsed(read(path))
    except UNREADABLE as error:
        raise BenchmarkError(f"{path} cannot be read: {error or type(error).__name__}") from None


def _present(record: Benchmark, file: File, progress: bool) -> tuple[Path, Arrays | bytes]:
    path = locate(file)
    if path is None:
        path = _download(record, file, progress)
    return path, _verified(record, file, path)


def _verified(record: Benchmark, file: File, path: Path) -> Arrays | bytes:
    """What a file says, if it says what it should."""
    inside = _data_folder()
    local = inside is not None and path.is_relative_to(inside)
    do = (
        "Replace it by an unaltered copy, or unset CORTEXSIM_DATA"
        if local
        else f"Delete it and run: cortexsim neural fetch {record.name}"
    )
    try:
        content = read(path)
    except UNREADABLE as error:
        raise BenchmarkError(
            f"{path} ({path.stat().st_size:,} bytes; {file.size:,} expected) cannot be read: "
            f"{error or type(error).__name__}. {do}"
        ) from None
    digest = content_sha256(content)
    if digest != file.content:
        raise BenchmarkError(
            f"{path} does not hold the {file.what} of {record.name}: sha256 of the content "
            f"{digest}, expected {file.content}. {do}"
        )
    return content


# --- downloads ------------------------------------------------------------------------------------


def _download(record: Benchmark, file: File, progress: bool) -> Path:
    """Into the cache, whole or not at all."""
    if file.sha256 is None and file.converter is None:
        raise BenchmarkError(_by_hand(record, file))
    target = cache_folder() / file.path
    with _explained(record, file):
        if file.sha256 is not None:
            retrieve(
                record.url(file.originals[0]),
                target,
                file.sha256,
                progress=progress,
                most_bytes=file.size,
            )
        else:
            atomic_write(target, _converted(record, file, progress))
    return target


def _converted(record: Benchmark, file: File, progress: bool) -> bytes:
    """The file made anew from the originals.

    BenchmarkError unless it says exactly what the pinned one says.
    """
    with scratch(cache_folder()) as folder:
        paths = {}
        several = len(file.originals) > 1
        shown = progress and several
        for original in progress_bar(file.originals, doing=file.name, unit="files", shown=shown):
            paths[original] = folder / original
            retrieve(record.url(original), paths[original], None, progress=progress and not several)
        try:
            content = CONVERTERS[str(file.converter)](paths)
        except Exception as error:  # a stranger's file may break a reader in any way
            raise BenchmarkError(
                f"the originals of {file.name} could not be converted ({type(error).__name__}: "
                f"{error})"
            ) from error
    digest = content_sha256(content)
    if digest != file.content:
        raise BenchmarkError(
            f"the originals of {file.name} were downloaded and converted, but the sha256 of the "
            f"content is {digest}, expected {file.content}: the source or its format has changed, "
            "and nothing was kept"
        )
    return packed(content, file.name)


@contextlib.contextmanager
def _explained(record: Benchmark, file: File) -> Iterator[None]:
    """Errors of a download name the file, its source, its size, and what else can be done."""
    try:
        yield
    except OutputError as error:
        raise BenchmarkError(f"{_absent(record, file)}, and could not be kept: {error}") from error
    except (OSError, CortexsimError) as error:
        raise BenchmarkError(
            f"{_absent(record, file)}, and could not be downloaded: {error}; {_or_else(file)}"
        ) from None


def _absent(record: Benchmark, file: File) -> str:
    return (
        f"{file.path} ({file.size:,} bytes: {file.what} of {record.name}) is neither in "
        f"{data_folder_in_words()} nor in the cache {cache_folder()} (CORTEXSIM_CACHE)"
    )


def _or_else(file: File) -> str:
    return (
        "try again when there is a connection, or set CORTEXSIM_DATA to a folder that holds "
        f"{file.path}"
    )


def _by_hand(record: Benchmark, file: File) -> str:
    origin = ", ".join(map(record.page, file.originals))
    return (
        f"{_absent(record, file)}, and cannot be downloaded: it was made from {origin} (a format "
        "that cortexsim does not read, or averages of it). Obtain the file (sha256 of its "
        f"content {file.content}) and set CORTEXSIM_DATA to a folder that holds it as {file.path}"
    )
