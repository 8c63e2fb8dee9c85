"""RDM movies against pdist, rsatoolbox and float64 on what is stored; what is left on disk; what a new user reads."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray
import zarr
from scipy.spatial.distance import pdist, squareform

import cortexsim
import cortexsim.rdm
import cortexsim.record
from cortexsim.analysis import open_movie, rdm_movie, rdms
from cortexsim.analysis.movie import movie as module
from cortexsim.cli import run
from cortexsim.errors import AnalysisError, CortexsimError, RecordingError
from cortexsim.record import RecordConfig, record
from cortexsim.recording.recorder import Recorder
from cortexsim.recording.schema import configuration
from cortexsim.recording.writer import Plan, Variable, Writer

N, DIFFERENT, STEPS = 150, 110, 5
MEASURES = ("correlation", "cosine", "sqeuclidean")
FIRST = {"V1": 1, "V2": 2, "V4": 3, "IT": 4}  # the step at which a state is populated
FRAMES = [(s, t) for s in FIRST for t in range(FIRST[s], STEPS + 1)]
TIMES = ("time_ms", "time_ms_low", "time_ms_high")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    """110 crops of photographs; the last 40 stimuli are the first 40 with one pixel changed."""
    from cortexsim.stimuli.images import sample

    x = np.stack([sample().read(i) for i in range(48)])
    crops = np.concatenate([x[:, ::2, ::2], x[:, :32, :32], x[:, 32:, 32:]])[:DIFFERENT]
    twins = crops[: N - DIFFERENT].copy()
    twins[:, 5, 7] = 255 - twins[:, 5, 7]
    path = tmp_path_factory.mktemp("stimuli") / "photographs.npz"
    labels = [f"photo{i % 7}" for i in range(N)]
    np.savez(path, x=np.concatenate([crops, twins]), id=[f"p{i}" for i in range(N)], y=labels)
    return path


def config(photographs, out, **options):
    options = {"steps": STEPS, "batch_size": 13, "figure": False, "device": "cpu", **options}
    return RecordConfig(stimuli=str(photographs), out=str(out), **options)


@pytest.fixture(scope="module")
def recorded(photographs, tmp_path_factory) -> Path:
    """Full maps in float32, in batches that do not divide the number of stimuli."""
    return record(config(photographs, tmp_path_factory.mktemp("recording") / "full.zarr"))


@pytest.fixture(scope="module")
def small(photographs, tmp_path_factory) -> Path:
    """The same, 70 stimuli (two blocks at least where memory is short), few units."""
    path = tmp_path_factory.mktemp("recording") / "small.zarr"
    return record(config(photographs, path, limit=70, keep="units:40"))


@pytest.fixture
def editable(small, tmp_path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "edited.zarr"))


def edit(path, state, step, where, values):
    zarr.open_group(path, mode="r+")[f"{state}/activation"][where, step - 1] = values


def patterns(tree, state, step):
    """What is stored of a state at a step, in float64: ``(stimulus, feature)``."""
    values = tree[state].activation.sel(step=step).values
    return values.reshape(len(values), -1).astype(np.float64)


def by_scipy(x, measure):
    return pdist(x, measure) / (x.shape[1] if measure == "sqeuclidean" else 1)


def by_rsatoolbox(x, measure):
    """rsatoolbox has no cosine; its warnings are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rsatoolbox.data import Dataset
        from rsatoolbox.rdm import calc_rdm

        method = {"correlation": "correlation", "sqeuclidean": "euclidean"}[measure]
        return calc_rdm(Dataset(x), method=method).dissimilarities[0]


def close(found, expected, measure, within=2e-6):
    """Equal to the rounding of sums of products in float32; distances relative to the largest."""
    scale = np.nanmax(expected) if measure == "sqeuclidean" else 1.0
    np.testing.assert_allclose(found, expected, rtol=0, atol=within * scale)


def right(movie, tree, measure, oracle=rdms):
    """Every frame is the oracle's, and NaN where not populated and nowhere else."""
    for state in movie.state.values:
        for step in movie.step.values:
            found = movie.rdm.sel(state=state, step=step).values
            if bool(tree[str(state)].populated.sel(step=step)):
                close(found, oracle(patterns(tree, str(state), step), measure), measure)
            else:
                assert np.isnan(found).all()


def told(movie):
    """The attributes, without when and where they were written."""
    return {k: v for k, v in movie.attrs.items() if k != "provenance"}


def listing(folder):
    """Every file below a folder, hidden ones too, and its content."""
    return {
        str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()
    }


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def command(main, capsys, *arguments):
    """A command line in this process: exit status, output, errors. A traceback would come out of here as it is."""
    with pytest.raises(SystemExit) as end:
        run(lambda: main([str(a) for a in arguments]))
    out, err = capsys.readouterr()
    return end.value.code, out, err


