"""netCDF: a recording as one file that any software reads, and reading what we wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError


@clear_errors
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


@clear_errors
def from_netcdf(path: str | Path) -> Any:
    """What a netCDF file of cortexsim holds, if it is what was written.

    Parameters
    ----------
    path : path
        A result of ``compare`` or ``mask``, or what :func:`to_netcdf` wrote.

    Returns
    -------
    xarray.Dataset or xarray.DataTree
        In memory; a tree where the file has groups.

    Raises
    ------
    AnalysisError
        If the file is damaged, was changed since, or is no netCDF.

    Examples
    --------
    >>> import tempfile, xarray
    >>> path = write_new(xarray.Dataset({"a": ("x", [1, 2])}), tempfile.mkdtemp() + "/a.nc")
    >>> from_netcdf(path).a.values
    array([1, 2])
    """
    import xarray

    from cortexsim.files import check_sealed

    path = Path(path)
    if not path.is_file():
        raise AnalysisError(f"there is no file {path}")
    check_sealed(path)
    try:
        with xarray.open_datatree(path, engine="netcdf4") as tree:
            whole = tree.load()
    except (OSError, ValueError, RuntimeError, LookupError) as error:
        raise AnalysisError(
            f"{path} cannot be read as netCDF: {' '.join(str(error).split())[:200]}"
        ) from error
    return whole if whole.children else whole.to_dataset()


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
