"""From the evaluations of every time to one data set: intervals, tests, corrections, clusters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.evaluation.spread import Spread, draw_variance, enough_draws, refuse_few
from cortexsim.analysis.evaluation.tables import Table
from cortexsim.analysis.evaluation.times import Evaluated
from cortexsim.analysis.statistics.clusters import cluster_test, sign_flips
from cortexsim.analysis.statistics.intervals import finite_quantiles
from cortexsim.analysis.statistics.pvalues import (
    corrected,
    max_statistic,
    monte_carlo_p,
    normal_equivalent,
    null_high,
    t_quantile,
    t_test,
)
from cortexsim.analysis.statistics.settings import ClusterTest
from cortexsim.provenance import provenance
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray

Variables = dict[str, tuple[tuple[str, ...], np.ndarray]]


@dataclass(frozen=True)
class Grid:
    """Where the flat models of each time stand on (model, step, time), and the names of the axes.

    Parameters
    ----------
    models : Table
        The models with their names.
    data : Table
        The data RDMs with their names.
    alive : bool array of shape (model, step)
        Which models exist.
    combinations : tuple of str
        Weighted models, which stand at every step.
    groups : array of shape (data RDM,)
        The subject of each data RDM.
    """

    models: Table
    data: Table
    alive: np.ndarray
    combinations: tuple[str, ...]
    groups: np.ndarray

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the axes of an evaluation."""
        return ("model", *self.models.dims[1:], *self.data.dims[1:])

    def fill(
        self, values: Float[np.ndarray, "lead flat time"]
    ) -> Float[np.ndarray, "lead model step time"]:
        """Values of the models that exist, on the grid; NaN where a model does not exist."""
        count, (rows, steps) = int(self.alive.sum()), self.alive.shape
        shape = (len(values), rows + len(self.combinations), steps, values.shape[-1])
        on_grid = np.full(shape, np.nan)
        on_grid[:, :rows][:, self.alive] = values[:, :count]
        on_grid[:, rows:] = values[:, count:, None]
        return on_grid

    def shaped(self, values: np.ndarray) -> np.ndarray:
        """``(..., step, time)`` without the axes that the inputs did not have."""
        return values.reshape(*values.shape[:-2], *self.models.shape[1:], *self.data.shape[1:])

    def subjects(self, by_rdm: np.ndarray) -> np.ndarray:
        """The mean over the RDMs of each subject ``(subject, ...)``."""
        count = self.groups.max() + 1
        if count == len(by_rdm):
            return by_rdm
        return np.stack([by_rdm[self.groups == g].mean(0) for g in range(count)])

    def names(self) -> np.ndarray:
        """The name, or number, of each model."""
        names = self.models.coords.get("model", ((), np.arange(self.alive.shape[0])))[1]
        if self.combinations:
            names = np.array([*map(str, names), *self.combinations], dtype=object)
        return np.asarray(names)

    def coordinates(self) -> dict[str, Any]:
        """Those of the inputs that the result has the axes of."""
        names = self.names()
        coords: dict[str, Any] = {
            "bound": ["lower", "upper"],
            "model": names,
            "other": ("other", names),
        }
        for table in (self.models, self.data):
            for name, (dims, values) in table.coords.items():
                # The milliseconds of steps beside a time axis of the data, which has the name.
                key = f"model_{name}" if table is self.models and name in self.data.dims else name
                known = "model" not in dims and set(dims) <= {*self.dims, "subject"}
                if key not in coords and known:
                    coords[key] = (dims, values)
        return coords


