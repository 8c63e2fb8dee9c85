"""Where RDMs come from: arrays, DataArrays, DataFrames, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.analysis.rsa.squares import square_ids
from cortexsim.errors import AnalysisError
from cortexsim.labelled.rdms import labelled_rdms
from cortexsim.neural.own.netcdf import SUFFIXES as NETCDF
from cortexsim.neural.own.netcdf import read_netcdf
from cortexsim.neural.own.picking import Wanted, pick
from cortexsim.neural.own.rdm_tables import read_csv, read_frame
from cortexsim.neural.own.stated import named_in_file
from cortexsim.neural.own.tables import SUFFIXES as TABLES
from cortexsim.neural.own.tables import is_frame
from cortexsim.neural.own.words import Found
from cortexsim.pairs import LEAST, conditions_of, pair_indices


def read_rdms(source: Any, variable: str | None, stated: dict[str, Any]) -> tuple[Found, str]:
    """The values as they come, what is said about their axes, and where.

    Parameters
    ----------
    source : array_like, xarray.DataArray, pandas.DataFrame or path
        As ``from_rdms`` has it.
    variable : str or None
        Which array of a file.
    stated : dict
        What the caller says of the axes; a text may be the name that the file has for a word.

    Returns
    -------
    read : dict of str to array
        ``values`` and words; ``dims``, the axes before the pairs, if the source names them.
    where : str
        What the source is called in errors.

    Raises
    ------
    AnalysisError
        For what cannot be read, and where none or several arrays could be RDMs.
    """
    if isinstance(source, (str, Path)):
        path = Path(source)
        suffix = path.suffix.lower()
        if suffix in NETCDF:
            array, beside = read_netcdf(path, variable, _could_be_rdms, wanted="RDMs")
            return {**beside, **_read_dataarray(array)}, path.name
        if suffix not in TABLES:
            squeezed = suffix == ".mat"
            wanted = Wanted(
                "RDMs",
                lambda shape, count: int(_rdm_shaped(_squeezed(shape, squeezed), count)),
                lambda array, count: _turned(array, count) if squeezed else array,
                element=_turned,
                names=named_in_file(stated),
                shape="; RDMs are (..., n, n), or (..., n (n - 1) / 2) for pairs of n stimuli",
            )
            return pick(path, variable, wanted), path.name
        if variable is not None:
            raise AnalysisError(
                f"{path.name} is one table; variable={variable!r} is for files of several arrays"
            )
        return read_csv(path, stated["stimulus_id"]), path.name
    if variable is not None:
        raise AnalysisError(
            f"variable={variable!r} names an array of a file; the source is a "
            f"{type(source).__name__}"
        )
    if is_frame(source):
        return read_frame(source, stated["stimulus_id"]), "the DataFrame"
    if hasattr(source, "data_vars"):
        raise AnalysisError(
            f"the source is a Dataset; give one of its variables: {', '.join(source.data_vars)}"
        )
    if hasattr(source, "dims") and hasattr(source, "coords"):
        return _read_dataarray(source), "the DataArray"
    return {"values": source}, "the array"


def _could_be_rdms(array: Any) -> bool:
    """Whether a variable of a netCDF file has pairs, or two axes of as many."""
    return "pair" in array.dims or (
        array.ndim > 1 and _rdm_shaped(array.shape, None) and array.shape[-1] == array.shape[-2]
    )


def _squeezed(shape: tuple[int, ...], squeezed: bool) -> tuple[int, ...]:
    """A shape as MATLAB means it: vectors are rows or columns, stimuli may come first."""
    if not squeezed:
        return shape
    shape = tuple(s for s in shape if s != 1)
    if _stimuli_first(shape):
        return (*shape[2:], *shape[:2])
    return shape


def _stimuli_first(shape: tuple[int, ...]) -> bool:
    """Whether the first two axes are of as many, and the last two are not."""
    return len(shape) > 2 and shape[0] == shape[1] >= LEAST and shape[-1] != shape[-2]


def _turned(array: np.ndarray, count: int | None) -> np.ndarray:
    """An array of MATLAB without axes of one element, the stimuli last."""
    array = np.squeeze(array)
    if _stimuli_first(array.shape) and count in (None, array.shape[0]):
        return np.moveaxis(array, (0, 1), (-2, -1))
    return array


def _rdm_shaped(shape: tuple[int, ...], count: int | None) -> bool:
    """Whether an array could hold RDMs, of so many stimuli if that is known."""
    if not shape or 0 in shape:
        return False
    n = round((1 + (1 + 8 * shape[-1]) ** 0.5) / 2)
    vectors = n * (n - 1) // 2 == shape[-1] and n >= LEAST and count in (None, n)
    squares = len(shape) > 1 and shape[-1] == shape[-2] >= LEAST and count in (None, shape[-1])
    return (vectors and len(shape) <= 3) or (squares and len(shape) <= 4)


def _read_dataarray(source: Any) -> Found:
    """The words of a DataArray; its pairs must be in squareform order."""
    dims = [str(d) for d in source.dims]
    square = "pair" not in dims
    lead, last = (dims[:-2], dims[-2:]) if square else ([d for d in dims if d != "pair"], ["pair"])
    if unknown := [d for d in lead if d not in ("subject", "session", "time_ms")]:
        raise AnalysisError(
            f"the DataArray has dimensions {tuple(dims)}; subject, session, time_ms are known "
            f"before pair (or two of stimuli), {unknown[0]!r} is not: rename or select it"
        )
    lead = [d for d in ("subject", "session", "time_ms") if d in lead]
    source = source.transpose(*lead, *last)
    for word, expected in zip(
        ("first", "second"),
        pair_indices(conditions_of(source.sizes["pair"])) if not square else (),
        strict=False,
    ):
        if word in source.coords and not np.array_equal(source[word].values, expected):
            raise AnalysisError(
                f"the coordinate {word!r} of the DataArray is not that of scipy's squareform "
                "order: sort the pairs first"
            )
    read: Found = {"values": source.values, "dims": tuple(lead)}
    read |= {
        w: source[w].values
        for w in ("subject", "session", "time_ms", "label", "stimulus_id")
        if w in source.coords
    }
    if "time_ms" in read:
        read["time_ms"] = source["time_ms"]  # with its unit and the width of its bins
    if square:
        ids = square_ids(source)
        if ids is None and last[0] in source.coords:  # which only counts
            ids = source[last[0]].values
        if ids is not None:
            read["stimulus_id"] = ids
    if not square and "first_id" in source.coords:
        labelled = labelled_rdms(source, "RDMs")
        read |= {"values": labelled.values, "stimulus_id": labelled.ids}
    return read
