"""Where a held map comes to rest, and how far the network is from that point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cortexsim.analysis.dynamics.held import step_map
from cortexsim.analysis.dynamics.runs import made_with, norms, time_coordinates
from cortexsim.analysis.statistics.draws import whole_number
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plain import refuse_without_numbers
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import torch
    import xarray

    from cortexsim.models.network import Network

DIVERGED = 1e12
MOST_ITERATIONS = 100_000
"""What has not come to rest by then goes round."""


@dataclass(frozen=True)
class FixedPoint:
    """Where iterations of a map ended.

    Parameters
    ----------
    point : tensor of shape (stimulus, unit)
        The last state.
    converged : array of bool of shape (stimulus,)
        Whether it came to rest.
    diverged : array of bool of shape (stimulus,)
        Whether it left all bounds.
    residual : array of shape (iteration, stimulus)
        |f(h) - h| / |h| on the way.
    """

    point: torch.Tensor
    converged: np.ndarray
    diverged: np.ndarray
    residual: np.ndarray


@clear_errors
def fixed_point(
    f: Callable[[torch.Tensor], torch.Tensor],
    start: torch.Tensor,
    *,
    iterations: int = 200,
    tolerance: float = 1e-5,
) -> FixedPoint:
    """Where the held map comes to rest when it is iterated.

        h <- f(h) from start until |f(h) - h| <= tolerance |h| for every image

    Iteration finds attracting points only; an image whose orbit has not come to rest (it may
    circle, wander or grow) has ``converged`` False, and its point is where it was last.

    Parameters
    ----------
    f : callable
        A map of joint states, as ``step_map`` gives.
    start : tensor of shape (stimulus, unit)
        Joint states.
    iterations : int
        At most.
    tolerance : float
        Of a step, relative to the state.

    Returns
    -------
    FixedPoint
        Points, whether they are fixed, and the way to them.

    Raises
    ------
    AnalysisError
        For fewer than one iteration and tolerances that are not above 0.

    Examples
    --------
    >>> import torch
    >>> result = fixed_point(lambda h: 0.5 * h + 1, torch.zeros(1, 3))
    >>> result.point.round(decimals=3).tolist(), result.converged.tolist()
    ([[2.0, 2.0, 2.0]], [True])
    """
    import torch

    if not 1 <= whole_number(iterations, "iterations") <= MOST_ITERATIONS or not tolerance > 0:
        raise AnalysisError(
            f"iterations={iterations} and tolerance={tolerance} must be 1 to {MOST_ITERATIONS:,} "
            "and above 0"
        )
    if not (hasattr(start, "is_floating_point") and start.is_floating_point()):
        raise AnalysisError("start is no tensor of floating-point numbers")
    refuse_without_numbers(start, "start states")
    if start.dim() != 2 or not start.numel():
        raise AnalysisError(
            f"start has shape {tuple(start.shape)}; (stimulus, unit) is needed, e.g. h[None] of one"
        )
    h, sizes = start, []
    with torch.no_grad():
        for _ in range(iterations):
            after = f(h)
            if getattr(after, "shape", None) != h.shape or not hasattr(after, "norm"):
                raise AnalysisError(
                    f"f gives a {type(after).__name__}; a tensor of shape {tuple(h.shape)}, as it "
                    "takes one, is needed"
                )
            size = (after - h).norm(dim=1) / h.norm(dim=1).clamp_min(torch.finfo(h.dtype).tiny)
            sizes.append(size.cpu().double().numpy())
            # What has left all bounds stays where it is, so that the others can go on without
            # infinities.
            gone = ~(after.norm(dim=1) < DIVERGED * start.norm(dim=1).clamp_min(1.0))
            h = torch.where(gone[:, None], h, after)
            if bool(((size <= tolerance) | gone).all()):
                break
    residual = np.stack(sizes)
    gone_last = gone.cpu().numpy()
    return FixedPoint(h, (residual[-1] <= tolerance) & ~gone_last, gone_last, residual)


@clear_errors
def distances(
    net: Network,
    images: torch.Tensor,
    hold: int,
    *,
    iterations: int = 200,
    tolerance: float = 1e-5,
    time_axis: TimeAxis | None = None,
) -> xarray.Dataset:
    """How far each state is, at every step of the run, from the fixed point of a held map.

        distance = |h(t) - h*| / |h*|

    Parameters
    ----------
    net : Network
        In evaluation mode.
    images : tensor of shape (stimulus, channel, y, x)
        Preprocessed.
    hold : int
        The step whose map is held.
    iterations : int
        At most so many, as in ``fixed_point``.
    tolerance : float
        Of the residual at rest, as in ``fixed_point``.
    time_axis : TimeAxis, optional
        Of the coordinates in ms.

    Returns
    -------
    Dataset
        distance ``(state, step, stimulus)`` for steps 1 to hold (NaN where a state is not populated
        or the iteration from h(hold) does not come to rest); converged and diverged
        ``(stimulus)``; residual ``(iteration, stimulus)``.

    Raises
    ------
    AnalysisError
        As ``step_map``.
    """
    import torch
    import xarray

    f, h = step_map(net, images, hold)
    rest = fixed_point(f, h, iterations=iterations, tolerance=tolerance)
    target = f.split(rest.point)
    relative = np.full((len(f.names), hold, len(images)), np.nan)
    with torch.no_grad():
        for step, states in net.unroll(images, hold):
            for k, name in enumerate(f.names):
                if name in states:
                    size = norms(target[name])
                    moved = norms(states[name] - target[name])
                    relative[k, step - 1] = moved / np.where(size > 0, size, np.nan)
    relative[..., ~rest.converged] = np.nan
    return xarray.Dataset(
        {
            "distance": (("state", "step", "stimulus"), relative),
            "converged": ("stimulus", rest.converged),
            "diverged": ("stimulus", rest.diverged),
            "residual": (("iteration", "stimulus"), rest.residual),
        },
        coords={"state": list(f.names), **time_coordinates(range(1, hold + 1), time_axis)},
        attrs={
            "hold": hold,
            "iterations": iterations,
            "tolerance": tolerance,
            "n": len(images),
            **made_with(),
        },
    )
