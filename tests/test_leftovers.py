"""Temporaries of the dead go, those of the living and of other machines stay."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cortexsim.leftovers import TEMPORARY, beside, here, is_left, scratch, sweep
from cortexsim.locks import holding


@pytest.fixture(scope="module")
def dead():
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_sweep_takes_files_and_folders_of_the_dead_and_nothing_else(tmp_path, dead):
    gone = [f".a.nc.{here()}-{dead}.tmp", f".b.zarr.{here()}-{dead}.part"]
    stays = [
        f".a.nc.{here()}-{os.getpid()}.tmp",
        f".a.nc.elsewhere-{dead}.tmp",
        f".a.nc.{here()}-{dead}.lock",
        f"a.nc.{here()}-{dead}.tmp",
        f".a.nc.{here()}-{dead}.tmp-notes",
    ]
    for name in (gone[0], *stays):
        (tmp_path / name).write_text("half")
    (tmp_path / gone[1] / "rdm").mkdir(parents=True)
    sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(stays)


def test_only_those_of_one_output_are_swept_where_it_is_named(tmp_path, dead):
    for name in ("a.nc", "b.nc"):
        (tmp_path / f".{name}.{here()}-{dead}.tmp.nc").write_text("half")
    sweep(tmp_path, "a.nc")
    assert [p.name for p in tmp_path.iterdir()] == [f".b.nc.{here()}-{dead}.tmp.nc"]


def test_who_holds_an_output_clears_what_lies_beside_it(tmp_path, dead):
    (tmp_path / f".a.png.{here()}-{dead}.tmp.png").write_text("half")
    with holding(tmp_path / "a.nc"):
        assert [p.name for p in tmp_path.iterdir()] == [".a.nc.lock"]


def test_a_link_to_a_folder_is_removed_and_not_followed(tmp_path, dead):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("words")
    (tmp_path / f".a.{here()}-{dead}.tmp").symlink_to(tmp_path / "mine")
    sweep(tmp_path)
    assert (tmp_path / "mine" / "file").read_text() == "words"
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_scratch_of_the_dead_goes_with_the_next(tmp_path, dead):
    left = tmp_path / f".cortexsim-abc.{here()}-{dead}.tmp"
    (left / "recording.zarr").mkdir(parents=True)
    with scratch(tmp_path) as folder:
        assert TEMPORARY.fullmatch(folder.name)
        assert not is_left(folder.name)
        assert list(tmp_path.iterdir()) == [folder]
    assert not list(tmp_path.iterdir())


def test_a_temporary_lies_beside_its_target():
    assert beside(Path("x/a.nc"), ".tmp.nc").parent == Path("x")
