"""RDM movies against pdist, rsatoolbox and float64 on what is stored; what is left on disk.

What a new user reads.
"""

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray
from movies import (
    DIFFERENT,
    FIRST,
    FRAMES,
    MEASURES,
    STEPS,
    TIMES,
    N,
    by_rsatoolbox,
    by_scipy,
    close,
    config,
    edit,
    patterns,
    right,
    told,
)
from scipy.spatial.distance import squareform

import cortexsim
import cortexsim.rdm
import cortexsim.record
from cortexsim.analysis import rdm_movie, rdms
from cortexsim.analysis.movie import movie as module
from cortexsim.errors import AnalysisError, CortexsimError, RecordingError
from cortexsim.record import record
from cortexsim.recording.recorder import Recorder
from cortexsim.recording.schema import configuration
from cortexsim.recording.writer import Plan, Variable, Writer


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


@pytest.mark.sampled(2)
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


@pytest.mark.sampled(2)
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


@pytest.mark.sampled(3)
@pytest.mark.parametrize("memory", [1, 256 << 20])
@pytest.mark.parametrize("measure", MEASURES)
def test_an_open_recording_gives_the_movie_of_its_path(small, measure, memory):
    path, tree = small, cortexsim.open_recording(small)
    movie = rdm_movie(tree, measure, memory=memory, progress=False)
    right(movie, tree, measure)
    xarray.testing.assert_allclose(movie, rdm_movie(path, measure, progress=False), atol=1e-6)
    assert told(movie) == told(rdm_movie(path, measure, progress=False))


@pytest.mark.slow
def test_a_lazy_recording_gives_a_lazy_movie_of_the_same_numbers_and_coordinates(recorded):
    lazy = rdm_movie(cortexsim.open_recording(recorded, chunks={}))
    assert type(lazy.rdm.data).__module__.startswith("dask")
    assert lazy.rdm.dtype == np.float32
    right(lazy.compute(), cortexsim.open_recording(recorded), "correlation")
    direct = rdm_movie(recorded, progress=False)
    xarray.testing.assert_identical(lazy.drop_vars("rdm").compute(), direct.drop_vars("rdm"))


@pytest.mark.sampled(2)
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
    words = r"not complete: \d+ of 150.*`resume=True`.*partial=True"
    with pytest.raises(RecordingError, match=words):
        rdm_movie(tmp_path / "a.zarr", progress=False)
    tree = cortexsim.open_recording(tmp_path / "a.zarr", partial=True)
    movie = rdm_movie(tree, progress=False)
    assert 4 <= movie.sizes["stimulus"] <= 26
    right(movie, tree, "correlation")


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("compression", "lazily"),
    [
        pytest.param("none", False, id="path"),
        pytest.param("zstd", False, id="compressed"),
        pytest.param("none", True, id="tree"),
    ],
)
def test_a_recording_larger_than_memory_is_read_within_it(tmp_path, compression, lazily):
    big = synthetic(tmp_path / "big.zarr", 480, compression)  # 63 MB a step
    tiny = synthetic(tmp_path / "tiny.zarr", 16, compression)
    opened = "open_recording({!r})" if lazily else "{!r}"

    def grown(memory):
        return growth(
            imports="from cortexsim.analysis import rdm_movie\n"
            "from cortexsim import open_recording",
            first=f"rdm_movie({opened.format(str(tiny))}, progress=False)",
            then=f"rdm_movie({opened.format(str(big))}, memory={memory} << 20, progress=False)",
        )

    # xarray and zarr make copies of what they read, which reading from the path does not; a step
    # (63 MB) is never held either way.
    assert grown(8) < (50 if not lazily else 98)
    if compression == "none" and not lazily:
        assert grown(70) > 50, "a whole step needs more, or the test measures nothing"


@pytest.mark.sampled(3)
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


@pytest.mark.parametrize("measure", ["correlation", "cosine", "sqeuclidean"])
def test_a_movie_computed_with_torch_is_that_of_numpy(small, measure):
    ours = rdm_movie(small, measure, device="cpu", progress=False).rdm.values
    theirs = rdm_movie(small, measure, progress=False).rdm.values
    # What is left of two large squared lengths is exact to a few float32 digits of the largest.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-6 * max(1, np.nanmax(theirs)))


def test_a_device_that_is_not_there_is_refused(small):
    with pytest.raises(CortexsimError, match="cuda"):
        rdm_movie(small, device="cuda:99", progress=False)
