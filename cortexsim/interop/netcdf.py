"""netCDF: a recording as one file that any software reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cortexsim.errors import AnalysisError


def to_netcdf(recording: Any, path: str | Path, *, overwrite: bool = False) -> Path:
    """A recording as one netCDF4 file, a group for each state.

    Variables, coordinates and attributes are the same. ``xarray.open_datatree(path)`` opens the
    file; it is whole or absent.

    Parameters
    ----------
    recording : path or xarray.DataTree
        Its path, or what ``cortexsim.open_recording`` gave.
    path : path
        The file.
    overwrite : bool
        Replace a file that exists.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AnalysisError
        If the file exists (unless ``overwrite``) or cannot be written.
    """
    if isinstance(recording, (str, Path)):
        from cortexsim.recording.schema import open_recording

        recording = open_recording(recording)
    if "configuration" not in getattr(recording, "attrs", {}) or not hasattr(recording, "children"):
        raise AnalysisError(
            "that is no recording; give its path, or the DataTree that cortexsim.open_recording "
            "returns"
        )
    return write_new(recording, path, overwrite=overwrite)


def write_new(data: Any, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write something of xarray's where nothing is yet.

    Parameters
    ----------
    data : xarray.Dataset, xarray.DataArray or xarray.DataTree
        What to write.
    path : path
        The file.
    overwrite : bool
        Replace a file that exists.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AnalysisError
        If the file exists (unless ``overwrite``) or cannot be written.
    """
    from cortexsim.files import write

    path = Path(path)
    if path.exists() and not overwrite:
        raise AnalysisError(
            f"{path} exists; give another name" + ("" if overwrite else ", or overwrite=True")
        )
    write(data, path)
    return path
