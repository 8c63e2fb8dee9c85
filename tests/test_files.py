"""Files that are whole or as they were: of bytes, and of libraries that write a path themselves."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure

from cortexsim.errors import AnalysisError
from cortexsim.files import atomic_path, atomic_write, write
from cortexsim.plotting import save

WRITERS = {
    "a.bin": lambda path: atomic_write(path, b"new"),
    "a.nc": lambda path: write(xarray.Dataset({"a": ("x", [1.0, 2.0])}), path),
    "a.png": lambda path: save(Figure(), path),
    "a.pdf": lambda path: save(Figure(), path),
}


def test_atomic_write_replaces_whole_files_and_makes_folders(tmp_path):
    path = tmp_path / "a" / "b.bin"
    atomic_write(path, b"first, and longer")
    atomic_write(path, b"second")
    assert path.read_bytes() == b"second"
    assert [p.name for p in path.parent.iterdir()] == ["b.bin"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "b.bin"
    atomic_write(path, b"old")

    def disk_full(descriptor):
        raise OSError("no space left")

    monkeypatch.setattr("cortexsim.files.os.fsync", disk_full)
    with pytest.raises(OSError, match="no space"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["b.bin"]


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_flushes_the_file_before_it_takes_its_place(name, tmp_path, monkeypatch):
    path = tmp_path / "folder" / name
    flushed, replaced = [], []
    fsync, replace = os.fsync, os.replace

    def flush(descriptor):
        flushed.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    def take_place(source, target):
        replaced.append((Path(source), Path(target)))
        assert flushed == [Path(source)]
        replace(source, target)

    monkeypatch.setattr("cortexsim.files.os.fsync", flush)
    monkeypatch.setattr("cortexsim.files.os.replace", take_place)
    WRITERS[name](path)
    assert [target for _, target in replaced] == [path]
    assert flushed[1:] == [path.parent]
    assert [p.name for p in path.parent.iterdir()] == [name]


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_that_fails_leaves_the_old_file_and_nothing_else(name, tmp_path, monkeypatch):
    path = tmp_path / name
    path.write_bytes(b"old")

    def disk_full(descriptor):
        raise OSError("no space left")

    monkeypatch.setattr("cortexsim.files.os.fsync", disk_full)
    with pytest.raises((OSError, AnalysisError), match="no space left"):
        WRITERS[name](path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_an_error_while_a_path_is_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(3))

    def interrupted():
        with atomic_path(path) as temporary:
            assert (temporary.parent, temporary.suffix) == (tmp_path, ".npy")
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert np.load(path).tolist() == [0, 1, 2]
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]


def test_a_block_that_writes_nothing_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.npy"):
        pass
    assert not any(tmp_path.iterdir())


def test_netcdf_that_cannot_be_written_says_which_file(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    path = tmp_path / "file" / "a.nc"
    with pytest.raises(AnalysisError, match=r"a\.nc cannot be written"):
        write(xarray.Dataset({"a": ("x", [1.0])}), path)


def test_what_netcdf_cannot_hold_is_said_and_leaves_nothing(tmp_path):
    labels = np.array([{"a": 1}, [2], 3], dtype=object)
    result = xarray.Dataset(coords={"unit": ("unit", labels)})
    with pytest.raises(AnalysisError, match=r"netCDF holds numbers, texts and times"):
        write(result, tmp_path / "a.nc")
    assert not list(tmp_path.iterdir())
