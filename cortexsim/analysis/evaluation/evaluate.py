"""The one way to judge models by their RDMs: evaluations, intervals, noise ceilings, nulls and tests, over time where there is time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.evaluation.assemble import Evaluated, Grid, assemble
from cortexsim.analysis.evaluation.bootstrap import RESAMPLES, Resampler
from cortexsim.analysis.evaluation.permutation import permuted
from cortexsim.analysis.evaluation.tables import (
    FACTORS,
    check_axes,
    check_settings,
    components_of,
    conditions_there,
    existing,
    factors_of,
    folds_of,
    lazy_inputs,
    table,
)
from cortexsim.analysis.evaluation.weighted import Combination
from cortexsim.analysis.rsa.comparators import Comparator, comparator_named, refuse, whitener
from cortexsim.analysis.rsa.patterns import is_lazy
from cortexsim.analysis.rsa.whitener import Whitener
from cortexsim.analysis.statistics.draws import draw, generator_of, labels
from cortexsim.errors import AnalysisError
from cortexsim.pairs import conditions_of, pair_indices, same_pairs

if TYPE_CHECKING:
    import xarray

KINDS = ("both", "subject", "condition")


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
    correction: of p-values over all models, steps and times: ``holm``, ``fdr``, ``max`` (single-step, from the joint bootstrap; with
        fewer than about ten subjects prefer Holm) or ``none``.
    permutations: of the condition labels, for the null that a model RDM has nothing to do with the data.
    clusters: over time (or step x time) against zero: ``"subject"`` flips the sign of whole subjects, ``"condition"`` permutes condition labels;
        points above ``cluster_threshold`` (an uncorrected p) form clusters.
    weighted: name -> RDMs ``(component, pair)`` whose non-negative weights are fitted on training conditions; then everything is evaluated on the
        pairs within each of ``folds`` disjoint sets of conditions (at most 5 unless given; each needs 8 conditions if they are resampled, else 4) and averaged.
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
    models, data = table(model_rdms, "model"), table(data_rdms, "subject")
    conditions = same_pairs(models.values, data.values)
    check_axes(models, data)
    generator = generator_of(rng)
    groups = labels(subject_groups, data.shape[0], "subject_groups")
    of_condition = labels(condition_groups, conditions, "condition_groups")
    factors = factors_of(resample, groups, n)
    check_settings(
        correction, factors, permutations, clusters, cluster_threshold, confidence, nan, groups
    )
    components = components_of(weighted, data, c)
    flat, brain = models.values, data.values
    if is_lazy(flat, brain):
        alive, here = lazy_inputs(models, data, nan), None
    else:
        alive = ~np.isnan(flat).all(-1)
        here = existing(flat, alive, brain, c, nan)
    there = conditions_there(here, conditions)
    if (
        not there.all()
    ):  # conditions of which nothing is left are no part of the sample that is drawn from
        i, j = pair_indices(conditions)
        kept = there[i] & there[j]
        flat, brain, here = flat[..., kept], brain[..., kept], np.asarray(here)[kept]
        components = {k: v[:, kept] for k, v in components.items()}
        of_condition = np.unique(of_condition[there], return_inverse=True)[1]
        here = None if here.all() else here
    if permutations and here is not None:
        raise AnalysisError(
            "labels cannot be permuted where pairs are missing: they would move. Give permutations=0"
        )
    plan = Plan(
        c,
        whitener(c, comparator, sigma_k, flat.shape[-1]),
        draw(generator, n, of_condition, "condition" in factors, "condition"),
        draw(generator, n, groups, "subject" in factors, "subject"),
        factors,
        folds_of(generator, of_condition, folds, weighted, resampled="condition" in factors),
        groups,
        np.array([generator.permutation(len(of_condition)) for _ in range(permutations)]).reshape(
            permutations, len(of_condition)
        ),
        components,
    )
    settings = {
        "comparator": comparator,
        "resample": ", ".join(factors) or "none",
        "n": n if factors else 0,
        "seed": "a generator of the caller" if isinstance(rng, np.random.Generator) else int(rng),
        "confidence": confidence,
        "correction": correction,
        "permutations": permutations,
        "subjects": int(groups.max() + 1),
        "conditions": int(there.sum()),
        "condition_units": int(of_condition.max() + 1),
        "pairs": flat.shape[-1] if here is None else int(here.sum()),
        "folds": 0 if plan.folds is None else int(plan.folds.max() + 1),
    }
    times = _each_time(flat, alive, brain, here, plan, progress)
    grid = Grid(models, data, alive, tuple(plan.weighted), groups)
    return assemble(times, grid, settings, clusters, cluster_threshold, generator, samples)


def _each_time(
    flat: Any, alive: np.ndarray, brain: Any, here: Any, plan: Plan, progress: bool
) -> list[Evaluated]:
    """Every time on its own; lazy inputs become one task a time on dask's scheduler, or cluster."""
    if is_lazy(flat, brain):
        import dask

        task = dask.delayed(_evaluate_lazily)
        whole = flat if is_lazy(flat) else dask.delayed(flat)
        return list(
            dask.compute(*[task(whole, alive, brain[:, t], plan) for t in range(brain.shape[1])])
        )
    from tqdm import tqdm

    models = flat[alive]
    order = tqdm(
        range(brain.shape[1]),
        desc="evaluating",
        unit=" times",
        disable=not progress,
        dynamic_ncols=True,
    )
    return [_one_time(models, brain[:, t], here, plan) for t in order]


