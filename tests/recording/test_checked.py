"""Recordings that notice damage: what carries a checksum, what is said, what still opens."""

import json
import pickle
import shutil

import numpy as np
import pytest
import xarray
import zarr

import cortexsim
from cortexsim.errors import RecordingError, UncheckedWarning
from cortexsim.recording.schema import recording_root
from cortexsim.recording.settings import Settings


def recorded(path, *, compression="none", **how):
    """Ten images, in batches of four."""
    images = np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)
    settings = Settings(batch_size=4, compression=compression)
    return cortexsim.record_network(
        cortexsim.load("cortex4"), images, keep="mean", out=path, settings=settings, **how
    )


@pytest.fixture(scope="module", params=["none", "zstd"])
def whole(request, tmp_path_factory):
    """A recording that no test changes."""
    path = tmp_path_factory.mktemp("whole") / "a.zarr"
    recorded(path, compression=request.param)
    return path


@pytest.fixture
def path(whole, tmp_path):
    """A recording to damage."""
    return shutil.copytree(whole, tmp_path / "a.zarr")


def flip(file, bit=100):
    """One bit of a file."""
    data = bytearray(file.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)


def test_every_array_ends_with_zarrs_own_checksum_also_where_we_write_chunks_ourselves(path):
    root = zarr.open_group(path, mode="r")
    arrays = [a for _, group in root.groups() for _, a in group.arrays()]
    assert len(arrays) > 40
    assert {type(a.metadata.codecs[-1]).__name__ for a in arrays} == {"Crc32cCodec"}
    flip(path / "IT" / "activation" / "c.1.6.0")
    with pytest.raises(ValueError, match="checksum"):  # zarr's, without us
        root["IT/activation"][:]
    assert np.isfinite(root["IT/activation"][:4, 6]).all()


def test_an_opened_recording_is_as_before_with_its_attributes(path):
    tree = cortexsim.open_recording(path)
    assert set(tree.attrs) == {"format", "configuration", "stimuli_committed", "stimuli_total"}
    plain = xarray.open_datatree(path, engine="zarr")
    assert set(plain.attrs) - set(tree.attrs) == {"integrity", "digest"}
    for name in ("V1", "IT", "readout"):
        assert tree[name].to_dataset().load().identical(plain[name].to_dataset().load())


@pytest.mark.parametrize(
    "name", ["V2/activation/c.2.7.0", "readout/stimulus_id/c/0", "V1/zarr.json"]
)
def test_a_file_that_is_gone_is_said_on_opening_or_is_not_needed(path, name):
    (path / name).unlink()
    if name == "V1/zarr.json":  # what it holds is in the root too
        assert cortexsim.open_recording(path)["V1"].sizes["stimulus"] == 10
        return
    with pytest.raises(RecordingError, match=rf"is damaged: {name} is missing.*`resume=True`"):
        cortexsim.open_recording(path)


@pytest.mark.parametrize("name", ["V2/activation/c.2.7.0", "readout/stimulus_id/c/0"])
def test_a_chunk_that_changed_is_said_when_it_is_read(path, name):
    tree = cortexsim.open_recording(path)
    flip(path / name)
    group, variable, _ = name.split("/", 2)
    with pytest.raises(RecordingError, match=rf"{name} is not what was written: its (crc|sha)"):
        tree[group][variable].values.sum()
    (path / name).unlink()
    with pytest.raises(RecordingError, match=rf"{name} is missing, and was written"):
        tree[group][variable].values.sum()


def test_lazy_arrays_go_to_other_processes_and_notice_damage_there(path):
    lazy = cortexsim.open_recording(path, chunks={})["V4"].activation.data
    again = pickle.loads(pickle.dumps(lazy))
    np.testing.assert_array_equal(again.compute(), lazy.compute())
    flip(path / "V4" / "activation" / "c.0.5.0")
    with pytest.raises(RecordingError, match=r"c\.0\.5\.0 is not what was written"):
        again.compute()


@pytest.mark.parametrize(
    "change",
    [
        lambda node: node["attributes"].update(stimuli_committed=8),
        lambda node: node["attributes"].pop("digest"),
        lambda node: node["attributes"].pop("integrity"),
        lambda node: node["consolidated_metadata"]["metadata"]["V1/activation"].update(shape=[1]),
    ],
)
def test_a_root_that_changed_is_refused(path, change):
    node = json.loads((path / "zarr.json").read_text())
    change(node)
    (path / "zarr.json").write_text(json.dumps(node))
    with pytest.raises(RecordingError, match=r"zarr\.json is damaged: its digest"):
        cortexsim.open_recording(path)


@pytest.mark.parametrize("text", [b"[]", b"{}", b'{"attributes": 3}', b"\xff\xfe", b"[" * 100_000])
def test_a_root_that_is_no_metadata_is_one_clear_error(path, text):
    (path / "zarr.json").write_bytes(text)
    with pytest.raises(RecordingError, match=r"zarr\.json is not Zarr metadata"):
        cortexsim.open_recording(path)


def as_of_old(path, target):
    """The same recording as it was written before checksums, by zarr alone."""
    root, old = zarr.open_group(path, mode="r"), zarr.open_group(target, mode="w", zarr_format=3)
    for name, group in root.groups():
        copied = old.create_group(name, attributes=dict(group.attrs))
        for key, array in group.arrays():
            copy = copied.create_array(
                key,
                shape=array.shape,
                chunks=array.chunks,
                dtype=array.dtype if array.dtype.kind != "T" else str,
                dimension_names=array.metadata.dimension_names,
                fill_value=array.fill_value,
                compressors=None,
            )
            copy[...] = array[...]
            copy.attrs.update(dict(array.attrs))
    attributes = dict(root.attrs)
    old.attrs.update({k: v for k, v in attributes.items() if k not in ("integrity", "digest")})
    zarr.consolidate_metadata(target)


@pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning")
@pytest.mark.filterwarnings("ignore:.*onsolidated metadata:UserWarning")
def test_a_recording_of_before_checksums_opens_with_a_note(path, tmp_path):
    as_of_old(path, tmp_path / "old.zarr")
    assert not recording_root(tmp_path / "old.zarr").is_checked
    with pytest.warns(UncheckedWarning, match=r"old\.zarr was written without checksums"):
        old = cortexsim.open_recording(tmp_path / "old.zarr")
    new = cortexsim.open_recording(path)
    for name in ("V1", "IT", "readout"):
        assert old[name].to_dataset().load().identical(new[name].to_dataset().load())


@pytest.mark.parametrize("chunks", ["xyzzy", 2.5, np.arange(2)])
def test_chunks_that_xarray_does_not_know_are_refused(whole, chunks):
    with pytest.raises(RecordingError, match=r"chunks=.*give a number, a dictionary"):
        cortexsim.open_recording(whole, chunks=chunks)
