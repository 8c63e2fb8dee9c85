"""People who answer at deadlines (Kumbhar et al.), their images' distortions, and how readout steps
are set beside deadlines. Used by speed_accuracy.py, no figure of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.stimuli.distortions import grey

CHANCE = 0.1
TOLERANCE_MS = 100.0
"""Answers so near to the deadline count: the rule of the source's README."""
SIDE = 32
CONTRAST = 0.1
"""Of images under noise: the default of the transforms in the source's code."""
QUANTILES = (np.arange(9) + 0.5) / 9
"""Of the times of answers at a deadline, at which networks are read."""
CUT = 2.0
"""The source cuts its noise off at so many standard deviations."""
KERNEL = 7
"""Pixels of the source's kernel of blur."""
CONDITIONS: dict[str, tuple[str, tuple[float, ...]]] = {
    "noise 0": ("noise", (0.0,)),
    "noise 0.04": ("noise", (0.04,)),
    "noise 0.16": ("noise", (0.16,)),
    "blur 0": ("blur", (0.0,)),
    "blur 1": ("blur", (1.0,)),
    "blur 3": ("blur", (3.0,)),
    "colour and grey": ("color", (0.0, 1.0)),
}
"""Study and levels of each curve.

Which level of the last is grey is not said in the data, so that the two are one curve.
"""
SHOWN: dict[str, tuple[tuple[str, float], ...]] = {
    **{f"noise {v:g}": (("noise", v),) for v in (0.0, 0.04, 0.16)},
    **{f"blur {v:g}": (("blur", v),) for v in (0.0, 1.0, 3.0)},
    "colour and grey": (("colour", 0.0), ("blur", 0.0)),
}
"""What networks are shown for each curve; several are averaged (a blur of 0 is grey alone)."""
FULL_CONTRAST: dict[str, tuple[tuple[str, float], ...]] = {
    **SHOWN,
    **{f"noise {v:g}": (("noise at full contrast", v),) for v in (0.0, 0.04, 0.16)},
}


# ----------------------------------------------------------------------------------------- people


