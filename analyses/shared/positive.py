"""Positive controls of the figures that compare with brains: published networks, block by block.

What is known to resemble IT must be found to. Each network is judged by itself, so that no number
of the others depends on whether it is there. Block 13 of EfficientNet-Lite0 was chosen by looking:
it is the block that resembles IT of monkey and man most for these 92 images.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from shared.common import evaluated

NETWORKS = ("efficientnet-lite0", "resnet20", "resnet56")
KNOWN = ("efficientnet-lite0", "block13")
BATCH = 23


def blocks(images: np.ndarray, names: tuple[str, ...] = NETWORKS) -> dict[str, Any]:
    """Correlation RDMs ``(block, pair)`` of each network; those that cannot be had are left out.

    Parameters
    ----------
    images : array of uint8, shape (image, y, x, 3)
        What they are shown.
    names : tuple of str
        Keys of ``PUBLISHED``.

    Returns
    -------
    dict of str to DataArray
        By network; with the names of the blocks as ``model``.
    """
    from cortexsim.errors import CortexsimError
    from cortexsim.models.foreign.published import published_model

    found = {}
    for name in names:
        try:
            net = published_model(name, as_="staircase")
        except CortexsimError as error:
            print(f"without {name}: {error}", file=sys.stderr)
            continue
        found[name] = _rdms(net, images)
    return found


def _rdms(net: Any, images: np.ndarray) -> Any:
    """The RDM of each block, from products of images that grow batch by batch."""
    import torch
    import xarray

    from cortexsim.analysis import rdms

    shown = net.preprocess(images)
    maps: dict[str, list[np.ndarray]] = {s: [] for s in net.state_names}
    with torch.inference_mode():
        for start in range(0, len(shown), BATCH):
            for state, value in net.activations(shown[start : start + BATCH]).items():
                maps[state].append(value.flatten(1).numpy())
    each = []
    for state in net.state_names:  # one at a time in double precision: the first are large
        each.append(rdms(np.concatenate(maps.pop(state)).astype(np.float64)))
    return xarray.DataArray(
        np.stack(each), dims=("model", "pair"), coords={"model": list(net.state_names)}
    )


def judged(
    found: dict[str, Any], target: Any, *, comparator: str, resamples: int, seed: int
) -> dict[str, Any]:
    """The evaluation of the blocks of each network, as JSON has it.

    target ``(subject, pair)``: RDMs of a brain.
    """
    from cortexsim.analysis import Inference, evaluate

    factors = ("subject", "condition") if len(target) > 1 else ("condition",)
    inference = Inference(resample=factors, n=resamples, rng=seed)
    return {
        name: evaluated(evaluate(rdm, target, comparator=comparator, inference=inference))
        for name, rdm in found.items()
    }


def known(of_target: dict[str, Any]) -> float | None:
    """What the block reaches that is known to resemble IT; None where it is absent."""
    network, block = KNOWN
    return (
        float(of_target[network]["models"][block]["evaluation"]) if network in of_target else None
    )


def line(axes: Any, of_target: dict[str, Any]) -> None:
    """A line at what the positive control reaches."""
    value = known(of_target)
    if value is None:
        return
    axes.axhline(
        value,
        color="black",
        ls=(0, (1, 1.5)),
        lw=1.4,
        label=f"positive control: {KNOWN[0]}, block 13",
    )
    low, high = axes.get_ylim()
    axes.set_ylim(low, max(high, value + 0.06 * (high - low)))
