"""NumPy's files: one array without a name (.npy), or several by name (.npz)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError

ARRAY = "array"  # what the one array of an .npy is called


def read_npy(path: Path) -> dict[str, Any]:
    """The array of an .npy file, under the name ``array``.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to array
        With one entry.

    Raises
    ------
    AnalysisError
        For Python objects, which could run code when read.
    """
    with open(path, "rb") as raw:  # NumPy leaves damaged files open, if it opened them itself
        try:
            array = np.load(raw, allow_pickle=False)
        except ValueError as error:
            if "pickle" not in str(error).lower() or not _is_npy(path):
                raise
            raise AnalysisError(
                f"{path} holds Python objects, which could run code when read; save numbers: "
                "numpy.save(path, x.astype(float)), or by name, with the ids beside them: "
                "numpy.savez(path, rates=x, stimulus_id=ids.astype(str))"
            ) from None
    if not isinstance(array, np.ndarray):
        return read_npz(path)  # under another name
    if array.dtype.names:
        return {name: array[name] for name in array.dtype.names}  # a record array: its columns
    return {ARRAY: array}


def read_npz(path: Path) -> dict[str, Any]:
    """The arrays of an .npz file by name.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to array
        By name.

    Raises
    ------
    AnalysisError
        For a file of one array without a name, and for Python objects, which could run code when
        read.
    """
    arrays = {}
    with open(path, "rb") as raw:  # NumPy leaves damaged files open, if it opened them itself
        file = np.load(raw, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise AnalysisError(
                f"{path} holds one array without a name; call it .npy, or save it with numpy.savez"
            )
        for name in file.files:
            try:
                arrays[name] = file[name]
            except ValueError as error:
                if "pickle" not in str(error):
                    raise
                raise AnalysisError(
                    f"{path}: {name!r} is saved as Python objects, which could run code when "
                    f"read; save text as {name}.astype(str)"
                ) from None
    return arrays


def _is_npy(path: Path) -> bool:
    with open(path, "rb") as raw:
        return raw.read(6) == b"\x93NUMPY"
