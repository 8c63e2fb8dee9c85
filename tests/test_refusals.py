"""What the system refuses, in words: each is arranged, and the sentence is true of it."""

import errno
import os

import pytest

from cortexsim.errors import AnalysisError, CortexsimError, OutputError
from cortexsim.files import atomic_folder, atomic_path, atomic_write
from cortexsim.refusals import refusal, writing


def test_a_file_where_a_folder_must_be_is_named(tmp_path):
    (tmp_path / "file").write_text("words")
    with pytest.raises(OutputError, match=r"file is a file, and a folder must be there.*; remove"):
        atomic_write(tmp_path / "file" / "deep" / "a.csv", b"1")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_where_the_file_must_be_is_told_before_anything_is_written(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with (
        pytest.raises(OutputError, match=r"a\.csv cannot be written: it is a folder"),
        atomic_path(tmp_path / "a.csv"),
    ):
        pytest.fail("written")
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, r"the disk of .* is full, [\d,]+ bytes are free \(No space left"),
        (errno.EDQUOT, "your quota on the disk of .* is used up"),
        (errno.EFBIG, r"no file may become as large.*ulimit -f"),
        (errno.EROFS, "the file system of .* is read-only"),
        (errno.EACCES, "you have no permission to write in"),
        (errno.EIO, "cannot be written: Input/output error; give another place"),
    ],
)
def test_each_refusal_has_words_and_leaves_nothing(tmp_path, number, said):
    with (  # noqa: PT012
        pytest.raises(OutputError, match=said),
        atomic_path(tmp_path / "a.nc") as temporary,
    ):
        temporary.write_bytes(b"half")
        raise OSError(number, os.strerror(number))
    assert not list(tmp_path.iterdir())
    with (  # noqa: PT012
        pytest.raises(OutputError, match=said),
        atomic_folder(tmp_path / "a.zarr") as temporary,
    ):
        temporary.mkdir()
        raise OSError(number, os.strerror(number), str(temporary / "c.0"))
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_read_while_a_file_is_written_is_not_told_of_that_file(tmp_path):
    with (  # noqa: PT012
        pytest.raises(PermissionError, match="images"),
        atomic_path(tmp_path / "a.nc") as temporary,
    ):
        temporary.write_bytes(b"half")
        raise PermissionError(errno.EACCES, "Permission denied", "/images/1.png")
    assert not list(tmp_path.iterdir())


def test_the_kind_of_error_is_chosen_and_a_sentence_is_not_wrapped_in_another(tmp_path):
    with (
        pytest.raises(AnalysisError) as raised,
        writing(tmp_path, error=AnalysisError, then="Begin again"),
    ):
        raise OutputError("a.nc cannot be written: full")
    assert str(raised.value) == "a.nc cannot be written: full. Begin again"


def test_where_a_library_hides_what_the_system_said_the_disk_is_asked(tmp_path):
    (tmp_path / "file").write_text("words")
    said = refusal(tmp_path / "file" / "a.nc", RuntimeError("NetCDF: HDF error"))
    assert "is a file, and a folder must be there" in said
    assert "HDF error" in refusal(tmp_path / "a.nc", RuntimeError("NetCDF: HDF error"))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_it_is_an_error_of_ours_and_of_the_system():
    assert issubclass(OutputError, CortexsimError)
    assert issubclass(OutputError, OSError)


def test_a_full_disk_that_hdf5_calls_forbidden_is_told_as_what_it_is(tmp_path, monkeypatch):
    import xarray

    from cortexsim import refusals
    from cortexsim.files import write

    def forbidden(self, path, **how):
        path.write_bytes(b"half")
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(xarray.Dataset, "to_netcdf", forbidden)
    monkeypatch.setattr(refusals, "_asked", lambda path: full)
    with pytest.raises(AnalysisError, match=r"a\.nc cannot be written: the disk of .* is full"):
        write(xarray.Dataset({"x": 1}), tmp_path / "a.nc")
    assert not list(tmp_path.iterdir())
