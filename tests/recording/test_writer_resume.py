"""Killed, resumed, bit-identical; never two configurations in one store."""

import dataclasses
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray

import cortexsim
import cortexsim.recording.schema
from cortexsim.errors import RecordingError
from cortexsim.record import RecordConfig, main, record


def _arguments(weights, folder, out) -> list[str]:
    return [
        "--model",
        str(weights),
        "--stimuli",
        str(folder),
        "--out",
        str(out),
        "--batch-size",
        "2",
        "--device",
        "cpu",
        "--no-figure",
    ]


def _tree(path: Path) -> dict[str, str]:
    return {
        str(f.relative_to(path)): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in path.rglob("*")
        if f.is_file()
    }


# The command, which kills itself with some chunks of the next batch written once so many stimuli
# are committed: no test has to be quick enough to catch it.
KILLED = """
import os, signal, sys
from cortexsim.cli import run
from cortexsim.record import main
from cortexsim.recording.schema import read_attributes
from cortexsim.recording.writer import Writer
at_least, left = int(sys.argv[1]), int(sys.argv[2])
write = Writer._write_chunk
def killed(self, *arguments):
    global left
    write(self, *arguments)
    if read_attributes(self.path)["stimuli_committed"] >= at_least:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
Writer._write_chunk = killed
run(lambda: main(sys.argv[3:]))
"""


def _killed(arguments: list[str], at_least: int, chunks: int) -> None:
    command = [sys.executable, "-c", KILLED, str(at_least), str(chunks), *arguments]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL


@pytest.mark.slow
def test_killed_twice_and_resumed_is_bit_identical(weights, folder, tmp_path):
    whole, cut = tmp_path / "whole.zarr", tmp_path / "cut.zarr"
    assert main(_arguments(weights, folder, whole)) == 0
    _killed(_arguments(weights, folder, cut), 4, 3)
    seen = cortexsim.recording.schema.read_attributes(cut)["stimuli_committed"]
    assert 4 <= seen < 30, (
        "the run must have been killed in the middle for this test to mean anything"
    )
    assert seen % 2 == 0, "only whole batches are visible"
    _killed([*_arguments(weights, folder, cut), "--resume"], seen + 4, 20)
    with pytest.raises(RecordingError, match=r"not complete.*`resume=True`"):
        cortexsim.open_recording(cut)
    assert main([*_arguments(weights, folder, cut), "--resume"]) == 0
    assert _tree(cut) == _tree(whole)


@pytest.fixture
def interrupted(weights, folder, tmp_path, monkeypatch):
    """A recording whose process failed after 3 batches, in this process.

    The same state as after a kill.
    """
    from cortexsim.recording.recorder import Recorder

    original = Recorder._record
    path = tmp_path / "x.zarr"

    def fail(self, images, start, sink=None):
        if start >= 24:
            raise KeyboardInterrupt
        return original(self, images, start, sink)

    monkeypatch.setattr(Recorder, "_record", fail)
    config = RecordConfig(
        model=str(weights),
        stimuli=str(folder),
        out=str(path),
        batch_size=8,
        figure=False,
        device="cpu",
    )
    with pytest.raises(KeyboardInterrupt):
        record(config)
    monkeypatch.undo()
    return config


def test_a_reader_sees_committed_batches_only(interrupted):
    tree = xarray.open_datatree(interrupted.out, engine="zarr")
    assert tree["V1"].sizes["stimulus"] == tree["readout"].sizes["stimulus"] == 24
    assert np.isfinite(tree["V1"].activation.values).all()
    assert tree["V1"].stimulus_id.shape == (24,)
    partial = cortexsim.open_recording(interrupted.out, partial=True)
    assert partial["IT"].sizes["stimulus"] == 24


def test_an_existing_recording_is_never_touched_without_being_told(interrupted):
    before = _tree(Path(interrupted.out))
    with pytest.raises(RecordingError, match=r"24 of 30.*`resume=True`.*`overwrite=True`"):
        record(interrupted)
    assert _tree(Path(interrupted.out)) == before


def test_another_configuration_is_refused_and_the_differences_listed(interrupted):
    before = _tree(Path(interrupted.out))
    changed = dataclasses.replace(
        interrupted, resume=True, seed=1, step_ms=(20.0, 30.0, 50.0), steps=9
    )
    with pytest.raises(RecordingError) as error:
        record(changed)
    for line in (
        "seed: 0 there, 1 here",
        "time_axis.step_ms: 25.0 there, 30.0 here",
        "steps: 8 there, 9 here",
    ):
        assert line in str(error.value)
    assert _tree(Path(interrupted.out)) == before


def test_changed_images_are_noticed(interrupted, folder, tmp_path):
    import shutil

    from PIL import Image

    copy = tmp_path / folder.name
    shutil.copytree(folder, copy)
    Image.new("RGB", (32, 32)).save(copy / "cat" / "01.png")
    with pytest.raises(RecordingError, match=r"stimuli\.sha256"):
        record(dataclasses.replace(interrupted, stimuli=str(copy), resume=True))


@pytest.mark.slow
def test_resume_finishes_and_overwrite_replaces(interrupted):
    torn = Path(interrupted.out) / "V1" / "activation" / "c.3.0.0.0.0.0123456789abcdef.partial"
    torn.write_bytes(b"what a kill in the middle of a chunk leaves")
    path = record(dataclasses.replace(interrupted, resume=True))
    finished = _tree(path)
    assert record(dataclasses.replace(interrupted, resume=True)) == path, (
        "resuming a complete recording changes nothing"
    )
    assert _tree(path) == finished
    assert not torn.exists()
    record(dataclasses.replace(interrupted, overwrite=True))
    assert _tree(path) == finished


