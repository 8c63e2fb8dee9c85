"""From the evaluations of every time to one labelled data set: intervals, tests, corrections, clusters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.clusters import cluster_test, sign_flips
from cortexsim.analysis.testing import corrected, max_statistic, t_quantile, t_test, two_factor
from cortexsim.provenance import provenance

if TYPE_CHECKING:
    import xarray

    from cortexsim.analysis.inference import Evaluated, Table

Variables = dict[str, tuple[tuple[str, ...], np.ndarray]]


@dataclass(frozen=True)
class Grid:
    """Where the flat models of each time stand on (model, step, time), and the names of the axes.

    alive ``(model, step)``: which models exist; combinations: weighted models, which stand at every step.
    """

    models: Table
    data: Table
    alive: np.ndarray
    combinations: tuple[str, ...]

    @property
    def dims(self) -> tuple[str, ...]:
        return ("model", *self.models.dims[1:], *self.data.dims[1:])

    def fill(self, values: np.ndarray) -> np.ndarray:
        """``(lead, flat model, time)`` to ``(lead, model, step, time)``, NaN where a model does not exist."""
        count, (rows, steps) = int(self.alive.sum()), self.alive.shape
        out = np.full((len(values), rows + len(self.combinations), steps, values.shape[-1]), np.nan)
        out[:, :rows][:, self.alive] = values[:, :count]
        out[:, rows:] = values[:, count:, None]
        return out

    def shaped(self, values: np.ndarray) -> np.ndarray:
        """``(..., step, time)`` without the axes that the inputs did not have."""
        return values.reshape(*values.shape[:-2], *self.models.shape[1:], *self.data.shape[1:])

    def coordinates(self) -> dict[str, Any]:
        names = self.models.coords.get("model", ((), np.arange(self.alive.shape[0])))[1]
        if self.combinations:
            names = np.array([*map(str, names), *self.combinations], dtype=object)
        out: dict[str, Any] = {"bound": ["lower", "upper"], "model": names, "other": ("other", np.asarray(names))}
        for table in (self.models, self.data):
            for name, (dims, values) in table.coords.items():
                if name not in out and "model" not in dims and set(dims) <= {*self.dims, "subject"}:
                    out[name] = (dims, values)
        return out


def assemble(
    times: list[Evaluated], grid: Grid, settings: dict[str, Any], clusters: str | None, cluster_threshold: float, rng: np.random.Generator, samples: bool
) -> xarray.Dataset:  # fmt: skip
    """All numbers on the grid (model, step, time)."""
    import xarray

    by_subject = grid.fill(np.stack([t.by_subject.T for t in times], axis=-1))
    ceiling = np.stack([t.ceiling for t in times], axis=-1)  # (bound, time)
    null = grid.fill(np.stack([t.null for t in times], axis=-1))
    draws = {
        k: np.stack([t.samples[k] for t in times], axis=-1) for k in times[0].samples
    }  # (resample, model + 2, time)
    evaluation = by_subject.mean(0)
    spread = Spread.of(grid, by_subject, draws, settings)
    margin = t_quantile(settings["confidence"], spread.dof) * np.sqrt(spread.model)
    out: Variables = {
        "evaluation": (grid.dims, evaluation),
        "by_subject": (("subject", *grid.dims), by_subject),
        "standard_error": (grid.dims, np.sqrt(spread.model)),
        "interval": (("bound", *grid.dims), np.stack([evaluation - margin, evaluation + margin])),
        **_tests(grid, evaluation, ceiling, spread, settings["correction"]),
        **_permutation(grid, evaluation, null, settings["confidence"]),
    }
    if clusters:
        out["p_cluster"] = (
            grid.dims,
            _clusters(clusters, cluster_threshold, evaluation, by_subject, null, rng, settings),
        )
        settings = {**settings, "clusters": clusters, "cluster_threshold": cluster_threshold}
    if samples and draws:
        out["samples"] = (("resample", *grid.dims), spread.draws)
    variables: dict[str, Any] = {k: (d, grid.shaped(v)) for k, (d, v) in out.items()}
    variables["ceiling"] = (("bound", *grid.data.dims[1:]), ceiling.reshape(2, *grid.data.shape[1:]))
    used = {"degrees_of_freedom": spread.dof, "resamples_used": len(spread.draws) if draws else 0}
    attributes = {**settings, **used, "provenance": json.dumps(provenance("scipy", "numba", "xarray"))}
    return xarray.Dataset(variables, grid.coordinates(), attributes)


@dataclass(frozen=True)
class Spread:
    """Variances of evaluations ``(model, step, time)``, of their distance to the lower ceiling, and of differences ``(model, model, step, time)``.

    draws: the evaluations of the outermost bootstrap, from which the maximum statistic takes its joint distribution.
    """

    model: np.ndarray
    ceiling: np.ndarray
    pair: np.ndarray
    draws: np.ndarray
    low: np.ndarray  # (resample, time): lower ceiling
    dof: int

    @classmethod
    def of(cls, grid: Grid, by_subject: np.ndarray, draws: dict[str, np.ndarray], settings: dict[str, Any]) -> Spread:
        subjects, conditions = settings["subjects"], settings["conditions"]
        sizes = {
            "subject": subjects,
            "condition": conditions,
            "both": min(subjects, conditions),
            "fixed": len(by_subject),
        }
        if not draws:  # nothing resampled: the spread of the subjects' own evaluations
            filled, low = {"fixed": by_subject}, {"fixed": np.zeros((len(by_subject), by_subject.shape[-1]))}
        else:
            sound = np.logical_and.reduce([np.isfinite(d[:, :-2]).all((1, 2)) for d in draws.values()])
            filled = {k: grid.fill(d[sound, :-2]) for k, d in draws.items()}
            low = {k: d[sound, -2] for k, d in draws.items()}
        kinds = {k: _covariance(filled[k], low[k]) for k in filled}

        def variance(of: Any) -> np.ndarray:
            v = {k: of(c) for k, c in kinds.items()}
            if len(v) == 3:
                return two_factor(v["both"], v["subject"], v["condition"], subjects, conditions)
            kind, single = next(iter(v.items()))
            size = sizes[kind]
            if size < 2:
                return np.full(single.shape, np.nan)
            return single / size if kind == "fixed" else single * size / (size - 1)

        def difference(c: np.ndarray) -> np.ndarray:
            d = np.diagonal(c, axis1=-2, axis2=-1)
            return np.moveaxis(d[..., :, None] + d[..., None, :] - 2 * c, (-2, -1), (0, 1))

        alive = np.where(np.isfinite(by_subject[0]), 1.0, np.nan)
        every = variance(difference)
        own = variance(lambda c: np.moveaxis(np.diagonal(c, axis1=-2, axis2=-1), -1, 0))
        outer = "both" if "both" in filled else next(iter(filled))
        return cls(
            own[:-1] * alive, every[:-1, -1] * alive, every[:-1, :-1], filled[outer], low[outer], sizes[outer] - 1
        )


def _covariance(draws: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Of models and, last, the lower ceiling, over draws: ``(step, time, model + 1, model + 1)``; 0 for models that do not exist."""
    ceiling = np.broadcast_to(low[:, None, None], (len(low), 1, draws.shape[2], low.shape[-1]))
    x = np.nan_to_num(np.concatenate([draws, ceiling], axis=1))
    x = np.moveaxis(x - x.mean(0), (0, 1), (-1, -2))
    return x @ x.swapaxes(-1, -2) / max(x.shape[-1] - 1, 1)


