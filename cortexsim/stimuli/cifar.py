"""CIFAR-10 and CIFAR-100 as arrays: from the reader's own copies, the cache, or torchvision."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cortexsim.errors import StimulusError
from cortexsim.folders import cache_folder, data_folder, data_folder_in_words

NAMES = ("cifar10", "cifar100")
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAINING = 50000
"""Of the images, in the official order; the rest are for tests."""
ROWS, COLUMNS, SIDE = 100, 200, 32
"""A mosaic of whole images: how many below and beside each other, and pixels of each."""


class Images(NamedTuple):
    """A set as arrays.

    Parameters
    ----------
    train_x, test_x : array of uint8, shape (n, y, x, 3)
    train_y, test_y : array of int64, shape (n,)
    classes : tuple of str
    exact : array of bool, shape (n,), or None
        Whether each image, training ones first, is a lossless copy; None where all are.
    """

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    classes: tuple[str, ...]
    exact: np.ndarray | None = None


def own_copy(name: str) -> Path | None:
    """A copy in the folder of ``CORTEXSIM_DATA`` that is one of ours to read by its path.

    Parameters
    ----------
    name : str
        One of ``NAMES``.

    Returns
    -------
    Path or None
        A folder ``NAME`` of ``train/<class>/``, ``test/<class>/``, or a file ``NAME.npz`` (also in
        a folder ``NAME``).
    """
    if (folder := data_folder()) is None:
        return None
    if (folder / name / "train").is_dir() and (folder / name / "test").is_dir():
        return folder / name
    files = (folder / f"{name}.npz", folder / name / f"{name}.npz")
    return next((path for path in files if path.is_file()), None)


def cifar(name: str) -> Images:
    """The images of a named set.

    Looked for in the folder of ``CORTEXSIM_DATA`` (there or in a folder ``NAME`` of it): mosaics
    ``part0.png``, ``part1.png``, ... with ``labels.npz``, then what torchvision unpacks, then its
    archive; after that in the cache, into which torchvision downloads.

    Parameters
    ----------
    name : str
        One of ``NAMES``.

    Returns
    -------
    Images

    Raises
    ------
    StimulusError
        For damaged files, and offline where there are none.
    """
    from torchvision import datasets

    make = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[name]
    cache = cache_folder()
    folder = data_folder()
    for place in () if folder is None else (folder / name, folder):
        if name == "cifar10" and (place / "labels.npz").is_file() and any(place.glob("part*.png")):
            return _mosaics(place)
        if (place / make.base_folder).is_dir():
            return _torchvision(make, place, download=False)
        if (place / make.filename).is_file() and not (cache / make.base_folder).is_dir():
            cache.mkdir(parents=True, exist_ok=True)  # it is unpacked there
            shutil.copyfile(place / make.filename, cache / make.filename)
    return _torchvision(make, cache, download=True)


def _torchvision(make: Any, root: Path, *, download: bool) -> Images:
    """What torchvision reads, in the official order."""
    name = make.__name__.lower()
    try:
        train, test = (make(root, train=t, download=download) for t in (True, False))
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if not download:
            raise StimulusError(
                f"{name} in {root / make.base_folder} cannot be read: {reason}. Replace it by an "
                "unaltered copy, or unset CORTEXSIM_DATA"
            ) from None
        raise StimulusError(
            f"{name} is neither in {data_folder_in_words()} nor in {root}, and could not be "
            f"downloaded from {make.url} (170 MB): {reason}. Put the archive there, set "
            f"CORTEXSIM_DATA or CORTEXSIM_CACHE, or give a folder or an .npz in place of {name}"
        ) from None
    labels = [np.asarray(part.targets, np.int64) for part in (train, test)]
    return Images(train.data, labels[0], test.data, labels[1], tuple(train.classes))


def _mosaics(folder: Path) -> Images:
    """CIFAR-10 from lossless mosaics and its table of labels."""
    from PIL import Image

    paths = sorted(folder.glob("part*.png"), key=lambda path: (len(path.name), path.name))
    try:
        with open(folder / "labels.npz", "rb") as raw, np.load(raw, allow_pickle=False) as file:
            label, exact = file["label"].astype(np.int64), file["exact"].astype(bool)
        parts = []
        for path in paths:
            with Image.open(path) as mosaic:
                pixels = np.asarray(mosaic.convert("RGB"))
            tiles = pixels.reshape(ROWS, SIDE, COLUMNS, SIDE, 3).swapaxes(1, 2)
            parts.append(tiles.reshape(-1, SIDE, SIDE, 3))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise StimulusError(
            f"the mosaics of cifar10 in {folder} cannot be read: {error}. Replace them by "
            "unaltered copies, or unset CORTEXSIM_DATA"
        ) from None
    images = np.concatenate(parts)
    if not len(images) == len(label) == len(exact) > TRAINING:
        raise StimulusError(
            f"the mosaics of cifar10 in {folder} hold {len(images):,} images, labels.npz "
            f"{len(label):,} labels; 60,000 of each are needed"
        )
    train, test = slice(None, TRAINING), slice(TRAINING, None)
    return Images(images[train], label[train], images[test], label[test], CLASSES, exact)
