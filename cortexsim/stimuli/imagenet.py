"""Labelled photographs too many for memory: folders as ImageNet has them, read, cropped and
mirrored while training goes on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cortexsim.errors import StimulusError
from cortexsim.stimuli.datasets import IMAGE_SUFFIXES
from cortexsim.stimuli.images import READ_ERRORS, read_image

PREFIX = "imagenet:"
SIZE = 224
RESIZED = 256
"""Edge in pixels of what the network sees, and of the shorter side of a validation image before
its centre is cut out."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the channels of ImageNet's training images, in units of 0..1, as torchvision's models use
them."""
SPLITS = {"train": "train", "test": "val"}


@dataclass(frozen=True)
class ImageTree:
    """The files of ``ROOT/train/<class>/*`` and ``ROOT/val/<class>/*``.

    Nothing of an image is in memory before it is asked for.

    Attributes
    ----------
    root : Path
        The folder.
    classes : tuple of str
        Names of the labels.
    files : dict of str to array of bytes
        For ``train`` and ``test``, paths within the root (which workers share without copies).
    labels : dict of str to array of int64
        For ``train`` and ``test``.
    """

    root: Path
    classes: tuple[str, ...]
    files: dict[str, np.ndarray] = field(repr=False)
    labels: dict[str, np.ndarray] = field(repr=False)

    @property
    def name(self) -> str:
        """Its folder."""
        return self.root.name

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of results must know: nothing."""
        return ("images are streamed; sha256 is that of their names and classes",)

    def sha256(self) -> str:
        """Of the names and labels, in order.

        A file may be replaced by a sound copy of itself while a run is interrupted.

        Returns
        -------
        str
            Hexadecimal digits.
        """
        digest = hashlib.sha256("\n".join(self.classes).encode())
        for part in SPLITS:
            digest.update(b"\n".join(self.files[part].tolist()) + self.labels[part].tobytes())
        return digest.hexdigest()

    def spread(self, count: int) -> np.ndarray:
        """Training images spread evenly over the classes.

        Parameters
        ----------
        count : int
            How many.

        Returns
        -------
        array of int, shape (count,)
            Their indices; files are in the order of their classes.
        """
        total = len(self.files["train"])
        return np.arange(min(count, total)) * total // min(count, total)

    def limited(self, count: int) -> ImageTree:
        """With ``count`` training images only, evenly over the classes.

        Parameters
        ----------
        count : int
            How many.

        Returns
        -------
        ImageTree
            The test part is the same.
        """
        kept = self.spread(count)
        files, labels = ({**v, "train": v["train"][kept]} for v in (self.files, self.labels))
        return dataclasses.replace(self, files=files, labels=labels)


def load_tree(root: Path) -> ImageTree:
    """List the images of a folder as ImageNet has it.

    Parameters
    ----------
    root : Path
        The folder; classes are the folders of ``train/``, sorted.

    Returns
    -------
    ImageTree
        The files.

    Raises
    ------
    StimulusError
        It says what was found, where there are no such folders, a class is empty, or ``val/`` has
        other classes.
    """
    folders = {part: root / folder for part, folder in SPLITS.items()}
    if absent := [str(f) for f in folders.values() if not f.is_dir()]:
        listed = sorted(p.name for p in root.iterdir())[:8] if root.is_dir() else "no such folder"
        raise StimulusError(
            f"{root} must hold train/<class>/ and val/<class>/ folders of images; "
            f"{' and '.join(absent)} cannot be opened; found {listed}"
        )
    classes = tuple(sorted(p.name for p in folders["train"].iterdir() if p.is_dir()))
    strangers = {p.name for p in folders["test"].iterdir() if p.is_dir()} - set(classes)
    if strangers:
        raise StimulusError(
            f"{folders['test']} has classes that {folders['train']} has not: "
            f"{', '.join(sorted(strangers)[:8])}; its images must lie in folders of the same names"
        )
    files: dict[str, np.ndarray] = {}
    labels: dict[str, np.ndarray] = {}
    for part, folder in folders.items():
        names = [sorted(_images(folder / c)) for c in classes]
        empty = [c for c, n in zip(classes, names, strict=True) if not n]
        if not classes or (empty and part == "train") or len(empty) == len(classes):
            what = f"in {len(empty)} of its classes, e.g. {empty[0]}" if empty else "at all"
            raise StimulusError(
                f"{folder} holds no images {what}; give each a folder of files that end in "
                f"{', '.join(IMAGE_SUFFIXES)}"
            )
        files[part] = np.array(
            [
                os.fsencode(f"{folder.name}/{c}/{f}")
                for c, n in zip(classes, names, strict=True)
                for f in n
            ]
        )
        labels[part] = np.repeat(np.arange(len(classes)), [len(n) for n in names])
    return ImageTree(root, classes, files, labels)


def _images(folder: Path) -> Iterator[str]:
    if folder.is_dir():
        with os.scandir(folder) as entries:
            yield from (e.name for e in entries if e.name.lower().endswith(IMAGE_SUFFIXES))


def seed_of(seed: int, epoch: int, index: int) -> int:
    """The seed of one image in one epoch.

    What is drawn for it depends on nothing else, neither on workers nor on when a run was resumed.

    Parameters
    ----------
    seed : int
        Of the run.
    epoch : int
        Of the run.
    index : int
        Of the image.

    Returns
    -------
    int
        The seed.
    """
    return int(np.random.SeedSequence((seed, epoch, index)).generate_state(1, np.uint64)[0])


def random_view(flip: bool) -> Callable[[Tensor], Tensor]:
    """A random part of the image, as networks are trained with.

    8 to 100 % of the image at 3:4 to 4:3, resized to 224 x 224 (Szegedy et al. 2015).

    Parameters
    ----------
    flip : bool
        Mirror half of them.

    Returns
    -------
    callable
        From one image to its view.

    References
    ----------
    Szegedy et al. 2015.
    """
    from torchvision.transforms import v2

    crop = v2.RandomResizedCrop(SIZE, antialias=True)
    return v2.Compose([crop, v2.RandomHorizontalFlip()]) if flip else crop


def central_view() -> Callable[[Tensor], Tensor]:
    """The shorter side resized to 256 pixels, the central 224 x 224 of it.

    Returns
    -------
    callable
        From one image to its view.
    """
    from torchvision.transforms import v2

    return v2.Compose([v2.Resize(RESIZED, antialias=True), v2.CenterCrop(SIZE)])


class _Views(Dataset[Any]):
    """Images of a tree as the network sees them, uint8; one that cannot be read is a message."""

    def __init__(
        self, tree: ImageTree, part: str, view: Callable[[Tensor], Tensor], *, seed: int, epoch: int
    ) -> None:
        self.tree, self.part, self.view, self.seed, self.epoch = tree, part, view, seed, epoch

    def __getitem__(self, index: int) -> Tensor | str:
        name = os.fsdecode(self.tree.files[self.part][index])
        try:
            pixels = torch.from_numpy(read_image(self.tree.root / name)).permute(2, 0, 1)
        except READ_ERRORS as error:
            return f"{name}: {error}"
        # torchvision draws from the global generator: it is put back.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed_of(self.seed, self.epoch, index))
            return self.view(pixels)


def _together(views: list[Tensor | str]) -> Tensor | list[str]:
    bad = [v for v in views if isinstance(v, str)]
    return bad or torch.stack([v for v in views if isinstance(v, Tensor)])


def stream(
    tree: ImageTree,
    part: str,
    batches: Sequence[Sequence[int]],
    *,
    view: Callable[[Tensor], Tensor],
    seed: int = 0,
    epoch: int = 0,
    workers: int = 0,
    pin_memory: bool = False,
) -> Iterator[Tensor]:
    """The images of batches, prepared ahead by other processes.

    Parameters
    ----------
    tree : ImageTree
        The files.
    part : {"train", "test"}
        Which of them.
    batches : sequence of sequences of int
        Indices into ``tree.files[part]``.
    view : callable
        From one image to what the network is shown.
    seed : int
        What random views are drawn from, with ``epoch``.
    epoch : int
        Of the run: other views in each.
    workers : int
        Number of processes; 0 prepares them in this one.
    pin_memory : bool
        Keep batches where a GPU copies from fastest.

    Yields
    ------
    uint8 Tensor of shape (batch, 3, y, x)
        One batch.

    Raises
    ------
    StimulusError
        It names the files of a batch that cannot be read.
    """
    loader = DataLoader(
        _Views(tree, part, view, seed=seed, epoch=epoch),
        batch_sampler=batches,  # type: ignore[arg-type]
        num_workers=workers,
        collate_fn=_together,
        pin_memory=pin_memory,
        generator=torch.Generator(),  # else each pass would draw from the global one
    )
    for views in loader:
        if not isinstance(views, Tensor):
            raise StimulusError(
                f"{len(views)} images under {tree.root} cannot be read:\n  "
                + "\n  ".join(views)
                + "\n"
                "Replace them by sound copies of the same names, and the same command "
                "continues; or delete them, and begin anew in another --out"
            )
        yield views
