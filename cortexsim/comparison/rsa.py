"""Representational similarity of a recording and a brain, by state and step, beside the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis import evaluate
from cortexsim.analysis.inputs import generator_of
from cortexsim.errors import AnalysisError
from cortexsim.recording.timeaxis import TimeAxis

if TYPE_CHECKING:
    import xarray

ORDERS = 1000  # random orders of the steps


def rsa(
    movies: Mapping[str, xarray.Dataset],
    brain: xarray.DataArray,
    axis: TimeAxis,
    *,
    comparator: str = "spearman",
    resample: Sequence[str] = ("subject", "condition"),
    n: int = 1000,
    permutations: int = 1000,
    correction: str = "holm",
    policy: str = "clip",
    rng: int = 0,
    progress: bool = False,
) -> xarray.Dataset:
    """The similarity of every state at every step with the brain, of each network, with ceiling, intervals, nulls and tests between networks.

    movies: network -> RDM movie ``(state, step, pair)``; the first is the one that is judged, the others are its controls. brain: ``(subject,
        [time_ms,] pair)`` of the same stimuli in the same order. axis: when each step happens. policy: for bins of the brain that the steps cover only in part.
    comparator, resample, n, permutations, correction, rng: as in ``analysis.evaluate``, which is run for each state on its own; corrections are over the
        networks, steps and times of a state.

    Returns a Dataset, dimensions state, network, step (and time_ms if the brain has time): evaluation, by_subject, interval, ceiling, p_zero, p_ceiling,
    p_pair (network against network), p_permutation and null_high as in ``evaluate``; shuffled (bound): 95 % of the evaluations with the steps of the
    first network in random orders; trend, trend_interval, trend_p_shuffled: the slope of the evaluation over the steps (per 100 ms), its bootstrap
    interval, and how often random orders reach it (two-sided). With time_ms also along_axis (time_ms): each bin of the brain with the steps
    that fall into it, and along_axis_interval.
    """
    import xarray
    from tqdm import tqdm

    states = [str(s) for s in next(iter(movies.values())).state.values]
    results = []
    for state in tqdm(states, desc="comparing", unit=" states", disable=not progress, dynamic_ncols=True):
        frames = {k: m.rdm.sel(state=state) for k, m in movies.items()}
        first = next(iter(frames.values()))
        stack = xarray.concat(list(frames.values()), dim="network", coords="minimal", compat="override")
        stack = stack.drop_vars([c for c in stack.coords if c not in ("step", "time_ms", "time_ms_low", "time_ms_high")])
        stack = stack.assign_coords(network=list(frames))
        try:
            result = evaluate(
                stack, brain, comparator=comparator, resample=resample, n=n, rng=rng, correction=correction, permutations=permutations, samples=True
            )
        except AnalysisError as error:
            raise AnalysisError(f"state {state}: {error}") from error
        result = result.rename({"model": "network", "other": "other_network"})
        populated = ~np.isnan(first.values).all(-1)
        result = result.assign(_time_course(result, populated, axis, rng))
        if "time_ms" in result.dims:
            result = result.assign(_along(result, axis, policy))
        results.append(result.drop_vars([v for v in ("samples",) if v in result]))
    whole = xarray.concat(results, dim="state", coords="minimal", compat="override", combine_attrs="override")
    return whole.assign_coords(state=states)


def _time_course(result: xarray.Dataset, populated: np.ndarray, axis: TimeAxis, seed: int) -> dict[str, Any]:
    """The slope over steps and what random orders of the steps make of it."""
    steps = np.flatnonzero(populated)
    if len(steps) < 3:
        return {}
    ms = axis.time_ms(result.step.values[steps]) / 100
    centred = ms - ms.mean()
    weights = centred / (centred**2).sum()
    over = result.evaluation.isel(step=steps)
    slope = (over * _on_step(weights, over)).sum("step", skipna=False)
    generator = generator_of(seed)
    orders = np.stack([generator.permutation(len(steps)) for _ in range(ORDERS)])
    y = over.isel(network=0).transpose("step", ...).values
    shuffled = np.tensordot(weights[orders], y, axes=(1, 0))
    observed = slope.isel(network=0).values
    p = (1 + (np.abs(shuffled) >= np.abs(observed) - 1e-12).sum(0)) / (1 + ORDERS)
    rest = slope.isel(network=0).dims
    out: dict[str, Any] = {
        "trend": slope.assign_attrs(units="similarity per 100 ms of the model's nominal time"),
        "trend_p_shuffled": (rest, p),
        "shuffled": (("bound", *rest), np.quantile(y[orders].reshape(-1, *y.shape[1:]), [0.025, 0.975], axis=0)),
    }
    if "samples" in result:
        drawn = result.samples.isel(step=steps)
        slopes = (drawn * _on_step(weights, drawn)).sum("step", skipna=False).transpose("resample", ...)
        out["trend_interval"] = (("bound", *slope.dims), _percentiles(slopes.values, result.attrs["confidence"]))
    return out


def _along(result: xarray.Dataset, axis: TimeAxis, policy: str) -> dict[str, Any]:
    """Each bin of the brain with the steps of the model that fall into it."""
    times = result.time_ms.values.astype(float)
    if len(times) < 2:
        return {}
    half = np.median(np.diff(times)) / 2
    weights = axis.bin_weights(result.step.values, np.stack([times - half, times + half], axis=1), policy=policy)

    def weighted(values: xarray.DataArray) -> np.ndarray:
        x = np.moveaxis(values.transpose(..., "step", "time_ms").values, -1, -2)  # (..., time, step)
        # A step of weight zero says nothing about the bin, also where the state is not populated.
        return np.where(weights > 0, x * weights, np.where(np.isnan(weights), np.nan, 0.0)).sum(-1)

    rest = tuple(d for d in result.evaluation.dims if d not in ("step", "time_ms"))
    out: dict[str, Any] = {"along_axis": ((*rest, "time_ms"), weighted(result.evaluation))}
    if "samples" in result:
        drawn = weighted(result.samples.transpose("resample", *rest, "step", "time_ms"))
        out["along_axis_interval"] = (("bound", *rest, "time_ms"), _percentiles(drawn, result.attrs["confidence"]))
    return out


def _percentiles(drawn: np.ndarray, confidence: float) -> np.ndarray:
    """Over the resamples in which there is a similarity; NaN where there never is."""
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    exists = np.isfinite(drawn).any(0)
    out = np.full((2, *drawn.shape[1:]), np.nan)
    out[:, exists] = np.nanquantile(drawn[:, exists], tails, axis=0)
    return out


def _on_step(weights: np.ndarray, like: xarray.DataArray) -> xarray.DataArray:
    import xarray

    return xarray.DataArray(weights, dims="step", coords={"step": like.step.values})


def static(movie: xarray.Dataset) -> xarray.Dataset:
    """The movie in which every step is a copy of the first at which the state was populated."""
    rdm = movie.rdm.values.copy()
    for k in range(len(rdm)):
        populated = np.flatnonzero(~np.isnan(rdm[k]).all(-1))
        if len(populated):
            rdm[k, populated] = rdm[k, populated[0]]
    return movie.assign(rdm=(movie.rdm.dims, rdm))
