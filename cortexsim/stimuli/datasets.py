"""Labelled image sets for training: decoded once, held in memory as bytes, cropped and flipped on
the device.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cortexsim.arguments import clear_errors
from cortexsim.errors import StimulusError
from cortexsim.models.pictures import READ_ERRORS, read_image
from cortexsim.stimuli import cifar
from cortexsim.stimuli.arrays import npz_arrays
from cortexsim.stimuli.image_set import ImageSet
from cortexsim.stimuli.order import class_by_class, in_turn

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
SIGNATURE = "cortexsim"  # how the text "Software" of a PNG begins that this package drew


def is_own_figure(path: Path) -> bool:
    """Whether a file is a figure of this package (a PNG that says so), and so no stimulus.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    bool
        False also for what cannot be read: that is told when it is to be shown.
    """
    if path.suffix.lower() != ".png":
        return False
    try:
        with open(path, "rb") as file:
            return b"tEXtSoftware\0" + SIGNATURE.encode() in file.read(1024)
    except OSError:
        return False


@clear_errors
def load_images(data: str, *, train_count: int | None = None) -> ImageSet:
    """Images and labels to train with.

    An ``.npz`` holds ``x_train, y_train, x_test, y_test``, or ``x, y``, of which the first
    ``train_count`` are for training. Images are ``(n, y, x, 3)`` or ``(n, y, x)`` uint8.

    Parameters
    ----------
    data : str
        ``cifar10`` or ``cifar100`` (from the folder of ``CORTEXSIM_DATA`` or the cache, else
        downloaded by torchvision), a folder ``train/<class>/*``, ``test/<class>/*``, or an
        ``.npz``.
    train_count : int, optional
        For an ``.npz`` of ``x, y``.

    Returns
    -------
    ImageSet
        The images.

    Raises
    ------
    StimulusError
        It says what was found and what is expected.
    """
    if train_count is not None and (data in cifar.NAMES or (Path(data) / "train").is_dir()):
        raise StimulusError(
            f"{data} has a split of its own: leave out --train-count, which is for an .npz of x "
            "and y"
        )
    if data in cifar.NAMES:
        own = cifar.own_copy(data)
        return _named(data) if own is None else dataclasses.replace(_own(own), name=data)
    path = Path(data)
    if path.is_dir():
        return _folder(path)
    if path.suffix == ".npz" and path.is_file():
        return _npz(path, train_count)
    raise StimulusError(
        f"no training data at {data!r}: give cifar10, cifar100, a folder with train/<class>/ and "
        "test/<class>/, tiny-imagenet[:FOLDER or archive], or an existing .npz file"
    )


def _own(path: Path) -> ImageSet:
    """CIFAR as a folder of classes, or an .npz in the official order."""
    return _folder(path) if path.is_dir() else _npz(path, None, split=cifar.TRAINING)


def _named(name: str) -> ImageSet:
    """CIFAR as arrays, wherever it was found."""
    images = cifar.cifar(name)
    x = [
        torch.from_numpy(np.ascontiguousarray(part.transpose(0, 3, 1, 2)))
        for part in (images.train_x, images.test_x)
    ]
    y = [torch.from_numpy(part) for part in (images.train_y, images.test_y)]
    notes = _not_exact(images.exact, len(y[0])) if images.exact is not None else ()
    return ImageSet(name, x[0], y[0], x[1], y[1], images.classes, notes)


def _not_exact(exact: np.ndarray, split: int) -> tuple[str, ...]:
    """A note on images that are JPEG copies, if there are any."""
    train, test = (int((~part).sum()) for part in (exact[:split], exact[split:]))
    if not train + test:
        return ()
    return (f"{train + test} images are JPEG copies, not lossless ({train} train, {test} test)",)


def _npz(path: Path, train_count: int | None, *, split: int | None = None) -> ImageSet:
    """split: of x and y, where no train_count is given."""
    arrays = npz_arrays(path)
    notes: list[str] = []
    if {"x_train", "y_train", "x_test", "y_test"} <= arrays.keys():
        if train_count is not None:
            raise StimulusError(
                f"{path} has a split of its own (x_train, x_test): leave out --train-count, which "
                "is for an .npz of x and y"
            )
        pieces = [arrays[k] for k in ("x_train", "y_train", "x_test", "y_test")]
    elif {"x", "y"} <= arrays.keys():
        x, y = arrays["x"], arrays["y"]
        train_count = split if train_count is None else train_count
        if train_count is None or not 0 < train_count < len(x):
            given = "" if train_count is None else f", not {train_count}"
            if split is not None:
                raise StimulusError(
                    f"{path} holds {len(x):,} images in 'x', too few to be those of "
                    f"{path.stem}, of which the first {split:,} are for training: put the whole "
                    "set there, or give the file's path and --train-count N"
                )
            raise StimulusError(
                f"{path} holds {len(x)} images in 'x' without a split; say how many of the first "
                f"are for training, 1 to {len(x) - 1}{given}: --train-count N"
            )
        pieces = [x[:train_count], y[:train_count], x[train_count:], y[train_count:]]
        _check_split(path, y, train_count)
    else:
        raise StimulusError(
            f"{path} holds {', '.join(arrays) or 'nothing'}; expected x_train, y_train, x_test, "
            "y_test, or x and y"
        )
    for k in (0, 2):
        if pieces[k].dtype != np.uint8 or not (
            pieces[k].ndim == 3 or (pieces[k].ndim == 4 and pieces[k].shape[3] == 3)
        ):
            raise StimulusError(
                f"{path}: images are {pieces[k].dtype} {pieces[k].shape}; expected uint8 (n, y, "
                "x, 3) or (n, y, x)"
            )
        if pieces[k + 1].dtype.kind not in "iu":
            raise StimulusError(
                f"{path}: labels are {pieces[k + 1].dtype} {pieces[k + 1].shape}; expected "
                "integers (n,)"
            )
        images = pieces[k] if pieces[k].ndim == 4 else np.repeat(pieces[k][..., None], 3, axis=3)
        pieces[k] = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    if "exact" in arrays:
        notes += _not_exact(arrays["exact"].astype(bool), len(pieces[0]))
    count = max((int(pieces[k].max()) + 1 for k in (1, 3) if pieces[k].size), default=0)
    names = (
        tuple(str(n) for n in arrays["classes"])
        if "classes" in arrays
        else tuple(str(i) for i in range(count))
    )
    tensors = [
        torch.from_numpy(np.ascontiguousarray(p if p.ndim == 4 else p.astype(np.int64)))
        for p in pieces
    ]
    return ImageSet(path.stem, tensors[0], tensors[1], tensors[2], tensors[3], names, tuple(notes))


def _check_split(path: Path, y: np.ndarray, train_count: int) -> None:
    """Refuse a split of images that lie class by class: its parts are of different classes."""
    if y.ndim != 1 or not class_by_class(y):
        return
    trained, tested = (len(np.unique(part)) for part in (y[:train_count], y[train_count:]))
    if min(trained, tested) < (every := len(np.unique(y))):
        raise StimulusError(
            f"{path}: its images lie class by class, so that the first {train_count:,} are of "
            f"{trained} of the {every} classes and the others of {tested}; mix their order, or "
            "give x_train, y_train, x_test and y_test"
        )


def _folders(root: Path) -> set[str]:
    """Names of the folders in a folder, but for hidden ones."""
    return {p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")}


def _folder(root: Path) -> ImageSet:
    """Decode ``train/<class>/*`` and ``test/<class>/*``.

    Every unreadable or odd-sized image is named in one error.
    """
    notes: tuple[str, ...] = ()
    classes = sorted(_folders(root / "train")) if (root / "train").is_dir() else []
    if not classes or not (root / "test").is_dir():
        raise StimulusError(
            f"{root} must hold train/<class>/ and test/<class>/ folders of images; found "
            f"{sorted(p.name for p in root.iterdir())[:8]}"
        )
    strangers = _folders(root / "test") - set(classes)
    if strangers:
        raise StimulusError(
            f"{root / 'test'} has classes that train/ has not: {', '.join(sorted(strangers))}"
        )
    # File, label, image.
    decoded: dict[str, list[tuple[str, int, np.ndarray]]] = {"train": [], "test": []}
    bad: list[str] = []
    for split, images in decoded.items():
        files = [
            (f, k)
            for k, c in enumerate(classes)
            for f in sorted((root / split / c).glob("*"))
            if f.suffix.lower() in IMAGE_SUFFIXES
        ]
        # An index as file name (unpacked CIFAR-10) gives the official order back.
        if all(f.stem.isdecimal() for f, _ in files):
            files.sort(key=lambda pair: int(pair[0].stem))
        else:
            files = [files[i] for i in in_turn(np.array([k for _, k in files]))]
            notes = ("the images of the folders are taken in turn from all classes",)
        if not files:
            raise StimulusError(
                f"no images under {root / split}/<class>/; their names must end in "
                f"{', '.join(IMAGE_SUFFIXES)}"
            )
        if split == "train" and (empty := sorted(set(range(len(classes))) - {k for _, k in files})):
            raise StimulusError(
                f"{root / split} has folders without images, classes of which nothing can be "
                f"learned: {', '.join(classes[k] for k in empty[:8])}. Fill them, or take them away"
            )
        for file, label in files:
            name = str(file.relative_to(root))
            try:
                images.append((name, label, read_image(file)))
            except READ_ERRORS as error:
                bad.append(f"{name}: {error}")
    sizes = Counter(i.shape[:2] for images in decoded.values() for _, _, i in images)
    if sizes:
        usual = sizes.most_common(1)[0][0]
        odd = [
            (name, i.shape)
            for images in decoded.values()
            for name, _, i in images
            if i.shape[:2] != usual
        ]
        bad += [
            f"{name}: {shape[0]} x {shape[1]} pixels, most are {usual[0]} x {usual[1]}; training "
            "needs one size"
            for name, shape in odd
        ]
    if bad:
        raise StimulusError(
            f"{len(bad)} images under {root} cannot be used:\n  " + "\n  ".join(bad)
        )
    tensors: list[Tensor] = []
    for images in decoded.values():
        tensors.append(
            torch.from_numpy(np.stack([i for _, _, i in images]).transpose(0, 3, 1, 2).copy())
        )
        tensors.append(torch.tensor([label for _, label, _ in images]))
    return ImageSet(
        root.name, tensors[0], tensors[1], tensors[2], tensors[3], tuple(classes), notes
    )
