"""Encoding: how well each state at each step predicts the responses of each neuron to stimuli that the fit has not seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.frames import Frames, frames, same_stimuli
from cortexsim.analysis.linear.plan import (
    ALPHAS,
    FACTORS,
    RELIABLE,
    Plan,
    plan_of,
    projector,
    torch_device,
)
from cortexsim.analysis.linear.scores import (
    Held,
    Responses,
    by_split,
    correlation,
    errors,
    explained,
    mean_there,
    median_there,
    resampled,
    responses_of,
)
from cortexsim.analysis.statistics.draws import generator_of
from cortexsim.analysis.statistics.pvalues import TIE, max_statistic
from cortexsim.errors import AnalysisError
from cortexsim.provenance import provenance

if TYPE_CHECKING:
    import xarray

    from cortexsim.analysis.linear.regression import Patterns

PERMUTED = 4096  # permuted responses fitted at a time
DIMS = ("state", "step", "time_ms", "unit")
TEXT = {
    "equation": "r: Pearson correlation with held-out responses, mean over splits; r2 = 1 - SSE / SSE of the training mean; "
    "r_corrected = r / sqrt(reliability)",
    "interval_text": "percentiles of the median over units when {} are drawn with replacement; the fits are not repeated, so it speaks of these fits",
    "null_text": "stimuli of the responses permuted, everything fitted again, penalties included",
}


def encode(
    features: Any,
    responses: Any,
    *,
    method: str = "ridge",
    splits: str = "folds",
    folds: int = 5,
    inner_folds: int = 5,
    alphas: Any = ALPHAS,
    components: int = 25,
    reduce: str | None = None,
    groups: Any = None,
    reliability: Any = None,
    least_reliability: float = RELIABLE,
    resample: Sequence[str] = FACTORS,
    n: int = 1000,
    permutations: int = 0,
    confidence: float = 0.95,
    states: str | Sequence[str] | None = None,
    steps: int | Sequence[int] | None = None,
    device: str | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = False,
) -> xarray.Dataset:
    """How well a linear map from each state and step predicts held-out responses, unit by unit and time by time.

    features: a recording (path or DataTree; read frame by frame), an array ``(stimulus, feature)``, a DataArray with dimensions stimulus, perhaps
        step, and features, or a dictionary state -> such. responses: an array ``(stimulus, unit)``, or a DataArray with stimulus, unit, perhaps
        time_ms and repeat (or trial). Both must be of the same stimuli in the same order; where both have ``stimulus_id`` that is checked.
    method: ``ridge``, for each unit and time the one of ``alphas`` that predicts inner folds best, relative to the mean squared length of a centred
        training pattern; or ``pls``, with ``components``, all units of a time together, as in Brain-Score.
    splits: ``folds``, disjoint ones; or ``shuffle``, Brain-Score's ten random splits with a tenth held out (without its stratification by object).
    reduce: ``projection:K``, a sparse random projection (which is not fitted: it looks at no data), or ``pca:K``, the first principal components
        of the training stimuli. groups: a label for each stimulus; those of one label are held out, drawn and permuted together.
    reliability: of the mean responses, ``(unit,)`` or ``(time, unit)``; from repeats, if there are any, the split-half correlation stepped up to all
        repeats (Spearman-Brown). Units below ``least_reliability`` are left out of what is corrected, and counted.
    resample, n: what the interval of the median over units is a bootstrap of: ``("stimulus",)``, ``("unit",)``, both (rather too wide than too
        narrow), or ``()``. The fits are not repeated. permutations: of the stimuli of the responses, with everything fitted again; each costs a fit
        of all units (1000 for a table, 0 for none). device: a torch device for the fits (``cuda``). rng: seed or generator.

    Returns a Dataset by (state, step, time_ms, unit), less the axes that the inputs do not have: r, r2, alpha ``(split, ...)``; over units: median_r,
    units (how many), interval ``(bound, ...)``, median_r_by_split (its mean is Brain-Score's raw score); with a reliability reliable,
    r_corrected = r / sqrt(reliability), median_r_corrected and interval_corrected; with permutations null_high, p, p_corrected (maximum over
    states, steps, times), p_unit; with pls not_converged (fits whose iterations did not end). NaN where a state is not populated
    or a response is constant in every test set.
    Raises AnalysisError for what is no number, different stimuli, too few stimuli, patterns without variance (naming state and step).
    Sources: ridge Hoerl & Kennard 1970, solved by himalaya (Dupre la Tour et al. 2022); PLS as in Schrimpf et al. 2018, whose ceiled score is
    (r / reliability)^2; correction Spearman 1904, Schoppe et al. 2016; bootstrap of two factors Owen 2007.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(60, 9))
    >>> y = x @ rng.normal(size=(9, 40)) + rng.normal(size=(60, 40))
    >>> result = encode(x, y, n=100)
    >>> bool(result.median_r > 0.5), result.interval.dims
    (True, ('bound',))
    """
    from tqdm import tqdm

    from cortexsim.analysis.linear.regression import Patterns

    generator = generator_of(rng)
    x = frames(features, states, steps)
    if x.axis != "step":
        raise AnalysisError(
            "the features are by time_ms; rename that axis: features.rename(time_ms='step')"
        )
    y = responses_of(responses, reliability, generator)
    same_stimuli(x, y.array, "features", "responses")
    where = torch_device(device)
    plan = plan_of(
        method, splits, folds, inner_folds, alphas, components, reduce, groups, least_reliability, resample, n, permutations, confidence, y, generator
    )  # fmt: skip
    project = projector(reduce, generator)
    done = {}
    for s, t in tqdm(
        x.all(), desc="encoding", unit=" frames", disable=not progress, dynamic_ncols=True
    ):
        patterns = Patterns(project(x.frame(s, t)), where, x.where(s, t))
        done[s, t] = _frame(patterns, y, plan)
    settings = {
        "method": method,
        "splits": splits,
        "folds": len(plan.splits),
        "inner_folds": int(inner_folds) if method == "ridge" else 0,
        "alphas": json.dumps(plan.settings.alphas.tolist()) if method == "ridge" else "",
        "components": int(components) if method == "pls" else 0,
        "reduce": reduce or "none",
        "resample": ", ".join(plan.factors) or "none",
        "n": len(plan.counts) if plan.factors else 0,
        "permutations": len(plan.permutations),
        "confidence": confidence,
        "least_reliability": least_reliability,
        "stimuli": x.count,
        "seed": "a generator of the caller" if isinstance(rng, np.random.Generator) else int(rng),
        "device": str(where),
    }
    return _assembled(done, x, y, plan, settings)


def _frame(patterns: Patterns, y: Responses, plan: Plan) -> dict[str, np.ndarray]:
    """Everything about one state at one step: ``(time, unit)``, ``(time,)``, and what is by split or bound before that."""
    from cortexsim.analysis.linear.regression import METHODS

    fits: Any = (METHODS[plan.method](patterns, s, plan.settings) for s in plan.splits)
    if len(plan.permutations):  # each is asked again, so they are kept; else one at a time is
        fits = list(fits)
    held, alpha, stopped = [], [], 0
    for split, fit in zip(plan.splits, fits):
        fitted = fit(y.values)
        there, mean = y.values[split.test], y.values[split.train].mean(0).ravel()
        held.append(
            Held(
                split.test,
                fitted.prediction.reshape(len(there), -1),
                there.reshape(len(there), -1),
                mean,
            )
        )
        alpha.append(fitted.alpha)
        stopped += fitted.stopped
    shape = y.values.shape[1:]
    each = by_split(held).reshape(-1, *shape)
    r = mean_there(each)
    out = {
        "r": r,
        "r2": explained(*errors(held, len(y.values))).reshape(shape),
        "median_r": median_there(r),
        "units": (~np.isnan(r)).sum(-1).astype(float),
        "median_r_by_split": median_there(each),
    }
    if plan.method == "ridge":
        out["alpha"] = np.stack(alpha)
    else:
        out["not_converged"] = np.array(float(stopped))
    root = _root(y, plan)
    if root is not None:
        out["r_corrected"] = r / root
        out["median_r_corrected"] = median_there(r / root)
    return {
        **out,
        **_intervals(held, r, root, plan),
        **(_null(fits, y, r, plan) if len(plan.permutations) else {}),
    }


def _root(y: Responses, plan: Plan) -> np.ndarray | None:
    """sqrt(reliability), NaN for units that are not reliable."""
    if y.reliability is None:
        return None
    reliable = np.nan_to_num(y.reliability, nan=-1) >= plan.least
    return np.sqrt(np.where(reliable, y.reliability, np.nan))


def _intervals(
    held: list[Held], r: np.ndarray, root: np.ndarray | None, plan: Plan
) -> dict[str, np.ndarray]:
    """Percentile intervals ``(bound, time)`` of the median over units."""
    if not plan.factors:
        return {}
    bounds = [50 - 50 * plan.confidence, 50 + 50 * plan.confidence]
    names = ("interval",) if root is None else ("interval", "interval_corrected")
    out: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for t, row in enumerate(r):
        draws = row[None]
        if "stimulus" in plan.factors:
            part = slice(t * len(row), (t + 1) * len(row))
            draws = resampled(
                [Held(h.test, h.predicted[:, part], h.there[:, part], h.mean[part]) for h in held],
                plan.counts,
            )
        for name, values in out.items():
            x = draws if name == "interval" or root is None else draws / root[t]
            if "unit" in plan.factors:
                x = np.take_along_axis(np.broadcast_to(x, plan.units.shape), plan.units, axis=1)
            medians = median_there(x)
            values.append(
                np.nanpercentile(medians, bounds) if np.isfinite(medians).any() else np.full(2, np.nan)
            )  # fmt: skip
    return {name: np.stack(values, axis=1) for name, values in out.items()}


def _null(fits: Any, y: Responses, r: np.ndarray, plan: Plan) -> dict[str, np.ndarray]:
    """Medians ``(permutation, time)`` of permuted responses, and how often each unit is reached ``(time, unit)``."""
    few = max(1, PERMUTED // r.size)
    medians, reached = [], np.zeros(r.shape)
    for start in range(0, len(plan.permutations), few):
        order = plan.permutations[start : start + few]
        mixed = y.values[order.T]  # (stimulus, permutation, time, unit)
        mixed = mixed.reshape(len(mixed), -1, r.shape[1])
        each = [
            correlation(fit(mixed).prediction, mixed[s.test]) for s, fit in zip(plan.splits, fits)
        ]
        null = mean_there(np.stack(each)).reshape(len(order), *r.shape)
        medians.append(median_there(null))
        reached += (null >= r - TIE).sum(0)
    p = np.where(np.isnan(r), np.nan, (1 + reached) / (1 + len(plan.permutations)))
    return {"null": np.concatenate(medians), "p_unit": p}


LEAD = {"median_r_by_split": "split", "alpha": "split", "interval": "bound", "interval_corrected": "bound", "null": "permutation"}  # fmt: skip
ENDS = {
    "r": 2,
    "r2": 2,
    "alpha": 2,
    "r_corrected": 2,
    "p_unit": 2,
    "not_converged": 0,
}  # axes of (time, unit); else 1


def _assembled(
    done: dict[tuple[int, int], dict[str, np.ndarray]], x: Frames, y: Responses, plan: Plan, settings: dict[str, Any]
) -> xarray.Dataset:  # fmt: skip
    """All frames on the grid, with coordinates; axes that the inputs did not have are gone."""
    import xarray

    variables: dict[str, Any] = {}
    for name, one in next(iter(done.values())).items():
        lead = (LEAD[name],) if name in LEAD else ()
        grid = np.full((len(x.states), len(x.places), *one.shape), np.nan)
        for at, values in done.items():
            grid[at] = values[name]
        dims = (*lead, "state", "step", *DIMS[2 : 2 + ENDS.get(name, 1)])
        variables[name] = (dims, np.moveaxis(grid, 2, 0) if lead else grid)
    if "null" in variables:
        null, median = variables.pop("null")[1], variables["median_r"][1]
        high = np.full(median.shape, np.nan)
        there = np.isfinite(median) & np.isfinite(null).any(0)
        high[there] = np.nanquantile(null[:, there], plan.confidence, axis=0)
        p = (1 + (null >= median - TIE).sum(0)) / (1 + len(null))
        variables["null_high"] = (DIMS[:3], high)
        variables["p"] = (DIMS[:3], np.where(there, p, np.nan))
        variables["p_corrected"] = (
            DIMS[:3],
            max_statistic(np.where(there, median, np.nan), null, two_sided=False),
        )
    if y.reliability is not None:
        variables["reliability"] = (DIMS[2:], y.reliability)
        variables["reliable"] = (DIMS[2:], np.nan_to_num(y.reliability, nan=-1) >= plan.least)
        settings["units_not_reliable"] = int((~variables["reliable"][1]).sum())
    text = {
        **TEXT,
        "interval_text": TEXT["interval_text"].format(" and ".join(plan.factors) or "nothing"),
    }
    packages = ("xarray", "himalaya") if plan.method == "ridge" else ("xarray", "scikit-learn")
    attributes = {**settings, **text, "provenance": json.dumps(provenance(*packages))}
    out = xarray.Dataset(variables, coordinates_of(x, y), attributes)
    gone = {"state", "step"} - {*x.given} | ({"time_ms"} if y.times is None else set())
    return out.isel(dict.fromkeys(gone, 0), drop=True) if gone else out


def coordinates_of(x: Frames, y: Responses) -> dict[str, Any]:
    """Coordinates of (state, step, time_ms, unit); the times of a recording are ``model_time_ms``, since time_ms is that of the responses."""
    out: dict[str, Any] = {
        "state": np.array(x.states, dtype=object),
        "step": x.places,
        "unit": y.units,
        "bound": ["lower", "upper"],
        "populated": (("state", "step"), x.populated),
        **{k if not k.startswith("time_ms") else f"model_{k}": v for k, v in x.coords.items()},
    }
    if y.times is not None:
        out["time_ms"] = ("time_ms", y.times, y.array.time_ms.attrs)
    for name, c in y.array.coords.items():
        if c.dims == ("unit",) and name != "unit":
            out.setdefault(str(name), ("unit", c.values))
    return out
