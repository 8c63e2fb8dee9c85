"""Stores whose root is damaged or gone: what may replace them, and what is told."""

import shutil

import pytest

import cortexsim
from cortexsim.analysis.movie.movie import rdm_movie
from cortexsim.analysis.movie.store import open_movie
from cortexsim.errors import AnalysisError, RecordingError
from cortexsim.recording.settings import Settings


def _record(path, **how):
    return cortexsim.record_network(
        cortexsim.load("cortex4"),
        "sample",
        keep="mean",
        out=path,
        settings=Settings(batch_size=16),
        **how,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A recording, and its movie, to be copied."""
    folder = tmp_path_factory.mktemp("whole")
    _record(folder / "a.zarr")
    rdm_movie(folder / "a.zarr", out=folder / "m.zarr", progress=False)
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    """The same, to be damaged."""
    return shutil.copytree(whole, tmp_path / "copy")


def _flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 4
    file.write_bytes(data)


DAMAGES = {
    "flipped": _flip,
    "cut": lambda file: file.write_bytes(file.read_bytes()[:100]),
    "gone": lambda file: file.unlink(),
    "empty": lambda file: file.write_bytes(b""),
}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_recording_without_its_root_is_replaced_and_not_continued(copy, whole, damage):
    path = copy / "a.zarr"
    DAMAGES[damage](path / "zarr.json")
    with pytest.raises(RecordingError, match=r"cannot be continued.*overwrite=True"):
        _record(path, resume=True)
    anew = _record(path, overwrite=True)
    assert anew["IT"].activation.equals(cortexsim.open_recording(whole / "a.zarr")["IT"].activation)
    assert sorted(p.name for p in copy.iterdir()) == ["a.zarr", "m.zarr"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_movie_without_its_root_is_replaced(copy, whole, damage):
    path = copy / "m.zarr"
    DAMAGES[damage](path / "zarr.json")
    rdm_movie(copy / "a.zarr", out=path, progress=False, overwrite=True)
    assert open_movie(path).rdm.equals(open_movie(whole / "m.zarr").rdm)


def test_a_movie_with_a_file_missing_is_replaced(copy, whole):
    (copy / "m.zarr" / "stimulus_id" / "zarr.json").unlink()
    rdm_movie(copy / "a.zarr", out=copy / "m.zarr", progress=False, overwrite=True)
    assert open_movie(copy / "m.zarr").rdm.equals(open_movie(whole / "m.zarr").rdm)


@pytest.mark.parametrize("name", ["notes.txt", "IT/activation/picture.png"])
def test_what_holds_other_files_too_is_never_replaced(copy, name):
    path = copy / "a.zarr"
    (path / "zarr.json").unlink()
    (path / name).write_bytes(b"words")
    with pytest.raises(RecordingError):
        _record(path, overwrite=True)
    assert (path / name).read_bytes() == b"words"


def test_a_folder_of_images_and_another_store_are_never_replaced(copy):
    import numpy as np
    import zarr

    (copy / "images").mkdir()
    (copy / "images" / "a.png").write_bytes(b"words")
    zarr.save(copy / "other.zarr", np.arange(3))
    for name in ("images", "other.zarr"):
        with pytest.raises(RecordingError):
            _record(copy / name, overwrite=True)
        with pytest.raises(AnalysisError):
            rdm_movie(copy / "a.zarr", out=copy / name, progress=False, overwrite=True)
    assert (copy / "images" / "a.png").read_bytes() == b"words"
    assert zarr.load(copy / "other.zarr").tolist() == [0, 1, 2]
