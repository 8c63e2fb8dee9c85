"""Weights on disk: safetensors beside a JSON model card; no code runs when a file is opened."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cortexsim.checksums import json_digest, with_digest
from cortexsim.errors import CortexsimError
from cortexsim.files import atomic_write, parsed_json
from cortexsim.models.cell import numbers_of
from cortexsim.models.fields import fits, in_words, shown, tuples
from cortexsim.models.network import Network
from cortexsim.models.preprocessing import Preprocessing
from cortexsim.models.spec import Spec
from cortexsim.models.transitions import Statistics
from cortexsim.processes import Processes

CARD_FORMAT = 1
SEED = "-seed"
"""Between the name of a network and the seed of its training, in names of bundled weights."""
CARD_DIGEST = "card_sha256"
"""Under which a card says the sha256 of the rest of itself."""


def weights_folder() -> Path:
    """Where the bundled weights are: in the installed package, or a checkout's ``data/weights``."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "weights"
    return installed if installed.is_dir() else package.parent / "data" / "weights"


def bundled(name: str) -> Path:
    """The bundled weights of a network of the zoo; CortexsimError that lists those there are."""
    folder = weights_folder()
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        network, seed = split_seed(name)
        if seeds := bundled_seeds(network):
            raise CortexsimError(
                f"no weights of {network} trained from seed {seed} are bundled (seeds: "
                f"{', '.join(map(str, seeds))}). Train them as the others were, with "
                f"'{_command_of(folder / f'{with_seed(network, seeds[-1])}.safetensors')} --seed "
                f"{seed} --name {name}', and pass the path of {name}.safetensors"
            )
        if ".py:" in name:
            raise CortexsimError(
                f"{name} is a file of yours without trained weights: give the .safetensors file "
                "that 'cortexsim train --model "
                f"{name}' writes of a Graph, Spec or Network of cortexsim; a wrapped network of "
                "PyTorch has none"
            )
        of_seed = f" --seed {seed} --name {name}" if seed else ""
        have = ", ".join(sorted(p.stem for p in folder.glob("*.safetensors"))) or "none"
        raise CortexsimError(
            f"no trained weights are bundled for {name!r} (bundled: {have}). Train them with "
            f"'cortexsim train --model {network}{of_seed}', pass a path ending in .safetensors, or "
            "build fresh ones with cortexsim.build"
        )
    return path


def _command_of(weights: Path) -> str:
    """The command that trains weights like these, but for their seed and name."""
    card = load_card(weights)
    if not {"recipe", "data"} <= card.keys():
        return f"cortexsim train --model {split_seed(weights.stem)[0]}"
    recipe, data = card["recipe"], card["data"]["name"]
    said = {k: recipe.get(k) for k in ("recipe", "epochs", "precision", "presentation")}
    said |= {"supervise": " ".join(recipe["supervise"]), "kernels": "bfloat16"}
    usual = {"presentation": None, "supervise": "last"}
    words = " ".join(f"--{k} {v}" for k, v in said.items() if k not in usual or v != usual[k])
    return f"cortexsim train --model {recipe['model']} --data {data} {words}"


def with_seed(name: str, seed: int) -> str:
    """What the bundled weights of a network trained from this seed are called.

    >>> with_seed("cortex4", 0), with_seed("cortex4-twin", 3)
    ('cortex4', 'cortex4-twin-seed3')
    """
    return f"{name}{SEED}{seed}" if seed else name


def split_seed(name: str) -> tuple[str, int]:
    """The network and the seed in the name of bundled weights.

    >>> split_seed("cortex4-twin-seed3"), split_seed("cortex4")
    (('cortex4-twin', 3), ('cortex4', 0))
    """
    match = re.fullmatch(f"(.+){SEED}([1-9][0-9]*)", name)
    return (match[1], int(match[2])) if match else (name, 0)


def bundled_seeds(name: str) -> tuple[int, ...]:
    """Seeds from which the bundled weights of a network were trained, ascending.

    >>> 0 in bundled_seeds("cortex4")
    True
    """
    found = [split_seed(path.stem) for path in weights_folder().glob("*.safetensors")]
    return tuple(sorted(seed for network, seed in found if network == name))


