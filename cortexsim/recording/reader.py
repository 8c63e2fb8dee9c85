"""Reading one step of one state, stimuli by stimuli, straight into a caller's buffer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import RecordingError
from cortexsim.shapes import Float


class StepReader:
    """The activations of one state of a recording: ``into(buffer, step, start)`` fills ``(stimulus, feature)`` of one step.

    Where chunks are plain bytes of whole maps (as cortexsim writes them without compression) their files are read into the buffer itself, which
    takes a third of the processor time that zarr needs; everything else goes through zarr. array: the open zarr array; folder: where it lies, if
    that is a local folder.
    """

    def __init__(self, array: Any, folder: Path | None) -> None:
        self.array, self.folder = array, folder
        self.stimuli = array.shape[0]
        self.features = int(np.prod(array.shape[2:]))
        self.dtype = np.dtype("float64" if array.dtype.itemsize == 8 else "float32")
        self._size = array.chunks[0]
        codecs = array.metadata.codecs
        endian = getattr(codecs[0], "endian", None)  # of what is on disk; zarr's dtype is that of what it returns
        plain = len(codecs) == 1 and getattr(endian, "value", endian) == "little" == sys.byteorder
        whole = array.chunks[1:] == (1, *array.shape[2:])
        encoding = array.metadata.chunk_key_encoding
        self._raw = folder is not None and plain and whole and encoding.name == "default"
        self._separator = getattr(encoding, "separator", "/")

    def into(self, buffer: Float[np.ndarray, "stimulus feature"], step: int, start: int) -> None:
        """Stimuli ``start ..`` (as many as the buffer has rows) at the step of that index (from 0)."""
        for first in range(start - start % self._size, start + len(buffer), self._size):
            low, high = max(first, start), min(first + self._size, start + len(buffer))
            part = buffer[low - start : high - start]
            if self._raw:
                self._read(part, step, first, low - first)
            else:
                part[:] = self.array[low:high, step].reshape(part.shape)

    def _read(self, part: np.ndarray, step: int, first: int, skip: int) -> None:
        assert self.folder is not None
        key = self._separator.join(map(str, ("c", first // self._size, step, *[0] * (self.array.ndim - 2))))
        row = self.features * self.array.dtype.itemsize
        target = (
            part
            if part.dtype == self.array.dtype and part.flags.c_contiguous
            else np.empty(part.shape, self.array.dtype)
        )
        try:
            with open(self.folder / key, "rb", buffering=0) as file:
                file.seek(skip * row)
                view, done = memoryview(target.data).cast("B"), 0
                while done < len(view):
                    count = file.readinto(view[done:])
                    if not count:
                        raise RecordingError(
                            f"{self.folder / key} ends after {skip * row + done:,} bytes, stimulus {first + skip + done // row} is not whole"
                        )
                    done += count
        except FileNotFoundError:
            raise RecordingError(f"{self.folder / key} is missing: the recording has lost a chunk") from None
        if target is not part:
            part[:] = target
