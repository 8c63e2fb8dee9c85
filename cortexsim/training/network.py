"""Training any network on any images, from Python as from the command line."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cortexsim.arguments import clear_errors
from cortexsim.errors import StimulusError, TrainingError
from cortexsim.models.foreign.named import is_external, made_in
from cortexsim.models.network import Network
from cortexsim.models.weights import load_card, load_weights
from cortexsim.models.zoo import spec
from cortexsim.stimuli.image_set import ImageSet
from cortexsim.stimuli.imagenet import ImageTree
from cortexsim.training.architecture import trainable
from cortexsim.training.config import Settings, named
from cortexsim.training.feeding import images_named
from cortexsim.training.run import Architecture, Run, Words
from cortexsim.training.trainer import train

EVERY = 10  # of images without a split, each so-many-th is for testing
IN_MEMORY = "memory"
RESERVED = ("config", "architecture")  # .json of a run, beside the card NAME.json


@clear_errors
def train_network(
    network: str | Architecture,
    data: Any,
    *,
    out: str | Path | None = None,
    name: str | None = None,
    settings: Settings | None = None,
    log: Callable[[str], None] = lambda text: None,
    progress: bool = False,
) -> Network:
    """Train a network, or continue the run that ``out`` holds.

    Parameters
    ----------
    network : str, Graph, Spec or Network
        The name of a network of the zoo; or your own: a ``Graph`` (read out after twice as many
        steps as it has states, behind the pre-net of cortex4), a ``Spec`` (whose classes and
        channels become those of the data), a ``Network``, which keeps its weights and is not
        changed, or ``"FILE.py:NAME"``, whose code is run and returns one of these.
    data : str, Path, ImageSet or sequence of arrays
        What ``cortexsim train --data`` takes (``"cifar10"``, a folder, an .npz); a set
        of images; or arrays:
        ``(x, y)``, of which every tenth image is for testing, or ``(x_train, y_train, x_test,
        y_test)``. Images are uint8 ``(n, y, x, 3)``, labels integers from 0.
    out : str or Path, optional
        Folder of the run; default ``runs/NAME``. A run that was stopped continues from there, and
        one that is done is loaded; a run on other images, or with other settings, is refused.
    name : str, optional
        What its weights are called, ``NAME.safetensors``; default that of the network of the zoo
        or of the function, ``network`` for a network of your own.
    settings : Settings, optional
        Recipe, epochs, rate, seed, device, ...: the options of ``cortexsim train``.
    log : callable, optional
        Takes a line of text now and then; default nobody.
    progress : bool
        Whether a bar is shown, with a line for each epoch.

    Returns
    -------
    Network
        The trained network in evaluation mode, with its model card (``net.card``);
        ``net.card["folder"]`` is where the run is.

    Raises
    ------
    StimulusError
        If the data are no images, or no labels.
    TrainingError
        If a loss is not finite, if the folder holds another run, or if network and data do not fit.

    >>> import tempfile, cortexsim
    >>> from cortexsim.models import State, adjacent
    >>> from cortexsim.training import Settings
    >>> graph = adjacent([State("V1", 8, 4), State("IT", 4, 8)])
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8), np.arange(40) % 3
    >>> quick = Settings(epochs=1, batch_size=12, device="cpu")
    >>> net = train_network(graph, (x, y), out=tempfile.mkdtemp() + "/run", settings=quick)
    >>> net.classes, net.readout
    (3, 4)
    """
    run = make_run(network, data, out=out, name=name, settings=settings)
    weights = train(run, log, progress=progress)
    net = trained(weights, run.architecture)
    net.card = {**net.card, "folder": str(weights.parent)}
    return net


def make_run(
    network: str | Architecture,
    data: Any,
    *,
    out: str | Path | None = None,
    name: str | None = None,
    settings: Settings | None = None,
    train_count: int | None = None,
    jobs: int = 1,
) -> Run:
    """The run that is asked for, in Python or by ``cortexsim train``; nothing is read or written.

    Parameters
    ----------
    network, data, out, name, settings
        As :func:`train_network` takes them.
    train_count : int, optional
        Of an .npz without a split: how many of the first images are for training.
    jobs : int
        Told in ``config.json``.

    Raises
    ------
    TrainingError
        For what cannot be trained, and for a name that is none of a file.

    Examples
    --------
    >>> run = make_run("rnn2", "cifar10", settings=Settings(epochs=3))
    >>> run.name, run.architecture.readout, str(run.folder)
    ('rnn2', (10,), 'runs/rnn2')
    """
    if isinstance(network, str):
        own = is_external(network)
        called, words = named(network) if name is None else name, network
        told = None if called == named(network) else called
        architecture = trainable(_made(network), network) if own else spec(network)
    else:
        own, architecture = True, trainable(network, "the network")
        called = words = "network" if name is None else name
        told = None
    data_name, images = images_of(data, train_count=train_count)
    if not called or called != Path(called).name or called.startswith(("-", ".")):
        raise TrainingError(
            f"`name={called!r}` cannot be that of a file, NAME.safetensors, in the folder of the "
            "run: leave out '/', and begin with a letter or a digit"
        )
    if called in RESERVED:
        raise TrainingError(
            f"`name={called!r}` is that of a file which every run has, {called}.json; give another"
        )
    if out is not None and not str(out):
        raise TrainingError("`out` is empty (a variable that is not set?); give a folder, or none")
    return Run(
        name=called,
        architecture=architecture,
        own=own,
        images=images,
        folder=Path(f"runs/{called}" if out is None else out),
        settings=settings or Settings(),
        words=Words(
            words, data_name, train_count, None if out is None else str(out), jobs=jobs, name=told
        ),
    )


def _made(name: str) -> Any:
    """What the function of ``FILE.py:NAME`` returns; None for the name of somebody else's."""
    return made_in(name) if ".py:" in name else None