def assemble(
    times: list[Evaluated],
    grid: Grid,
    settings: dict[str, Any],
    *,
    clusters: ClusterTest | None,
    samples: bool,
    rng: np.random.Generator,
) -> xarray.Dataset:
    """All numbers on the grid (model, step, time)."""
    import xarray

    by_subject = grid.fill(np.stack([t.by_subject.T for t in times], axis=-1))
    ceiling = np.stack([t.ceiling for t in times], axis=-1)  # (bound, time)
    null = grid.fill(np.stack([t.null for t in times], axis=-1))
    evaluation = by_subject.mean(0)
    spread = _spread(times, grid, by_subject, settings)
    margin = t_quantile(settings["confidence"], spread.dof) * np.sqrt(spread.model)
    variables: Variables = {
        "evaluation": (grid.dims, evaluation),
        "by_subject": (("subject", *grid.dims), by_subject),
        "standard_error": (grid.dims, np.sqrt(spread.model)),
        "interval": (("bound", *grid.dims), np.stack([evaluation - margin, evaluation + margin])),
        **_tests(grid, evaluation, ceiling, spread, settings["correction"]),
        **_permutation(grid, evaluation, null, settings["confidence"]),
    }
    resampled = bool(times[0].samples)
    used = {"degrees_of_freedom": spread.dof, "resamples_used": 0}
    if resampled:
        used["resamples_used"] = _used(spread, evaluation)
    if clusters:
        flips = settings["permutations"] or 1000
        p = _clusters(clusters, evaluation, grid.subjects(by_subject), null, flips=flips, rng=rng)
        variables["p_cluster"] = (grid.dims, p)
        settings = settings | {"clusters": clusters.by, "cluster_threshold": clusters.threshold}
    if samples and resampled:
        variables["samples"] = (("resample", *grid.dims), spread.draws)
    shaped: dict[str, Any] = {k: (d, grid.shaped(v)) for k, (d, v) in variables.items()}
    shaped["ceiling"] = (
        ("bound", *grid.data.dims[1:]),
        ceiling.reshape(2, *grid.data.shape[1:]),
    )
    made = {"provenance": json.dumps(provenance("scipy", "numba", "xarray"))}
    return xarray.Dataset(shaped, grid.coordinates(), settings | used | made)


def _spread(
    times: list[Evaluated], grid: Grid, by_subject: np.ndarray, settings: dict[str, Any]
) -> Spread:
    """The variances, without the resamples of too few conditions."""
    alive = np.isfinite(by_subject[0])
    subjects, conditions = settings["subjects"], settings["condition_units"]
    draws = {k: np.stack([t.samples[k] for t in times], axis=-1) for k in times[0].samples}
    if not draws:
        filled = {"fixed": grid.subjects(by_subject)}
        low = {"fixed": np.zeros((subjects, by_subject.shape[-1]))}
    else:  # (resample, model + 2, time); the last but one is the lower ceiling
        useful = enough_draws({k: d[:, :-2] for k, d in draws.items()})
        filled = {k: grid.fill(d[useful, :-2]) for k, d in draws.items()}
        low = {k: d[useful, -2] for k, d in draws.items()}
        refuse_few(filled, alive, grid.names())
    return Spread.of(filled, low, alive, subjects=subjects, conditions=conditions)


def _used(spread: Spread, evaluation: np.ndarray) -> int:
    """Resamples in which every model has a similarity."""
    return int(np.isfinite(spread.draws[:, np.isfinite(evaluation)]).all(1).sum())


def _tests(
    grid: Grid,
    evaluation: Float[np.ndarray, "model step time"],
    ceiling: Float[np.ndarray, "bound time"],
    spread: Spread,
    correction: str,
) -> Variables:
    """Against zero (one-sided), the lower ceiling and each other (two-sided).

    Raw and corrected over the whole grid.
    """
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
        zero, to_ceiling, pair[a, b] = _joint(spread, evaluation, below)
    else:
        zero = corrected(raw["p_zero"], correction)
        to_ceiling = corrected(raw["p_ceiling"], correction)
        pair[a, b] = corrected(raw["p_pair"][a, b], correction)
    pair[b, a] = pair[a, b]
    by_name = {
        **raw,
        "p_zero_corrected": zero,
        "p_ceiling_corrected": to_ceiling,
        "p_pair_corrected": pair,
    }
    dims = {"p_pair": ("model", "other", *grid.dims[1:])}
    return {
        name: (dims.get(name.removesuffix("_corrected"), grid.dims), p)
        for name, p in by_name.items()
    }


