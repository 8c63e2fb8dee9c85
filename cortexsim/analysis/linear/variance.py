"""Variance partitioning: what one set of patterns explains of the responses that another does not, e.g. step 8 beyond the first pass."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.encoding import DIMS, coordinates_of
from cortexsim.analysis.linear.frames import Frames, frames, same_stimuli
from cortexsim.analysis.linear.plan import (
    ALPHAS,
    FACTORS,
    RELIABLE,
    Plan,
    plan_of,
    projector,
    reduction,
    torch_device,
)
from cortexsim.analysis.linear.scores import (
    Held,
    Responses,
    errors,
    explained,
    mean_there,
    responses_of,
)
from cortexsim.analysis.statistics.draws import generator_of
from cortexsim.errors import AnalysisError
from cortexsim.provenance import provenance

if TYPE_CHECKING:
    import xarray

    from cortexsim.analysis.linear.regression import Patterns

# Weights of the two kernels that are tried for each unit; with the ends, both together need not be worse than one.
MIXES = np.array([[w, 1 - w] for w in (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1)])
ONLY = {"a": MIXES[-1:], "b": MIXES[:1], "both": MIXES}
PARTS = ("r2_a", "r2_b", "r2_both", "unique_a", "unique_b", "shared")


def partition(
    a: Any,
    b: Any,
    responses: Any,
    *,
    splits: str = "folds",
    folds: int = 5,
    inner_folds: int = 5,
    alphas: Any = ALPHAS,
    reduce: str | None = None,
    groups: Any = None,
    resample: Sequence[str] = FACTORS,
    n: int = 1000,
    confidence: float = 0.95,
    states: str | Sequence[str] | None = None,
    steps: int | Sequence[int] | None = None,
    device: str | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = False,
) -> xarray.Dataset:
    """Held-out R2 of two sets of patterns and of both together, and its parts, unit by unit.

        unique_a = R2(a, b) - R2(b)    unique_b = R2(a, b) - R2(a)    shared = R2(a) + R2(b) - R2(a, b)

    a: one frame ``(stimulus, feature)``, e.g. ``recording["IT"].activation.sel(step=4)``, the first pass. b: what ``encode`` takes as features; each
    state and step of it is compared with a. Both together are fitted by banded ridge: the mix of the two kernels and the penalty are chosen for
    each unit on inner folds. The other arguments are as in ``encode``; only ``projection:K`` reduces.

    Returns a Dataset by (state, step, time_ms, unit), less the axes that the inputs do not have: r2_a, r2_b, r2_both, unique_a, unique_b, shared;
    over units (the mean, so that the parts add up): mean_over_units ``(part, ...)`` and its bootstrap interval ``(bound, part, ...)``. R2 is of
    held-out stimuli, so that a part can be below 0 by chance, and it is not corrected for noise. Raises AnalysisError as ``encode`` does.
    Sources: Borcard et al. 1992 (parts); la Tour et al. 2022 (banded ridge, solved by himalaya).

    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 200, 3))
    >>> y = a[:, :1] + b[:, :1] + rng.normal(size=(200, 10))  # a third each
    >>> parts = partition(a, b, y, n=100)
    >>> parts.mean_over_units.sel(part=["unique_a", "unique_b", "shared"]).values.round(1) + 0
    array([0.3, 0.3, 0. ])
    """
    from tqdm import tqdm

    from cortexsim.analysis.linear.regression import Patterns

    generator = generator_of(rng)
    first, x = frames(a), frames(b, states, steps)
    if len(first.all()) != 1 or "step" not in (first.axis, x.axis) or x.axis != "step":
        raise AnalysisError(
            f"a has {len(first.all())} frames by {first.axis}, b is by {x.axis}; a must be one state at one step, b by step"
        )
    if reduction(reduce)[0] == "pca":
        raise AnalysisError(f"cannot reduce to {reduce!r} here; choose from projection:K, None")
    y = responses_of(responses, None if _single(responses) else 1.0, generator)
    same_stimuli(first, y.array, "a", "responses")
    same_stimuli(x, y.array, "b", "responses")
    where = torch_device(device)
    plan = plan_of(
        "ridge", splits, folds, inner_folds, alphas, 1, reduce, groups, RELIABLE, resample, n, 0, confidence, y, generator
    )  # fmt: skip
    project = projector(reduce, generator)
    base = Patterns(project(first.frame(*first.all()[0])), where, "a")
    alone = _errors(base, base, y, plan, "a")
    done = {}
    for s, t in tqdm(
        x.all(), desc="partitioning", unit=" frames", disable=not progress, dynamic_ncols=True
    ):
        other = Patterns(project(x.frame(s, t)), where, f"b, {x.where(s, t)}")
        three = {"a": alone[0], **{k: _errors(base, other, y, plan, k)[0] for k in ("b", "both")}}
        done[s, t] = _shares(three, alone[1], y.values.shape[1:], plan)
    settings = {
        "splits": splits,
        "folds": len(plan.splits),
        "inner_folds": int(inner_folds),
        "alphas": json.dumps(plan.settings.alphas.tolist()),
        "mixes": json.dumps(MIXES.tolist()),
        "reduce": reduce or "none",
        "resample": ", ".join(plan.factors) or "none",
        "n": len(plan.counts) if plan.factors else 0,
        "confidence": confidence,
        "stimuli": x.count,
        "seed": "a generator of the caller" if isinstance(rng, np.random.Generator) else int(rng),
        "device": str(where),
        "equation": "unique_a = R2(a, b) - R2(b); unique_b = R2(a, b) - R2(a); shared = R2(a) + R2(b) - R2(a, b); R2 on held-out stimuli",
        "interval_text": "percentiles of the mean over units; the fits are not repeated",
        "provenance": json.dumps(provenance("xarray", "himalaya")),
    }
    return _assembled(done, x, y, settings)


def _single(responses: Any) -> bool:
    """Whether there are no repeats, so that no reliability (not needed here) would be computed."""
    return not hasattr(responses, "dims") or set(responses.dims) <= {"stimulus", "unit", "time_ms"}


def _errors(
    a: Patterns, b: Patterns, y: Responses, plan: Plan, model: str
) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors ``(stimulus, target)`` of one model, and of the training mean."""
    from cortexsim.analysis.linear.regression import two_bands

    flat = y.values.reshape(len(y.values), -1)
    held = [
        Held(
            s.test,
            two_bands(a, b, s, plan.settings.alphas, ONLY[model], flat),
            flat[s.test],
            flat[s.train].mean(0),
        )
        for s in plan.splits
    ]
    return errors(held, len(flat))


