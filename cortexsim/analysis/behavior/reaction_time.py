"""Reaction times of a network: the first step at which its readout is certain enough to answer.

Spoerer et al. 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.behavior.answers import Answers, answers
from cortexsim.analysis.statistics.draws import attributes, enough, weights_of
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.settled import settled
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray

GRID = 50  # thresholds tried


def entropy(probability: np.ndarray) -> np.ndarray:
    """``-sum p log2 p`` over the last axis, in bits.

    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).tolist()
    [1.0, 0.0]
    """
    p = np.asarray(probability, dtype=np.float64)
    return -(p * np.log2(np.where(p > 0, p, 1.0))).sum(-1) + 0.0


def doubt(probability: np.ndarray) -> np.ndarray:
    """1 less the largest probability.

    The chance that the most confident answer is wrong, if probabilities are calibrated.
    """
    return 1 - np.asarray(probability, dtype=np.float64).max(-1)


# Uncertainty: an answer is given when it has fallen to the threshold.
CRITERIA: dict[str, Callable[[np.ndarray], np.ndarray]] = {"entropy": entropy, "confidence": doubt}


@clear_errors
def reaction_times(
    probability: Any, threshold: float, labels: Any = None, *, criterion: str = "entropy"
) -> xarray.Dataset:
    """The first step at which the readout is certain enough, and the answer given then.

        RT(i) = min t: H(p(i, t)) <= threshold

    H is the entropy in bits, or for ``criterion="confidence"`` 1 - max p (so that a confidence of
    0.9 is a threshold of 0.1). An image that never gets that far is answered at the last step and
    censored (``answered`` False).

    Parameters
    ----------
    probability : array of shape (stimulus, step or time_ms, class)
        Of the network; its own readout (``own_answers``) or a fitted one.
    threshold : float
        Bits of entropy, or 1 less a confidence.
    labels : array of shape (stimulus,), optional
        Names of classes, or their numbers; default the coordinate label.
    criterion : {"entropy", "confidence"}
        The uncertainty of an answer.

    Returns
    -------
    Dataset
        By stimulus: time (steps or ms), answered, correct, choice (number of the class); coverage
        (share answered).

    Raises
    ------
    AnalysisError
        For unknown criteria and thresholds below 0.

    References
    ----------
    Spoerer, Kietzmann, Mehrer, Charest & Kriegeskorte 2020, PLoS Comput Biol 16:e1008215.

    Examples
    --------
    >>> p = np.array([[[0.6, 0.4], [0.99, 0.01]], [[0.5, 0.5], [0.6, 0.4]]])
    >>> result = reaction_times(p, 0.2, [0, 0])
    >>> result.time.values.tolist(), result.answered.values.tolist()
    ([2.0, 2.0], [True, False])
    """
    import xarray

    a = answers(probability, labels)
    limit = _threshold(threshold)
    at, answered = first_certain(uncertainty(a, criterion), np.array([limit]))
    rows = np.arange(len(a.numbers))
    choice = a.probability.argmax(-1)[rows, at[0]]
    coords = {} if a.ids is None else {"stimulus_id": ("stimulus", a.ids)}
    return xarray.Dataset(
        {
            "time": ("stimulus", a.times[at[0]]),
            "answered": ("stimulus", answered[0]),
            "correct": ("stimulus", choice == a.numbers),
            "choice": ("stimulus", choice),
            "coverage": float(answered.mean()),
        },
        coords,
        attributes(0, criterion=criterion, threshold=limit, axis=a.axis, stimuli=len(rows)),
    )


@clear_errors
def speed_accuracy(
    probability: Any,
    labels: Any = None,
    *,
    criterion: str = "entropy",
    thresholds: Any = None,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """The speed-accuracy trade-off: mean reaction time and accuracy as the threshold varies.

    Beside it what an answer of every image at the same fixed time gets right: a flexible time
    helps where the curve lies above.

    Parameters
    ----------
    probability : array of shape (stimulus, step or time_ms, class)
        As in ``reaction_times``.
    labels : array of shape (stimulus,), optional
        Names of classes, or their numbers; default the coordinate label.
    criterion : {"entropy", "confidence"}
        The uncertainty of an answer.
    thresholds : sequence of float, optional
        Of the criterion; default quantiles of the uncertainties that occur.
    inference : Inference
        ``n``: resamples of stimuli, 1000; ``confidence``; ``rng``.

    Returns
    -------
    Dataset
        time, accuracy, coverage by threshold, accuracy_interval and time_interval (bound,
        threshold); fixed_accuracy and fixed_interval (bound) by step or time_ms.

    Raises
    ------
    AnalysisError
        As ``reaction_times``.

    Examples
    --------
    >>> p = np.array([[[0.6, 0.4], [0.99, 0.01]], [[0.4, 0.6], [0.9, 0.1]]] * 10)
    >>> few = Inference(n=50)
    >>> result = speed_accuracy(p, [0] * 20, thresholds=[0.1, 1.0], inference=few)
    >>> result.time.values.tolist(), result.accuracy.values.tolist()
    ([2.0, 1.0], [1.0, 0.5])
    """
    import xarray

    a = answers(probability, labels)
    asked = settled(inference, "speed_accuracy", n=1000)
    enough(asked.n, "resamples")
    u = uncertainty(a, criterion)
    grid = threshold_grid(u, thresholds)
    at, answered = first_certain(u, grid)
    right = a.correct[np.arange(len(u)), at]
    times = a.times[at]
    weights = weights_of(asked.rng, asked.n, len(u))

    def interval(by_stimulus: np.ndarray) -> np.ndarray:
        return percentile_interval(weights @ by_stimulus.astype(np.float64), asked.confidence)

    return xarray.Dataset(
        {
            "time": ("threshold", times.mean(1)),
            "time_interval": (("bound", "threshold"), interval(times.T)),
            "accuracy": ("threshold", right.mean(1)),
            "accuracy_interval": (("bound", "threshold"), interval(right.T)),
            "coverage": ("threshold", answered.mean(1)),
            "fixed_accuracy": (a.axis, a.correct.mean(0)),
            "fixed_interval": (("bound", a.axis), interval(a.correct)),
        },
        {"threshold": grid, a.axis: a.times, "bound": ["lower", "upper"]},
        attributes(
            inference.rng,
            criterion=criterion,
            n=asked.n,
            confidence=asked.confidence,
            axis=a.axis,
            stimuli=len(u),
        ),
    )


def uncertainty(a: Answers, criterion: str) -> Float[np.ndarray, "stimulus time"]:
    """Of every answer, by one of ``CRITERIA``."""
    if criterion not in CRITERIA:
        raise AnalysisError(
            f"there is no criterion {criterion!r}; choose from {', '.join(CRITERIA)}"
        )
    return CRITERIA[criterion](a.probability)


def first_certain(
    u: Float[np.ndarray, "stimulus time"], grid: Float[np.ndarray, " threshold"]
) -> tuple[np.ndarray, np.ndarray]:
    """Index of the first time at or below each threshold ``(threshold, stimulus)``.

    The last where there is none; and whether there is.
    """
    below = u[None] <= grid[:, None, None]
    answered = np.asarray(below.any(-1))
    return np.where(answered, below.argmax(-1), u.shape[1] - 1), answered


def threshold_grid(
    u: Float[np.ndarray, "stimulus time"], thresholds: Any
) -> Float[np.ndarray, " threshold"]:
    """The thresholds that are tried, ascending; by default quantiles of the uncertainties."""
    if thresholds is None:
        return np.unique(np.quantile(u, np.linspace(0.01, 0.99, GRID)))
    return np.sort(np.array([_threshold(t) for t in np.atleast_1d(thresholds)]))


def _threshold(value: Any) -> float:
    """A threshold, checked."""
    if not isinstance(value, (int, float, np.number)) or not np.isfinite(value) or value < 0:
        raise AnalysisError(
            f"threshold={value!r} is none; give bits of entropy, or 1 less a confidence, of 0 or "
            "more"
        )
    return float(value)
