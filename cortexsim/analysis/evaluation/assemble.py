"""From the evaluations of every time to one labelled data set: intervals, tests, corrections, clusters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.clusters import cluster_test, sign_flips
from cortexsim.analysis.statistics.pvalues import (
    TIE,
    corrected,
    max_statistic,
    normal_equivalent,
    t_quantile,
    t_test,
    two_factor,
)
from cortexsim.errors import AnalysisError
from cortexsim.provenance import provenance

if TYPE_CHECKING:
    import xarray

    from cortexsim.analysis.evaluation.tables import Table

Variables = dict[str, tuple[tuple[str, ...], np.ndarray]]


@dataclass(frozen=True)
class Evaluated:
    """One time: by_subject ``(model, subject)``, ceiling ``(2,)``, samples[kind] ``(resample, model + 2)``, null ``(permutation, model)``."""

    by_subject: np.ndarray
    ceiling: np.ndarray
    samples: dict[str, np.ndarray]
    null: np.ndarray


@dataclass(frozen=True)
class Grid:
    """Where the flat models of each time stand on (model, step, time), and the names of the axes.

    alive ``(model, step)``: which models exist; combinations: weighted models, which stand at every step. groups: the subject of each data RDM.
    """

    models: Table
    data: Table
    alive: np.ndarray
    combinations: tuple[str, ...]
    groups: np.ndarray

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

    def subjects(self, by_rdm: np.ndarray) -> np.ndarray:
        """The mean over the RDMs of each subject ``(subject, ...)``."""
        count = self.groups.max() + 1
        if count == len(by_rdm):
            return by_rdm
        return np.stack([by_rdm[self.groups == g].mean(0) for g in range(count)])

    def coordinates(self) -> dict[str, Any]:
        names = self.models.coords.get("model", ((), np.arange(self.alive.shape[0])))[1]
        if self.combinations:
            names = np.array([*map(str, names), *self.combinations], dtype=object)
        out: dict[str, Any] = {
            "bound": ["lower", "upper"],
            "model": names,
            "other": ("other", np.asarray(names)),
        }
        for table in (self.models, self.data):
            for name, (dims, values) in table.coords.items():
                # The milliseconds of steps beside a time axis of the data, which has the name.
                key = f"model_{name}" if table is self.models and name in self.data.dims else name
                if key not in out and "model" not in dims and set(dims) <= {*self.dims, "subject"}:
                    out[key] = (dims, values)
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
            _clusters(
                clusters,
                cluster_threshold,
                evaluation,
                grid.subjects(by_subject),
                null,
                rng,
                settings,
            ),
        )
        settings = {**settings, "clusters": clusters, "cluster_threshold": cluster_threshold}
    if samples and draws:
        out["samples"] = (("resample", *grid.dims), spread.draws)
    variables: dict[str, Any] = {k: (d, grid.shaped(v)) for k, (d, v) in out.items()}
    variables["ceiling"] = (
        ("bound", *grid.data.dims[1:]),
        ceiling.reshape(2, *grid.data.shape[1:]),
    )
    used = {
        "degrees_of_freedom": spread.dof,
        "resamples_used": _used(spread, evaluation) if draws else 0,
    }
    attributes = {
        **settings,
        **used,
        "provenance": json.dumps(provenance("scipy", "numba", "xarray")),
    }
    return xarray.Dataset(variables, grid.coordinates(), attributes)


def _used(spread: Spread, evaluation: np.ndarray) -> int:
    """Resamples in which every model has a similarity."""
    return int(np.isfinite(spread.draws[:, np.isfinite(evaluation)]).all(1).sum())


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
    def of(
        cls,
        grid: Grid,
        by_subject: np.ndarray,
        draws: dict[str, np.ndarray],
        settings: dict[str, Any],
    ) -> Spread:
        subjects, conditions = settings["subjects"], settings["condition_units"]
        sizes = {
            "subject": subjects,
            "condition": conditions,
            "both": min(subjects, conditions),
            "fixed": subjects,
        }
        if not draws:  # nothing resampled: the spread of the subjects' own evaluations
            filled = {"fixed": grid.subjects(by_subject)}
            low = {"fixed": np.zeros((subjects, by_subject.shape[-1]))}
        else:
            some = np.logical_and.reduce(
                [np.isfinite(d[:, :-2]).any((1, 2)) for d in draws.values()]
            )
            filled = {
                k: grid.fill(d[some, :-2]) for k, d in draws.items()
            }  # without resamples of too few conditions
            low = {k: d[some, -2] for k, d in draws.items()}
            if some.sum() < max(10, len(some) / 2):
                raise AnalysisError(
                    f"only {int(some.sum())} of {len(some)} resamples hold enough different conditions; take more resamples, fewer folds, or do "
                    "not resample conditions"
                )
            _refuse_few(filled, np.isfinite(by_subject[0]), grid)

        def variance(of: Any) -> np.ndarray:
            v = {k: of(k) for k in filled}
            if len(v) == 3:
                return two_factor(v["both"], v["subject"], v["condition"], subjects, conditions)
            kind, single = next(iter(v.items()))
            size = sizes[kind]
            if size < 2:
                return np.full(single.shape, np.nan)
            return single / size if kind == "fixed" else single * size / (size - 1)

        covariance = {k: _covariance(d) for k, d in filled.items()}

        def own(k: str) -> np.ndarray:
            return np.moveaxis(np.diagonal(covariance[k], axis1=-2, axis2=-1), -1, 0)

        def difference(k: str) -> np.ndarray:
            c = covariance[k]
            d = np.diagonal(c, axis1=-2, axis2=-1)
            return np.moveaxis(
                np.maximum(d[..., :, None] + d[..., None, :] - 2 * c, 0), (-2, -1), (0, 1)
            )

        def from_ceiling(
            k: str,
        ) -> np.ndarray:  # resamples of one subject only have no lower ceiling and are left out
            return _variance(filled[k] - low[k][:, None, None])

        alive = np.where(np.isfinite(by_subject[0]), 1.0, np.nan)
        outer = "both" if "both" in filled else next(iter(filled))
        return cls(
            variance(own) * alive, variance(from_ceiling) * alive, variance(difference), filled[outer], low[outer], sizes[outer] - 1
        )  # fmt: skip


def _refuse_few(filled: dict[str, np.ndarray], alive: np.ndarray, grid: Grid) -> None:
    """AnalysisError where a model has a similarity in too few resamples for a variance."""
    for draws in filled.values():
        share = np.isfinite(draws).mean(0)
        bad = alive & (share < 0.5)
        if bad.any():
            k = int(np.flatnonzero(bad.reshape(len(bad), -1).any(1))[0])
            name = str(np.asarray(grid.coordinates()["model"])[k])
            raise AnalysisError(
                f"model {name!r} has a similarity in only {share[bad].min():.0%} of the resamples: elsewhere it (or the data) is constant, or too few "
                "conditions are left. Use fewer folds, do not resample conditions, or leave the model out"
            )


def _variance(draws: np.ndarray) -> np.ndarray:
    """Over the draws that are numbers; NaN where fewer than two are."""
    here = np.isfinite(draws)
    count = here.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = np.where(here, draws - np.where(here, draws, 0).sum(0) / count, 0)
        return np.where(count > 1, (centred**2).sum(0) / (count - 1), np.nan)


def _covariance(draws: np.ndarray) -> np.ndarray:
    """Of models over the draws in which both are numbers: ``(step, time, model, model)``; 0 for models that do not exist."""
    here = np.isfinite(draws)
    x = np.where(here, draws, 0.0)
    x = np.where(here, x - x.sum(0) / np.maximum(here.sum(0), 1), 0.0)
    x, m = (np.moveaxis(a, (0, 1), (-1, -2)) for a in (x, here.astype(np.float64)))
    return x @ x.swapaxes(-1, -2) / np.maximum(m @ m.swapaxes(-1, -2) - 1, 1)


def _tests(
    grid: Grid, evaluation: np.ndarray, ceiling: np.ndarray, spread: Spread, correction: str
) -> Variables:
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
        zero, ceil, pair[a, b] = _joint(spread, evaluation, below, difference[a, b], (a, b))
    else:
        zero, ceil = corrected(raw["p_zero"], correction), corrected(raw["p_ceiling"], correction)
        pair[a, b] = corrected(raw["p_pair"][a, b], correction)
    pair[b, a] = pair[a, b]
    dims = {"p_pair": ("model", "other", *grid.dims[1:])}
    done = {**raw, "p_zero_corrected": zero, "p_ceiling_corrected": ceil, "p_pair_corrected": pair}
    return {
        name: (dims.get(name.removesuffix("_corrected"), grid.dims), p) for name, p in done.items()
    }


def _joint(
    spread: Spread, evaluation: np.ndarray, below: np.ndarray, difference: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """p-values of the maximum statistic against zero, against the ceiling and between models, from the joint distribution of the draws."""

    def standard(x: np.ndarray) -> np.ndarray:
        here = np.isfinite(x)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (x - np.where(here, x, 0).sum(0) / here.sum(0)) / np.sqrt(_variance(x))

    def z(value: np.ndarray, variance: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return normal_equivalent(value / np.sqrt(variance), spread.dof)

    zero = max_statistic(z(evaluation, spread.model), standard(spread.draws), two_sided=False)
    ceil = max_statistic(
        z(below, spread.ceiling), standard(spread.draws - spread.low[:, None, None]), two_sided=True
    )
    largest = np.full(len(spread.draws), -np.inf)
    for k in range(len(evaluation) - 1):
        t = np.abs(standard(spread.draws[:, k : k + 1] - spread.draws[:, k + 1 :])).reshape(
            len(largest), -1
        )
        largest = np.fmax(largest, np.where(np.isfinite(t), t, -np.inf).max(axis=1))
    return (
        zero,
        ceil,
        max_statistic(z(difference, spread.pair[pairs]), largest[:, None], two_sided=True),
    )


def _permutation(
    grid: Grid, evaluation: np.ndarray, null: np.ndarray, confidence: float
) -> Variables:
    """How often permuted condition labels reach the evaluation, at this point and anywhere on the grid."""
    if not len(null):
        return {}
    exists = np.isfinite(null).all(0)
    known = np.where(exists, evaluation, np.nan)
    p = np.where(exists, (1 + (null >= evaluation - TIE).sum(0)) / (1 + len(null)), np.nan)
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
            statistic, nulls = sign_flips(
                np.nan_to_num(by_subject[:, k]), settings["permutations"] or 1000, rng
            )
            level: Any = t_quantile(1 - 2 * threshold, len(by_subject) - 1)
        elif np.isfinite(null[:, k]).any():
            mean, sd = null[:, k].mean(0), null[:, k].std(0)
            with np.errstate(invalid="ignore", divide="ignore"):
                statistic, nulls = (evaluation[k] - mean) / sd, (null[:, k] - mean) / sd
            level = np.quantile(np.nan_to_num(nulls), 1 - threshold, axis=0)
        else:  # a weighted combination, which is not permuted
            continue
        found = cluster_test(
            np.where(exists, statistic, np.nan), np.where(exists, nulls, np.nan), level
        )
        out[k] = found.p_map()
    return out
