"""Reduced-rank regression: all units of a time through a few dimensions of the patterns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cortexsim.analysis.linear.patterns import RANK, Fitted, Patterns, Spectrum
from cortexsim.analysis.linear.settings import Settings
from cortexsim.analysis.linear.splits import Split
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float

LEAST_UNITS = 2  # of one unit every map has rank 1


class Chosen(NamedTuple):
    """What the inner folds choose.

    Parameters
    ----------
    alpha : float
        The penalty, in units of the mean squared length of a centred training pattern.
    rank : int
        Dimensions of the map.
    """

    alpha: float
    rank: int


def reduced_rank(
    patterns: Patterns, split: Split, settings: Settings
) -> Callable[[np.ndarray], Fitted]:
    """Reduced-rank (ridge) regression with intercept of all units together, at each time.

        B = argmin |Y - X B|^2 + alpha s |B|^2  with rank(B) <= r
          = B_ridge V_r V_r^T

    s the mean squared length of the centred training patterns, V_r the first r right singular
    vectors of sqrt(H) Y, H = X (X^T X + alpha s I)^-1 X^T; as alpha goes to 0 these are the
    principal axes of the least-squares predictions. Penalty and rank are chosen on inner folds by
    the squared error summed over units: the penalty at its best rank, then the smallest rank whose
    error exceeds the least by no more than the standard error (over folds) of that difference.

    Parameters
    ----------
    patterns : Patterns
        Of one state at one step.
    split : Split
        Training and test stimuli.
    settings : Settings
        The penalties and ranks that are tried, and principal components to keep.

    Returns
    -------
    callable
        From responses of shape (stimulus, time, unit) to ``Fitted``; alpha is that of all units of
        a time.

    Raises
    ------
    AnalysisError
        For responses of one unit, whose map has rank 1 whatever is asked.

    References
    ----------
    Izenman 1975; Mukherjee & Zhu 2011 (with a penalty); Semedo et al. 2019, Neuron 102:249, who
    choose the rank so and fit without a penalty (``alphas=(1e-9,)`` is nearly that).
    """
    inner = [
        (patterns.spectrum(split.train[a], split.train[b], settings.keep), a, b)
        for a, b in split.inner()
        if len(settings.alphas) * len(settings.ranks) > 1  # else nothing is chosen
    ]
    whole = patterns.spectrum(split.train, split.test, settings.keep)

    def fit(y: np.ndarray) -> Fitted:
        if y.shape[2] < LEAST_UNITS:
            raise AnalysisError(
                "reduced-rank regression of 1 unit is ridge regression; give "
                f"method='ridge', or responses of {LEAST_UNITS} units or more"
            )
        exponent = int(np.frexp(np.abs(y).max())[1])  # squares of 1e-100 are no numbers
        y = np.ldexp(y, -exponent)
        predictions, chosen = [], []
        for t in range(y.shape[1]):
            rows = torch.from_numpy(np.ascontiguousarray(y[split.train, t])).to(patterns.device)
            best = _chosen(inner, rows, settings)
            predictions.append(_predicted(whole, rows, best).cpu().numpy())
            chosen.append(best)
        alpha = np.repeat([[c.alpha] for c in chosen], y.shape[2], axis=1)
        rank = np.array([float(c.rank) for c in chosen])
        return Fitted(np.ldexp(np.stack(predictions, axis=1), exponent), alpha, 0, rank)

    return fit


def _axes(
    spectrum: Spectrum, projected: Float[Tensor, "component unit"], alpha: float
) -> Float[Tensor, "unit rank"]:
    """The right singular vectors of sqrt(H) Y, the largest first, without those of rounding."""
    # Training predictions are right * gain (right^T Y / (values + alpha)).
    gain = spectrum.values if spectrum.kernel is not None else torch.ones_like(spectrum.values)
    root = ((gain / (spectrum.values + alpha)).sqrt())[:, None] * projected
    _, sizes, axes = torch.linalg.svd(root, full_matrices=False)
    known = max(1, int((sizes**2 > RANK * sizes[0] ** 2).sum()))
    return axes[:known].T


def _predicted(
    spectrum: Spectrum, y: Float[Tensor, "train unit"], chosen: Chosen
) -> Float[Tensor, "test unit"]:
    """Held-out predictions of one map."""
    mean = y.mean(0)
    projected = spectrum.right.T @ (y - mean)
    axes = _axes(spectrum, projected, chosen.alpha)[:, : chosen.rank]
    shrunk = projected / (spectrum.values[:, None] + chosen.alpha)
    return (spectrum.left @ (shrunk @ axes)) @ axes.T + mean


def _chosen(
    inner: Sequence[tuple[Spectrum, np.ndarray, np.ndarray]],
    y: Float[Tensor, "train unit"],
    settings: Settings,
) -> Chosen:
    """Penalty and rank of one time."""
    ranks = np.unique(np.minimum(settings.ranks, y.shape[1]))  # more than units is all of them
    if not inner:
        return Chosen(float(settings.alphas[0]), int(ranks[0]))
    loss = np.stack([_losses(s, y[a], y[b], settings.alphas, ranks) for s, a, b in inner])
    at, best = np.unravel_index(loss.mean(0).argmin(), loss.shape[1:])
    curves = loss[:, at]  # (fold, rank)
    mean = curves.mean(0)
    # Of differences, for folds also differ in how much there is to predict.
    error = (curves - curves[:, [best]]).std(0, ddof=1) / np.sqrt(len(curves))
    smallest = int(np.flatnonzero(mean <= mean[best] + error)[0])
    return Chosen(float(settings.alphas[at]), int(ranks[smallest]))


def _losses(
    spectrum: Spectrum,
    train: Float[Tensor, "train unit"],
    held: Float[Tensor, "held unit"],
    alphas: Float[np.ndarray, " alpha"],
    ranks: np.ndarray,
) -> Float[np.ndarray, "alpha rank"]:
    """Mean squared error of an inner fold, summed over units.

    |Y - P V V^T|^2 = |Y|^2 - sum over axes v of (2 Y v . P v - |P v|^2), so that all ranks cost
    what one does.
    """
    mean = train.mean(0)
    projected, rest = spectrum.right.T @ (train - mean), held - mean
    total, losses = float(rest.square().sum()), np.empty((len(alphas), len(ranks)))
    for k, alpha in enumerate(alphas):
        axes = _axes(spectrum, projected, float(alpha))
        predicted = spectrum.left @ ((projected / (spectrum.values[:, None] + alpha)) @ axes)
        gains = (2 * (rest @ axes) * predicted - predicted.square()).sum(0).cumsum(0)
        at = np.minimum(ranks, len(gains)) - 1
        losses[k] = total - gains.cpu().numpy()[at]
    return losses / len(held)
