"""Movies made while recording: those of the recording, nothing stored, nothing left."""

import json
import shutil
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from movies import (
    STEPS,
    N,
    close,
    config,
    listing,
    names,
    right,
)

import cortexsim
import cortexsim.rdm
import cortexsim.record
from cortexsim.analysis import open_movie, rdm_movie
from cortexsim.errors import AnalysisError, CortexsimError, RecordingError
from cortexsim.record import record
from cortexsim.recording.recorder import Recorder
from cortexsim.recording.schema import configuration


@pytest.mark.sampled(1)
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

    def batches(self, starts=None, **keywords):
        began.append(0 if starts is None else starts[0])
        return original(self, starts, **keywords)

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


@pytest.mark.sampled(2)
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


@pytest.mark.sampled(1)
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
options = {"batch_size": 16, "memory": 1, "figure": False, "device": "cpu"}
record(RecordConfig(limit=48, out=sys.argv[1], rdm="cosine", **options))
"""


@pytest.mark.slow
def test_a_batch_that_fails_while_others_wait_for_it_ends_the_run(tmp_path):
    arguments = [sys.executable, "-c", FAILING, str(tmp_path / "a.zarr")]
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        pytest.fail("the run hangs")
    assert "beyond float16" in done.stderr
    assert names(tmp_path) == []


def test_no_activations_are_stored_while_recording(recorded, photographs, tmp_path):
    """14 RDMs of 11,175 pairs in float32, two indices a pair, and little more.

    The recording is 41 MB.
    """
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


@pytest.mark.slow
def test_a_movie_while_recording_holds_what_it_is_given(photographs, tmp_path):
    """150 stimuli need 150 x 262 kB = 39 MB at once.

    Batches of 13, of which a few are under way, 3.4 MB each.
    """

    def held(memory):
        # What is held for good.
        record(config(photographs, tmp_path / "a.zarr", rdm="correlation", limit=5))
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
