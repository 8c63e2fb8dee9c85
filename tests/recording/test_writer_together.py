"""Several processes, one store: bit-identical to one process, also after kills."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cortexsim
from cortexsim.errors import RecordingError
from cortexsim.processes import ALONE, Processes
from cortexsim.recording import claims
from cortexsim.recording.schema import read_attributes
from cortexsim.recording.settings import Settings
from cortexsim.recording.writer import Writer

FIRST = Processes(0, 2)


def contents(path: Path) -> dict[str, str]:
    """Every file and its sha256."""
    return {
        f.relative_to(path).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in path.rglob("*")
        if f.is_file()
    }


def images() -> np.ndarray:
    """Twenty images: five batches of four."""
    return np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)


def recorded(path, processes=ALONE, compression="none", **how):
    """cortex4 on them."""
    settings = Settings(batch_size=4, compression=compression, keep="mean")
    return cortexsim.record_network(
        cortexsim.load("cortex4"),
        images(),
        out=path,
        settings=settings,
        processes=processes,
        **how,
    )


@pytest.fixture
def impatient(monkeypatch):
    """Nobody else comes, and that is known at once."""
    monkeypatch.setattr(claims, "ARRIVES_S", 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_the_first_of_two_does_all_if_the_other_never_comes(tmp_path, impatient, compression):
    recorded(tmp_path / "alone.zarr", compression=compression)
    tree = recorded(tmp_path / "first.zarr", FIRST, compression=compression)
    assert tree["IT"].sizes["stimulus"] == 20
    assert contents(tmp_path / "first.zarr") == contents(tmp_path / "alone.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["alone.zarr", "first.zarr"]


@pytest.fixture
def cut(tmp_path, impatient, monkeypatch):
    """A store of which batches 4, 3 and 2 are written and 0 and 1 are not, so none is committed."""
    free, write = claims.Claims.free, Writer._write

    def backwards(self):
        self.asked = self.asked[::-1]
        return free(self)

    def failing(self, start, batch):
        if start == 4:
            raise KeyboardInterrupt
        write(self, start, batch)

    monkeypatch.setattr(claims.Claims, "free", backwards)
    monkeypatch.setattr(Writer, "_write", failing)
    with pytest.raises(RecordingError, match="begin again with `resume=True`"):
        recorded(tmp_path / "cut.zarr", FIRST)
    monkeypatch.undo()
    monkeypatch.setattr(claims, "ARRIVES_S", 0.0)
    assert read_attributes(tmp_path / "cut.zarr")["stimuli_committed"] == 0
    return tmp_path / "cut.zarr"


@pytest.mark.sampled(1)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("damage", [None, b"", b"other numbers"])
def test_what_was_written_is_not_made_again_unless_it_is_damaged(
    cut, tmp_path, monkeypatch, count, damage
):
    recorded(tmp_path / "alone.zarr")
    if damage is not None:
        (cut / "V2" / "activation" / "c.3.5.0").write_bytes(damage)
    written, write = [], Writer._write
    monkeypatch.setattr(
        Writer,
        "_write",
        lambda self, start, batch: (written.append(start), write(self, start, batch)),
    )
    recorded(cut, Processes(0, count), resume=True)
    assert written == ([0, 4] if damage is None else [0, 4, 12])
    assert contents(cut) == contents(tmp_path / "alone.zarr")


@pytest.mark.slow
def test_another_configuration_is_refused_and_nothing_is_changed(cut, tmp_path):
    whole = tmp_path / "whole.zarr"
    recorded(whole)
    for path in (cut, whole):
        before = contents(path)
        with pytest.raises(RecordingError, match="seed: 0 there, 1 here"):
            cortexsim.record_network(
                cortexsim.load("cortex4"),
                images(),
                out=path,
                settings=Settings(batch_size=4, keep="mean", seed=1),
                processes=FIRST,
                resume=True,
            )
        assert contents(path) == before


@pytest.mark.slow
def test_overwriting_what_a_group_left_replaces_it(cut, tmp_path):
    recorded(tmp_path / "alone.zarr")
    recorded(cut, FIRST, overwrite=True)
    assert contents(cut) == contents(tmp_path / "alone.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["alone.zarr", "cut.zarr"]


@pytest.mark.slow
def test_damage_to_a_whole_recording_is_repaired_by_a_group(tmp_path, impatient):
    path = tmp_path / "a.zarr"
    recorded(path)
    before = contents(path)
    (path / "V1" / "activation" / "c.1.0.0").unlink()
    with pytest.warns(cortexsim.errors.DamageRepairedWarning):
        recorded(path, FIRST, resume=True)
    assert contents(path) == before


def test_several_processes_need_a_store(tmp_path):
    with pytest.raises(RecordingError, match="2 processes record one store together; give out="):
        recorded(None, FIRST)


def test_rdms_of_a_running_network_are_of_one_process(tmp_path):
    from cortexsim.record import RecordConfig, record

    with pytest.raises(RecordingError, match="--rdm computes RDMs of activations that one process"):
        record(RecordConfig(out=str(tmp_path / "x.zarr"), rdm="correlation"), FIRST)


# The command, one process of a group, which kills itself with some chunks of a batch written, once
# the others have come.
COMMAND = """
import os, signal, sys, time
from cortexsim.cli import run
from cortexsim.record import main
from cortexsim.recording.writer import Writer
rank, left = sys.argv[1], int(sys.argv[2])
write = Writer._write_chunk
def killed(self, *arguments):
    global left
    write(self, *arguments)
    left -= 1
    if os.environ["RANK"] == rank and not left:
        came = {f"rank-{r}" for r in range(1, int(os.environ["WORLD_SIZE"]))}
        while not came <= set(os.listdir(self.path / ".batches")):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
