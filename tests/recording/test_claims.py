"""Batches that several processes share: each is made by one, and by another if that one dies."""

import signal
import subprocess
import sys

import pytest

from cortexsim.errors import RecordingError
from cortexsim.processes import Processes
from cortexsim.recording import claims as module
from cortexsim.recording.claims import Claims

FIRST, SECOND = Processes(0, 2, name="a"), Processes(1, 2, name="a")

# The second process: comes, claims as many batches as it is told, and waits to be killed.
OTHER = """
import sys
from pathlib import Path
from cortexsim.processes import Processes
from cortexsim.recording.claims import Claims
claims = Claims.joined(Path(sys.argv[1]), Processes(1, 2, name="a"), is_done=lambda: False)
free = claims.free()
print(*[next(free) for _ in range(int(sys.argv[2]))], flush=True)
for line in sys.stdin:
    if line.startswith("write"):
        claims.done(int(line.split()[1]))
    else:
        try:
            claims.check_first()
        except ValueError as error:
            print(error, flush=True)
            continue
    print("done", flush=True)
"""


@pytest.fixture
def offered(tmp_path):
    claims = Claims(tmp_path, make=True)
    claims.refuse_others()
    claims.offer(range(5), FIRST)
    yield claims
    claims.close()


class Other:
    """The second process, which has claimed some batches."""

    def __init__(self, store, count):
        command = [sys.executable, "-c", OTHER, str(store), str(count)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.claimed = [int(word) for word in self.process.stdout.readline().split()]

    def asked(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def test_a_batch_is_made_by_one_process_and_by_another_if_that_one_dies(offered, tmp_path):
    free = offered.free()
    assert next(free) == 0
    other = Other(tmp_path, 3)
    try:
        assert other.claimed == [1, 2, 3]
        assert other.asked("write 2") == "done"
        assert list(free) == [4]
        assert not offered.is_over()
        assert not offered.any_free()
    finally:
        other.kill()
    assert offered.any_free()
    assert list(offered.free()) == [1, 3]
    for batch in (0, 1, 3, 4):
        offered.done(batch)
    assert offered.is_over()
    assert offered.dismiss()
    offered.remove()
    assert list(tmp_path.iterdir()) == []


def test_the_others_notice_that_the_first_one_has_ended(tmp_path):
    claims = Claims(tmp_path, make=True)
    claims.refuse_others()
    claims.offer(range(5), FIRST)
    other = Other(tmp_path, 1)
    try:
        assert other.asked("?") == "done"
        claims.close()
        assert "process 0, which commits" in other.asked("?")
    finally:
        other.kill()


def test_who_begins_waits_for_those_of_an_earlier_group(offered, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LEAVES_S", 0.3)
    other = Other(tmp_path, 1)
    try:
        offered.close()
        again = Claims(tmp_path, make=True)
        with pytest.raises(RecordingError, match=r"still being written.*`resume=True`"):
            again.refuse_others()
    finally:
        other.kill()
    again.refuse_others()
    again.close()


def test_another_group_is_refused(offered, tmp_path):
    asks = "from pathlib import Path; from cortexsim.processes import Processes; import sys; "
    asks += "from cortexsim.recording.claims import Claims; "
    asks += "Claims.joined(Path(sys.argv[1]), Processes(1, 2, name='b'), is_done=lambda: False)"
    done = subprocess.run(
        [sys.executable, "-c", asks, str(tmp_path)], capture_output=True, text=True
    )
    assert "another group of 2 processes; wait for it" in done.stderr


def test_nobody_waits_for_ever_for_a_first_process(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WAITS_S", 0.3)
    with pytest.raises(RecordingError, match="no sign of it"):
        Claims.joined(tmp_path / "x.zarr", SECOND, is_done=lambda: False)


def test_nothing_is_made_in_a_store_that_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ARRIVES_S", 0.1)
    assert Claims.joined(tmp_path, SECOND, is_done=lambda: True) is None
    assert list(tmp_path.iterdir()) == []


def test_what_is_offered_again_is_not_taken_for_written(tmp_path):
    claims = Claims(tmp_path, make=True)
    claims.refuse_others()
    for batch in (1, 3, 4):
        claims.done(batch)
    claims.offer([0, 1, 2], FIRST)
    assert claims.written() == {3, 4}
    assert list(claims.free()) == [0, 1, 2]
    claims.close()
