"""Two RDM movies on one clock: their similarity at each step and time, and what every onset and step duration of a grid explains of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.analysis.evaluation.bootstrap import Resampler
from cortexsim.analysis.rsa.comparators import Comparator, refuse
from cortexsim.errors import AnalysisError
from cortexsim.pairs import as_vectors, condensed, same_pairs, square

STEPS_MS = np.arange(5.0, 101.0)  # wider than the declared 20-50 ms, so that a fit can refute them
ONSETS_MS = 5.0  # between two onsets, at most
IN_A_HALF = 5  # conditions: fewer leave no 10 pairs to score
ROWS = 256  # resamples at a time


@dataclass(frozen=True)
class Movies:
    """model ``(populated step, pair)``, brain ``(subject, time, pair)``; steps, with ``populated`` saying which the model has; bin centres, what lies
    between two, and the width of a bin (more than that where bins overlap)."""

    model: np.ndarray
    brain: np.ndarray
    steps: np.ndarray
    populated: np.ndarray
    times: np.ndarray
    gap_ms: float
    bin_ms: float
    comparator: Comparator

    @property
    def conditions(self) -> int:
        return int(square(self.model[:1]).shape[-1])

    def similarity(self, counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """S ``(resample, step, time)``, mean over subjects, 0 at steps that are not populated; counts of conditions, weights of subjects."""
        out = np.zeros((max(len(counts), len(weights)), len(self.steps), len(self.times)))
        for k in range(len(self.times)):
            sampler = _AboveChance(self.model, self.brain[:, k], self.comparator)
            for rows in _batches(len(counts)):
                per_subject = sampler(counts[rows])
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
        return Movies(
            model,
            brain,
            self.steps,
            self.populated,
            self.times,
            self.gap_ms,
            self.bin_ms,
            self.comparator,
        )

    def relabelled(self, permutations: int, rng: np.random.Generator) -> np.ndarray:
        """S with the conditions of the model in random orders, ``(permutation, step, time)``."""
        whole = square(self.model)
        ones = np.ones((1, self.conditions), int), np.ones((1, len(self.brain)), int)
        orders = [rng.permutation(self.conditions) for _ in range(permutations)]
        # All permuted models are models of one call for each time.
        many = np.concatenate([condensed(whole[:, o][:, :, o]) for o in orders])
        everything = Movies(
            many, self.brain, np.arange(len(many)), np.ones(len(many), bool), self.times, self.gap_ms, self.bin_ms, self.comparator
        )  # fmt: skip
        out = np.zeros((permutations, len(self.steps), len(self.times)))
        out[:, self.populated] = everything.similarity(*ones)[0].reshape(
            permutations, -1, len(self.times)
        )
        return out


class _AboveChance:
    """Similarities ``(resample, model, subject)`` less their mean over all orders of the conditions.

    That mean is 0 for correlations. For cosines, also whitened, it is cos(a, 1) cos(1, d) with 1 the constant RDM: permuting the labels turns a into
    its mean on average. RDMs before a response are as parallel to the model's as after it, and only what exceeds chance says when it begins.
    """

    def __init__(self, models: np.ndarray, data: np.ndarray, comparator: Comparator) -> None:
        self.zero = comparator.centred or comparator.sign
        if not self.zero:
            constant = np.ones((1, models.shape[1]))
            models, data = np.concatenate([models, constant]), np.concatenate([data, constant])
        # Parts of movies are picked from square RDMs and lie in memory the other way round, where the products of pairs take twice as long.
        self.sampler = Resampler(
            np.ascontiguousarray(models), np.ascontiguousarray(data), comparator
        )

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        found = self.sampler(counts, []).similarity
        return found if self.zero else found[:, :-1, :-1] - found[:, :-1, -1:] * found[:, -1:, :-1]


@dataclass(frozen=True)
class Grid:
    """The axes that are tried, and what each explains.

    axes: onsets, durations. starts ``(axis, step x edge)``, sparse: where each step of each axis begins, as weights of the edges of the bins.
    """

    axes: tuple[np.ndarray, np.ndarray]
    starts: Any

    @classmethod
    def of(cls, movies: Movies, onsets_ms: Any, steps_ms: Any) -> Grid:
        from scipy import sparse

        edges = np.append(movies.times - movies.gap_ms / 2, movies.times[-1] + movies.gap_ms / 2)
        # From 0, also where the window begins later: a state that is populated at step 4 may respond in it, and V1 before.
        onsets = np.arange(0.0, edges[-1] - movies.gap_ms, min(movies.gap_ms, ONSETS_MS))
        onsets = (
            onsets
            if onsets_ms is None
            else _axis(onsets_ms, "onsets_ms", "is not before the image is shown", 0.0)
        )
        durations = (
            STEPS_MS
            if steps_ms is None
            else _axis(steps_ms, "steps_ms", "lasts longer than 0 ms", 1e-6)
        )
        if len(onsets) < 2:
            raise AnalysisError(
                f"the times that are used end at {movies.times[-1]:g} ms, which leaves no onset after 0 ms to be fitted; give a later window_ms"
            )
        starts = [
            _interpolation((onsets[:, None] + (step - 1) * durations).ravel(), edges)
            for step in movies.steps.tolist()
        ]
        return cls((onsets, durations), sparse.hstack(starts, format="csr"))

    def objective(self, similarity: np.ndarray) -> np.ndarray:
        """The mean similarity that each axis explains, ``(resample, onset, duration)``, of S ``(resample, step, time)``.

        With F_k the integral of S(step k) up to a time, that is F_last(end) - sum over k of (F_k - F_(k-1))(start of step k).
        """
        sums = np.pad(similarity.cumsum(2), ((0, 0), (0, 0), (1, 0))) / similarity.shape[2]
        switched = np.diff(sums, axis=1, prepend=0).reshape(len(similarity), -1)
        explained = sums[:, -1, -1:] - np.ascontiguousarray((self.starts @ switched.T).T)
        return explained.reshape(len(similarity), *(len(a) for a in self.axes))

    def maxima(self, similarity: np.ndarray) -> np.ndarray:
        """What the best axis explains, ``(resample,)``."""
        return np.concatenate(
            [self.objective(similarity[rows]).max((1, 2)) for rows in _batches(len(similarity))]
        )

    def best(self, similarity: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(onset, duration) of the maximum, ``(resample, 2)``; among equals one at random, so that a plateau shows in the interval."""
        out = np.empty((len(similarity), 2))
        for rows in _batches(len(similarity)):
            for b, values in enumerate(self.objective(similarity[rows]), rows.start):
                equal = np.argwhere(values >= values.max() - 1e-9)
                i, j = equal[0 if len(equal) == 1 else rng.integers(len(equal))]
                out[b] = self.axes[0][i], self.axes[1][j]
        return out


