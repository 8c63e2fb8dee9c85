"""Outputs that one process holds: who is told, and what is left of the dead."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from cortexsim import locks
from cortexsim.errors import AnalysisError
from cortexsim.locks import holding, is_there

HOLDER = """
import sys, time
from pathlib import Path
from cortexsim import locks
from cortexsim.locks import holding, is_there
with holding(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds ``out``."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_says_who_holds_the_output_and_changes_nothing(holder, tmp_path):
    said = rf"out is being written by process {holder.pid} on \S+, since \d{{4}}-"
    with pytest.raises(AnalysisError, match=said), holding(tmp_path / "out", error=AnalysisError):
        pytest.fail("two hold it")
    assert [p.name for p in tmp_path.iterdir()] == [".out.lock"]


def test_the_lock_of_a_dead_process_is_taken_over(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (tmp_path / ".out.lock").is_file()
    with holding(tmp_path / "out"):
        assert f'"pid": {os.getpid()}' in (tmp_path / ".out.lock").read_text()
    assert not list(tmp_path.iterdir())


def test_a_thread_may_hold_again_what_it_holds_and_another_thread_may_not(tmp_path):
    said = []

    def other():
        try:
            with holding(tmp_path / "out", error=AnalysisError):
                said.append("held")
        except AnalysisError as error:
            said.append(str(error))

    with holding(tmp_path / "out"):
        with holding(tmp_path / "out"):
            pass
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert f"is being written by process {os.getpid()}" in said[0]
    other()
    assert said[1] == "held"


def test_folders_are_made_for_it_and_gone_if_nothing_was_written(tmp_path):
    with holding(tmp_path / "a" / "b" / "out"):
        assert (tmp_path / "a" / "b" / ".out.lock").is_file()
    assert not list(tmp_path.iterdir())
    with holding(tmp_path / "a" / "b" / "out"):
        (tmp_path / "a" / "b" / "out").write_text("numbers")
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["out"]


def test_a_place_that_cannot_be_written_is_one_error_of_the_kind_asked_for(tmp_path):
    (tmp_path / "file").write_text("words")
    said = "cannot be written"
    with (
        pytest.raises(AnalysisError, match=said),
        holding(tmp_path / "file" / "out", error=AnalysisError),
    ):
        pytest.fail("held")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_what_a_killed_process_left_beside_an_output_goes_when_it_is_refused(holder, tmp_path):
    out, lock = tmp_path / "out", tmp_path / ".out.lock"
    out.touch()
    assert is_there(out)
    assert lock.exists()  # it is held
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert is_there(out)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_lock_that_is_let_go_while_it_is_looked_at_is_taken(tmp_path, monkeypatch):
    out = tmp_path / "out"
    other = locks._lock_file(tmp_path / ".out.lock")
    monkeypatch.setattr(locks, "_holder", lambda path: gone(path, other))
    with holding(out):
        assert json.loads((tmp_path / ".out.lock").read_text())["pid"] == os.getpid()


def gone(path, handle):
    """What is said of a lock that its holder lets go at this instant."""
    path.unlink()
    locks._unlock(handle)
