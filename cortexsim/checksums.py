"""Checksums: what a file held when it was written, so that damage is noticed when it is read.

Three kinds, each where it fits:

- a chunk of a Zarr store ends with its **crc32c** (four bytes, a codec of Zarr v3);
- a JSON document says the **sha256** of the rest of itself, under one of its keys;
- other files (netCDF, zip, checkpoints of training) end with a **seal**: a line with the sha256 of
  all before it, which readers of HDF5 pass over and which is the comment of a zip.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

CRC = 4
"""Bytes of a crc32c."""

_WORD = b"\ncortexsim sha256 "
SEAL = len(_WORD) + 64 + 1
"""Bytes of a seal."""


def crc32c(*parts: Any) -> bytes:
    """The crc32c of parts in a row, as a chunk of Zarr v3 ends with it.

    Parameters
    ----------
    *parts : bytes or contiguous array
        The data.

    Returns
    -------
    bytes
        Four, the lowest first.

    Examples
    --------
    >>> crc32c(b"123456789").hex()  # the check value of the algorithm, lowest byte first
    '839206e3'
    """
    value = 0
    for part in parts:
        value = crc32c_of(part, value)
    return value.to_bytes(CRC, "little")


def crc32c_of(part: Any, before: int = 0) -> int:
    """The crc32c of a part, and of the parts before it.

    Parameters
    ----------
    part : bytes or contiguous array
        The data.
    before : int
        The crc32c of what comes before; 0 if nothing does.
    """
    import google_crc32c

    return google_crc32c.extend(before, part)


def crc_holds(chunk: Any) -> bool:
    """Whether the last four bytes of a chunk are the crc32c of the others.

    Parameters
    ----------
    chunk : bytes or array of uint8
        The chunk as it lies on disk.
    """
    return len(chunk) > CRC and crc32c(chunk[:-CRC]) == bytes(chunk[-CRC:])


def sha256(data: bytes) -> str:
    """Of bytes, in hexadecimal digits.

    Parameters
    ----------
    data : bytes
        The bytes.
    """
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path, upto: int | None = None) -> str:
    """Of the bytes of a file, read in pieces.

    Parameters
    ----------
    path : Path
        The file.
    upto : int, optional
        Of so many bytes at its beginning; default all.
    """
    made, left = hashlib.sha256(), upto
    with open(path, "rb") as file:
        while piece := file.read(1 << 20 if left is None else min(1 << 20, left)):
            made.update(piece)
            left = None if left is None else left - len(piece)
    return made.hexdigest()


def json_digest(document: dict[str, Any], key: str) -> str:
    """The sha256 of what a JSON document says without one of its keys.

    Spaces, line breaks and the order of keys do not count.

    Parameters
    ----------
    document : dict
        The document.
    key : str
        The key under which the digest stands, which is left out.

    Examples
    --------
    >>> json_digest({"a": 1, "digest": "x"}, "digest") == json_digest({"a": 1}, "digest")
    True
    """
    rest = {k: v for k, v in document.items() if k != key}
    return sha256(json.dumps(rest, sort_keys=True).encode())


def with_digest(document: dict[str, Any], key: str) -> dict[str, Any]:
    """A JSON document that says its own digest, under a key of its own.

    Parameters
    ----------
    document : dict
        The document.
    key : str
        Where the digest is put.

    Examples
    --------
    >>> document = with_digest({"a": 1}, "digest")
    >>> document["digest"] == json_digest(document, "digest")
    True
    """
    plain = json.loads(json.dumps(document))  # as it will be read back: tuples are lists
    return {key: json_digest(plain, key), **{k: v for k, v in plain.items() if k != key}}


def seal(data: bytes) -> bytes:
    """What is put behind bytes, so that damage to any of them is noticed.

    Parameters
    ----------
    data : bytes
        All before the seal.
    """
    return _WORD + sha256(data).encode() + b"\n"


def unsealed(data: bytes) -> bytes | None:
    """What stands before the seal of bytes; None where there is no seal, or not the right one.

    Examples
    --------
    >>> unsealed(b"1 2 3" + seal(b"1 2 3"))
    b'1 2 3'
    >>> unsealed(b"1 2 4" + seal(b"1 2 3")) is None
    True
    """
    body = data[:-SEAL]
    return body if data[-SEAL:] == seal(body) else None


def seal_file(path: Path) -> None:
    """Put a seal at the end of a file.

    Parameters
    ----------
    path : Path
        The file.
    """
    line = _WORD + file_sha256(path).encode() + b"\n"
    with open(path, "ab") as file:
        file.write(line)


def seal_holds(path: Path) -> bool | None:
    """Whether a file is what it was when it was sealed.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool or None
        None where it does not end with a seal.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a"
    >>> path.write_bytes(b"1 2 3")
    5
    >>> seal_holds(path)
    >>> seal_file(path)
    >>> seal_holds(path)
    True
    >>> _ = path.write_bytes(path.read_bytes().replace(b"1 2", b"1 3"))
    >>> seal_holds(path)
    False
    """
    size = path.stat().st_size
    if size < SEAL:
        return None
    with open(path, "rb") as file:
        file.seek(size - SEAL)
        end = file.read(SEAL)
    if not re.fullmatch(re.escape(_WORD) + b"[0-9a-f]{64}\n", end):
        return None
    return file_sha256(path, size - SEAL).encode() == end[len(_WORD) : -1]
