"""Weights on disk: safetensors (no code runs when a stranger's file is opened) beside a JSON model card."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from cortexsim.errors import CortexsimError
from cortexsim.files import atomic_write
from cortexsim.models.network import Network
from cortexsim.models.spec import Spec

CARD_FORMAT = 1


def weights_folder() -> Path:
    """Where the bundled weights are: inside the installed package, or ``data/weights`` of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "weights"
    return installed if installed.is_dir() else package.parent / "data" / "weights"


def bundled(name: str) -> Path:
    """The bundled weights of a network of the zoo."""
    folder = weights_folder()
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        have = ", ".join(sorted(p.stem for p in folder.glob("*.safetensors"))) or "none"
        raise CortexsimError(
            f"no trained weights are bundled for {name!r} (bundled: {have}). Train them with "
            f"'python -m cortexsim.train --model {name}', pass a path ending in .safetensors, or build fresh ones with cortexsim.build"
        )
    return path


def card_path(weights: Path) -> Path:
    return weights.with_suffix(".json")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def save_weights(net: Network, path: Path, card: dict[str, Any]) -> None:
    """Write the weights, then the card that names them: each atomically, so that neither is ever seen half-written."""
    from safetensors.torch import save

    tensors = {k: v.detach().cpu().contiguous() for k, v in net.state_dict().items()}
    atomic_write(path, save(tensors))
    full = {
        "format": CARD_FORMAT,
        "weights_sha256": sha256(path),
        "network": net.spec.as_dict(),
        **card,
    }
    atomic_write(card_path(path), (json.dumps(full, indent=1) + "\n").encode())


def load_card(weights: Path) -> dict[str, Any]:
    """The model card beside a weights file."""
    if not weights.is_file():
        raise CortexsimError(f"no weights file at {weights}")
    path = card_path(weights)
    if not path.is_file():
        raise CortexsimError(
            f"{weights} has no model card: {path} is missing; the two files belong together"
        )
    try:
        card = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise CortexsimError(f"{path} is not a model card: {error}") from error
    if card.get("format") != CARD_FORMAT:
        raise CortexsimError(
            f"{path} has card format {card.get('format')!r}; this version of cortexsim reads {CARD_FORMAT}"
        )
    if absent := [k for k in ("network", "weights_sha256") if k not in card]:
        raise CortexsimError(f"{path} is not a whole model card: it lacks {' and '.join(absent)}")
    return card


def load_weights(path: Path) -> Network:
    """Build the network that a card describes and fill it with its weights, after checking the weights' sha256."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    card = load_card(path)
    found = sha256(path)
    if found != card["weights_sha256"]:
        raise CortexsimError(
            f"{path} is not the file its card describes: sha256 {found[:12]}..., card says {card['weights_sha256'][:12]}..."
        )
    net = Network(Spec.from_dict(card["network"]))
    try:
        net.load_state_dict(load(path.read_bytes()))
    except (SafetensorError, RuntimeError) as error:
        raise CortexsimError(
            f"{path} does not hold the weights of the network its card describes: {error}"
        ) from error
    net.card = card
    return net.eval()


def device_of(name: str) -> torch.device:
    """``auto`` is CUDA where there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise CortexsimError(
            f"device {name!r} is not known; use auto, cpu, cuda or cuda:N"
        ) from error
    if device.type not in ("cpu", "cuda"):
        raise CortexsimError(f"device {name!r} is not supported; use auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise CortexsimError(
            "device 'cuda' was asked for, but torch finds no CUDA device; use --device cpu"
        )
    return device
