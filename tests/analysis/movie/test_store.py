"""Movies on the disk: whole or absent, opened in several ways, replaced on request only."""

import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray
import zarr
from movies import (
    TIMES,
    config,
    listing,
    names,
    right,
    told,
)

import cortexsim
import cortexsim.rdm
import cortexsim.record
from cortexsim.analysis import open_movie, rdm_movie
from cortexsim.analysis.movie import movie as module
from cortexsim.errors import AnalysisError, CortexsimError, UncheckedWarning
from cortexsim.record import record


def test_a_stored_movie_opens_without_warnings_in_several_ways_and_leaves_nothing_else(
    small, tmp_path
):
    held = rdm_movie(small, progress=False)
    stored = rdm_movie(small, out=tmp_path / "new" / "a.zarr", progress=False)
    path = tmp_path / "new" / "a.zarr"
    assert names(path.parent) == ["a.zarr"]
    ways = [stored, open_movie(path), open_movie(str(path)), xarray.open_zarr(path, chunks=None)]
    for dataset in [*ways, xarray.open_dataset(path, engine="zarr"), xarray.open_zarr(path)]:
        for name in set(held.variables) - {"first_id", "second_id"}:
            np.testing.assert_array_equal(dataset[name].values, held[name].values)
        # Whoever opens it otherwise also sees how its files are checked.
        besides = {k: v for k, v in told(dataset).items() if k not in ("integrity", "digest")}
        assert besides == told(held)
        assert told(dataset) == besides or not any(dataset is way for way in ways[:3])
    assert {"first", "second", "stimulus_id", "label", "populated", *TIMES} <= set(
        open_movie(path).coords
    )
    plain = xarray.open_zarr(path, chunks=None)
    assert set(plain.coords) | {"first_id", "second_id"} == set(open_movie(path).coords)
    for dataset in ways[:3]:  # the ids of the pairs are made when a movie is opened
        ids = dataset.stimulus_id.values
        np.testing.assert_array_equal(dataset.first_id.values, ids[dataset["first"].values])
        np.testing.assert_array_equal(dataset.second_id.values, ids[dataset["second"].values])


def test_a_lazy_movie_that_dask_wrote_opens_as_a_movie(small, tmp_path):
    lazy = rdm_movie(cortexsim.open_recording(small, chunks={}))
    with pytest.raises(AnalysisError, match="to_zarr"):
        rdm_movie(cortexsim.open_recording(small, chunks={}), out=tmp_path / "a.zarr")
    assert names(tmp_path) == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # xarray's own
        lazy.to_zarr(tmp_path / "a.zarr")
    with pytest.warns(UncheckedWarning, match="without checksums"):
        opened = open_movie(tmp_path / "a.zarr")
    xarray.testing.assert_allclose(opened.rdm, lazy.rdm.compute())


def test_open_movie_refuses_what_is_not_one(small, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "zarr.json").write_text("{")
    for path, text in [
        (tmp_path / "nowhere", "no RDM movie"),
        (small, "not an RDM movie"),
        (tmp_path / "broken", "broken"),
    ]:
        with pytest.raises(AnalysisError, match=text):
            open_movie(path)


def fail_when_pairs_come(monkeypatch):
    original, calls = module.Target.put, []

    def put(self, *arguments, start):
        calls.append(arguments)
        if len(calls) == 5:
            raise OSError(28, "No space left on device")
        original(self, *arguments, start=start)

    monkeypatch.setattr(module.Target, "put", put)


def fail_when_coordinates_are_written(monkeypatch):
    original = xarray.Dataset.to_zarr

    def to_zarr(self, *arguments, **keywords):
        original(self, *arguments, **keywords)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xarray.Dataset, "to_zarr", to_zarr)


def fail_when_metadata_are_gathered(monkeypatch):
    def consolidate(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zarr, "consolidate_metadata", consolidate)


def fail_when_the_movie_takes_its_name(monkeypatch):
    original = Path.rename

    def rename(self, target):
        if Path(target).name == "a.zarr" and self.name.endswith(".part"):
            raise OSError(5, "Input/output error")
        return original(self, target)

    monkeypatch.setattr(Path, "rename", rename)


def interrupt(monkeypatch):
    def put(self, *arguments, start):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.Target, "put", put)