def trained(weights: Path, architecture: Architecture | None = None) -> Network:
    """The network of a run that is done; one with a pre-net of its own is filled in a copy."""
    if isinstance(architecture, Network) and architecture.spec.pre_net == "custom":
        from safetensors.torch import load

        net = copy.deepcopy(architecture)
        net.load_state_dict(load(weights.read_bytes()))
        net.card = load_card(weights)
        return net.eval()
    return load_weights(weights)


def image_set(data: Any) -> ImageSet:
    """Images and labels in memory as a set with a part for testing; see :func:`train_network`."""
    return data if isinstance(data, ImageSet) else _of_arrays(data)


def images_of(
    data: Any, *, train_count: int | None = None
) -> tuple[str, Callable[[], ImageSet | ImageTree]]:
    """What data are called, and what gives the images; see :func:`make_run`."""
    if isinstance(data, str | Path):
        return str(data), lambda: images_named(str(data), train_count=train_count)
    images = image_set(data)
    # The images are a part of what the run is: its folder refuses others.
    return f"{IN_MEMORY}:{images.sha256()}", lambda: images


def _of_arrays(data: Any) -> ImageSet:
    """A set of two or four arrays."""
    notes: tuple[str, ...] = ()
    if not isinstance(data, Sequence):
        raise StimulusError(
            f"data are of type {type(data).__name__}; give a path, an ImageSet, (x, y) or "
            "(x_train, y_train, x_test, y_test)"
        )
    if len(data) == 2:
        x, y = np.asarray(data[0]), np.asarray(data[1])
        if len(x) != len(y):
            raise StimulusError(f"{len(x)} images and {len(y)} labels do not match")
        testing = np.zeros(len(x), bool)
        _, of_class, counts = np.unique(_labels(y), return_inverse=True, return_counts=True)
        by_class = np.argsort(of_class, kind="stable")
        testing[by_class[EVERY - 1 :: EVERY]] = True  # of all classes, whatever their order
        testing &= (counts > 1)[of_class]  # the only image of a class is to be learned from
        if not testing.any():
            raise StimulusError(
                f"{len(x)} images are too few to set every {EVERY}th apart for testing; give "
                "(x_train, y_train, x_test, y_test)"
            )
        data = (x[~testing], y[~testing], x[testing], y[testing])
        notes = (f"every {EVERY}th image, in the order of classes, is for testing",)
    if len(data) != 4:
        raise StimulusError(
            f"data are {len(data)} arrays; give (x, y) or (x_train, y_train, x_test, y_test)"
        )
    x_train, y_train, x_test, y_test = (np.asarray(a) for a in data)
    tensors = (_images(x_train), _labels(y_train), _images(x_test), _labels(y_test))
    classes = max((int(y.max()) + 1 for y in (y_train, y_test) if y.size), default=0)
    return ImageSet(IN_MEMORY, *tensors, tuple(map(str, range(classes))), notes)


def _images(x: np.ndarray) -> torch.Tensor:
    """Of ``(n, y, x, 3)``: ``(n, channel, y, x)``."""
    if x.dtype != np.uint8 or x.ndim != 4 or x.shape[3] != 3:
        raise StimulusError(f"images are {x.dtype} {x.shape}; expected uint8 (n, y, x, 3)")
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


def _labels(y: np.ndarray) -> torch.Tensor:
    """Integers ``(n,)``."""
    if y.dtype.kind not in "iu" or y.ndim != 1:
        raise StimulusError(f"labels are {y.dtype} {y.shape}; expected integers (n,)")
    return torch.from_numpy(y.astype(np.int64))
