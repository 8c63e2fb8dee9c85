"""How well held-out responses are predicted: correlations, errors, their bootstrap, and the reliability of the responses themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cortexsim.analysis.linear.frames import REPEATS
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray

HALVES = 100  # random halves that a reliability is the mean of
TARGETS = 1024  # in a bootstrap at a time
FLAT = 1e-12  # a spread below this share of the values is rounding


@dataclass(frozen=True)
class Responses:
    """values ``(stimulus, time, unit)``, the mean over repeats; reliability ``(time, unit)`` if it is known. array: what was given, for its ids."""

    values: np.ndarray
    array: xarray.DataArray
    times: np.ndarray | None
    units: np.ndarray
    reliability: np.ndarray | None


def responses_of(responses: Any, reliability: Any, rng: np.random.Generator) -> Responses:
    """Responses ``(stimulus, unit)``, or a DataArray with dimensions stimulus, unit, and perhaps time_ms and repeats, over which is averaged.

    reliability: of the mean response, at most 1, ``(unit,)`` or ``(time, unit)``; computed from the repeats where it is not given.
    """
    import xarray

    array = responses if isinstance(responses, xarray.DataArray) else None
    if array is None:
        x = np.asarray(responses)
        if x.ndim != 2 or x.dtype.kind not in "fiub":
            raise AnalysisError(
                f"responses have shape {x.shape} and type {x.dtype}; a plain array must be numbers (stimulus, unit). Name other dimensions: "
                "xarray.DataArray(x, dims=('stimulus', 'time_ms', 'unit'))"
            )
        array = xarray.DataArray(x, dims=("stimulus", "unit"))
    repeat = [str(d) for d in array.dims if d in REPEATS]
    unknown = set(array.dims) - {"stimulus", "unit", "time_ms", *repeat}
    if (
        unknown
        or not {"stimulus", "unit"} <= set(array.dims)
        or len(repeat) > 1
        or array.dtype.kind not in "fiub"
    ):
        raise AnalysisError(
            f"responses have dimensions {array.dims} of type {array.dtype}; numbers by stimulus, unit and perhaps time_ms and repeat are needed. "
            "Choose one of each other dimension first, e.g. with .sel(subject=...)"
        )
    if 0 in array.shape:
        raise AnalysisError(f"the responses are empty: {dict(array.sizes)}")
    times = array.time_ms.values if "time_ms" in array.dims else None
    full = (
        array
        if times is not None
        else array.drop_vars("time_ms", errors="ignore").expand_dims(time_ms=[0.0])
    )
    trials = full.transpose(*repeat, "stimulus", "time_ms", "unit").values.astype(np.float64)
    trials = trials if repeat else trials[None]
    values = _mean(trials, repeated=bool(repeat))
    if reliability is None and len(trials) > 1:
        known: np.ndarray | None = split_half_reliability(trials, rng=rng)
    else:
        known = _given(reliability, values.shape[1:])
    units = array.unit.values if "unit" in array.coords else np.arange(array.sizes["unit"])
    return Responses(values, array, times, units, known)


def _mean(trials: np.ndarray, *, repeated: bool) -> np.ndarray:
    """Over the repeats that there are; every stimulus must have one."""
    if np.isinf(trials).any():
        raise AnalysisError(
            f"{int(np.isinf(trials).sum())} responses are infinite; leave those stimuli or units out"
        )
    there = ~np.isnan(trials)
    count = there.sum(0)
    if (count == 0).any():
        bad = count == 0
        raise AnalysisError(
            f"{int(bad.any((1, 2)).sum())} of {bad.shape[0]} stimuli and {int(bad.any((0, 1)).sum())} of {bad.shape[2]} units have responses that "
            f"are NaN{' in every repeat' if repeated else ''}; leave out the one or the other"
        )
    return np.where(there, trials, 0).sum(0) / count


def _given(reliability: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    if reliability is None:
        return None
    given = np.asarray(reliability, dtype=np.float64)
    if given.shape not in ((), shape[-1:], shape) or (given > 1).any() or np.isinf(given).any():
        raise AnalysisError(
            f"reliability has shape {given.shape} and a largest value of {given.max() if given.size else np.nan:g}; correlations of at most 1 for "
            f"each unit {shape[-1:]} or each time and unit {shape} are needed"
        )
    return np.broadcast_to(given, shape).copy()


def split_half_reliability(
    trials: np.ndarray, *, n: int = HALVES, rng: np.random.Generator
) -> np.ndarray:
    """Reliability of the mean over all repeats: r between halves over stimuli, stepped up to the full length, 2 r / (1 + r).

    trials ``(repeat, stimulus, ...)``, NaN where a repeat is missing. r is the mean over n random halves; where it is not positive it is returned
    as it is. NaN for responses without variance. Raises AnalysisError where a stimulus has fewer than 2 repeats.
    Source: Spearman 1910; Brown 1910.

    >>> signal, rng = np.random.default_rng(0).normal(size=(500, 1)), np.random.default_rng(1)
    >>> trials = signal + 2 * rng.normal(size=(8, 500, 1))  # the mean of 8 has a noise variance of 4 / 8: reliability 2 / 3
    >>> split_half_reliability(trials, rng=rng).round(2)
    array([0.66])
    """
    there = ~np.isnan(trials)
    if (few := there.sum(0) < 2).any():
        raise AnalysisError(
            f"{int(few.reshape(len(few), -1).any(1).sum())} of {len(few)} stimuli have fewer than 2 repeats of some unit, so that there are no "
            "halves; give reliability=..., or leave them out"
        )
    total = np.zeros(trials.shape[2:])
    filled = np.where(there, trials, 0.0)
    for _ in range(n):
        order = rng.permutation(len(trials))
        here = there[order]
        odd = here & (np.cumsum(here, axis=0) % 2 == 1)
        halves = [(filled[order] * half).sum(0) / half.sum(0) for half in (odd, here & ~odd)]
        total += correlation(*halves)
    r = total / n
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(r > 0, 2 * r / (1 + r), r)


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson r over the first axis; NaN where one side is constant."""
    out = []
    for x in (a, b):
        size = np.linalg.norm(x, axis=0)
        x = x - x.mean(0)
        spread = np.linalg.norm(x, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            out.append(np.where(spread > FLAT * size, x / spread, np.nan))
    return np.clip((out[0] * out[1]).sum(0), -1, 1)


class Held(NamedTuple):
    """One split: its test stimuli, what was predicted and what was there ``(test, target)``, and the mean of the training responses."""

    test: np.ndarray
    predicted: np.ndarray
    there: np.ndarray
    mean: np.ndarray


def by_split(held: Sequence[Held]) -> np.ndarray:
    """``(split, target)``: Pearson r on the held-out stimuli of each split."""
    return np.stack([correlation(h.predicted, h.there) for h in held])


def errors(held: Sequence[Held], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors ``(stimulus, target)`` of the predictions and of the training mean, summed over the splits that hold a stimulus out."""
    out = np.zeros((2, count, held[0].there.shape[1]))
    for h in held:
        out[0][h.test] += (h.there - h.predicted) ** 2
        out[1][h.test] += (h.there - h.mean) ** 2
    return out[0], out[1]


def explained(
    error: np.ndarray, baseline: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """R2 = 1 - sum error / sum baseline ``(..., target)``; weights ``(resample, stimulus)``. 0 for a model as good as the training mean."""
    a, b = (
        (error.sum(0), baseline.sum(0))
        if weights is None
        else (weights @ error, weights @ baseline)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(b > 0, 1 - a / b, np.nan)


def mean_there(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """The mean of what is a number; NaN where nothing is."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(there, values, 0).sum(axis) / there.sum(axis)


def median_there(values: np.ndarray) -> np.ndarray:
    """The median over the last axis of what is a number; NaN where nothing is."""
    some = ~np.isnan(values).all(-1)
    out = np.full(values.shape[:-1], np.nan)
    if some.any():
        out[some] = np.nanmedian(values[some], axis=-1)
    return out


def resampled(held: Sequence[Held], counts: np.ndarray) -> np.ndarray:
    """``(resample, target)``: r in each resample of stimuli (counts ``(resample, stimulus)``), the mean over the splits in which it is defined."""
    total = np.zeros((len(counts), held[0].there.shape[1]))
    defined = np.zeros_like(total)
    for h in held:
        w = counts[:, h.test].astype(np.float64)
        n = w.sum(1)[:, None]
        for start in range(0, total.shape[1], TARGETS):
            part = slice(start, start + TARGETS)
            p, y = (x[:, part] - x[:, part].mean(0) for x in (h.predicted, h.there))
            with np.errstate(invalid="ignore", divide="ignore"):
                mp, my = w @ p / n, w @ y / n
                vp, vy = w @ p**2 / n - mp**2, w @ y**2 / n - my**2
                r = (w @ (p * y) / n - mp * my) / np.sqrt(vp * vy)
                low = [FLAT * (x[:, part] ** 2).mean(0) for x in (h.predicted, h.there)]
                ok = np.isfinite(r) & (vp > low[0]) & (vy > low[1])
            total[:, part] += np.where(ok, r, 0)
            defined[:, part] += ok
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip(total / defined, -1, 1)