def test_a_replacement_that_fails_leaves_the_old_recording(weights, folder, tmp_path, monkeypatch):
    from cortexsim.recording.recorder import Recorder

    config = RecordConfig(
        str(weights), str(folder), out=str(tmp_path / "x.zarr"), limit=4, figure=False, device="cpu"
    )
    record(config)
    before = _tree(tmp_path)

    def fail(self, images, start, sink=None):
        raise RecordingError("a value is beyond float16")

    monkeypatch.setattr(Recorder, "_record", fail)
    with pytest.raises(RecordingError, match="beyond float16"):
        record(dataclasses.replace(config, overwrite=True))
    assert _tree(tmp_path) == before


def test_nothing_is_committed_behind_a_batch_that_failed(weights, folder, tmp_path, monkeypatch):
    """The first batch fails while two more are queued already, and the failure is noticed before
    they are taken.
    """
    from cortexsim.recording import writer as module
    from cortexsim.recording.recorder import Recorder
    from cortexsim.recording.settings import Settings
    from cortexsim.stimuli.images import Preprocessing, load_stimuli

    stimuli = load_stimuli(str(folder))
    recorder = Recorder(
        cortexsim.load(weights),
        stimuli,
        Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3),
        Settings(batch_size=8),
    )
    with torch.inference_mode():
        images = recorder.preprocessing([stimuli.read(i) for i in range(8)])
        batch = recorder._record({"image": images}, 0)
    original, release, calls = module.Writer._write, threading.Event(), []

    def fail_first(self, start, values):
        calls.append(start)
        if len(calls) == 1:
            release.wait(600)
            raise OSError(28, "No space left on device")
        original(self, start, values)

    monkeypatch.setattr(module.Writer, "_write", fail_first)
    path, noticed = tmp_path / "x.zarr", threading.Event()
    with (  # noqa: PT012
        pytest.raises(RecordingError, match="No space"),
        module.Writer(path, recorder.plan("")) as writer,
    ):
        writer.put(0, batch)
        while not calls:
            time.sleep(0.001)
        real = writer._queue.get
        writer._queue.get = lambda: (noticed.wait(600), real())[1]
        writer.put(8, batch)
        writer.put(16, batch)
        release.set()
        try:
            while True:
                writer._raise()
                time.sleep(0.001)
        finally:
            noticed.set()
    assert cortexsim.recording.schema.read_attributes(path)["stimuli_committed"] == 0


@pytest.mark.slow
def test_a_chunk_that_does_not_fit_is_never_committed(weights, folder, tmp_path):
    """The limit on file sizes lets the first part of a chunk through, as a disk does that is nearly
    full.
    """
    out = tmp_path / "x.zarr"
    arguments = [*_arguments(weights, folder, out), "--batch-size", "8"]
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); "
        "from cortexsim import cli, record; cli.run(lambda: record.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert cortexsim.recording.schema.read_attributes(out)["stimuli_committed"] == 0


def test_overwrite_waits_for_no_one_and_takes_nothing_from_a_running_writer(interrupted):
    lock = os.open(Path(interrupted.out).with_name(".x.zarr.lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    before = _tree(Path(interrupted.out))
    try:
        with pytest.raises(RecordingError, match="another process"):
            record(dataclasses.replace(interrupted, overwrite=True))
    finally:
        os.close(lock)
    assert _tree(Path(interrupted.out)) == before


def test_two_processes_cannot_write_one_store(interrupted):
    lock = os.open(Path(interrupted.out).with_name(".x.zarr.lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with pytest.raises(RecordingError, match="another process"):
            record(dataclasses.replace(interrupted, resume=True))
    finally:
        os.close(lock)


@pytest.mark.parametrize("out", ["file/x.zarr", "file", "/proc/x.zarr"])
def test_places_that_cannot_be_written_are_one_clear_error(weights, folder, tmp_path, out):
    (tmp_path / "file").write_text("words")
    with pytest.raises(RecordingError):
        record(
            RecordConfig(
                str(weights), str(folder), out=str(tmp_path / out), device="cpu", figure=False
            )
        )
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_an_existing_picture_is_not_replaced_unasked(weights, folder, tmp_path):
    (tmp_path / "x.png").write_bytes(b"precious")
    with pytest.raises(RecordingError, match=r"x\.png exists"):
        record(RecordConfig(str(weights), str(folder), out=str(tmp_path / "x.zarr"), device="cpu"))
    assert (tmp_path / "x.png").read_bytes() == b"precious"


def test_overwrite_refuses_a_folder_that_is_not_a_recording(weights, folder, tmp_path):
    precious = tmp_path / "thesis"
    precious.mkdir()
    (precious / "chapter1.txt").write_text("words")
    with pytest.raises(RecordingError, match="no recording"):
        record(
            RecordConfig(
                model=str(weights),
                stimuli=str(folder),
                out=str(precious),
                overwrite=True,
                device="cpu",
            )
        )
    assert (precious / "chapter1.txt").read_text() == "words"


def test_a_full_disk_is_one_clear_error_and_loses_nothing(weights, folder, tmp_path, monkeypatch):
    from cortexsim.recording import writer

    original, calls = writer.Writer._write, []

    def fail(self, start, batch):
        calls.append(start)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        original(self, start, batch)

    monkeypatch.setattr(writer.Writer, "_write", fail)
    config = RecordConfig(
        model=str(weights),
        stimuli=str(folder),
        out=str(tmp_path / "x.zarr"),
        batch_size=4,
        figure=False,
        device="cpu",
    )
    with pytest.raises(RecordingError, match=r"No space left on device.*`resume=True`"):
        record(config)
    assert cortexsim.open_recording(config.out, partial=True)["V1"].sizes["stimulus"] == 8
