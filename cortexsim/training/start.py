"""What a run begins with: a network of the zoo or of the user's own, fresh or trained before."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch

from cortexsim.errors import TrainingError
from cortexsim.models.network import Network
from cortexsim.models.own import fitted
from cortexsim.models.weights import bundled, load_weights
from cortexsim.training.config import Settings
from cortexsim.training.run import Architecture

CLASSIFIER = "post_net."
"""Of a network: how the names of the parameters begin that there are for each class."""
OVERRIDES = ("readout", "inhomogeneous", "norm")  # of the architecture


def beginning(
    architecture: Architecture,
    settings: Settings,
    *,
    classes: int,
    channels: int,
) -> Network:
    """The network that is trained: fresh, or a copy of one that was given.

    Parameters
    ----------
    architecture : Architecture
        A network keeps its weights.
    settings : Settings
        Their seed draws the weights, and those of the architecture replace what the specification
        says.
    classes, channels : int
        Of the data.

    Raises
    ------
    TrainingError
        For a network with other classes or channels than the data.
    """
    overrides = {k: getattr(settings, k) for k in OVERRIDES if getattr(settings, k) is not None}
    if not isinstance(architecture, Network):
        return fitted(
            architecture, classes=classes, channels=channels, seed=settings.seed, **overrides
        )
    if overrides:
        names = " and ".join(f"`{name}`" for name in overrides)
        raise TrainingError(
            f"{names} would change an architecture that is given as a network; give its Spec or "
            "its Graph instead, or leave the option out"
        )
    fresh = {"whitening": settings.settings().whitening, "from_weights": settings.from_weights}
    if replaced := {k: v for k, v in fresh.items() if v not in (None, "none")}:
        name, value = next(iter(replaced.items()))
        none = "'none'" if name == "whitening" else "None"
        raise TrainingError(
            f"`{name}={value!r}` would replace weights of an architecture that is given as a "
            f"network, which keeps its own; give its Spec or its Graph instead, or `{name}={none}`"
        )
    spec = architecture.spec
    if (spec.classes, spec.channels) != (classes, channels):
        raise TrainingError(
            f"the network tells {spec.classes} classes apart in images of {spec.channels} "
            f"channels, the data have {classes} classes and {channels} channels; give its Spec or "
            "its Graph, which take those of the data"
        )
    net = copy.deepcopy(architecture)
    net.card = {}  # of the weights that it begins with, and of images normalised in another way
    return net


def start_from(net: Network, source: str) -> dict[str, Any]:
    """Fill a network with the parameters of trained weights, but for a readout of other classes.

    Normalisation statistics are not taken over: they are those of what the other network was shown,
    and the first batch begins new ones.

    Parameters
    ----------
    net : Network
        Is filled.
    source : str
        A network of the zoo whose weights are bundled, or a .safetensors file with its card beside
        it.

    Returns
    -------
    dict
        What the card says of the weights: name and sha256, and a note on a readout drawn anew.

    Raises
    ------
    TrainingError
        Unless both networks have the same parameters by name and shape (the readout apart, where
        they tell other numbers of classes apart); names those that differ.
    """
    path = Path(source) if source.endswith(".safetensors") else bundled(source)
    other = load_weights(path)
    ours, theirs = dict(net.named_parameters()), dict(other.named_parameters())
    differ = [
        f"{k}: {_shape(ours, k)} here, {_shape(theirs, k)} there"
        for k in sorted(ours.keys() | theirs.keys())
        if _shape(ours, k) != _shape(theirs, k)
        and not (k.startswith(CLASSIFIER) and net.spec.classes != other.spec.classes)
    ]
    if differ:
        more = f"\n  and {len(differ) - 8} more" if len(differ) > 8 else ""
        raise TrainingError(
            f"`from_weights={source!r}` holds other parameters than {len(ours)} of this network:\n"
            "  " + "\n  ".join(differ[:8]) + f"{more}\n"
            "Give weights of the same architecture, or change `model`, `readout` or "
            "`inhomogeneous`"
        )
    with torch.no_grad():
        for name, parameter in ours.items():
            if _shape(ours, name) == _shape(theirs, name):
                parameter.copy_(theirs[name])
    origin = {
        "name": other.card.get("name", path.stem),
        "weights_sha256": other.card["weights_sha256"],
    }
    if net.spec.classes != other.spec.classes:
        origin["note"] = (
            f"the readout of {net.spec.classes} classes was drawn anew, that of the other weights "
            f"has {other.spec.classes}"
        )
    return origin


def _shape(parameters: dict[str, torch.nn.Parameter], name: str) -> str:
    return " x ".join(map(str, parameters[name].shape)) if name in parameters else "none"
