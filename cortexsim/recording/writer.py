"""Streaming writer: batches go to Zarr from a thread, each becomes visible by its commit.

Several processes may write one store (see :mod:`cortexsim.recording.claims`). Who writes a batch
makes no difference to its bytes: the batches, and their chunks, are those of one process.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import zarr

from cortexsim.arguments import outside
from cortexsim.checksums import crc32c
from cortexsim.errors import DamageRepairedWarning, RecordingError
from cortexsim.files import Replaced
from cortexsim.leftovers import is_left, remove
from cortexsim.locks import holding
from cortexsim.processes import ALONE, Processes
from cortexsim.recording.checked import INTEGRITY, NODE, in_words, lost_its_root
from cortexsim.recording.claims import POLLS_S, Claims
from cortexsim.recording.refusals import refuse_another, refuse_existing
from cortexsim.recording.repair import damaged_files, restored, whole_batches
from cortexsim.recording.schema import (
    COORDINATES,
    commit,
    read_attributes,
    read_nodes,
    recording_root,
)
from cortexsim.recording.store import Plan, Variable, attributes_of, create
from cortexsim.refusals import refusal

QUEUE_DEPTH = 2


class Writer:
    """Writes batches; ``committed`` stimuli are there already when a recording is continued.

    What is committed is verified then: metadata and coordinates that are damaged are restored, and
    ``again`` are the batches with damaged chunks, which are to be written once more.

    Use as a context manager: leaving it waits for the queue, and raises what went wrong in the
    thread.

    Parameters
    ----------
    path : Path
        The store.
    plan : Plan
        What it is created from, or must have been.
    resume : bool
        Continue what is there.
    overwrite : bool
        Replace what is there.
    processes : Processes
        Who writes it together. The first of them creates it, verifies and commits; the others wait
        until it has begun, and write batches.

    Raises
    ------
    RecordingError
        For a store that exists, has other settings, is being written or cannot be.
    """

    def __init__(
        self,
        path: Path,
        plan: Plan,
        *,
        resume: bool = False,
        overwrite: bool = False,
        processes: Processes = ALONE,
    ) -> None:
        self.path, self.plan, self.processes = path, plan, processes
        self.committed = 0
        self.again: tuple[int, ...] = ()
        self._written: set[int] = set()  # batches behind those that are committed
        self._claims: Claims | None = None
        self._hold = contextlib.ExitStack()
        self._replaced = Replaced(path)
        try:
            if processes.first:
                self._hold.enter_context(holding(path, error=RecordingError))
                self._begin(resume=resume, overwrite=overwrite)
            else:
                self._join()
            self._open()
        except OSError as error:
            self._give_up(put_back=overwrite)
            raise RecordingError(refusal(path, error)) from error
        except BaseException:
            self._give_up()
            raise

    def _begin(self, *, resume: bool, overwrite: bool) -> None:
        """Everything that can be refused; nobody else writes this store."""
        path, several = self.path, self.processes.several
        refuse_existing(path, resume=resume, overwrite=overwrite)
        if path.exists() and several and resume:
            read_attributes(path)  # nothing is put into what is not a recording
            self._claims = Claims(path, make=True)
        elif path.exists():
            self._claims = Claims.left_in(path)
        if self._claims is not None:
            self._claims.refuse_others()  # those of an earlier group
        if path.exists() and overwrite:
            self._set_aside()
            if self._claims is not None:
                self._claims.close()
            self._claims = None
        if path.exists():
            self.committed = self._continue()
        else:
            create(path, self.plan)
        if several:
            self._claims = self._claims or Claims(path, make=True)
            self._claims.refuse_others()
            self._claims.offer(self._missing(), self.processes)

    def _give_up(self, *, put_back: bool = False) -> None:
        """Nothing was begun; what was set aside takes its place again if that is asked for."""
        with self._hold:
            if self._claims is not None and self.processes.first:
                if not self._claims.dismiss():
                    return
                if not self._claims.was_there:
                    self._claims.remove()
            if self._claims is not None:
                self._claims.close()
            if self.processes.first and put_back:
                self._replaced.put_back()

    def _missing(self) -> list[int]:
        """The batches that are to be written."""
        size, total = self.plan.size, len(self.plan.stimulus_id)
        later = range(-(-self.committed // size), -(-total // size))
        again = (start // size for start in self.again)
        return [b for b in (*again, *later) if b not in self._written]

    def _join(self) -> None:
        """Be one of those who write what the first process has begun."""
        self._claims = Claims.joined(self.path, self.processes, is_done=self._is_whole)
        root = recording_root(self.path)
        refuse_another(root, self.plan.configuration)
        self.committed = int(root.attributes["stimuli_committed"])

    def _is_whole(self) -> bool:
        """Whether there is the whole recording."""
        if not self.path.exists():
            return False
        attributes = read_attributes(self.path)
        return attributes["stimuli_committed"] >= attributes["stimuli_total"]

    def _open(self) -> None:
        """The arrays, and the thread that writes into them."""
        path, plan = self.path, self.plan
        root = zarr.open_group(path, mode="r+", use_consolidated=False)
        self._arrays: dict[tuple[str, str], Any] = {
            (v.group, v.name): root[f"{v.group}/{v.name}"] for v in plan.variables
        }
        # A chunk without compression is its bytes: written by ourselves it costs a third of the
        # processor time that zarr takes for it, which the network needs. Nothing of it is visible
        # before the commit.
        self._direct = plan.compression == "none" and sys.byteorder == "little"
        self._ends_in_crc = all(
            type(a.metadata.codecs[-1]).__name__ == "Crc32cCodec" for a in self._arrays.values()
        )
        self._nodes = read_nodes(path)
        attributes = read_attributes(path)
        self._besides = {k: attributes[k] for k in (INTEGRITY,) if k in attributes}
        self._queue: queue.Queue[tuple[int, Mapping[tuple[str, str], np.ndarray]] | None] = (
            queue.Queue(QUEUE_DEPTH)
        )
        self._error: BaseException | None = None
        self._committing = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="recording-writer", daemon=True)

    def _set_aside(self) -> None:
        """Keep the recording that is being replaced until the new one is whole."""
        try:
            attributes = read_attributes(self.path)  # refuses to touch what is not a recording
            whole = attributes["stimuli_committed"] >= attributes["stimuli_total"]
        except RecordingError:
            if not lost_its_root(self.path, COORDINATES):
                raise
            whole = False
        # Not the part that an interrupted replacement left: the whole one is set aside already.
        self._replaced.set_aside(whole=whole)

    def _continue(self) -> int:
        try:
            root = recording_root(self.path)
        except RecordingError as error:
            if not lost_its_root(self.path, COORDINATES):
                raise
            raise RecordingError(
                f"{self.path / NODE} is damaged or gone, and only that says what was committed: "
                f"{self.path} cannot be continued. Put that file back from a copy, or record all "
                "anew with `overwrite=True`"
            ) from error
        refuse_another(root, self.plan.configuration)
        # A kill in the middle of a chunk leaves its temporary file; the chunk itself is written
        # anew.
        for file in self.path.rglob("*"):
            if file.suffix == ".partial" or is_left(file.name):
                remove(file)
        if root.is_checked and (damaged := damaged_files(root)):
            warnings.warn(
                f"{in_words(damaged)} damaged in {self.path}; what is damaged is written anew",
                DamageRepairedWarning,
                stacklevel=outside(),
            )
            self.again = restored(root, damaged, self.plan)
        committed = int(root.attributes["stimuli_committed"])
        if self._claims is not None and root.is_checked:
            first = -(-committed // self.plan.size)
            marked = [batch for batch in self._claims.written() if batch >= first]
            self._written = whole_batches(root, marked, self.plan)
        return committed

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def rounds(self, waiting: Callable[[], None] = lambda: None) -> Iterator[Iterable[int]]:
        """The first stimuli of batches that are to be made and put by this process.

        Several processes take them in turn, one by one as they can. There is another round if a
        process has died over a batch of its own.

        Parameters
        ----------
        waiting : callable
            Called now and then while others make the last batches.

        Yields
        ------
        iterable of int
            Looked up when the batch is begun.
        """
        claims, size = self._claims, self.plan.size
        if claims is None or not self.processes.several:
            yield [size * batch for batch in self._missing()]
            return
        while not claims.is_over():
            yield (size * batch for batch in claims.free())
            while not claims.is_over() and not claims.any_free():
                claims.check_first()
                self._raise()
                self._commit_what_is_written()
                waiting()
                time.sleep(POLLS_S)
        self._end_together(claims)

    def _end_together(self, claims: Claims) -> None:
        """All is written: the first process commits it, the others leave when it has."""
        if self.processes.first:
            self._commit_what_is_written()
            claims.arrived(self.processes)
            return
        while not self._is_whole():
            try:
                claims.check_first()
            except RecordingError:
                if not self._is_whole():
                    raise
            time.sleep(POLLS_S)

    @property
    def stimuli_written(self) -> int:
        """How many are written, by anyone, and need not be made."""
        total, size = len(self.plan.stimulus_id), self.plan.size
        missing = set(self._missing())
        if self._claims is not None:
            missing -= self._claims.written()
        return total - sum(min(size, total - size * batch) for batch in missing)

    def put(self, start: int, batch: Mapping[tuple[str, str], np.ndarray]) -> None:
        """Queue the stimuli from ``start`` on: for each variable ``(populated step, stimulus,
        ...)``.
        """
        while True:
            self._raise()
            try:
                self._queue.put((start, batch), timeout=1.0)
                return
            except queue.Full:
                continue

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._thread.is_alive():
            try:
                self._queue.put(None, timeout=1.0)
                break
            except queue.Full:
                continue
        self._thread.join()
        self._let_go()
        if error is None:
            self._raise()

    def _let_go(self) -> None:
        """Nobody writes any more: nothing is left of writing together, the old store is dropped
        if the new one is whole, and takes its place again if there is nothing of that.
        """
        with self._hold, contextlib.ExitStack() as stack:
            if self._claims is not None:
                stack.callback(self._claims.close)
            if not self.processes.first:
                return
            if self._claims is not None and not self._claims.dismiss():
                return  # they write into what would be moved or removed
            whole = self.committed == len(self.plan.stimulus_id)
            if self._claims is not None and whole:
                self._claims.remove()
                self._claims = None
            if whole:
                self._replaced.forget()
            elif self.committed == 0:
                self._replaced.put_back()

    def _raise(self) -> None:
        # The error stays: what is still queued must not be committed behind a batch that failed.
        if self._error is not None:
            why = self._error
            said = refusal(self.path, why) if isinstance(why, OSError) else str(why)
            raise RecordingError(
                f"{said}. {self.committed:,} stimuli are committed and kept; continue with "
                "`resume=True`"
                if self.committed
                else f"{said}. Nothing was committed yet; begin again with `resume=True`"
            ) from why

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._write(*item)
                except BaseException as error:
                    self._error = error

    def _write(self, start: int, batch: Mapping[tuple[str, str], np.ndarray]) -> None:
        together = self._claims is not None and self.processes.several
        if start != self.committed and start not in self.again and not together:
            raise RecordingError(
                f"batch at stimulus {start} came while {self.committed} are committed; batches go "
                "in order"
            )
        for variable in self.plan.variables:
            values = batch[variable.group, variable.name]
            stop = start + values.shape[1]
            array = self._arrays[variable.group, variable.name]
            keys = variable.chunks_of(start // self.plan.size)
            steps = [i for i, populated in enumerate(variable.populated) if populated]
            for step, key, maps in zip(steps, keys, values, strict=True):
                if self._direct:
                    self._write_chunk(variable, key, maps)
                else:
                    array[start:stop, step] = maps
        number = start // self.plan.size
        if self._claims is not None and self.processes.several:
            self._claims.done(number)
        else:
            self._written.add(number)
        self._commit_what_is_written()

    def _commit_what_is_written(self) -> None:
        """Make all batches visible before which none is missing."""
        if not self.processes.first:
            return
        size, total = self.plan.size, len(self.plan.stimulus_id)
        with self._committing:
            stop = self.committed
            while stop < total and self._is_written(stop // size):
                stop = min(stop + size, total)
            if stop == self.committed:
                return
            attributes = {**attributes_of(self.plan, stop), **self._besides}
            commit(self.path, attributes, stop, nodes=self._nodes, groups=stop == total)
            self.committed = stop

    def _is_written(self, batch: int) -> bool:
        """Whether a batch is, by anyone."""
        together = self._claims if self.processes.several else None
        return batch in self._written or (together is not None and together.is_written(batch))

    def _write_chunk(self, variable: Variable, key: str, maps: np.ndarray) -> None:
        """One step of one batch as the file that Zarr expects: the whole chunk, the last one filled
        up.
        """
        size = self.plan.size
        parts = [np.ascontiguousarray(maps)]
        if len(maps) < size:
            parts.append(np.full((size - len(maps), *variable.shape), np.nan, variable.dtype))
        # Buffered: a raw write may stop short of a full disk without an error.
        with open(self.path / variable.group / variable.name / key, "wb") as file:
            for part in parts:
                file.write(part.data)
            if self._ends_in_crc:
                file.write(crc32c(*parts))
