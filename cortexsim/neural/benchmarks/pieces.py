"""Pieces of the data set of a benchmark: text, stimuli, RDMs, images, what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.pairs import condensed


def words(values: Any) -> np.ndarray:
    """Text as an object array of str, as xarray and netCDF keep it.

    Parameters
    ----------
    values : iterable
        What is written as text.

    Returns
    -------
    array of str, dtype object
        In the same order.
    """
    return np.array([str(v) for v in values], dtype=object)


def stimulus_coords(ids: Any, labels: Any = None) -> dict[str, Any]:
    """``stimulus_id`` and ``label``, '' where there is none.

    Parameters
    ----------
    ids : iterable of length stimulus
        Ids of the stimuli.
    labels : iterable of length stimulus, optional
        Their labels.

    Returns
    -------
    dict of str to tuple
        The coordinates, for xarray.
    """
    names = words(ids)
    return {
        "stimulus_id": ("stimulus", names),
        "label": (
            "stimulus",
            np.full(len(names), "", dtype=object) if labels is None else words(labels),
        ),
    }


def rdm(
    square: Any, dims: tuple[str, ...], *, area: str, species: str, measure: str, **more: str
) -> tuple[Any, ...]:
    """A variable of condensed RDMs from square ones.

    Parameters
    ----------
    square : array_like of shape (..., n, n)
        The RDMs.
    dims : tuple of str
        Names of the leading axes.
    area : str
        Where it was recorded.
    species : str
        In whom.
    measure : str
        The dissimilarity.
    **more : str
        Further attributes, e.g. ``pooled``: whose responses one RDM was made of.

    Returns
    -------
    tuple
        Dimensions, values and attributes, for xarray.
    """
    return condensed_rdm(
        condensed(np.asarray(square)), dims, area=area, species=species, measure=measure, **more
    )


def condensed_rdm(
    pairs: Any, dims: tuple[str, ...], *, area: str, species: str, measure: str, **more: str
) -> tuple[Any, ...]:
    """A variable of condensed RDMs.

    Parameters
    ----------
    pairs : array_like of shape (..., pair)
        The RDMs.
    dims : tuple of str
        Names of the leading axes.
    area : str
        Where it was recorded.
    species : str
        In whom.
    measure : str
        The dissimilarity.
    **more : str
        Further attributes, e.g. ``pooled``: whose responses one RDM was made of.

    Returns
    -------
    tuple
        Dimensions, values and attributes, for xarray.
    """
    attrs = {
        "kind": "rdm",
        "area": area,
        "species": species,
        "measure": measure,
        "units": "dissimilarity",
        **more,
    }
    return (*dims, "pair"), np.asarray(pairs, dtype=np.float64), attrs


def image(pixels: Any, stimulus: str = "stimulus") -> tuple[Any, ...]:
    """A variable of pixels.

    Parameters
    ----------
    pixels : array_like of shape (stimulus, y, x, channel)
        Grey levels from 0 to 255.
    stimulus : str
        Name of the first axis.

    Returns
    -------
    tuple
        Dimensions, values and attributes, for xarray.
    """
    attrs = {"kind": "image", "area": "none", "species": "none", "units": "grey levels 0-255"}
    return (stimulus, "y", "x", "channel"), np.asarray(pixels, dtype=np.uint8), attrs


def measured(
    dims: Any,
    values: Any,
    kind: str,
    *,
    units: str,
    species: str,
    area: str = "behaviour",
    **more: str,
) -> tuple[Any, ...]:
    """A variable of anything else, with its kind and units.

    Parameters
    ----------
    dims : tuple of str
        Names of the axes.
    values : array_like
        Their entries.
    kind : str
        What they are, e.g. "behaviour", "latency".
    units : str
        In what unit.
    species : str
        In whom it was recorded.
    area : str
        Where it was recorded.
    **more : str
        Further attributes.

    Returns
    -------
    tuple
        Dimensions, values and attributes, for xarray.
    """
    return dims, values, {"kind": kind, "area": area, "species": species, "units": units, **more}


def behaviour_of_trials(values: Any, units: str) -> tuple[Any, ...]:
    """A variable of what people did, trial by trial.

    Parameters
    ----------
    values : array_like of shape (trial,)
        Its entries.
    units : str
        In what unit, or what the values mean.

    Returns
    -------
    tuple
        Dimensions, values and attributes, for xarray.
    """
    return measured(("trial",), values, "behaviour", units=units, species="human")
