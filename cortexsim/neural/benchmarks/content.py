"""What a file of a benchmark says, however it is compressed: arrays, a table, pictures."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]
UNREADABLE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


def read(path: Path) -> Arrays | bytes:
    """The arrays of an .npz or .npy (pickles are refused), or the text of a .csv or .csv.gz.

    Of a .zip the files in it, as bytes.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to array, or bytes
        Arrays by name, "" for that of an .npy, the name of a file in a .zip; or the text.
    """
    if path.suffix == ".npz":
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    if path.suffix == ".npy":
        return {"": np.load(path, allow_pickle=False)}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as file:
            return {
                name: np.frombuffer(file.read(name), np.uint8)
                for name in file.namelist()
                if not name.endswith("/")
            }
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def content_sha256(content: Arrays | bytes) -> str:
    """The sha256 of what a file says, however it is compressed.

    Text is taken as it is; of arrays name, type, shape and entries, by name.

    Parameters
    ----------
    content : dict of str to array, or bytes
        What :func:`read` returns.

    Returns
    -------
    str
        Hexadecimal digits.

    Examples
    --------
    >>> content = {"a": np.zeros(2), "b": np.ones(1)}
    >>> content_sha256(content) == content_sha256(dict(reversed(content.items())))
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
    """Arrays as they are; a table as one array of text for each column.

    Parameters
    ----------
    content : dict of str to array, or bytes
        What :func:`read` returns.

    Returns
    -------
    dict of str to array
        By name of the array or column.

    Raises
    ------
    ValueError
        For a table without a header, and rows that are longer or shorter.
    """
    if not isinstance(content, bytes):
        return content
    rows = [row for row in csv.reader(io.StringIO(content.decode())) if row]
    if not rows:
        raise ValueError("it is empty; a table with a header is needed")
    header, *rows = rows
    if odd := [k for k, row in enumerate(rows, 2) if len(row) != len(header)]:
        raise ValueError(
            f"row {odd[0]} has {len(rows[odd[0] - 2])} cells, the header {len(header)}"
        )
    return {name: np.array(column, dtype=object) for name, column in zip(header, zip(*rows))}


def packed(content: Arrays | bytes, name: str) -> bytes:
    """The bytes of a file that says ``content``.

    Parameters
    ----------
    content : dict of str to array, or bytes
        What :func:`read` would return.
    name : str
        Of the file: a ``.gz`` is compressed.

    Returns
    -------
    bytes
        Of an .npz if the content is arrays.
    """
    if isinstance(content, bytes):
        return gzip.compress(content, mtime=0) if name.endswith(".gz") else content
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **content)  # type: ignore[arg-type]
    return buffer.getvalue()
