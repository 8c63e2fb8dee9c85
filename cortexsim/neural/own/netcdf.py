"""netCDF files through xarray: their variables name their own axes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.errors import AnalysisError
from cortexsim.files import check_sealed
from cortexsim.neural.layout import quoted

if TYPE_CHECKING:
    import xarray

SUFFIXES = (".nc", ".nc4", ".cdf", ".netcdf")


def open_netcdf(path: Path) -> xarray.Dataset:
    """A netCDF file as a Dataset in memory.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    xarray.Dataset
        All of it.

    Raises
    ------
    AnalysisError
        For what is not there or cannot be read.
    """
    import xarray

    if not path.is_file():
        raise AnalysisError(f"there is no file {path}")
    check_sealed(path)
    try:
        with xarray.open_dataset(path, decode_times=False) as dataset:
            return dataset.load()
    except Exception as error:  # which engine answers, and with what, depends on what is installed
        raise AnalysisError(
            f"{path} cannot be read as netCDF ({type(error).__name__}: "
            f"{str(error).splitlines()[0]}); is it whole, and is netCDF4 installed (pip "
            "install netCDF4)?"
        ) from error


def read_netcdf(
    path: Path, variable: str | None, fits: Callable[[Any], bool], *, wanted: str
) -> tuple[Any, dict[str, Any]]:
    """The one variable of a netCDF file that fits.

    Parameters
    ----------
    path : Path
        The file.
    variable : str or None
        Which; None is the one that fits.
    fits : callable
        Whether a DataArray could be it.
    wanted : str
        What is looked for, for errors.

    Returns
    -------
    array : xarray.DataArray
        The variable.
    beside : dict of str to array
        ``stimulus_id`` and ``label`` of the file, which RDMs do not carry along an axis.

    Raises
    ------
    AnalysisError
        If none or several fit.
    """
    dataset = open_netcdf(path)
    held = ", ".join(f"{k} ({', '.join(map(str, v.dims))})" for k, v in dataset.data_vars.items())
    if any("presentation" in v.dims for v in dataset.data_vars.values()):
        raise AnalysisError(
            f"{path.name} is an assembly of Brain-Score, it holds {held}: "
            "cortexsim.neural.from_brainio(path) reads it"
        )
    if variable is not None:
        if variable not in dataset.data_vars:
            raise AnalysisError(f"{path.name} holds no variable {variable!r}; it holds {held}")
        return dataset[variable], _beside(dataset)
    names = [str(k) for k, v in dataset.data_vars.items() if v.dtype.kind in "fiu" and fits(v)]
    names = [k for k in names if k != "trials"] or names  # the count of trials beside responses
    if len(names) != 1:
        raise AnalysisError(
            f"{path.name} holds {len(names) or 'no'} variables that could be {wanted}"
            + (f" ({quoted(names)})" if names else "")
            + f"; it holds {held or 'nothing'}. Say which with variable='...', or rename: "
            "xarray.open_dataset(path)['...'].rename(neuron='unit', ...)"
        )
    return dataset[names[0]], _beside(dataset)


def _beside(dataset: xarray.Dataset) -> dict[str, Any]:
    return {
        w: dataset[w].values
        for w in ("stimulus_id", "label")
        if w in dataset.variables and dataset[w].dims == ("stimulus",)
    }
