"""Representational similarity of a recording and a brain, by state and step, with controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis import evaluate
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.pvalues import STEPS, corrected, monte_carlo_p
from cortexsim.analysis.statistics.settings import FACTORS, Inference
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.brain_time import along, bins, orders
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import xarray

# Of inference, as in ``evaluate``, whose samples are used and not returned.
DEFAULTS: dict[str, Any] = {
    "resample": FACTORS,
    "n": 1000,
    "groups": {},
    "permutations": 1000,
    "confidence": 0.95,
    "correction": "holm",
    "rng": 0,
}
ENOUGH = 5  # steps: the orders of four reach p = 2 / 4! = 0.08 at best


def rsa(
    movies: Mapping[str, xarray.Dataset],
    brain: xarray.DataArray,
    axis: TimeAxis,
    *,
    comparator: str = "spearman",
    inference: Inference = Inference(),
    policy: str = "clip",
    measure: str | None = None,
    progress: bool = False,
    client: Any = None,
) -> xarray.Dataset:
    """The similarity of every state at every step with the brain, of each network.

    With ceiling, intervals, nulls and tests between networks.

    Parameters
    ----------
    movies : mapping of str to Dataset
        Network -> RDM movie ``(state, step, pair)``; the first is the one that is judged, the
        others are its controls.
    brain : DataArray
        ``(subject, [time_ms,] pair)`` of the same stimuli in the same order.
    axis : TimeAxis
        When each step happens.
    comparator : str
        A key of ``COMPARATORS``.
    inference : Inference
        As in ``analysis.evaluate``, but for ``samples``. Corrections are over all states, networks,
        steps and times; those of p_pair over the pairs of networks within a state (``max``: over
        all pairs).
    policy : {"refuse", "hold", "clip"}
        For bins of the brain that the steps cover only in part.
    measure : str, optional
        Of the brain's RDMs, where it is responses with repeats.
    progress : bool
        Whether to show a bar.
    client : distributed.Client, optional
        Of a cluster of dask, whose tasks are single times and some RDMs of the networks.

    Returns
    -------
    Dataset
        Dimensions state, network, step (and time_ms if the brain has time): evaluation, by_subject,
        interval, ceiling, p_zero, p_ceiling, p_pair (network against network), p_permutation and
        null_high as in ``evaluate``.

        Of the steps at which the state is populated, if there are three: shuffled (bound), 95 % of
        the evaluations of the first network with its steps in random orders; trend, the slope of
        the evaluation over the steps, per 100 ms of nominal time (per step where no ms are
        declared); trend_interval, percentiles of
        the bootstrap (of both factors: rather too wide than too narrow); trend_p_shuffled, how
        often random orders reach the slope (two-sided; NaN for fewer than five steps, whose orders
        cannot reach 0.05). Random orders take the steps for exchangeable, which neighbours are not:
        that p says that the order matters in these data, the interval whether another sample would
        show it.

        With time_ms also along_axis (time_ms), each bin of the brain with the steps that fall into
        it, of the network and by subject; its interval and null_high, the weighted means of those
        of the steps; and along_axis_shuffled (bound, time_ms), 95 % with the steps in random
        orders.

    Raises
    ------
    AnalysisError
        For what ``evaluate`` refuses, and if the steps cover no bin of the brain.

    Examples
    --------
    >>> import xarray
    >>> rng = np.random.default_rng(0)
    >>> far = np.linspace(0, 1, 66)
    >>> course = np.stack([(1 - a) * rng.random(66) + a * far for a in (0, 0.2, 0.5, 1)])
    >>> coords = {"state": ["IT"], "step": [1, 2, 3, 4]}
    >>> movie = xarray.Dataset({"rdm": (("state", "step", "pair"), course[None])}, coords)
    >>> brain = xarray.DataArray(far + rng.normal(0, 0.3, (8, 66)), dims=("subject", "pair"))
    >>> movies = {"net": movie, "static": static(movie)}
    >>> few = Inference(n=50, permutations=50)
    >>> result = rsa(movies, brain, TimeAxis(), inference=few)
    >>> result.evaluation.dims, bool(result.trend.sel(state="IT", network="net") > 0)
    (('state', 'network', 'step'), True)
    """
    import xarray

    asked = inference.completed("rsa", **DEFAULTS)
    correction, rng = str(asked.correction), asked.rng
    first = next(iter(movies.values()))
    states, networks = [str(s) for s in first.state.values], list(movies)
    # What cannot be done is refused before anything long.
    bins(brain, first.step.values, axis, policy=policy)
    together = np.concatenate(
        [[m.rdm.sel(state=s).values for m in movies.values()] for s in states]
    )
    coords = {
        c: first[c] for c in ("step", "time_ms", "time_ms_low", "time_ms_high") if c in first.coords
    }
    stack = xarray.DataArray(
        together,
        {**coords, "model": [f"{s} of {k}" for s in states for k in networks]},
        ("model", "step", "pair"),
    )
    _refuse_constant(stack)
    if client is not None:
        stack = stack.chunk(model=1, step=1)
    # All at once: the resamples of the brain are ranked, and its ceilings found, one time for all
    # states.
    every = evaluate(
        stack,
        brain,
        comparator=comparator,
        inference=replace(asked, samples=True),
        measure=measure,
        progress=progress,
    )
    results = []
    for k in range(len(states)):
        mine = range(k * len(networks), (k + 1) * len(networks))
        in_state = every.isel(model=mine, other=mine)
        in_state = in_state.assign_coords(model=networks, other=networks)
        in_state = in_state.rename(model="network", other="other_network")
        populated = ~np.isnan(first.rdm.sel(state=states[k]).values).all(-1)
        in_state = in_state.assign(_time_course(in_state, populated, axis, seed=rng))
        if "time_ms" in in_state.dims:
            weights = bins(brain, in_state.step.values, axis, policy=policy)
            in_state = in_state.assign(along(in_state, populated, weights, seed=rng))
        results.append(in_state.drop_vars("samples", errors="ignore"))
    whole = xarray.concat(
        results,
        dim="state",
        data_vars="all",
        coords="minimal",
        compat="override",
        join="outer",
        combine_attrs="override",
    )
    whole["ceiling"] = whole.ceiling.isel(state=0)
    return _pairs_corrected(whole, correction).assign_coords(state=states)


def _refuse_constant(stack: xarray.DataArray) -> None:
    """AnalysisError that names the network whose RDM says nothing."""
    for name, rows in zip(stack.model.values, stack.values):
        for step, row in zip(stack.step.values, rows):
            if np.isfinite(row).all() and np.ptp(row) == 0:
                raise AnalysisError(
                    f"the RDM of {name} at step {step} is constant, so it has no similarity with "
                    "any other: leave that network out"
                )


def _pairs_corrected(whole: xarray.Dataset, correction: str) -> xarray.Dataset:
    """p_pair of the networks within a state, corrected over those; a pair counts once."""
    if correction not in STEPS:
        return whole
    p = whole.p_pair.transpose("network", "other_network", ...)
    a, b = np.triu_indices(p.sizes["network"], 1)
    values = np.full(p.shape, np.nan)
    values[a, b] = values[b, a] = corrected(p.values[a, b], correction)
    return whole.assign(p_pair_corrected=p.copy(data=values).transpose(*whole.p_pair.dims))


def _time_course(
    result: xarray.Dataset,
    populated: np.ndarray,
    axis: TimeAxis,
    *,
    seed: int | np.random.Generator,
) -> dict[str, Any]:
    """The slope over steps and what random orders of the steps make of it."""
    steps = np.flatnonzero(populated)
    if len(steps) < 3:
        return {}
    # Of a network whose steps nobody declared in ms the slope is per step.
    times = axis.time_ms(result.step.values[steps]) / (100 if axis.is_declared else 1)
    centred = times - times.mean()
    weights = centred / (centred**2).sum()
    over = result.evaluation.isel(step=steps)
    slope = (over * _on_step(weights, over)).sum("step", skipna=False)
    drawn_orders = orders(len(steps), seed)
    y = over.isel(network=0).transpose("step", ...).values
    # Where nothing but rounding tells the steps apart there is no slope in any order: the p is 1.
    change = np.round(y - y[0], 12)
    shuffled = np.tensordot(weights[drawn_orders], change, axes=(1, 0))
    observed = np.tensordot(weights, change, axes=(0, 0))
    p = monte_carlo_p(observed, shuffled, two_sided=True)
    if len(steps) < ENOUGH:
        p = np.full(np.shape(p), np.nan)
    rest = slope.isel(network=0).dims
    out: dict[str, Any] = {
        "trend": slope.assign_attrs(
            units="similarity per 100 ms of the model's nominal time"
            if axis.is_declared
            else "similarity per step (no ms declared)"
        ),
        "trend_p_shuffled": (rest, p),
        "shuffled": (("bound", *rest), percentile_interval(y)),
    }
    if "samples" in result:
        drawn = result.samples.isel(step=steps)
        slopes = (
            (drawn * _on_step(weights, drawn)).sum("step", skipna=False).transpose("resample", ...)
        )
        out["trend_interval"] = (
            ("bound", *slope.dims),
            percentile_interval(slopes.values, result.attrs["confidence"]),
        )
    return out


def _on_step(weights: np.ndarray, like: xarray.DataArray) -> xarray.DataArray:
    """Weights along ``step``."""
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
