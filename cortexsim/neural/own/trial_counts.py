"""Trials counted by participant, curve and time, their resamples and thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.analysis.statistics.draws import draw
from cortexsim.analysis.statistics.intervals import widened
from cortexsim.analysis.statistics.psychometric import SIMULATED, Threshold, threshold
from cortexsim.analysis.statistics.settled import Settled
from cortexsim.analysis.statistics.weibull import PARAMETERS
from cortexsim.neural.own.trial_tables import Trials

OF_EACH = 200  # resamples of the trials of one participant
NONE = Threshold(np.nan, (np.nan, np.nan), np.nan, np.nan, "too few trials", np.nan)


class Cells:
    """Trials counted: right and shown ``(participant, curve, time)``."""

    def __init__(self, rows: Trials) -> None:
        self.rows = rows
        self.people, who = np.unique(rows.participant, return_inverse=True)
        self.curves, curve = _curves(rows.curve)
        self.times, time = np.unique(rows.time, return_inverse=True)
        shape = (len(self.people), len(self.curves), len(self.times))
        self.place = np.ravel_multi_index((who, curve, time), shape)
        size = int(np.prod(shape))
        self.right = np.bincount(self.place, rows.correct, size).reshape(shape)
        self.shown = np.bincount(self.place, minlength=size).reshape(shape).astype(np.float64)

    def drawn(self, settings: Settled) -> tuple[np.ndarray, np.ndarray]:
        """Right and shown ``(resample, curve, time)`` of participants drawn with replacement."""
        people = len(self.people)
        if people == 1:
            return of_trials(self.right[0], self.shown[0], settings.n, settings.rng)
        counts = draw(settings.rng, settings.n, np.arange(people), True, "participant")
        right, shown = (np.tensordot(counts, v, 1) for v in (self.right, self.shown))
        return right, shown

    def confidence_of_group(self, settings: Settled) -> float:
        """The confidence of percentiles over participants: wider, the fewer there are."""
        people = len(self.people)
        return widened(settings.confidence, people) if people > 1 else settings.confidence

    def of_group(
        self,
        drawn: tuple[np.ndarray, np.ndarray],
        chance: float,
        settings: Settled,
        *,
        side: np.ndarray,
    ) -> np.ndarray:
        """Thresholds ``(curve,)`` of all trials at some times, with intervals over participants.

        side: bool ``(time,)``, of SOAs of one sign.
        """
        right, shown = self.right[:, :, side], self.shown[:, :, side]
        found = np.empty(len(self.curves), dtype=object)
        for c in range(len(found)):
            found[c] = _threshold(
                self.times[side],
                right[:, c],
                shown[:, c],
                chance=chance,
                resampled=(drawn[0][:, c, side], drawn[1][:, c, side]),
                confidence=settings.confidence,
            )
        return found

    def of_each(self, chance: float, settings: Settled, *, side: np.ndarray) -> np.ndarray:
        """Thresholds ``(participant, curve)`` of some times, with intervals over trials."""
        found = np.empty(self.right.shape[:2], dtype=object)
        for at in np.ndindex(*found.shape):
            right, shown = self.right[at][side], self.shown[at][side]
            found[at] = _threshold(
                self.times[side],
                right[None],
                shown[None],
                chance=chance,
                resampled=of_trials(right, shown, OF_EACH, settings.rng),
                confidence=settings.confidence,
                simulated=OF_EACH,
            )
        return found

    def by_cell(self, values: np.ndarray, function: Any) -> np.ndarray:
        """A function of the trials of each curve and time; NaN where there are none."""
        shape = self.right.shape[1:]
        cell = self.place % int(np.prod(shape))
        out = np.full(shape, np.nan)
        for k in np.unique(cell):
            out.flat[k] = function(values[cell == k])
        return out


def _curves(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The curves, ``none`` first and numbers in their order, and which each trial belongs to."""
    names, place = np.unique(values, return_inverse=True)
    try:
        order = np.argsort(names.astype(np.float64), kind="stable")
    except ValueError:
        order = np.argsort(names != "none", kind="stable")
    return names[order], np.argsort(order)[place]


def of_trials(
    right: np.ndarray, shown: np.ndarray, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Right and shown ``(resample, ...)`` of independent trials."""
    share = np.divide(right, shown, out=np.zeros_like(right), where=shown > 0)
    return rng.binomial(shown.astype(int), share, (n, *right.shape)), np.tile(
        shown, (n, *[1] * right.ndim)
    )


def _threshold(
    times: np.ndarray,
    right: np.ndarray,
    shown: np.ndarray,
    *,
    chance: float,
    resampled: tuple[np.ndarray, np.ndarray],
    confidence: float,
    simulated: int = SIMULATED,
) -> Threshold:
    """The threshold of one curve ``(participant, time)``, from the times at which it has trials."""
    there = shown.sum(0) > 0
    if there.sum() <= PARAMETERS:
        return NONE if not there.any() else _few()
    k, n = (v[:, there].astype(np.float64) for v in resampled)
    complete = (n > 0).all(1)  # participants who saw other times may all be drawn
    if not complete.any():
        return NONE
    return threshold(
        times[there],
        right[:, there],
        shown[:, there],
        chance=chance,
        resampled=(k[complete], n[complete]),
        confidence=confidence,
        simulated=simulated,
    )


def _few() -> Threshold:
    return Threshold(np.nan, (np.nan, np.nan), np.nan, np.nan, "too few SOAs", np.nan)
