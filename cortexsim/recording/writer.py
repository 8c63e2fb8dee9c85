"""Streaming writer: batches go to Zarr from a thread of their own, each becomes visible by its commit."""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from cortexsim.errors import RecordingError
from cortexsim.recording.schema import FORMAT, STIMULUS, commit, read_attributes, read_nodes

QUEUE_DEPTH = 2
COMPRESSORS: dict[str, Any] = {"none": None, "zstd": ZstdCodec(level=1)}


@dataclass(frozen=True)
class Variable:
    """One array of a recording: ``group/name`` with dimensions (stimulus, step, *dims)."""

    group: str
    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    populated: tuple[bool, ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    def bytes_per_stimulus(self) -> int:
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize * sum(self.populated)


@dataclass(frozen=True)
class Plan:
    """All that a store is created from. configuration: what must be equal for a run to be continued."""

    configuration: dict[str, Any]
    variables: tuple[Variable, ...]
    step_coordinates: dict[str, np.ndarray]
    coordinates: dict[str, dict[str, tuple[str, np.ndarray]]]
    stimulus_id: tuple[str, ...]
    label: tuple[str, ...]
    batch_size: int
    compression: str

    def bytes(self) -> int:
        return len(self.stimulus_id) * sum(v.bytes_per_stimulus() for v in self.variables)


class Writer:
    """Writes batches in order; ``committed`` stimuli are there already when a recording is continued.

    Use as a context manager: leaving it waits for the queue, and raises what went wrong in the thread.
    """

    def __init__(self, path: Path, plan: Plan, *, resume: bool = False, overwrite: bool = False) -> None:
        self.path, self.plan = path, plan
        if path.exists() and overwrite:
            _remove(path)
        if path.exists():
            self.committed = self._continue(resume)
        else:
            _create(path, plan)
            self.committed = 0
        root = zarr.open_group(path, mode="r+", use_consolidated=False)
        self._arrays: dict[tuple[str, str], Any] = {
            (v.group, v.name): root[f"{v.group}/{v.name}"] for v in plan.variables
        }
        self._nodes = read_nodes(path)
        self._queue: queue.Queue[tuple[int, Mapping[tuple[str, str], np.ndarray]] | None] = queue.Queue(QUEUE_DEPTH)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="recording-writer", daemon=True)

    def _continue(self, resume: bool) -> int:
        attributes = read_attributes(self.path)
        done, total = attributes["progress"]["committed"], attributes["progress"]["total"]
        if not resume:
            raise RecordingError(
                f"{self.path} exists ({done} of {total} stimuli recorded); continue it with --resume, replace it with --overwrite, or give another --out"
            )
        if differ := differences(attributes["configuration"], self.plan.configuration):
            raise RecordingError(
                f"{self.path} was begun with another configuration and cannot be continued with this one:\n  "
                + "\n  ".join(differ)
                + "\nGive the same settings, or --overwrite, or another --out"
            )
        # A kill in the middle of a chunk leaves its temporary file; the chunk itself is written anew.
        for leftover in self.path.rglob("*.partial"):
            leftover.unlink()
        return int(done)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def put(self, start: int, batch: Mapping[tuple[str, str], np.ndarray]) -> None:
        """Queue the stimuli from ``start`` on: for each variable ``(stimulus, populated step, ...)``."""
        while True:
            self._raise()
            try:
                self._queue.put((start, batch), timeout=1.0)
                return
            except queue.Full:
                continue

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._thread.is_alive():
            try:
                self._queue.put(None, timeout=1.0)
                break
            except queue.Full:
                continue
        self._thread.join()
        if error is None:
            self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise RecordingError(
                f"writing to {self.path} failed: {error}. What was committed is kept; continue with --resume"
            ) from error

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._write(*item)
                except BaseException as error:
                    self._error = error

    def _write(self, start: int, batch: Mapping[tuple[str, str], np.ndarray]) -> None:
        stop = start
        for variable in self.plan.variables:
            values = batch[variable.group, variable.name]
            stop = start + len(values)
            array = self._arrays[variable.group, variable.name]
            for first, last, offset in _runs(variable.populated):
                array[start:stop, first:last] = values[:, offset : offset + last - first]
        self.committed = stop
        total = len(self.plan.stimulus_id)
        commit(self.path, _attributes(self.plan, stop), stop, self._nodes, groups=stop == total)


