"""The time axis of a network fitted to a brain: which onset and which duration of a step align the two best."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.comparators import Comparator, comparator_named, refuse
from cortexsim.analysis.inputs import factors_of, generator_of, whole_number
from cortexsim.analysis.pairs import as_vectors, condensed, same_pairs, square
from cortexsim.analysis.resampling import Resampler
from cortexsim.errors import AnalysisError
from cortexsim.provenance import provenance
from cortexsim.recording.timeaxis import TimeAxis

if TYPE_CHECKING:
    import xarray

STEPS_MS = np.arange(5.0, 101.0)  # wider than the declared 20-50 ms, so that the fit can refute them
IN_A_HALF = 5  # conditions: fewer leave no 10 pairs to score
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
    start of the next (the last step lasts on to the end of the window), the fit maximises the mean over the window of S(step at tau, tau), where times
    before the first populated step count as 0. Every brain time thus counts once whatever the axis, so that neither a late peak of the similarity nor
    its decay pulls the axis towards itself.

    model_movie: DataArray ``(step, pair)`` of one state, NaN at steps where it is not populated. neural_movie: DataArray ``([subject,] time_ms,
        pair)``, evenly spaced bin centres in ms after stimulus onset. Both in the same order of conditions.
    onsets_ms, steps_ms: the grid that is searched; by default 0 ms to the end of the window in bins (at most 5 ms apart), and 5 to 100 ms by 1.
    window_ms: the times that are used (until the stimulus goes off, say). resample: conditions, and subjects where there are several, unless given.
    n: resamples: random subsets of 80 % of the conditions, subjects weighted at random, the spread rescaled to the whole sample; to the interval the
        width of a bin is added, within which the data cannot tell. splits: random halves of the conditions; the axis is fitted on one half and scored on the other.
    permutations: of condition labels and of the order of steps. declared: the axis to test against, by default 20-50 ms a step.

    Returns a Dataset: onset_ms and step_ms, interval (parameter, bound), resampled (parameter, resample), similarity (step, time_ms), objective (onset,
    step_duration), held_out (axis: fitted, declared, static; mean over splits; static is the best single step held from its onset), p_alignment
    (labels of the conditions permuted, the axis fitted anew), p_order (order of the steps permuted). Attributes: constrained_onset and
    constrained_step ("yes", or why not), declared range, fit_in_declared ("inside", "outside", "undecided": where the interval lies), time_axis
    (JSON of the fitted TimeAxis, labelled as fitted).

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

    c = comparator_named(comparator)
    generator = generator_of(rng)
    movies = _movies(model_movie, neural_movie, c, window_ms)
    grid = Grid.of(movies, onsets_ms, steps_ms)
    subjects = movies.brain.shape[0]
    if resample is None:
        resample = ("subject", "condition") if subjects > 1 else ("condition",)
    factors = factors_of(resample, np.arange(subjects), n)
    if not factors:
        raise AnalysisError("a fit without an interval is no measurement: resample subject, condition or both")
    for name, value in (("splits", splits), ("permutations", permutations)):
        if whole_number(value, name) < (1 if name == "splits" else 20):
            raise AnalysisError(f"{name}={value} is too few; give {20 if name == 'splits' else 500}")
    declared = declared or TimeAxis()

    counts, weights, scale = _subsets(movies.conditions, subjects, factors, n, generator)
    similarity = movies.similarity(np.ones((1, movies.conditions), int), np.ones((1, subjects), int))
    objective = grid.objective(similarity)
    best = grid.best(objective, generator)[0]
    resampled = grid.best(grid.objective(movies.similarity(counts, weights)), generator)
    tails = 100 * np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    resampled = best + scale * (resampled - best)
    # A bin that a step fills in part looks, without noise, as if it filled it whole: within a bin the data cannot tell.
    blur = movies.bin_ms * np.array([1, 2 / (movies.populated.sum() - 1)])
    interval = np.percentile(resampled, tails, axis=0).T + blur[:, None] * np.array([-1.0, 1.0])
    interval = np.clip(interval, [[a[0]] for a in grid.axes], [[a[-1]] for a in grid.axes])
    relabelled = grid.objective(movies.relabelled(permutations, generator)).max((1, 2))
    reordered = grid.objective(_reordered(similarity[0], movies.populated, permutations, generator)).max((1, 2))
    verdicts = [_constrained(best[k], interval[k], grid.axes[k], objective[0].max(1 - k)) for k in range(2)]
    span = (declared.step_ms_low, declared.step_ms_high)
    axis = _fitted_axis(best, interval[1], comparator, n)
    p = _p_value(objective.max(), relabelled)
    if p > 1 - confidence:  # an axis of noise has an optimum, too
        verdicts = [f"no: model and brain are not related along any axis (p_alignment = {p:.3f})"] * 2
    return xarray.Dataset(
        {
            "onset_ms": best[0],
            "step_ms": best[1],
            "interval": (("parameter", "bound"), interval),
            "resampled": (("parameter", "resample"), resampled.T),
            "similarity": (("step", "time_ms"), np.where(movies.populated[:, None], similarity[0], np.nan)),
            "objective": (("onset", "step_duration"), objective[0]),
            "held_out": ("axis", _held_out(movies, grid, declared, splits, generator)),
            "p_alignment": p,
            "p_order": _p_value(objective.max(), reordered),
        },
        {
            "parameter": list(PARAMETERS),
            "bound": ["lower", "upper"],
            "step": movies.steps,
            "time_ms": ("time_ms", movies.times, {"units": "ms after stimulus onset"}),
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
            "seed": "a generator of the caller" if isinstance(rng, np.random.Generator) else int(rng),
            "confidence": confidence,
            "subjects": subjects,
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


@dataclass(frozen=True)
class Movies:
    """model ``(populated step, pair)``, brain ``(subject, time, pair)``; steps, with ``populated`` saying which the model has; bin centres and width."""

    model: np.ndarray
    brain: np.ndarray
    steps: np.ndarray
    populated: np.ndarray
    times: np.ndarray
    bin_ms: float
    comparator: Comparator

    @property
    def conditions(self) -> int:
        return int(square(self.model[:1]).shape[-1])

    def similarity(self, counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """S ``(resample, step, time)``, mean over subjects, 0 at steps that are not populated; counts of conditions, weights of subjects."""
        out = np.zeros((max(len(counts), len(weights)), len(self.steps), len(self.times)))
        for k in range(len(self.times)):
            sampler = Resampler(self.model, self.brain[:, k], self.comparator)
            for start in range(0, len(counts), 256):
                rows = slice(start, start + 256)
                per_subject = sampler(counts[rows], []).similarity
                w = weights[rows] if len(weights) > 1 else weights
                mean = (per_subject * w[:, None]).sum(2) / w.sum(1)[:, None]
                target = out[:, self.populated, k]
                target[rows if len(counts) > 1 else slice(None)] = mean
                out[:, self.populated, k] = target
        return np.nan_to_num(out)  # a resample in which a frame is constant says nothing about it

    def part(self, conditions: np.ndarray) -> Movies:
        """The movies of some conditions."""
        model = condensed(square(self.model)[:, conditions][:, :, conditions])
        brain = condensed(square(self.brain)[..., conditions, :][..., conditions])
        return Movies(model, brain, self.steps, self.populated, self.times, self.bin_ms, self.comparator)

    def relabelled(self, permutations: int, rng: np.random.Generator) -> np.ndarray:
        """S with the conditions of the model in random orders, ``(permutation, step, time)``."""
        whole = square(self.model)
        out = np.empty((permutations, len(self.steps), len(self.times)))
        ones = np.ones((1, self.conditions), int), np.ones((1, len(self.brain)), int)
        orders = [rng.permutation(self.conditions) for _ in range(permutations)]
        # All permuted models are models of one call for each time.
        many = np.concatenate([condensed(whole[:, o][:, :, o]) for o in orders])
        steps = np.arange(len(many))
        everything = Movies(many, self.brain, steps, np.ones(len(many), bool), self.times, self.bin_ms, self.comparator)
        found = everything.similarity(*ones)[0].reshape(permutations, -1, len(self.times))
        out[:] = 0
        out[:, self.populated] = found
        return out


@dataclass(frozen=True)
class Grid:
    """The axes that are tried, and what each explains. axes: onsets, durations. parts[k] ``(axis, edge)``: how the integral of S(step k) up to each
    edge of a bin enters the objective."""

    axes: tuple[np.ndarray, np.ndarray]
    parts: tuple[np.ndarray, ...]
    bin_ms: float

    @classmethod
    def of(cls, movies: Movies, onsets_ms: Any, steps_ms: Any) -> Grid:
        edges = np.append(movies.times - movies.bin_ms / 2, movies.times[-1] + movies.bin_ms / 2)
        fine = min(movies.bin_ms, 5.0)
        first = max(0.0, edges[0])
        onsets = (
            np.arange(first, edges[-1] - movies.bin_ms, fine) if onsets_ms is None else _axis(onsets_ms, "onsets_ms")
        )
        durations = STEPS_MS if steps_ms is None else _axis(steps_ms, "steps_ms")
        if durations[0] <= 0:
            raise AnalysisError(f"steps_ms begins at {durations[0]:g}; a step lasts longer than 0 ms")
        parts = []
        for k, step in enumerate(movies.steps):
            start = (onsets[:, None] + (step - 1) * durations).ravel()
            end = (
                start + np.tile(durations, len(onsets)) if k < len(movies.steps) - 1 else np.full_like(start, edges[-1])
            )
            parts.append(_interpolation(end, edges) - _interpolation(start, edges))
        return cls((onsets, durations), tuple(parts), movies.bin_ms)

    def objective(self, similarity: np.ndarray) -> np.ndarray:
        """The mean similarity that each axis explains, ``(resample, onset, duration)``, of S ``(resample, step, time)``."""
        sums = (
            np.concatenate([np.zeros((*similarity.shape[:2], 1)), similarity.cumsum(2)], axis=2) / similarity.shape[2]
        )
        total = sum(sums[:, k] @ part.T for k, part in enumerate(self.parts))
        return np.asarray(total).reshape(len(similarity), *(len(a) for a in self.axes))

    def best(self, objective: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(onset, duration) of the maximum, ``(resample, 2)``; among equals one at random, so that a plateau shows in the interval."""
        flat = objective.reshape(len(objective), -1)
        out = np.empty((len(flat), 2))
        for b, values in enumerate(flat):
            equal = np.flatnonzero(values >= values.max() - 1e-9)
            i, j = np.unravel_index(equal[0] if len(equal) == 1 else rng.choice(equal), objective.shape[1:])
            out[b] = self.axes[0][i], self.axes[1][j]
        return out