def card_path(weights: Path) -> Path:
    """The model card of a weights file: beside it, ``.json``."""
    return weights.with_suffix(".json")


def sha256(path: Path) -> str:
    """Of the bytes of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_kernel(name: str, tensor: torch.Tensor) -> bool:
    """Whether a tensor of a network holds the weights of a convolution or of the readout.

    >>> is_kernel("cells.V1.conv.weight", torch.zeros(8, 4, 3, 3))
    True
    >>> is_kernel("norm.mean", torch.zeros(8, 4))
    False
    """
    return name.endswith("weight") and tensor.ndim > 1


def round_kernels(net: Network, kernels: torch.dtype) -> None:
    """Round a network's kernels, in place, to what :func:`save_weights` would write of them."""
    with torch.no_grad():
        for name, tensor in net.named_parameters():
            if is_kernel(name, tensor):
                tensor.copy_(tensor.to(kernels))


def save_weights(
    net: Network, path: Path, card: dict[str, Any], *, kernels: torch.dtype = torch.float32
) -> None:
    """Write the weights, then the card that names them.

    Each atomically, so that neither is ever seen half-written.

    Parameters
    ----------
    net : Network
        Whose weights and statistics are written.
    path : Path
        The ``.safetensors`` file; the card stands beside it.
    card : dict
        What the card says besides the architecture and the hash of the weights; of a network that
        was loaded, and is as it was, its card.
    kernels : torch.dtype
        As what the weights of convolutions and of the readout are written; biases, scales and
        statistics always are float32.
    """
    from safetensors.torch import save

    tensors = {k: v.detach().cpu().contiguous() for k, v in net.state_dict().items()}
    tensors = {k: v.to(kernels) if is_kernel(k, v) else v for k, v in tensors.items()}
    atomic_write(path, save(tensors))
    own = {
        "format": CARD_FORMAT,
        "weights_sha256": sha256(path),
        "network": net.spec.as_dict(),
    }
    # The card of a network that was loaded has these of the file that it was loaded from.
    full = own | {k: v for k, v in card.items() if k not in (*own, CARD_DIGEST)}
    full = with_digest(full, CARD_DIGEST)
    atomic_write(card_path(path), (json.dumps(full, indent=1) + "\n").encode())


def load_card(weights: Path) -> dict[str, Any]:
    """The model card beside a weights file; CortexsimError if there is none, or not a whole one."""
    if not weights.is_file():
        raise CortexsimError(f"no weights file at {weights}")
    path = card_path(weights)
    if not path.is_file():
        raise CortexsimError(
            f"{weights} has no model card: {path} is missing; the two files belong together"
        )
    try:
        text = path.read_bytes()
    except OSError as error:
        raise CortexsimError(f"{path} cannot be read: {error}") from error
    card = parsed_json(text, f"{path} is not a model card: it")
    if not isinstance(card, dict):
        raise CortexsimError(f"{path} is not a model card: it holds {shown(card)}")
    if card.get("format") != CARD_FORMAT or card["format"] is True:
        raise CortexsimError(
            f"{path} has card format {shown(card.get('format'))}; "
            f"this version of cortexsim reads {CARD_FORMAT}"
        )
    if absent := [k for k in ("network", "weights_sha256") if k not in card]:
        raise CortexsimError(f"{path} is not a whole model card: it lacks {' and '.join(absent)}")
    try:
        check_card(card)
    except CortexsimError as error:
        raise CortexsimError(f"{path} is no sound model card: {error}") from error
    if CARD_DIGEST in card and card[CARD_DIGEST] != json_digest(card, CARD_DIGEST):
        raise CortexsimError(
            f"{path} is damaged, or was changed after it was written: its {CARD_DIGEST} is that of "
            f"another card. Put it back from a copy; if you changed it, remove {CARD_DIGEST}"
        )
    return card


FIELDS: dict[str, Any] = {
    "weights_sha256": str,
    "name": str,
    "calibrated_to_step": int,
    "classes": tuple[str, ...] | None,
    "notes": tuple[str, ...],
    "areas": str,
}
"""What is read from a card besides the network and the preprocessing, with its type."""


