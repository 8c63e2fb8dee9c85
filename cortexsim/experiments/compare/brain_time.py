"""A comparison along the time of the brain: each of its bins with the steps that fall into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.draws import generator_of
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.errors import AnalysisError
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import xarray

ORDERS = 1000  # random orders of the steps
# What is weighted by the steps, and its name along the axis.
NAMES = {
    "evaluation": "along_axis",
    "by_subject": "along_axis_by_subject",
    "interval": "along_axis_interval",
    "null_high": "along_axis_null_high",
}


def orders(count: int, seed: int | np.random.Generator) -> np.ndarray:
    """Random orders of so many steps ``(order, step)``."""
    generator = generator_of(seed)
    return np.stack([generator.permutation(count) for _ in range(ORDERS)])


def bins(brain: xarray.DataArray, steps: np.ndarray, axis: TimeAxis, *, policy: str) -> np.ndarray:
    """How much of each bin of the brain falls into each step of the network.

    Parameters
    ----------
    brain : DataArray
        Neural data, with ``time_ms`` (centres of bins; their width in its ``bin_ms``) or without.
    steps : ndarray
        Of the network, from 1.
    axis : TimeAxis
        When they happen.
    policy : str
        For bins that the steps cover only in part: ``refuse | hold | clip``.

    Returns
    -------
    array of shape (bin, step)
        Weights; empty where the brain has no time.

    Raises
    ------
    AnalysisError
        If no bin lies in the steps, and for a single bin of unknown width.
    """
    times = brain.time_ms.values.astype(float) if "time_ms" in brain.dims else np.empty(0)
    width = brain.time_ms.attrs.get("bin_ms") if len(times) else None
    if not len(times):
        return np.empty((0, len(steps)))
    if width is None and len(times) < 2:
        raise AnalysisError(
            "the neural data are of one time bin of unknown width; give its width in "
            "time_ms.attrs['bin_ms']"
        )
    half = (float(np.median(np.diff(times))) if width is None else float(width)) / 2
    weights = axis.bin_weights(steps, np.stack([times - half, times + half], axis=1), policy=policy)
    if np.isnan(weights).all():
        raise AnalysisError(
            f"no time bin of the neural data ({times[0]:g} to {times[-1]:g} ms) lies in the steps "
            f"of the network ({axis.time_ms(steps[0]):g} to {axis.time_ms(steps[-1] + 1):g} ms): "
            "record more steps, or another time axis (--onset-ms, --step-ms)"
        )
    return weights


def along(
    result: xarray.Dataset,
    populated: np.ndarray,
    weights: np.ndarray,
    *,
    seed: int | np.random.Generator,
) -> dict[str, Any]:
    """Each bin of the brain with the steps of the model that fall into it.

    Intervals and limits of the null are weighted means of those of the steps: exact for a bin
    inside one step, else rather too wide than too narrow.

    Parameters
    ----------
    result : Dataset
        ``evaluation`` and what belongs to it, with ``step`` and ``time_ms``.
    populated : ndarray
        Of each step, whether the state is populated.
    weights : ndarray
        Of :func:`bins`, ``(bin, step)``.
    seed : int or Generator
        Of the random orders.

    Returns
    -------
    dict
        Variables by the names in ``NAMES``; and ``along_axis_shuffled``, with the populated steps
        in random orders, if there are three.
    """

    def weighted(name: str) -> tuple[tuple[str, ...], np.ndarray]:
        v = result[name].transpose(..., "time_ms", "step")
        # A step of weight zero says nothing about the bin, also where the state is not populated.
        return tuple(map(str, v.dims[:-1])), np.where(weights == 0, 0.0, v.values * weights).sum(-1)

    out: dict[str, Any] = {new: weighted(name) for name, new in NAMES.items() if name in result}
    steps = np.flatnonzero(populated)
    if len(steps) < 3:
        return out
    y = result.evaluation.isel(network=0).transpose("time_ms", "step").values
    draws = []
    for order in orders(len(steps), seed):
        mixed = y.copy()
        mixed[:, steps] = y[:, steps[order]]
        draws.append(np.where(weights == 0, 0.0, mixed * weights).sum(-1))
    out["along_axis_shuffled"] = (("bound", "time_ms"), percentile_interval(np.array(draws)))
    return out