def _evaluate_lazily(
    models: np.ndarray, alive: np.ndarray, data: np.ndarray, plan: Plan
) -> Evaluated:
    """One time of lazy inputs, checked where the numbers are."""
    if not np.isnan(models[~alive]).all():
        raise AnalysisError(
            "a model RDM is NaN in its first pair but not throughout; leave out the conditions that are missing"
        )
    models, data = models[alive].astype(np.float64), data.astype(np.float64)
    refuse(models, "model RDMs", plan.comparator)
    refuse(data, "data RDMs", plan.comparator)
    return _one_time(models, data, None, plan)


def _one_time(
    models: np.ndarray, data: np.ndarray, here: np.ndarray | None, plan: Plan
) -> Evaluated:
    """Models ``(model, pair)`` and data ``(subject, pair)`` of one time, on all conditions and in every resample."""
    sampler = Resampler(
        models, data, plan.comparator, groups=plan.groups, here=here, whiten=plan.whiten
    )
    combined = [Combination(a, data, plan.comparator, here=here) for a in plan.weighted.values()]
    one = np.ones((1, len(data)), dtype=np.int64)
    all_once = np.ones((1, conditions_of(models.shape[-1])), dtype=np.int64)
    (point, (ceiling,)) = _folded(sampler, combined, all_once, [one], plan.folds)
    samples: dict[str, list[np.ndarray]] = {k: [] for k in _kinds(plan.factors)}
    for start in range(
        0, max(len(plan.counts), len(plan.subjects)) if plan.factors else 0, RESAMPLES
    ):
        counts, m = (
            drawn[start : start + RESAMPLES] if len(drawn) > 1 else drawn
            for drawn in (plan.counts, plan.subjects)
        )
        if "condition" in plan.factors:
            kinds = [k for k in samples if k != "subject"]
            by, ceilings = _folded(
                sampler, combined, counts, [m if k == "both" else one for k in kinds], plan.folds
            )
            for kind, similarity, ceil in zip(kinds, by, ceilings, strict=True):
                samples[kind].append(_averaged(similarity, m if kind == "both" else one, ceil))
        if "subject" in samples:
            (similarity,), (ceil,) = _folded(sampler, combined, all_once, [m], plan.folds)
            samples["subject"].append(_averaged(similarity, m, ceil))
    null = permuted(models, data, plan.comparator, plan.whiten, plan.permutations)
    if combined:  # a permutation would have to fit the weights again
        null = np.concatenate([null, np.full((len(null), len(combined)), np.nan)], axis=1)
    return Evaluated(
        point[0][0], ceiling[0], {k: np.concatenate(v) for k, v in samples.items()}, null
    )


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
                np.concatenate(
                    [np.broadcast_to(done.similarity, (b, *done.similarity.shape[1:])), *extra],
                    axis=1,
                )
            )
            ceilings[k].append(done.ceilings[k])
    return [np.mean(s, axis=0) for s in similarities], [np.mean(c, axis=0) for c in ceilings]


def _averaged(similarity: np.ndarray, m: np.ndarray, ceilings: np.ndarray) -> np.ndarray:
    """(resample, model + 2): the mean over the subjects of each resample, then the two ceilings."""
    mean = (similarity * m[:, None]).sum(2) / m.sum(1)[:, None]
    return np.concatenate([np.broadcast_to(mean, (len(ceilings), mean.shape[1])), ceilings], axis=1)


def _kinds(factors: tuple[str, ...]) -> tuple[str, ...]:
    return KINDS if len(factors) == 2 else factors
