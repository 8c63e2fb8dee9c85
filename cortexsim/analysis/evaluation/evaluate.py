"""The one way to judge models by their RDMs: evaluations, intervals, ceilings, nulls and tests."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.evaluation.assemble import Grid, assemble
from cortexsim.analysis.evaluation.fixed import caution, fixed_conditions
from cortexsim.analysis.evaluation.halves import is_repeated, repeated_rdms
from cortexsim.analysis.evaluation.tables import (
    check_axes,
    check_settings,
    check_times,
    components_of,
    folds_of,
    inputs_of,
    table,
    with_rows,
)
from cortexsim.analysis.evaluation.times import Plan, each_time
from cortexsim.analysis.rsa.comparators import comparator_named, whitener
from cortexsim.analysis.rsa.compare import sigma_of
from cortexsim.analysis.statistics.draws import draw, generator_of
from cortexsim.analysis.statistics.settings import FACTORS, ClusterTest, Inference
from cortexsim.analysis.words import pooled_attribute
from cortexsim.arguments import clear_errors, outside
from cortexsim.errors import AnalysisError, FixedConditionsWarning
from cortexsim.labelled.rdms import labelled_rdms, same_conditions
from cortexsim.pairs import same_pairs

if TYPE_CHECKING:
    import xarray


@clear_errors
def evaluate(
    model_rdms: Any,
    data_rdms: Any,
    *,
    comparator: str = "spearman",
    inference: Inference = Inference(),
    clusters: ClusterTest | None = None,
    weighted: Mapping[str, Any] | None = None,
    folds: int | None = None,
    sigma_k: Any = None,
    nan: str = "refuse",
    measure: str | None = None,
    progress: bool = False,
) -> xarray.Dataset:
    """How similar each model RDM is to the subjects' RDMs, and how similar it could be.

    Parameters
    ----------
    model_rdms : array of shape (model, pair) or (model, step, pair)
        Pairs in ``squareform`` order. NumPy, torch or dask arrays, or a DataArray whose dimensions
        and coordinates are kept (the last must be the pairs; an RDM movie's ``state`` is the
        model). A model whose RDM is NaN throughout (a state not populated at a step) is NaN in the
        result.
    data_rdms : array of shape (pair,), (subject, pair) or (subject, time, pair), or DataArray
        The same pairs. Or the responses of one animal, a DataArray with repeat (or trial),
        stimulus, unit and perhaps time_ms: then the RDM is that of the mean over repeats, and the
        ceiling comes from halves of the repeats. Upper: sqrt(reliability), what a perfect model
        reaches, with the reliability of all repeats extrapolated from halves and quarters of them;
        lower: what a model as good as half of the repeats would reach. What the noise adds to the
        RDM in every repeat (units with more noise for some stimuli) counts as signal.
    comparator : str
        A key of ``COMPARATORS``.
    inference : Inference
        ``resample``: what is drawn anew, to which the interval and the tests generalise: ``()``
        (the subjects' own spread), ``"subject"``, ``"condition"`` or, unless given, both, then with
        the variance of the 2-factor bootstrap (of one animal's responses ``"condition"``). Copies
        of a condition are never compared. Without ``"condition"`` the conditions are fixed: all
        subjects share the chance similarity of their common RDM to an unrelated model, which had
        p_zero < 0.05 in 31 % of simulations (both factors: 1 %, the bootstrap of conditions is
        cautious; p_permutation, which is exact, 5 %). The result warns of it
        (``FixedConditionsWarning``, attribute ``conditions_fixed_in``).
        ``n``: resamples, 1000. ``groups``: labels of subjects and conditions that are drawn
        together. ``permutations``: 1000, of the condition labels (one by one, whatever the groups:
        that both sides hold the members of a group to be alike counts as a relation), for the null
        that a model RDM has nothing to do with the data. ``correction``: of p-values over all
        models, steps and times: ``holm`` (unless given), ``fdr``, ``max`` (single-step, from the
        joint bootstrap; with fewer than about ten subjects prefer Holm) or ``none``. ``samples``:
        keep the bootstrap.
    clusters : ClusterTest, optional
        Test clusters over time (or step x time) against zero: ``ClusterTest()`` by condition, as
        p_permutation; ``ClusterTest(by="subject")`` with conditions fixed, of which the result
        warns (an unrelated model got a false cluster in 22 to 40 % of simulations).
    weighted : mapping of str to array of shape (component, pair), optional
        Combinations whose non-negative weights are fitted on training conditions; then everything
        is evaluated on the pairs within each fold and averaged.
    folds : int, optional
        Disjoint sets of conditions: at most 5 unless given; each needs 8 conditions if they are
        resampled, else 4.
    sigma_k : array of shape (condition, condition) or (condition,), optional
        The noise covariance of conditions, see ``compare``.
    nan : {"refuse", "common"}
        ``common`` keeps the pairs that every RDM has.
    measure : str, optional
        Of the RDMs of responses: a key of ``MEASURES``, ``correlation`` unless given.
    progress : bool
        A bar over times.

    Returns
    -------
    xarray.Dataset
        In the comparator's units: evaluation, by_subject, standard_error, interval (bound),
        ceiling (bound: lower, upper); p_zero (one-sided), p_ceiling (against the lower bound,
        two-sided), p_pair (two-sided), p_permutation, each with ``_corrected`` (that of
        p_permutation by the maximum over all models, steps, times); null_high (the 1 - alpha
        quantile of that null), p_cluster. The attribute ``conditions_fixed_in`` names those that
        speak of these very conditions only ("nothing" if none does). ``summary(result)`` says it in
        words.

    Raises
    ------
    AnalysisError
        For what ``compare`` refuses, one subject where subjects are resampled, and settings that
        contradict each other.

    References
    ----------
    Nili et al. 2014; Schuett et al. 2023 (2-factor bootstrap).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth, other = rng.random((2, 190))
    >>> brain = truth + rng.normal(0, 0.3, (8, 190))
    >>> quick = Inference(n=200, permutations=100)
    >>> result = evaluate([truth, other], brain, comparator="pearson", inference=quick)
    >>> result.evaluation.values.round(2), bool(result.p_pair_corrected[0, 1] < 0.01)
    (array([0.71, 0.03]), True)
    """
    repeated = is_repeated(data_rdms)
    if measure is not None and not repeated:
        raise AnalysisError(
            f"measure={measure!r} is for responses with repeats; the data are RDMs already"
        )
    asked = inference.completed(
        "evaluate",
        resample=("condition",) if repeated else FACTORS,
        n=1000,
        groups={},
        permutations=1000,
        confidence=0.95,
        correction="holm",
        rng=0,
        samples=False,
    )
    c = comparator_named(comparator)
    given, repeats = data_rdms, None
    if repeated:
        parts_rng = np.random.default_rng(
            0 if isinstance(asked.rng, np.random.Generator) else asked.rng
        )
        data_rdms, repeats = repeated_rdms(data_rdms, measure or "correlation", parts_rng)
    sides = (labelled_rdms(model_rdms, "model RDMs"), labelled_rdms(data_rdms, "data RDMs"))
    for rdms in (model_rdms, data_rdms):
        check_times(rdms, clusters=clusters is not None)
    known, brain = same_conditions(sides)
    models, data = table(known, "model"), table(brain, "subject")
    conditions = same_pairs(models.values, data.values)
    rows = data if repeats is None else with_rows(data, slice(1))
    check_axes(models, data)
    generator = generator_of(asked.rng)
    ids = {
        "condition": known.ids if brain.ids is None else brain.ids,
        "subject": brain.coords.get("subject", (None, None))[1],
    }
    groups = asked.group_numbers(ids, subject=rows.shape[0], condition=conditions)
    subjects = int(groups["subject"].max() + 1)
    factors = asked.factors(subjects=subjects)
    check_settings(asked, factors, clusters, nan, subjects=subjects)
    fixed = fixed_conditions(factors, clusters, subjects=subjects)
    if fixed:
        warnings.warn(caution(fixed), FixedConditionsWarning, stacklevel=outside())
    components = components_of(weighted, data, c, known.ids)
    inputs = inputs_of(models, data, components, groups["condition"], c, nan)
    permutations = int(asked.permutations or 0)
    if permutations and inputs.exists is not None:
        raise AnalysisError(
            "labels cannot be permuted where pairs are missing: they would move. Give "
            "permutations=0"
        )
    resampled = "condition" in factors
    members, n = inputs.groups, int(asked.n or 0)
    plan = Plan(
        c,
        whitener(c, comparator, sigma_of(sigma_k, (known, brain)), inputs.models.shape[-1]),
        draw(generator, n, members, resampled, "condition"),
        draw(generator, n, groups["subject"], "subject" in factors, "subject"),
        factors,
        folds_of(generator, members, folds, inputs.components, resampled=resampled),
        groups["subject"],
        np.array(
            [generator.permutation(len(members)) for _ in range(permutations)], dtype=np.int64
        ).reshape(permutations, len(members)),
        inputs.components,
        repeats,
    )
    settings = {
        "analysis": "evaluate",
        "comparator": comparator,
        "resample": ", ".join(factors) or "none",
        "n": n if factors else 0,
        "seed": asked.seed,
        "confidence": asked.confidence,
        "correction": asked.correction,
        "permutations": permutations,
        "conditions_fixed_in": ", ".join(fixed) or "nothing",
        "subjects": subjects,
        **pooled_attribute(given, subjects),
        "conditions": inputs.conditions,
        "condition_units": int(members.max() + 1),
        "pairs": inputs.pairs,
        "ceiling_of": "subjects" if repeats is None else "halves of the repeats",
        "folds": 0 if plan.folds is None else int(plan.folds.max() + 1),
    }
    grid = Grid(models, rows, inputs.alive, tuple(plan.weighted), groups["subject"])
    times = each_time(inputs, plan, progress)
    return assemble(times, grid, settings, clusters=clusters, samples=asked.samples, rng=generator)
