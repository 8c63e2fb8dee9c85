"""Streaming writer: batches go to Zarr from a thread, each becomes visible by its commit."""

from __future__ import annotations

import json
import queue
import shutil
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from cortexsim.errors import RecordingError
from cortexsim.files import lock, unlock
from cortexsim.recording.schema import (
    STIMULUS,
    commit,
    read_attributes,
    read_nodes,
    root_attributes,
)
from cortexsim.timeaxis import TimeAxis

QUEUE_DEPTH = 2
COMPRESSORS: dict[str, Any] = {"none": None, "zstd": ZstdCodec(level=1)}


@dataclass(frozen=True)
class Variable:
    """One array of a recording: ``group/name`` with dimensions (stimulus, step, *dims).

    Parameters
    ----------
    group : str
        Where it is.
    name : str
        What it is called there.
    dims : tuple of str
        Of one stimulus at one step.
    shape : tuple of int
        Of one stimulus at one step.
    dtype
        Of the values.
    populated
        Of each step, whether there are values.
    """

    group: str
    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    populated: tuple[bool, ...]

    def bytes_per_stimulus(self) -> int:
        """Of all populated steps, not compressed."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize * sum(self.populated)


@dataclass(frozen=True)
class Plan:
    """All that a store is created from.

    Parameters
    ----------
    configuration
        What must be equal for a run to be continued.
    variables
        The arrays.
    step_coordinates
        Along ``step``, the same in all groups.
    coordinates
        Of each group: name -> (dimension, values).
    stimulus_id : tuple of str
        Of each stimulus.
    label : tuple of str
        Of each stimulus.
    batch_size
        Stimuli a chunk.
    compression
        Of the chunks: a key of ``COMPRESSORS``.
    """

    configuration: dict[str, Any]
    variables: tuple[Variable, ...]
    step_coordinates: dict[str, np.ndarray]
    coordinates: dict[str, dict[str, tuple[str, np.ndarray]]]
    stimulus_id: tuple[str, ...]
    label: tuple[str, ...]
    batch_size: int
    compression: str

    def coordinates_of(self, group: str) -> dict[str, tuple[Any, ...]]:
        """Of a group: name -> (dimension, values[, attributes])."""
        populated = np.any([v.populated for v in self.variables if v.group == group], axis=0)
        declared = TimeAxis.from_dict(self.configuration["time_axis"]).is_declared
        units = "ms after image onset" if declared else "steps (no ms declared)"
        times = {
            k: ("step", v, {"units": units} if k.startswith("time_ms") else {})
            for k, v in self.step_coordinates.items()
        }
        return {
            "stimulus_id": (STIMULUS, np.array(self.stimulus_id, dtype=object)),
            "label": (STIMULUS, np.array(self.label, dtype=object)),
            "populated": ("step", populated),
            **times,
            **self.coordinates.get(group, {}),
        }

    def bytes(self) -> int:
        """Of the arrays, not compressed."""
        return len(self.stimulus_id) * sum(v.bytes_per_stimulus() for v in self.variables)


class Writer:
    """Writes batches in order; ``committed`` stimuli are there already when a recording is
    continued.

    Use as a context manager: leaving it waits for the queue, and raises what went wrong in the
    thread.

    Parameters
    ----------
    path
        The store.
    plan
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
        refuse_existing(path, resume=resume, overwrite=overwrite)
        self._replaced = path.with_name(f".{path.name}.replaced")
        try:
            if path.exists() and overwrite:
                self._set_aside()
            if path.exists():
                self.committed = self._continue()
            else:
                _create(path, plan)
                self.committed = 0
            self._lock = _lock(path)
            root = zarr.open_group(path, mode="r+", use_consolidated=False)
        except OSError as error:
            if overwrite:
                self._put_back()
            raise RecordingError(f"{path} cannot be written: {error}") from error
        self._arrays: dict[tuple[str, str], Any] = {
            (v.group, v.name): root[f"{v.group}/{v.name}"] for v in plan.variables
        }
        # A chunk without compression is its bytes: written by ourselves it costs a third of the
        # processor time that zarr takes for it, which the network needs. Nothing of it is visible
        # before the commit.
        self._direct = plan.compression == "none" and sys.byteorder == "little"
        self._nodes = read_nodes(path)
        self._queue: queue.Queue[tuple[int, Mapping[tuple[str, str], np.ndarray]] | None] = (
            queue.Queue(QUEUE_DEPTH)
        )
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="recording-writer", daemon=True)

    def _set_aside(self) -> None:
        """Keep the recording that is being replaced until the new one is whole."""
        attributes = read_attributes(self.path)  # refuses to touch what is not a recording
        unlock(_lock(self.path))  # nor what another process is writing
        if (
            self._replaced.exists()
            and attributes["stimuli_committed"] < attributes["stimuli_total"]
        ):
            # The part that an interrupted replacement left; the whole one is set aside already.
            shutil.rmtree(self.path)
            return
        shutil.rmtree(self._replaced, ignore_errors=True)
        self.path.rename(self._replaced)

    def _put_back(self) -> None:
        """A replacement that came to nothing leaves the old recording as it was."""
        if self._replaced.exists():
            shutil.rmtree(self.path, ignore_errors=True)
            self._replaced.rename(self.path)

    def _continue(self) -> int:
        attributes = read_attributes(self.path)
        theirs = json.loads(attributes["configuration"])
        if differ := differences(_numerical(theirs), _numerical(self.plan.configuration)):
            raise RecordingError(
                f"{self.path} was begun with another configuration and cannot be continued with "
                "this one:\n"
                "  "
                + "\n  ".join(differ)
                + "\nGive the same settings, or --overwrite, or another --out"
            )
        # A kill in the middle of a chunk leaves its temporary file; the chunk itself is written
        # anew.
        for leftover in (*self.path.rglob("*.partial"), *self.path.glob(".zarr.json.*.tmp")):
            leftover.unlink()
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
        unlock(self._lock)
        if self.committed == len(self.plan.stimulus_id):
            shutil.rmtree(self._replaced, ignore_errors=True)
        elif self.committed == 0:
            self._put_back()
        if error is None:
            self._raise()

    def _raise(self) -> None:
        # The error stays: what is still queued must not be committed behind a batch that failed.
        if self._error is not None:
            raise RecordingError(
                f"writing to {self.path} failed: {self._error}. What was committed is kept; "
                "continue with --resume"
            ) from self._error

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._write(*item)
                except BaseException as error:
                    self._error = error

    def _write(self, start: int, batch: Mapping[tuple[str, str], np.ndarray]) -> None:
        if start != self.committed:
            raise RecordingError(
                f"batch at stimulus {start} came while {self.committed} are committed; batches go "
                "in order"
            )
        stop = start
        for variable in self.plan.variables:
            values = batch[variable.group, variable.name]
            stop = start + values.shape[1]
            array = self._arrays[variable.group, variable.name]
            steps = [i for i, here in enumerate(variable.populated) if here]
            for step, maps in zip(steps, values, strict=True):
                if self._direct:
                    self._write_chunk(variable, start, step, maps)
                else:
                    array[start:stop, step] = maps
        self.committed = stop
        total = len(self.plan.stimulus_id)
        commit(self.path, _attributes(self.plan, stop), stop, self._nodes, groups=stop == total)

    def _write_chunk(self, variable: Variable, start: int, step: int, maps: np.ndarray) -> None:
        """One step of one batch as the file that Zarr expects: the whole chunk, the last one filled
        up.
        """
        size = min(self.plan.batch_size, len(self.plan.stimulus_id))
        key = ".".join(map(str, ("c", start // size, step, *[0] * len(variable.shape))))
        # Buffered: a raw write may stop short of a full disk without an error.
        with open(self.path / variable.group / variable.name / key, "wb") as file:
            file.write(np.ascontiguousarray(maps).data)
            if len(maps) < size:
                file.write(
                    np.full((size - len(maps), *variable.shape), np.nan, variable.dtype).data
                )


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
            "--resume continues a recording and --overwrite replaces it; give one of the two"
        )
    if path.exists() and not resume and not overwrite:
        attributes = read_attributes(path)
        done, total = attributes["stimuli_committed"], attributes["stimuli_total"]
        raise RecordingError(
            f"{path} exists ({done} of {total} stimuli recorded); continue it with --resume, "
            "replace it with --overwrite, or give another --out"
        )


def _numerical(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what cannot change the numbers: a new zarr or xarray need not end a
    long recording.
    """
    provenance = dict(configuration["provenance"])
    packages = {k: v for k, v in provenance.pop("packages").items() if k in ("torch", "numpy")}
    provenance.pop("python")
    return {**configuration, "provenance": {**provenance, "packages": packages}}


def _lock(path: Path) -> int:
    """Hold the store for this process: two writers would spoil each other's batches."""
    try:
        return lock(path)
    except BlockingIOError as error:
        raise RecordingError(
            f"another process is writing {path}; wait for it, or give another --out"
        ) from error


def _attributes(plan: Plan, committed: int) -> dict[str, Any]:
    return root_attributes(plan.configuration, committed, len(plan.stimulus_id))


def _create(path: Path, plan: Plan) -> None:
    """Make the arrays beside their final place and move them there: a store is whole or absent."""
    temporary = path.with_name(f".{path.name}.creating")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        _lay_out(temporary, plan)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _lay_out(temporary: Path, plan: Plan) -> None:
    """Empty arrays and filled coordinates."""
    root = zarr.open_group(temporary, mode="w", zarr_format=3)
    total = len(plan.stimulus_id)
    steps = len(plan.step_coordinates["step"])
    for name in dict.fromkeys(v.group for v in plan.variables):
        group = root.require_group(name)
        members = [v for v in plan.variables if v.group == name]
        extra = plan.coordinates.get(name, {})
        group.attrs["coordinates"] = " ".join(
            [
                "stimulus_id",
                "label",
                "populated",
                *(k for k in plan.step_coordinates if k != "step"),
                *extra,
            ]
        )
        for v in members:
            group.create_array(
                v.name,
                shape=(total, steps, *v.shape),
                chunks=(min(plan.batch_size, total), 1, *v.shape),
                dtype=v.dtype,
                fill_value=np.nan,
                dimension_names=(STIMULUS, "step", *v.dims),
                compressors=COMPRESSORS[plan.compression],
                chunk_key_encoding={
                    "name": "default",
                    "separator": ".",
                },  # no folder for every chunk
                config={"write_empty_chunks": True},
            )
        for key, (dim, values, *more) in plan.coordinates_of(name).items():
            dtype = str if values.dtype == object else values.dtype
            array = group.create_array(
                key,
                shape=values.shape,
                chunks=(max(1, len(values)),),
                dtype=dtype,
                dimension_names=(dim,),
            )
            array[:] = values
            array.attrs.update(*more)
    commit(temporary, _attributes(plan, 0), 0, read_nodes(temporary), groups=True)
