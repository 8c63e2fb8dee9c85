"""What all fits of responses share: splits, resamples and permutations, drawn once and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.frames import items_of
from cortexsim.analysis.linear.regression import METHODS
from cortexsim.analysis.linear.responses import Responses
from cortexsim.analysis.linear.settings import Regression, Settings, settings_of
from cortexsim.analysis.linear.splits import Split, permutations_of, splits_of
from cortexsim.analysis.statistics.draws import draw, labels
from cortexsim.analysis.statistics.settings import CrossValidation, Inference
from cortexsim.analysis.statistics.settled import Settled, validated
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import column
from cortexsim.shapes import Int

if TYPE_CHECKING:
    import torch

FACTORS = ("stimulus", "unit")
RELIABLE = 0.1  # units of a lower split-half reliability are not corrected for noise


@dataclass(frozen=True)
class Plan:
    """What every frame is fitted and judged with: the same draws, so that frames can be compared.

    Parameters
    ----------
    method : str
        A key of ``METHODS``.
    settings : Settings
        Of each fit.
    splits : list of Split
        Training and test stimuli.
    counts : array of shape (resample, stimulus)
        How often each stimulus is drawn.
    units : array of shape (resample, unit)
        The units that are drawn.
    factors : tuple of str
        What is resampled.
    permutations : array of shape (permutation, stimulus)
        Orders of the stimuli of the responses.
    confidence : float
        Coverage of intervals.
    least : float
        Units of a lower reliability are not corrected for noise.
    groups : array of shape (stimulus,)
        The number of the group of each stimulus, which are held out and drawn together.
    predictions : bool
        Keep what was predicted of held-out stimuli.
    """

    method: str
    settings: Settings
    splits: list[Split]
    counts: np.ndarray
    units: np.ndarray
    factors: tuple[str, ...]
    permutations: np.ndarray
    confidence: float
    least: float
    groups: np.ndarray
    predictions: bool = False


def torch_device(device: str | None) -> torch.device:
    """The device of the fits; the processor unless another is asked for."""
    from cortexsim.models.weights import device_of

    return device_of(device or "cpu")


def groups_of(responses: Responses, cv: CrossValidation) -> Int[np.ndarray, " stimulus"]:
    """Groups of stimuli that stay together, numbered from 0; each its own unless there are any.

    Numbered in the order of their names, or of the ids of the stimuli: not of the stimuli.
    """
    if cv.groups is None:
        return responses.places
    groups = column(cv.groups, "groups").like(items_of(responses.array, "responses")).values
    return labels(groups, len(responses.values), "groups")


def plan_of(
    responses: Responses,
    regression: Regression,
    cv: CrossValidation,
    *,
    inference: Settled,
    least: Any = RELIABLE,
    predictions: bool = False,
) -> Plan:
    """Everything that is drawn, once, and the settings, checked.

    Parameters
    ----------
    responses : Responses
        What is predicted.
    regression : Regression
        The map that is fitted.
    cv : CrossValidation
        Which stimuli are held out.
    inference : Settled
        Resamples, permutations, confidence.
    least : float
        Units of a lower reliability are not corrected for noise; between 0 and 1.
    predictions : bool
        Keep what is predicted of held-out stimuli, each of which must be held out once.

    Returns
    -------
    Plan
        For all frames.

    Raises
    ------
    AnalysisError
        For unknown methods, too few stimuli, and settings that are out of range.
    """
    if regression.method not in METHODS:
        raise AnalysisError(
            f"there is no method {regression.method!r}; choose from {', '.join(METHODS)}"
        )
    validated(cv)
    if predictions and cv.splits != "folds":
        raise AnalysisError(
            f"predictions of splits={cv.splits!r}, which hold a stimulus out more than once or "
            "never; give CrossValidation(splits='folds')"
        )
    group, units = groups_of(responses, cv), responses.values.shape[2]
    n, rng = inference.n, inference.rng
    factors = Inference(resample=inference.resample, n=n).factors(FACTORS)
    if not isinstance(least, (int, float, np.number)) or not 0 < least < 1:
        raise AnalysisError(
            f"least_reliability={least!r} must lie between 0 and 1, e.g. {RELIABLE}"
        )
    # First, so that they are the same for other resamples and other units.
    splits = splits_of(cv.splits, group, cv.folds, inner_folds=cv.inner_folds, rng=rng)
    drawn = rng.integers(units, size=(n, units)) if "unit" in factors else np.arange(units)[None]
    return Plan(
        method=regression.method,
        settings=settings_of(regression),
        splits=splits,
        counts=draw(rng, n, group, "stimulus" in factors, "stimulus"),
        units=drawn,
        factors=factors,
        permutations=permutations_of(group, inference.permutations, rng),
        confidence=inference.confidence,
        least=float(least),
        groups=group,
        predictions=predictions,
    )
