"""What a store is created from, and making it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from cortexsim.files import atomic_folder
from cortexsim.recording.checked import INTEGRITY, integrity_of
from cortexsim.recording.schema import (
    STIMULUS,
    commit,
    group_files,
    read_nodes,
    root_attributes,
)
from cortexsim.timeaxis import TimeAxis

COMPRESSORS: dict[str, tuple[Any, ...]] = {"none": (), "zstd": (ZstdCodec(level=1),)}


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
    dtype : str
        Of the values.
    populated : tuple of bool
        Of each step, whether there are values.
    """

    group: str
    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    populated: tuple[bool, ...]

    def chunks_of(self, batch: int) -> list[str]:
        """The files of a batch, by its number: one a populated step, in their order."""
        rest = [0] * len(self.shape)
        steps = [step for step, populated in enumerate(self.populated) if populated]
        return [".".join(map(str, ("c", batch, step, *rest))) for step in steps]

    def bytes_per_stimulus(self) -> int:
        """Of all populated steps, not compressed."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize * sum(self.populated)


@dataclass(frozen=True)
class Plan:
    """All that a store is created from.

    Parameters
    ----------
    configuration : dict
        What must be equal for a run to be continued.
    variables : tuple of Variable
        The arrays.
    step_coordinates : dict of str to ndarray
        Along ``step``, the same in all groups.
    coordinates : dict
        Of each group: name -> (dimension, values).
    stimulus_id : tuple of str
        Of each stimulus.
    label : tuple of str
        Of each stimulus.
    batch_size : int
        Stimuli a chunk.
    compression : str
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
        axis = self.configuration.get("time_axis")
        units = (TimeAxis() if axis is None else TimeAxis.from_dict(axis)).units
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

    @property
    def size(self) -> int:
        """Stimuli of a batch, which is a chunk: all of them if they are fewer."""
        return min(self.batch_size, len(self.stimulus_id))

    def files(self) -> int:
        """Chunks of the arrays: what a file system has to hold besides bytes."""
        batches = -(-len(self.stimulus_id) // self.size)
        return batches * sum(sum(v.populated) for v in self.variables)

    def bytes(self) -> int:
        """Of the arrays, not compressed; the last batch takes as much as a whole one."""
        batches = -(-len(self.stimulus_id) // self.size)
        return batches * self.size * sum(v.bytes_per_stimulus() for v in self.variables)


def attributes_of(plan: Plan, committed: int) -> dict[str, Any]:
    """Of the root of a store of which so many stimuli are committed."""
    return root_attributes(plan.configuration, committed, len(plan.stimulus_id))


def create(path: Path, plan: Plan) -> None:
    """Make an empty store, whole or not at all.

    Parameters
    ----------
    path : Path
        The store, which is not there yet.
    plan : Plan
        What it is created from.
    """
    with atomic_folder(path) as temporary:
        lay_out(temporary, plan)


def lay_out(temporary: Path, plan: Plan) -> None:
    """Empty arrays and filled coordinates in a folder that is not there yet."""
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
                chunks=(plan.size, 1, *v.shape),
                dtype=v.dtype,
                fill_value=np.nan,
                dimension_names=(STIMULUS, "step", *v.dims),
                compressors=(*COMPRESSORS[plan.compression], Crc32cCodec()),
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
                compressors=(ZstdCodec(level=0), Crc32cCodec()),
            )
            array[:] = values
            array.attrs.update(*more)
    nodes = read_nodes(temporary)
    absent = {
        f"{v.group}/{v.name}": [
            [None, k] for k, populated in enumerate(v.populated) if not populated
        ]
        for v in plan.variables
    }
    integrity = integrity_of(temporary, absent, leave_out=group_files(nodes))
    attributes = {**attributes_of(plan, 0), INTEGRITY: integrity}
    commit(temporary, attributes, 0, nodes=nodes, groups=True)
