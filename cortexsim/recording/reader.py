"""Reading one step of one state, stimuli by stimuli, straight into a caller's buffer."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.checksums import CRC, crc32c_of
from cortexsim.errors import AnalysisError, RecordingError
from cortexsim.recording.schema import recording_root
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray


CHECKED_AT_A_TIME = 1 << 20  # bytes
AVERAGED_AT_A_TIME = 1 << 24  # bytes


class StepReader:
    """The activations of one state of a recording, one step at a time.

    Where chunks are plain bytes of whole maps (as cortexsim writes them without compression) their
    files are read into the buffer itself, which takes a third of the processor time that zarr
    needs; everything else goes through zarr.

    Parameters
    ----------
    array : object
        The open zarr array ``(stimulus, step, ...)``.
    folder : Path, optional
        Where it lies, if that is a local folder.
    """

    def __init__(self, array: Any, folder: Path | None) -> None:
        self.array, self.folder = array, folder
        self.stimuli = array.shape[0]
        self.features = int(np.prod(array.shape[2:]))
        self.dtype = np.dtype("float64" if array.dtype.itemsize == 8 else "float32")
        self._size = array.chunks[0]
        codecs = array.metadata.codecs
        # Of what is on disk; zarr's dtype is that of what it returns.
        endian = getattr(codecs[0], "endian", None)
        self._ends_in_crc = type(codecs[-1]).__name__ == "Crc32cCodec"
        plain = (
            len(codecs) == 1 + self._ends_in_crc
            and getattr(endian, "value", endian) == "little" == sys.byteorder
        )
        whole = array.chunks[1:] == (1, *array.shape[2:])
        encoding = array.metadata.chunk_key_encoding
        self._raw = folder is not None and plain and whole and encoding.name == "default"
        self._separator = getattr(encoding, "separator", "/")
        self._sound: set[str] = set()  # chunks whose crc32c was found right

    def into(self, buffer: Float[np.ndarray, "stimulus feature"], step: int, start: int) -> None:
        """Fill ``(stimulus, feature)`` of one step.

        Parameters
        ----------
        buffer : array of shape (stimulus, feature)
            As many rows as stimuli are read.
        step : int
            Its index, from 0.
        start : int
            The first stimulus.
        """
        for first in range(start - start % self._size, start + len(buffer), self._size):
            low, high = max(first, start), min(first + self._size, start + len(buffer))
            part = buffer[low - start : high - start]
            if self._raw:
                self._read(part, step, first, low - first)
            else:
                part[:] = self.array[low:high, step].reshape(part.shape)

    def _read(self, part: np.ndarray, step: int, first: int, skip: int) -> None:
        assert self.folder is not None
        key = self._separator.join(
            map(str, ("c", first // self._size, step, *[0] * (self.array.ndim - 2)))
        )
        row = self.features * self.array.dtype.itemsize
        target = (
            part
            if part.dtype == self.array.dtype and part.flags.c_contiguous
            else np.empty(part.shape, self.array.dtype)
        )
        try:
            with open(self.folder / key, "rb", buffering=0) as file:
                if self._ends_in_crc and key not in self._sound:
                    self._check(file, key, row)
                file.seek(skip * row)
                view, done = memoryview(target.data).cast("B"), 0
                while done < len(view):
                    count = file.readinto(view[done:])
                    if not count:
                        raise RecordingError(
                            f"{self.folder / key} ends after {skip * row + done:,} bytes, "
                            f"stimulus {first + skip + done // row} is not whole"
                        )
                    done += count
        except FileNotFoundError:
            raise RecordingError(
                f"{self.folder / key} is missing: the recording has lost a chunk"
            ) from None
        if target is not part:
            part[:] = target

    def _check(self, file: Any, key: str, row: int) -> None:
        """The whole chunk is what was written; a chunk is read in rows more than once."""
        assert self.folder is not None
        piece = np.empty(max(1, CHECKED_AT_A_TIME // row) * row, np.uint8)
        crc, left = 0, self._size * row
        while left and (count := file.readinto(piece[:left].data)):
            crc = crc32c_of(piece[:count], crc)
            left -= count
        if left or file.read(CRC + 1) != crc.to_bytes(CRC, "little"):
            raise RecordingError(
                f"{self.folder / key} is not what was written: its crc32c is another. The "
                "recording is damaged: record it with `resume=True`, which records anew what is "
                "damaged, or give `overwrite=True`"
            )
        self._sound.add(key)


def chosen_frames(
    tree: Any, known: dict[str, Any], *, states: Any, steps: Any
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The states and steps that are asked for, all of them if None.

    Parameters
    ----------
    tree : object
        The recording.
    known : dict
        Its configuration.
    states : str or sequence of str, optional
        What is asked for: one or several.
    steps : int or sequence of int, optional
        What is asked for: one or several.

    Raises
    ------
    AnalysisError
        For what the recording does not hold, and for what is asked for twice.
    """
    stored = tuple(s for s in known["states"] if s in tree.children)
    kept = (
        stored
        if states is None
        else (states,)
        if isinstance(states, str)
        else tuple(map(str, states))
    )
    if unknown := [s for s in kept if s not in stored]:
        raise AnalysisError(
            f"the recording holds no state {unknown[0]!r}; it holds {', '.join(stored)}"
        )
    axis = [int(t) for t in tree[stored[0]].step.values]
    listed = [] if steps is None else np.atleast_1d(np.asarray(steps)).tolist()
    if wrong := [t for t in listed if not isinstance(t, int) or isinstance(t, bool)]:
        raise AnalysisError(f"step {wrong[0]!r} is not a whole number; steps are counted from 1")
    asked = axis if steps is None else listed
    if missing := [t for t in asked if t not in axis]:
        raise AnalysisError(
            f"the recording holds no step {missing[0]}; it holds {axis[0]} to {axis[-1]}"
        )
    for what, chosen in (("state", kept), ("step", asked)):
        if not chosen or len(set(chosen)) < len(chosen):
            raise AnalysisError(
                f"each {what} can be asked for once, and there must be one; found {list(chosen)}"
            )
    return kept, tuple(asked)