def _joint(
    spread: Spread,
    evaluation: Float[np.ndarray, "model step time"],
    below: Float[np.ndarray, "model step time"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """p-values of the maximum statistic against zero, the ceiling and between models.

    Their null is the joint distribution of the draws. The last is ``(pair of models, step, time)``.
    """

    def z(value: np.ndarray, variance: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return normal_equivalent(value / np.sqrt(variance), spread.dof)

    a, b = np.triu_indices(len(evaluation), 1)
    zero = max_statistic(z(evaluation, spread.model), _standard(spread.draws))
    to_ceiling = max_statistic(
        z(below, spread.ceiling),
        _standard(spread.draws - spread.low[:, None, None]),
        two_sided=True,
    )
    largest = np.full(len(spread.draws), -np.inf)
    for k in range(len(evaluation) - 1):
        t = np.abs(_standard(spread.draws[:, k : k + 1] - spread.draws[:, k + 1 :]))
        t = t.reshape(len(largest), -1)
        largest = np.fmax(largest, np.where(np.isfinite(t), t, -np.inf).max(axis=1))
    difference = evaluation[a] - evaluation[b]
    pair = max_statistic(z(difference, spread.pair[a, b]), largest, two_sided=True)
    return zero, to_ceiling, pair


def _standard(draws: Float[np.ndarray, " draw *point"]) -> Float[np.ndarray, " draw *point"]:
    """Draws less their mean, in standard deviations."""
    finite = np.isfinite(draws)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(finite, draws, 0).sum(0) / finite.sum(0)
        return (draws - mean) / np.sqrt(draw_variance(draws))


def _permutation(
    grid: Grid,
    evaluation: Float[np.ndarray, "model step time"],
    null: Float[np.ndarray, "permutation model step time"],
    confidence: float,
) -> Variables:
    """How often permuted condition labels reach the evaluation, at a point and anywhere."""
    if not len(null):
        return {}
    exists = np.isfinite(null).all(0)
    known = np.where(exists, evaluation, np.nan)
    high = np.where(exists, null_high(null, confidence), np.nan)
    return {
        "p_permutation": (grid.dims, np.asarray(monte_carlo_p(known, null))),
        "p_permutation_corrected": (grid.dims, max_statistic(known, null)),
        "null_high": (grid.dims, high),
    }


def _clusters(
    clusters: ClusterTest,
    evaluation: Float[np.ndarray, "model step time"],
    by_subject: Float[np.ndarray, "subject model step time"],
    null: Float[np.ndarray, "permutation model step time"],
    *,
    flips: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, "model step time"]:
    """The p-value of the cluster of each point, for each model on its own; NaN outside."""
    p = np.full(evaluation.shape, np.nan)
    for k in range(len(evaluation)):
        exists = np.isfinite(evaluation[k])
        if clusters.by == "subject":
            statistic, nulls = sign_flips(np.nan_to_num(by_subject[:, k]), flips, rng)
            level: Any = t_quantile(1 - 2 * clusters.threshold, len(by_subject) - 1)
        elif np.isfinite(null[:, k]).any():
            mean, sd = null[:, k].mean(0), null[:, k].std(0)
            with np.errstate(invalid="ignore", divide="ignore"):
                statistic, nulls = (evaluation[k] - mean) / sd, (null[:, k] - mean) / sd
            exists &= sd > 0  # where no permutation differs from another nothing can be tested
            level = finite_quantiles(nulls, 1 - clusters.threshold)
        else:  # a weighted combination, which is not permuted
            continue
        tested = cluster_test(
            np.where(exists, statistic, np.nan), np.where(exists, nulls, np.nan), level
        )
        p[k] = tested.p_map()
    return p
