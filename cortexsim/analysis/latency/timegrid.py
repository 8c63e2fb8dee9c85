"""Two RDM movies on one clock: their similarity at each step and time, and what axes explain of it.

An axis is an onset and a duration of a step; a grid of them is searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cortexsim.analysis.evaluation.bootstrap import Resampler
from cortexsim.analysis.latency.timed import bin_width
from cortexsim.analysis.rsa.comparators import Comparator, refuse
from cortexsim.analysis.statistics.sizes import room_for
from cortexsim.errors import AnalysisError
from cortexsim.ids import quoted
from cortexsim.labelled.rdms import labelled_rdms
from cortexsim.milliseconds import from_to, slack, times_of, within
from cortexsim.pairs import as_vectors, condensed, same_pairs, square
from cortexsim.shapes import Float, Int

STEPS_MS = np.arange(5.0, 101.0)  # wider than the declared 20-50 ms, so that a fit can refute them
ONSETS_MS = 5.0  # between two onsets, at most
IN_A_HALF = 5  # conditions: fewer leave no 10 pairs to score
ROWS = 256  # resamples at a time
MODEL, BRAIN = "model_movie", "neural_movie"


@dataclass(frozen=True)
class Movies:
    """The RDM movies of a model and a brain.

    Parameters
    ----------
    model : array of shape (populated step, pair)
        RDMs of the model.
    brain : array of shape (subject, time, pair)
        RDMs of the brain.
    steps : array of int of shape (step,)
        All steps.
    populated : array of bool of shape (step,)
        Which of them the model has.
    times : array of shape (time,)
        Centres of the bins, in ms.
    gap_ms : float
        From one centre to the next.
    bin_ms : float
        Width of a bin: more than ``gap_ms`` where bins overlap.
    comparator : Comparator
        How RDMs are compared.
    """

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
        """How many."""
        return int(square(self.model[:1]).shape[-1])

    def similarity(
        self, counts: Int[np.ndarray, "resample condition"], weights: np.ndarray
    ) -> Float[np.ndarray, "resample step time"]:
        """S, mean over subjects with weights ``(resample, subject)``; 0 at steps not populated."""
        whole = np.zeros((max(len(counts), len(weights)), len(self.steps), len(self.times)))
        for k in range(len(self.times)):
            sampler = _AboveChance(self.model, self.brain[:, k], self.comparator)
            for rows in _batches(len(counts)):
                per_subject = sampler(counts[rows])
                w = weights[rows] if len(weights) > 1 else weights
                mean = (per_subject * w[:, None]).sum(2) / w.sum(1)[:, None]
                target = whole[:, self.populated, k]
                target[rows if len(counts) > 1 else slice(None)] = mean
                whole[:, self.populated, k] = target
        return np.nan_to_num(whole)  # a resample in which a frame is constant says nothing of it

    def part(self, conditions: np.ndarray) -> Movies:
        """The movies of part of the conditions, by their indices."""
        model = condensed(square(self.model)[:, conditions][:, :, conditions])
        brain = condensed(square(self.brain)[..., conditions, :][..., conditions])
        return replace(self, model=model, brain=brain)

    def relabelled(
        self, permutations: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "permutation step time"]:
        """S with the conditions of the model in random orders."""
        whole = square(self.model)
        ones = np.ones((1, self.conditions), int), np.ones((1, len(self.brain)), int)
        orders = [rng.permutation(self.conditions) for _ in range(permutations)]
        # All permuted models are models of one call for each time.
        many = np.concatenate([condensed(whole[:, o][:, :, o]) for o in orders])
        everything = replace(
            self, model=many, steps=np.arange(len(many)), populated=np.ones(len(many), bool)
        )
        permuted = np.zeros((permutations, len(self.steps), len(self.times)))
        rows = everything.similarity(*ones)[0]
        permuted[:, self.populated] = rows.reshape(permutations, -1, len(self.times))
        return permuted


class _AboveChance:
    """Similarities ``(resample, model, subject)`` less their mean over orders of the conditions.

    That mean is 0 for correlations. For cosines, also whitened, it is cos(a, 1) cos(1, d) with 1
    the constant RDM: permuting the labels turns a into its mean on average. RDMs before a response
    are as parallel to the model's as after it, and only what exceeds chance says when it begins.
    """

    def __init__(self, models: np.ndarray, data: np.ndarray, comparator: Comparator) -> None:
        self.zero = comparator.centred or comparator.sign
        if not self.zero:
            constant = np.ones((1, models.shape[1]))
            models, data = np.concatenate([models, constant]), np.concatenate([data, constant])
        # Parts of movies are picked from square RDMs and lie in memory the other way round, where
        # the products of pairs take twice as long.
        self.sampler = Resampler(
            np.ascontiguousarray(models), np.ascontiguousarray(data), comparator
        )

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        s = self.sampler(counts, []).similarity
        return s if self.zero else s[:, :-1, :-1] - s[:, :-1, -1:] * s[:, -1:, :-1]


@dataclass(frozen=True)
class Grid:
    """The axes that are tried, and what each explains.

    Parameters
    ----------
    axes : (array, array)
        Onsets and durations of a step, in ms.
    starts : sparse array of shape (axis, step x edge)
        Where each step of each axis begins, as weights of the edges of the bins.
    """

    axes: tuple[np.ndarray, np.ndarray]
    starts: Any

    @classmethod
    def of(cls, movies: Movies, onsets_ms: Any, steps_ms: Any) -> Grid:
        """Onsets and durations that the caller gave, or all that the window can hold."""
        from scipy import sparse

        edges = np.append(movies.times - movies.gap_ms / 2, movies.times[-1] + movies.gap_ms / 2)
        if onsets_ms is None:
            # From 0, also where the window begins later: a state that is populated at step 4 may
            # respond in it, and V1 before.
            onsets = np.arange(0.0, edges[-1] - movies.gap_ms, min(movies.gap_ms, ONSETS_MS))
        else:
            rule = "is not before the image is shown"
            onsets = _axis(onsets_ms, "onsets_ms", rule, least=0.0)
        durations = STEPS_MS
        if steps_ms is not None:
            durations = _axis(steps_ms, "steps_ms", "lasts longer than 0 ms", least=1e-6)
        if len(onsets) < 2:
            raise AnalysisError(
                f"the times that are used end at {movies.times[-1]:g} ms, which leaves no onset "
                "after 0 ms to be fitted; give a later window_ms"
            )
        axes = {"resample": ROWS, "onset": len(onsets), "duration": len(durations)}
        coarser = "give a coarser grid (onsets_ms, steps_ms)"
        room_for(axes, "what all axes explain", coarser)
        starts = [
            _interpolation((onsets[:, None] + (step - 1) * durations).ravel(), edges)
            for step in movies.steps.tolist()
        ]
        return cls((onsets, durations), sparse.hstack(starts, format="csr"))

    def objective(
        self, similarity: Float[np.ndarray, "resample step time"]
    ) -> Float[np.ndarray, "resample onset duration"]:
        """The mean similarity that each axis explains.

        With F_k the integral of S(step k) up to a time, that is F_last(end) - sum over k of
        (F_k - F_(k-1))(start of step k).
        """
        sums = np.pad(similarity.cumsum(2), ((0, 0), (0, 0), (1, 0))) / similarity.shape[2]
        switched = np.diff(sums, axis=1, prepend=0).reshape(len(similarity), -1)
        explained = sums[:, -1, -1:] - np.ascontiguousarray((self.starts @ switched.T).T)
        return explained.reshape(len(similarity), *(len(a) for a in self.axes))

    def maxima(
        self, similarity: Float[np.ndarray, "resample step time"]
    ) -> Float[np.ndarray, " resample"]:
        """What the best axis explains."""
        return np.concatenate(
            [self.objective(similarity[rows]).max((1, 2)) for rows in _batches(len(similarity))]
        )

    def best(
        self, similarity: Float[np.ndarray, "resample step time"], rng: np.random.Generator
    ) -> Float[np.ndarray, "resample two"]:
        """(onset, duration) of the maximum; of equals a random one: plateaus show in intervals."""
        chosen = np.empty((len(similarity), 2))
        for rows in _batches(len(similarity)):
            for b, values in enumerate(self.objective(similarity[rows]), rows.start):
                equal = np.argwhere(values >= values.max() - 1e-9)
                i, j = equal[0 if len(equal) == 1 else rng.integers(len(equal))]
                chosen[b] = self.axes[0][i], self.axes[1][j]
        return chosen


def _batches(count: int) -> Iterator[slice]:
    """Resamples that are computed at once."""
    for start in range(0, count, ROWS):
        yield slice(start, min(start + ROWS, count))


def _interpolation(x: np.ndarray, edges: np.ndarray) -> Any:
    """Sparse weights ``(x, edge)`` of linear interpolation between evenly spaced edges.

    Outside, the nearest edge.
    """
    from scipy import sparse

    place = np.clip((x - edges[0]) / (edges[1] - edges[0]), 0, len(edges) - 1)
    low = np.minimum(place.astype(int), len(edges) - 2)
    part, rows = place - low, np.arange(len(x))
    entries = (np.concatenate([rows, rows]), np.concatenate([low, low + 1]))
    return sparse.csr_array((np.concatenate([1 - part, part]), entries), shape=(len(x), len(edges)))


def _axis(values: Any, name: str, rule: str, *, least: float) -> Float[np.ndarray, " value"]:
    """Ascending values of a grid, checked."""
    try:
        axis = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise AnalysisError(
            f"{name}={values!r} must be at least two ascending numbers in ms"
        ) from None
    if axis.ndim != 1 or len(axis) < 2 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
        raise AnalysisError(
            f"{name} must be at least two ascending numbers in ms; found shape {axis.shape}"
        )
    if axis[-1] < 1:
        raise AnalysisError(
            f"{name} goes from {axis[0]:g} to {axis[-1]:g}: these look like seconds. Give "
            f"milliseconds: 1000 * {name}"
        )
    if axis[0] < least:
        raise AnalysisError(f"{name} begins at {axis[0]:g} ms; what it lists {rule}")
    return axis


def movies_of(model: Any, brain: Any, comparator: Comparator, *, window: Any) -> Movies:
    """The two movies, checked, in one order of conditions."""
    model, brain = _movie(model, MODEL, ("step",)), _movie(brain, BRAIN, ("subject", "time_ms"))
    steps = np.asarray(model.step.values)
    if steps.dtype.kind not in "iu" or (np.diff(steps.astype(int)) != 1).any() or (steps < 1).any():
        raise AnalysisError(
            f"the steps of {MODEL} are {steps.tolist()}; the fit needs consecutive whole steps "
            "from 1 or later on"
        )
    keep, times, gap = _times(brain.time_ms, window)
    a, d = (labelled_rdms(m, what) for m, what in ((model, MODEL), (brain, BRAIN)))
    d = d.like(a)
    in_model, in_brain = (as_vectors(x.values, x.what).astype(np.float64) for x in (a, d))
    in_brain = (in_brain if in_brain.ndim == 3 else in_brain[None])[:, keep]
    same_pairs(in_model, in_brain)
    populated = _populated(in_model)
    refuse(in_model[populated], "model RDMs", comparator)
    refuse(in_brain, "data RDMs", comparator)
    movies = Movies(
        model=in_model[populated],
        brain=in_brain,
        steps=steps,
        populated=populated,
        times=times,
        gap_ms=gap,
        bin_ms=bin_width(brain.time_ms, gap),
        comparator=comparator,
    )
    if movies.conditions < 2 * IN_A_HALF:
        raise AnalysisError(
            f"{movies.conditions} conditions cannot be halved into a fit and a test; "
            f"{2 * IN_A_HALF} are needed"
        )
    return movies


def _movie(movie: Any, what: str, dims: tuple[str, ...]) -> Any:
    """A DataArray ``(..., pair)`` with the dimensions of a movie; those of length 1 are dropped.

    A Dataset is taken for its only RDMs.
    """
    if hasattr(movie, "data_vars"):
        by_pair = [str(k) for k, v in movie.data_vars.items() if "pair" in v.dims]
        if len(by_pair) != 1:
            raise AnalysisError(
                f"{what} is a Dataset with {len(by_pair)} variables of RDMs ({quoted(by_pair)}); "
                "give one of them, e.g. movie.rdm"
            )
        movie = movie[by_pair[0]]
    have = tuple(map(str, getattr(movie, "dims", ())))
    needed = (dims[-1], "pair")
    whole = (*dims, "pair")
    if have:
        movie = movie.squeeze([d for d in have if d not in whole and movie.sizes[d] == 1])
        have = tuple(map(str, movie.dims))
    extra = [d for d in have if d not in whole]
    if extra or set(needed) - set(have) or dims[-1] not in movie.coords:
        raise AnalysisError(
            f"{what} has dimensions {have or type(movie).__name__}; give a DataArray "
            f"{needed}{f' or {whole}' if whole != needed else ''} with the coordinate {dims[-1]}"
            + "".join(f", of one {d}: .sel({d}=...), e.g. {_example(movie, d)}" for d in extra)
        )
    return movie.transpose(*(d for d in whole if d in have))


def _example(movie: Any, dim: str) -> str:
    """How one of several is chosen."""
    if dim not in movie.coords:
        return f".isel({dim}=0)"
    return f".sel({dim}={movie[dim].values.tolist()[-1]!r})"


def _times(coordinate: Any, window: Any) -> tuple[np.ndarray, np.ndarray, float]:
    """Which times are used, these times, and the gap between two."""
    times = times_of(coordinate)
    ends = (-np.inf, np.inf) if window is None else from_to(window, "window_ms")
    keep = within(times, ends)
    if keep.sum() < 3:
        span = f" ({times.min():g} to {times.max():g} ms)" if len(times) else ""
        raise AnalysisError(
            f"window_ms={window} holds {int(keep.sum())} of {len(times)} times{span}; 3 are needed"
        )
    gaps = np.diff(times[keep])
    if not np.ptp(gaps) <= 2 * slack(times[keep]):
        raise AnalysisError(
            f"time_ms must be evenly spaced and ascending; the gaps range from {gaps.min():g} to "
            f"{gaps.max():g} ms"
        )
    return keep, times[keep], float(gaps.mean())


def _populated(model: Float[np.ndarray, "step pair"]) -> np.ndarray:
    """At which steps the model has an RDM."""
    populated = ~np.isnan(model).all(1)
    if populated.sum() < 2:
        raise AnalysisError(
            f"model_movie is populated at {int(populated.sum())} of {len(model)} steps; two are "
            "the least that time can be fitted to"
        )
    if not populated[np.argmax(populated) :].all():
        raise AnalysisError(
            "model_movie has steps that are not populated after one that is; give a state that "
            "stays populated"
        )
    return populated
