"""Neural responses, checked: the mean over repeats, and how reliable it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.frames import REPEATS, items_of, places_of
from cortexsim.analysis.linear.scores import correlation
from cortexsim.analysis.statistics.draws import counted
from cortexsim.analysis.statistics.reliability import random_halves, spearman_brown
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.settled import settled
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import Labelled, labelled, named, places
from cortexsim.labelled.item_ids import ITEMS, ids_of
from cortexsim.milliseconds import times_of
from cortexsim.plain import numbers, refuse_extreme
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray

HALVES = 100  # random halves that a reliability is the mean of


@dataclass(frozen=True)
class Responses:
    """Responses that are to be predicted.

    Parameters
    ----------
    values : array of shape (stimulus, time, unit)
        The mean over repeats.
    array : DataArray
        What the caller gave, for its ids.
    times : array of shape (time,), optional
        In ms.
    units : array of shape (unit,)
        Their names.
    reliability : array of shape (time, unit), optional
        Of the mean, if it is known.
    places : array of shape (stimulus,)
        Of each stimulus in the order of the ids, on which nothing that is drawn depends otherwise.
    """

    values: np.ndarray
    array: xarray.DataArray
    times: np.ndarray | None
    units: np.ndarray
    reliability: np.ndarray | None
    places: np.ndarray


def responses_of(
    responses: Any, reliability: Any, rng: np.random.Generator, *, like: Labelled
) -> Responses:
    """Responses of an array, averaged over repeats, in the order of other stimuli.

    Parameters
    ----------
    responses : array of shape (stimulus, unit), or DataArray
        With dimensions stimulus, unit, and perhaps time_ms and repeats, which are averaged.
    reliability : array of shape (unit,) or (time, unit), optional
        Of the mean response, at most 1; computed from the repeats where it is None.
    rng : numpy.random.Generator
        For random halves of the repeats.
    like : Labelled
        The stimuli of the features, to whose ids the responses are brought.

    Returns
    -------
    Responses
        Checked.

    Raises
    ------
    AnalysisError
        For other dimensions, and for values that are no numbers.
    """
    halves = np.random.default_rng(rng.integers(2**63))  # so that folds do not depend on repeats
    array = _named(responses)
    repeat = [str(d) for d in array.dims if d in REPEATS]
    unknown = set(array.dims) - {"stimulus", "unit", "time_ms", *repeat}
    complete = {"stimulus", "unit"} <= set(array.dims)
    if unknown or not complete or len(repeat) > 1 or array.dtype.kind not in "fiub":
        raise AnalysisError(
            f"responses have dimensions {array.dims} of type {array.dtype}; numbers by stimulus, "
            "unit and perhaps time_ms and repeat are needed. Choose one of each other dimension "
            "first, e.g. with .sel(subject=...)"
        )
    if 0 in array.shape:
        raise AnalysisError(f"the responses are empty: {dict(array.sizes)}")
    own = items_of(array, "responses")
    index = places(like, own)
    array = array if index is None else array.isel(stimulus=index)
    times = times_of(array.time_ms.variable) if "time_ms" in array.dims else None
    timed = array
    if times is None:
        timed = array.drop_vars("time_ms", errors="ignore").expand_dims(time_ms=[0.0])
    trials = timed.transpose(*repeat, "stimulus", "time_ms", "unit").values.astype(np.float64)
    refuse_extreme(trials, "responses")
    trials = trials if repeat else trials[None]
    values = _mean(trials, repeated=bool(repeat))
    placed = places_of(like if like.ids is not None and not like.counted else own)
    if reliability is None and len(trials) > 1:
        known: np.ndarray | None = split_half_reliability(
            trials[:, np.argsort(placed)], inference=Inference(rng=halves)
        )
    else:
        known = _stated(_by_unit(reliability, array), values.shape[1:])
    units = array.unit.values if "unit" in array.coords else np.arange(array.sizes["unit"])
    return Responses(values, array, times, units, known, placed)


def _named(responses: Any) -> xarray.DataArray:
    """A DataArray; a plain matrix is ``(stimulus, unit)``."""
    import xarray

    array = named(responses, "responses")
    if array is not None:
        return array
    x = numbers(responses, "responses")
    if x.ndim != 2:
        raise AnalysisError(
            f"responses have shape {x.shape}; a plain array must be numbers (stimulus, unit). Name "
            "other dimensions: xarray.DataArray(x, dims=('stimulus', 'time_ms', 'unit'))"
        )
    return xarray.DataArray(x, dims=("stimulus", "unit"))


def _mean(trials: Float[np.ndarray, "repeat stimulus time unit"], *, repeated: bool) -> np.ndarray:
    """Over the repeats that are measured; every stimulus must have one."""
    if np.isinf(trials).any():
        raise AnalysisError(
            f"{int(np.isinf(trials).sum())} responses are infinite; leave those stimuli or units "
            "out"
        )
    measured = ~np.isnan(trials)
    count = measured.sum(0)
    if (count == 0).any():
        bad = count == 0
        raise AnalysisError(
            f"{int(bad.any((1, 2)).sum())} of {bad.shape[0]} stimuli and "
            f"{int(bad.any((0, 1)).sum())} of {bad.shape[2]} units have responses that are "
            f"NaN{' in every repeat' if repeated else ''}; leave out the one or the other"
        )
    return np.where(measured, trials, 0).sum(0) / count


def _by_unit(reliability: Any, responses: xarray.DataArray) -> Any:
    """A stated reliability in the order of the units, by their names where both have them."""
    if named(reliability, "reliability") is None:
        return reliability
    dims = ("time_ms", "unit")
    stated = labelled(reliability, "reliability", dims=dims, optional=("time_ms",), item="unit")
    names, counted = ids_of(responses, "unit", "responses")
    units = np.empty(responses.sizes["unit"])
    return stated.like(Labelled(units, ("unit",), "unit", names, counted, {}, "responses")).values


def _stated(reliability: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """A reliability that the caller states, ``(time, unit)``."""
    if reliability is None:
        return None
    stated = np.asarray(reliability, dtype=np.float64)
    fits = stated.shape in ((), shape[-1:], shape)
    if not fits or (stated > 1).any() or np.isinf(stated).any():
        raise AnalysisError(
            f"reliability has shape {stated.shape} and a largest value of "
            f"{stated.max() if stated.size else np.nan:g}; correlations of at most 1 for each unit "
            f"{shape[-1:]} or each time and unit {shape} are needed"
        )
    return np.broadcast_to(stated, shape).copy()


@clear_errors
def split_half_reliability(
    trials: Float[np.ndarray, "repeat stimulus ..."],
    *,
    splits: int = HALVES,
    inference: Inference = Inference(),
) -> np.ndarray:
    """Reliability of the mean over all repeats, by Spearman and Brown's formula.

        reliability = 2 r / (1 + r), r between halves of the repeats, over stimuli

    Parameters
    ----------
    trials : array of shape (repeat, stimulus, ...), or DataArray
        Responses; NaN where a repeat is missing. The dimensions of a DataArray may stand in any
        order.
    splits : int
        Random halves of the repeats that r is the mean of, balanced in each unit
        (``random_halves``): the same as in ``cortexsim.neural.reliability(by="unit")``.
    inference : Inference
        ``rng``.

    Returns
    -------
    array of shape (...)
        Where r is not positive it is returned as it is; NaN for responses without variance.

    Raises
    ------
    AnalysisError
        Where a stimulus has fewer than 2 repeats.

    References
    ----------
    Spearman 1910; Brown 1910.

    Examples
    --------
    The mean of 8 repeats has a noise variance of 4 / 8: its reliability is 2 / 3.

    >>> signal, rng = np.random.default_rng(0).normal(size=(500, 1)), np.random.default_rng(1)
    >>> trials = signal + 2 * rng.normal(size=(8, 500, 1))
    >>> split_half_reliability(trials, inference=Inference(rng=rng)).round(2)
    array([0.66])
    """
    settings = settled(inference, "split_half_reliability")
    counted(splits, "splits")
    array = named(trials, "trials")
    if array is not None:
        items = [d for d in array.dims if d in ITEMS and d != "trial"]
        if "repeat" not in array.dims or len(items) != 1:
            raise AnalysisError(
                f"the trials have the dimensions {array.dims}; repeat, and one of stimulus and "
                "condition, are needed (.rename)"
            )
        trials = array.transpose("repeat", items[0], ...)
    trials = numbers(trials, "trials")
    if trials.ndim < 2:
        raise AnalysisError(
            f"the trials have shape {trials.shape}; (repeat, stimulus, ...) is needed"
        )
    refuse_extreme(trials, "trials")
    measured = ~np.isnan(trials)
    if (few := measured.sum(0) < 2).any():
        raise AnalysisError(
            f"{int(few.reshape(len(few), -1).any(1).sum())} of {len(few)} stimuli have fewer than "
            "2 repeats of some unit, so that there are no halves; give reliability=..., or leave "
            "them out"
        )
    total = np.zeros(trials.shape[2:])
    filled = np.where(measured, trials, 0.0)
    for _ in range(splits):
        half = random_halves(measured, settings.rng)
        parts = [measured & (half == k) for k in (0, 1)]
        halves = [np.where(part, filled, 0.0).sum(0) / part.sum(0) for part in parts]
        total += correlation(*halves)
    return np.asarray(spearman_brown(total / splits, keep_negative=True))
