"""Reaction times of a network beside what was measured in people, with held-out thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.behavior.answers import answers
from cortexsim.analysis.behavior.reaction_time import first_certain, threshold_grid, uncertainty
from cortexsim.analysis.linear.splits import k_folds, permutations_of
from cortexsim.analysis.statistics.draws import attributes, draw, enough
from cortexsim.analysis.statistics.draws import labels as numbered
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.pvalues import monte_carlo_p
from cortexsim.analysis.statistics.settings import CrossValidation, Inference
from cortexsim.analysis.statistics.settled import only_folds, settled
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import column
from cortexsim.plain import numbers
from cortexsim.shapes import Float, Int

if TYPE_CHECKING:
    import xarray


@clear_errors
def compare_reaction_times(
    probability: Any,
    target: Any,
    labels: Any = None,
    *,
    criterion: str = "entropy",
    thresholds: Any = None,
    cv: CrossValidation = CrossValidation(),
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """How far reaction times of a network follow what was measured in people.

    With the threshold fitted on other images than it is tested on: in each fold it is the one whose
    reaction times have the largest tau-b with the target on the other images, images that are never
    answered counting as ties (Spoerer et al. fit it to the correlation, too); the images of the
    fold are answered with it. tau is the mean over folds, weighted by their images, of tau within a
    fold: times of different thresholds are not ranked against each other. Images that are never
    answered are censored, not dropped (``censored_tau``).

    Parameters
    ----------
    probability : array of shape (stimulus, step or time_ms, class)
        Of the network; its own readout (``own_answers``) or a fitted one.
    target : array of shape (stimulus,)
        Reaction times of people, or how undecided they are.
    labels : array of shape (stimulus,), optional
        Names of classes, or their numbers; default the coordinate label.
    criterion : {"entropy", "confidence"}
        The uncertainty of an answer, as in ``reaction_times``.
    thresholds : sequence of float, optional
        Of the criterion, as in ``speed_accuracy``.
    cv : CrossValidation
        ``folds``; ``groups``: images that stay together in a fold and in a resample.
    inference : Inference
        ``n``: resamples of the images of each fold, 1000, thresholds not fitted again.
        ``permutations``: of the target over images (of groups as wholes, among those of the same
        size), 200, every threshold fitted again.

    Returns
    -------
    Dataset
        tau, interval (bound), p (one-sided: the claim is that they agree), tau_tied (unanswered
        images as ties), threshold (fold), coverage, time and answered (stimulus).

    Raises
    ------
    AnalysisError
        If the reaction times of every threshold are the same for all images.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ease = rng.uniform(0.2, 3, 60)
    >>> p = 1 / (1 + np.exp(-ease[:, None] * np.arange(1, 9)))
    >>> p, few = np.stack([p, 1 - p], -1), Inference(permutations=20, n=50)
    >>> result = compare_reaction_times(p, -ease, [0] * 60, inference=few)
    >>> bool(result.tau > 0.8), float(result.p) < 0.05
    (True, True)
    """
    import xarray

    a = answers(probability, labels)
    y = numbers(column(target, "target").like(a.items).values, "target").astype(np.float64)
    if y.shape != a.numbers.shape or not np.isfinite(y).all():
        raise AnalysisError(
            f"the target has shape {y.shape}; one finite number for each of {len(a.numbers)} "
            "images is needed"
        )
    asked = settled(inference, "compare_reaction_times", n=1000, permutations=200)
    enough(asked.n, "resamples")
    only_folds(cv, "compare_reaction_times")
    u = uncertainty(a, criterion)
    grid = threshold_grid(u, thresholds)
    at, answered = first_certain(u, grid)
    groups = None if cv.groups is None else column(cv.groups, "groups").like(a.items).values
    group = numbered(groups, len(y), "groups")
    tests = k_folds(asked.rng, group, cv.folds)
    point, chosen = _held_out(at, answered, y, tests=tests)
    if np.isnan(point):
        raise AnalysisError(
            "the reaction times of every threshold are the same for all images of a fold, so "
            "nothing can be ranked"
        )
    if cv.groups is None:
        permuted: Any = (asked.rng.permutation(y) for _ in range(asked.permutations))
    else:  # images of a group are alike, and move together
        permuted = y[permutations_of(group, asked.permutations, asked.rng)]
    null = np.array([_held_out(at, answered, row, tests=tests)[0] for row in permuted])
    time, seen = np.empty(len(y)), np.empty(len(y), dtype=bool)
    for test, k in zip(tests, chosen):
        time[test], seen[test] = a.times[at[k, test]], answered[k, test]
    draws = np.array(
        [
            _resampled(time, seen, y, tests=tests, counts=row)
            for row in draw(asked.rng, asked.n, group, True, "stimulus")
        ]
    )
    p = float(monte_carlo_p(point, np.nan_to_num(null))) if len(null) else np.nan
    return xarray.Dataset(
        {
            "tau": point,
            "tau_tied": _tied_tau(np.where(seen, time, a.times[-1] + 1), y, tests),
            "interval": ("bound", percentile_interval(draws, asked.confidence)),
            "p": p,
            "threshold": ("fold", grid[chosen]),
            "coverage": float(seen.mean()),
            "time": ("stimulus", time),
            "answered": ("stimulus", seen),
        },
        {"bound": ["lower", "upper"]},
        attributes(
            inference.rng,
            criterion=criterion,
            folds=len(tests),
            n=asked.n,
            permutations=asked.permutations,
            confidence=asked.confidence,
            axis=a.axis,
            stimuli=len(y),
        ),
    )


def _tied_tau(
    late: Float[np.ndarray, " item"], y: Float[np.ndarray, " item"], tests: Sequence[np.ndarray]
) -> float:
    """Mean tau over folds with unanswered images as ties, later than every other."""
    ranks = np.unique(late, return_inverse=True)[1]
    taus = [fast_tau(ranks[t], np.ones(len(t), dtype=bool), y[t]) for t in tests]
    return float(np.average(np.nan_to_num(taus), weights=[len(t) for t in tests]))


def fast_tau(
    at: Int[np.ndarray, " item"],
    answered: np.ndarray,
    y: Float[np.ndarray, " item"],
    *,
    counts: np.ndarray | None = None,
    tied: bool = False,
) -> float:
    """``censored_tau`` of step numbers (few different ones) with an uncensored y.

    In the time of sorting: tables of steps against ranks of y. An unanswered image is one step
    later than every other, and tied with its like: their order is unknown, and so are those pairs
    left out of the denominator of the target, as in ``censored_tau``; tied: they stay in it, as
    ties. counts: how often each item counts.
    """
    # All that are unanswered are censored at the last step.
    later = np.where(answered, 2 * at, 2 * at.max() + 1)
    ranks = np.unique(y, return_inverse=True)[1]
    levels, x = np.unique(later, return_inverse=True)
    width = int(ranks.max()) + 1
    flat = np.bincount(x * width + ranks, counts, minlength=len(levels) * width)
    table = flat.reshape(len(levels), width).astype(np.float64)
    above = table[:, ::-1].cumsum(1)[:, ::-1] - table  # of each level, how many have a larger y
    below = table.cumsum(1) - table
    # sum over pairs of levels i < j of table[i] * (items of j above - items of j below in y)
    larger = below[::-1].cumsum(0)[::-1], above[::-1].cumsum(0)[::-1]
    agree = (table[:-1] * (larger[1][1:] - larger[0][1:])).sum()
    totals = table.sum(1)
    ordered_x = (totals.sum() ** 2 - (totals**2).sum()) / 2
    both = table.sum(0)
    ordered_y = (both.sum() ** 2 - (both**2).sum()) / 2
    if not tied and not answered.all():  # pairs of two unanswered images are unknown
        last = table[-1]
        ordered_y -= (last.sum() ** 2 - (last**2).sum()) / 2
    size = np.sqrt(ordered_x * ordered_y)
    return float(agree / size) if size > 0 else float("nan")


def _held_out(
    at: Int[np.ndarray, "threshold item"],
    answered: np.ndarray,
    y: Float[np.ndarray, " item"],
    *,
    tests: Sequence[np.ndarray],
) -> tuple[float, np.ndarray]:
    """Mean tau over folds at thresholds fitted on the other images, and which they are."""
    total, weight, chosen = 0.0, 0, []
    for test in tests:
        rest = np.setdiff1d(np.arange(len(y)), test)
        # As ties: or else a threshold that leaves nearly every image open would win by the few
        # pairs that it leaves.
        fitted = [fast_tau(a[rest], s[rest], y[rest], tied=True) for a, s in zip(at, answered)]
        best = int(np.nanargmax(fitted)) if np.isfinite(fitted).any() else 0
        tau = fast_tau(at[best, test], answered[best, test], y[test])
        chosen.append(best)
        if np.isfinite(tau):
            total, weight = total + tau * len(test), weight + len(test)
    return (total / weight if weight else float("nan")), np.array(chosen)


def _resampled(
    time: Float[np.ndarray, " item"],
    seen: np.ndarray,
    y: Float[np.ndarray, " item"],
    *,
    tests: Sequence[np.ndarray],
    counts: Int[np.ndarray, " item"],
) -> float:
    """Mean tau over folds in a resample; NaN where no fold has one."""
    taus = np.array([fast_tau(time[t], seen[t], y[t], counts=counts[t]) for t in tests])
    sizes = np.array([len(t) for t in tests], dtype=np.float64)
    defined = np.isfinite(taus)
    if not defined.any():
        return float("nan")
    return float((taus[defined] * sizes[defined]).sum() / sizes[defined].sum())
