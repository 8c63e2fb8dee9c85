"""The time axis of a network fitted to a brain: which onset and which duration of a step align the two best."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.evaluation.tables import factors_of
from cortexsim.analysis.latency.timegrid import Grid, Movies, movies_of
from cortexsim.analysis.rsa.comparators import comparator_named
from cortexsim.analysis.statistics.draws import generator_of, share, whole_number
from cortexsim.errors import AnalysisError
from cortexsim.provenance import provenance
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import xarray

KEPT = 0.8  # of the conditions, in a resample
PARAMETERS = ("onset_ms", "step_ms")


def fit_time_axis(
    model_movie: Any,
    neural_movie: Any,
    *,
    comparator: str = "pearson",
    onsets_ms: Any = None,
    steps_ms: Any = None,
    window_ms: tuple[float, float] | None = None,
    resample: Any = None,
    n: int = 1000,
    splits: int = 20,
    permutations: int = 500,
    rng: int | np.random.Generator = 0,
    confidence: float = 0.95,
    declared: TimeAxis | None = None,
) -> xarray.Dataset:
    """The onset of V1 and the duration of a step, in ms, at which a model's RDM movie best follows a brain's.

    With S(t, tau) the similarity of the model's RDM at step t to the brain's at time tau, and step t lasting from onset_ms + (t - 1) step_ms to the
    start of the next (the last step lasts on to the end of the window), the fit maximises the mean over the window of S(step at tau, tau), where
    times before the first populated step count as 0. Every brain time thus counts once whatever the axis, so that neither a late peak of the
    similarity nor its decay pulls the axis towards itself. S is 0 on average for unrelated RDMs: of the cosines, what exceeds relabelled conditions.

    model_movie: DataArray ``(step, pair)`` of one state, NaN at steps where it is not populated. neural_movie: DataArray ``([subject,] time_ms,
        pair)``, evenly spaced bin centres in ms after stimulus onset; the attribute bin_ms of time_ms is the width of a bin where bins overlap. Both
        in the same order of conditions.
    onsets_ms, steps_ms: the grid that is searched; by default 0 ms to the end of the window in bins (at most 5 ms apart), and 5 to 100 ms by 1.
    window_ms: the times that are used (until the stimulus goes off, say). resample: conditions, and subjects where there are several, unless given.
    n: resamples: random subsets of 80 % of the conditions, subjects weighted at random, the spread rescaled to the whole sample; to the interval the
        width of a bin is added, within which the data cannot tell.
    splits: random halves of the conditions; the axis is fitted on one half and scored on the other.
    permutations: of condition labels and of the order of steps. declared: the axis to test against, by default 20-50 ms a step.

    Returns a Dataset: onset_ms and step_ms, interval (parameter, bound), resampled (parameter, resample), similarity (step, time_ms), objective
    (onset, step_duration), held_out (axis: fitted, declared, static; mean over splits; static is the best single step held from its onset),
    p_alignment (labels of the conditions permuted, the axis fitted anew), p_order (order of the steps permuted). Attributes: constrained_onset and
    constrained_step ("yes", or why not: an interval that reaches the end of what was searched has no end there), declared range, fit_in_declared
    ("inside", "outside", "undecided": where the interval lies), time_axis (JSON of the fitted TimeAxis, labelled as fitted).

    Raises AnalysisError for movies of different conditions, uneven times, fewer than two populated steps and fewer than 10 conditions.
    Source: the declared range is that of Liao & Poggio 2016, section 3.5.

    >>> import xarray
    >>> rng = np.random.default_rng(0)
    >>> model = xarray.DataArray(rng.random((4, 190)), dims=("step", "pair"), coords={"step": [1, 2, 3, 4]})
    >>> times = np.arange(-45.0, 200.0, 10)
    >>> step = np.clip((times - 50) // 30, -1, 3).astype(int)  # onset 50 ms, 30 ms a step
    >>> brain = xarray.DataArray(np.where(step[:, None] < 0, 0.5, model.values[step]), dims=("time_ms", "pair"), coords={"time_ms": times})
    >>> fit = fit_time_axis(model, brain + rng.normal(0, 0.3, brain.shape), n=100, permutations=50)
    >>> float(fit.onset_ms), float(fit.step_ms), fit.attrs["constrained_step"], fit.attrs["fit_in_declared"]
    (50.0, 30.0, 'yes', 'inside')
    """
    import xarray

    generator = generator_of(rng)
    movies = movies_of(model_movie, neural_movie, comparator_named(comparator), window_ms)
    grid = Grid.of(movies, onsets_ms, steps_ms)
    factors = _settings(resample, len(movies.brain), n, splits, permutations, confidence)
    declared = TimeAxis() if declared is None else declared
    if not isinstance(declared, TimeAxis):
        raise AnalysisError(
            f"declared is a {type(declared).__name__}; give a cortexsim.TimeAxis, or leave it out"
        )

    similarity = movies.similarity(*_everyone(movies))
    best = grid.best(similarity, generator)[0]
    counts, weights, scale = _subsets(movies.conditions, len(movies.brain), factors, n, generator)
    resampled = best + scale * (grid.best(movies.similarity(counts, weights), generator) - best)
    interval = _interval(best, resampled, movies, grid, confidence)
    objective = grid.objective(similarity)[0]
    p_alignment = _p_value(objective.max(), grid.maxima(movies.relabelled(permutations, generator)))
    reordered = _reordered(similarity[0], movies.populated, permutations, generator)
    verdicts = _verdicts(best, interval, grid, objective, p_alignment, confidence)
    span = (declared.step_ms_low, declared.step_ms_high)
    axis = _fitted_axis(best, interval[1], comparator, n)
    return xarray.Dataset(
        {
            "onset_ms": best[0],
            "step_ms": best[1],
            "interval": (("parameter", "bound"), interval),
            "resampled": (("parameter", "resample"), resampled.T),
            "similarity": (
                ("step", "time_ms"),
                np.where(movies.populated[:, None], similarity[0], np.nan),
            ),
            "objective": (("onset", "step_duration"), objective),
            "held_out": ("axis", _held_out(movies, grid, declared, splits, generator)),
            "p_alignment": p_alignment,
            "p_order": _p_value(objective.max(), grid.maxima(reordered)),
        },
        {
            "parameter": list(PARAMETERS),
            "bound": ["lower", "upper"],
            "step": movies.steps,
            "time_ms": (
                "time_ms",
                movies.times,
                {"units": "ms after stimulus onset", "bin_ms": movies.bin_ms},
            ),
            "onset": ("onset", grid.axes[0], {"units": "ms"}),
            "step_duration": ("step_duration", grid.axes[1], {"units": "ms"}),
            "axis": ["fitted", "declared", "static"],
        },
        {
            "comparator": comparator,
            "resample": ", ".join(factors),
            "n": n,
            "splits": splits,
            "permutations": permutations,
            "seed": "a generator of the caller"
            if isinstance(rng, np.random.Generator)
            else int(rng),
            "confidence": confidence,
            "subjects": len(movies.brain),
            "conditions": movies.conditions,
            "constrained_onset": verdicts[0],
            "constrained_step": verdicts[1],
            "declared_step_ms_low": span[0],
            "declared_step_ms_high": span[1],
            "fit_in_declared": _where(interval[1], span) if verdicts[1] == "yes" else "undecided",
            "time_axis": json.dumps(axis.as_dict()),
            "provenance": json.dumps(provenance("scipy", "xarray")),
        },
    )


def _settings(
    resample: Any, subjects: int, n: Any, splits: Any, permutations: Any, confidence: Any
) -> tuple[str, ...]:  # fmt: skip
    """What is resampled; AnalysisError for settings that give no interval or no test."""
    if resample is None:
        resample = ("subject", "condition") if subjects > 1 else ("condition",)
    factors = factors_of(resample, np.arange(subjects), n)
    if not factors:
        raise AnalysisError(
            "a fit without an interval is no measurement: resample subject, condition or both"
        )
    for name, value, least, usual in (
        ("splits", splits, 1, 20),
        ("permutations", permutations, 20, 500),
    ):
        if whole_number(value, name) < least:
            raise AnalysisError(f"{name}={value} is too few; give {usual}, at least {least}")
    share(confidence, "confidence")
    return factors


def _everyone(movies: Movies) -> tuple[np.ndarray, np.ndarray]:
    """Counts of conditions and weights of subjects of the whole sample."""
    return np.ones((1, movies.conditions), int), np.ones((1, len(movies.brain)), int)


def _interval(
    best: np.ndarray, resampled: np.ndarray, movies: Movies, grid: Grid, confidence: float
) -> np.ndarray:  # fmt: skip
    """The percentiles ``(parameter, bound)``, wider by what the data cannot tell, within the range that was searched."""
    tails = 100 * np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    # A bin that a step fills in part looks, without noise, as if it filled it whole: within a bin the data cannot tell, nor within bins that overlap.
    blur = (movies.bin_ms + movies.gap_ms) / 2 * np.array([1, 2 / (movies.populated.sum() - 1)])
    interval = np.percentile(resampled, tails, axis=0).T + blur[:, None] * np.array([-1.0, 1.0])
    interval = np.clip(interval, [[a[0]] for a in grid.axes], [[a[-1]] for a in grid.axes])
    return np.stack([np.minimum(interval[:, 0], best), np.maximum(interval[:, 1], best)], axis=1)


def _subsets(
    conditions: int, subjects: int, factors: tuple[str, ...], n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """Counts of conditions, weights of subjects, and how much wider the spread of the whole sample is than that of these resamples.

    Random subsets without replacement (Politis & Romano 1994): a resample with replacement holds 40 % of the pairs, and the best of so noisy an
    objective strays several times further than the estimate does.
    """
    kept = round(KEPT * conditions) if "condition" in factors else conditions
    counts = np.zeros((n, conditions), dtype=np.int64)
    for row in counts:
        row[rng.permutation(conditions)[:kept]] = 1
    variance = (1 - KEPT) / KEPT if "condition" not in factors else (conditions - kept) / kept
    weights = (
        rng.gamma(1 / variance, variance, (n, subjects))
        if "subject" in factors
        else np.ones((n, subjects))
    )
    return counts, weights, variance**-0.5


def _reordered(
    similarity: np.ndarray, populated: np.ndarray, n: int, rng: np.random.Generator
) -> np.ndarray:
    """S with the populated steps in random orders, ``(permutation, step, time)``."""
    out = np.repeat(similarity[None], n, axis=0)
    rows = np.flatnonzero(populated)
    for one in out:
        one[rows] = one[rng.permutation(rows)]
    return out


def _p_value(observed: float, null: np.ndarray) -> float:
    return float((1 + (null >= observed - 1e-9).sum()) / (1 + len(null)))


def _held_out(
    movies: Movies, grid: Grid, declared: TimeAxis, splits: int, rng: np.random.Generator
) -> np.ndarray:
    """Mean similarity on conditions that the axis was not fitted to, of the fitted, the declared and the best static axis."""
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
            scores.append(
                [
                    fitted,
                    fixed.objective(test)[0, 0, 0],
                    test[0][step, since:].sum() / test.shape[2],
                ]
            )
    return np.mean(scores, axis=0)


def _verdicts(
    best: np.ndarray,
    interval: np.ndarray,
    grid: Grid,
    objective: np.ndarray,
    p_alignment: float,
    confidence: float,
) -> list[str]:
    """Whether the data say anything about onset and step: "yes", or why not."""
    if p_alignment > 1 - confidence:  # an axis of noise has an optimum, too
        return [
            f"no: model and brain are not related along any axis (p_alignment = {p_alignment:.3f})"
        ] * 2
    ends = [
        f"no: the best {name}, {x:g} ms, is the end of the range that was searched ({axis[0]:g} to {axis[-1]:g} ms)"
        for name, x, axis in zip(PARAMETERS, best, grid.axes)
        if x in (axis[0], axis[-1])
    ]
    if ends:  # the other parameter makes up for what this one was not allowed to be
        return [ends[0]] * 2
    return [_constrained(interval[k], grid.axes[k], objective.max(1 - k)) for k in range(2)]


def _constrained(interval: np.ndarray, axis: np.ndarray, profile: np.ndarray) -> str:
    """The same for one parameter; profile: the best that each of its values explains."""
    found, searched = (f"{x[0]:g} to {x[-1]:g} ms" for x in (interval, axis))
    if np.ptp(profile) < 1e-9:
        return "no: every value explains the data equally well"
    if interval[0] <= axis[0] or interval[1] >= axis[-1]:
        return f"no: the interval, {found}, reaches the end of the range that was searched ({searched})"
    if interval[1] - interval[0] > (axis[-1] - axis[0]) / 2:
        return f"no: the interval, {found}, covers more than half of the range that was searched ({searched})"
    return "yes"


def _where(interval: np.ndarray, span: tuple[float, float]) -> str:
    if span[0] <= interval[0] and interval[1] <= span[1]:
        return "inside"
    return "outside" if interval[1] < span[0] or interval[0] > span[1] else "undecided"


def _fitted_axis(best: np.ndarray, interval: np.ndarray, comparator: str, n: int) -> TimeAxis:
    source = f"fitted, not declared: cortexsim fit_time_axis, {comparator}, {n} resamples; the range is the interval"
    return TimeAxis(float(best[1]), float(interval[0]), float(interval[1]), float(best[0]), source)
