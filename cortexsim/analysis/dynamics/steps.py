"""How far a network moves in a step, and from when on it hardly moves: effective depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.dynamics.runs import (
    checked_run,
    inner_products,
    made_with,
    norms,
    time_coordinates,
)
from cortexsim.analysis.statistics.draws import whole_number
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plain import numbers
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import torch
    import xarray

    from cortexsim.models.network import Network

PERCENTILES = (5, 25, 50, 75, 95)


@clear_errors
def relative_steps(
    net: Network,
    images: torch.Tensor,
    steps: int | None = None,
    *,
    time_axis: TimeAxis | None = None,
    batch_size: int = 100,
) -> xarray.Dataset:
    """How far each state moves in a step, relative to its size, and how far it turns.

        relative_step = |h(t + 1) - h(t)| / |h(t)|
        turn = |u(t + 1) - u(t)| with u = h / |h|

    Euclidean norms over all units. A state that only grows along its own direction moves without
    turning.

    Parameters
    ----------
    net : Network
        In evaluation mode.
    images : tensor of shape (stimulus, channel, y, x)
        Preprocessed.
    steps : int, optional
        Of the run; default the readout time.
    time_axis : TimeAxis, optional
        Of the coordinates in ms.
    batch_size : int
        Images at a time.

    Returns
    -------
    Dataset
        relative_step ``(state, step, stimulus)``, the move that begins at ``step``; turn and norm
        |h(t)|, alike; mean ``(state, step)`` and percentiles ``(percentile, state, step)`` of
        relative_step over stimuli. NaN where a state is not populated at both t and t + 1.

    Raises
    ------
    AnalysisError
        For a net in training mode, no images, images that are not finite, or fewer than 2 steps.

    Examples
    --------
    >>> import torch, cortexsim
    >>> moved = relative_steps(cortexsim.load("cortex4"), torch.zeros(2, 3, 32, 32))
    >>> dict(moved.relative_step.sizes)
    {'state': 4, 'step': 7, 'stimulus': 2}
    >>> bool(moved.relative_step.sel(state="IT", step=3).isnull().all())
    True
    """
    import torch
    import xarray

    steps = checked_run(net, images, steps)
    if whole_number(batch_size, "batch_size") < 1:
        raise AnalysisError(f"batch_size={batch_size} must be at least 1")
    names = list(net.state_names)
    norm = np.full((len(names), steps, len(images)), np.nan)
    moved, inner = (np.full((len(names), steps - 1, len(images)), np.nan) for _ in range(2))
    with torch.no_grad():
        for first in range(0, len(images), batch_size):
            part = slice(first, first + batch_size)
            before: dict[str, torch.Tensor] = {}
            for step, states in net.unroll(images[part], steps):
                for k, name in enumerate(names):
                    if name not in states:
                        continue
                    norm[k, step - 1, part] = norms(states[name])
                    if name in before:
                        moved[k, step - 2, part] = norms(states[name] - before[name])
                        inner[k, step - 2, part] = inner_products(states[name], before[name])
                before = states
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(norm[:, :-1] > 0, moved / norm[:, :-1], np.nan)
        turn = np.sqrt(np.maximum(2 - 2 * inner / (norm[:, 1:] * norm[:, :-1]), 0))
    dims = ("state", "step", "stimulus")
    result = xarray.Dataset(
        {"relative_step": (dims, relative), "turn": (dims, turn), "norm": (dims, norm[:, :-1])},
        coords={"state": names, **time_coordinates(range(1, steps), time_axis)},
        attrs={
            "steps": steps,
            "n": len(images),
            "equation": "|h(t+1) - h(t)| / |h(t)|",
            **made_with(),
        },
    )
    result["mean"] = result.relative_step.mean("stimulus", skipna=False)
    quantiles = result.relative_step.quantile(np.array(PERCENTILES) / 100, "stimulus", skipna=False)
    return result.assign(
        percentiles=quantiles.rename(quantile="percentile").assign_coords(
            percentile=list(PERCENTILES)
        )
    )


@clear_errors
def effective_depth(relative_step: Any, threshold: float = 0.01) -> np.ndarray:
    """The step from which on every further move is smaller than ``threshold``.

    What lies deeper adds less than that.

    Parameters
    ----------
    relative_step : array of shape (..., step, stimulus)
        As ``relative_steps`` returns, its steps from 1.
    threshold : float
        Share of the size of a state.

    Returns
    -------
    array of shape (..., stimulus)
        The first step t such that the moves at t, t + 1, ... are all below ``threshold``; NaN where
        the last move is not, or the state is never populated at two steps.

    Examples
    --------
    >>> effective_depth(np.array([[0.5], [0.008], [0.2], [0.001]])).tolist()
    [4.0]
    >>> effective_depth(np.array([[0.5]])).tolist()
    [nan]
    """
    values = numbers(relative_step, "relative steps").astype(np.float64)
    if values.ndim < 2 or not values.shape[-2]:
        raise AnalysisError(
            f"relative steps have shape {values.shape}; give (..., step, stimulus) with at least "
            "one step"
        )
    if not (isinstance(threshold, (int, float)) and threshold > 0):
        raise AnalysisError(f"threshold {threshold!r}: give a positive share, e.g. 0.01 for 1 %")
    small = values < threshold  # NaN is not
    from_then_on = np.flip(np.logical_and.accumulate(np.flip(small, -2), axis=-2), -2)
    return np.where(from_then_on.any(-2), from_then_on.argmax(-2) + 1.0, np.nan)