TRAINED = ("preprocessing", "classes")
"""What the card of a trained network says: one with a recipe, or with data."""


def check_card(card: Mapping[str, Any]) -> None:
    """Refuse a card in which something that is read is of another type, or does not fit the rest.

    Raises
    ------
    CortexsimError
        With the field, what stands there, and what is needed.
    """
    for field, hint in FIELDS.items():
        if field in card and not fits(tuples(card[field]), hint):
            raise CortexsimError(f"{field} is {shown(card[field])}; {in_words(hint)} is needed")
    if not re.fullmatch("[0-9a-f]{64}", card["weights_sha256"]):
        raise CortexsimError(
            f"weights_sha256 is {shown(card['weights_sha256'])}; 64 hexadecimal digits are needed"
        )
    spec = Spec.from_dict(card["network"])
    numbers_of(spec)  # GraphError for what cannot be read out, or is far too large
    absent = [k for k in TRAINED if card.get(k) is None]
    if absent and any(k in card for k in ("recipe", "data")):
        raise CortexsimError(
            f"it says how the network was trained and lacks {' and '.join(absent)}, without which "
            "its images and answers are guesses; put the card back from a copy"
        )
    names = card.get("classes")
    if names is not None and len(names) != spec.classes:
        raise CortexsimError(
            f"it names {len(names)} classes, and the network tells {spec.classes} apart; "
            "name them all, or leave classes out"
        )
    if "preprocessing" in card:
        channels = len(Preprocessing.from_dict(card["preprocessing"]).mean)
        if channels != spec.channels:
            raise CortexsimError(
                f"its preprocessing has {channels} mean{'s' * (channels != 1)} and stds, and the "
                f"images of its network {spec.channels} channels"
            )


def load_weights(path: Path) -> Network:
    """The network that a card describes, with its weights, in evaluation mode.

    Raises
    ------
    CortexsimError
        If the sha256 of the weights is not that of the card, or they are those of another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    card = load_card(path)
    digest = sha256(path)
    if digest != card["weights_sha256"]:
        raise CortexsimError(
            f"{path} is not the file its card describes: sha256 {digest[:12]}..., "
            f"card says {card['weights_sha256'][:12]}..."
        )
    spec = Spec.from_dict(card["network"])
    if (numbers := numbers_of(spec)) > path.stat().st_size:
        raise CortexsimError(
            f"{path} does not hold the weights of the network its card describes: these are "
            f"{numbers:,} numbers, the file has {path.stat().st_size:,} bytes"
        )
    net = Network(spec, warn=False)
    try:
        net.load_state_dict(load(path.read_bytes()))
        rows = [m for m in net.modules() if isinstance(m, Statistics)]
        if any(m.mean.shape != m.var.shape or len(m.mean) != len(m.estimated) for m in rows):
            raise ValueError("its normalisation statistics have other numbers of steps")
    # A stranger's tensors: of another shape or type, or fewer dimensions than statistics have.
    except (SafetensorError, RuntimeError, ValueError, TypeError, LookupError) as error:
        why = " ".join(str(error).split())
        raise CortexsimError(
            f"{path} does not hold the weights of the network its card describes: "
            f"{why if len(why) < 300 else why[:297] + '...'}"
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


def device_among(name: str, processes: Processes) -> torch.device:
    """The device of this process: of several on one machine each has a GPU of its own.

    Parameters
    ----------
    name : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, which all of them take.
    processes : Processes
        This one among them.

    Raises
    ------
    CortexsimError
        If there are fewer GPUs than processes.
    """
    device = device_of(name)
    if not processes.several or device.type != "cuda" or device.index is not None:
        return device
    if processes.local >= torch.cuda.device_count():
        raise CortexsimError(
            f"process {processes.local + 1} of this machine has no GPU of its own: there are "
            f"{torch.cuda.device_count()}. Start as many processes, or give a device that they "
            "share, e.g. `device='cuda:0'` or `device='cpu'`"
        )
    return torch.device("cuda", processes.local)
