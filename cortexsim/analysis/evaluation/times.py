"""The evaluation of every time: similarities, ceilings and nulls, in every resample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cortexsim.analysis.evaluation.bootstrap import RESAMPLES, Resampler, Sampled, sampled
from cortexsim.analysis.evaluation.halves import Halves, Repeats
from cortexsim.analysis.evaluation.permutation import permuted
from cortexsim.analysis.evaluation.tables import Inputs
from cortexsim.analysis.evaluation.weighted import Combination
from cortexsim.analysis.rsa.comparators import Comparator, refuse
from cortexsim.analysis.rsa.patterns import is_lazy
from cortexsim.analysis.rsa.whitener import Whitener
from cortexsim.errors import AnalysisError
from cortexsim.pairs import conditions_of
from cortexsim.progress import bar as progress_bar
from cortexsim.shapes import Bool, Float, Int
from cortexsim.tasks import computed

AT_ONCE = 256 << 20  # bytes of the times that are resampled together
LAZY_AT_ONCE = 256 << 20  # bytes of the model RDMs of a task
BYTES_A_PAIR = 24  # of a data RDM that is ready for resamples: values, order, ties
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
    repeats : Repeats or None
        How the rows of the data beyond the first were made of the repeats, if they were.
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
    repeats: Repeats | None = None

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
        return _lazily(inputs, plan, progress)

    alive = models[inputs.alive]
    evaluated: list[Evaluated] = []
    with progress_bar(total=data.shape[1], doing="evaluating", unit="times", shown=progress) as bar:
        at_once = _times_at_once(len(alive), data, plan)
        for start in range(0, data.shape[1], at_once):
            part = [data[:, t] for t in range(start, min(start + at_once, data.shape[1]))]
            evaluated += some_times(alive, part, inputs.exists, plan)
            bar.update(len(part))
    return evaluated


def _times_at_once(models: int, data: np.ndarray, plan: Plan) -> int:
    """How many times share the ranks of the models: as many as fit into some memory."""
    subjects, _, pairs = data.shape
    if not plan.comparator.ranked:  # nothing is shared
        return 1
    resamples = min(RESAMPLES, max(len(plan.counts), len(plan.subjects)))
    each = subjects * pairs * BYTES_A_PAIR + 8 * resamples * models * subjects
    return max(1, AT_ONCE // each)


def _lazily(inputs: Inputs, plan: Plan, progress: bool) -> list[Evaluated]:
    """Tasks of one time and some models each, so that not all RDMs are ever in one memory."""
    import dask

    models, data, alive = inputs.models, inputs.data, inputs.alive
    parts = _parts(models, whole=bool(plan.weighted))
    models_of_parts = [
        models[part] if is_lazy(models) else dask.delayed(models[part]) for part in parts
    ]
    task = dask.delayed(_evaluate_lazily)
    times = range(data.shape[1])
    tasks = [
        task(rdms, alive[part], data[:, t], plan)
        for t in times
        for rdms, part in zip(models_of_parts, parts, strict=True)
    ]
    done = iter(computed(tasks, doing="evaluating", unit="tasks", shown=progress))
    return [_joined([next(done) for _ in parts]) for _ in times]


def _parts(models: Any, *, whole: bool) -> list[tuple[slice, slice]]:
    """Models and steps that one task holds, in their order; combinations of models need all."""
    count, steps, pairs = models.shape
    few = max(1, LAZY_AT_ONCE // (pairs * models.dtype.itemsize))
    if whole or few >= count * steps:
        return [(slice(0, count), slice(0, steps))]
    return [
        (slice(model, model + 1), slice(first, min(first + few, steps)))
        for model in range(count)
        for first in range(0, steps, few)
    ]


def _joined(parts: list[Evaluated | None]) -> Evaluated:
    """One time whose models were evaluated apart, in the same resamples and permutations."""
    evaluated = [part for part in parts if part is not None]
    samples = {
        kind: np.concatenate(
            [*(part.samples[kind][:, :-2] for part in evaluated), of_first[:, -2:]], axis=1
        )
        for kind, of_first in evaluated[0].samples.items()
    }
    return Evaluated(
        np.concatenate([part.by_subject for part in evaluated]),
        evaluated[0].ceiling,
        samples,
        np.concatenate([part.null for part in evaluated], axis=1),
    )


def _evaluate_lazily(
    models: np.ndarray, alive: np.ndarray, data: np.ndarray, plan: Plan
) -> Evaluated | None:
    """One time of lazy inputs, checked where the numbers are; None if no model exists."""
    if not np.isnan(models[~alive]).all():
        raise AnalysisError(
            "a model RDM is NaN in its first pair but not throughout; leave out the conditions "
            "that are missing"
        )
    if not alive.any():
        return None
    models, data = models[alive].astype(np.float64), data.astype(np.float64)
    refuse(models, "model RDMs", plan.comparator)
    refuse(data, "data RDMs", plan.comparator)
    return some_times(models, [data], None, plan)[0]


def some_times(
    models: Float[np.ndarray, "model pair"],
    data: Sequence[Float[np.ndarray, "subject pair"]],
    exists: Bool[np.ndarray, " pair"] | None,
    plan: Plan,
) -> list[Evaluated]:
    """Models and data of some times, on all conditions and in every resample."""
    times: list[_Time] = []
    for of_time in data:
        times.append(_Time.of(models, of_time, exists, plan, like=times[0] if times else None))
    once = np.ones((1, len(times[0].sampler.d)), dtype=np.int64)
    all_once = np.ones((1, conditions_of(models.shape[-1])), dtype=np.int64)
    points = _folded(times, all_once, [once], plan.folds)
    samples = _sampled(times, plan, once=once, all_once=all_once)
    nulls = permuted(
        models, [time.data for time in times], plan.comparator, plan.whiten, plan.permutations
    )
    evaluated = []
    for time, (similarity, (ceiling,)), sample, null in zip(
        times, points, samples, nulls, strict=True
    ):
        if time.combined:  # a permutation would have to fit the weights again
            null = np.concatenate([null, np.full((len(null), len(time.combined)), np.nan)], axis=1)
        evaluated.append(Evaluated(similarity[0][0], ceiling[0], sample, null))
    return evaluated


@dataclass(frozen=True)
class _Time:
    """One time, ready for resamples."""

    data: np.ndarray
    sampler: Resampler
    combined: list[Combination]
    halves: Halves | None

    @classmethod
    def of(
        cls,
        models: np.ndarray,
        data: np.ndarray,
        exists: np.ndarray | None,
        plan: Plan,
        *,
        like: _Time | None,
    ) -> _Time:
        whole, halves = data, None
        if plan.repeats is not None:
            whole, parts = data[:1], data[1:]
            halves = Halves(parts, plan.repeats, plan.comparator, exists=exists, whiten=plan.whiten)
        sampler = Resampler(
            models,
            whole,
            plan.comparator,
            groups=plan.groups,
            exists=exists,
            whiten=plan.whiten,
            like=None if like is None else like.sampler,
        )
        combined = [
            Combination(a, whole, plan.comparator, exists=exists) for a in plan.weighted.values()
        ]
        return cls(whole, sampler, combined, halves)


def _sampled(
    times: Sequence[_Time], plan: Plan, *, once: np.ndarray, all_once: np.ndarray
) -> list[dict[str, np.ndarray]]:
    """By time, for each kind of bootstrap ``(resample, model + 2)``, some resamples at a time.

    once, all_once: the counts ``(1, subject)`` and ``(1, condition)`` of nothing resampled.
    """
    samples: list[dict[str, list[np.ndarray]]] = [{k: [] for k in plan.kinds} for _ in times]
    resamples = max(len(plan.counts), len(plan.subjects)) if plan.factors else 0
    for start in range(0, resamples, RESAMPLES):
        counts, m = (
            drawn[start : start + RESAMPLES] if len(drawn) > 1 else drawn
            for drawn in (plan.counts, plan.subjects)
        )
        if "condition" in plan.factors:
            kinds = [k for k in plan.kinds if k != "subject"]
            drawn_with = [m if k == "both" else once for k in kinds]
            found = _folded(times, counts, drawn_with, plan.folds)
            for of_time, (by, ceilings) in zip(samples, found, strict=True):
                for kind, who, similarity, ceiling in zip(
                    kinds, drawn_with, by, ceilings, strict=True
                ):
                    of_time[kind].append(_averaged(similarity, who, ceiling))
        if "subject" in plan.kinds:
            found = _folded(times, all_once, [m], plan.folds)
            for of_time, ((similarity,), (ceiling,)) in zip(samples, found, strict=True):
                of_time["subject"].append(_averaged(similarity, m, ceiling))
    return [{k: np.concatenate(v) for k, v in of_time.items()} for of_time in samples]


Found = tuple[list[np.ndarray], list[np.ndarray]]


def _folded(
    times: Sequence[_Time],
    counts: Int[np.ndarray, "resample condition"],
    subjects: list[np.ndarray],
    folds: np.ndarray | None,
) -> list[Found]:
    """By time similarities ``(resample, model, subject)`` for each of the subject counts, ceilings.

    Weights of combinations depend on the subject counts. With folds: the mean over disjoint sets of
    conditions, pairs within a set only.
    """
    if folds is None:
        every = _with_ceilings(times, counts, subjects)
        return [([done.similarity] * len(subjects), done.ceilings) for done in every]
    similarities: list[list[list[np.ndarray]]] = [[[] for _ in subjects] for _ in times]
    ceilings: list[list[list[np.ndarray]]] = [[[] for _ in subjects] for _ in times]
    for fold in range(folds.max() + 1):
        test, train = counts * (folds == fold), counts * (folds != fold)
        for t, done in enumerate(_with_ceilings(times, test, subjects)):
            for k, m in enumerate(subjects):
                b = max(len(counts), len(m))
                full = [np.broadcast_to(x, (b, x.shape[1])) for x in (train, test, m)]
                models = np.broadcast_to(done.similarity, (b, *done.similarity.shape[1:]))
                extra = [c.similarity(*full)[:, None] for c in times[t].combined]
                similarities[t][k].append(np.concatenate([models, *extra], axis=1))
                ceilings[t][k].append(done.ceilings[k])
    return [
        ([np.mean(x, axis=0) for x in similarity], [np.mean(x, axis=0) for x in ceiling])
        for similarity, ceiling in zip(similarities, ceilings, strict=True)
    ]


def _with_ceilings(
    times: Sequence[_Time], counts: np.ndarray, subjects: list[np.ndarray]
) -> list[Sampled]:
    """What every time's sampler finds; ceilings from halves of the repeats, if there are any."""
    every = sampled([t.sampler for t in times], counts, subjects)
    for k, time in enumerate(times):
        if time.halves is not None:
            bounds = time.halves.ceiling(counts)
            ceilings = [np.broadcast_to(bounds, c.shape).copy() for c in every[k].ceilings]
            every[k] = Sampled(every[k].similarity, ceilings)
    return every


def _averaged(similarity: np.ndarray, m: np.ndarray, ceilings: np.ndarray) -> np.ndarray:
    """(resample, model + 2): the mean over the subjects of each resample, then the two ceilings."""
    mean = (similarity * m[:, None]).sum(2) / m.sum(1)[:, None]
    return np.concatenate([np.broadcast_to(mean, (len(ceilings), mean.shape[1])), ceilings], axis=1)
