"""Stimuli are matched by their ids, never by their order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.own.layout import pair_coords, quoted, unique_texts
from cortexsim.pairs import LEAST, pair_indices

if TYPE_CHECKING:
    import xarray

# What ids of the same stimulus may differ in, with what takes the difference away; only ever used for a hint.
FORMS: dict[str, Callable[[str], str]] = {
    "the folder": lambda s: re.split(r"[\\/]", s)[-1],
    "the file extension": lambda s: re.sub(r"\.(?=\w*[A-Za-z])\w{1,5}$", "", s),
    "upper and lower case": str.casefold,
    "zero padding": lambda s: re.sub(r"\d+", lambda m: str(int(m[0])), s),
    "blanks, hyphens and underscores": lambda s: re.sub(r"[\s_-]+", "", s),
}


def align(
    ids: Any, wanted: Any, *, what: tuple[str, str] = ("the recording", "the neural data")
) -> np.ndarray:
    """Where each wanted stimulus stands: ``ids[index] == wanted``.

    ids, wanted: stimulus ids ``(stimulus,)``, each once; ``ids`` may hold more than are wanted. what: the names of the two, for errors.

    Returns an integer array, one entry for each of ``wanted``.
    Raises AnalysisError that names the first ids which differ, ids that occur twice, and what the ids seem to differ in.

    >>> align(["face", "car", "house"], ["house", "face"])
    array([2, 0])
    """
    have = unique_texts(ids, f"the stimulus ids of {what[0]}")
    want = unique_texts(wanted, f"the stimulus ids of {what[1]}")
    place = {s: k for k, s in enumerate(have)}
    missing = [s for s in want if s not in place]
    if missing:
        asked = set(want)
        others = [s for s in have if s not in asked]
        raise AnalysisError(
            f"{len(missing)} of the {len(want)} stimuli of {what[1]} are not among the {len(have)} of {what[0]}: {quoted(missing)}. "
            + (
                f"Only in {what[0]}: {quoted(others)}. "
                if others
                else f"All stimuli of {what[0]} are in {what[1]}: choose those first. "
            )
            + _hint(have, want, missing[0])
        )
    return np.array([place[s] for s in want], dtype=np.int64)


def _hint(have: np.ndarray, want: np.ndarray, example: str) -> str:
    """In which way the ids differ, if all differ in one way, or in as few as possible."""
    for count in range(1, len(FORMS) + 1):
        for names in itertools.combinations(FORMS, count):
            plain = {_plain(s, names): s for s in have}
            if len(plain) == len(have) and all(_plain(s, names) in plain for s in want):
                return f"They differ only in {' and '.join(names)} ({example!r}, {plain[_plain(example, names)]!r}): write both in one way"
    return "Are they of the same set of stimuli?"


def _plain(text: str, names: tuple[str, ...]) -> str:
    for name in names:
        text = FORMS[name](text)
    return text


def select_stimuli(dataset: xarray.Dataset, stimulus_id: Any) -> xarray.Dataset:
    """The stimuli with these ids, in this order: every variable along ``stimulus``, and the pairs of every RDM.

    dataset: with ``stimulus_id(stimulus)`` and, if it holds RDMs, ``pair`` in the order of ``scipy.spatial.distance.squareform``.

    Returns a Dataset of the same layout; ``first`` and ``second`` number the stimuli of the result.
    Raises AnalysisError for ids that are not there or asked for twice, and for pairs that are not those of the stimuli.

    >>> from cortexsim.neural.own.rdms import from_rdms
    >>> data = from_rdms([1, 2, 3, 4, 5, 6], stimulus_id=list("abcd"))
    >>> select_stimuli(data, list("dcba")).rdm.values
    array([6., 5., 3., 4., 2., 1.])
    """
    if "stimulus_id" not in dataset.coords or dataset.stimulus_id.dims != ("stimulus",):
        found = (
            dataset.stimulus_id.dims if "stimulus_id" in dataset.coords else "no such coordinate"
        )
        raise AnalysisError(
            f"a data set of stimuli has the coordinate stimulus_id(stimulus); found {found}. "
            "Single trials become responses to stimuli with cortexsim.neural.average"
        )
    index = align(
        dataset.stimulus_id.values, stimulus_id, what=("the data set", "the ids that are asked for")
    )
    out = dataset.isel(stimulus=index)
    if "pair" not in dataset.dims:
        return out
    _check_pairs(dataset)
    if len(index) < LEAST:
        raise AnalysisError(f"{len(index)} stimuli are asked for; RDMs need at least {LEAST}")
    i, j = pair_indices(len(index))
    a, b = np.minimum(index[i], index[j]), np.maximum(index[i], index[j])
    n = dataset.sizes["stimulus"]
    return out.isel(pair=a * n - a * (a + 1) // 2 + b - a - 1).assign_coords(
        pair_coords(len(index))
    )


def _check_pairs(dataset: xarray.Dataset) -> None:
    """The pairs are those of the stimuli, in squareform order."""
    n, pairs = dataset.sizes["stimulus"], dataset.sizes["pair"]
    if pairs != n * (n - 1) // 2:
        raise AnalysisError(f"{n} stimuli have {n * (n - 1) // 2} pairs; the data set has {pairs}")
    for name, expected in zip(("first", "second"), pair_indices(n), strict=True):
        if name in dataset.coords and not np.array_equal(dataset[name].values, expected):
            raise AnalysisError(
                f"the coordinate {name}(pair) is not that of scipy's squareform order: pairs were selected or reordered. Select stimuli "
                "of the whole data set instead"
            )
