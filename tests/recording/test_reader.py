"""Reading chunks past zarr gives what zarr gives, and a store that lost something says what."""

import numpy as np
import pytest
import zarr
from zarr.codecs import BytesCodec, ZstdCodec

from cortexsim.errors import RecordingError
from cortexsim.recording.reader import StepReader

SHAPE = (
    23,
    3,
    4,
    2,
    5,
)  # stimulus, step, channel, y, x; 23 stimuli in chunks of 6 leave a part of the last one empty
RAW = {
    "separator .": {"chunk_key_encoding": {"name": "default", "separator": "."}},
    "separator /": {},
}
THROUGH_ZARR = {
    "zstd": {"compressors": ZstdCodec()},
    "big-endian on disk": {"serializer": BytesCodec(endian="big")},
    "chunks of half a map": {"chunks": (6, 1, 2, 2, 5)},
    "chunks of two steps": {"chunks": (6, 2, 4, 2, 5)},
    "shards": {"chunks": (3, 1, 4, 2, 5), "shards": (6, 1, 4, 2, 5)},
    "keys of version 2": {"chunk_key_encoding": {"name": "v2", "separator": "."}},
}
PARTS = [(0, 23), (0, 6), (1, 1), (5, 2), (5, 8), (7, 16), (22, 1)]  # first stimulus, how many


def stored(folder, dtype="float32", **options):
    """Random maps and the array that holds them, as a recording would."""
    x = np.random.default_rng(0).normal(size=SHAPE).astype(dtype)
    options = {"chunks": (6, 1, 4, 2, 5), "compressors": None, "fill_value": np.nan, **options}
    zarr.open_group(folder, mode="w").create_array(
        "activation", shape=SHAPE, dtype=dtype, **options
    )[:] = x
    return x, StepReader(zarr.open_group(folder, mode="r")["activation"], folder / "activation")


def read(reader, step, start, count):
    buffer = np.full((count, reader.features), np.nan, reader.dtype)
    reader.into(buffer, step, start)
    return buffer


def without_zarr(reader):
    """A reader that fails where it asks zarr for data."""

    class Nothing:
        ndim, dtype = reader.array.ndim, reader.array.dtype

    other = StepReader(reader.array, reader.folder)
    other.array = Nothing()
    return other


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("options", RAW.values(), ids=RAW)
def test_plain_chunks_are_read_past_zarr_whatever_the_start_and_length(tmp_path, dtype, options):
    x, reader = stored(tmp_path / "a.zarr", dtype, **options)
    by_zarr, past_zarr = StepReader(reader.array, None), without_zarr(reader)
    for start, count in PARTS:
        expected = x[start : start + count, 1].reshape(count, -1)
        np.testing.assert_array_equal(read(by_zarr, 1, start, count), expected)
        np.testing.assert_array_equal(read(past_zarr, 1, start, count), expected)
    assert reader.dtype == (np.float64 if dtype == "float64" else np.float32)


@pytest.mark.parametrize("options", THROUGH_ZARR.values(), ids=THROUGH_ZARR)
def test_every_other_layout_goes_through_zarr(tmp_path, options):
    x, reader = stored(tmp_path / "a.zarr", **options)
    for start, count in PARTS:
        np.testing.assert_array_equal(
            read(reader, 2, start, count), x[start : start + count, 2].reshape(count, -1)
        )


def test_rows_of_a_wider_array_are_filled_in_place(tmp_path):
    x, reader = stored(tmp_path / "a.zarr")
    wide = np.full((9, reader.features + 3), -1, np.float32)
    reader.into(wide[:, 1:-2], 0, 4)
    np.testing.assert_array_equal(wide[:, 1:-2], x[4:13, 0].reshape(9, -1))
    assert (wide[:, [0, -2, -1]] == -1).all()


def test_a_truncated_chunk_is_named_with_the_stimulus_that_is_not_whole(tmp_path):
    x, reader = stored(tmp_path / "a.zarr", **RAW["separator ."])
    chunk = tmp_path / "a.zarr" / "activation" / "c.2.1.0.0.0"
    chunk.write_bytes(chunk.read_bytes()[: 3 * 160 + 100])  # stimuli 12, 13 and 14 are whole
    np.testing.assert_array_equal(read(reader, 1, 12, 3), x[12:15, 1].reshape(3, -1))
    with pytest.raises(RecordingError) as error:
        read(reader, 1, 0, 23)
    assert str(chunk) in str(error.value)
    assert "stimulus 15" in str(error.value)
    assert "580 bytes" in str(error.value)


def test_a_chunk_of_no_bytes_is_an_error_not_an_endless_loop(tmp_path):
    _, reader = stored(tmp_path / "a.zarr", **RAW["separator ."])
    chunk = tmp_path / "a.zarr" / "activation" / "c.0.0.0.0.0"
    chunk.write_bytes(b"")
    with pytest.raises(RecordingError, match="stimulus 2 is not whole"):
        read(reader, 0, 2, 1)


def test_a_lost_chunk_is_named(tmp_path):
    _, reader = stored(tmp_path / "a.zarr", **RAW["separator ."])
    (tmp_path / "a.zarr" / "activation" / "c.3.2.0.0.0").unlink()
    read(reader, 2, 0, 18)
    with pytest.raises(RecordingError, match=r"c\.3\.2\.0\.0\.0 is missing"):
        read(reader, 2, 17, 2)