Writer._write_chunk = killed
run(lambda: main(sys.argv[3:]))
"""


TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
TORCHRUN += ["-m", "cortexsim.record"]


def _arguments(folder, out) -> list[str]:
    how = "--keep mean --batch-size 2 --device cpu --no-figure"
    return ["--stimuli", str(folder), "--out", str(out), *how.split()]


class Group:
    """Processes that are started together, of which one may kill itself."""

    def __init__(self, folder, out, count, *, dies=-1, after=0, options=()):
        arguments = [*_arguments(folder, out), *options]
        command = [sys.executable, "-c", COMMAND, str(dies), str(after), *arguments]
        self.processes = [
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={
                    **os.environ,
                    "RANK": str(rank),
                    "WORLD_SIZE": str(count),
                    "LOCAL_RANK": str(rank),
                    "OMP_NUM_THREADS": "1",
                },
            )
            for rank in range(count)
        ]

    def ended(self):
        """Exit statuses, and what each one wrote to standard output and error."""
        said = [process.communicate(timeout=600) for process in self.processes]
        return [process.returncode for process in self.processes], said


@pytest.mark.slow
def test_killed_twice_and_resumed_with_other_numbers_is_bit_identical(folder, tmp_path):
    whole, cut = tmp_path / "whole.zarr", tmp_path / "cut.zarr"
    status, said = Group(folder, whole, 1).ended()
    assert status == [0], said
    # The first one dies: the other notices and ends.
    status, said = Group(folder, cut, 2, dies=0, after=50).ended()
    assert status == [-signal.SIGKILL, 1], said
    assert "process 0, which commits what is written" in said[1][1]
    assert read_attributes(cut)["stimuli_committed"] < 30
    # Another one dies: the first makes its batch, and all of the rest.
    status, said = Group(folder, cut, 3, dies=2, after=20, options=["--resume"]).ended()
    assert status[:2] == [0, 0], said
    assert status[2] in (-signal.SIGKILL, 0), "it may have come too late to get so much"
    assert contents(cut) == contents(whole)
    assert "wrote" in said[0][0]
    assert "".join(said[1]) == "", "the first one speaks"


@pytest.mark.slow
def test_a_second_group_is_refused(folder, tmp_path):
    for attempt in range(50):  # it is stopped while it writes, not after it
        out = tmp_path / f"{attempt}.zarr"
        first = Group(folder, out, 2)
        while not (out / ".batches").exists() and first.processes[0].poll() is None:
            time.sleep(0.01)
        for process in first.processes:
            process.send_signal(signal.SIGSTOP)
        if (out / ".batches").exists():
            break
        for process in first.processes:
            process.send_signal(signal.SIGCONT)
        first.ended()
    second = subprocess.run(
        [sys.executable, "-m", "cortexsim.record", "--out", str(out), "--resume", "--no-figure"],
        capture_output=True,
        text=True,
        env={**os.environ, "RANK": "0", "WORLD_SIZE": "2"},
    )
    for process in first.processes:
        process.send_signal(signal.SIGCONT)
    status, said = first.ended()
    assert status == [0, 0], said
    assert second.returncode == 1
    assert "is being written by process" in second.stderr


@pytest.mark.slow
def test_torchrun_records_what_one_process_records(folder, tmp_path):
    whole, shared = tmp_path / "whole.zarr", tmp_path / "shared.zarr"
    status, said = Group(folder, whole, 1).ended()
    assert status == [0], said
    done = subprocess.run(
        [sys.executable, *TORCHRUN, *_arguments(folder, shared)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wrote") == 1
    assert contents(shared) == contents(whole)