@dataclass(frozen=True)
class People:
    """Counts of answers.

    right, shown ``(participant, condition, deadline, category)``; study ``(participant,)``.
    times_ms ``(deadline, quantile)``: when the answers of a deadline were given.
    """

    deadline_ms: np.ndarray
    categories: tuple[str, ...]
    participants: tuple[str, ...]
    study: np.ndarray
    right: np.ndarray
    shown: np.ndarray
    times_ms: np.ndarray
    kept: float

    def accuracy(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Share right ``(condition, deadline)``; weights ``(participant,)``: how often each."""
        right, shown = self._summed(weights, (0, 3))
        return right / np.maximum(shown, 1)

    def by_category(self, weights: np.ndarray | None = None, *, least: float = 600) -> np.ndarray:
        """Share right ``(condition, category)`` at the late deadlines together; NaN: no trials."""
        late = self.deadline_ms >= least
        right, shown = self._summed(weights, (0,))
        right, shown = right[:, late].sum(1), shown[:, late].sum(1)
        return np.where(shown > 0, right / np.maximum(shown, 1), np.nan)

    def _summed(
        self, weights: np.ndarray | None, axes: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        w = np.ones(len(self.participants)) if weights is None else weights
        w = w[:, None, None, None]
        return (self.right * w).sum(axes), (self.shown * w).sum(axes)

    def resampled(self, rng: np.random.Generator) -> np.ndarray:
        """How often each participant is drawn, with replacement within each study."""
        weights = np.zeros(len(self.participants))
        for study in np.unique(self.study):
            own = np.flatnonzero(self.study == study)
            np.add.at(weights, rng.choice(own, len(own)), 1)
        return weights

    def halves(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Two disjoint halves of the participants of each study, each drawn with replacement."""
        weights = np.zeros((2, len(self.participants)))
        for study in np.unique(self.study):
            own = rng.permutation(np.flatnonzero(self.study == study))
            for k, part in enumerate(np.array_split(own, 2)):
                np.add.at(weights[k], rng.choice(part, len(part)), 1)
        return weights[0], weights[1]


def people_of(brain: Any, *, within_ms: float | None = TOLERANCE_MS) -> People:
    """The trials of kumbhar-deadlines, counted.

    within_ms: answers so near to the deadline only; None: all answers that were given. Trials
    without an answer are left out, as the source does.
    """
    deadline, rt = brain.deadline_ms.values, brain.rt_ms.values
    with np.errstate(invalid="ignore"):
        kept = np.isfinite(rt) & (brain.response.values != "")
        if within_ms is not None:
            kept &= np.abs(rt - deadline) <= within_ms
    participants, who = np.unique(brain.subject.values.astype(str), return_inverse=True)
    categories, what = np.unique(brain.label.values.astype(str), return_inverse=True)
    deadlines, when = np.unique(deadline, return_inverse=True)
    study, level = brain.study.values.astype(str), brain.level.values
    shape = (len(participants), len(CONDITIONS), len(deadlines), len(categories))
    right, shown = np.zeros(shape), np.zeros(shape)
    for c, (of_study, levels) in enumerate(CONDITIONS.values()):
        at = kept & (study == of_study) & np.isin(level, levels)
        where = (who[at], np.full(at.sum(), c), when[at], what[at])
        np.add.at(shown, where, 1)
        np.add.at(right, where, brain.correct.values[at].astype(float))
    if (shown.sum((0, 3)) == 0).any():
        raise AnalysisError(
            "some conditions have no answers at some deadline; these are other data"
        )
    of = np.array([study[who == k][0] for k in range(len(participants))])
    return People(
        deadlines,
        tuple(map(str, categories)),
        tuple(map(str, participants)),
        of,
        right,
        shown,
        np.array([np.quantile(rt[kept & (deadline == d)], QUANTILES) for d in deadlines]),
        float(kept.mean()),
    )


# ------------------------------------------------------------------------------------ distortions


def distorted(images: np.ndarray, kind: str, level: float, *, seed: int = 0) -> np.ndarray:
    """Images ``(n, 32, 32, 3)`` uint8 as the source's code makes them.

    colour: unchanged. blur: grey, Gaussian of so many pixels of 32, in a window of 7. noise: grey,
    each image's mean shifted to 0.5, contrast 0.1 about it, plus Gaussian noise of that standard
    deviation of the range, the same in all channels, drawn again beyond two standard deviations.
    ``noise at full contrast``: without the shift and the loss of contrast.
    """
    x = np.asarray(images)
    if x.ndim != 4 or x.shape[1:] != (SIDE, SIDE, 3) or x.dtype != np.uint8:
        raise AnalysisError(f"images are {x.dtype} {x.shape}; expected uint8 (n, 32, 32, 3)")
    if kind == "colour":
        return x
    pictures = grey(x / 255.0)
    if kind == "blur":
        pictures = blurred(pictures, level)
    elif kind in ("noise", "noise at full contrast"):
        if kind == "noise":
            pictures = 0.5 + CONTRAST * (pictures - pictures.mean((1, 2, 3), keepdims=True))
        rng = np.random.default_rng([seed, round(1000 * level)])
        pictures = pictures + truncated(rng, level, pictures.shape[:3])[..., None]
    else:
        raise AnalysisError(f"there is no distortion {kind!r}; choose colour, blur or noise")
    return np.clip(np.round(255 * pictures), 0, 255).astype(np.uint8)


def blurred(pictures: np.ndarray, level: float) -> np.ndarray:
    """A Gaussian of ``level`` pixels in a window of 7, images mirrored at their edges."""
    if level == 0:
        return pictures
    from scipy.ndimage import gaussian_filter

    radius = KERNEL // 2
    return gaussian_filter(
        pictures, (0, level, level, 0), mode="mirror", truncate=radius / level + 1e-9
    )


def truncated(rng: np.random.Generator, sd: float, shape: tuple[int, ...]) -> np.ndarray:
    """Normal numbers of a standard deviation, drawn again where they are beyond two of it."""
    drawn = rng.standard_normal(shape)
    while (far := np.abs(drawn) > CUT).any():
        drawn[far] = rng.standard_normal(int(far.sum()))
    return sd * drawn


# ---------------------------------------------------------------------------------------- mapping

A_MS = np.arange(0.0, 905.0, 10.0)
B_MS = np.concatenate([np.arange(5.0, 60, 5), np.arange(60.0, 305, 10)])


@dataclass(frozen=True)
class Mapping:
    """Time of an answer = a + b * step; the gain of the accuracy above chance; the error."""

    a_ms: float
    b_ms: float
    gain: float
    rmse: float

    def predicted(self, network: np.ndarray, steps: np.ndarray, times_ms: np.ndarray) -> np.ndarray:
        """Accuracy ``(condition, deadline)`` of a network ``(condition, step)``."""
        read = weights_of(steps, np.array([[self.a_ms, self.b_ms]]), times_ms)[0]
        return CHANCE + self.gain * (network - CHANCE) @ read.T


def weights_of(steps: np.ndarray, pairs: np.ndarray, times_ms: np.ndarray) -> np.ndarray:
    """How much of each step's accuracy above chance is read at each deadline.

    pairs ``(pair, 2)`` of a and b. An answer at a time reads the step (time - a) / b: linear
    between steps; nothing before the first answer (chance); the last answer is held. Means over the
    times ``(deadline, quantile)``.

    Returns
    -------
    array of shape (pair, deadline, step)
    """
    total = np.zeros((len(pairs), len(times_ms), len(steps)))
    for times in times_ms.T:
        at = (times[None] - pairs[:, :1]) / pairs[:, 1:]
        late = np.clip(at, steps[0], steps[-1])[..., None]
        gap = np.abs(late - steps)
        total += np.maximum(0, 1 - gap) * (at[..., None] >= steps[0] - 1e-9)
    return total / times_ms.shape[1]


def grid(b_ms: float | None = None) -> np.ndarray:
    """The pairs of a and b that are tried; b fixed if it is given."""
    b = B_MS if b_ms is None else np.array([b_ms])
    return np.stack(np.meshgrid(A_MS, b, indexing="ij"), -1).reshape(-1, 2)


@dataclass(frozen=True)
class Tried:
    """Pairs of a and b ``(pair, 2)`` with what they read ``(pair, deadline, step)``.

    squared ``(pair, step * step)``: read' read, with which an error needs no curve of each pair.
    """

    pairs: np.ndarray
    read: np.ndarray
    squared: np.ndarray


def tried(steps: np.ndarray, times_ms: np.ndarray, b_ms: float | None = None) -> Tried:
    """All pairs of the grid, b fixed if it is given."""
    pairs = grid(b_ms)
    read = weights_of(steps, pairs, times_ms)
    return Tried(pairs, read, np.einsum("pds,pdt->pst", read, read).reshape(len(pairs), -1))


def errors_of(
    people: np.ndarray, network: np.ndarray, all_pairs: Tried
) -> tuple[np.ndarray, np.ndarray]:
    """Gain and error ``(pair,)`` of every pair: people ``(condition, deadline)``, network
    ``(condition, step)``. The gain is that of least squares, not below 0.
    """
    model, target = network - CHANCE, people - CHANCE
    power = all_pairs.squared @ (model.T @ model).ravel()
    product = all_pairs.read.reshape(len(power), -1) @ (target.T @ model).ravel()
    gain = np.maximum(0, product) / np.where(power > 0, power, 1)
    squares = (target**2).sum() - 2 * gain * product + gain**2 * power
    return gain, np.sqrt(np.maximum(0, squares) / target.size)


def fitted(people: np.ndarray, network: np.ndarray, all_pairs: Tried) -> Mapping:
    """The pair with the least squared error over conditions and deadlines."""
    gain, error = errors_of(people, network, all_pairs)
    best = int(error.argmin())
    return Mapping(*map(float, (*all_pairs.pairs[best], gain[best], error[best])))


def rmse(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean squared difference."""
    return float(np.sqrt(((a - b) ** 2).mean()))


def steepness(accuracy: np.ndarray, deadline_ms: np.ndarray) -> np.ndarray:
    """Slope of accuracy over the deadlines, per 100 ms, ``(condition,)``: least squares."""
    x = (deadline_ms - deadline_ms.mean()) / 100
    return (accuracy - accuracy.mean(1, keepdims=True)) @ x / (x**2).sum()


def category_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r over categories of ``(condition, category)``, mean over conditions that vary."""
    found = []
    for x, y in zip(a, b, strict=True):
        known = np.isfinite(x) & np.isfinite(y)
        if known.sum() > 2 and np.ptp(x[known]) and np.ptp(y[known]):
            found.append(np.corrcoef(x[known], y[known])[0, 1])
    return float(np.mean(found)) if found else float("nan")
