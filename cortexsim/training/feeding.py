"""Where the batches of a run come from.

Images held in memory and cropped on the device, or files read by workers ahead of the network.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import mannwhitneyu
from torch import Tensor

from cortexsim.errors import TrainingError
from cortexsim.stimuli import imagenet, tiny_imagenet
from cortexsim.stimuli.augmentation import as_trained, crop_and_flip
from cortexsim.stimuli.datasets import load_images
from cortexsim.stimuli.image_set import ImageSet
from cortexsim.stimuli.imagenet import ImageTree
from cortexsim.stimuli.images import Preprocessing
from cortexsim.stimuli.order import class_by_class, in_turn
from cortexsim.training.config import Settings
from cortexsim.training.distributed import World

CALIBRATION_IMAGES, EVALUATION_BATCH = 5000, 500
# Values (pixels times channels) of the sample and of a batch above which they are made smaller: 891
# and 55 images of 224 x 224 pixels.
CALIBRATION_VALUES, EVALUATION_VALUES = 2**27, 2**23

LIKE, SURE, LOOKED_AT = 1.15, 1e-6, 2000
"""Up to which ratio of sharpness test images are like training images, at which p it is believed,
and how many images are looked at."""


@runtime_checkable
class Feed(Protocol):
    """Images and labels of one process.

    Images are ``(n, channel, y, x)`` uint8 on the run's device, ``preprocessing`` makes inputs of
    them.
    """

    preprocessing: Preprocessing
    channels: int
    train_count: int
    test_count: int

    def begin(self, epoch: int, batches: Sequence[Tensor]) -> None:
        """What is to come of this epoch: the indices of each batch, in the order of asking."""

    def images(self, index: Tensor, generator: torch.Generator, *, whole: bool = False) -> Tensor:
        """This process's part of a batch, or all of it, cropped and mirrored at random."""
        ...

    def labels(self, index: Tensor) -> Tensor:
        """Their labels ``(n,)``."""
        ...

    def sample(self, *, cropped: bool = False) -> Tensor:
        """Training images for statistics: whole, or cropped and mirrored as in training."""
        ...

    def tests(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All test images and their labels, in batches."""
        ...


def images_named(name: str, *, train_count: int | None = None) -> ImageSet | ImageTree:
    """Images by their name: ``imagenet:FOLDER``, ``tiny-imagenet[:PLACE]``, those of
    ``load_images``.
    """
    of_files = name.startswith((imagenet.PREFIX, tiny_imagenet.PREFIX)) or (
        name == tiny_imagenet.NAME
    )
    if of_files and train_count is not None:
        raise TrainingError(
            f"{name} has a split of its own: leave out `train_count`, which is for an .npz of x "
            "and y"
        )
    if name.startswith(imagenet.PREFIX):
        return imagenet.load_tree(Path(name.removeprefix(imagenet.PREFIX)))
    if name == tiny_imagenet.NAME or name.startswith(tiny_imagenet.PREFIX):
        return tiny_imagenet.tiny_imagenet(name.removeprefix(tiny_imagenet.NAME).removeprefix(":"))
    return load_images(name, train_count=train_count)


def part_of(images: ImageSet | ImageTree, settings: Settings) -> ImageSet | ImageTree:
    """What of the images is trained on: some held out, the first ``limit`` of the rest."""
    limit = settings.limit
    if isinstance(images, ImageTree):
        if limit and limit < (count := len(images.classes)):
            raise TrainingError(
                f"`limit={limit}` leaves some of the {count} classes of {images.name} without a "
                f"training image; give at least {count}"
            )
        return images.limited(limit) if limit else images
    if unknown := _unknown(images):
        raise TrainingError(
            f"{unknown}. Where images lie class by class, mix their order before the first so many "
            "are taken for training"
        )
    images = _mixed(images)
    if settings.hold_out:
        images = _held_out(images, settings.hold_out)
    if limit:
        images = dataclasses.replace(
            images, train_x=images.train_x[:limit], train_y=images.train_y[:limit]
        )
    if len(images.train_y.unique()) < 2:
        one = images.classes[int(images.train_y[0])]
        raise TrainingError(
            f"all {len(images.train_y)} training images are of one class, {one}; two are needed"
        )
    # Left out by a limit, or held out.
    if unlike := [said for said in (_unknown(images), _untested(images)) if said]:
        images = dataclasses.replace(images, notes=(*images.notes, *unlike))
    if note := unlike_sharpness(images.train_x, images.test_x):
        images = dataclasses.replace(images, notes=(*images.notes, note))
    return images


def unlike_sharpness(train: Tensor, test: Tensor) -> str | None:
    """A note where test images were made in another way than training images, or None.

    Judged by the mean difference of neighbouring pixels, which changes with the way in which images
    were made smaller or compressed, and hardly with what they show.

    >>> noise = torch.randint(0, 256, (64, 1, 16, 16), dtype=torch.uint8)
    >>> unlike_sharpness(noise, noise) is None, unlike_sharpness(noise, noise // 2)[:38]
    (True, 'the test images are softer than the tr')
    """
    if train.shape[-1] < 2:
        return None
    ours, theirs = _sharpness(train), _sharpness(test)
    ratio = float(theirs.mean() / ours.mean()) if ours.any() else 1.0
    if max(ratio, 1 / max(ratio, 1e-9)) < LIKE or mannwhitneyu(ours, theirs).pvalue > SURE:
        return None
    how = "sharper" if ratio > 1 else "softer"
    return (
        f"the test images are {how} than the training images (neighbouring pixels differ by "
        f"{theirs.mean():.1f} and {ours.mean():.1f} of 255 on average): they may have been made "
        "smaller in another way, which the errors include"
    )


def _sharpness(images: Tensor) -> np.ndarray:
    """The mean difference of horizontal neighbours of each image; of many, of a fair part."""
    part = images[torch.linspace(0, len(images) - 1, min(len(images), LOOKED_AT)).long()]
    return (part[..., 1:].float() - part[..., :-1].float()).abs().mean((1, 2, 3)).cpu().numpy()


def _unknown(images: ImageSet) -> str | None:
    """Which classes are tested and never trained, in words; None where there are none."""
    names, which = _only_in(images, images.test_y, images.train_y)
    return names and f"no training image is of {names}, of which there are test images {which}"


def _untested(images: ImageSet) -> str | None:
    """Which classes are trained and never tested, in words; None where there are none."""
    names, which = _only_in(images, images.train_y, images.test_y)
    return names and f"no test image is of {names} {which}: errors say nothing of these"


def _only_in(images: ImageSet, here: Tensor, there: Tensor) -> tuple[str | None, str]:
    """Classes of which only the first labels are: some names, and how many of all there are."""
    only = sorted(set(here.tolist()) - set(there.tolist()))
    names = ", ".join(images.classes[k] for k in only[:5])
    return names or None, f"({len(only)} of {len(images.classes)} classes)"


def _mixed(images: ImageSet) -> ImageSet:
    """The same set, training images that lie class by class in turn from all classes.

    Without this the first and the last so many of them would be of a few classes only.
    """
    labels = images.train_y.numpy()
    if not class_by_class(labels):
        return images
    order = torch.from_numpy(in_turn(labels))
    note = "the training images lie class by class and are taken in turn from all classes"
    return dataclasses.replace(
        images,
        train_x=images.train_x[order],
        train_y=images.train_y[order],
        notes=(*images.notes, note),
    )


def _held_out(images: ImageSet, count: int) -> ImageSet:
    """The same set with the last ``count`` training images in place of the test images."""
    train = len(images.train_x)
    if count >= train:
        raise TrainingError(
            f"`hold_out={count}` leaves none of the {train} training images; hold out fewer"
        )
    note = f"the last {count} training images were held out and take the place of the test images"
    return dataclasses.replace(
        images,
        train_x=images.train_x[:-count],
        train_y=images.train_y[:-count],
        test_x=images.train_x[-count:],
        test_y=images.train_y[-count:],
        notes=(*images.notes, note),
    )


def orientations(count: int, seed: int) -> Tensor:
    """Which of ``count`` images are mirrored in the first epoch: a bit of a hash of (seed, index).

    splitmix64 of index + 2^32 seed, its highest bit: image i has the same orientation however many
    images there are.

    Source: Steele et al. 2014 (the hash); Jordan 2024, 94 % on CIFAR-10 in 3.29 seconds, section
    3.6 (alternating flips).

    >>> bool((orientations(100, 0)[:10] == orientations(10, 0)).all())
    True
    """
    z = np.arange(count, dtype=np.uint64) + (np.uint64(seed % 2**32) << np.uint64(32))
    z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return torch.from_numpy(((z ^ (z >> np.uint64(31))) >> np.uint64(63)) == 1)


def feed_of(
    images: ImageSet | ImageTree,
    settings: Settings,
    *,
    world: World,
    device: torch.device,
    batch: int,
) -> Feed:
    """The images as batches of ``batch`` for one of the processes of a run."""
    part = world.part(batch)
    if isinstance(images, ImageTree):
        return Streamed(images, settings, part=part, device=device, processes=world.size)
    return InMemory(images, settings, part=part, device=device)


class InMemory:
    """An image set on the device, padded once; a batch is one gather."""

    def __init__(
        self, images: ImageSet, settings: Settings, *, part: slice, device: torch.device
    ) -> None:
        self.set, self.part, self.device = images, part, device
        self.pad, self.flip = settings.pad, settings.flip
        x = images.train_x
        self.shape = (x.shape[2], x.shape[3])
        self.channels, self.train_count, self.test_count = x.shape[1], len(x), len(images.test_x)
        mean, std = images.channel_statistics()
        if not min(std) > 0:
            raise TrainingError(
                f"{images.name}: in a channel all pixels of the {len(x)} training images are "
                f"{255 * mean[std.index(min(std))]:.0f}: there is nothing to learn from, and "
                "nothing to normalise by. Look at the images"
            )
        self.preprocessing = Preprocessing(self.shape, mean, std)
        self.padded = F.pad(x, (settings.pad,) * 4).to(device)
        self.train_y = images.train_y.to(device)
        self.epoch = 0
        alternating = settings.settings().alternating_flip
        self.first = orientations(len(x), settings.seed) if alternating else None

    def begin(self, epoch: int, batches: Sequence[Tensor]) -> None:
        self.epoch = epoch

    def images(self, index: Tensor, generator: torch.Generator, *, whole: bool = False) -> Tensor:
        at_random, part = self.flip and self.first is None, slice(None) if whole else self.part
        crops = crop_and_flip(
            self.padded, index, self.shape, flip=at_random, generator=generator, part=part
        )
        if self.first is None:
            return crops
        mirrored = self.first[index[part]] ^ bool(self.epoch % 2)
        return torch.where(mirrored.to(self.device)[:, None, None, None], crops.flip(3), crops)

    def labels(self, index: Tensor) -> Tensor:
        return self.train_y[index[self.part].to(self.device)]

    def sample(self, *, cropped: bool = False) -> Tensor:
        images = self.set.train_x[: at_most(CALIBRATION_IMAGES, CALIBRATION_VALUES, self)]
        shown = as_trained(images, {"pad": self.pad, "flip": self.flip}) if cropped else images
        return shown.to(self.device)

    def tests(self) -> Iterator[tuple[Tensor, Tensor]]:
        size = at_most(EVALUATION_BATCH, EVALUATION_VALUES, self)
        for x, y in zip(self.set.test_x.split(size), self.set.test_y.split(size), strict=True):
            yield x.to(self.device), y.to(self.device)


class Streamed:
    """Files read while training goes on: only the batches that workers have ready are in memory.

    Crops are drawn for each image from (seed, epoch, image) alone
    (:func:`cortexsim.stimuli.imagenet.seed_of`).
    """

    def __init__(
        self,
        tree: ImageTree,
        settings: Settings,
        *,
        part: slice,
        device: torch.device,
        processes: int,
    ) -> None:
        self.tree, self.part, self.device, self.seed = tree, part, device, settings.seed
        cores = (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
        self.workers = max(1, cores // processes) if settings.workers is None else settings.workers
        self.random, self.central = imagenet.random_view(settings.flip), imagenet.central_view()
        self.channels, self.preprocessing = (
            3,
            Preprocessing((imagenet.SIZE,) * 2, imagenet.MEAN, imagenet.STD),
        )
        self.train_y = torch.from_numpy(tree.labels["train"])
        self.train_count, self.test_count = len(tree.files["train"]), len(tree.files["test"])
        self.coming: Iterator[Tensor] = iter(())

    def _stream(self, part: str, batches: Sequence[Tensor], epoch: int = 0) -> Iterator[Tensor]:
        return imagenet.stream(
            self.tree,
            part,
            [b.tolist() for b in batches],
            view=self.central if part == "test" else self.random,
            seed=self.seed,
            epoch=epoch,
            workers=self.workers,
            pin_memory=self.device.type == "cuda",
        )

    def begin(self, epoch: int, batches: Sequence[Tensor]) -> None:
        self.coming = self._stream("train", [b[self.part] for b in batches], epoch)

    def images(self, index: Tensor, generator: torch.Generator, *, whole: bool = False) -> Tensor:
        assert not whole, "a process reads its own part from the disk"
        return next(self.coming).to(self.device, non_blocking=True)

    def labels(self, index: Tensor) -> Tensor:
        return self.train_y[index[self.part]].to(self.device, non_blocking=True)

    def sample(self, *, cropped: bool = False) -> Tensor:
        some = self.tree.spread(at_most(CALIBRATION_IMAGES, CALIBRATION_VALUES, self))
        # A row is normalised by its batch while it is estimated, and files lie class by class.
        index = torch.from_numpy(some[in_turn(self.tree.labels["train"][some])])
        batches = [
            b.tolist() for b in index.split(at_most(EVALUATION_BATCH, EVALUATION_VALUES, self))
        ]
        return torch.cat(
            list(
                imagenet.stream(
                    self.tree,
                    "train",
                    batches,
                    view=self.random if cropped else self.central,
                    seed=self.seed,
                    workers=self.workers,
                )
            )
        ).to(self.device)

    def tests(self) -> Iterator[tuple[Tensor, Tensor]]:
        batches = torch.arange(self.test_count).split(
            at_most(EVALUATION_BATCH, EVALUATION_VALUES, self)
        )
        labels = torch.from_numpy(self.tree.labels["test"])
        for index, x in zip(batches, self._stream("test", batches), strict=True):
            yield x.to(self.device, non_blocking=True), labels[index].to(self.device)


def at_most(count: int, values: int, feed: Feed) -> int:
    """So many images of a feed, fewer of large ones: ``values`` pixels times channels together."""
    height, width = feed.preprocessing.size
    return max(2, min(count, values // (feed.channels * height * width)))
