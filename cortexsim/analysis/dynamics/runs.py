"""What every analysis of a moving network shares: checked runs, norms, coordinates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.draws import whole_number
from cortexsim.errors import AnalysisError
from cortexsim.plain import refuse_without_numbers
from cortexsim.provenance import provenance
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import torch

    from cortexsim.models.network import Network


def norms(x: torch.Tensor) -> np.ndarray:
    """Euclidean norm of each row ``(stimulus,)``, in float64."""
    return x.double().flatten(1).norm(dim=1).cpu().numpy()


def inner_products(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
    """Of the rows of two tensors ``(stimulus,)``, in float64."""
    return (a.double().flatten(1) * b.double().flatten(1)).sum(1).cpu().numpy()


def checked_run(net: Network, images: torch.Tensor, steps: int | None) -> int:
    """The number of steps; AnalysisError for what cannot be run."""
    if net.training:
        raise AnalysisError(
            "the network is in training mode, where a batch's images influence each other; call "
            "net.eval() first"
        )
    if not hasattr(images, "is_meta"):
        raise AnalysisError(
            f"images are a {type(images).__name__}; a tensor is needed: net.preprocess(pictures)"
        )
    refuse_without_numbers(images, "images")
    if images.dim() != 4 or not len(images) or not bool(images.isfinite().all()):
        raise AnalysisError(
            f"images have shape {tuple(images.shape)}; give at least one, (stimulus, channel, y, "
            "x), all values finite"
        )
    steps = net.readout if steps is None else whole_number(steps, "steps")
    if steps < 2:
        raise AnalysisError(f"{steps} steps hold no move from one to the next; give at least 2")
    return steps


def time_coordinates(steps: Sequence[int], axis: TimeAxis | None) -> dict[str, Any]:
    """Coordinates of steps, in ms with their declared range."""
    axis = axis or TimeAxis()
    steps = list(steps)
    units = f"{axis.units}, nominal" if axis.is_declared else axis.units
    return {
        "step": steps,
        "time_ms": ("step", axis.time_ms(steps), {"units": units}),
        "time_ms_low": ("step", axis.low_ms(steps)),
        "time_ms_high": ("step", axis.high_ms(steps)),
    }


def made_with() -> dict[str, str]:
    """What a result states about the software."""
    return {"provenance": json.dumps(provenance("xarray"))}
