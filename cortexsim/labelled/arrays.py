"""Arrays with what names their axes: brought into one order of axes, joined by stimulus ids."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.ids import align, quoted, repeated
from cortexsim.labelled.item_ids import ITEMS, ids_of
from cortexsim.plain import numbers, of_pandas

FEATURES = (
    *("feature", "unit", "neuroid", "neuron", "channel", "y", "x", "sensor", "electrode", "voxel"),
)
LEADS = (
    *("model", "state", "step", "time_ms", "subject", "session", "run", "repeat", "split"),
    *("resample", "half"),
)


@dataclass(frozen=True)
class Labelled:
    """An array whose axes have names, and whose items may have ids.

    Parameters
    ----------
    values : array
        Plain; checked numbers, except of :func:`column`.
    dims : tuple of str
        The names of its axes.
    item : str
        The axis of the items: stimulus, trial or condition.
    ids : array of str of shape (item,), optional
        Of the items.
    counted : bool
        Whether the ids only count places 0, 1, 2, ..., as an index does that nobody asked for.
    coords : mapping of str to array
        The coordinates of the other axes, by the name of the axis.
    what : str
        What it is called in errors.
    """

    values: np.ndarray
    dims: tuple[str, ...]
    item: str
    ids: np.ndarray | None
    counted: bool
    coords: Mapping[str, np.ndarray]
    what: str

    @property
    def count(self) -> int:
        """How many items there are."""
        return self.values.shape[self.dims.index(self.item)]

    def taken(self, index: np.ndarray) -> Labelled:
        """The items of these places, in this order."""
        values = np.take(self.values, index, axis=self.dims.index(self.item))
        ids = None if self.ids is None else self.ids[index]
        return dataclasses.replace(self, values=values, ids=ids)

    def like(self, other: Labelled) -> Labelled:
        """In the order of the items of another, by ids where both have them.

        Raises
        ------
        AnalysisError
            If the items are not the same.
        """
        index = places(other, self)
        return self if index is None else self.taken(index)


def labelled(
    values: Any,
    what: str,
    *,
    dims: Sequence[str],
    plain: Mapping[int, Sequence[str]] | None = None,
    optional: Sequence[str] = (),
    item: str = "stimulus",
) -> Labelled:
    """An array of numbers with its axes in the order of ``dims``.

    Parameters
    ----------
    values : array_like, DataArray, Series or DataFrame
        A DataArray's dimensions are known by their names, a plain array's by their number. The
        index of a Series or DataFrame holds ids, unless it counts 0, 1, 2, ...
    what : str
        What it is called in errors.
    dims : sequence of str
        The names of the axes, in the order that is wanted.
    plain : mapping of int to sequence of str, optional
        The axes of a plain array by their number; default all of ``dims`` that are not optional.
    optional : sequence of str
        Which of ``dims`` may be absent.
    item : str
        Which of ``dims`` has ids.

    Returns
    -------
    Labelled
        With the axes of ``dims`` that the array has.

    Raises
    ------
    AnalysisError
        For other dimensions, and for what is not an array of numbers.
    """
    array = named(values, what)
    needed = tuple(d for d in dims if d not in optional)
    if array is None:
        x = numbers(values, what)
        orders = {len(needed): needed} if plain is None else plain
        if x.ndim not in orders:
            known = ") or (".join(", ".join(order) for order in orders.values())
            raise AnalysisError(
                f"the {what} have shape {x.shape}; give ({known}), or name the axes: "
                f"xarray.DataArray(x, dims={tuple(dims)})"
            )
        order = tuple(orders[x.ndim])
        present = tuple(d for d in dims if d in order)
        x = x.transpose([order.index(d) for d in present])
        return Labelled(x, present, item, None, False, {}, what)
    have = tuple(map(str, array.dims))
    if set(have) - set(dims) or set(needed) - set(have):
        raise AnalysisError(
            f"the {what} have the dimensions {have}; ({', '.join(needed)})"
            + (f" and perhaps {', '.join(optional)}" if optional else "")
            + " are needed. Choose one of each other dimension (.sel), or give a dimension its "
            "name (.rename)"
        )
    present = tuple(d for d in dims if d in have)
    array = array.transpose(*present)
    ids, counted = ids_of(array, item, what) if item in present else (None, False)
    return Labelled(numbers(array, what), present, item, ids, counted, _coords(array, item), what)


def patterns(values: Any, what: str) -> Labelled:
    """Patterns ``(..., condition, feature)``.

    Parameters
    ----------
    values : array_like of shape (..., condition, feature), DataArray or DataFrame
        Named dimensions may stand in any order: one of ``ITEMS``, at least one of ``FEATURES``
        (several become one), and any of ``LEADS``.
    what : str
        What they are called in errors.

    Returns
    -------
    Labelled
        Its last two axes are the items and ``feature``.

    Raises
    ------
    AnalysisError
        For unknown dimensions, and for what is not an array of numbers.
    """
    array = named(values, what)
    if array is None:
        x = numbers(values, what)
        lead = tuple(f"axis {k}" for k in range(max(0, x.ndim - 2)))
        if x.ndim < 2:
            raise AnalysisError(
                f"the {what} have shape {x.shape}; (..., condition, feature) is needed"
            )
        dims = (*lead, "condition", "feature")
        return Labelled(x, dims, "condition", None, False, {}, what)
    have = tuple(map(str, array.dims))
    items = [d for d in have if d in ITEMS]
    features = [d for d in have if d in FEATURES]
    unknown = [d for d in have if d not in (*ITEMS, *FEATURES, *LEADS)]
    if len(items) != 1 or not features or unknown:
        raise AnalysisError(
            f"the {what} have the dimensions {have}; one of {', '.join(ITEMS)}, at least one of "
            f"{', '.join(FEATURES)}, and any of {', '.join(LEADS)} are needed"
            + (f". Rename {', '.join(unknown)}, or choose one of each (.sel)" if unknown else "")
        )
    lead = tuple(d for d in have if d in LEADS)
    array = array.transpose(*lead, items[0], *features)
    ids, counted = ids_of(array, items[0], what)
    x = numbers(array, what)
    x = x.reshape((*x.shape[: len(lead) + 1], -1))
    dims = (*lead, items[0], "feature")
    return Labelled(x, dims, items[0], ids, counted, _coords(array, items[0]), what)


def column(values: Any, what: str) -> Labelled:
    """One value of any type for each stimulus: labels, difficulties, groups.

    Parameters
    ----------
    values : array_like of shape (stimulus,), DataArray or Series
        Text or numbers.
    what : str
        What they are called in errors.

    Returns
    -------
    Labelled
        Values as they are.

    Raises
    ------
    AnalysisError
        For more than one dimension.
    """
    array = named(values, what)
    raw = values if array is None else array.values
    if hasattr(raw, "detach"):
        raw = numbers(raw, what)
    x = raw if isinstance(raw, np.ndarray) else _any(raw, what)
    if isinstance(x, np.ma.MaskedArray) and np.ma.getmaskarray(x).any():
        numbers(x, what)
    if x.ndim != 1:
        raise AnalysisError(
            f"the {what} have shape {x.shape}; one for each stimulus, (stimulus,), is needed"
        )
    if array is None:
        return Labelled(np.asarray(x), ("stimulus",), "stimulus", None, False, {}, what)
    dim = str(array.dims[0])
    if dim not in ITEMS:
        raise AnalysisError(
            f"the {what} are along {dim!r}; one for each {' or '.join(ITEMS)} is needed (.rename)"
        )
    ids, counted = ids_of(array, dim, what)
    return Labelled(np.asarray(x), (dim,), dim, ids, counted, {}, what)


def places(first: Labelled, second: Labelled) -> np.ndarray | None:
    """Where each item of the first stands in the second; None: both are in one order.

    Both are joined by their ids. Where one has none (or has only counted them), by place, if
    there are as many.

    Parameters
    ----------
    first : Labelled
        Whose order is wanted.
    second : Labelled
        Of the same items.

    Returns
    -------
    array of int of shape (item,), or None

    Raises
    ------
    AnalysisError
        If the items are not the same, or if ids that occur several times stand in another order.
    """
    a, b = first.ids, second.ids
    same = a is not None and b is not None and len(a) == len(b) and bool((a == b).all())
    if same:
        return None
    by_place = a is None or b is None or (first.counted != second.counted and set(a) != set(b))
    if by_place:
        if first.count != second.count:
            raise AnalysisError(
                f"the {first.what} are of {first.count} {_plural(first.item)}, the {second.what} "
                f"of {second.count}; both must be of the same ones, with ids (a coordinate "
                "stimulus_id) or in the same order"
            )
        return None
    assert a is not None
    assert b is not None
    for ids, side in ((a, first), (b, second)):
        if twice := repeated(ids):
            raise AnalysisError(
                f"the {first.what} and the {second.what} differ in the order of their stimulus "
                f"ids, and some of the {side.what} occur more than once ({quoted(twice)}), so that "
                "they cannot be matched; bring both into one order, or average the repeats "
                "(cortexsim.neural.average)"
            )
    names = (f"the {second.what}", f"the {first.what}")
    index = align(b, a, what=names)
    if len(b) > len(a):
        align(a, b, what=names[::-1])  # raises, and says which are too many
    return index


def refuse_single(array: Any, what: str) -> None:
    """Refuse an array that gives a dimension a single value as its coordinate.

    xarray takes it; whoever reads the coordinate of the dimension finds another length.
    """
    single = [str(d) for d in array.dims if d in array.coords and not array.coords[d].ndim]
    if single:
        raise AnalysisError(
            f"{what}: the coordinate {single[0]} is a single value, and its dimension has "
            f"{array.sizes[single[0]]} places; give one a place, or drop it: "
            f".drop_vars({single[0]!r})"
        )


def named(values: Any, what: str) -> Any:
    """A DataArray of what has names (DataArray, Series, DataFrame), None of what has none."""
    import sys

    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(values, (pandas.Series, pandas.DataFrame)):
        return _of_pandas(values, what)
    if type(values).__name__ == "Dataset" and hasattr(values, "data_vars"):
        raise AnalysisError(
            f"the {what} are a Dataset; give one of its variables: "
            f"{', '.join(map(str, values.data_vars)) or '(it has none)'}"
        )
    if not (hasattr(values, "dims") and hasattr(values, "coords")):
        return None
    refuse_single(values, what)
    return values


def _of_pandas(frame: Any, what: str) -> Any:
    """(stimulus,) of a Series, (stimulus, unit) of a DataFrame; the index has the ids."""
    import pandas
    import xarray

    if isinstance(frame.index, pandas.MultiIndex):
        raise AnalysisError(
            f"the {what} have an index of several levels {list(frame.index.names)}; give one id a "
            "row (.reset_index), or a DataArray (.to_xarray)"
        )
    coords: dict[str, Any] = {}
    if isinstance(frame.index, pandas.RangeIndex):  # which may count, also backwards
        coords["stimulus"] = frame.index.to_numpy()
    else:
        coords["stimulus_id"] = ("stimulus", frame.index.to_numpy())
    if frame.ndim == 1:
        return xarray.DataArray(of_pandas(frame), coords, ("stimulus",))
    if not isinstance(frame.columns, (pandas.RangeIndex, pandas.MultiIndex)):
        coords["unit"] = ("unit", frame.columns.to_numpy())
    return xarray.DataArray(of_pandas(frame), coords, ("stimulus", "unit"))


def _coords(array: Any, item: str) -> dict[str, np.ndarray]:
    """The coordinates of the other axes."""
    return {
        str(d): np.asarray(array[d].values) for d in array.dims if d != item and d in array.coords
    }


def _plural(item: str) -> str:
    return "stimuli" if item == "stimulus" else f"{item}s"


def _any(values: Any, what: str) -> np.ndarray:
    """A list as an array; text stays text."""
    try:
        return np.asarray(values)
    except ValueError as error:
        raise AnalysisError(f"the {what} are no array: {error}") from None