def new_process(*arguments, cwd):
    """What a user types after ``python -m``."""
    done = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(done, cwd=cwd, capture_output=True, text=True, timeout=600)


# The numbers


@pytest.mark.parametrize("measure", MEASURES)
def test_every_state_and_step_is_the_rdm_of_scipy(recorded, measure):
    movie = rdm_movie(recorded, measure, progress=False)
    assert dict(movie.rdm.sizes) == {"state": 4, "step": STEPS, "pair": N * (N - 1) // 2}
    assert movie.rdm.dtype == np.float32
    tree = cortexsim.open_recording(recorded)
    right(movie, tree, measure)
    for state, step in [("V2", 4), ("IT", 5)]:
        close(
            movie.rdm.sel(state=state, step=step),
            by_scipy(patterns(tree, state, step), measure),
            measure,
        )


@pytest.mark.parametrize("measure", ["correlation", "sqeuclidean"])
def test_every_state_is_the_rdm_of_rsatoolbox(recorded, measure):
    movie, tree = (
        rdm_movie(recorded, measure, steps=(5,), progress=False),
        cortexsim.open_recording(recorded),
    )
    right(movie, tree, measure, by_rsatoolbox)


@pytest.mark.parametrize(
    ("measure", "memory"), [*((m, 1) for m in MEASURES), ("correlation", 6 << 20)]
)
def test_many_blocks_give_the_numbers_of_one_and_near_duplicates_keep_their_digits(
    recorded, measure, memory
):
    movie, tree = (
        rdm_movie(recorded, measure, memory=memory, progress=False),
        cortexsim.open_recording(recorded),
    )
    right(movie, tree, measure)
    twins = (movie.second - movie.first == DIFFERENT).values
    assert twins.sum() == N - DIFFERENT, "the twins lie in different blocks of at most 100 stimuli"
    for state, step in FRAMES:
        exact = by_scipy(patterns(tree, state, step), "correlation")[twins]
        assert 0 < exact.min() < 1e-3, "they are nearly the same"
        if measure == "correlation":
            close(movie.rdm.sel(state=state, step=step)[twins], exact, measure, within=1e-6)


def test_small_memory_means_blocks(recorded, monkeypatch):
    """The test above would test nothing if there were one block."""
    sizes, original = [], module.Target.put

    def put(self, state, step, pairs, *, start):
        sizes.append(len(pairs))
        original(self, state, step, pairs, start=start)

    monkeypatch.setattr(module.Target, "put", put)
    rdm_movie(recorded, memory=1, states=("V1",), steps=(1,), progress=False)
    assert len(sizes) > 1
    assert sum(sizes) == N * (N - 1) // 2


@pytest.mark.parametrize("measure", MEASURES)
def test_the_same_stimulus_twice_is_at_distance_zero_across_blocks(editable, measure):
    values = cortexsim.open_recording(editable)["V4"].activation.sel(step=5).values[3]
    edit(editable, "V4", 5, 68, values)
    movie = rdm_movie(editable, measure, memory=1, progress=False)
    pair = ((movie.first == 3) & (movie.second == 68)).values
    found = movie.rdm.sel(state="V4", step=5).values[pair]
    assert abs(found) <= 1e-6 * (1 if measure != "sqeuclidean" else np.mean(values**2))
    assert measure != "sqeuclidean" or found >= 0


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "float16"},
        {"dtype": "float64"},
        {"dtype": "float16", "compression": "zstd", "keep": "units:300"},
        {"dtype": "float64", "compression": "zstd", "keep": "mean"},
        {"keep": "mean", "batch_size": 70},
        {"keep": "project:200", "batch_size": 5},
        {"lesion": ("V1->V2@1",)},
        {"states": ("IT", "V2"), "drive": True, "batch_size": 64},
    ],
    ids=str,
)
def test_whatever_was_stored_and_however_it_is_given(photographs, tmp_path, options):
    path = record(config(photographs, tmp_path / "a.zarr", limit=70, **options))
    tree = cortexsim.open_recording(path)
    right(rdm_movie(path, memory=1, progress=False), tree, "correlation")
    right(rdm_movie(tree, "cosine", progress=False), tree, "cosine")
    right(
        rdm_movie(cortexsim.open_recording(path, chunks={}), "sqeuclidean").compute(),
        tree,
        "sqeuclidean",
    )
    if "lesion" in options:
        assert not tree["V2"].populated.sel(step=2), "the lesion delays V2, else nothing was tested"


@pytest.mark.parametrize("memory", [1, 256 << 20])
@pytest.mark.parametrize("measure", MEASURES)
def test_an_open_recording_gives_the_movie_of_its_path(small, measure, memory):
    path, tree = small, cortexsim.open_recording(small)
    movie = rdm_movie(tree, measure, memory=memory, progress=False)
    right(movie, tree, measure)
    xarray.testing.assert_allclose(movie, rdm_movie(path, measure, progress=False), atol=1e-6)
    assert told(movie) == told(rdm_movie(path, measure, progress=False))


