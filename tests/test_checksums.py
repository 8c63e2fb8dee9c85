"""Checksums against published check values and against zarr's own codec."""

import json

import numpy as np
import pytest
import zarr
from zarr.codecs import Crc32cCodec

from cortexsim.checksums import (
    SEAL,
    crc32c,
    crc_holds,
    file_sha256,
    json_digest,
    seal,
    seal_file,
    seal_holds,
    with_digest,
)


@pytest.mark.parametrize(
    ("data", "value"),
    [  # RFC 3720, B.4
        (b"\x00" * 32, "aa36918a"),
        (b"\xff" * 32, "43aba862"),
        (bytes(range(32)), "4e79dd46"),
        (bytes(range(31, -1, -1)), "5cdb3f11"),
    ],
)
def test_crc32c_is_that_of_the_standard_in_one_part_or_several(data, value):
    assert crc32c(data).hex() == value
    assert crc32c(data[:7], np.frombuffer(data[7:], np.uint8)).hex() == value


def test_a_chunk_that_zarr_wrote_holds_and_no_single_bit_may_change(tmp_path):
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=(5,), chunks=(5,), dtype="f4", compressors=(Crc32cCodec(),)
    )
    array[:] = np.arange(5)
    chunk = (tmp_path / "a.zarr" / "c" / "0").read_bytes()
    assert crc_holds(chunk)
    for bit in range(8 * len(chunk)):
        damaged = bytearray(chunk)
        damaged[bit // 8] ^= 1 << bit % 8
        assert not crc_holds(bytes(damaged))
    assert not any(crc_holds(chunk[:k]) for k in range(len(chunk)))


def test_a_document_says_its_own_digest_whatever_its_spaces():
    document = with_digest({"b": (1, 2), "a": {"x": 0.1}}, "digest")
    again = json.loads(json.dumps(document, indent=4, sort_keys=True))
    assert again["digest"] == json_digest(again, "digest")
    again["a"]["x"] = 0.2
    assert again["digest"] != json_digest(again, "digest")


def test_a_seal_notices_every_bit_and_every_length(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"numbers")
    assert seal_holds(path) is None
    seal_file(path)
    whole = path.read_bytes()
    assert whole == b"numbers" + seal(b"numbers")
    assert len(whole) == 7 + SEAL
    assert seal_holds(path)
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        assert not seal_holds(path)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert not seal_holds(path)


def test_the_sha256_of_the_beginning_of_a_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * (3 << 20) + b"y")
    other = tmp_path / "b"
    other.write_bytes(b"x" * (3 << 20))
    assert file_sha256(path, 3 << 20) == file_sha256(other) != file_sha256(path)
