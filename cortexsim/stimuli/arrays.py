"""Arrays of a NumPy archive (.npz), or one error that says why it is none."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from cortexsim.errors import StimulusError

DAMAGED = (
    *(ValueError, TypeError, OSError, EOFError, LookupError, SyntaxError, RuntimeError),
    *(MemoryError, OverflowError, zipfile.BadZipFile, zlib.error),
)
"""What NumPy and zipfile raise for files that are none, or are damaged, locked or compressed."""


def npz_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name.

    Raises
    ------
    StimulusError
        For another kind of file, one that is damaged, and for Python objects.

    Examples
    --------
    >>> npz_arrays(Path("none.npz"))
    Traceback (most recent call last):
    ...
    cortexsim.errors.StimulusError: none.npz cannot be read as an .npz of arrays: ...
    """
    try:
        # Given a path, NumPy leaves damaged files open.
        with open(path, "rb") as raw:
            file = np.load(raw, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise StimulusError(
                    f"{path} cannot be read as an .npz of arrays: it is one array without a name, "
                    "an .npy"
                )
            return {key: file[key] for key in file.files}
    except StimulusError:
        raise
    except DAMAGED as error:
        raise StimulusError(f"{path} cannot be read as an .npz of arrays: {error}") from error
