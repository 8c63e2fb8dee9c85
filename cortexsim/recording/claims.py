"""Who writes which batch of a store that several processes write, on any machines.

They share nothing but the folder of the store, in which there is a folder more until it is whole::

    .batches/claims       nothing but locks, of its bytes:
                          0: the first process is at work; 1: the others (shared), or the first
                          one alone; 2 + k: who makes batch k
    .batches/group.json   who is asked to write which batches
    .batches/rank-R       process R has come
    .batches/K            batch K is written

A lock goes with its process, however it ends, so that a claim of a killed process is free again at
once. Only the first process creates, repairs, commits and removes; it does so alone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from cortexsim.errors import RecordingError
from cortexsim.files import atomic_write
from cortexsim.processes import Processes

FOLDER = ".batches"
WAITS_S = 600.0  # for a first process of which there is no sign
ARRIVES_S = 60.0  # for others, when all is written; and they for a first process that has ended
LEAVES_S = 120.0  # for others that are to leave
POLLS_S = 0.05

FIRST, OTHERS, BATCHES = 0, 1, 2


class Claims:
    """The batches of one store, for one process.

    Parameters
    ----------
    store : Path
        The store.
    make : bool
        Whether the folder is made in it, if there is none.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """

    def __init__(self, store: Path, *, make: bool) -> None:
        self.store, self.folder = store, store / FOLDER
        self.was_there = self.folder.is_dir()
        if importlib.util.find_spec("fcntl") is None:
            raise RecordingError(
                "several processes that write one recording need the file locks of Linux or macOS, "
                "which there are not on this system; record with one process"
            )
        if make:
            self.folder.mkdir(exist_ok=True)
        how = os.O_RDWR | os.O_CREAT * make
        self._file = os.open(self.folder / "claims", how, 0o666)
        self.asked: list[int] = []  # batches to be written
        self._written: set[int] = set()
        self._mine: set[int] = set()
        self._first = False

    @staticmethod
    def left_in(store: Path) -> Claims | None:
        """Of a store that several processes began and did not end; None for any other."""
        return Claims(store, make=True) if (store / FOLDER).is_dir() else None

    def close(self) -> None:
        """Let go of everything."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    # What the first process does

    def alone(self) -> bool:
        """Wait until no other process writes, and keep it so; whether all have left in time."""
        until = time.monotonic() + LEAVES_S
        while not self._lock(OTHERS):
            if time.monotonic() > until:
                return False
            time.sleep(POLLS_S)
        return True

    def refuse_others(self) -> None:
        """Wait until no other process writes, and keep it so.

        Raises
        ------
        RecordingError
            If one goes on writing.
        """
        if not self.alone():
            raise RecordingError(
                f"{self.store} is still being written by processes whose first one has ended; "
                "wait for them, or end them, and continue with `resume=True`"
            )

    def offer(self, batches: Iterable[int], processes: Processes) -> None:
        """Let the others in, to write these batches together; this process is alone until then.

        Parameters
        ----------
        batches : iterable of int
            Their numbers.
        processes : Processes
            Who is asked.
        """
        self.asked, self._first = list(batches), True
        again = set(map(str, self.asked))
        for name in os.listdir(self.folder):
            if name.startswith("rank-") or name in again:
                (self.folder / name).unlink(missing_ok=True)
        group = {"name": processes.name, "count": processes.count, "batches": self.asked}
        atomic_write(self.folder / "group.json", json.dumps(group).encode())
        self._unlock(OTHERS)
        while not self._lock(FIRST):  # somebody is looking whether it is held
            time.sleep(POLLS_S / 10)

    def arrived(self, processes: Processes) -> None:
        """Wait until all the others have come, but not for long: one may be dead."""
        until = time.monotonic() + ARRIVES_S
        ranks = [self.folder / f"rank-{rank}" for rank in range(1, processes.count)]
        while not all(rank.exists() for rank in ranks) and time.monotonic() < until:
            time.sleep(POLLS_S)

    def dismiss(self) -> bool:
        """Let nobody in any more; whether all others have left in time."""
        self._first = False
        self._unlock(FIRST)
        return self.alone()

    def remove(self) -> None:
        """Nothing of this is left in the store; this process is alone."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # What the others do

    @classmethod
    def joined(
        cls, store: Path, processes: Processes, *, is_done: Callable[[], bool]
    ) -> Claims | None:
        """The claims of a store, once its first process offers batches.

        Parameters
        ----------
        store : Path
            The store, which may not be there yet.
        processes : Processes
            Who asks.
        is_done : callable
            Whether the store is whole.

        Returns
        -------
        Claims or None
            None if the first process has ended, and the store is whole.

        Raises
        ------
        RecordingError
            If there is no sign of a first process, and if it is that of another group.
        """
        seen = time.monotonic()
        while (waited := time.monotonic() - seen) < WAITS_S:
            claims = None
            with contextlib.suppress(OSError):  # it is being made, or replaced
                claims = cls(store, make=False)
            if claims is not None:
                if claims._may_write():
                    claims._come(processes)
                    return claims
                if claims._is_held(OTHERS):  # the first one prepares, which may take long
                    seen = time.monotonic()
                claims.close()
            elif waited > ARRIVES_S and is_done():
                return None
            time.sleep(2 * POLLS_S)
        raise RecordingError(
            f"process {processes.rank} of {processes.count} waited {WAITS_S:.0f} s for process 0, "
            f"which is to begin {store}, and there is no sign of it. Start all of them together, "
            "with torchrun, on machines that share this folder"
        )

    def _may_write(self) -> bool:
        """Whether the first process is at work on this very folder; it is held then."""
        if not self._lock(OTHERS, shared=True):
            return False
        with contextlib.suppress(OSError):
            same = os.path.samestat(os.fstat(self._file), os.stat(self.folder / "claims"))
            if same and self._is_held(FIRST):
                return True
        self._unlock(OTHERS)
        return False

    def _come(self, processes: Processes) -> None:
        """Be one of the group; RecordingError if it is another one."""
        group: dict[str, Any] = json.loads((self.folder / "group.json").read_bytes())
        if (group["name"], group["count"]) != (processes.name, processes.count):
            self.close()
            raise RecordingError(
                f"{self.store} is being written by another group of {group['count']} processes; "
                "wait for it, or give another `out`"
            )
        self.asked = group["batches"]
        (self.folder / f"rank-{processes.rank}").touch()

    # What all of them do

    def free(self) -> Iterator[int]:
        """The batches that nobody makes yet, each claimed before it comes."""
        self._look()
        for batch in self.asked:
            if batch in self._mine or batch in self._written:
                continue
            self.check_first()
            if not self._lock(BATCHES + batch):
                continue
            self._mine.add(batch)
            if not self.is_written(batch):
                yield batch

    def done(self, batch: int) -> None:
        """This process has written a batch."""
        (self.folder / str(batch)).touch()

    def is_written(self, batch: int) -> bool:
        """Whether a batch is, by anyone."""
        return batch in self._written or (self.folder / str(batch)).exists()

    def written(self) -> set[int]:
        """The batches that are written, by anyone."""
        self._look()
        return self._written

    def is_over(self) -> bool:
        """Whether all batches that were asked for are written."""
        return self.written().issuperset(self.asked)

    def any_free(self) -> bool:
        """Whether a batch is neither written nor being made: who made it has died."""
        return any(
            not self._is_held(BATCHES + batch)
            for batch in self.asked
            if batch not in self._mine and batch not in self._written
        )

    def check_first(self) -> None:
        """RecordingError if the first process has ended: nobody commits what is written now."""
        if not self._first and not self._is_held(FIRST):
            raise RecordingError(
                f"process 0, which commits what is written to {self.store}, has ended; continue "
                "with `resume=True`"
            )

    def _look(self) -> None:
        self._written = {int(name) for name in os.listdir(self.folder) if name.isdecimal()}

    def _is_held(self, byte: int) -> bool:
        """Whether another process holds a byte for itself."""
        if self._lock(byte, shared=True):
            self._unlock(byte)
            return False
        return True

    def _lock(self, byte: int, *, shared: bool = False) -> bool:
        import fcntl

        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.lockf(self._file, how | fcntl.LOCK_NB, 1, byte)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _unlock(self, byte: int) -> None:
        import fcntl

        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)
