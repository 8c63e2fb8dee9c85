"""Square RDMs of people, whose rows and columns may have names."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim import pairs
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.ids import texts
from cortexsim.labelled.arrays import named
from cortexsim.labelled.rdms import labelled_rdms, pair_coords
from cortexsim.plain import of_pandas


@clear_errors
def condensed(square: Any, *, tolerance: float = 1e-6) -> Any:
    """Square RDMs to vectors of pairs; the two triangles are averaged.

    Parameters
    ----------
    square : array_like of shape (..., n, n), DataArray or DataFrame
        Dissimilarities of n conditions. The rows and columns of a DataFrame, and the coordinates
        of the last two dimensions of a DataArray, are the ids of the conditions.
    tolerance : float
        By how much the triangles may differ, and the diagonal from 0, in parts of the largest
        entry.

    Returns
    -------
    array of shape (..., pair)
        The dissimilarities of n (n - 1) / 2 pairs; of a DataFrame or DataArray a DataArray, with
        the ids of the two conditions of each pair where they are known.

    Raises
    ------
    AnalysisError
        If the last two axes or the triangles differ, if their ids are others or in another order,
        or if the diagonal is not zero.

    Examples
    --------
    >>> condensed([[0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]])
    array([1., 2., 3., 4., 5., 6.])
    """
    import pandas
    import xarray

    lead: tuple[str, ...] = ()
    coords: dict[str, Any] = {}
    if isinstance(square, pandas.DataFrame):
        ids = _same(_names(square.index), _names(square.columns))
        values = of_pandas(square)
    elif isinstance(square, xarray.DataArray) and square.ndim >= 2:
        ids = square_ids(square)
        values, lead = square.data, tuple(map(str, square.dims[:-2]))
        coords = {str(k): c.variable for k, c in square.coords.items() if set(c.dims) <= set(lead)}
    else:
        return pairs.condensed(square, tolerance=tolerance)
    vectors = pairs.condensed(values, tolerance=tolerance)
    if ids is not None:
        coords |= pair_coords(ids)
    return xarray.DataArray(vectors, coords, (*lead, "pair"), "rdm")


@clear_errors
def square(rdms: Any, *, diagonal: float = 0.0) -> np.ndarray:
    """Vectors of pairs to square RDMs.

    Parameters
    ----------
    rdms : array_like of shape (..., pair), or DataArray
        Dissimilarities of the pairs of n conditions. ``pair`` of a DataArray may be any of its
        dimensions, its pairs in any order (``first_id``, ``second_id``).
    diagonal : float
        What stands on the diagonal.

    Returns
    -------
    array of shape (..., n, n)
        Symmetric. Rows and columns are in the order in which the pairs name their conditions.

    Examples
    --------
    >>> square(np.arange(6.0))[0]
    array([0., 0., 1., 2.])
    """
    array = named(rdms, "RDMs")
    if array is not None and "pair" in array.dims:
        rdms = labelled_rdms(array, "RDMs").values
    return pairs.square(rdms, diagonal=diagonal)


def square_ids(square: Any) -> np.ndarray | None:
    """The ids of the rows and columns of square RDMs.

    Parameters
    ----------
    square : DataArray of shape (..., n, n)
        Its last two dimensions may have an index, or ``stimulus_id``.

    Returns
    -------
    array of str of shape (n,), or None where neither has names

    Raises
    ------
    AnalysisError
        If rows and columns are named differently.
    """
    return _same(*(_stated(square, d, _names(square.indexes.get(d))) for d in square.dims[-2:]))


def _same(rows: np.ndarray | None, columns: np.ndarray | None) -> np.ndarray | None:
    """The names of both, or of the one that has any."""
    if rows is None or columns is None:
        return columns if rows is None else rows
    if len(rows) == len(columns) and (rows != columns).any():
        k = int(np.argmax(rows != columns))
        raise AnalysisError(
            f"row {k} of the square RDM is {rows[k]!r}, column {k} is {columns[k]!r}; both must be "
            "the same conditions in the same order, e.g. frame.loc[ids, ids]"
        )
    return rows


def _names(index: Any) -> np.ndarray | None:
    """The ids that an index holds; None where it counts places."""
    if index is None or (index.dtype.kind in "iu" and (index == np.arange(len(index))).all()):
        return None
    return texts(index.values, "the names of the square RDM")


def _stated(square: Any, dim: Any, names: np.ndarray | None) -> np.ndarray | None:
    """``stimulus_id`` along a dimension, else the names of its index."""
    if "stimulus_id" in square.coords and square.stimulus_id.dims == (dim,):
        return texts(square.stimulus_id.values, "the stimulus ids of the square RDM")
    return names