def frame_readers(tree: Any, path: Path | None, states: Sequence[str]) -> dict[str, Any]:
    """Of each state: something with ``features``, ``dtype`` and ``into(buffer, step index,
    start)``.

    path: of the store, if the tree comes from one.
    """
    if path is None:
        return {s: TreeReader(tree[s].activation) for s in states}
    import zarr

    root = zarr.open_group(recording_root(path).store(), mode="r")
    return {s: StepReader(root[f"{s}/activation"], path / s / "activation") for s in states}


class TreeReader:
    """The same of an array that xarray holds or reads."""

    def __init__(self, activation: xarray.DataArray) -> None:
        self.array = activation
        self.features = int(np.prod(activation.shape[2:]))
        self.dtype = np.dtype("float64" if activation.dtype.itemsize == 8 else "float32")

    def into(self, buffer: np.ndarray, step: int, start: int) -> None:
        """See :meth:`StepReader.into`."""
        part = self.array.isel(step=step, stimulus=slice(start, start + len(buffer)))
        buffer[:] = part.values.reshape(buffer.shape)


class AveragedReader:
    """The same of the means of groups of stimuli, which are the stimuli then.

    A step is read once, in rows; what is held is the means (and their sums in float64).

    Parameters
    ----------
    reader : object
        Of single stimuli.
    groups : array of int of shape (stimulus,)
        The group of each stimulus, from 0.
    """

    def __init__(self, reader: Any, groups: np.ndarray) -> None:
        self.reader, self.groups = reader, groups
        self.features, self.dtype = reader.features, reader.dtype
        self.sizes = np.bincount(groups)
        self._latest: tuple[int, np.ndarray] = (-1, np.empty(0))
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= {**state, "_lock": threading.Lock()}

    def into(self, buffer: Float[np.ndarray, "group feature"], step: int, start: int) -> None:
        """See :meth:`StepReader.into`."""
        with self._lock:
            if self._latest[0] != step:
                self._latest = step, self._means(step)
            means = self._latest[1]
        buffer[:] = means[start : start + len(buffer)]

    def _means(self, step: int) -> np.ndarray:
        """``(group, feature)`` of one step."""
        sums = np.zeros((len(self.sizes), self.features))
        rows = max(1, AVERAGED_AT_A_TIME // (self.features * self.dtype.itemsize))
        part = np.empty((min(rows, len(self.groups)), self.features), self.dtype)
        for first in range(0, len(self.groups), rows):
            own = part[: min(rows, len(self.groups) - first)]
            self.reader.into(own, step, first)
            np.add.at(sums, self.groups[first : first + len(own)], own)
        return (sums / self.sizes[:, None]).astype(self.dtype)
