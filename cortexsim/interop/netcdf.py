"""netCDF: a recording as one file that any software reads, and reading what we wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.locks import holding


@clear_errors
def to_netcdf(data: Any, path: str | Path, *, overwrite: bool = False) -> Path:
    """A recording, an RDM movie or a result as one netCDF4 file, with its checksum.

    Variables, coordinates and attributes are the same; a recording has a group for each state.
    ``xarray.open_datatree(path)`` or ``xarray.open_dataset(path)`` opens the file, and
    :func:`from_netcdf` only if it is what was written; it is whole or absent.

    Parameters
    ----------
    data : path, xarray.DataTree or xarray.Dataset
        The path of a recording, what ``cortexsim.open_recording`` gave, or any data set: a result
        of ``evaluate``, ``encode``, ..., an RDM movie, a benchmark.
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
        For anything else, and if the file exists (unless ``overwrite``) or cannot be written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from cortexsim.analysis import Inference, evaluate
    >>> one, other = np.random.default_rng(0).random((2, 45))
    >>> quick = Inference(n=100, permutations=100)
    >>> result = evaluate([one], [one + 0.1 * other, one - 0.1 * other], inference=quick)
    >>> path = to_netcdf(result, tempfile.mkdtemp() + "/result.nc")
    >>> from_netcdf(path).evaluation.equals(result.evaluation)
    True
    """
    import xarray

    if isinstance(data, (str, Path)):
        from cortexsim.recording.opening import open_recording

        data = open_recording(data)
    recording = isinstance(data, xarray.DataTree) and "configuration" in data.attrs
    if not recording and not (isinstance(data, xarray.Dataset) and data.data_vars):
        found = "empty" if isinstance(data, xarray.Dataset) else f"a {type(data).__name__}"
        raise AnalysisError(
            f"that is no recording and no data set, but {found}; give the path of a "
            "recording, the DataTree that cortexsim.open_recording returns, or a Dataset"
        )
    return write_new(data, path, overwrite=overwrite)


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
    with holding(path, error=AnalysisError):
        if path.exists() and not overwrite:
            raise AnalysisError(f"{path} exists; give another name, or overwrite=True")
        write(data, path)
    return path