def test_a_lazy_recording_gives_a_lazy_movie_of_the_same_numbers_and_coordinates(recorded):
    lazy = rdm_movie(cortexsim.open_recording(recorded, chunks={}))
    assert type(lazy.rdm.data).__module__.startswith("dask")
    assert lazy.rdm.dtype == np.float32
    right(lazy.compute(), cortexsim.open_recording(recorded), "correlation")
    direct = rdm_movie(recorded, progress=False)
    xarray.testing.assert_identical(lazy.drop_vars("rdm").compute(), direct.drop_vars("rdm"))


@pytest.mark.parametrize("chunks", [None, {}], ids=["not lazy", "lazy"])
@pytest.mark.parametrize("rows", [slice(0, 10), [40, 3, 17, 5, 69], slice(60, 5, -9)], ids=str)
def test_a_subset_of_stimuli_in_the_order_of_the_user(small, rows, chunks):
    tree = cortexsim.open_recording(small, chunks=chunks).isel(stimulus=rows)
    movie = rdm_movie(tree, "cosine", progress=False)
    right(movie.compute(), tree, "cosine")
    assert list(movie.stimulus_id.values) == [f"p{i}" for i in np.arange(70)[rows]]


def test_a_subset_of_steps_and_a_recording_held_in_memory(small):
    tree = cortexsim.open_recording(small).sel(step=slice(3, 4)).load()
    movie = rdm_movie(tree, progress=False)
    assert list(movie.step.values) == [3, 4]
    right(movie, tree, "correlation")


@pytest.mark.parametrize("kind", [tuple, list, np.array], ids=["tuple", "list", "array"])
def test_chosen_states_and_steps_keep_their_order(small, kind):
    states, steps = ["IT", "V1"], [5, 2, 4]
    movie, tree = (
        rdm_movie(small, states=kind(states), steps=kind(steps), progress=False),
        cortexsim.open_recording(small),
    )
    assert list(movie.state.values) == states
    assert list(movie.step.values) == steps
    np.testing.assert_allclose(movie.time_ms, [125, 50, 100])
    right(movie, tree, "correlation")


@pytest.mark.parametrize("choice", [{"states": ("V1", "IT", "V1")}, {"steps": (4, 5, 4)}], ids=str)
def test_a_state_or_step_named_twice_is_refused(small, choice):
    with pytest.raises(AnalysisError, match="V1" if "states" in choice else "4"):
        rdm_movie(small, **choice, progress=False)


def test_one_part_of_an_unfinished_recording(photographs, tmp_path, monkeypatch):
    original = Recorder._record

    def fail(self, images, start, *rest):
        if start >= 26:
            raise KeyboardInterrupt
        return original(self, images, start, *rest)

    monkeypatch.setattr(Recorder, "_record", fail)
    with pytest.raises(KeyboardInterrupt):
        record(config(photographs, tmp_path / "a.zarr", keep="mean"))
    with pytest.raises(RecordingError, match=r"not complete: \d+ of 150.*--resume.*partial=True"):
        rdm_movie(tmp_path / "a.zarr", progress=False)
    tree = cortexsim.open_recording(tmp_path / "a.zarr", partial=True)
    movie = rdm_movie(tree, progress=False)
    assert 4 <= movie.sizes["stimulus"] <= 26
    right(movie, tree, "correlation")


# Coordinates and attributes


@pytest.fixture(scope="module", params=["in memory", "stored", "lazy"])
def complete(request, small, tmp_path_factory):
    """The same movie of each kind."""
    if request.param == "lazy":
        return rdm_movie(cortexsim.open_recording(small, chunks={}), "cosine")
    out = tmp_path_factory.mktemp("movie") / "a.zarr" if request.param == "stored" else None
    return rdm_movie(small, "cosine", out=out, progress=False)


def test_coordinates_are_those_of_the_recording_and_pairs_in_the_order_of_squareform(
    complete, small
):
    group = cortexsim.open_recording(small)["IT"]
    assert complete.rdm.dims == ("state", "step", "pair")
    assert set(complete.data_vars) == {"rdm"}
    assert list(complete.state.values) == list(FIRST)
    for name in ("step", *TIMES, "stimulus_id", "label"):
        np.testing.assert_array_equal(complete[name].values, group[name].values)
    assert all(complete[t].attrs == {"units": "ms after image onset"} for t in TIMES)
    here = [[t >= FIRST[s] for t in range(1, STEPS + 1)] for s in FIRST]
    np.testing.assert_array_equal(complete.populated, here)
    np.testing.assert_array_equal(complete.rdm.isnull().all("pair"), ~np.array(here))
    np.testing.assert_array_equal(complete.rdm.notnull().all("pair"), here)
    i, j = complete.first.values, complete.second.values
    square = squareform(complete.rdm.sel(state="V2", step=5).values)
    np.testing.assert_array_equal(square[i, j], complete.rdm.sel(state="V2", step=5).values)
    assert (i < j).all()
    x = patterns(cortexsim.open_recording(small), "V2", 5)
    k = 1234
    cosine = x[i[k]] @ x[j[k]] / np.linalg.norm(x[i[k]]) / np.linalg.norm(x[j[k]])
    assert abs(float(complete.rdm.sel(state="V2", step=5)[k]) - (1 - cosine)) < 1e-6


