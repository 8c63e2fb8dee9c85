"""Variances of evaluations, and of their differences, from the draws of a bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cortexsim.analysis.statistics.intervals import draw_variance
from cortexsim.analysis.statistics.pvalues import two_factor
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Bool, Float

Draws = dict[str, np.ndarray]


@dataclass(frozen=True)
class Spread:
    """How much evaluations would differ in other subjects and conditions.

    Parameters
    ----------
    model : array of shape (model, step, time)
        Variance of the evaluation.
    ceiling : array of shape (model, step, time)
        Variance of its distance to the lower ceiling.
    pair : array of shape (model, model, step, time)
        Variance of differences.
    draws : array of shape (resample, model, step, time)
        The evaluations of the outermost bootstrap, from which the maximum statistic takes its
        joint distribution.
    low : array of shape (resample, time)
        The lower ceiling of that bootstrap.
    dof : int
        Degrees of freedom.
    """

    model: np.ndarray
    ceiling: np.ndarray
    pair: np.ndarray
    draws: np.ndarray
    low: np.ndarray
    dof: int

    @classmethod
    def of(
        cls,
        filled: Draws,
        low: Draws,
        alive: Bool[np.ndarray, "model step time"],
        *,
        subjects: int,
        conditions: int,
    ) -> Spread:
        """From draws by kind of bootstrap: evaluations as ``draws``, lower ceilings as ``low``.

        The kind ``fixed``: nothing was resampled, the draws are the subjects' own evaluations.
        """
        sizes = {
            "subject": subjects,
            "condition": conditions,
            "both": min(subjects, conditions),
            "fixed": subjects,
        }

        def variance(of: Callable[[str], np.ndarray]) -> np.ndarray:
            v = {k: of(k) for k in filled}
            if len(v) == 3:
                return two_factor(
                    v["both"],
                    v["subject"],
                    v["condition"],
                    subjects=subjects,
                    conditions=conditions,
                )
            kind, single = next(iter(v.items()))
            size = sizes[kind]
            if size < 2:
                return np.full(single.shape, np.nan)
            return single / size if kind == "fixed" else single * size / (size - 1)

        covariance = {k: _covariance(d) for k, d in filled.items()}
        populated = np.where(alive, 1.0, np.nan)
        outer = "both" if "both" in filled else next(iter(filled))
        return cls(
            model=variance(lambda k: _own(covariance[k])) * populated,
            # Resamples of one subject only have no lower ceiling and are left out.
            ceiling=variance(lambda k: draw_variance(filled[k] - low[k][:, None, None]))
            * populated,
            pair=variance(lambda k: _of_differences(covariance[k])),
            draws=filled[outer],
            low=low[outer],
            dof=sizes[outer] - 1,
        )


def enough_draws(draws: Draws) -> Bool[np.ndarray, " resample"]:
    """Which resamples have a similarity of any model; AnalysisError where those are too few.

    draws: ``(resample, model, time)`` of each kind of bootstrap.
    """
    useful = np.logical_and.reduce([np.isfinite(d).any((1, 2)) for d in draws.values()])
    if useful.sum() < max(10, len(useful) / 2):
        raise AnalysisError(
            f"only {int(useful.sum())} of {len(useful)} resamples hold enough different "
            "conditions; take more resamples, fewer folds, or do not resample conditions"
        )
    return useful


def refuse_few(
    filled: Draws, alive: Bool[np.ndarray, "model step time"], names: np.ndarray
) -> None:
    """AnalysisError where a model has a similarity in too few resamples for a variance."""
    for draws in filled.values():
        share = np.isfinite(draws).mean(0)
        bad = alive & (share < 0.5)
        if bad.any():
            k = int(np.flatnonzero(bad.reshape(len(bad), -1).any(1))[0])
            raise AnalysisError(
                f"model {str(names[k])!r} has a similarity in only {share[bad].min():.0%} of the "
                "resamples: elsewhere it (or the data) is constant, or too few conditions are "
                "left. Use fewer folds, do not resample conditions, or leave the model out"
            )


def _covariance(
    draws: Float[np.ndarray, "draw model step time"],
) -> Float[np.ndarray, "step time model model"]:
    """Of models over the draws in which both are numbers; 0 for models that do not exist."""
    finite = np.isfinite(draws)
    x = np.where(finite, draws, 0.0)
    x = np.where(finite, x - x.sum(0) / np.maximum(finite.sum(0), 1), 0.0)
    x, m = (np.moveaxis(a, (0, 1), (-1, -2)) for a in (x, finite.astype(np.float64)))
    return x @ x.swapaxes(-1, -2) / np.maximum(m @ m.swapaxes(-1, -2) - 1, 1)


def _own(
    covariance: Float[np.ndarray, "step time model model"],
) -> Float[np.ndarray, "model step time"]:
    """The variance of each model."""
    return np.moveaxis(np.diagonal(covariance, axis1=-2, axis2=-1), -1, 0)


def _of_differences(
    covariance: Float[np.ndarray, "step time model model"],
) -> Float[np.ndarray, "model model step time"]:
    """The variance of the difference of each two models."""
    d = np.diagonal(covariance, axis1=-2, axis2=-1)
    variance = np.maximum(d[..., :, None] + d[..., None, :] - 2 * covariance, 0)
    return np.moveaxis(variance, (-2, -1), (0, 1))
