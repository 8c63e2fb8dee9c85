"""Where responses come from: arrays, DataArrays, tables, files; each with what names its axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import named
from cortexsim.neural.own.netcdf import SUFFIXES as NETCDF
from cortexsim.neural.own.netcdf import read_netcdf
from cortexsim.neural.own.picking import PEOPLE, Wanted, pick
from cortexsim.neural.own.response_layout import AXES
from cortexsim.neural.own.response_tables import read_responses
from cortexsim.neural.own.stated import named_in_file
from cortexsim.neural.own.tables import SUFFIXES as TABLES
from cortexsim.neural.own.tables import is_frame, table_of

WORDS = ("stimulus_id", "time_ms", "unit", "label")
DIMS = "give dims=, the name of each axis in order, e.g. dims=('trial', 'unit', 'time_ms')"


def axes_of(dims: Any) -> tuple[str, ...]:
    """The names of the axes, checked.

    Parameters
    ----------
    dims : str or sequence of str
        Of ``PEOPLE`` and ``AXES``.

    Returns
    -------
    tuple of str
        The same.

    Raises
    ------
    AnalysisError
        For other names, and for sets of them that are no responses.
    """
    axes = (dims,) if isinstance(dims, str) else tuple(map(str, dims))
    if unknown := [d for d in axes if d not in (*PEOPLE, *AXES)]:
        raise AnalysisError(
            f"dims={axes}: {unknown[0]!r} is not known; choose from {', '.join((*AXES, *PEOPLE))}"
        )
    if len(set(axes)) != len(axes):
        raise AnalysisError(f"dims={axes}: a name stands twice")
    if not axes or ("trial" in axes) == ("stimulus" in axes) or {"trial", "repeat"} <= set(axes):
        raise AnalysisError(
            f"dims={axes}: either 'trial' (with the stimulus of each) or 'stimulus' (averages; "
            "'repeat' where there are several) is needed, and 'unit' unless there is only one"
        )
    return axes


def read_source(
    responses: Any, axes: tuple[str, ...] | None, variable: str | None, stated: dict[str, Any]
) -> tuple[Any, str]:
    """The values, what the file or the array itself says about its axes, and where.

    Parameters
    ----------
    responses : array_like, xarray.DataArray, pandas.DataFrame or path
        As ``from_responses`` has it.
    axes : tuple of str or None
        The names of the axes; None: the source has them.
    variable : str or None
        Which array of a file.
    stated : dict
        What the caller says of the axes; a text may be the name that the file has for a word.

    Returns
    -------
    read : dict of str to array
        ``values`` and words, and ``dims`` where the source names its axes.
    where : str
        What the source is called in errors.

    Raises
    ------
    AnalysisError
        For what cannot be read, and where none or several arrays could be responses.
    """
    path = Path(responses) if isinstance(responses, (str, Path)) else None
    is_table = is_frame(responses) and (axes is None or "stimulus_id" in responses.columns)
    if is_table or (path and path.suffix.lower() in TABLES):
        table = table_of(responses)
        read = read_responses(table, stated, variable)
        read["named"] = [w for w in named_in_file(stated) if w in read]
        if axes is None:
            return read, table.where
        if set(axes) != set(read["dims"]):
            raise AnalysisError(
                f"dims says {axes}, {table.where} has {read['dims']}; leave dims out"
            )
        order = [read["dims"].index(d) for d in axes]
        return read | {"values": read["values"].transpose(order)}, table.where
    if path and path.suffix.lower() in NETCDF:
        array, beside = read_netcdf(path, variable, _could_be_responses, wanted="responses")
        return beside | _named(array, axes, path.name), path.name
    if path:
        return _read_file(path, axes, variable, stated), path.name
    if variable is not None:
        raise AnalysisError(
            f"variable={variable!r} names an array of a file; responses is a "
            f"{type(responses).__name__}"
        )
    array = named(responses, "responses")
    if array is not None:
        return _named(array, axes, "the DataArray"), "the array"
    if axes is None:
        raise AnalysisError(f"the array has shape {np.shape(responses)}; {DIMS}")
    return {"values": responses}, "the array"


def _read_file(
    path: Path, axes: tuple[str, ...] | None, variable: str | None, stated: dict[str, Any]
) -> Any:
    """The array of a file that has these axes."""
    matlab = path.suffix.lower() == ".mat"
    count = 0 if axes is None else len(axes)
    ids = stated["stimulus_id"]
    said = None if ids is None or isinstance(ids, str) or np.ndim(ids) > 1 else np.size(ids)
    item = next((k for k, d in enumerate(axes or ()) if d in ("trial", "stimulus")), 0)

    def fits(shape: tuple[int, ...], named: int | None) -> int:
        """How well: exactly, as a vector of MATLAB, without axes of one, with axes of one added."""
        full = len(tuple(s for s in shape if s != 1))
        if axes is None or not shape or 0 in shape:
            return int(full > 1)
        if len(shape) == count and matlab and full < 2:  # every vector has two axes there
            return 3 if shape[item] in (said, named) else 0
        if len(shape) == count:
            return 4
        return 2 if full == count else int(matlab and len(shape) < count and full > 1)

    def shaped(array: np.ndarray, _: int | None) -> np.ndarray:
        if axes is None or array.ndim == count:
            return array
        if array.ndim > count:
            squeezed = np.squeeze(array)
            return squeezed if squeezed.ndim == count else array
        return array.reshape(*array.shape, *[1] * (count - array.ndim)) if matlab else array

    advice = ". All structs at once are subjects: dims=('subject', ...), or ('subject', 'session', "
    read = pick(
        path,
        variable,
        Wanted(
            f"responses {axes}" if axes else "responses",
            fits,
            shaped,
            names=named_in_file(stated),
            shape=", and the name of each of its axes with dims",
            advice=f"{advice}...)",
        ),
    )
    if axes is None:
        raise AnalysisError(f"{path.name} has responses of shape {read['values'].shape}; {DIMS}")
    lead = read.get("dims", ())
    if axes[: len(lead)] != lead:
        raise AnalysisError(
            f"{path.name}: {read['notes']}, so that dims begins with {lead}; it is {axes}"
        )
    return read


def _could_be_responses(array: Any) -> bool:
    """Whether a variable of a netCDF file has the dimensions of responses."""
    dims = {str(d) for d in array.dims}
    return dims <= {*PEOPLE, *AXES} and bool(dims & {"stimulus", "trial"}) and dims != {"stimulus"}


def _named(array: Any, axes: tuple[str, ...] | None, where: str) -> dict[str, Any]:
    """What a DataArray says of its axes, which are brought into the order that was asked for."""
    if axes is None:
        axes = axes_of(array.dims)
    if set(map(str, array.dims)) != set(axes):
        raise AnalysisError(f"dims says {axes}, {where} has {tuple(array.dims)}")
    array = array.transpose(*axes)
    read = {w: array[w].values for w in (*WORDS, *PEOPLE) if w in array.coords and array[w].ndim}
    if "time_ms" in read:
        read["time_ms"] = array["time_ms"]  # with its unit and the width of its bins
    if "stimulus" in axes and "stimulus_id" not in read and "stimulus" in array.coords:
        read["stimulus_id"] = array["stimulus"].values
    return read | {"values": array, "dims": axes}
