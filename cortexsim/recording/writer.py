"""Streaming writer: batches go to Zarr from a thread, each becomes visible by its commit."""

from __future__ import annotations

import contextlib
import json
import queue
import sys
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import zarr

from cortexsim.checksums import crc32c
from cortexsim.errors import DamageRepairedWarning, RecordingError
from cortexsim.files import Replaced
from cortexsim.leftovers import is_left, remove
from cortexsim.locks import holding
from cortexsim.recording.checked import INTEGRITY, NODE, in_words, lost_its_root
from cortexsim.recording.repair import damaged_files, restored
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
    """Writes batches in order; ``committed`` stimuli are there already when a recording is
    continued.

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

    Raises
    ------
    RecordingError
        For a store that exists, has other settings, is being written or cannot be.
    """

    def __init__(
        self, path: Path, plan: Plan, *, resume: bool = False, overwrite: bool = False
    ) -> None:
        self.path, self.plan = path, plan
        self.again: tuple[int, ...] = ()
        self._hold = contextlib.ExitStack()
        self._hold.enter_context(holding(path, error=RecordingError))
        try:
            self._begin(resume=resume, overwrite=overwrite)
        except BaseException:
            self._hold.close()
            raise

    def _begin(self, *, resume: bool, overwrite: bool) -> None:
        """Everything that can be refused; nobody else writes this store."""
        path, plan = self.path, self.plan
        refuse_existing(path, resume=resume, overwrite=overwrite)
        self._replaced = Replaced(path)
        try:
            if path.exists() and overwrite:
                self._set_aside()
            if path.exists():
                self.committed = self._continue()
            else:
                create(path, plan)
                self.committed = 0
            root = zarr.open_group(path, mode="r+", use_consolidated=False)
        except OSError as error:
            if overwrite:
                self._replaced.put_back()
            raise RecordingError(refusal(path, error)) from error
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
        attributes = root.attributes
        theirs = json.loads(attributes["configuration"])
        if differ := differences(_numerical(theirs), _numerical(self.plan.configuration)):
            raise RecordingError(
                f"{self.path} was begun with another configuration and cannot be continued with "
                "this one:\n"
                "  "
                + "\n  ".join(differ)
                + "\nGive the same settings, or `overwrite=True`, or another `out`"
            )
        # A kill in the middle of a chunk leaves its temporary file; the chunk itself is written
        # anew.
        for file in self.path.rglob("*"):
            if file.suffix == ".partial" or is_left(file.name):
                remove(file)
        if root.is_checked and (damaged := damaged_files(root)):
            warnings.warn(
                f"{in_words(damaged)} damaged in {self.path}; what is damaged is written anew",
                DamageRepairedWarning,
                stacklevel=2,
            )
            self.again = restored(root, damaged, self.plan)
        return int(attributes["stimuli_committed"])

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

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
        with self._hold:
            if self.committed == len(self.plan.stimulus_id):
                self._replaced.forget()
            elif self.committed == 0:
                self._replaced.put_back()
        if error is None:
            self._raise()

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
        if start != self.committed and start not in self.again:
            raise RecordingError(
                f"batch at stimulus {start} came while {self.committed} are committed; batches go "
                "in order"
            )
        stop = start
        for variable in self.plan.variables:
            values = batch[variable.group, variable.name]
            stop = start + values.shape[1]
            array = self._arrays[variable.group, variable.name]
            steps = [i for i, populated in enumerate(variable.populated) if populated]
            for step, maps in zip(steps, values, strict=True):
                if self._direct:
                    self._write_chunk(variable, start, step, maps)
                else:
                    array[start:stop, step] = maps
        if start != self.committed:
            return
        self.committed = stop
        total = len(self.plan.stimulus_id)
        attributes = {**attributes_of(self.plan, stop), **self._besides}
        commit(self.path, attributes, stop, nodes=self._nodes, groups=stop == total)

    def _write_chunk(self, variable: Variable, start: int, step: int, maps: np.ndarray) -> None:
        """One step of one batch as the file that Zarr expects: the whole chunk, the last one filled
        up.
        """
        size = min(self.plan.batch_size, len(self.plan.stimulus_id))
        key = ".".join(map(str, ("c", start // size, step, *[0] * len(variable.shape))))
        parts = [np.ascontiguousarray(maps)]
        if len(maps) < size:
            parts.append(np.full((size - len(maps), *variable.shape), np.nan, variable.dtype))
        # Buffered: a raw write may stop short of a full disk without an error.
        with open(self.path / variable.group / variable.name / key, "wb") as file:
            for part in parts:
                file.write(part.data)
            if self._ends_in_crc:
                file.write(crc32c(*parts))


def differences(theirs: Any, ours: Any, where: str = "") -> list[str]:
    """The leaves at which two JSON-like values differ, as lines 'name: 1 there, 2 here'."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        keys = [*theirs, *(k for k in ours if k not in theirs)]
        return [
            line
            for k in keys
            for line in differences(theirs.get(k), ours.get(k), f"{where}.{k}" if where else str(k))
        ]
    if theirs == ours:
        return []
    return [f"{where}: {_short(theirs)} there, {_short(ours)} here"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def refuse_existing(path: Path, *, resume: bool, overwrite: bool) -> None:
    """An existing recording is touched only on request."""
    if resume and overwrite:
        raise RecordingError(
            "`resume` continues a recording and `overwrite` replaces it; give one of the two"
        )
    if path.exists() and not resume and not overwrite:
        attributes = read_attributes(path)
        done, total = attributes["stimuli_committed"], attributes["stimuli_total"]
        raise RecordingError(
            f"{path} exists ({done} of {total} stimuli recorded); continue it with "
            "`resume=True`, replace it with `overwrite=True`, or give another `out`"
        )


def _numerical(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what cannot change the numbers: a new zarr or xarray need not end a
    long recording.
    """
    provenance = dict(configuration["provenance"])
    packages = {k: v for k, v in provenance.pop("packages").items() if k in ("torch", "numpy")}
    provenance.pop("python")
    return {**configuration, "provenance": {**provenance, "packages": packages}}
