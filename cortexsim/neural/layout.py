"""The layout of neural data: checked ids, times and numbers in, the pieces of an xarray.Dataset
out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.ids import quoted as quoted
from cortexsim.ids import text_of
from cortexsim.ids import texts as texts
from cortexsim.ids import unique_texts as unique_texts
from cortexsim.labelled.rdms import pair_coords as pair_coords
from cortexsim.milliseconds import times_of as times_of
from cortexsim.provenance import provenance


def labels_of(label: Any, count: int) -> np.ndarray:
    """A label for each stimulus; '' where there is none.

    Parameters
    ----------
    label : array_like of shape (count,) or None
        The labels, if there are any.
    count : int
        Number of stimuli.

    Returns
    -------
    array of str, dtype object, shape (count,)
        The labels.

    Raises
    ------
    AnalysisError
        For another number of them.
    """
    if label is None:
        return np.full(count, "", dtype=object)
    listed = list(label) if not isinstance(label, str) else [label]
    if len(listed) != count:
        raise AnalysisError(f"label: {len(listed)} are given for {count} stimuli")
    return np.array(["" if str(s) == "" else text_of(s, "label") for s in listed], dtype=object)


def time_coord(times: np.ndarray, bin_ms: float | None) -> tuple[str, np.ndarray, dict[str, Any]]:
    """The coordinate ``time_ms``: the centres of bins, their width if it is known.

    Parameters
    ----------
    times : array of shape (time,)
        Centres of the bins, ms after stimulus onset.
    bin_ms : float or None
        Their width.

    Returns
    -------
    tuple
        Dimension, values and attributes, for xarray.

    Raises
    ------
    AnalysisError
        For a width that is not a positive number.
    """
    attrs: dict[str, Any] = {"units": "ms after stimulus onset"}
    if bin_ms is not None:
        if not np.isfinite(bin_ms) or bin_ms <= 0:
            raise AnalysisError(f"bin_ms={bin_ms!r}: the width of a bin is a positive number of ms")
        attrs["bin_ms"] = float(bin_ms)
    return "time_ms", times, attrs


@clear_errors
@dataclass(frozen=True)
class About:
    """What data of your own are, in words that the data set carries with it.

    None is what the source says of itself, else "unknown" (of the name, "own data").

    Parameters
    ----------
    name : str or None
        Of the data set.
    area : str or None
        Where it was recorded, e.g. "IT".
    species : str or None
        In whom, e.g. "macaque".
    measure : str or None
        The dissimilarity, of RDMs only, e.g. "1 - Pearson".
    units : str or None
        Of responses only, e.g. "spikes/s".

    Examples
    --------
    >>> About(area="IT", species="macaque", units="spikes/s").area
    'IT'
    """

    name: str | None = None
    area: str | None = None
    species: str | None = None
    measure: str | None = None
    units: str | None = None

    def refuse(self, field: str, why: str) -> None:
        """Raise AnalysisError if a field is stated that the data cannot have.

        Parameters
        ----------
        field : str
            Name of the field.
        why : str
            Why there is no such thing.

        Raises
        ------
        AnalysisError
            If it is not None.
        """
        if (stated := getattr(self, field)) is not None:
            raise AnalysisError(f"About({field}={stated!r}): {why}; leave it out")


UNSTATED = About()


def described(name: str, source: str, *packages: str, notes: str = "") -> dict[str, Any]:
    """The attributes of data that a user brings.

    Parameters
    ----------
    name : str
        Of the data set.
    source : str
        Where the data come from.
    *packages : str
        Whose versions belong to the provenance.
    notes : str
        What else a user must know.

    Returns
    -------
    dict of str to str
        Attributes, with the same names as those of the benchmarks.
    """
    return {
        "name": name,
        "title": name,
        "citation": "the user's own data",
        "licence": "not stated",
        "source": source,
        "notes": notes,
        "provenance": json.dumps(provenance("xarray", *packages)),
    }


def refuse_infinite(values: np.ndarray, what: str) -> None:
    """Raise AnalysisError if any value is infinite.

    Parameters
    ----------
    values : array
        The values.
    what : str
        What they are, for the error.

    Raises
    ------
    AnalysisError
        It says how many are.
    """
    if np.isinf(values).any():
        raise AnalysisError(f"{int(np.isinf(values).sum())} of {values.size} {what} are infinite")
