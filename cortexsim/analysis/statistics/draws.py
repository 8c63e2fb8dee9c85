"""Random draws: checked counts, groups that stay together, resamples as counts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from cortexsim.analysis.statistics.sizes import at_most, room_for
from cortexsim.errors import AnalysisError
from cortexsim.ids import align, texts
from cortexsim.labelled.arrays import named
from cortexsim.labelled.item_ids import ids_of
from cortexsim.provenance import provenance
from cortexsim.shapes import Float, Int

FEWER = "give a smaller n, e.g. Inference(n=1000)"


def whole_number(value: Any, what: str) -> int:
    """An int; AnalysisError for anything else.

    Examples
    --------
    >>> whole_number(np.int32(3), "n")
    3
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise AnalysisError(f"{what}={value!r} is not a whole number")
    return int(value)


def counted(value: Any, what: str, least: int = 1) -> int:
    """A whole number of repetitions that is of use; AnalysisError for anything else.

    Examples
    --------
    >>> counted(50, "splits")
    50
    """
    number = whole_number(value, what)
    if number < least:
        raise AnalysisError(f"{what}={number} is too few; give at least {least}, e.g. 100")
    return at_most(number, what)


def in_order_of(groups: Any, ids: Any, what: str) -> Any:
    """Labels in the order of the ids of the members, where both have ids; else as they are.

    Parameters
    ----------
    groups : array_like, DataArray or Series of shape (member,), optional
        A label each.
    ids : array of str of shape (member,), optional
        Of the members.
    what : str
        Of what they are labels, for the message.

    Raises
    ------
    AnalysisError
        For labels of other members.
    """
    array = named(groups, what)
    if array is None or array.ndim != 1:
        return groups
    own, only_count = ids_of(array, str(array.dims[0]), what)
    if own is None or only_count or ids is None or len(own) != len(ids):
        return array.values
    return array.values[align(own, texts(ids, "the ids"), what=(what, "the data"))]


def labels(groups: Any, count: int, what: str) -> Int[np.ndarray, " member"]:
    """The number of the group of each member; without groups each is its own.

    Parameters
    ----------
    groups : sequence of length member, optional
        A label each.
    count : int
        How many members there are.
    what : str
        Of what they are labels, for the message.

    Returns
    -------
    array of shape (member,)
        0, 1, ... in the order of the sorted labels.

    Raises
    ------
    AnalysisError
        For another number of labels.

    Examples
    --------
    >>> labels(["b", "a", "b"], 3, "groups")
    array([1, 0, 1])
    """
    if groups is None:
        return np.arange(count)
    names = np.asarray(groups)
    if names.shape != (count,):
        raise AnalysisError(
            f"{what} has shape {names.shape}; one label for each of {count} is needed"
        )
    return np.unique(names, return_inverse=True)[1]


def generator_of(rng: Any) -> np.random.Generator:
    """A generator from a seed, or the one that was given."""
    if isinstance(rng, np.random.Generator):
        return rng
    if whole_number(rng, "rng") < 0:
        raise AnalysisError(f"rng={rng} must be a seed of at least 0, or a numpy.random.Generator")
    return np.random.default_rng(rng)


def draw(
    rng: np.random.Generator,
    n: int,
    groups: Int[np.ndarray, " member"],
    resampled: bool,
    what: str,
) -> Int[np.ndarray, "resample member"]:
    """How often each member is in each resample: groups drawn with replacement.

    Parameters
    ----------
    rng : numpy.random.Generator
        To draw from.
    n : int
        Resamples.
    groups : array of shape (member,)
        The number of each member's group, 0, 1, ...
    resampled : bool
        Otherwise one row in which every member is there once.
    what : str
        What is drawn, for the message.

    Returns
    -------
    array of shape (resample, member)
        As many groups as there are, drawn with replacement.

    Raises
    ------
    AnalysisError
        Where all members are in one group.

    Examples
    --------
    >>> draw(np.random.default_rng(0), 3, np.array([0, 0, 1]), True, "subject").tolist()
    [[1, 1, 1], [1, 1, 1], [0, 0, 2]]
    """
    if not resampled:
        return np.ones((1, len(groups)), dtype=np.int64)
    count = groups.max() + 1
    if count < 2:
        raise AnalysisError(f"all {what}s are in one group, which cannot be resampled")
    room_for({"resample": n, what: len(groups)}, f"resamples of {what}s", FEWER)
    return rng.multinomial(count, np.full(count, 1 / count), size=n)[:, groups]


def group_counts(
    members: int, n: Any, rng: np.random.Generator
) -> Float[np.ndarray, "resample member"]:
    """How often each of the members is in each of n resamples; AnalysisError for fewer than 20."""
    enough(n, "resamples")
    room_for({"resample": n, "member": members}, "resamples of members", FEWER)
    return rng.multinomial(members, np.full(members, 1 / members), size=n).astype(np.float64)


def enough(n: Any, what: str) -> None:
    """AnalysisError for fewer resamples than an interval or a p-value needs."""
    if whole_number(n, "n") < 20:
        raise AnalysisError(
            f"n={n} {what} give no interval and no p-value below 0.05; take at least 20, better "
            "1000"
        )
    at_most(int(n), "n")


def share(value: Any, name: str) -> None:
    """AnalysisError for what is no number between 0 and 1."""
    if not isinstance(value, (int, float, np.number)) or not 0 < value < 1:
        example = 0.95 if name == "confidence" else 0.05
        raise AnalysisError(f"{name}={value!r} must lie between 0 and 1, e.g. {example}")


def attributes(rng: Any, **settings: Any) -> dict[str, Any]:
    """Settings, seed and provenance of a result."""
    seed = "a generator of the caller" if isinstance(rng, np.random.Generator) else int(rng)
    return {**settings, "seed": seed, "provenance": json.dumps(provenance("scipy", "xarray"))}


def weights_of(rng: np.random.Generator, n: int, count: int) -> Float[np.ndarray, "resample item"]:
    """Share of each item in each of n resamples of ``count`` items."""
    room_for({"resample": n, "item": count}, "resamples of items", FEWER)
    return rng.multinomial(count, np.full(count, 1 / count), size=n) / count
