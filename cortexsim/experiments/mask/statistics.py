"""Normalisation statistics under each presentation of a masking experiment.

Statistics that are kept by step belong to a presentation: those of an image that is shown at step 1
only do not fit an image that stays on, nor a mask that follows. They are estimated anew for every
SOA and mask on training images, which are shown as the stimuli will be, so that what a mask costs
is not mixed with what statistics of another presentation cost; the images are cropped and mirrored
as the network's recipe does, for the same reason. Statistics that all steps share (of
the pre-net, of networks with ``norm="shared"``) belong to none and stay those of training; so
nothing differs before a mask can have arrived.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from cortexsim.errors import AnalysisError, CalibrationError
from cortexsim.experiments.mask.design import INTACT, NO_ANSWER, UNMASKED, Design
from cortexsim.models.calibration import estimate
from cortexsim.models.memory import States
from cortexsim.models.network import Network
from cortexsim.models.protocol import Unrolls
from cortexsim.models.transitions import Statistics
from cortexsim.progress import bar as progress_bar
from cortexsim.stimuli.augmentation import as_trained
from cortexsim.stimuli.cifar import NAMES
from cortexsim.stimuli.datasets import load_images
from cortexsim.stimuli.images import Stimuli, load_stimuli
from cortexsim.stimuli.order import some_of
from cortexsim.stimuli.presentation import compose
from cortexsim.stimuli.trials import Masker

if TYPE_CHECKING:
    import xarray

    from cortexsim.stimuli.images import Preprocessing

PRESENTATION, BUNDLED = "presentation", "bundled"
AT_ONCE = 250
"""Images a batch: a row is normalised by its batch while it is estimated."""
FEWEST = 20
"""Images that statistics are estimated on."""

Presented = dict[tuple[str, str, float], Unrolls]
"""(lesion, mask, SOA in ms) -> the network with statistics of that presentation."""


def by_step(net: Unrolls) -> bool:
    """Whether a network has statistics that belong to a step.

    >>> import cortexsim
    >>> by_step(cortexsim.load("cortex4")), by_step(cortexsim.load("cortex4-twin"))
    (True, False)
    """
    return isinstance(net, Network) and any(
        isinstance(m, Statistics) and not m.shared for m in net.modules()
    )


def presented(
    nets: dict[str, Unrolls],
    images: Stimuli,
    *,
    preprocessing: Preprocessing,
    design: Design,
    device: torch.device | None = None,
    progress: bool = False,
) -> Presented:
    """Each network under each presentation, with statistics estimated under it.

    Weights are shared with ``nets``, which are not changed. A lesioned network gets statistics of
    its own, too.

    Parameters
    ----------
    nets : dict of str to Unrolls
        Lesion -> network, the intact one (``none``) first.
    images : Stimuli
        Training images, hundreds or more; shown cropped and mirrored as the recipe of the model
        card says.
    preprocessing : Preprocessing
        What makes inputs of them.
    design : Design
        What is shown.
    device : torch.device, optional
        Where the networks run; default the CPU.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    dict
        (lesion, mask, SOA in ms) -> network; without the networks whose statistics all steps share.

    Raises
    ------
    CalibrationError
        For fewer than 20 images.
    """
    if len(images) < FEWEST:
        raise CalibrationError(
            f"{len(images)} images are too few to estimate normalisation statistics on; give at "
            f"least {FEWEST}, better a thousand"
        )
    where = device or torch.device("cpu")
    steps = {lesion: net for lesion, net in nets.items() if by_step(net)}
    if not steps:
        return {}
    masks = Masker(images, nets[INTACT], preprocessing, seed=design.seed)
    every = range(len(images))
    whole = preprocessing.fit([images.read(i) for i in every])
    shown = as_trained(whole, _recipe(nets[INTACT]))
    pixels = {UNMASKED: shown} | {
        kind: preprocessing.fit(masks(kind, every)) for kind in design.masks
    }
    made: Presented = {}
    total = len(steps) * len(design.conditions) * len(design.soa_ms)
    doing = "estimating statistics under each presentation"
    bar = progress_bar(total=total, unit="presentations", doing=doing, shown=progress)
    for lesion, net in steps.items():
        assert isinstance(net, Network)  # by_step says so
        net.eval().to(where)
        for condition in design.conditions:
            for soa in design.soa_ms:
                fitted = copy.deepcopy(net, {id(p): p for p in net.parameters()})
                frames = design.frames(condition, soa)
                pair = {"image": pixels[UNMASKED], "mask": pixels[condition]}
                runs = _runs(fitted, frames, pair, preprocessing=preprocessing, device=where)
                made[lesion, condition, soa] = estimate(
                    fitted, runs, design.steps, redo=True, keep_shared=True
                )
                bar.update()
    bar.close()
    return made


def _recipe(net: Unrolls) -> Mapping[str, Any]:
    """How training showed images; nothing where the model card does not say."""
    recipe = net.card.get("recipe")
    return recipe if isinstance(recipe, Mapping) else {}


def _runs(
    net: Network,
    frames: list[str],
    pixels: dict[str, Tensor],
    *,
    preprocessing: Preprocessing,
    device: torch.device,
) -> Iterator[Iterator[tuple[int, States]]]:
    """The runs of a network under one presentation, a batch each."""
    count = len(pixels["image"])
    for batch in np.array_split(np.arange(count), -(-count // AT_ONCE)):
        part = slice(batch[0], batch[-1] + 1)
        shown = {k: preprocessing.normalise(v[part].to(device)) for k, v in pixels.items()}
        yield net.unroll(compose(frames, shown), len(frames))


def training_images(
    net: Unrolls, source: str | None, count: int, *, fresh: Stimuli | None = None
) -> Stimuli | None:
    """The images on which the statistics of a network are estimated.

    Parameters
    ----------
    net : Unrolls
        The network.
    source : str, optional
        ``cifar10`` or ``cifar100`` (their training images), a folder (of one with ``train/``,
        that), a .csv or an .npz of training images; default what the model card says that the
        network was trained on.
    count : int
        How many: the first ones, or, where they lie class by class, in turn from all classes.
    fresh : Stimuli, optional
        Of a network that was never trained: what it gets its statistics from by default.

    Returns
    -------
    Stimuli or None
        None for a network whose statistics all steps share: they belong to no presentation.

    Raises
    ------
    AnalysisError
        Where nothing is known of the images that the network was trained on.
    """
    if not by_step(net):
        return None
    if source is None and fresh is not None:
        return _some(fresh, count)
    data = net.card.get("data") or {}
    name = str(data.get("name", "")) if source is None else source
    if name in NAMES:
        return _of_training(name, count, {} if source else data)
    if source is not None:
        training = Path(source) / "train"  # as of a folder to train with, beside test/ or val/
        return _some(load_stimuli(str(training) if training.is_dir() else source), count)
    raise AnalysisError(
        f"the statistics of {net.card.get('name', 'this network')} belong to the steps of one "
        "presentation and are estimated anew under each, on training images; which these are is "
        f"not known here ({name or 'its card names none'}). Give them with --calibrate-on (a "
        "folder, a .csv, an .npz, cifar10), or take the statistics as they are: --statistics "
        f"{BUNDLED}"
    )


def _some(images: Stimuli, count: int) -> Stimuli:
    """So many of the images, of all their classes."""
    return images.select(some_of(np.array(images.labels), count).tolist())


def _of_training(name: str, count: int, card: Mapping[str, Any]) -> Stimuli:
    """The first training images of CIFAR; a note if they are others than those of the card.

    card: what a model card says of data; of a part of the training images it cannot be told.
    """
    images = load_images(name)
    all_of_them = card.get("train") == len(images.train_x) and not card.get("held_out")
    sha256 = card.get("sha256") if all_of_them else None
    x = images.train_x[:count].permute(0, 2, 3, 1).numpy()
    notes = images.notes
    if sha256 and images.sha256() != sha256:
        notes += (f"{name} is not bit for bit what the network was trained on",)
    ids = tuple(f"train-{i:05d}" for i in range(len(x)))
    labels = tuple(images.classes[k] for k in images.train_y[:count].tolist())
    return Stimuli(f"{name}, training images", ids, labels, x, notes=notes)


def described(images: Stimuli | None, net: Unrolls) -> str:
    """One line: which statistics a network runs with."""
    if not by_step(net):
        return "shared by all steps, as its weights file has them"
    if images is None:
        return "by step, as its weights file has them, of the presentation it was trained with"
    crops = ", cropped and mirrored as in training" if _recipe(net).get("pad") else ""
    return (
        f"by step, estimated anew under each presentation on {len(images)} images: "
        f"{images.name}{crops}"
    )


def falls(result: xarray.Dataset) -> list[str]:
    """Networks that answer an unmasked image worse the longer it is on: a sign of misfit.

    The intact network, without a mask, at the shortest and the longest SOA, at each readout; exact
    McNemar tests of the same images, corrected for the number of readouts (Bonferroni).

    Parameters
    ----------
    result : xarray.Dataset
        What :func:`cortexsim.experiments.mask.subject.masked` returns.

    Returns
    -------
    list of str
        One sentence a network, of the readout with the largest fall.
    """
    from scipy.stats import binomtest

    sentences = []
    for network in map(str, result.network.values):
        guess = result.guess.sel(network=network, lesion=INTACT, mask=UNMASKED)
        guess = guess.transpose("soa_ms", "readout", "stimulus").values[[0, -1]]
        right, answered = guess == result.label.values, (guess != NO_ANSWER).all((0, 2))
        lost = (right[0] & ~right[1]).sum(1)
        gained = (right[1] & ~right[0]).sum(1)
        worst = int(np.where(answered, lost - gained, -1).argmax())
        n = int(lost[worst] + gained[worst])
        if not answered[worst] or not n or lost[worst] <= gained[worst]:
            continue
        p = binomtest(int(lost[worst]), n, alternative="greater").pvalue * answered.sum()
        if p < 0.05:
            early, late = right[:, worst].mean(1)
            sentences.append(
                f"{network}: without a mask, accuracy falls from {early:.2f} to {late:.2f} as the "
                f"image is on for {result.soa_ms.values[-1]:g} instead of "
                f"{result.soa_ms.values[0]:g} ms (readout at step {result.readout.values[worst]})"
            )
    return sentences