FAILURES = [
    fail_when_pairs_come,
    fail_when_coordinates_are_written,
    fail_when_metadata_are_gathered,
    fail_when_the_movie_takes_its_name,
    interrupt,
]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("existing", [False, True], ids=["new", "replacing"])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: f.__name__)
def test_a_crash_leaves_what_was_there_and_the_next_run_succeeds(
    small, tmp_path, monkeypatch, failure, existing
):
    out = tmp_path / "a.zarr"
    if existing:
        rdm_movie(small, "cosine", out=out, progress=False)
    before = listing(tmp_path)
    with monkeypatch.context() as patch:
        failure(patch)
        with pytest.raises((CortexsimError, OSError, KeyboardInterrupt)):
            rdm_movie(small, out=out, overwrite=existing, progress=False)
    assert listing(tmp_path).keys() == before.keys(), "no temporary folder stays, nothing is lost"
    assert listing(tmp_path) == before
    rdm_movie(small, out=out, overwrite=existing, progress=False)
    assert open_movie(out).attrs["measure"] == "correlation"
    assert names(tmp_path) == ["a.zarr"]


SLOW = """
import sys, time
from cortexsim.analysis.movie import movie
put = movie.Target.put
def slow(self, *arguments, **named):
    put(self, *arguments, **named)
    print("put", flush=True)
    time.sleep(5400)
movie.Target.put = slow
movie.rdm_movie(sys.argv[1], out=sys.argv[2], overwrite=True, progress=False)
"""


@pytest.mark.sampled(1)
@pytest.mark.parametrize("existing", [False, True], ids=["new", "replacing"])
def test_a_killed_run_leaves_no_store_under_the_name_and_the_next_succeeds(
    small, tmp_path, existing
):
    out = tmp_path / "a.zarr"
    if existing:
        rdm_movie(small, "cosine", out=out, progress=False)
    before = listing(out)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(small), str(out)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    # Several threads may write it, one into the line of the other.
    assert process.stdout.readline().startswith(b"put")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert listing(out) == before
    assert out.exists() == existing
    rdm_movie(small, out=out, overwrite=existing, progress=False)
    assert names(tmp_path) == ["a.zarr"]
    right(open_movie(out), cortexsim.open_recording(small), "correlation")


def foreign(kind, path, small):
    if kind == "recording":
        shutil.copytree(small, path)
    elif kind == "file":
        path.write_text("mine")
    elif kind == "store":
        zarr.open_group(path, mode="w").attrs["format"] = "something else"
    else:
        path.mkdir()
        (path / "thesis.txt").write_text("mine")
    return path


@pytest.mark.parametrize("overwrite", [False, True], ids=["plain", "overwrite"])
@pytest.mark.parametrize("kind", ["recording", "file", "store", "folder"])
def test_what_is_not_a_movie_is_never_replaced(small, photographs, tmp_path, kind, overwrite):
    out = foreign(kind, tmp_path / "a.zarr", small)
    before = listing(tmp_path)
    with pytest.raises(CortexsimError, match=r"a\.zarr"):
        rdm_movie(small, out=out, overwrite=overwrite, progress=False)
    with pytest.raises(CortexsimError, match=r"a\.zarr"):
        record(config(photographs, out, rdm="cosine", limit=5, overwrite=overwrite))
    assert listing(tmp_path) == before


def test_a_movie_is_replaced_on_request_only(small, tmp_path):
    rdm_movie(small, "cosine", out=tmp_path / "a.zarr", progress=False)
    before = listing(tmp_path)
    with pytest.raises(AnalysisError, match="--overwrite"):
        rdm_movie(small, out=tmp_path / "a.zarr", progress=False)
    assert listing(tmp_path) == before
    rdm_movie(small, out=tmp_path / "a.zarr", overwrite=True, states=("IT",), progress=False)
    again = open_movie(tmp_path / "a.zarr")
    assert (again.attrs["measure"], list(again.state.values)) == ("correlation", ["IT"])
    assert names(tmp_path) == ["a.zarr"]


def test_a_recording_is_not_written_over_a_movie(small, photographs, tmp_path):
    rdm_movie(small, out=tmp_path / "a.zarr", progress=False)
    before = listing(tmp_path)
    with pytest.raises(CortexsimError, match="not a recording"):
        record(config(photographs, tmp_path / "a.zarr", limit=5, overwrite=True))
    assert listing(tmp_path) == before
