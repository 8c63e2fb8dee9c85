"""Beginning with weights that were trained before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cortexsim.errors import TrainingError
from cortexsim.models.network import Network
from cortexsim.models.weights import bundled, load_weights


def start_from(net: Network, source: str) -> dict[str, Any]:
    """Fill ``net`` with the parameters of trained weights; returns what the card says of them: name and sha256.

    source: a network of the zoo whose weights are bundled, or a .safetensors file with its card beside it. Both networks must have the same
    parameters by name and shape; TrainingError names those that differ. Normalisation statistics are not taken over: they are those of what the
    other network was shown, and the first batch begins new ones.
    """
    path = Path(source) if source.endswith(".safetensors") else bundled(source)
    other = load_weights(path)
    ours, theirs = dict(net.named_parameters()), dict(other.named_parameters())
    differ = [
        f"{k}: {_shape(ours, k)} here, {_shape(theirs, k)} there"
        for k in sorted(ours.keys() | theirs.keys())
        if _shape(ours, k) != _shape(theirs, k)
    ]
    if differ:
        more = f"\n  and {len(differ) - 8} more" if len(differ) > 8 else ""
        raise TrainingError(
            f"--from-weights {source} holds other parameters than {len(ours)} of this network:\n  "
            + "\n  ".join(differ[:8])
            + f"{more}\nGive weights of the same architecture, or change --model, --readout or --inhomogeneous"
        )
    with torch.no_grad():
        for name, parameter in ours.items():
            parameter.copy_(theirs[name])
    return {
        "name": other.card.get("name", path.stem),
        "weights_sha256": other.card["weights_sha256"],
    }


def _shape(parameters: dict[str, torch.nn.Parameter], name: str) -> str:
    return " x ".join(map(str, parameters[name].shape)) if name in parameters else "none"
