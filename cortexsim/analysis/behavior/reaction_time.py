"""Reaction times of a network: the first step at which its readout is certain enough to answer (Spoerer et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.behavior.answers import Answers, answers
from cortexsim.analysis.linear.splits import k_folds
from cortexsim.analysis.statistics.draws import (
    attributes,
    draw,
    enough,
    generator_of,
    share,
    whole_number,
)
from cortexsim.analysis.statistics.draws import labels as numbered
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray

GRID = 50  # thresholds tried


def entropy(probability: np.ndarray) -> np.ndarray:
    """``-sum p log2 p`` over the last axis, in bits.

    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).tolist()
    [1.0, 0.0]
    """
    p = np.asarray(probability, dtype=np.float64)
    return -(p * np.log2(np.where(p > 0, p, 1.0))).sum(-1) + 0.0


def doubt(probability: np.ndarray) -> np.ndarray:
    """1 less the largest probability: the chance that the most confident answer is wrong, if probabilities are calibrated."""
    return 1 - np.asarray(probability, dtype=np.float64).max(-1)


# Uncertainty: an answer is given when it has fallen to the threshold.
CRITERIA: dict[str, Callable[[np.ndarray], np.ndarray]] = {"entropy": entropy, "confidence": doubt}


def reaction_times(probability: Any, threshold: float, labels: Any = None, *, criterion: str = "entropy") -> xarray.Dataset:  # fmt: skip
    """The first step at which the uncertainty of the readout is at or below a threshold, and the answer given then.

    ``RT(i) = min t: H(p(i, t)) <= threshold``, H the entropy in bits, or for ``criterion="confidence"`` 1 - max p (so that a confidence of 0.9 is a
    threshold of 0.1). An image that never gets there is answered at the last step and censored (``answered`` False).

    probability, labels: as in ``solution_times``; the network's own readout (``own_answers``) or a fitted one.
    Returns a Dataset by stimulus: time (steps or ms), answered, correct, choice (number of the class); coverage (share answered).
    Source: Spoerer, Kietzmann, Mehrer, Charest & Kriegeskorte 2020, PLoS Comput Biol 16:e1008215.

    >>> p = np.array([[[0.6, 0.4], [0.99, 0.01]], [[0.5, 0.5], [0.6, 0.4]]])
    >>> found = reaction_times(p, 0.2, [0, 0])
    >>> found.time.values.tolist(), found.answered.values.tolist()
    ([2.0, 2.0], [True, False])
    """
    import xarray

    a = answers(probability, labels)
    limit = _threshold(threshold)
    at, answered = _first(_uncertainty(a, criterion), np.array([limit]))
    rows = np.arange(len(a.numbers))
    choice = a.probability.argmax(-1)[rows, at[0]]
    coords = {} if a.ids is None else {"stimulus_id": ("stimulus", a.ids)}
    return xarray.Dataset(
        {
            "time": ("stimulus", a.times[at[0]]),
            "answered": ("stimulus", answered[0]),
            "correct": ("stimulus", choice == a.numbers),
            "choice": ("stimulus", choice),
            "coverage": float(answered.mean()),
        },
        coords,
        attributes(0, criterion=criterion, threshold=limit, axis=a.axis, stimuli=len(rows)),
    )


def speed_accuracy(
    probability: Any, labels: Any = None, *, criterion: str = "entropy", thresholds: Any = None, n: int = 1000, confidence: float = 0.95,
    rng: int | np.random.Generator = 0,
) -> xarray.Dataset:  # fmt: skip
    """The speed-accuracy trade-off: mean reaction time and accuracy of the answers given then, as the threshold varies.

    Beside it what an answer of every image at the same fixed time gets right: a flexible time helps where the curve lies above.

    thresholds: of the criterion; default quantiles of the uncertainties that occur. n: resamples of stimuli.
    Returns a Dataset: time, accuracy, coverage by threshold, accuracy_interval and time_interval (bound, threshold); fixed_accuracy and
    fixed_interval (bound) by step or time_ms.

    >>> p = np.array([[[0.6, 0.4], [0.99, 0.01]], [[0.4, 0.6], [0.9, 0.1]]] * 10)
    >>> found = speed_accuracy(p, [0] * 20, thresholds=[0.1, 1.0], n=50)
    >>> found.time.values.tolist(), found.accuracy.values.tolist()
    ([2.0, 1.0], [1.0, 0.5])
    """
    import xarray

    a = answers(probability, labels)
    enough(n, "resamples")
    share(confidence, "confidence")
    u = _uncertainty(a, criterion)
    grid = (
        _grid(u)
        if thresholds is None
        else np.sort(np.array([_threshold(t) for t in np.atleast_1d(thresholds)]))
    )
    at, answered = _first(u, grid)
    right = a.correct[np.arange(len(u)), at]
    times = a.times[at]
    weights = generator_of(rng).multinomial(len(u), np.full(len(u), 1 / len(u)), size=n) / len(u)
    tails = [50 - 50 * confidence, 50 + 50 * confidence]
    bounds = lambda v: np.percentile(weights @ v.astype(np.float64), tails, axis=0)  # noqa: E731
    return xarray.Dataset(
        {
            "time": ("threshold", times.mean(1)),
            "time_interval": (("bound", "threshold"), bounds(times.T)),
            "accuracy": ("threshold", right.mean(1)),
            "accuracy_interval": (("bound", "threshold"), bounds(right.T)),
            "coverage": ("threshold", answered.mean(1)),
            "fixed_accuracy": (a.axis, a.correct.mean(0)),
            "fixed_interval": (("bound", a.axis), bounds(a.correct)),
        },
        {"threshold": grid, a.axis: a.times, "bound": ["lower", "upper"]},
        attributes(
            rng, criterion=criterion, n=n, confidence=confidence, axis=a.axis, stimuli=len(u)
        ),
    )


def compare_reaction_times(
    probability: Any, target: Any, labels: Any = None, *, criterion: str = "entropy", thresholds: Any = None, folds: int = 5, groups: Any = None,
    n: int = 1000, permutations: int = 200, confidence: float = 0.95, rng: int | np.random.Generator = 0,
) -> xarray.Dataset:  # fmt: skip
    """How far reaction times of a network follow what was measured in people, with the threshold fitted on other images than it is tested on.

    In each fold the threshold is the one whose reaction times have the largest tau-b with the target on the other images, images that are never
    answered counting as ties (Spoerer et al. fit it to the correlation, too); the images of the fold are answered with it. tau is the mean over folds,
    weighted by their images, of tau within a fold: times of different thresholds are not ranked against each other. Images that are never answered are
    censored, not dropped (``censored_tau``).

    target: ``(stimulus,)`` reaction times of people, or how undecided they are. groups: images that stay together in a fold and in a resample.
    n: resamples of the images of each fold, thresholds not fitted again. permutations: of the target over images, every threshold fitted again.

    Returns a Dataset: tau, interval (bound), p (one-sided: the claim is that they agree), tau_tied (unanswered images as ties), threshold (fold),
    coverage, time and answered (stimulus).
    Raises AnalysisError if the reaction times of every threshold are the same for all images.

    >>> rng = np.random.default_rng(0)
    >>> ease = rng.uniform(0.2, 3, 60)
    >>> p = 1 / (1 + np.exp(-ease[:, None] * np.arange(1, 9)))
    >>> found = compare_reaction_times(np.stack([p, 1 - p], -1), -ease, [0] * 60, permutations=20, n=50)
    >>> bool(found.tau > 0.8), float(found.p) < 0.05
    (True, True)
    """
    import xarray

    a, y = answers(probability, labels), np.asarray(target, dtype=np.float64)
    if y.shape != a.numbers.shape or not np.isfinite(y).all():
        raise AnalysisError(
            f"the target has shape {y.shape}; one finite number for each of {len(a.numbers)} images is needed"
        )
    enough(n, "resamples")
    if whole_number(permutations, "permutations") < 0:
        raise AnalysisError(f"permutations={permutations} must be 0 or more")
    share(confidence, "confidence")
    generator = generator_of(rng)
    u = _uncertainty(a, criterion)
    grid = (
        _grid(u)
        if thresholds is None
        else np.sort(np.array([_threshold(t) for t in np.atleast_1d(thresholds)]))
    )
    at, answered = _first(u, grid)
    group = numbered(groups, len(y), "groups")
    tests = k_folds(generator, group, whole_number(folds, "folds"))
    point, chosen = _held_out(at, answered, y, tests)
    if np.isnan(point):
        raise AnalysisError(
            "the reaction times of every threshold are the same for all images of a fold, so nothing can be ranked"
        )
    null = np.array(
        [_held_out(at, answered, generator.permutation(y), tests)[0] for _ in range(permutations)]
    )
    time, seen = np.empty(len(y)), np.empty(len(y), dtype=bool)
    for test, k in zip(tests, chosen):
        time[test], seen[test] = a.times[at[k, test]], answered[k, test]
    late = np.where(seen, time, a.times[-1] + 1)
    tied = [
        fast_tau(np.unique(late, return_inverse=True)[1][t], np.ones(len(t), dtype=bool), y[t])
        for t in tests
    ]
    drawn = np.array(
        [
            _resampled(time, seen, y, tests, row)
            for row in draw(generator, n, group, True, "stimulus")
        ]
    )
    tails = [50 - 50 * confidence, 50 + 50 * confidence]
    return xarray.Dataset(
        {
            "tau": point,
            "tau_tied": float(np.average(np.nan_to_num(tied), weights=[len(t) for t in tests])),
            "interval": ("bound", np.nanpercentile(drawn, tails)),
            "p": (1 + (np.nan_to_num(null) >= point - 1e-12).sum()) / (1 + permutations) if permutations else np.nan,
            "threshold": ("fold", grid[chosen]),
            "coverage": float(seen.mean()),
            "time": ("stimulus", time),
            "answered": ("stimulus", seen),
        },
        {"bound": ["lower", "upper"]},
        attributes(rng, criterion=criterion, folds=len(tests), n=n, permutations=permutations, confidence=confidence, axis=a.axis, stimuli=len(y)),
    )  # fmt: skip


def fast_tau(
    at: np.ndarray, answered: np.ndarray, y: np.ndarray, counts: np.ndarray | None = None, *, tied: bool = False
) -> float:  # fmt: skip
    """``censored_tau`` of step numbers (few different ones) with an uncensored y, in the time of sorting: tables of steps against ranks of y.

    An unanswered image is one step later than every other, and tied with its like: their order is unknown, and so are those pairs left out of the
    denominator of the target, as in ``censored_tau``; tied: they stay in it, as ties.
    """
    later = np.where(
        answered, 2 * at, 2 * at.max() + 1
    )  # all that are unanswered are censored at the last step
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


def _held_out(at: np.ndarray, answered: np.ndarray, y: np.ndarray, tests: list[np.ndarray]) -> tuple[float, np.ndarray]:  # fmt: skip
    """Mean tau over folds at thresholds fitted on the other images, and which they are."""
    total, weight, chosen = 0.0, 0, []
    for test in tests:
        rest = np.setdiff1d(np.arange(len(y)), test)
        # As ties: or else a threshold that leaves nearly every image open would win by the few pairs that it leaves.
        fitted = [fast_tau(a[rest], s[rest], y[rest], tied=True) for a, s in zip(at, answered)]
        best = int(np.nanargmax(fitted)) if np.isfinite(fitted).any() else 0
        tau = fast_tau(at[best, test], answered[best, test], y[test])
        chosen.append(best)
        if np.isfinite(tau):
            total, weight = total + tau * len(test), weight + len(test)
    return (total / weight if weight else float("nan")), np.array(chosen)


def _resampled(
    time: np.ndarray, seen: np.ndarray, y: np.ndarray, tests: list[np.ndarray], counts: np.ndarray
) -> float:
    taus = np.array([fast_tau(time[t], seen[t], y[t], counts[t]) for t in tests])
    sizes = np.array([len(t) for t in tests], dtype=np.float64)
    there = np.isfinite(taus)
    return (
        float((taus[there] * sizes[there]).sum() / sizes[there].sum())
        if there.any()
        else float("nan")
    )


def _uncertainty(a: Answers, criterion: str) -> np.ndarray:
    if criterion not in CRITERIA:
        raise AnalysisError(
            f"there is no criterion {criterion!r}; choose from {', '.join(CRITERIA)}"
        )
    return CRITERIA[criterion](a.probability)


def _first(u: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the first time at or below each threshold ``(threshold, stimulus)``, the last where there is none, and whether there is."""
    below = u[None] <= grid[:, None, None]
    answered = np.asarray(below.any(-1))
    return np.where(answered, below.argmax(-1), u.shape[1] - 1), answered


def _grid(u: np.ndarray) -> np.ndarray:
    """Thresholds at quantiles of the uncertainties."""
    return np.unique(np.quantile(u, np.linspace(0.01, 0.99, GRID)))


def _threshold(value: Any) -> float:
    if not isinstance(value, (int, float, np.number)) or not np.isfinite(value) or value < 0:
        raise AnalysisError(
            f"threshold={value!r} is none; give bits of entropy, or 1 less a confidence, of 0 or more"
        )
    return float(value)