def test_attributes_say_what_was_computed_of_what(complete, small):
    known = configuration(cortexsim.open_recording(small))
    assert json.loads(complete.attrs["recording"]) == known
    assert complete.attrs["measure"] == "cosine"
    assert complete.attrs["model"] == "cortex4"
    assert "x.y" in complete.attrs["equation"]
    provenance = json.loads(complete.attrs["provenance"])
    assert provenance["cortexsim"] == cortexsim.__version__
    assert {"numpy", "xarray", "zarr"} <= provenance["packages"].keys()


def test_a_movie_can_be_exported_to_netcdf(complete, tmp_path):
    complete.to_netcdf(tmp_path / "a.nc")
    with xarray.open_dataset(tmp_path / "a.nc", engine="netcdf4") as again:
        np.testing.assert_array_equal(again.rdm, complete.rdm)
        assert list(again.stimulus_id.values) == list(complete.stimulus_id.values)


# The store


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
        assert told(dataset) == told(held)
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
    xarray.testing.assert_allclose(open_movie(tmp_path / "a.zarr").rdm, lazy.rdm.compute())


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


def test_a_full_disk_is_one_message_of_the_command(small, tmp_path, monkeypatch, capsys):
    fail_when_pairs_come(monkeypatch)
    code, _, err = command(
        cortexsim.rdm.main, capsys, small, "--out", tmp_path / "a.zarr", "--no-figure"
    )
    assert code == 1
    assert "No space left" in err


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
    assert process.stdout.readline() == b"put\n"
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


# While recording


@pytest.mark.parametrize(
    ("measure", "memory", "batch_size", "blocks"),
    [
        ("correlation", 2000, 13, 1),
        ("cosine", 2000, 13, 1),
        ("sqeuclidean", 2000, 13, 1),
        ("correlation", 16, 13, 3),
        ("cosine", 1, 64, 3),
        ("sqeuclidean", 16, 13, 3),
        ("correlation", 1, 150, 1),
    ],
)
def test_the_movie_while_recording_is_that_of_the_recording(
    recorded, photographs, tmp_path, monkeypatch, capsys, measure, memory, batch_size, blocks
):
    began, original = [], Recorder.batches

    def batches(self, first=0, **keywords):
        began.append(first)
        return original(self, first, **keywords)

    monkeypatch.setattr(Recorder, "batches", batches)
    options = {"rdm": measure, "memory": memory, "batch_size": batch_size}
    found = open_movie(record(config(photographs, tmp_path / "a.zarr", **options)))
    direct = rdm_movie(recorded, measure, progress=False)
    close(found.rdm.values, direct.rdm.values, measure, within=1e-6)
    right(found, cortexsim.open_recording(recorded), measure)
    # The same coordinates; text has another type in a store.
    for name in direct.coords:
        np.testing.assert_array_equal(found[name].values, direct[name].values)
    theirs, ours = (json.loads(m.attrs["recording"]) for m in (direct, found))
    assert theirs.keys() == ours.keys()
    assert {k for k in ours if ours[k] != theirs[k]} <= {"batch_size", "provenance"}
    assert all(
        found.attrs[k] == direct.attrs[k] for k in ("format", "measure", "equation", "model")
    )
    assert json.loads(found.attrs["provenance"])["cortexsim"] == cortexsim.__version__
    assert len(began) == blocks
    assert began == sorted(began), "each pass begins where the block before ended"
    assert began[0] == 0
    err = capsys.readouterr().err
    assert ("blocks" in err) == (blocks > 1)
    if blocks > 1:
        passes = sum(N - first for first in began) / N
        assert f"{blocks} blocks, as long as {passes:.1f} passes" in err


@pytest.mark.parametrize(
    "options",
    [
        {"keep": "mean"},
        {"keep": "project:30", "seed": 4},
        {"keep": "units:30", "dtype": "float16"},
        {"dtype": "float64", "keep": "units:30"},
        {"lesion": ("feedback", "V1->V2@1")},
        {"untrained": True, "seed": 2},
        {"states": ("V4", "V1"), "on_ms": 50.0},
        {"compression": "zstd", "steps": 3, "states": ("V1",)},
    ],
    ids=str,
)
def test_every_option_of_a_recording_holds_for_its_movie(photographs, tmp_path, options):
    options = {"limit": 20, **options}
    path = record(config(photographs, tmp_path / "r.zarr", **options))
    found = open_movie(
        record(config(photographs, tmp_path / "m.zarr", rdm="correlation", memory=1, **options))
    )
    right(found, cortexsim.open_recording(path), "correlation")
    ours, theirs = (
        json.loads(found.attrs["recording"]),
        configuration(cortexsim.open_recording(path)),
    )
    assert {k: v for k, v in ours.items() if k != "provenance"} == {
        k: v for k, v in theirs.items() if k != "provenance"
    }