def differences(theirs: Any, ours: Any, where: str = "") -> list[str]:
    """The leaves at which two JSON-like values differ, as lines 'name: 1 there, 2 here'."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        keys = [*theirs, *(k for k in ours if k not in theirs)]
        return [
            line for k in keys for line in differences(theirs.get(k), ours.get(k), f"{where}.{k}" if where else str(k))
        ]
    if theirs == ours:
        return []
    return [f"{where}: {_short(theirs)} there, {_short(ours)} here"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _runs(populated: tuple[bool, ...]) -> list[tuple[int, int, int]]:
    """Stretches of populated steps as (first, last + 1, offset among the populated)."""
    runs: list[tuple[int, int, int]] = []
    offset = 0
    for i, here in enumerate(populated):
        if here and runs and runs[-1][1] == i:
            first, _, start = runs[-1]
            runs[-1] = (first, i + 1, start)
        elif here:
            runs.append((i, i + 1, offset))
        offset += here
    return runs


def _attributes(plan: Plan, committed: int) -> dict[str, Any]:
    progress = {"committed": committed, "total": len(plan.stimulus_id)}
    return {"format": FORMAT, "configuration": plan.configuration, "progress": progress}


def _create(path: Path, plan: Plan) -> None:
    """Make the arrays beside their final place and move them there: a store is whole or absent."""
    temporary = path.with_name(f".{path.name}.creating")
    shutil.rmtree(temporary, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    root = zarr.open_group(temporary, mode="w", zarr_format=3)
    total = len(plan.stimulus_id)
    steps = len(plan.step_coordinates["step"])
    for name in dict.fromkeys(v.group for v in plan.variables):
        group = root.require_group(name)
        members = [v for v in plan.variables if v.group == name]
        extra = plan.coordinates.get(name, {})
        group.attrs["coordinates"] = " ".join(
            ["stimulus_id", "label", "populated", *(k for k in plan.step_coordinates if k != "step"), *extra]
        )
        for v in members:
            array = group.create_array(
                v.name,
                shape=(total, steps, *v.shape),
                chunks=(min(plan.batch_size, total), 1, *v.shape),
                dtype=v.dtype,
                fill_value=np.nan,
                dimension_names=(STIMULUS, "step", *v.dims),
                compressors=COMPRESSORS[plan.compression],
                config={"write_empty_chunks": True},
            )
            array.attrs.update(v.attributes)
        populated = np.any([v.populated for v in members], axis=0)
        one_dimensional = {
            "stimulus_id": (STIMULUS, np.array(plan.stimulus_id, dtype=object)),
            "label": (STIMULUS, np.array(plan.label, dtype=object)),
            "populated": ("step", populated),
            **{k: ("step", values) for k, values in plan.step_coordinates.items()},
            **extra,
        }
        for key, (dim, values) in one_dimensional.items():
            dtype = str if values.dtype == object else values.dtype
            array = group.create_array(
                key, shape=values.shape, chunks=(max(1, len(values)),), dtype=dtype, dimension_names=(dim,)
            )
            array[:] = values
            if key.startswith("time_ms"):
                array.attrs["units"] = "ms after image onset"
    commit(temporary, _attributes(plan, 0), 0, read_nodes(temporary), groups=True)
    temporary.rename(path)


def _remove(path: Path) -> None:
    """Delete an old recording; refuses anything that is not one."""
    read_attributes(path)
    doomed = path.with_name(f".{path.name}.deleting")
    shutil.rmtree(doomed, ignore_errors=True)
    path.rename(doomed)
    shutil.rmtree(doomed)
