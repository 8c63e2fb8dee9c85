"""The files of the benchmarks: found in ``CORTEXSIM_DATA`` or the cache, else downloaded; what they say is checked each time."""

from __future__ import annotations

import contextlib
import csv
import gzip
import hashlib
import io
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cortexsim.errors import CortexsimError
from cortexsim.files import atomic_write
from cortexsim.neural.benchmarks.benchmark import Benchmark, BenchmarkError, File
from cortexsim.neural.benchmarks.originals import CONVERTERS
from cortexsim.neural.benchmarks.registry import benchmark

Arrays = dict[str, np.ndarray]
UNREADABLE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


def cache_folder() -> Path:
    """Where downloads go: ``CORTEXSIM_CACHE``, or the cache of the operating system (on Linux ``~/.cache/cortexsim``)."""
    if folder := os.environ.get("CORTEXSIM_CACHE"):
        return Path(folder)
    import pooch

    return Path(pooch.os_cache("cortexsim"))


def data_folder() -> Path | None:
    """The folder with local copies that ``CORTEXSIM_DATA`` names, if it is set; BenchmarkError if it is no folder."""
    folder = os.environ.get("CORTEXSIM_DATA")
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise BenchmarkError(
            f"CORTEXSIM_DATA={folder} is not a folder; set it to the folder with the data, or unset it to download them"
        )
    return Path(folder)


def locate(file: File) -> Path | None:
    """Where a file lies on this computer: in ``CORTEXSIM_DATA``, else in the cache, else nowhere."""
    for folder in (data_folder(), cache_folder()):
        if folder is not None and (folder / file.path).is_file():
            return folder / file.path
    return None


def fetch(name: str, *, progress: bool = True) -> tuple[Path, ...]:
    """The files of a benchmark on this computer, downloaded into the cache where they are absent.

    name: one of ``neural.list()``. progress: a bar while downloading. Returns paths, in the order of the record.

    Raises BenchmarkError if a file is altered, or absent and cannot be downloaded (offline, refused by the server, or to be obtained by hand).

    >>> [path.name for path in fetch("latencies")]
    ['latencies.csv']
    """
    record = benchmark(name)
    if not record.files:
        return (Path(__file__).with_name(f"{record.module}.csv"),)
    return tuple(_present(record, file, progress)[0] for file in record.files)


def contents(record: Benchmark, *, progress: bool = True) -> dict[str, Arrays]:
    """What the files of a benchmark say: for each file name its arrays; columns of text for a table, "" for the one array of an .npy."""
    return {file.name: parsed(_present(record, file, progress)[1]) for file in record.files}


def _present(record: Benchmark, file: File, progress: bool) -> tuple[Path, Arrays | bytes]:
    path = locate(file)
    if path is None:
        path = _download(record, file, progress)
    return path, _verified(record, file, path)


# --- what a file says -------------------------------------------------------------------------------------------------


