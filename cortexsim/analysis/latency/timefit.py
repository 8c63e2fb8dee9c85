"""The time axis of a network fitted to a brain: the onset and step that align the two best."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.latency.timegrid import Grid, Movies, movies_of
from cortexsim.analysis.latency.verdicts import PARAMETERS, compared_with, verdicts_of
from cortexsim.analysis.rsa.comparators import comparator_named
from cortexsim.analysis.statistics.draws import whole_number
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.pvalues import monte_carlo_p
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.settled import Settled, settled
from cortexsim.analysis.statistics.sizes import at_most, room_for
from cortexsim.analysis.words import pooled_attribute
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.provenance import provenance
from cortexsim.shapes import Float
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import xarray

KEPT = 0.8  # of the conditions, in a resample


@clear_errors
def fit_time_axis(
    model_movie: Any,
    neural_movie: Any,
    *,
    comparator: str = "pearson",
    onsets_ms: Any = None,
    steps_ms: Any = None,
    window_ms: tuple[float, float] | None = None,
    inference: Inference = Inference(),
    splits: int = 20,
    declared: TimeAxis | None = None,
) -> xarray.Dataset:
    """The onset of V1 and the duration of a step at which an RDM movie best follows a brain's.

    With S(t, tau) the similarity of the model's RDM at step t to the brain's at time tau, and step
    t lasting from onset_ms + (t - 1) step_ms to the start of the next (the last step lasts on to
    the end of the window), the fit maximises the mean over the window of S(step at tau, tau), where
    times before the first populated step count as 0. Every brain time thus counts once whatever the
    axis, so that neither a late peak of the similarity nor its decay pulls the axis towards itself.
    S is 0 on average for unrelated RDMs: of the cosines, what exceeds relabelled conditions.

    Parameters
    ----------
    model_movie : DataArray (step, pair)
        Of one state, NaN at steps where it is not populated. The dimensions may stand in any order,
        one state is as good as a dimension ``state`` of length 1, and of a Dataset its RDMs are
        taken.
    neural_movie : DataArray ([subject,] time_ms, pair)
        Evenly spaced bin centres in ms after stimulus onset; the attribute bin_ms of time_ms is
        the width of a bin where bins overlap. Both are joined by the ids of their conditions
        (``first_id`` and ``second_id`` along ``pair``), else in the same order of conditions.
    comparator : str
        A key of ``COMPARATORS``.
    onsets_ms : sequence of float, optional
        The onsets that are searched; by default 0 ms to the end of the window in bins (at most
        5 ms apart).
    steps_ms : sequence of float, optional
        The durations of a step that are searched; by default 5 to 100 ms by 1.
    window_ms : (float, float), optional
        The times that are used (until the stimulus goes off, say).
    inference : Inference
        ``resample``: by default conditions, and subjects where there are several. ``n``: resamples,
        1000: random subsets of 80 % of the conditions, subjects weighted at random, the spread
        rescaled to the whole sample; to the interval the width of a bin is added, within which the
        data cannot tell. ``permutations``: of condition labels and of the order of steps, 500, at
        least 20.
    splits : int
        Random halves of the conditions; the axis is fitted on one half and scored on the other.
    declared : TimeAxis, optional
        The axis to test against, by default 20-50 ms a step.

    Returns
    -------
    Dataset
        onset_ms and step_ms, interval (parameter, bound), resampled (parameter, resample),
        similarity (step, time_ms), objective (onset, step_duration), held_out (axis: fitted,
        declared, static; mean over splits; static is the best single step held from its onset),
        p_alignment (labels of the conditions permuted, the axis fitted anew), p_order (order of
        the steps permuted). Attributes: constrained_onset and constrained_step ("yes", or why not:
        an interval that reaches the end of what was searched has no end), declared range,
        fit_in_declared ("inside", "outside", "undecided": where the interval lies), time_axis
        (JSON of the fitted TimeAxis, labelled as fitted).

    Raises
    ------
    AnalysisError
        For movies of different conditions, uneven times, fewer than two populated steps and fewer
        than 10 conditions.

    References
    ----------
    The declared range is that of Liao & Poggio 2016, section 3.5.

    Examples
    --------
    An onset of 50 ms and 30 ms a step, planted:

    >>> import xarray
    >>> rng = np.random.default_rng(0)
    >>> steps = {"step": [1, 2, 3, 4]}
    >>> model = xarray.DataArray(rng.random((4, 190)), dims=("step", "pair"), coords=steps)
    >>> times = np.arange(-45.0, 200.0, 10)
    >>> step = np.clip((times - 50) // 30, -1, 3).astype(int)
    >>> brain = np.where(step[:, None] < 0, 0.5, model.values[step])
    >>> brain = xarray.DataArray(brain, dims=("time_ms", "pair"), coords={"time_ms": times})
    >>> noisy = brain + rng.normal(0, 0.3, brain.shape)
    >>> fit = fit_time_axis(model, noisy, inference=Inference(n=100, permutations=50))
    >>> float(fit.onset_ms), float(fit.step_ms), fit.attrs["constrained_step"]
    (50.0, 30.0, 'yes')
    >>> fit.attrs["fit_in_declared"]
    'inside'
    """
    import xarray

    movies = movies_of(model_movie, neural_movie, comparator_named(comparator), window=window_ms)
    grid = Grid.of(movies, onsets_ms, steps_ms)
    asked = _settings(inference, len(movies.brain), splits)
    declared = TimeAxis() if declared is None else declared
    if not isinstance(declared, TimeAxis):
        raise AnalysisError(
            f"declared is a {type(declared).__name__}; give a cortexsim.TimeAxis, or leave it out"
        )
    _refuse_too_many(movies, asked)
    rng = asked.rng
    similarity = movies.similarity(*_everyone(movies))
    best = grid.best(similarity, rng)[0]
    counts, weights, scale = _subsets(movies, asked)
    resampled = best + scale * (grid.best(movies.similarity(counts, weights), rng) - best)
    interval = _interval(best, resampled, movies, grid=grid, confidence=asked.confidence)
    objective = grid.objective(similarity)[0]
    relabelled = grid.maxima(movies.relabelled(asked.permutations, rng))
    p_alignment = float(monte_carlo_p(objective.max(), relabelled))
    reordered = _reordered(similarity[0], movies.populated, asked.permutations, rng=rng)
    related = p_alignment <= 1 - asked.confidence
    why_not = None if related else f"p_alignment = {p_alignment:.3f}"
    constrained = verdicts_of(best, interval, grid, objective=objective, unrelated=why_not)
    held_out = _held_out(movies, grid, declared, splits=splits, rng=rng)
    axis = _fitted_axis(best, interval[1], comparator, n=asked.n)
    times = ("time_ms", movies.times, {"units": "ms after stimulus onset", "bin_ms": movies.bin_ms})
    shown = np.where(movies.populated[:, None], similarity[0], np.nan)
    return xarray.Dataset(
        {
            "onset_ms": best[0],
            "step_ms": best[1],
            "interval": (("parameter", "bound"), interval),
            "resampled": (("parameter", "resample"), resampled.T),
            "similarity": (("step", "time_ms"), shown),
            "objective": (("onset", "step_duration"), objective),
            "held_out": ("axis", held_out),
            "p_alignment": p_alignment,
            "p_order": float(monte_carlo_p(objective.max(), grid.maxima(reordered))),
        },
        {
            "parameter": list(PARAMETERS),
            "bound": ["lower", "upper"],
            "step": movies.steps,
            "time_ms": times,
            "onset": ("onset", grid.axes[0], {"units": "ms"}),
            "step_duration": ("step_duration", grid.axes[1], {"units": "ms"}),
            "axis": ["fitted", "declared", "static"],
        },
        {
            "analysis": "fit_time_axis",
            "comparator": comparator,
            "resample": ", ".join(asked.resample),
            "n": asked.n,
            "splits": splits,
            "permutations": asked.permutations,
            "seed": asked.seed,
            "confidence": asked.confidence,
            "subjects": len(movies.brain),
            **pooled_attribute(neural_movie, len(movies.brain)),
            "conditions": movies.conditions,
            **compared_with(declared, constrained, interval[1]),
            "time_axis": json.dumps(axis.as_dict()),
            "provenance": json.dumps(provenance("scipy", "xarray")),
        },
    )


def _settings(inference: Inference, subjects: int, splits: Any) -> Settled:
    """What is resampled; AnalysisError for settings that give no interval or no test."""
    usual = ("subject", "condition") if subjects > 1 else ("condition",)
    asked = settled(inference, "fit_time_axis", resample=usual, n=1000, permutations=500)
    chosen = Inference(resample=asked.resample, n=asked.n)
    factors = chosen.factors(subjects=subjects)
    if not factors:
        raise AnalysisError(
            "a fit without an interval is no measurement: resample subject, condition or both"
        )
    if whole_number(splits, "splits") < 1:
        raise AnalysisError(f"splits={splits} is too few; give 20, at least 1")
    at_most(splits, "splits")
    if asked.permutations < 20:
        raise AnalysisError(f"permutations={asked.permutations} is too few; give 500, at least 20")
    return replace(asked, resample=factors)


def _refuse_too_many(movies: Movies, asked: Settled) -> None:
    """AnalysisError for resamples and permutations that the machine cannot hold."""
    fewer = "give fewer (Inference(n=1000, permutations=500))"
    shown = {"step": len(movies.steps), "time": len(movies.times)}
    room_for({"resample": asked.n} | shown, "the similarities of all resamples", fewer)
    relabelled = {"permutation": asked.permutations, "step": len(movies.model)}
    relabelled |= {"pair": movies.model.shape[1]}
    room_for(relabelled, "the RDMs with permuted conditions", fewer)


def _everyone(movies: Movies) -> tuple[np.ndarray, np.ndarray]:
    """Counts of conditions and weights of subjects of the whole sample."""
    return np.ones((1, movies.conditions), int), np.ones((1, len(movies.brain)), int)


def _interval(
    best: Float[np.ndarray, " parameter"],
    resampled: Float[np.ndarray, "resample parameter"],
    movies: Movies,
    *,
    grid: Grid,
    confidence: float,
) -> Float[np.ndarray, "parameter bound"]:
    """The percentiles, wider by what the data cannot tell, within the range that was searched."""
    # A bin that a step fills in part looks, without noise, as if it filled it whole: within a bin
    # the data cannot tell, nor within bins that overlap.
    blur = (movies.bin_ms + movies.gap_ms) / 2 * np.array([1, 2 / (movies.populated.sum() - 1)])
    interval = percentile_interval(resampled, confidence).T + blur[:, None] * np.array([-1.0, 1.0])
    interval = np.clip(interval, [[a[0]] for a in grid.axes], [[a[-1]] for a in grid.axes])
    return np.stack([np.minimum(interval[:, 0], best), np.maximum(interval[:, 1], best)], axis=1)


def _subsets(movies: Movies, asked: Settled) -> tuple[np.ndarray, np.ndarray, float]:
    """Counts of conditions, weights of subjects, and the factor of the spread of the whole sample.

    That is how much wider its spread is than that of these resamples. Random subsets without
    replacement (Politis & Romano 1994): a resample with replacement holds 40 % of the pairs, and
    the best of so noisy an objective strays several times further than the estimate does.
    """
    conditions, subjects, n = movies.conditions, len(movies.brain), asked.n
    kept = round(KEPT * conditions) if "condition" in asked.resample else conditions
    counts = np.zeros((n, conditions), dtype=np.int64)
    for row in counts:
        row[asked.rng.permutation(conditions)[:kept]] = 1
    variance = (1 - KEPT) / KEPT
    if "condition" in asked.resample:
        variance = (conditions - kept) / kept
    weights = np.ones((n, subjects))
    if "subject" in asked.resample:
        weights = asked.rng.gamma(1 / variance, variance, (n, subjects))
    return counts, weights, variance**-0.5


def _reordered(
    similarity: Float[np.ndarray, "step time"],
    populated: np.ndarray,
    n: int,
    *,
    rng: np.random.Generator,
) -> Float[np.ndarray, "permutation step time"]:
    """S with the populated steps in random orders."""
    shuffled = np.repeat(similarity[None], n, axis=0)
    rows = np.flatnonzero(populated)
    for permuted in shuffled:
        permuted[rows] = permuted[rng.permutation(rows)]
    return shuffled


def _held_out(
    movies: Movies, grid: Grid, declared: TimeAxis, *, splits: int, rng: np.random.Generator
) -> np.ndarray:
    """Mean similarity on conditions that the axis was not fitted to.

    Of the fitted, the declared and the best static axis.
    """
    onset = declared.step_ms if declared.onset_ms is None else declared.onset_ms
    fixed = Grid.of(movies, [onset, onset + 1], [declared.step_ms, declared.step_ms + 1])
    scores = []
    for _ in range(splits):
        order = rng.permutation(movies.conditions)
        halves = [movies.part(np.sort(order[k::2])) for k in range(2)]
        both = [h.similarity(*_everyone(h)) for h in halves]
        for train, test in (both, both[::-1]):
            chosen = grid.objective(train)[0].argmax()
            fitted = grid.objective(test)[0].ravel()[chosen]
            held = train[0][:, ::-1].cumsum(1)[:, ::-1]  # each step held from each time on
            step, since = np.unravel_index(held.argmax(), held.shape)
            static = test[0][step, since:].sum() / test.shape[2]
            scores.append([fitted, fixed.objective(test)[0, 0, 0], static])
    return np.mean(scores, axis=0)


def _fitted_axis(best: np.ndarray, interval: np.ndarray, comparator: str, *, n: int) -> TimeAxis:
    """The fit as a time axis that says that it is one."""
    source = (
        f"fitted, not declared: cortexsim fit_time_axis, {comparator}, {n} resamples; "
        "the range is the interval"
    )
    return TimeAxis(float(best[1]), float(interval[0]), float(interval[1]), float(best[0]), source)
