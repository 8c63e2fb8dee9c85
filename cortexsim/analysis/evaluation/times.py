"""The evaluation of every time: similarities, ceilings and nulls, in every resample."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cortexsim.analysis.evaluation.bootstrap import RESAMPLES, Resampler
from cortexsim.analysis.evaluation.permutation import permuted
from cortexsim.analysis.evaluation.tables import Inputs
from cortexsim.analysis.evaluation.weighted import Combination
from cortexsim.analysis.rsa.comparators import Comparator, refuse
from cortexsim.analysis.rsa.patterns import is_lazy
from cortexsim.analysis.rsa.whitener import Whitener
from cortexsim.errors import AnalysisError
from cortexsim.pairs import conditions_of
from cortexsim.shapes import Bool, Float, Int

KINDS = ("both", "subject", "condition")


@dataclass(frozen=True)
class Plan:
    """What every time is evaluated with.

    The same resamples at every time, so that times can be compared.

    Parameters
    ----------
    comparator : Comparator
    whiten : Whitener or None
    counts : array of shape (resample, condition)
        How often each condition is drawn.
    subjects : array of shape (resample, subject)
        How often each data RDM is drawn.
    factors : tuple of str
        What is resampled.
    folds : array of shape (condition,) or None
        The fold of each condition, where the evaluation is cross-validated.
    groups : array of shape (subject,)
        The subject of each data RDM.
    permutations : array of shape (permutation, condition)
    weighted : dict of str to array of shape (component, pair)
    """

    comparator: Comparator
    whiten: Whitener | None
    counts: np.ndarray
    subjects: np.ndarray
    factors: tuple[str, ...]
    folds: np.ndarray | None
    groups: np.ndarray
    permutations: np.ndarray
    weighted: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The bootstraps that are needed: three for the variance of two factors."""
        return KINDS if len(self.factors) == 2 else self.factors


@dataclass(frozen=True)
class Evaluated:
    """One time.

    Parameters
    ----------
    by_subject : array of shape (model, subject)
    ceiling : array of shape (2,)
        Lower and upper.
    samples : dict of str to array of shape (resample, model + 2)
        For each kind of bootstrap the mean similarity of each model, then the two ceilings.
    null : array of shape (permutation, model)
    """

    by_subject: np.ndarray
    ceiling: np.ndarray
    samples: dict[str, np.ndarray]
    null: np.ndarray


def each_time(inputs: Inputs, plan: Plan, progress: bool) -> list[Evaluated]:
    """Every time on its own; lazy inputs become one task a time on dask's scheduler, or cluster."""
    models, data = inputs.models, inputs.data
    if is_lazy(models, data):
        import dask

        task = dask.delayed(_evaluate_lazily)
        whole = models if is_lazy(models) else dask.delayed(models)
        return list(
            dask.compute(
                *[task(whole, inputs.alive, data[:, t], plan) for t in range(data.shape[1])]
            )
        )
    from tqdm import tqdm

    alive = models[inputs.alive]
    order = tqdm(
        range(data.shape[1]),
        desc="evaluating",
        unit=" times",
        disable=not progress,
        dynamic_ncols=True,
    )
    return [one_time(alive, data[:, t], inputs.exists, plan) for t in order]


def _evaluate_lazily(
    models: np.ndarray, alive: np.ndarray, data: np.ndarray, plan: Plan
) -> Evaluated:
    """One time of lazy inputs, checked where the numbers are."""
    if not np.isnan(models[~alive]).all():
        raise AnalysisError(
            "a model RDM is NaN in its first pair but not throughout; leave out the conditions "
            "that are missing"
        )
    models, data = models[alive].astype(np.float64), data.astype(np.float64)
    refuse(models, "model RDMs", plan.comparator)
    refuse(data, "data RDMs", plan.comparator)
    return one_time(models, data, None, plan)


def one_time(
    models: Float[np.ndarray, "model pair"],
    data: Float[np.ndarray, "subject pair"],
    exists: Bool[np.ndarray, " pair"] | None,
    plan: Plan,
) -> Evaluated:
    """Models and data of one time, on all conditions and in every resample."""
    sampler = Resampler(
        models, data, plan.comparator, groups=plan.groups, exists=exists, whiten=plan.whiten
    )
    combined = [
        Combination(a, data, plan.comparator, exists=exists) for a in plan.weighted.values()
    ]
    once = np.ones((1, len(data)), dtype=np.int64)
    all_once = np.ones((1, conditions_of(models.shape[-1])), dtype=np.int64)
    (point, (ceiling,)) = _folded(sampler, combined, all_once, [once], plan.folds)
    null = permuted(models, data, plan.comparator, plan.whiten, plan.permutations)
    if combined:  # a permutation would have to fit the weights again
        null = np.concatenate([null, np.full((len(null), len(combined)), np.nan)], axis=1)
    samples = _sampled(sampler, combined, plan, once=once, all_once=all_once)
    return Evaluated(point[0][0], ceiling[0], samples, null)


def _sampled(
    sampler: Resampler,
    combined: list[Combination],
    plan: Plan,
    *,
    once: np.ndarray,
    all_once: np.ndarray,
) -> dict[str, np.ndarray]:
    """For each kind of bootstrap ``(resample, model + 2)``, some resamples at a time.

    once, all_once: the counts ``(1, subject)`` and ``(1, condition)`` of nothing resampled.
    """
    samples: dict[str, list[np.ndarray]] = {k: [] for k in plan.kinds}
    resamples = max(len(plan.counts), len(plan.subjects)) if plan.factors else 0
    for start in range(0, resamples, RESAMPLES):
        counts, m = (
            drawn[start : start + RESAMPLES] if len(drawn) > 1 else drawn
            for drawn in (plan.counts, plan.subjects)
        )
        if "condition" in plan.factors:
            kinds = [k for k in samples if k != "subject"]
            drawn_with = [m if k == "both" else once for k in kinds]
            by, ceilings = _folded(sampler, combined, counts, drawn_with, plan.folds)
            for kind, who, similarity, ceiling in zip(kinds, drawn_with, by, ceilings, strict=True):
                samples[kind].append(_averaged(similarity, who, ceiling))
        if "subject" in samples:
            (similarity,), (ceiling,) = _folded(sampler, combined, all_once, [m], plan.folds)
            samples["subject"].append(_averaged(similarity, m, ceiling))
    return {k: np.concatenate(v) for k, v in samples.items()}


def _folded(
    sampler: Resampler,
    combined: list[Combination],
    counts: Int[np.ndarray, "resample condition"],
    subjects: list[np.ndarray],
    folds: np.ndarray | None,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Similarities ``(resample, model, subject)`` for each of the subject counts, and ceilings.

    Weights of combinations depend on the subject counts. With folds: the mean over disjoint sets of
    conditions, pairs within a set only.
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
            models = np.broadcast_to(done.similarity, (b, *done.similarity.shape[1:]))
            extra = [c.similarity(*full)[:, None] for c in combined]
            similarities[k].append(np.concatenate([models, *extra], axis=1))
            ceilings[k].append(done.ceilings[k])
    return [np.mean(s, axis=0) for s in similarities], [np.mean(c, axis=0) for c in ceilings]


def _averaged(similarity: np.ndarray, m: np.ndarray, ceilings: np.ndarray) -> np.ndarray:
    """(resample, model + 2): the mean over the subjects of each resample, then the two ceilings."""
    mean = (similarity * m[:, None]).sum(2) / m.sum(1)[:, None]
    return np.concatenate([np.broadcast_to(mean, (len(ceilings), mean.shape[1])), ceilings], axis=1)
