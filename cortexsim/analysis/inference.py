"""The one way to judge models by their RDMs: evaluations, intervals, noise ceilings, nulls and tests, over time where there is time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis import testing
from cortexsim.analysis.comparators import Comparator, Whitener, comparator_named, refuse, whitener
from cortexsim.analysis.lazy import is_lazy
from cortexsim.analysis.pairs import as_vectors, conditions_of, same_pairs
from cortexsim.analysis.permuting import permuted
from cortexsim.analysis.resampling import RESAMPLES, Resampler
from cortexsim.analysis.weighted import Combination
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray

FACTORS = ("subject", "condition")
KINDS = ("both", "subject", "condition")


@dataclass(frozen=True)
class Table:
    """RDMs with named axes: ``values (first, rest, pair)``, the names of the axes and their coordinates."""

    values: Any
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    coords: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Plan:
    """What every time is evaluated with; the same resamples at every time, so that times can be compared."""

    comparator: Comparator
    whiten: Whitener | None
    counts: np.ndarray  # (resample, condition)
    subjects: np.ndarray  # (resample, subject)
    factors: tuple[str, ...]
    folds: np.ndarray | None  # fold of each condition, where the evaluation is cross-validated
    groups: np.ndarray  # of subjects
    permutations: np.ndarray  # (permutation, condition)
    weighted: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluated:
    """One time: by_subject ``(model, subject)``, ceiling ``(2,)``, samples[kind] ``(resample, model + 2)``, null ``(permutation, model)``."""

    by_subject: np.ndarray
    ceiling: np.ndarray
    samples: dict[str, np.ndarray]
    null: np.ndarray


def evaluate(
    model_rdms: Any,
    data_rdms: Any,
    *,
    comparator: str = "spearman",
    resample: Sequence[str] = FACTORS,
    n: int = 1000,
    rng: int | np.random.Generator = 0,
    confidence: float = 0.95,
    correction: str = "holm",
    permutations: int = 1000,
    clusters: str | None = None,
    cluster_threshold: float = 0.05,
    weighted: Mapping[str, Any] | None = None,
    folds: int | None = None,
    subject_groups: Any = None,
    condition_groups: Any = None,
    sigma_k: Any = None,
    nan: str = "refuse",
    samples: bool = False,
    progress: bool = False,
) -> xarray.Dataset:
    """How similar each model RDM is to the subjects' RDMs on average, how sure that is, and how similar it could be.

    model_rdms: ``(model, pair)`` or ``(model, step, pair)``. data_rdms: ``(pair,)``, ``(subject, pair)`` or ``(subject, time, pair)``. Arrays, dask
        arrays, or DataArrays whose dimensions and coordinates are kept (the last must be the pairs; an RDM movie's ``state`` is the model). A model
        whose RDM is NaN throughout (a state not populated at a step) is NaN in the result.
    resample: what is drawn anew, to which the interval and the tests generalise: ``()`` (the subjects' own spread), ``("subject",)``,
        ``("condition",)`` or both, then with the variance of the 2-factor bootstrap (Schuett et al. 2023). Copies of a condition are never compared.
    n, rng: resamples; seed or generator.
    correction: of p-values over all models, steps and times: ``holm``, ``fdr``, ``max`` (single-step, from the joint bootstrap) or ``none``.
    permutations: of the condition labels, for the null that a model RDM has nothing to do with the data.
    clusters: over time (or step x time) against zero: ``"subject"`` flips the sign of whole subjects, ``"condition"`` permutes condition labels;
        points above ``cluster_threshold`` (an uncorrected p) form clusters.
    weighted: name -> RDMs ``(component, pair)`` whose non-negative weights are fitted on training conditions; then everything is evaluated on the
        pairs within each of ``folds`` (default 5) disjoint sets of conditions and averaged.
    subject_groups, condition_groups: a label each; those of one label are drawn together (sessions of a subject, exemplars of an object).
    sigma_k: see ``compare``. nan: ``"common"`` keeps the pairs that every RDM has. samples: keep the bootstrap. progress: a bar over times.

    Returns an xarray.Dataset, similarity in the comparator's units: evaluation, by_subject, standard_error, interval (bound), ceiling (bound:
    lower, upper), p_zero (one-sided), p_ceiling (against the lower bound, two-sided), p_pair (two-sided), each with ``_corrected``,
    p_permutation and p_permutation_corrected (maximum over all models, steps, times), null_high (the 1 - alpha quantile of that null), p_cluster.
    Raises AnalysisError for what ``compare`` refuses, one subject where subjects are resampled, and settings that contradict each other.

    >>> rng = np.random.default_rng(0)
    >>> truth, other = rng.random((2, 190))
    >>> result = evaluate([truth, other], truth + rng.normal(0, 0.3, (8, 190)), comparator="pearson", n=200, permutations=100)
    >>> result.evaluation.values.round(2), bool(result.p_pair_corrected[0, 1] < 0.01)
    (array([0.71, 0.03]), True)
    """
    c = comparator_named(comparator)
    models, data = _table(model_rdms, "model"), _table(data_rdms, "subject")
    conditions = same_pairs(models.values, data.values)
    generator = rng if isinstance(rng, np.random.Generator) else np.random.default_rng(rng)
    factors = _factors(resample, data.shape[0], subject_groups, n)
    _check_settings(correction, factors, permutations, clusters, confidence, nan, c, data)
    if is_lazy(models.values, data.values):
        flat, brain, here = models.values, data.values, None
        alive = ~np.isnan(np.asarray(models.values[..., 0]))  # one pair of each is enough to see what is not populated
    else:
        alive = ~np.isnan(models.values).all(-1)
        flat, brain, here = _existing(models.values, alive, data.values, c, nan)
    groups = _labels(subject_groups, data.shape[0], "subject_groups")
    of_condition = _labels(condition_groups, conditions, "condition_groups")
    if permutations and here is not None:
        raise AnalysisError("labels cannot be permuted where pairs are missing: they would move. Give permutations=0")
    plan = Plan(
        c,
        whitener(c, comparator, sigma_k, models.values.shape[-1]),
        _draw(generator, n, of_condition, "condition" in factors),
        _draw(generator, n, groups, "subject" in factors),
        factors,
        _folds(generator, of_condition, folds, weighted),
        groups,
        np.array([generator.permutation(conditions) for _ in range(permutations)]).reshape(permutations, conditions),
        {k: as_vectors(v, f"components of {k!r}").astype(np.float64) for k, v in (weighted or {}).items()},
    )
    for components in plan.weighted.values():
        same_pairs(components, data.values)
        refuse(components, "components", c)
    times = _each_time(flat, alive, brain, here, plan, progress)
    from cortexsim.analysis.report import Grid, assemble

    settings = {
        "comparator": comparator,
        "resample": ", ".join(factors) or "none",
        "n": n if factors else 0,
        "seed": int(rng) if not isinstance(rng, np.random.Generator) else "a generator of the caller",
        "confidence": confidence,
        "correction": correction,
        "permutations": permutations,
        "subjects": len(np.unique(groups)),
        "conditions": conditions,
        "pairs": int(here.sum()) if here is not None else models.values.shape[-1],
        "folds": 0 if plan.folds is None else int(plan.folds.max() + 1),
    }
    grid = Grid(models, data, alive, tuple(plan.weighted))
    return assemble(times, grid, settings, clusters, cluster_threshold, generator, samples)


def _each_time(flat: Any, alive: np.ndarray, brain: Any, here: Any, plan: Plan, progress: bool) -> list[Evaluated]:
    """Every time on its own; lazy inputs become one task a time on dask's scheduler, or cluster."""
    if is_lazy(flat, brain):
        import dask

        task = dask.delayed(_evaluate_lazily)
        whole = flat if is_lazy(flat) else dask.delayed(flat)
        return list(dask.compute(*[task(whole, alive, brain[:, t], plan) for t in range(brain.shape[1])]))
    from tqdm import tqdm

    models = flat[alive]
    order = tqdm(range(brain.shape[1]), desc="evaluating", unit=" times", disable=not progress, dynamic_ncols=True)
    return [_one_time(models, brain[:, t], here, plan) for t in order]


def _evaluate_lazily(models: np.ndarray, alive: np.ndarray, data: np.ndarray, plan: Plan) -> Evaluated:
    """One time of lazy inputs, checked where the numbers are."""
    models, data = models[alive].astype(np.float64), data.astype(np.float64)
    refuse(models, "model RDMs", plan.comparator)
    refuse(data, "data RDMs", plan.comparator)
    return _one_time(models, data, None, plan)


def _one_time(models: np.ndarray, data: np.ndarray, here: np.ndarray | None, plan: Plan) -> Evaluated:
    """Models ``(model, pair)`` and data ``(subject, pair)`` of one time, on all conditions and in every resample."""
    sampler = Resampler(models, data, plan.comparator, groups=plan.groups, here=here, whiten=plan.whiten)
    combined = [Combination(a, data, plan.comparator, here=here) for a in plan.weighted.values()]
    one = np.ones((1, len(data)), dtype=np.int64)
    all_once = np.ones((1, conditions_of(models.shape[-1])), dtype=np.int64)
    (point, (ceiling,)) = _folded(sampler, combined, all_once, [one], plan.folds)
    samples: dict[str, list[np.ndarray]] = {k: [] for k in _kinds(plan.factors)}
    for start in range(0, len(plan.counts) if plan.factors else 0, RESAMPLES):
        counts, m = plan.counts[start : start + RESAMPLES], plan.subjects[start : start + RESAMPLES]
        if "condition" in plan.factors:
            kinds = [k for k in samples if k != "subject"]
            by, ceilings = _folded(sampler, combined, counts, [m if k == "both" else one for k in kinds], plan.folds)
            for kind, similarity, ceil in zip(kinds, by, ceilings, strict=True):
                samples[kind].append(_averaged(similarity, m if kind == "both" else one, ceil))
        if "subject" in samples:
            (similarity,), (ceil,) = _folded(sampler, combined, all_once, [m], plan.folds)
            samples["subject"].append(_averaged(similarity, m, ceil))
    null = permuted(models, data, plan.comparator, plan.whiten, plan.permutations)
    if combined:  # a permutation would have to fit the weights again
        null = np.concatenate([null, np.full((len(null), len(combined)), np.nan)], axis=1)
    return Evaluated(point[0][0], ceiling[0], {k: np.concatenate(v) for k, v in samples.items()}, null)


def _folded(
    sampler: Resampler,
    combined: list[Combination],
    counts: np.ndarray,
    subjects: list[np.ndarray],
    folds: np.ndarray | None,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Similarities ``(resample, model, subject)`` for each of the subject counts (weights of combinations depend on them), and ceilings.

    With folds: the mean over disjoint sets of conditions, pairs within a set only.
    """
    if folds is None:
        done = sampler(counts, subjects)
        return [done.similarity] * len(subjects), done.ceilings
    similarities: list[list[np.ndarray]] = [[] for _ in subjects]
    ceilings: list[list[np.ndarray]] = [[] for _ in subjects]
    for fold in range(folds.max() + 1):
        test, train = counts * (folds == fold), counts * (folds != fold)
        done = sampler(test, subjects)
        for k, m in enumerate(subjects):
            b = max(len(counts), len(m))
            full = [np.broadcast_to(x, (b, x.shape[1])) for x in (train, test, m)]
            extra = [c.similarity(*full)[:, None] for c in combined]
            similarities[k].append(
                np.concatenate([np.broadcast_to(done.similarity, (b, *done.similarity.shape[1:])), *extra], axis=1)
            )
            ceilings[k].append(done.ceilings[k])
    return [np.mean(s, axis=0) for s in similarities], [np.mean(c, axis=0) for c in ceilings]


def _averaged(similarity: np.ndarray, m: np.ndarray, ceilings: np.ndarray) -> np.ndarray:
    """(resample, model + 2): the mean over the subjects of each resample, then the two ceilings."""
    mean = (similarity * m[:, None]).sum(2) / m.sum(1)[:, None]
    return np.concatenate([np.broadcast_to(mean, (len(ceilings), mean.shape[1])), ceilings], axis=1)


def _kinds(factors: tuple[str, ...]) -> tuple[str, ...]:
    return KINDS if len(factors) == 2 else factors


def _table(rdms: Any, first: str) -> Table:
    """RDMs as ``(first, rest, pair)`` with the names and coordinates of a DataArray, if it is one."""
    names = {1: (), 2: (first,), 3: (first, "step" if first == "model" else "time")}
    coords: dict[str, tuple[Any, Any]] = {}
    dims: tuple[str, ...] | None = None
    values = rdms
    if hasattr(rdms, "dims") and hasattr(rdms, "coords"):
        dims = tuple(first if k == 0 and rdms.ndim > 1 else str(d) for k, d in enumerate(rdms.dims[:-1]))
        renamed = dict(zip(map(str, rdms.dims[:-1]), dims, strict=True))
        for name, coord in rdms.coords.items():
            if coord.dims and all(str(d) in renamed for d in coord.dims):
                key = renamed.get(str(name), str(name))
                coords[key] = (tuple(renamed[str(d)] for d in coord.dims), coord.values)
        values = rdms.data
    values = (
        values
        if is_lazy(values)
        else as_vectors(values, f"{'model' if first == 'model' else 'data'} RDMs").astype(np.float64)
    )
    if values.ndim not in names:
        raise AnalysisError(
            f"{first} RDMs have shape {values.shape}; give ({first}, pair) or ({first}, {'step' if first == 'model' else 'time'}, pair)"
        )
    dims = names[values.ndim] if dims is None else dims
    whole = values.reshape(1, 1, -1) if values.ndim == 1 else values.reshape(values.shape[0], -1, values.shape[-1])
    if values.ndim == 1:
        dims = (first,)
    return Table(whole, dims, tuple(whole.shape[:2])[: len(dims)], coords)


def _existing(
    models: np.ndarray, alive: np.ndarray, data: np.ndarray, c: Comparator, nan: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Models and data without NaN, and which pairs exist (None: all)."""
    if not alive.any():
        raise AnalysisError("every model RDM is NaN throughout")
    here = None
    if nan == "common":
        exists = np.isfinite(models[alive]).all(0) & np.isfinite(data).all((0, 1))
        if not exists.all():
            if c.whitened:
                raise AnalysisError(
                    "pairs are missing, and a whitened comparator needs all; leave out whole conditions"
                )
            if exists.sum() < 6:
                raise AnalysisError(
                    f"only {int(exists.sum())} of {len(exists)} pairs are numbers in every RDM; at least 6 are needed"
                )
            here = exists
    part = slice(None) if here is None else here
    refuse(models[alive][..., part], "model RDMs", c)
    refuse(data[..., part], "data RDMs", c)
    return models, data, here


def _factors(resample: Sequence[str], subjects: int, groups: Any, n: int) -> tuple[str, ...]:
    asked = (resample,) if isinstance(resample, str) else tuple(resample)
    if unknown := [r for r in asked if r not in FACTORS]:
        raise AnalysisError(
            f"cannot resample {unknown[0]!r}; choose from subject, condition, both of them, or () for none"
        )
    count = subjects if groups is None else len(np.unique(np.asarray(groups)))
    if "subject" in asked and count < 2:
        raise AnalysisError(
            "there is one subject, who cannot be resampled: give resample=('condition',), and the result speaks of this subject only"
        )
    if asked and n < 20:
        raise AnalysisError(f"n={n} resamples tell nothing about an interval; take at least 20, better 1000")
    return tuple(f for f in FACTORS if f in asked)


def _check_settings(
    correction: str,
    factors: tuple[str, ...],
    permutations: int,
    clusters: str | None,
    confidence: float,
    nan: str,
    c: Comparator,
    data: Table,
) -> None:
    if correction not in testing.CORRECTIONS:
        raise AnalysisError(f"there is no correction {correction!r}; choose from {', '.join(testing.CORRECTIONS)}")
    if correction == "max" and not factors:
        raise AnalysisError(
            "correction='max' needs the joint distribution of a bootstrap; resample something, or use holm or fdr"
        )
    if not 0 < confidence < 1:
        raise AnalysisError(f"confidence={confidence} must lie between 0 and 1, e.g. 0.95")
    if nan not in ("refuse", "common"):
        raise AnalysisError(f"nan={nan!r} is not known; choose from refuse, common")
    if clusters not in (None, *FACTORS):
        raise AnalysisError(f"clusters={clusters!r} is not known; choose from subject, condition, None")
    if clusters == "condition" and permutations < 20:
        raise AnalysisError("clusters='condition' permutes condition labels; give permutations=1000, say")
    if clusters == "subject" and data.shape[0] < 5:
        raise AnalysisError(
            f"clusters='subject' flips signs of {data.shape[0]} subjects, which cannot reach p < 0.05; at least 5 are needed, or clusters='condition'"
        )


def _labels(groups: Any, count: int, what: str) -> np.ndarray:
    if groups is None:
        return np.arange(count)
    labels = np.asarray(groups)
    if labels.shape != (count,):
        raise AnalysisError(f"{what} has shape {labels.shape}; one label for each of {count} is needed")
    return np.unique(labels, return_inverse=True)[1]


def _draw(rng: np.random.Generator, n: int, groups: np.ndarray, resampled: bool) -> np.ndarray:
    """Counts ``(resample, member)``: groups drawn with replacement, as many as there are."""
    if not resampled:
        return np.ones((1, len(groups)), dtype=np.int64)
    count = groups.max() + 1
    return rng.multinomial(count, np.full(count, 1 / count), size=n)[:, groups]


def _folds(rng: np.random.Generator, groups: np.ndarray, folds: int | None, weighted: Any) -> np.ndarray | None:
    """The fold of each condition (groups stay together), or None."""
    if folds is None and not weighted:
        return None
    count, wanted = groups.max() + 1, folds or 5
    if wanted < 2 or count < 4 * wanted:
        raise AnalysisError(
            f"{wanted} folds of {count} conditions (or groups of them); a fold needs at least 4, and there must be 2 folds"
        )
    return rng.permutation(np.arange(count) % wanted)[groups]
