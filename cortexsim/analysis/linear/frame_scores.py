"""Everything about one state at one step: scores, their intervals, and their null."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cortexsim.analysis.linear.patterns import Patterns
from cortexsim.analysis.linear.plan import Plan
from cortexsim.analysis.linear.regression import METHODS, PENALISED
from cortexsim.analysis.linear.responses import Responses
from cortexsim.analysis.linear.scores import (
    Held,
    by_split,
    correlation,
    errors,
    explained,
    finite_mean,
    finite_median,
    resampled,
)
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.pvalues import monte_carlo_p
from cortexsim.shapes import Float

PERMUTED = 4096  # permuted responses fitted at a time


def frame_scores(patterns: Patterns, y: Responses, plan: Plan) -> dict[str, np.ndarray]:
    """Scores of one frame.

    Parameters
    ----------
    patterns : Patterns
        Of one state at one step.
    y : Responses
        What is predicted.
    plan : Plan
        Splits, resamples and permutations.

    Returns
    -------
    dict
        By (time, unit) r, r2, alpha (with the split before) and r_noise_corrected; by (time,) rank
        (with the split before), the medians over units, units, not_converged, intervals (with
        the bound before) and the null
        (with the permutation before); if the plan keeps them predictions (with the stimulus before
        time and unit).
    """
    fits: Any = (METHODS[plan.method](patterns, s, plan.settings) for s in plan.splits)
    if len(plan.permutations):  # each is asked again, so they are kept; else one at a time is
        fits = list(fits)
    held, alpha, ranks, stopped = [], [], [], 0
    for split, fit in zip(plan.splits, fits):
        fitted = fit(y.values)
        measured = y.values[split.test]
        rows = len(measured)
        held.append(
            Held(
                split.test,
                fitted.prediction.reshape(rows, -1),
                measured.reshape(rows, -1),
                y.values[split.train].mean(0).ravel(),
            )
        )
        alpha.append(fitted.alpha)
        ranks.append(fitted.rank)
        stopped += fitted.stopped
    shape = y.values.shape[1:]
    each = by_split(held).reshape(-1, *shape)
    r = finite_mean(each)
    scores = {
        "r": r,
        "r2": explained(*errors(held, len(y.values))).reshape(shape),
        "median_r": finite_median(r),
        "units": (~np.isnan(r)).sum(-1).astype(float),
        "median_r_by_split": finite_median(each),
    }
    if plan.predictions:
        prediction = np.empty((len(y.values), shape[0] * shape[1]))
        for h in held:
            prediction[h.test] = h.predicted
        scores["prediction"] = prediction.reshape(-1, *shape)
    if plan.method in PENALISED:
        scores["alpha"] = np.stack(alpha)
    if all(r is not None for r in ranks):
        scores["rank"] = np.stack(ranks)
    if plan.method == "pls":
        scores["not_converged"] = np.array(float(stopped))
    root = _root_of_reliability(y, plan)
    if root is not None:
        scores["r_noise_corrected"] = r / root
        scores["median_r_noise_corrected"] = finite_median(r / root)
    scores |= _intervals(held, r, root, plan=plan)
    return scores | (_null(fits, y, r, plan=plan) if len(plan.permutations) else {})


def _root_of_reliability(y: Responses, plan: Plan) -> np.ndarray | None:
    """sqrt(reliability), NaN for units that are not reliable."""
    if y.reliability is None:
        return None
    reliable = np.nan_to_num(y.reliability, nan=-1) >= plan.least
    return np.sqrt(np.where(reliable, y.reliability, np.nan))


def _intervals(
    held: list[Held],
    r: Float[np.ndarray, "time unit"],
    root: Float[np.ndarray, "time unit"] | None,
    *,
    plan: Plan,
) -> dict[str, np.ndarray]:
    """Percentile intervals ``(bound, time)`` of the median over units."""
    if not plan.factors:
        return {}
    names = ("interval",) if root is None else ("interval", "interval_noise_corrected")
    medians: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for t, row in enumerate(r):
        draws = row[None]
        if "stimulus" in plan.factors:
            part = slice(t * len(row), (t + 1) * len(row))
            draws = resampled(_targets(held, part), plan.counts)
        for name, collected in medians.items():
            x = draws if name == "interval" or root is None else draws / root[t]
            if "unit" in plan.factors:
                x = np.take_along_axis(np.broadcast_to(x, plan.units.shape), plan.units, axis=1)
            collected.append(finite_median(x))
    return {
        name: percentile_interval(np.stack(collected, axis=1), plan.confidence)
        for name, collected in medians.items()
    }


def _targets(held: Sequence[Held], part: slice) -> list[Held]:
    """Some of the targets of each split."""
    return [Held(h.test, h.predicted[:, part], h.measured[:, part], h.mean[part]) for h in held]


def _null(
    fits: Any, y: Responses, r: Float[np.ndarray, "time unit"], *, plan: Plan
) -> dict[str, np.ndarray]:
    """Medians ``(permutation, time)`` of permuted responses, and the p of each unit."""
    at_once = max(1, PERMUTED // r.size)
    batches = []
    for start in range(0, len(plan.permutations), at_once):
        order = plan.permutations[start : start + at_once]
        mixed = y.values[order.T]  # (stimulus, permutation, time, unit)
        mixed = mixed.reshape(len(mixed), -1, r.shape[1])
        each = [
            correlation(fit(mixed).prediction, mixed[s.test]) for s, fit in zip(plan.splits, fits)
        ]
        batches.append(finite_mean(np.stack(each)).reshape(len(order), *r.shape))
    null = np.concatenate(batches)
    return {"null": finite_median(null), "p_unit": np.asarray(monte_carlo_p(r, null))}
