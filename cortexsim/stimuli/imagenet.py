"""Labelled photographs too many for memory: folders as ImageNet has them, read, cropped and mirrored while training goes on."""

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
"""Edge in pixels of what the network sees, and of the shorter side of a validation image before its centre is cut out."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the channels of ImageNet's training images, in units of 0..1, as torchvision's models use them."""
SPLITS = {"train": "train", "test": "val"}


@dataclass(frozen=True)
class ImageTree:
    """The files of ``ROOT/train/<class>/*`` and ``ROOT/val/<class>/*``: nothing of an image is in memory before it is asked for.

    files: for ``train`` and ``test``, paths within the root as an array of bytes (which workers share without copies). labels: the same, int64.
    """

    root: Path
    classes: tuple[str, ...]
    files: dict[str, np.ndarray] = field(repr=False)
    labels: dict[str, np.ndarray] = field(repr=False)

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def notes(self) -> tuple[str, ...]:
        return ("images are streamed; sha256 is that of their names and classes",)

    def sha256(self) -> str:
        """Of the names and labels, in order; a file may be replaced by a sound copy of itself while a run is interrupted."""
        digest = hashlib.sha256("\n".join(self.classes).encode())
        for part in SPLITS:
            digest.update(b"\n".join(self.files[part].tolist()) + self.labels[part].tobytes())
        return digest.hexdigest()

    def spread(self, count: int) -> np.ndarray:
        """Indices of ``count`` training images, evenly over the classes (files are in the order of their classes)."""
        total = len(self.files["train"])
        return np.arange(min(count, total)) * total // min(count, total)

    def limited(self, count: int) -> ImageTree:
        """With ``count`` training images only, evenly over the classes."""
        kept = self.spread(count)
        files, labels = ({**v, "train": v["train"][kept]} for v in (self.files, self.labels))
        return dataclasses.replace(self, files=files, labels=labels)


def load_tree(root: Path) -> ImageTree:
    """List the images of a folder as ImageNet has it; classes are the folders of ``train/``, sorted.

    Raises StimulusError, with what was found, where there are no such folders, a class is empty, or ``val/`` has other classes.
    """
    folders = {part: root / folder for part, folder in SPLITS.items()}
    if absent := [str(f) for f in folders.values() if not f.is_dir()]:
        found = sorted(p.name for p in root.iterdir())[:8] if root.is_dir() else "no such folder"
        raise StimulusError(
            f"{root} must hold train/<class>/ and val/<class>/ folders of images; {' and '.join(absent)} cannot be opened; found {found}"
        )
    classes = tuple(sorted(p.name for p in folders["train"].iterdir() if p.is_dir()))
    strangers = {p.name for p in folders["test"].iterdir() if p.is_dir()} - set(classes)
    if strangers:
        raise StimulusError(
            f"{folders['test']} has classes that {folders['train']} has not: {', '.join(sorted(strangers)[:8])}; "
            "its images must lie in folders of the same names"
        )
    files: dict[str, np.ndarray] = {}
    labels: dict[str, np.ndarray] = {}
    for part, folder in folders.items():
        names = [sorted(_images(folder / c)) for c in classes]
        empty = [c for c, n in zip(classes, names, strict=True) if not n]
        if not classes or (empty and part == "train") or len(empty) == len(classes):
            what = f"in {len(empty)} of its classes, e.g. {empty[0]}" if empty else "at all"
            raise StimulusError(
                f"{folder} holds no images {what}; give each a folder of files that end in {', '.join(IMAGE_SUFFIXES)}"
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
    """The seed of one image in one epoch: what is drawn for it depends on nothing else, neither on workers nor on when a run was resumed."""
    return int(np.random.SeedSequence((seed, epoch, index)).generate_state(1, np.uint64)[0])


def random_view(flip: bool) -> Callable[[Tensor], Tensor]:
    """A part of 8 to 100 % of the image at 3:4 to 4:3, resized to 224 x 224; half of them mirrored (Szegedy et al. 2015)."""
    from torchvision.transforms import v2

    crop = v2.RandomResizedCrop(SIZE, antialias=True)
    return v2.Compose([crop, v2.RandomHorizontalFlip()]) if flip else crop


def central_view() -> Callable[[Tensor], Tensor]:
    """The shorter side resized to 256 pixels, the central 224 x 224 of it."""
    from torchvision.transforms import v2

    return v2.Compose([v2.Resize(RESIZED, antialias=True), v2.CenterCrop(SIZE)])


class _Views(Dataset[Any]):
    """Images of a tree as the network sees them, uint8; one that cannot be read is a message."""

    def __init__(
        self, tree: ImageTree, part: str, view: Callable[[Tensor], Tensor], seed: int, epoch: int
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
    view: Callable[[Tensor], Tensor],
    *,
    seed: int = 0,
    epoch: int = 0,
    workers: int = 0,
    pin_memory: bool = False,
) -> Iterator[Tensor]:
    """The images of each of the ``batches`` (indices into ``tree.files[part]``), ``(batch, 3, y, x)`` uint8, prepared ahead by ``workers`` processes.

    Raises StimulusError that names the files of a batch that cannot be read.
    """
    loader = DataLoader(
        _Views(tree, part, view, seed, epoch),
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
                + "\nReplace them by sound copies "
                "of the same names, and the same command continues; or delete them, and begin anew in another --out"
            )
        yield views
