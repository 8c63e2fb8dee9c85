"""What runs inside a submission: the network of a plugin folder, with nothing installed but
Brain-Score.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cortexsim.brainscore.commitment import commit, preprocessing_of
from cortexsim.errors import BrainScoreError
from cortexsim.models.network import Network
from cortexsim.models.spec import Spec
from cortexsim.models.weights import load_card, sha256

if TYPE_CHECKING:
    from cortexsim.brainscore.model import BrainModel

WEIGHTS, COMMITMENT = "weights.safetensors", "commitment.json"
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def open_plugin(folder: Path) -> BrainModel:
    """The BrainModel of a plugin folder.

    Parameters
    ----------
    folder : Path
        It holds weights, their card, and the commitment with which it was packaged.

    Returns
    -------
    BrainModel
        The subject.
    """
    from cortexsim.brainscore.model import BrainModel

    net = open_network(folder / WEIGHTS)
    preprocessing = preprocessing_of(net.card, str(folder))
    options = json.loads((folder / COMMITMENT).read_text())
    return BrainModel(
        net, preprocessing, commit(net, preprocessing, options.pop("identifier"), **options)
    )


def open_network(path: Path) -> Network:
    """A network and its weights, where the safetensors package is not installed.

    Otherwise as :func:`cortexsim.models.weights.load_weights`.

    Parameters
    ----------
    path : Path
        The weights, with their card beside them.

    Returns
    -------
    Network
        In evaluation mode.

    Raises
    ------
    BrainScoreError
        If the weights are not those that the card describes.
    """
    card = load_card(path)
    if (digest := sha256(path)) != card["weights_sha256"]:
        raise BrainScoreError(
            f"{path} is not the file its card describes: sha256 {digest[:12]}..., card says "
            f"{card['weights_sha256'][:12]}..."
        )
    net = Network(Spec.from_dict(card["network"]), warn=False)
    net.load_state_dict(read_safetensors(path.read_bytes()))
    net.card = card
    return net.eval()


def read_safetensors(data: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    8 bytes with the length of a JSON header (little-endian), the header, the bytes of the tensors.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    dict of str to Tensor
        The tensors by name.

    Raises
    ------
    BrainScoreError
        If it is no such file.

    References
    ----------
    https://huggingface.co/docs/safetensors, "Format".
    """
    start = 8 + int.from_bytes(data[:8], "little")
    try:
        header: dict[str, Any] = json.loads(data[8:start])
        header.pop("__metadata__", None)
        body = data[start:]
        return {name: _tensor(entry, body) for name, entry in header.items()}
    except (ValueError, KeyError, RuntimeError) as error:
        raise BrainScoreError(
            f"not a safetensors file, or one cut short: {type(error).__name__}: {error}"
        ) from error


def _tensor(entry: dict[str, Any], body: bytes) -> Tensor:
    first, last = entry["data_offsets"]
    if not 0 <= first <= last <= len(body):
        raise ValueError(f"bytes {first} to {last} of {len(body)}")
    dtype = DTYPES[entry["dtype"]]
    if first == last:
        return torch.empty(entry["shape"], dtype=dtype)
    return torch.frombuffer(bytearray(body[first:last]), dtype=dtype).reshape(entry["shape"])
