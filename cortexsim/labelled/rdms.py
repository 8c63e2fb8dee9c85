"""RDMs that know their conditions: joined by the ids of the two conditions of each pair."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.arguments import outside
from cortexsim.errors import AnalysisError, JoinedWarning
from cortexsim.ids import align, quoted, repeated, texts
from cortexsim.labelled.arrays import named
from cortexsim.pairs import as_vectors, conditions_of, pair_indices, pair_position, pairs_among

FIRST, SECOND = "first_id", "second_id"
EAGER = 2000  # conditions; the ids of the pairs of more are made when they are asked for


@dataclass(frozen=True)
class Rdms:
    """RDMs ``(..., pair)`` in ``squareform`` order.

    Parameters
    ----------
    values : array of shape (..., pair)
        Plain, or a dask array.
    dims : tuple of str, or None
        The names of the axes before the pairs; None of a plain array.
    coords : dict of str to (dims, values)
        Their coordinates.
    ids : array of str of shape (condition,), optional
        Of the conditions, in the order of the pairs.
    what : str
        What they are called in errors.
    counted : array of str of shape (condition,), optional
        "0", "1", ..., where the conditions were only counted (whole numbers, of an index that
        nobody asked for); of such RDMs ``ids`` is None.
    """

    values: Any
    dims: tuple[str, ...] | None
    coords: dict[str, tuple[tuple[str, ...], np.ndarray]]
    ids: np.ndarray | None
    what: str
    counted: np.ndarray | None = None

    def like(self, other: Rdms) -> Rdms:
        """In the order of the conditions of another, by ids where both have them.

        Those that are counted are matched with the same numbers in another order, and by place
        with names.

        Raises
        ------
        AnalysisError
            If the conditions are not the same.
        """
        if other.ids is None:
            if other.counted is None or self.ids is None or set(self.ids) != set(other.counted):
                return self
            return self.ordered(other.counted, other.what)
        if self.counted is not None and set(self.counted) == set(other.ids):
            return dataclasses.replace(self, ids=self.counted).ordered(other.ids, other.what)
        return self.ordered(other.ids, other.what)

    def ordered(self, ids: np.ndarray, what: str) -> Rdms:
        """In the order of these ids, which must be those of the conditions (where they are known).

        what: whose they are, in errors.
        """
        if self.ids is None:
            n = conditions_of(self.values.shape[-1], self.what)
            if n != len(ids):
                raise AnalysisError(
                    f"the {self.what} are of {n} conditions, the {what} of {len(ids)}; both must "
                    "be of the same ones"
                )
            return self
        if len(ids) == len(self.ids) and bool((self.ids == ids).all()):
            return self
        names = (f"the {self.what}", f"the {what}")
        index = align(self.ids, ids, what=names)
        if len(self.ids) > len(ids):
            align(ids, self.ids, what=names[::-1])  # raises, and says which are too many
        values = self.values[..., pairs_among(index, len(self.ids))]
        return dataclasses.replace(self, values=values, ids=np.asarray(ids, dtype=object))


def labelled_rdms(rdms: Any, what: str) -> Rdms:
    """RDMs with their names and conditions, as far as they have any.

    Parameters
    ----------
    rdms : array_like of shape (..., pair), or DataArray with a dimension ``pair``
        A DataArray may carry ``first_id`` and ``second_id`` along ``pair`` (also by subject, as
        ``xarray.concat`` makes them of subjects with different orders); pairs in another order are
        put back into that of ``squareform``.
    what : str
        What they are called in errors.

    Returns
    -------
    Rdms
        ``pair`` is the last axis; the values are not yet checked where they are lazy.

    Raises
    ------
    AnalysisError
        For square RDMs, a number of pairs that is none, pairs that are not those of a set of
        conditions, and those whose ids are lost.
    """
    array = named(rdms, what)
    if array is None:
        lazy = type(rdms).__module__.startswith("dask")
        return Rdms(rdms if lazy else as_vectors(rdms, what), None, {}, None, what)
    dims = tuple(map(str, array.dims))
    if "pair" not in dims:
        square = array.ndim > 1 and array.shape[-1] == array.shape[-2]
        raise AnalysisError(
            f"the {what} have the dimensions {dims}; one of them must be called pair"
            + (
                ": these look like square RDMs, cortexsim.analysis.condensed(square) makes pairs"
                if square
                else f", e.g. .rename({dims[-1]}='pair') of RDMs in squareform's order. Responses "
                "become RDMs with cortexsim.neural.response_rdms, patterns with "
                "cortexsim.analysis.rdms"
            )
        )
    array = array.transpose(..., "pair")
    lead = tuple(map(str, array.dims[:-1]))
    values = array.data
    if not type(values).__module__.startswith("dask"):
        values = as_vectors(values, what)
    conditions_of(values.shape[-1], what)
    coords = {
        str(name): (tuple(map(str, c.dims)), np.asarray(c.values))
        for name, c in array.coords.items()
        if c.dims and "pair" not in c.dims
    }
    labelled = Rdms(values, lead, coords, None, what)
    if FIRST in array.coords and SECOND in array.coords:
        _warn_of_joining(array, what)
        return _by_ids(labelled, array[FIRST], array[SECOND])
    if {"first", "second"} <= set(array.coords) or {FIRST, SECOND} & set(array.coords):
        raise AnalysisError(
            f"the pairs of the {what} are numbered (first, second), but their conditions are not "
            "named (first_id, second_id): the ids are lost, as after arithmetic of RDMs whose "
            "conditions are in different orders, which xarray does by place. Bring them into one "
            "order first (cortexsim.neural.select_stimuli), open a stored movie with "
            "cortexsim.analysis.open_movie, or say that the order is that of all others: "
            ".drop_vars(['first', 'second', 'first_id', 'second_id'], errors='ignore')"
        )
    return labelled


def _warn_of_joining(array: Any, what: str) -> None:
    """With its coming defaults, ``xarray.concat`` keeps the ids of the first only, silently."""
    import xarray

    several = any(array.sizes.get(d, 1) > 1 for d in ("subject", "session"))
    one_order = array[FIRST].dims == ("pair",)
    if several and one_order and xarray.get_options().get("use_new_combine_kwarg_defaults"):
        warnings.warn(
            f"xarray's option use_new_combine_kwarg_defaults is on: had the {what} been joined by "
            "xarray.concat from subjects whose conditions are in different orders, the ids of the "
            "first would stand for all. cortexsim.neural.stack joins by id; "
            "xarray.concat(..., coords='different', compat='equals') keeps what differs",
            JoinedWarning,
            stacklevel=outside(),
        )


def pair_coords(ids: Any) -> dict[str, Any]:
    """The two conditions of each pair, by number and by id, as coordinates for xarray.

    Parameters
    ----------
    ids : array_like of str of shape (condition,)
        In the order of the conditions.

    Returns
    -------
    dict
        ``first`` and ``second`` (numbers), and :func:`pair_ids`.
    """
    i, j = pair_indices(len(ids))
    numbered = {"first": ("pair", i.astype(np.int32)), "second": ("pair", j.astype(np.int32))}
    return numbered | pair_ids(ids)


def pair_ids(ids: Any) -> dict[str, Any]:
    """The ids of the two conditions of each pair, as coordinates for xarray.

    Parameters
    ----------
    ids : array_like of str of shape (condition,)
        In the order of the conditions; whole numbers if they were only counted.

    Returns
    -------
    dict
        ``first_id`` and ``second_id``; of more than ``EAGER`` conditions they take memory only
        when they are read.

    Examples
    --------
    >>> pair_ids(["a", "b", "c", "d"])["second_id"][1]
    array(['b', 'c', 'd', 'c', 'd', 'd'], dtype=object)
    """
    names = np.asarray(ids)
    if names.dtype.kind not in "iu":
        names = np.asarray(ids, dtype=object)
    if len(names) > EAGER:
        from cortexsim.labelled.lazy_ids import lazy_pair_ids

        return lazy_pair_ids(names)
    i, j = pair_indices(len(names))
    return {FIRST: ("pair", names[i]), SECOND: ("pair", names[j])}


def counting(n: int) -> list[str]:
    """The names of conditions that are only counted: "0", "1", ..."""
    return [str(k) for k in range(n)]


def same_conditions(rdms: Sequence[Rdms]) -> list[Rdms]:
    """All in the order of the first that knows its conditions.

    Raises
    ------
    AnalysisError
        If they are not of the same conditions.
    """
    known = next((r for r in rdms if r.ids is not None), None)
    return list(rdms) if known is None else [r.like(known) for r in rdms]


def _by_ids(rdms: Rdms, first: Any, second: Any) -> Rdms:
    """RDMs in the order of the ids of their pairs, which may differ from subject to subject."""
    if first.dims != second.dims:
        raise AnalysisError(
            f"{FIRST} of the {rdms.what} is along {first.dims}, {SECOND} along {second.dims}; both "
            "must be along the same"
        )
    if first.dims == ("pair",):
        ids, order = _conditions(first.values, second.values, rdms.what)
        if first.dtype.kind in "iu" and order is None and list(ids) == counting(len(ids)):
            return dataclasses.replace(rdms, counted=ids)
        values = rdms.values if order is None else rdms.values[..., order]
        return dataclasses.replace(rdms, values=values, ids=ids)
    others = [str(d) for d in first.dims if d != "pair"]
    if len(others) != 1 or rdms.dims is None or others[0] not in rdms.dims:
        raise AnalysisError(
            f"{FIRST} of the {rdms.what} is along {first.dims}; along pair, or along pair and one "
            "other dimension, is needed"
        )
    axis = rdms.dims.index(others[0])
    a, b = (c.transpose(others[0], "pair").values for c in (first, second))
    parts: list[Rdms] = []
    for k in range(len(a)):
        part = dataclasses.replace(
            rdms,
            values=rdms.values[(slice(None),) * axis + (slice(k, k + 1),)],
            what=f"{rdms.what} of {others[0]} {k}",
        )
        ids, order = _conditions(a[k], b[k], part.what)
        values = part.values if order is None else part.values[..., order]
        parts.append(dataclasses.replace(part, values=values, ids=ids))
    parts = same_conditions(parts)
    if type(rdms.values).__module__.startswith("dask"):
        import dask.array

        joined = dask.array.concatenate([p.values for p in parts], axis=axis)
    else:
        joined = np.concatenate([p.values for p in parts], axis=axis)
    return dataclasses.replace(rdms, values=joined, ids=parts[0].ids)


def _conditions(first: Any, second: Any, what: str) -> tuple[np.ndarray, np.ndarray | None]:
    """The conditions of pairs, and where the pairs of ``squareform`` stand (None: they are so)."""
    n = conditions_of(len(first), what)
    i, j = pair_indices(n)
    a, b = np.asarray(first, dtype=object), np.asarray(second, dtype=object)
    ids = np.concatenate([a[:1], b[: n - 1]])
    if any(isinstance(each, (dict, list, set, np.ndarray)) for each in (*ids, *a[:n], *b[-n:])):
        texts([*a, *b], f"the condition ids of the {what}")  # refuses what is no name
    if len(set(ids)) == n and bool((a == ids[i]).all()) and bool((b == ids[j]).all()):
        return texts(ids, f"the condition ids of the {what}"), None
    found = texts(list(dict.fromkeys([*a, *b])), f"the condition ids of the {what}")
    if len(found) != n or repeated(found):
        raise AnalysisError(
            f"the {len(a)} pairs of the {what} name {len(found)} conditions ({quoted(found)}); "
            f"pairs of one set of {n} conditions are needed, each once. Were pairs selected? "
            "Select stimuli of the whole data set instead (cortexsim.neural.select_stimuli)"
        )
    place = {s: k for k, s in enumerate(dict.fromkeys([*a, *b]))}
    p, q = (np.array([place[s] for s in side]) for side in (a, b))
    where = pair_position(n)[p, q]
    if (p == q).any() or len(np.unique(where)) != len(where):
        raise AnalysisError(
            f"the pairs of the {what} are not all pairs of their {n} conditions, each once"
        )
    return found, np.argsort(where)