def _batches(count: int) -> Iterator[slice]:
    for start in range(0, count, ROWS):
        yield slice(start, min(start + ROWS, count))


def _interpolation(x: np.ndarray, edges: np.ndarray) -> Any:
    """Sparse weights ``(x, edge)`` of linear interpolation between evenly spaced edges; outside, the nearest edge."""
    from scipy import sparse

    place = np.clip((x - edges[0]) / (edges[1] - edges[0]), 0, len(edges) - 1)
    low = np.minimum(place.astype(int), len(edges) - 2)
    part, rows = place - low, np.arange(len(x))
    where = (np.concatenate([rows, rows]), np.concatenate([low, low + 1]))
    return sparse.csr_array((np.concatenate([1 - part, part]), where), shape=(len(x), len(edges)))


def _axis(values: Any, name: str, rule: str, least: float) -> np.ndarray:
    try:
        out = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise AnalysisError(
            f"{name}={values!r} must be at least two ascending numbers in ms"
        ) from None
    if out.ndim != 1 or len(out) < 2 or not np.isfinite(out).all() or (np.diff(out) <= 0).any():
        raise AnalysisError(
            f"{name} must be at least two ascending numbers in ms; found shape {out.shape}"
        )
    if out[0] < least:
        raise AnalysisError(f"{name} begins at {out[0]:g} ms; what it lists {rule}")
    return out


def movies_of(model: Any, brain: Any, c: Comparator, window: Any) -> Movies:
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
    if steps.dtype.kind not in "iu" or (np.diff(steps.astype(int)) != 1).any() or (steps < 1).any():
        raise AnalysisError(
            f"the steps of model_movie are {steps.tolist()}; the fit needs consecutive whole steps from 1 or later on"
        )
    keep, times, gap = _times(brain.time_ms, window)
    a = as_vectors(model.values, "model_movie").astype(np.float64)
    d = as_vectors(brain.values, "neural_movie").astype(np.float64)
    d = (d if d.ndim == 3 else d[None])[:, keep]
    same_pairs(a, d)
    populated = _populated(a)
    refuse(a[populated], "model RDMs", c)
    refuse(d, "data RDMs", c)
    movies = Movies(a[populated], d, steps, populated, times, gap, _width(brain.time_ms, gap), c)
    if movies.conditions < 2 * IN_A_HALF:
        raise AnalysisError(
            f"{movies.conditions} conditions cannot be halved into a fit and a test; {2 * IN_A_HALF} are needed"
        )
    return movies


def _times(coordinate: Any, window: Any) -> tuple[np.ndarray, np.ndarray, float]:
    """Which times are used, these times, and the gap between two."""
    times = np.asarray(coordinate.values, dtype=float)
    try:
        low, high = (-np.inf, np.inf) if window is None else map(float, window)
    except (TypeError, ValueError):
        raise AnalysisError(
            f"window_ms={window!r} is no window; give its first and last time in ms, e.g. (0, 300)"
        ) from None
    keep = (times >= low) & (times <= high) | np.isnan(times)
    if keep.sum() < 3:
        span = f" ({times.min():g} to {times.max():g} ms)" if len(times) else ""
        raise AnalysisError(
            f"window_ms={window} holds {int(keep.sum())} of {len(times)} times{span}; 3 are needed"
        )
    gaps = np.diff(times[keep])
    if not (gaps > 0).all() or not np.ptp(gaps) <= 1e-6 * gaps[0]:
        raise AnalysisError(
            f"time_ms must be evenly spaced and ascending; the gaps range from {gaps.min():g} to {gaps.max():g} ms"
        )
    return keep, times[keep], float(gaps.mean())


def _width(coordinate: Any, gap: float) -> float:
    """The width of a bin that the coordinate states; the gap between bins if it states none, or less."""
    stated = coordinate.attrs.get("bin_ms", gap)
    try:
        width = float(stated)
    except (TypeError, ValueError):
        width = np.nan
    if not (np.isfinite(width) and width > 0):
        raise AnalysisError(
            f"time_ms says bin_ms={stated!r}; give the width of a bin in ms, or leave the attribute out"
        )
    return max(width, gap)


def _populated(model: np.ndarray) -> np.ndarray:
    populated = ~np.isnan(model).all(1)
    if populated.sum() < 2:
        raise AnalysisError(
            f"model_movie is populated at {int(populated.sum())} of {len(model)} steps; two are the least that time can be fitted to"
        )
    if not populated[np.argmax(populated) :].all():
        raise AnalysisError(
            "model_movie has steps that are not populated after one that is; give a state that stays populated"
        )
    return populated