@pytest.fixture
def three_threads():
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(1)


@pytest.mark.parametrize("memory", [16, 2000])
@pytest.mark.parametrize("measure", ["correlation", "sqeuclidean"])
def test_batches_that_come_from_several_threads_give_the_same(
    recorded, photographs, tmp_path, three_threads, measure, memory
):
    path = record(config(photographs, tmp_path / "a.zarr", rdm=measure, memory=memory))
    right(open_movie(path), cortexsim.open_recording(recorded), measure)


FAILING = """
import sys, time, torch
from cortexsim.errors import RecordingError
from cortexsim.record import RecordConfig, record
from cortexsim.recording.recorder import Recorder
torch.set_num_threads(2)
original = Recorder._record
def fail(self, shown, start, *rest):
    if start == 0 and len(shown["image"]) == 16:
        time.sleep(0.5)
        raise RecordingError("a value is beyond float16")
    return original(self, shown, start, *rest)
Recorder._record = fail
record(RecordConfig(limit=48, out=sys.argv[1], rdm="cosine", batch_size=16, memory=1, figure=False, device="cpu"))
"""


def test_a_batch_that_fails_while_others_wait_for_it_ends_the_run(tmp_path):
    arguments = [sys.executable, "-c", FAILING, str(tmp_path / "a.zarr")]
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        pytest.fail("the run hangs")
    assert "beyond float16" in done.stderr
    assert names(tmp_path) == []


def test_no_activations_are_stored_while_recording(recorded, photographs, tmp_path):
    """14 RDMs of 11,175 pairs in float32, two indices a pair, and little more; the recording is 41 MB."""
    record(config(photographs, tmp_path / "a.zarr", rdm="correlation"))
    assert names(tmp_path) == ["a.zarr"]
    size = sum(len(v) for v in listing(tmp_path).values())
    pairs = N * (N - 1) // 2
    assert size < (4 * STEPS + 2) * pairs * 4 + 50_000
    assert sum(len(v) for v in listing(recorded).values()) > 40 * size


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"resume": True}, ("--rdm", "resume")),
        ({"drive": True}, ("--drive", "--rdm")),
        ({"rdm": "euclidean"}, ("euclidean", "correlation, cosine, sqeuclidean")),
        ({"rdm": "crossnobis"}, ("crossnobis", "correlation, cosine, sqeuclidean")),
        ({"rdm": ""}, ("correlation, cosine, sqeuclidean",)),
        ({"limit": 3}, ("3 stimuli", "at least 4")),
        ({"limit": 1}, ("1 ", "at least 4")),
        ({"memory": 0}, ("--memory 0",)),
        ({"states": ("V3",)}, ("V3", "V1, V2, V4, IT")),
    ],
    ids=str,
)
def test_what_a_movie_while_recording_refuses_leaves_nothing(photographs, tmp_path, options, facts):
    options = {"rdm": "correlation", "limit": 10, **options}
    with pytest.raises(CortexsimError) as error:
        record(config(photographs, tmp_path / "a.zarr", **options))
    assert all(f in str(error.value) for f in facts), str(error.value)
    assert names(tmp_path) == []


def test_a_failure_in_a_later_pass_leaves_nothing(photographs, tmp_path, monkeypatch):
    original, calls = Recorder._record, []

    def fail(self, images, start, *rest):
        calls.append(start)
        if len(calls) > 14:
            raise RecordingError("a value is beyond float16")
        return original(self, images, start, *rest)

    monkeypatch.setattr(Recorder, "_record", fail)
    with pytest.raises(RecordingError, match="beyond float16"):
        record(config(photographs, tmp_path / "a.zarr", rdm="correlation", memory=1))
    assert names(tmp_path) == []


def test_the_plan_of_a_movie_writes_nothing_and_speaks_of_the_movie(photographs, tmp_path, capsys):
    record(config(photographs, tmp_path / "a.zarr", rdm="correlation", memory=1, plan=True))
    assert names(tmp_path) == []
    out = capsys.readouterr().out
    assert "Nothing was written" in out
    assert "RDM" in out, "what will be stored is a movie, and what takes the time is several passes"


# Memory


