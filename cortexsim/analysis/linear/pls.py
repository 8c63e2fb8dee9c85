"""Partial least squares of all units together, as Brain-Score fits it."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from cortexsim.analysis.linear.patterns import RANK, Fitted, Patterns
from cortexsim.analysis.linear.settings import Settings
from cortexsim.analysis.linear.splits import Split
from cortexsim.arguments import outside
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float


def pls(patterns: Patterns, split: Split, settings: Settings) -> Callable[[np.ndarray], Fitted]:
    """scikit-learn's ``PLSRegression(components, scale=False)`` of all units, at each time.

    PLS does not see rotations of X or of Y, so both are rotated into as many dimensions as there
    are training stimuli, which is exact. The first unit stays an axis of its own, because
    scikit-learn's iterations begin with it: they are then the same ones.

    Parameters
    ----------
    patterns : Patterns
        Of one state at one step.
    split : Split
        Training and test stimuli.
    settings : Settings
        How many components.

    Returns
    -------
    callable
        From responses of shape (stimulus, time, unit) to ``Fitted``.

    Raises
    ------
    AnalysisError
        For more components than the training patterns have dimensions.
    """
    train, test = patterns.scores(split.train, split.test, settings.keep)
    if settings.components > min(train.shape):
        raise AnalysisError(
            f"{patterns.where}: {settings.components} PLS components of {train.shape[0]} training "
            f"stimuli with {train.shape[1]} dimensions; give components={min(train.shape)} at most"
        )

    def fit(y: np.ndarray) -> Fitted:
        times = [
            _at_one_time(train, test, y[split.train, t], settings.components)
            for t in range(y.shape[1])
        ]
        prediction = np.stack([p for p, _ in times], axis=1)
        return Fitted(prediction, np.full(y.shape[1:], np.nan), sum(s for _, s in times))

    return fit


def _at_one_time(
    train: Float[np.ndarray, "train dimension"],
    test: Float[np.ndarray, "test dimension"],
    y: Float[np.ndarray, "train unit"],
    components: int,
) -> tuple[np.ndarray, int]:
    """Predictions ``(test, unit)``, and 1 if the iterations of a component did not end."""
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.exceptions import ConvergenceWarning

    mean = y.mean(0)
    # scikit-learn takes what is below rounding for constant, whatever its unit: tesla, say.
    y = y - mean
    size, unit = power_of_two(y), power_of_two(train)
    y, train, test = y / size, train / unit, test / unit
    back, rotated = None, y
    if y.shape[1] > len(y):
        rest = y[:, 1:]
        values, v = np.linalg.eigh(rest @ rest.T)
        large = values > RANK * values[-1]
        root = np.sqrt(values[large])
        back = (v[:, large] / root).T @ rest
        rotated = np.concatenate([y[:, :1], v[:, large] * root], axis=1)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = PLSRegression(components, scale=False).fit(train, rotated)
    stopped = int(any(issubclass(w.category, ConvergenceWarning) for w in said))
    for w in said:
        # The other known one says that all of Y is explained before the last component.
        known = issubclass(w.category, ConvergenceWarning)
        if not known and "y residual is constant" not in str(w.message):
            warnings.warn(w.message, stacklevel=outside())
    prediction = test @ model.coef_.T
    if back is not None:
        prediction = np.concatenate([prediction[:, :1], prediction[:, 1:] @ back], axis=1)
    return prediction * size + mean, stopped


def power_of_two(x: Float[np.ndarray, "..."]) -> float:
    """The power of 2 below the largest number: divided by it, no digit changes."""
    largest = float(np.abs(x).max(initial=0.0))
    return float(2.0 ** np.floor(np.log2(largest))) if largest > 0 else 1.0
