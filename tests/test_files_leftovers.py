"""What a killed process leaves beside a file is removed by the next one that writes it."""

import os
import signal
import subprocess
import sys

import pytest

from cortexsim.files import atomic_path, atomic_write

WRITER = """
import sys, time
from pathlib import Path
from cortexsim.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print(temporary.name, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def writer(tmp_path):
    """Another process in the middle of writing ``a [1].csv``, and what it writes to."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "a [1].csv")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process, tmp_path / process.stdout.readline().strip()
        process.kill()


def test_what_a_killed_process_left_goes_and_nothing_else(writer, tmp_path):
    process, left = writer
    other = tmp_path / ".b.csv.1-2.tmp.csv"
    other.write_text("of another file")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert left.is_file()
    with atomic_path(tmp_path / "a [1].csv") as temporary:
        temporary.write_text("whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == [other.name, "a [1].csv"]


def test_what_a_running_process_writes_to_stays(writer, tmp_path):
    _, writing = writer
    with atomic_path(tmp_path / "a [1].csv") as temporary:
        temporary.write_text("whole")
    assert writing.read_text() == "half"


def test_a_name_without_a_number_is_not_taken_for_a_leftover(tmp_path):
    import socket

    host = socket.gethostname().partition(".")[0][:20]
    mine = tmp_path / f".a.{host}-mine.tmp"
    mine.write_text("words")
    atomic_write(tmp_path / "a", b"new")
    assert mine.read_text() == "words"
