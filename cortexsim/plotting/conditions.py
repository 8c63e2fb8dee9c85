"""RDMs to be drawn, and the orders and groups of their conditions: by ids where both know them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.analysis.rsa.squares import condensed
from cortexsim.errors import AnalysisError
from cortexsim.ids import align, texts
from cortexsim.labelled.arrays import Labelled, column, named
from cortexsim.labelled.item_ids import ITEMS, ids_of
from cortexsim.labelled.rdms import labelled_rdms
from cortexsim.pairs import as_vectors
from cortexsim.plain import numbers
from cortexsim.shapes import Float, Int


def drawn_rdms(rdms: Any, what: str) -> tuple[Float[np.ndarray, "*stack pair"], np.ndarray | None]:
    """RDMs as float vectors, and the ids of their conditions.

    Parameters
    ----------
    rdms : array_like of shape (..., pair) or (condition, condition), DataArray or DataFrame
        One square RDM becomes a vector. ``pair`` of a DataArray may be any of its dimensions, its
        pairs in any order (``first_id``, ``second_id``).
    what : str
        What they are called in errors.

    Returns
    -------
    values : array of shape (..., pair)
    ids : array of str of shape (condition,), or None

    Raises
    ------
    AnalysisError
        For what is no RDM.
    """
    has_names = named(rdms, what) is not None
    if not has_names or "pair" not in getattr(rdms, "dims", ()):
        values = np.atleast_1d(numbers(rdms, what))
        n = values.shape[-1] if values.ndim == 2 else 0
        if len(values) == n and not np.diagonal(values).any():
            rdms = condensed(rdms if has_names else values)
        elif not has_names:
            return as_vectors(values, what), None
    known = labelled_rdms(rdms, what)
    return as_vectors(known.values, what), known.ids


def names_of_groups(groups: Any, count: int, ids: np.ndarray | None = None) -> list[str] | None:
    """The name of the group of each of ``count`` conditions, if there are groups.

    Parameters
    ----------
    groups : array_like, DataArray or Series of length count, optional
        A name for each condition; those with ids are matched by them.
    count : int
        Of conditions.
    ids : array of str of shape (count,), optional
        Of the conditions.

    Raises
    ------
    AnalysisError
        For another number of names, and for other ids.
    """
    if groups is None:
        return None
    given = column(groups, "groups")
    if given.count != count:
        raise AnalysisError(
            f"{given.count} groups for {count} conditions; give one name for each condition"
        )
    values = in_order_of_conditions(given, ids).values
    return [str(g) for g in values]


def in_order_of_conditions(given: Labelled, ids: np.ndarray | None) -> Labelled:
    """What is given of the conditions, in the order of their ids where both are known."""
    if ids is None:
        return given
    return given.like(Labelled(ids, ("condition",), "condition", ids, False, {}, "conditions"))


def placed(positions: Any, what: str) -> Labelled:
    """Positions ``(..., condition, axis)`` as float64, with the ids that they carry.

    Parameters
    ----------
    positions : array_like of shape (..., condition, axis), DataArray or DataFrame
        Of a DataArray one dimension is of conditions or stimuli, another is called axis; the index
        of a DataFrame has the ids.
    what : str
        What they are called in errors.

    Returns
    -------
    Labelled

    Raises
    ------
    AnalysisError
        For other dimensions, and for what is not an array of numbers.
    """
    array = named(positions, what)
    if array is None:
        values = numbers(positions, what).astype(np.float64)
        if values.ndim < 2:
            raise AnalysisError(
                f"the {what} have shape {values.shape}; one position for each condition, "
                "(..., condition, axis), is needed"
            )
        dims = (*(f"axis {k}" for k in range(values.ndim - 2)), "condition", "axis")
        return Labelled(values, dims, "condition", None, False, {}, what)
    if not hasattr(positions, "dims"):  # a table, whose columns are the axes
        array = array.rename(unit="axis") if "unit" in array.dims else array
    items = [str(d) for d in array.dims if d in ITEMS]
    if len(items) != 1 or "axis" not in array.dims:
        raise AnalysisError(
            f"the {what} have the dimensions {array.dims}; one of {', '.join(ITEMS)}, and axis, "
            "are needed (.rename)"
        )
    array = array.transpose(..., items[0], "axis")
    values = numbers(array, what).astype(np.float64)
    ids, counted = ids_of(array, items[0], what)
    return Labelled(values, tuple(map(str, array.dims)), items[0], ids, counted, {}, what)


def order_of(
    order: Any, count: int, ids: np.ndarray | None = None
) -> Int[np.ndarray, " condition"]:
    """The conditions in the order to draw them, as places.

    Parameters
    ----------
    order : array_like of int or str, shape (condition,), optional
        Places, or ids; default as they are.
    count : int
        Of conditions.
    ids : array of str of shape (count,), optional
        Of the conditions.

    Raises
    ------
    AnalysisError
        Unless each condition stands in it once.
    """
    if order is None:
        return np.arange(count)
    rows = column(order, "order").values
    if rows.dtype.kind in "OUS":
        if ids is None:
            raise AnalysisError(
                f"order holds names ({rows[0]!r}, ...), but the RDM does not know its conditions; "
                "give places 0, 1, ..., or an RDM with ids (first_id, second_id on pair)"
            )
        rows = align(ids, texts(rows, "order"), what=("the RDM", "order"))
    if rows.dtype.kind not in "iu" or not np.array_equal(np.sort(rows), np.arange(count)):
        raise AnalysisError(
            f"order must hold each of the {count} conditions 0 to {count - 1} once; found "
            f"{rows.size} entries"
        )
    return rows
