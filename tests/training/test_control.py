"""Two processes with the same --out: one trains, the other is told who does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from cortexsim.errors import TrainingError
from cortexsim.locks import FolderHeldError, held
from cortexsim.training import Settings
from cortexsim.training.control import check_combination, check_sizes, hold
from cortexsim.training.distributed import World

from .helpers import PATIENCE, Run, as_arguments, ending, settings, train, wait_for

HOLDER = """
import sys, time
from pathlib import Path
from cortexsim.locks import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


UNUSED = {
    "drops of a rate without steps": ({"recipe": "modern", "lr_drops": (1,)}, "schedule='steps'"),
    "fixed norm": ({"fixed_norm": True}, "`fixed_norm=True` does nothing without `optimizer="),
    "rate of the rest": ({"rest_rate": 3.0}, "does nothing without `optimizer='muon'`"),
    "share of small images": ({"small_share": 0.9}, "does nothing without `small_size`"),
    "drops before": ({"lr_drops": (-4, 1)}, "drops after whole epochs, from 1 on"),
    "a long rise": ({"warmup": 100.0}, "is longer than the 3 epochs"),
}


@pytest.mark.parametrize(("changes", "message"), UNUSED.values(), ids=UNUSED)
def test_options_that_would_do_nothing_are_refused(changes, message):
    with pytest.raises(TrainingError, match=message):
        check_combination(Settings(epochs=3, **changes), World(), streamed=False)


def test_what_is_used_is_not_refused():
    for changes in (
        {"lr_drops": (1, 2)},
        {"recipe": "fast", "fixed_norm": True, "rest_rate": 2.0},
        {"small_size": 4, "small_share": 0.9},
        {"lr_drops": ()},
        {"recipe": "modern", "epochs": 1},
    ):
        check_combination(Settings(**{"epochs": 3, **changes}), World(), streamed=False)


def test_crops_and_blanks_that_leave_nothing_of_an_image_are_refused():
    for changes in ({"pad": 8}, {"cutout": 300}):
        with pytest.raises(TrainingError, match=r"leaves nothing of some images of 8 x 12 pixels"):
            check_sizes(Settings(**changes), (8, 12))
    check_sizes(Settings(pad=7, cutout=7), (8, 12))


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_the_second_process_is_told_who_trains_and_changes_nothing(crops, tmp_path):
    config = settings(crops(8, 64), tmp_path / "run", checkpoint_seconds=0.0)
    first = ending(config, "WAIT", 2)  # in its second step, until it is killed
    try:
        wait_for(tmp_path / "run" / "checkpoint.pt", first)
        command = [sys.executable, "-m", "cortexsim.train", *as_arguments(config)]
        second = subprocess.run(command, capture_output=True, text=True)
        assert first.poll() is None
        assert second.returncode == 1
        assert "Traceback" not in second.stderr
        said = (
            rf"error: {re.escape(config.folder)} is being trained into by process {first.pid} "
            r"on \S+, since 20\d\d-.* UTC\. Wait for it"
        )
        assert re.search(said, second.stderr), second.stderr
    finally:
        first.kill()
        first.communicate()
    # Killed, it holds nothing: the same settings go on at once.
    with hold(tmp_path / "run"):
        assert (tmp_path / "run" / "checkpoint.pt").is_file()


def test_a_folder_is_free_when_its_process_is_done_or_dead(holder, tmp_path):
    with pytest.raises(FolderHeldError, match=f"process {holder.pid} on "), held(tmp_path / "run"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "run" / ".lock").exists()  # of no consequence
    with held(tmp_path / "run"):
        pass
    assert not (tmp_path / "run" / ".lock").exists()


def test_training_does_not_begin_in_a_folder_that_is_held(holder, crops, tmp_path):
    with pytest.raises(TrainingError, match="is being trained into by process"):
        train(settings(crops(8, 64), tmp_path / "run"), log=lambda text: None)
    assert [p.name for p in (tmp_path / "run").iterdir()] == [".lock"]


def test_a_finished_run_holds_nothing_and_leaves_no_lock(trained, tmp_path):
    assert isinstance(trained("run"), Run)
    assert not (tmp_path / "run" / ".lock").exists()


def test_only_folders_that_were_made_for_nothing_are_removed(tmp_path):
    with held(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b" / ".lock").is_file()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").mkdir()
    with held(tmp_path / "mine" / "b"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]
    with held(tmp_path / "mine"):
        (tmp_path / "mine" / "file").touch()
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["file"]


def test_a_place_that_cannot_be_a_folder_is_one_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match="cannot be written"), hold(tmp_path / "file" / "run"):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_outlives_the_holder_holds_nothing(tmp_path):
    """As the workers of a killed run do, for seconds."""
    code = (
        "import os, sys, time; from pathlib import Path; from cortexsim.locks import held\n"
        f"with held(Path({str(tmp_path / 'run')!r})):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        f"        time.sleep(9 * {PATIENCE})\n"
        "    print(child, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert done.stdout is not None
    child = int(done.stdout.readline())
    done.wait()
    try:
        os.kill(child, 0)  # it lives
        deadline = time.monotonic() + PATIENCE
        while True:  # the child lets go as soon as it runs
            try:
                with held(tmp_path / "run"):
                    break
            except FolderHeldError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        os.kill(child, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        done.stdout.close()