def _interpolation(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Weights ``(x, edge)`` of linear interpolation between evenly spaced edges; outside, the nearest edge."""
    place = np.clip((x - edges[0]) / (edges[1] - edges[0]), 0, len(edges) - 1)
    low = np.minimum(place.astype(int), len(edges) - 2)
    out = np.zeros((len(x), len(edges)))
    rows = np.arange(len(x))
    out[rows, low] = 1 - (place - low)
    out[rows, low + 1] = place - low
    return out


def _movies(model: Any, brain: Any, c: Comparator, window: tuple[float, float] | None) -> Movies:
    """The two movies, checked."""
    for what, movie, dims in (
        ("model_movie", model, (("step", "pair"),)),
        ("neural_movie", brain, (("time_ms", "pair"), ("subject", "time_ms", "pair"))),
    ):
        found = tuple(map(str, getattr(movie, "dims", ())))
        if found not in dims or dims[0][0] not in movie.coords:
            raise AnalysisError(
                f"{what} has dimensions {found or type(movie).__name__}; give a DataArray {' or '.join(map(str, dims))} with the coordinate "
                f"{dims[0][0]}, e.g. movie.rdm.sel(state='IT')"
            )
    steps = np.asarray(model.step.values)
    if (np.diff(steps) != 1).any():
        raise AnalysisError(f"the steps of model_movie are {steps.tolist()}; the fit needs consecutive steps")
    times = np.asarray(brain.time_ms.values, dtype=float)
    keep = np.ones(len(times), bool) if window is None else (times >= window[0]) & (times <= window[1])
    if keep.sum() < 3:
        raise AnalysisError(
            f"window_ms={window} holds {int(keep.sum())} of {len(times)} times ({times[0]:g} to {times[-1]:g} ms); 3 are needed"
        )
    times = times[keep]
    gaps = np.diff(times)
    if not (gaps > 0).all() or np.ptp(gaps) > 1e-6 * gaps[0]:
        raise AnalysisError(
            f"time_ms must be evenly spaced and ascending; the gaps range from {gaps.min():g} to {gaps.max():g} ms"
        )
    a = as_vectors(model.values, "model_movie").astype(np.float64)
    d = as_vectors(brain.values, "neural_movie").astype(np.float64)
    d = (d if d.ndim == 3 else d[None])[:, keep]
    same_pairs(a, d)
    populated = ~np.isnan(a).all(1)
    if populated.sum() < 2:
        raise AnalysisError(
            f"model_movie is populated at {int(populated.sum())} of {len(steps)} steps; two are the least that time can be fitted to"
        )
    if not populated[np.argmax(populated) :].all():
        raise AnalysisError(
            "model_movie has steps that are not populated after one that is; give a state that stays populated"
        )
    refuse(a[populated], "model RDMs", c)
    refuse(d, "data RDMs", c)
    movies = Movies(a[populated], d, steps, populated, times, float(gaps[0]), c)
    if movies.conditions < 2 * IN_A_HALF:
        raise AnalysisError(
            f"{movies.conditions} conditions cannot be halved into a fit and a test; {2 * IN_A_HALF} are needed"
        )
    return movies


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
    weights = rng.gamma(1 / variance, variance, (n, subjects)) if "subject" in factors else np.ones((n, subjects))
    return counts, weights, variance**-0.5


def _axis(values: Any, name: str) -> np.ndarray:
    out = np.asarray(values, dtype=float)
    if out.ndim != 1 or len(out) < 2 or not np.isfinite(out).all() or (np.diff(out) <= 0).any():
        raise AnalysisError(f"{name} must be at least two ascending numbers in ms; found shape {out.shape}")
    return out


def _reordered(similarity: np.ndarray, populated: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """S with the populated steps in random orders, ``(permutation, step, time)``."""
    out = np.repeat(similarity[None], n, axis=0)
    rows = np.flatnonzero(populated)
    for one in out:
        one[rows] = one[rng.permutation(rows)]
    return out


def _p_value(observed: float, null: np.ndarray) -> float:
    return float((1 + (null >= observed - 1e-9).sum()) / (1 + len(null)))


def _held_out(movies: Movies, grid: Grid, declared: TimeAxis, splits: int, rng: np.random.Generator) -> np.ndarray:
    """Mean similarity on conditions that the axis was not fitted to, of the fitted, the declared and the best static axis."""
    ones = np.ones((1, len(movies.brain)), int)
    onset = declared.step_ms if declared.onset_ms is None else declared.onset_ms
    fixed = Grid.of(movies, [onset, onset + 1], [declared.step_ms, declared.step_ms + 1])
    scores = []
    for _ in range(splits):
        order = rng.permutation(movies.conditions)
        halves = [movies.part(np.sort(order[k::2])) for k in range(2)]
        both = [h.similarity(np.ones((1, h.conditions), int), ones) for h in halves]
        for train, test in (both, both[::-1]):
            chosen = grid.objective(train)[0].argmax()
            fitted = grid.objective(test)[0].ravel()[chosen]
            held = train[0][:, ::-1].cumsum(1)[:, ::-1]  # each step held from each time on
            step, since = np.unravel_index(held.argmax(), held.shape)
            scores.append([fitted, fixed.objective(test)[0, 0, 0], test[0][step, since:].sum() / test.shape[2]])
    return np.mean(scores, axis=0)


def _constrained(best: float, interval: np.ndarray, axis: np.ndarray, profile: np.ndarray) -> str:
    """Whether the data say anything about a parameter: "yes", or why not."""
    span = axis[-1] - axis[0]
    if np.ptp(profile) < 1e-9:
        return "no: every value explains the data equally well"
    if best in (axis[0], axis[-1]):
        return f"no: the best value, {best:g} ms, is the end of the range that was searched ({axis[0]:g} to {axis[-1]:g} ms)"
    if interval[1] - interval[0] > span / 2:
        return f"no: the interval, {interval[0]:g} to {interval[1]:g} ms, covers more than half of the range that was searched"
    return "yes"


def _where(interval: np.ndarray, span: tuple[float, float]) -> str:
    if span[0] <= interval[0] and interval[1] <= span[1]:
        return "inside"
    return "outside" if interval[1] < span[0] or interval[0] > span[1] else "undecided"


def _fitted_axis(best: np.ndarray, interval: np.ndarray, comparator: str, n: int) -> TimeAxis:
    low, high = min(interval[0], best[1]), max(interval[1], best[1])
    source = f"fitted, not declared: cortexsim fit_time_axis, {comparator}, {n} resamples; the range is the interval"
    return TimeAxis(float(best[1]), float(low), float(high), float(best[0]), source)
