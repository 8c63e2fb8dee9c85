"""netCDF: a recording as one file that any software reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cortexsim.errors import AnalysisError


def to_netcdf(recording: Any, path: str | Path, *, overwrite: bool = False) -> Path:
    """A recording as one netCDF4 file, a group for each state: the same variables, coordinates and attributes.

    recording: its path, or the DataTree that ``cortexsim.open_recording`` gave. ``xarray.open_datatree(path)`` opens the file. Returns its path.
    Raises AnalysisError if the file exists (unless ``overwrite``) or cannot be written: it is whole or absent.
    """
    if isinstance(recording, (str, Path)):
        from cortexsim.recording.schema import open_recording

        recording = open_recording(recording)
    if "configuration" not in getattr(recording, "attrs", {}) or not hasattr(recording, "children"):
        raise AnalysisError(
            "that is no recording; give its path, or the DataTree that cortexsim.open_recording returns"
        )
    return write_new(recording, path, overwrite=overwrite)


def write_new(data: Any, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write something of xarray's where nothing is yet."""
    from cortexsim.files import write

    path = Path(path)
    if path.exists() and not overwrite:
        raise AnalysisError(
            f"{path} exists; give another name" + ("" if overwrite else ", or overwrite=True")
        )
    write(data, path)
    return path
