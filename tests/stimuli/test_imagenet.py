"""Trees of classes as ImageNet has them, and the views of their images, against torchvision."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from cortexsim.errors import StimulusError
from cortexsim.stimuli.imagenet import central_view, load_tree, random_view, seed_of, stream
from cortexsim.stimuli.images import read_image

CLASSES = ("n01440764", "n01443537", "n01484850")


FORMATS = {0: ("L", "JPEG"), 1: ("CMYK", "JPEG"), 2: ("P", "png")}


@pytest.fixture(scope="module")
def photographs(pictures, tmp_path_factory):
    """36 training and 9 validation images of CIFAR-10, enlarged to sizes of 90 to 330 pixels.

    Grey, CMYK, palette, colour.
    """
    root, rng = tmp_path_factory.mktemp("inet") / "ilsvrc", np.random.default_rng(0)
    pixels = iter(pictures[0])
    for part, count in (("train", 12), ("val", 3)):
        for c in CLASSES:
            (root / part / c).mkdir(parents=True)
            for k in range(count):
                mode, suffix = FORMATS.get(k, ("RGB", "JPEG"))
                height, width = map(int, rng.integers(90, 330, 2))
                image = Image.fromarray(next(pixels)).resize((width, height)).convert(mode)
                image.save(root / part / c / f"{c}_{k}.{suffix}")
    return root


@pytest.fixture
def copied(photographs, tmp_path):
    """A tree of links to the same files, to spoil."""
    for file in photographs.rglob("*.*"):
        target = tmp_path / "tree" / file.relative_to(photographs)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, target)
    return tmp_path / "tree"


def test_a_tree_lists_files_by_class_and_opens_none(photographs):
    tree = load_tree(photographs)
    assert tree.classes == CLASSES
    assert tree.labels["train"].tolist() == sorted(list(range(3)) * 12)
    assert tree.labels["test"].tolist() == sorted(list(range(3)) * 3)
    names = [os.fsdecode(f) for f in tree.files["train"]]
    assert names == sorted(
        str(p.relative_to(photographs)) for p in (photographs / "train").rglob("*.*")
    )
    assert tree.limited(6).labels["train"].tolist() == [0, 0, 1, 1, 2, 2]
    assert tree.limited(6).sha256() != tree.sha256() == load_tree(photographs).sha256()


def test_validation_images_are_resized_to_256_and_cut_out_of_the_centre(photographs):
    """Against torchvision's own transforms of images opened by Pillow."""
    tree = load_tree(photographs)
    (batch,) = stream(tree, "test", [list(range(9))], view=central_view())
    assert batch.shape == (9, 3, 224, 224)
    assert batch.dtype == torch.uint8
    usual = v2.Compose([v2.PILToTensor(), v2.Resize(256, antialias=True), v2.CenterCrop(224)])
    for name, mine in zip(tree.files["test"], batch, strict=True):
        with Image.open(photographs / os.fsdecode(name)) as file:
            assert torch.equal(mine, usual(file.convert("RGB")))


def test_crops_are_torchvisions_drawn_from_seed_epoch_and_image_alone(photographs):
    tree, view = load_tree(photographs), random_view(flip=True)
    before = torch.get_rng_state()
    (batch,) = stream(tree, "train", [[5, 30]], view=view, seed=3, epoch=2)
    assert torch.equal(torch.get_rng_state(), before)
    for index, mine in zip((5, 30), batch, strict=True):
        pixels = torch.from_numpy(
            read_image(photographs / os.fsdecode(tree.files["train"][index]))
        ).permute(2, 0, 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(3, 2, index))
            assert torch.equal(
                mine, v2.Compose([v2.RandomResizedCrop(224), v2.RandomHorizontalFlip()])(pixels)
            )
    other_order = torch.cat(list(stream(tree, "train", [[30], [5]], view=view, seed=3, epoch=2)))
    assert torch.equal(other_order.flip(0), batch)
    for change in ({"seed": 4}, {"epoch": 3}):
        (other,) = stream(tree, "train", [[5, 30]], view=view, **{"seed": 3, "epoch": 2, **change})
        assert not torch.equal(other, batch)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (
            lambda root: (root / "val").rename(root / "test"),
            r"must hold train/<class>/ and val/<class>/",
        ),
        (lambda root: (root / "val" / "stranger").mkdir(), "has classes that .* has not: stranger"),
        (
            lambda root: (root / "train" / "n02").mkdir(),
            "holds no images in 1 of its classes, e.g. n02",
        ),
    ],
)
def test_other_folders_are_refused(copied, spoil, text):
    spoil(copied)
    with pytest.raises(StimulusError, match=text):
        load_tree(copied)