def read(path: Path) -> Arrays | bytes:
    """The arrays of an .npz or .npy (pickles are refused), or the text of a .csv or .csv.gz."""
    if path.suffix == ".npz":
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    if path.suffix == ".npy":
        return {"": np.load(path, allow_pickle=False)}
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def content_sha256(content: Arrays | bytes) -> str:
    """The sha256 of what a file says, however it is compressed: text as it is; of arrays name, type, shape and entries, by name.

    >>> content_sha256({"a": np.zeros(2), "b": np.ones(1)}) == content_sha256({"b": np.ones(1), "a": np.zeros(2)})
    True
    """
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    digest = hashlib.sha256()
    for key in sorted(content):
        array = np.asarray(content[key])
        shape = ",".join(map(str, array.shape))
        digest.update(f"{key}\0{array.dtype.str}\0{shape}\0".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def parsed(content: Arrays | bytes) -> Arrays:
    """Arrays as they are; a table as one array of text for each column."""
    if not isinstance(content, bytes):
        return content
    header, *rows = csv.reader(io.StringIO(content.decode()))
    return {name: np.array(column, dtype=object) for name, column in zip(header, zip(*rows))}


def _verified(record: Benchmark, file: File, path: Path) -> Arrays | bytes:
    """What a file says, if it says what it should."""
    inside = data_folder()
    local = inside is not None and path.is_relative_to(inside)
    do = (
        "Replace it by an unaltered copy, or unset CORTEXSIM_DATA"
        if local
        else f"Delete it and run: python -m cortexsim.neural fetch {record.name}"
    )
    try:
        content = read(path)
    except UNREADABLE as error:
        raise BenchmarkError(
            f"{path} ({path.stat().st_size:,} bytes; {file.size:,} expected) cannot be read: {error or type(error).__name__}. {do}"
        ) from error
    found = content_sha256(content)
    if found != file.content:
        raise BenchmarkError(
            f"{path} does not hold the {file.what} of {record.name}: sha256 of the content {found}, expected {file.content}. {do}"
        )
    return content


# --- downloads --------------------------------------------------------------------------------------------------------


def _download(record: Benchmark, file: File, progress: bool) -> Path:
    """Into the cache, whole or not at all."""
    if file.sha256 is None and file.converter is None:
        raise BenchmarkError(_by_hand(record, file))
    target = cache_folder() / file.path
    with _explained(record, file):
        if file.sha256 is not None:
            _retrieve(record.url(file.originals[0]), target, file.sha256, progress)
        else:
            atomic_write(target, _converted(record, file, progress))
    return target


def _converted(record: Benchmark, file: File, progress: bool) -> bytes:
    """The file made anew from the originals; BenchmarkError unless it says exactly what the pinned one says."""
    from tqdm import tqdm

    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".originals-") as folder:
        paths = {}
        several = len(file.originals) > 1
        for original in tqdm(
            file.originals, file.name, unit="file", disable=not (progress and several)
        ):
            paths[original] = Path(folder) / original
            _retrieve(record.url(original), paths[original], None, progress and not several)
        try:
            content = CONVERTERS[str(file.converter)](paths)
        except Exception as error:  # a stranger's file may break a reader in any way
            raise BenchmarkError(
                f"the originals of {file.name} could not be converted ({type(error).__name__}: {error})"
            ) from error
    found = content_sha256(content)
    if found != file.content:
        raise BenchmarkError(
            f"the originals of {file.name} were downloaded and converted, but the sha256 of the content is {found}, expected {file.content}: "
            "the source or its format has changed, and nothing was kept"
        )
    return packed(content, file.name)


def packed(content: Arrays | bytes, name: str) -> bytes:
    """The bytes of a file that says ``content``."""
    if isinstance(content, bytes):
        return gzip.compress(content, mtime=0) if name.endswith(".gz") else content
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **content)  # type: ignore[arg-type]
    return buffer.getvalue()


def _retrieve(url: str, target: Path, sha256: str | None, progress: bool) -> None:
    """Download one file with pooch, which gives it its name when it is whole and its sha256 is right."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # it would print the sha256 of every file it does not know
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}" if sha256 else None,
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(progressbar=progress, timeout=60),
        )
    except (OSError, ValueError) as error:
        if (response := getattr(error, "response", None)) is not None:
            response.close()  # pooch leaves it open
        raise OSError(f"{url}: {_reason(error)}") from error
    finally:
        logger.setLevel(level)


def _reason(error: Exception) -> str:
    """What went wrong, in a line."""
    text = str(error)
    if "does not match the known hash" in text:
        return "the file that came is not the one expected (its sha256 differs); nothing was kept"
    if "Max retries exceeded" in text or "Failed to resolve" in text:
        return f"no connection ({type(error).__name__})"
    return text.splitlines()[0] if text else type(error).__name__


@contextlib.contextmanager
def _explained(record: Benchmark, file: File) -> Iterator[None]:
    """Errors of a download name the file, its source, its size, and what else can be done."""
    try:
        yield
    except (OSError, CortexsimError) as error:
        raise BenchmarkError(
            f"{_absent(record, file)}, and could not be downloaded: {error}. {_or_else(file)}"
        ) from error


def _absent(record: Benchmark, file: File) -> str:
    folder = os.environ.get("CORTEXSIM_DATA")
    where = f"CORTEXSIM_DATA={folder}" if folder else "CORTEXSIM_DATA (not set)"
    return (
        f"{file.path} ({file.size:,} bytes: {file.what} of {record.name}) is neither in {where} nor in the cache {cache_folder()} "
        "(CORTEXSIM_CACHE)"
    )


def _or_else(file: File) -> str:
    return f"Try again when there is a connection, or set CORTEXSIM_DATA to a folder that holds {file.path}"


def _by_hand(record: Benchmark, file: File) -> str:
    origin = ", ".join(map(record.page, file.originals))
    return (
        f"{_absent(record, file)}, and cannot be downloaded: it was made from {origin} (a format that cortexsim does not read, or averages of it). "
        f"Obtain the file (sha256 of its content {file.content}) and set CORTEXSIM_DATA to a folder that holds it as {file.path}"
    )
