"""Curves over SOAs with and without a mask, of people and of networks, with their thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.draws import draw
from cortexsim.analysis.statistics.psychometric import Threshold, threshold
from cortexsim.analysis.statistics.weibull import fit_weibull
from cortexsim.errors import AnalysisError
from cortexsim.experiments.mask.design import UNMASKED

if TYPE_CHECKING:
    import xarray

LEAST_SOAS = 4
"""With fewer there is no threshold, and of fewer in common no rank correlation."""


@dataclass(frozen=True)
class Curves:
    """One observer, or a group, with and without a mask.

    Parameters
    ----------
    soa : array of shape (soa,)
        In ms, or in steps of a network.
    unmasked, masked : array of shape (1 + resample, soa)
        (accuracy - chance) / (1 - chance): measured, then of each resample.
    threshold : Threshold
        Of the masked curve, in units of ``soa``.
    threshold_draws : array of shape (resample,)
        0 and infinity below and above the SOAs shown, NaN where no curve rises.
    """

    soa: np.ndarray
    unmasked: np.ndarray
    masked: np.ndarray
    threshold: Threshold
    threshold_draws: np.ndarray


def normalised(accuracy: np.ndarray, chance: float) -> np.ndarray:
    """(accuracy - chance) / (1 - chance): so that different numbers of answers compare.

    Examples
    --------
    >>> normalised(np.array([0.2, 0.6, 1.0]), 0.2)
    array([0. , 0.5, 1. ])
    """
    return (accuracy - chance) / (1 - chance)


def curves_of_people(people: xarray.Dataset, mask: str | None = None) -> Curves:
    """The curves of a group of people.

    Parameters
    ----------
    people : xarray.Dataset
        What ``neural.from_trials`` returns.
    mask : str, optional
        Which mask; needed where there are several.

    Returns
    -------
    Curves
        In ms.

    Raises
    ------
    AnalysisError
        For data by deadline, without unmasked or masked trials, and SOAs without trials.
    """
    if not {"mask", "soa_ms"} <= set(people.dims):
        raise AnalysisError(
            f"the people's curves are by {', '.join(map(str, people.accuracy.dims))}; curves by "
            "mask and soa_ms are needed to set them beside a masking experiment"
        )
    both = people.sel(mask=[UNMASKED, mask_named(people["mask"].values, mask, "the people")])
    both = both.isel(soa_ms=both.soa_ms.values > 0)  # forward masks are another curve
    if (both.trials.values == 0).any() or (both.trials_samples.values == 0).any():
        raise AnalysisError(
            "some SOAs have no trials with or without the mask (in some resamples of the people); "
            "leave those SOAs out"
        )
    chance, soa = float(people.attrs["chance"]), both.soa_ms.values
    right, shown = both.right_samples.values, both.trials_samples.values
    drawn = np.concatenate([both.accuracy.values[None], right / shown])
    masked = both.isel(mask=1)
    low, high = masked.threshold_interval.values
    return Curves(
        soa,
        normalised(drawn[:, 0], chance),
        normalised(drawn[:, 1], chance),
        Threshold(
            float(masked.threshold_ms),
            (float(low), float(high)),
            float(masked.slope),
            float(masked.asymptote),
            str(masked.threshold_status.item()),
            np.nan,
        ),
        _drawn(soa, right[:, 1], shown[:, 1], chance),
    )


def curves_of_network(
    right: np.ndarray, soa_steps: np.ndarray, *, chance: float, n: int, seed: int
) -> Curves:
    """The curves of a network, with resamples of stimuli.

    Parameters
    ----------
    right : array of bool, shape (2, soa, stimulus)
        Whether each answer is right, without and with the mask.
    soa_steps : array of shape (soa,)
        In steps.
    chance : float
        The guess rate.
    n, seed : int
        Resamples of stimuli.

    Returns
    -------
    Curves
        In steps.
    """
    total = right.shape[-1]
    counts = draw(np.random.default_rng(seed), n, np.arange(total), True, "stimulus")
    k = np.concatenate([np.ones((1, total), int), counts]) @ np.moveaxis(right, -1, 1)
    steps = np.asarray(soa_steps, dtype=np.float64)
    trials = np.full((n, len(steps)), float(total))
    return Curves(
        steps,
        normalised(k[0] / total, chance),
        normalised(k[1] / total, chance),
        threshold(
            steps, k[1, 0], trials[0], chance=chance, resampled=(k[1, 1:], trials), simulated=0
        ),
        _drawn(steps, k[1, 1:], trials, chance),
    )


def _drawn(soa: np.ndarray, right: np.ndarray, shown: np.ndarray, chance: float) -> np.ndarray:
    """The thresholds of resamples; NaN where there are too few SOAs for a curve."""
    if len(np.unique(soa)) < LEAST_SOAS:
        return np.full(len(right), np.nan)
    return fit_weibull(soa, right, shown, chance=chance).within(soa)


def mask_named(names: Any, mask: str | None, whose: str) -> str:
    """The mask that is meant, of those there are.

    Parameters
    ----------
    names : sequence of str
        The presentations; ``none`` among them.
    mask : str, optional
        Which; needed where there are several.
    whose : str
        For errors.

    Returns
    -------
    str

    Raises
    ------
    AnalysisError
        For a choice that is not there, or not made.
    """
    listed = [str(v) for v in names]
    masks = [name for name in listed if name != UNMASKED]
    if listed == ["all"]:
        raise AnalysisError(
            f"{whose} do not say which trials were masked; a column (or coordinate) 'mask' is "
            f"needed: {UNMASKED!r}, or the name of the mask, in each row"
        )
    if UNMASKED not in listed or not masks:
        raise AnalysisError(
            f"{whose} have the presentations {', '.join(listed)}; {UNMASKED!r} (without a mask) "
            "and a mask are needed in the column 'mask'"
        )
    if mask is None and len(masks) > 1:
        raise AnalysisError(f"{whose} have the masks {', '.join(masks)}; say which")
    if mask is not None and mask not in masks:
        raise AnalysisError(f"{whose} have no mask {mask!r}; choose from {', '.join(masks)}")
    return mask or masks[0]