def _shares(three: dict[str, np.ndarray], baseline: np.ndarray, shape: tuple[int, ...], plan: Plan) -> dict[str, np.ndarray]:  # fmt: skip
    """Each part ``(time, unit)``, its mean ``(part, time)`` and interval ``(bound, part, time)``."""
    parts = _parts({k: explained(e, baseline) for k, e in three.items()}).reshape(-1, *shape)
    out = {**dict(zip(PARTS, parts)), "mean_over_units": mean_there(parts, axis=-1)}
    if not plan.factors:
        return out
    bounds = [50 - 50 * plan.confidence, 50 + 50 * plan.confidence]
    interval = np.empty((2, len(PARTS), shape[0]))
    for t in range(shape[0]):
        part = slice(t * shape[1], (t + 1) * shape[1])
        weights = plan.counts.astype(np.float64)
        draws = _parts(
            {k: explained(e[:, part], baseline[:, part], weights) for k, e in three.items()}
        )
        if "unit" in plan.factors:
            full = np.broadcast_to(draws, (len(PARTS), *plan.units.shape))
            draws = np.take_along_axis(full, plan.units[None], axis=2)
        means = mean_there(draws, axis=-1)
        interval[:, :, t] = (
            np.nanpercentile(means, bounds, axis=1) if np.isfinite(means).all(0).any() else np.nan
        )
    return {**out, "interval": interval}


def _parts(r2: dict[str, np.ndarray]) -> np.ndarray:
    """``(part, ...)`` from the R2 of a, b and both."""
    a, b, both = r2["a"], r2["b"], r2["both"]
    return np.stack([a, b, both, both - b, both - a, a + b - both])


def _assembled(
    done: dict[tuple[int, int], dict[str, np.ndarray]], x: Frames, y: Responses, settings: dict[str, Any]
) -> xarray.Dataset:  # fmt: skip
    import xarray

    leads = {"mean_over_units": ("part",), "interval": ("bound", "part")}
    variables: dict[str, Any] = {}
    for name, one in next(iter(done.values())).items():
        grid = np.full((len(x.states), len(x.places), *one.shape), np.nan)
        for at, values in done.items():
            grid[at] = values[name]
        dims = DIMS if name in PARTS else DIMS[:3]
        lead = leads.get(name, ())
        grid = np.moveaxis(grid, range(2, 2 + len(lead)), range(len(lead)))
        variables[name] = ((*lead, *dims), grid)
    coords = {**coordinates_of(x, y), "part": list(PARTS)}
    out = xarray.Dataset(variables, coords, settings)
    gone = {"state", "step"} - {*x.given} | ({"time_ms"} if y.times is None else set())
    return out.isel(dict.fromkeys(gone, 0), drop=True) if gone else out