def synthetic(path, stimuli, compression="none", steps=1):
    """A recording of noise, 128 kB a stimulus and step, written by the writer of recordings."""
    shape = (32, 32, 32)
    known = {"states": ["V1"], "variables": ["V1/activation"], "model": "noise", "provenance": {}}
    times = {t: 25.0 * np.arange(1, steps + 1) for t in TIMES}
    variable = Variable(
        "V1", "activation", ("channel", "y", "x"), shape, "float32", (True,) * steps
    )
    ids = tuple(f"s{i}" for i in range(stimuli))
    plan = Plan(
        known,
        (variable,),
        {"step": np.arange(1, steps + 1), **times},
        {},
        ids,
        ids,
        16,
        compression,
    )
    rng = np.random.default_rng(0)
    with Writer(path, plan) as writer:
        for start in range(0, stimuli, 16):
            writer.put(
                start, {("V1", "activation"): rng.random((steps, 16, *shape), dtype=np.float32)}
            )
    return path


PEAK = """
import re, sys
from pathlib import Path
{imports}
def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
{first}
before = peak()
{then}
print("grew by", peak() - before)
"""


def growth(**parts):
    """Megabytes by which the peak of a fresh process grows from a small run to a large one."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the peak of a process is read from /proc")
    code = PEAK.format(**parts)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split("grew by")[1])


@pytest.mark.parametrize(
    ("compression", "lazily"),
    [("none", False), ("zstd", False), ("none", True)],
    ids=["path", "compressed", "tree"],
)
def test_a_recording_larger_than_memory_is_read_within_it(tmp_path, compression, lazily):
    big = synthetic(tmp_path / "big.zarr", 480, compression)  # 63 MB a step
    tiny = synthetic(tmp_path / "tiny.zarr", 16, compression)
    opened = "open_recording({!r})" if lazily else "{!r}"

    def grown(memory):
        return growth(
            imports="from cortexsim.analysis import rdm_movie\nfrom cortexsim import open_recording",
            first=f"rdm_movie({opened.format(str(tiny))}, progress=False)",
            then=f"rdm_movie({opened.format(str(big))}, memory={memory} << 20, progress=False)",
        )

    # xarray and zarr make copies of what they read, which reading from the path does not; a step (63 MB) is never held either way.
    assert grown(8) < (50 if not lazily else 98)
    if compression == "none" and not lazily:
        assert grown(70) > 50, "a whole step needs more, or the test measures nothing"


def test_a_movie_while_recording_holds_what_it_is_given(photographs, tmp_path):
    """150 stimuli need 150 x 262 kB = 39 MB at once; batches of 13, of which a few are under way, 3.4 MB each."""

    def held(memory):
        record(
            config(photographs, tmp_path / "a.zarr", rdm="correlation", limit=5)
        )  # what is held for good
        tracemalloc.start()
        record(
            config(
                photographs, tmp_path / "a.zarr", rdm="correlation", memory=memory, overwrite=True
            )
        )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        shutil.rmtree(tmp_path / "a.zarr")
        return peak / 1e6

    assert held(16) < 16 + 14
    assert held(2000) > 39, "all at once needs more, or the test measures nothing"


# What goes wrong in a recording


@pytest.mark.parametrize("memory", [1, 256 << 20])
@pytest.mark.parametrize(
    ("value", "measure", "facts"),
    [
        (2.5, "correlation", ("no variance",)),
        (0.0, "cosine", ("length zero",)),
        (np.nan, "correlation", ("NaN",)),
        (np.nan, "sqeuclidean", ("NaN",)),
        (np.inf, "cosine", ("infinite",)),
    ],
)
def test_bad_stimuli_are_named_with_state_and_step(editable, value, measure, facts, memory):
    for i in (5, 66):
        edit(editable, "V2", 4, i, value)
    for recording in (editable, cortexsim.open_recording(editable)):
        with pytest.raises(AnalysisError) as error:
            rdm_movie(recording, measure, memory=memory, progress=False)
        text = str(error.value)
        assert all(f in text for f in ("V2 at step 4", "5, 66", "of 70", *facts)), text
        assert "nan=" not in text, "a movie takes no such argument"
    for other in ("V1", "V4"):
        rdm_movie(editable, measure, states=(other,), progress=False)
    rdm_movie(editable, measure, steps=(3, 5), progress=False)


def test_a_lazy_movie_names_them_too(editable):
    edit(editable, "V2", 4, 5, 2.5)
    lazy = rdm_movie(cortexsim.open_recording(editable, chunks={}))
    with pytest.raises(AnalysisError, match=r"V2 at step 4.*\b5\b.*no variance"):
        lazy.rdm.sel(state="V2", step=4).compute()


def test_bad_stimuli_are_named_while_recording(photographs, tmp_path, monkeypatch):
    original = Recorder._record

    def constant(self, images, start, *rest):
        batch = original(self, images, start, *rest)
        if start == 26:
            batch["V4", "activation"][1, 3] = 1.5  # the second populated step of V4, stimulus 29
        return batch

    monkeypatch.setattr(Recorder, "_record", constant)
    for memory in (1, 2000):
        with pytest.raises(AnalysisError, match=r"V4 at step 4: .*\b29 of 70 .*no variance"):
            record(
                config(photographs, tmp_path / "a.zarr", limit=70, rdm="correlation", memory=memory)
            )
        assert names(tmp_path) == []


@pytest.mark.parametrize("scale", [1e20, 1e-25])
@pytest.mark.parametrize("measure", ["correlation", "cosine"])
def test_the_scale_of_activations_does_not_matter_as_it_does_not_for_rdms(editable, measure, scale):
    x = patterns(cortexsim.open_recording(editable), "IT", 5)
    edit(editable, "IT", 5, slice(None), (x * scale).astype(np.float32))
    movie = rdm_movie(editable, measure, states=("IT",), steps=(5,), progress=False)
    close(movie.rdm.values.ravel(), by_scipy(x, measure), measure)


def test_small_variance_on_a_large_mean_counts_in_float64(photographs, tmp_path):
    path = record(
        config(photographs, tmp_path / "a.zarr", limit=70, keep="units:40", dtype="float64")
    )
    x = 1e4 + 1e-3 * patterns(cortexsim.open_recording(path), "IT", 5)
    edit(path, "IT", 5, slice(None), x)
    movie = rdm_movie(path, states=("IT",), steps=(5,), progress=False)
    close(movie.rdm.values.ravel(), rdms(x), "correlation")


def test_a_lost_chunk_is_named_and_nothing_is_written(editable, tmp_path, capsys):
    (editable / "V4" / "activation" / "c.2.3.0").unlink()
    code, _, err = command(cortexsim.rdm.main, capsys, editable, "--out", tmp_path / "a.zarr")
    assert code == 1
    assert "c.2.3.0 is missing" in err
    assert names(tmp_path) == ["edited.zarr"]


# The command lines


def test_a_new_user_makes_a_movie_of_a_recording(small, tmp_path):
    done = new_process(
        "cortexsim.rdm", small, "--out", "mine.zarr", "--measure", "cosine", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "wrote mine.zarr: 14 RDMs (cosine) of 70 stimuli, 2,415 pairs each" in done.stdout
    assert "drew mine.png" in done.stdout
    assert names(tmp_path) == ["mine.png", "mine.zarr"]
    assert (tmp_path / "mine.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "mine.png").stat().st_size > 30_000
    right(open_movie(tmp_path / "mine.zarr"), cortexsim.open_recording(small), "cosine")
    hint = next(line for line in done.stdout.splitlines() if "python -c" in line).split('"')[1]
    tried = subprocess.run(
        [sys.executable, "-c", hint], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert tried.returncode == 0, tried.stderr
    assert "rdm" in tried.stdout


def test_the_console_script_has_the_verb(small, tmp_path):
    done = new_process(
        "cortexsim",
        "rdm",
        small,
        "--no-figure",
        "--states",
        "IT",
        "V1",
        "--steps",
        "5",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == ["movie.zarr"], "the default of --out, and no figure"
    assert "states IT, V1" in done.stdout
    assert list(open_movie(tmp_path / "movie.zarr").state.values) == ["IT", "V1"]


def test_a_new_user_makes_a_movie_without_a_recording(tmp_path, capsys, monkeypatch):
    arguments = (
        "--rdm",
        "correlation",
        "--out",
        "mine.zarr",
        "--limit",
        "6",
        "--lesion",
        "feedback",
    )
    done = new_process("cortexsim.record", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "wrote mine.zarr: 26 RDMs (correlation) of 6 stimuli, 15 pairs each" in done.stdout
    assert names(tmp_path) == ["mine.png", "mine.zarr"]
    assert "feedback" in open_movie(tmp_path / "mine.zarr").attrs["model"]
    monkeypatch.chdir(tmp_path)
    code, _, err = command(cortexsim.record.main, capsys, *arguments)
    assert code == 1
    assert "exists" in err
    assert "--overwrite" in err


def test_an_error_of_a_new_process_is_one_line(tmp_path):
    done = new_process("cortexsim.rdm", "nowhere.zarr", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: no recording at nowhere.zarr\n"
    assert names(tmp_path) == []


@pytest.mark.parametrize("main", [cortexsim.rdm.main, cortexsim.record.main], ids=["rdm", "record"])
def test_help_names_measures_and_memory(main, capsys):
    code, out, _ = command(main, capsys, "--help")
    words = " ".join(out.split())
    assert code == 0
    assert "correlation, cosine" in words
    assert "--memory MEMORY" in words
    assert "megabytes of activations held" in words


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        (("--measure", "euclidean"), ("euclidean", "correlation, cosine, sqeuclidean")),
        (("--measure", "crossnobis"), ("crossnobis", "rdms")),
        (("--states", "V3"), ("V3", "V1, V2, V4, IT")),
        (("--states", "readout"), ("readout", "V1, V2, V4, IT")),
        (("--states", "V1", "V1"), ("V1",)),
        (("--steps", "6"), ("6", "1 to 5")),
        (("--steps", "0"), ("0", "1 to 5")),
        (("--steps", "2", "2"), ("2",)),
        (("--memory", "0"), ("--memory 0",)),
        (("--memory", "-3"), ("--memory -3",)),
    ],
    ids=str,
)
def test_bad_requests_are_one_message_and_write_nothing(small, tmp_path, capsys, options, facts):
    code, out, err = command(
        cortexsim.rdm.main, capsys, small, "--out", tmp_path / "a.zarr", *options
    )
    assert (code, out) == (1, "")
    assert all(f in err for f in ("error: ", *facts)), err
    assert names(tmp_path) == []


def test_steps_at_which_nothing_is_populated_fail_before_anything_is_written_or_not_at_all(
    small, tmp_path, capsys
):
    arguments = (small, "--out", tmp_path / "a.zarr", "--states", "IT", "--steps", "1", "2")
    code, out, err = command(cortexsim.rdm.main, capsys, *arguments)
    assert code in (0, 1)
    assert names(tmp_path) == ([] if code else ["a.zarr"]), out + err


@pytest.mark.parametrize("what", ["movie", "file", "folder", "other store", "unfinished"])
def test_what_is_not_a_whole_recording_is_told_with_what_to_do(
    small, photographs, tmp_path, capsys, monkeypatch, what
):
    path = tmp_path / "x.zarr"
    if what == "movie":
        rdm_movie(small, out=path, progress=False)
    elif what == "unfinished":
        monkeypatch.setattr(
            Recorder, "_record", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            record(config(photographs, path, limit=20))
        monkeypatch.undo()
        if not path.exists():  # nothing was committed
            whole = record(config(photographs, path, limit=20))
            node = json.loads((whole / "zarr.json").read_text())
            node["attributes"]["stimuli_committed"] = 13
            (whole / "zarr.json").write_text(json.dumps(node))
    else:
        foreign(what.removeprefix("other "), path, small)
    capsys.readouterr()
    code, _, err = command(cortexsim.rdm.main, capsys, path, "--out", tmp_path / "a.zarr")
    assert code == 1
    facts = {
        "movie": "movie",
        "file": "file",
        "folder": "no zarr.json",
        "other store": "not a recording",
    }
    assert facts.get(what, "--resume") in err
    assert "x.zarr" in err
    assert names(tmp_path) == ["x.zarr"]


@pytest.mark.parametrize("out", ["file/a.zarr", "/proc/nowhere/a.zarr", "/", "."])
def test_an_output_that_cannot_be_written_is_one_message(small, tmp_path, capsys, monkeypatch, out):
    (tmp_path / "file").write_text("mine")
    monkeypatch.chdir(tmp_path)
    code, _, err = command(cortexsim.rdm.main, capsys, small, "--out", out)
    assert code == 1
    assert err.splitlines()[-1].startswith("error: ")
    code, _, err = command(
        cortexsim.record.main, capsys, "--rdm", "cosine", "--limit", "4", "--out", out
    )
    assert code == 1
    assert err.splitlines()[-1].startswith("error: ")
    assert names(tmp_path) == ["file"]


def test_a_figure_is_drawn_beside_the_movie_and_replaced_on_request_only(small, tmp_path, capsys):
    (tmp_path / "a.png").write_text("mine")
    code, _, err = command(cortexsim.rdm.main, capsys, small, "--out", tmp_path / "a.zarr")
    assert code == 1
    assert all(f in err for f in ("a.png", "--overwrite", "--no-figure"))
    assert names(tmp_path) == ["a.png"]
    assert (
        command(cortexsim.rdm.main, capsys, small, "--out", tmp_path / "a.zarr", "--no-figure")[0]
        == 0
    )
    assert (tmp_path / "a.png").read_text() == "mine"
    code, out, _ = command(
        cortexsim.rdm.main, capsys, small, "--out", tmp_path / "a.zarr", "--overwrite"
    )
    assert code == 0
    assert "drew" in out
    assert (tmp_path / "a.png").stat().st_size > 30_000


def test_the_command_line_and_the_function_agree_on_defaults():
    defaults = {f.name: f.default for f in dataclasses.fields(cortexsim.rdm.RdmConfig)}
    assert defaults["memory"] << 20 == module.MEMORY
    assert defaults["measure"] == "correlation"


@pytest.mark.parametrize("measure", ["correlation", "cosine", "sqeuclidean"])
def test_a_movie_computed_with_torch_is_that_of_numpy(small, measure):
    ours = rdm_movie(small, measure, device="cpu", progress=False).rdm.values
    theirs = rdm_movie(small, measure, progress=False).rdm.values
    # What is left of two large squared lengths is exact to a few float32 digits of the largest.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-6 * max(1, np.nanmax(theirs)))


def test_a_device_that_is_not_there_is_refused(small):
    with pytest.raises(CortexsimError, match="cuda"):
        rdm_movie(small, device="cuda:99", progress=False)
