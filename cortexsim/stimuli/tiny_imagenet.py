"""Tiny ImageNet: 200 classes of photographs, from a folder or an archive as Stanford gives it."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import torch

from cortexsim.errors import StimulusError
from cortexsim.folders import data_folder, data_folder_in_words
from cortexsim.models.pictures import READ_ERRORS, read_image
from cortexsim.stimuli.image_set import ImageSet

NAME = "tiny-imagenet"
PREFIX = f"{NAME}:"
IN_DATA_FOLDER = (
    "tiny_imagenet32/tiny_imagenet32.tar.xz",
    "tiny-imagenet-200",
    "tiny-imagenet-200.zip",
)
ANNOTATIONS, WORDS = "val/val_annotations.txt", "words.txt"
TRAINING = re.compile(r"train/(n\d+)/images/(?:n\d+_)?(\d+)\.JPEG$", re.IGNORECASE)
TESTS = re.compile(r"val/images/(.+\.JPEG)$", re.IGNORECASE)
ARCHIVES = (".tar.xz", ".tar.gz", ".tar", ".zip")
DAMAGED = (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError)


class _Image(NamedTuple):
    """A decoded image: the order within its class, the class, the name of its file, the pixels."""

    number: int
    wnid: str
    name: str
    pixels: np.ndarray


def tiny_imagenet(place: str = "") -> ImageSet:
    """Tiny ImageNet, its validation images (which have labels) as test images.

    Training images come in turn from all classes, so that the first and the last of them are a fair
    sample. Classes are called by the first word of ``words.txt``.

    Parameters
    ----------
    place : str
        The folder or the archive (.tar.xz, .tar.gz, .tar, .zip) with ``train/<wnid>/images/``,
        ``val/images/`` and ``val/val_annotations.txt``, also one folder down; a folder with nothing
        but the archive; default what lies in the folder of ``CORTEXSIM_DATA``.

    Returns
    -------
    ImageSet
        100,000 and 10,000 images of the original, in its size.

    Raises
    ------
    StimulusError
        For a place that is not there or holds something else, for images that cannot be read, that
        differ in size or have no label.

    References
    ----------
    Le & Yang 2015, Tiny ImageNet visual recognition challenge, Stanford CS231n.
    """
    path = _unpacked_or_not(Path(place)) if place else _found()
    train: list[_Image] = []
    test: list[tuple[str, np.ndarray]] = []
    texts: dict[str, str] = {}
    bad: list[str] = []
    try:
        for name, content in _files(path):
            listed = [k for k in (ANNOTATIONS, WORDS) if f"/{name}".endswith(f"/{k}")]
            if listed:
                texts[listed[0]] = content.decode("utf-8", errors="replace")
                continue
            trained, tested = TRAINING.search(name), TESTS.search(name)
            if not trained and not tested:
                continue
            try:
                pixels = read_image(io.BytesIO(content))
            except READ_ERRORS as error:
                bad.append(f"{name}: {error}")
                continue
            if trained:
                train.append(_Image(int(trained[2]), trained[1], name, pixels))
            elif tested:
                test.append((tested[1], pixels))
    except DAMAGED as error:
        raise StimulusError(f"{path} cannot be read: {error}") from None
    if not train or not test or ANNOTATIONS not in texts:
        raise StimulusError(
            f"{path} holds {len(train)} images under train/<wnid>/images/, {len(test)} under "
            f"val/images/ and {'' if ANNOTATIONS in texts else 'no '}{ANNOTATIONS}; all three of "
            "Tiny ImageNet are needed (tiny-imagenet-200.zip of Stanford's CS231n, unpacked or not)"
        )
    named = [f"{image.wnid}/{image.number}" for image in train] + [name for name, _ in test]
    if twice := [name for name, count in Counter(named).items() if count > 1]:
        raise StimulusError(
            f"{len(twice)} images of {path} are there more than once, e.g. {twice[0]}: several "
            "copies of the set lie below it, so that held-out images would be trained on; give one "
            "of them"
        )
    if bad:
        raise StimulusError(
            f"{len(bad)} images of {path} cannot be read:\n  " + "\n  ".join(bad[:20])
        )
    return _image_set(path, train, test, texts)


def _unpacked_or_not(path: Path) -> Path:
    """The one archive of a folder that holds no folder; else the path itself."""
    if not path.is_dir():
        return path
    inside = [one for one in path.iterdir() if not one.name.startswith(".")]
    archives = [one for one in inside if one.name.endswith(ARCHIVES)]
    packed = len(archives) == 1 and not any(one.is_dir() for one in inside)
    return archives[0] if packed else path


def _image_set(
    path: Path, train: list[_Image], test: list[tuple[str, np.ndarray]], texts: dict[str, str]
) -> ImageSet:
    """The images as tensors, in turn from all classes."""
    labels = dict(line.split("\t")[:2] for line in texts[ANNOTATIONS].splitlines() if "\t" in line)
    wnids = sorted({image.wnid for image in train})
    if unlabelled := [name for name, _ in test if labels.get(name) not in wnids]:
        raise StimulusError(
            f"{len(unlabelled)} images of {path} under val/images/ have no class of train/ in "
            f"{ANNOTATIONS}: {', '.join(unlabelled[:5])}"
        )
    sizes = {image.pixels.shape[:2] for image in train} | {pixels.shape[:2] for _, pixels in test}
    if len(sizes) > 1:
        raise StimulusError(
            f"the images of {path} have {len(sizes)} sizes, {sorted(sizes)[:5]}; training needs one"
        )
    number = {wnid: k for k, wnid in enumerate(wnids)}
    train.sort(key=lambda image: (image.number, image.wnid))
    test.sort(key=lambda named: (len(named[0]), named[0]))  # val_2 before val_10
    return ImageSet(
        NAME,
        _tensor([image.pixels for image in train]),
        torch.tensor([number[image.wnid] for image in train]),
        _tensor([pixels for _, pixels in test]),
        torch.tensor([number[labels[name]] for name, _ in test]),
        _class_names(wnids, texts.get(WORDS, "")),
        (
            "photographs of ImageNet, whose terms allow research and education; test images are "
            "the validation images",
        ),
    )


def _tensor(images: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy())


def _class_names(wnids: list[str], words: str) -> tuple[str, ...]:
    """The first word of each class; with its wnid where two are called the same."""
    known = dict(line.split("\t")[:2] for line in words.splitlines() if "\t" in line)
    names = [known.get(wnid, wnid).split(",")[0].strip() for wnid in wnids]
    return tuple(
        name if names.count(name) == 1 else f"{name} ({wnid})"
        for name, wnid in zip(names, wnids, strict=True)
    )


def _found() -> Path:
    """What lies in the folder of ``CORTEXSIM_DATA``."""
    folder = data_folder()
    places = [] if folder is None else [folder / name for name in IN_DATA_FOLDER]
    for path in places:
        if path.exists():
            return path
    raise StimulusError(
        f"no Tiny ImageNet in {data_folder_in_words()}; get tiny-imagenet-200.zip from Stanford's "
        f"CS231n (its terms: research and education) and give --data {PREFIX}FOLDER_OR_ARCHIVE"
    )


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name below the root of the set, content) of all files; nothing is unpacked to the disk."""
    if path.is_dir():
        inner = path / "tiny-imagenet-200"
        root = inner if inner.is_dir() and not (path / "train").is_dir() else path
        for file in sorted(p for p in root.rglob("*") if p.is_file()):
            yield file.relative_to(root).as_posix(), file.read_bytes()
    elif path.suffix == ".zip" and path.is_file():
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    yield _below_root(member.filename), archive.read(member)
    elif ".tar" in path.suffixes and path.is_file():
        with tarfile.open(path) as archive:
            for entry in archive:
                if entry.isfile() and (content := archive.extractfile(entry)) is not None:
                    yield _below_root(entry.name), content.read()
    else:
        raise StimulusError(
            f"no Tiny ImageNet at {path}: give its folder, or its archive (.zip, .tar.xz)"
        )


def _below_root(name: str) -> str:
    """Without ``./`` and without the folder in which everything lies."""
    parts = [part for part in PurePosixPath(name).parts if part != "."]
    return "/".join(parts[1:] if parts and parts[0] == "tiny-imagenet-200" else parts)
