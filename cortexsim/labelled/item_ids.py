"""The ids of the items along an axis: stated as stimulus_id, or by the index of the axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.ids import align, texts

ITEMS = ("stimulus", "trial", "condition", "presentation")


def ids_of(array: Any, item: str, what: str) -> tuple[np.ndarray | None, bool]:
    """The ids along an axis, and whether they only count its places.

    Parameters
    ----------
    array : DataArray
        Its coordinate ``stimulus_id``, else its index along the axis.
    item : str
        The axis.
    what : str
        What it is called in errors.

    Returns
    -------
    tuple of (array of str of shape (item,) or None, bool)

    Raises
    ------
    AnalysisError
        Where both are there and contradict each other, and for ids that are no text.
    """
    import pandas

    stated = None
    if item in ITEMS and "stimulus_id" in array.coords:
        if array.stimulus_id.dims != (item,) and array.stimulus_id.dims:
            raise AnalysisError(
                f"stimulus_id of the {what} is along {array.stimulus_id.dims}; one for each "
                f"{item} is needed"
            )
        if array.stimulus_id.dims:
            stated = texts(array.stimulus_id.values, f"the stimulus ids of the {what}")
    index = array.indexes.get(item)
    if stated is None and index is None:
        _refuse_lost(array, item, what)
    if index is None or item == "trial":
        return stated, False
    if isinstance(index, pandas.MultiIndex):
        if stated is None:
            names = [" ".join(texts(row, f"the index of the {what}")) for row in index]
            stated = texts(names, f"the index of the {what}")
        return stated, False
    counted = counts_places(index)
    if stated is None:
        return texts(index.values, f"the index of the {what}"), counted
    if not counted:
        other = texts(index.values, f"the index of the {what}")
        if (other != stated).any():
            k = int(np.argmax(other != stated))
            raise AnalysisError(
                f"the {what} name their stimuli twice, and differently: {item} {k} is "
                f"{other[k]!r} by the index and {stated[k]!r} by stimulus_id. Drop one of the two, "
                f"e.g. .drop_vars({item!r})"
            )
    return stated, False


def _refuse_lost(array: Any, item: str, what: str) -> None:
    """Refuse recordings and responses that had ids, which xarray's arithmetic took away.

    They are told by what only they have: responses their kind, recordings ``populated``.
    """
    if item != "stimulus":
        return
    if array.attrs.get("kind") == "responses" or "populated" in array.coords:
        raise AnalysisError(
            f"the {what} carry no stimulus_id: the ids are lost, as after arithmetic of arrays "
            "whose stimuli are in different orders, which xarray does by place. Bring them into "
            "one order first (cortexsim.neural.select_stimuli), or name the stimuli: "
            ".assign_coords(stimulus_id=('stimulus', ids))"
        )


def by_names(values: Any, names: np.ndarray, what: str, owner: str) -> Any:
    """A vector or a square whose axes may have names, in the order of these names.

    Parameters
    ----------
    values : array_like of shape (n,) or (n, n), Series, DataFrame or DataArray
        An axis that has no names, or only counts its places, stays as it is.
    names : array of str of shape (n,)
        The names in the order that is wanted.
    what : str
        What it is called in errors.
    owner : str
        Whose the names are, in errors.

    Returns
    -------
    array_like

    Raises
    ------
    AnalysisError
        For other names.
    """
    if hasattr(values, "index") and hasattr(values, "to_numpy"):  # of pandas
        plain = values.to_numpy()
        axes = [values.index, values.columns] if values.ndim == 2 else [values.index]
        stated: list[tuple[Any, bool]] = [
            (texts(index.values, f"the names of {what}"), counts_places(index)) for index in axes
        ]
    elif hasattr(values, "indexes") and hasattr(values, "dims"):
        plain = values.values
        stated = [ids_of(values, str(d), what) for d in values.dims]
    else:
        return values
    for axis, (own, counted) in enumerate(stated):
        if own is not None and not counted:
            plain = np.take(plain, align(own, names, what=(what, owner)), axis)
    return plain


def counts_places(index: Any) -> bool:
    """Whether an index only counts its places 0, 1, 2, ..."""
    return index.dtype.kind in "iu" and bool((index == np.arange(len(index))).all())
