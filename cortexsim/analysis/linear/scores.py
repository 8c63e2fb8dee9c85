"""How well held-out responses are predicted: correlations, errors, and their bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cortexsim.shapes import Float, Int

TARGETS = 1024  # in a bootstrap at a time
FLAT = 1e-12  # a spread below this share of the values is rounding


class Held(NamedTuple):
    """The held-out stimuli of one split.

    Parameters
    ----------
    test : array of int of shape (test,)
        Which stimuli.
    predicted : array of shape (test, target)
        Their responses, as predicted.
    measured : array of shape (test, target)
        Their responses.
    mean : array of shape (target,)
        Of the training responses.
    """

    test: np.ndarray
    predicted: np.ndarray
    measured: np.ndarray
    mean: np.ndarray


def correlation(
    a: Float[np.ndarray, "stimulus ..."], b: Float[np.ndarray, "stimulus ..."]
) -> np.ndarray:
    """Pearson r over the first axis; NaN where one side is constant."""
    sides = []
    for x in (a, b):
        size = np.linalg.norm(x, axis=0)
        x = x - x.mean(0)
        spread = np.linalg.norm(x, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            sides.append(np.where(spread > FLAT * size, x / spread, np.nan))
    return np.clip((sides[0] * sides[1]).sum(0), -1, 1)


def by_split(held: Sequence[Held]) -> Float[np.ndarray, "split target"]:
    """Pearson r on the held-out stimuli of each split."""
    return np.stack([correlation(h.predicted, h.measured) for h in held])


def errors(held: Sequence[Held], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors ``(stimulus, target)`` of the predictions and of the training mean.

    Summed over the splits that hold a stimulus out.
    """
    sums = np.zeros((2, count, held[0].measured.shape[1]))
    for h in held:
        sums[0][h.test] += (h.measured - h.predicted) ** 2
        sums[1][h.test] += (h.measured - h.mean) ** 2
    return sums[0], sums[1]


def explained(
    error: Float[np.ndarray, "stimulus target"],
    baseline: Float[np.ndarray, "stimulus target"],
    weights: Float[np.ndarray, "resample stimulus"] | None = None,
) -> Float[np.ndarray, "... target"]:
    """R2 = 1 - sum error / sum baseline; 0 for a model as good as the training mean."""
    if weights is None:
        a, b = error.sum(0), baseline.sum(0)
    else:
        a, b = weights @ error, weights @ baseline
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(b > 0, 1 - a / b, np.nan)


def finite_mean(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """The mean of what is a number; NaN where nothing is."""
    defined = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(defined, values, 0).sum(axis) / defined.sum(axis)


def finite_median(values: np.ndarray) -> np.ndarray:
    """The median over the last axis of what is a number; NaN where nothing is."""
    defined = ~np.isnan(values).all(-1)
    medians = np.full(values.shape[:-1], np.nan)
    if defined.any():
        medians[defined] = np.nanmedian(values[defined], axis=-1)
    return medians


def resampled(
    held: Sequence[Held], counts: Int[np.ndarray, "resample stimulus"]
) -> Float[np.ndarray, "resample target"]:
    """r in each resample of stimuli, the mean over the splits in which it is defined."""
    total = np.zeros((len(counts), held[0].measured.shape[1]))
    defined = np.zeros_like(total)
    for h in held:
        w = counts[:, h.test].astype(np.float64)
        n = w.sum(1)[:, None]
        for start in range(0, total.shape[1], TARGETS):
            part = slice(start, start + TARGETS)
            p, y = (x[:, part] - x[:, part].mean(0) for x in (h.predicted, h.measured))
            with np.errstate(invalid="ignore", divide="ignore"):
                mp, my = w @ p / n, w @ y / n
                vp, vy = w @ p**2 / n - mp**2, w @ y**2 / n - my**2
                r = (w @ (p * y) / n - mp * my) / (np.sqrt(vp) * np.sqrt(vy))
                low = [FLAT * (x[:, part] ** 2).mean(0) for x in (h.predicted, h.measured)]
                varies = np.isfinite(r) & (vp > low[0]) & (vy > low[1])
            total[:, part] += np.where(varies, r, 0)
            defined[:, part] += varies
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip(total / defined, -1, 1)