def _tests(grid: Grid, evaluation: np.ndarray, ceiling: np.ndarray, spread: Spread, correction: str) -> Variables:
    """Against zero (one-sided), the lower ceiling and each other (two-sided); raw and corrected over the whole grid."""
    below, difference = evaluation - ceiling[0], evaluation[:, None] - evaluation[None]
    raw = {
        "p_zero": t_test(evaluation, spread.model, spread.dof, two_sided=False),
        "p_ceiling": t_test(below, spread.ceiling, spread.dof, two_sided=True),
        "p_pair": t_test(difference, spread.pair, spread.dof, two_sided=True),
    }
    a, b = np.triu_indices(len(evaluation), 1)
    raw["p_pair"][np.arange(len(evaluation)), np.arange(len(evaluation))] = np.nan
    pair = np.full(difference.shape, np.nan)
    if correction == "max":
        centred = spread.draws - spread.draws.mean(0)
        low = (spread.low - spread.low.mean(0))[:, None, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            zero = max_statistic(evaluation / np.sqrt(spread.model), centred / centred.std(0, ddof=1), two_sided=False)
            away = centred - low
            ceil = max_statistic(below / np.sqrt(spread.ceiling), away / away.std(0, ddof=1), two_sided=True)
            largest = np.full(len(centred), -np.inf)
            for k in range(len(evaluation) - 1):
                apart = centred[:, k : k + 1] - centred[:, k + 1 :]
                t = np.abs(apart / apart.std(0, ddof=1)).reshape(len(apart), -1)
                largest = np.fmax(largest, np.nanmax(np.where(np.isfinite(t), t, -np.inf), axis=1))
            pair[a, b] = max_statistic(difference[a, b] / np.sqrt(spread.pair[a, b]), largest[:, None], two_sided=True)
    else:
        zero, ceil = corrected(raw["p_zero"], correction), corrected(raw["p_ceiling"], correction)
        pair[a, b] = corrected(raw["p_pair"][a, b], correction)
    pair[b, a] = pair[a, b]
    dims = {"p_pair": ("model", "other", *grid.dims[1:])}
    done = {**raw, "p_zero_corrected": zero, "p_ceiling_corrected": ceil, "p_pair_corrected": pair}
    return {name: (dims.get(name.removesuffix("_corrected"), grid.dims), p) for name, p in done.items()}


def _permutation(grid: Grid, evaluation: np.ndarray, null: np.ndarray, confidence: float) -> Variables:
    """How often permuted condition labels reach the evaluation, at this point and anywhere on the grid."""
    if not len(null):
        return {}
    exists = np.isfinite(null).all(0)
    known = np.where(exists, evaluation, np.nan)
    p = np.where(exists, (1 + (null >= evaluation).sum(0)) / (1 + len(null)), np.nan)
    high = np.full(exists.shape, np.nan)
    high[exists] = np.quantile(null[:, exists], confidence, axis=0)
    return {
        "p_permutation": (grid.dims, p),
        "p_permutation_corrected": (grid.dims, max_statistic(known, null, two_sided=False)),
        "null_high": (grid.dims, high),
    }


def _clusters(
    kind: str, threshold: float, evaluation: np.ndarray, by_subject: np.ndarray, null: np.ndarray, rng: np.random.Generator, settings: dict[str, Any]
) -> np.ndarray:  # fmt: skip
    """The p-value of the cluster of each point, for each model on its own over (step, time); NaN outside."""
    out = np.full(evaluation.shape, np.nan)
    for k in range(len(evaluation)):
        exists = np.isfinite(evaluation[k])
        if kind == "subject":
            statistic, nulls = sign_flips(np.nan_to_num(by_subject[:, k]), settings["permutations"] or 1000, rng)
            level: Any = t_quantile(1 - 2 * threshold, len(by_subject) - 1)
        elif np.isfinite(null[:, k]).any():
            mean, sd = null[:, k].mean(0), null[:, k].std(0)
            with np.errstate(invalid="ignore", divide="ignore"):
                statistic, nulls = (evaluation[k] - mean) / sd, (null[:, k] - mean) / sd
            level = np.quantile(np.nan_to_num(nulls), 1 - threshold, axis=0)
        else:  # a weighted combination, which is not permuted
            continue
        found = cluster_test(np.where(exists, statistic, np.nan), np.where(exists, nulls, np.nan), level)
        out[k] = found.p_map()
    return out
