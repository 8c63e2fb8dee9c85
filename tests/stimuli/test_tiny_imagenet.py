"""Tiny ImageNet from a folder and from archives: the same images, labels by the annotations."""

import io
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

import cortexsim
from cortexsim.errors import StimulusError
from cortexsim.stimuli.tiny_imagenet import tiny_imagenet
from cortexsim.training import Settings
from cortexsim.training.feeding import images_named

WORDS = {"n01": "goldfish, Carassius auratus", "n02": "crane", "n03": "crane, hoist", "n99": "owl"}
COUNT, VALIDATION = 12, 15


def jpeg(colour: tuple[int, int, int], size: int = 8, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (size, size), colour).convert(mode).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def folder(tmp_path):
    """A small set whose colours tell the class (red) and the number (green) of each image."""
    root = tmp_path / "tiny-imagenet-200"
    for k, wnid in enumerate(("n03", "n01", "n02")):
        images = root / "train" / wnid / "images"
        images.mkdir(parents=True)
        for n in range(COUNT):
            (images / f"{wnid}_{n}.JPEG").write_bytes(jpeg((80 * k, 10 * n, 0)))
        (root / "train" / wnid / f"{wnid}_boxes.txt").write_text("n03_0.JPEG\t0\t0\t9\t9\n")
    (root / "val" / "images").mkdir(parents=True)
    lines = []
    for n in range(VALIDATION):
        k = n % 3
        (root / "val" / "images" / f"val_{n}.JPEG").write_bytes(jpeg((80 * k, 10 * n, 0)))
        lines.append(f"val_{n}.JPEG\t{('n03', 'n01', 'n02')[k]}\t0\t0\t9\t9\n")
    (root / "val" / "val_annotations.txt").write_text("".join(reversed(lines)))
    (root / "words.txt").write_text("".join(f"{a}\t{b}\n" for a, b in WORDS.items()))
    (root / "test" / "images").mkdir(parents=True)
    (root / "test" / "images" / "test_0.JPEG").write_bytes(jpeg((0, 0, 255)))
    return root


def close(images: torch.Tensor, labels: torch.Tensor) -> None:
    """Every image has the red of its class."""
    red = {0: 80, 1: 160, 2: 0}  # by name of the class: n01, n02, n03
    expected = torch.tensor([red[int(y)] for y in labels])
    assert (images[:, 0].double().mean((1, 2)) - expected).abs().max() < 6


def test_labels_come_from_folders_and_annotations_and_names_from_the_words(folder):
    images = tiny_imagenet(str(folder))
    assert images.classes == ("goldfish", "crane (n02)", "crane (n03)")
    assert images.train_x.shape == (3 * COUNT, 3, 8, 8)
    assert images.test_x.shape == (VALIDATION, 3, 8, 8)
    close(images.train_x, images.train_y)
    close(images.test_x, images.test_y)
    green = images.test_x[:, 1].double().mean((1, 2))
    assert (green - 10 * torch.arange(VALIDATION)).abs().max() < 6  # val_2 before val_10


def test_images_of_the_size_of_stanfords_train_a_net_for_that_size(folder, tmp_path):
    for file in folder.rglob("*.JPEG"):
        Image.open(file).resize((64, 64)).save(file, quality=95)
    net = cortexsim.train_network(
        "cortex4-twin",
        f"tiny-imagenet:{folder}",
        settings=Settings(epochs=1, batch_size=12, device="cpu"),
        out=tmp_path / "run",
    )
    assert net.card["preprocessing"]["size"] == [64, 64]
    assert net.card["classes"] == ["goldfish", "crane (n02)", "crane (n03)"]
    states = dict(net.eval().unroll(torch.zeros(1, 3, 64, 64), steps=4))[4]
    assert states["IT"].shape[-2:] == (8, 8)  # 4 x 4 of images of 32 x 32


def test_training_images_come_in_turn_from_all_classes(folder):
    images = tiny_imagenet(str(folder))
    assert images.train_y.reshape(COUNT, 3).tolist() == [[0, 1, 2]] * COUNT


@pytest.mark.parametrize(
    "kind", ["tar.xz", "tar.gz", "zip", "parent", "below", "renamed", "packed"]
)
def test_every_form_gives_the_same(kind, folder, tmp_path):
    expected = tiny_imagenet(str(folder)).sha256()
    path = tmp_path / f"set.{kind}"
    if kind == "parent":
        path = folder.parent
    elif kind == "below":  # an archive without the folder in which everything lies
        path = tmp_path / "below.tar.xz"
        with tarfile.open(path, "w:xz") as archive:
            archive.add(folder, ".")
    elif kind == "packed":  # a folder with the archive and a note
        path = tmp_path / "packed"
        path.mkdir()
        (path / "SOURCE.md").write_text("Stanford")
        with tarfile.open(path / "tiny.tar.xz", "w:xz") as archive:
            archive.add(folder, folder.name)
    elif kind == "renamed":
        path = tmp_path / "mine.tar.xz"
        with tarfile.open(path, "w:xz") as archive:
            archive.add(folder, "my-tiny")
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.rglob("*"):
                archive.write(file, file.relative_to(folder.parent))
    else:
        with tarfile.open(path, f"w:{kind.split('.')[1]}") as archive:
            archive.add(folder, folder.name)
    assert images_named(f"tiny-imagenet:{path}").sha256() == expected


def broken(folder, how: str):
    if how == "no annotations":
        (folder / "val" / "val_annotations.txt").unlink()
    elif how == "no training":
        shutil.rmtree(folder / "train")
    elif how == "unlabelled":
        (folder / "val" / "images" / "val_77.JPEG").write_bytes(jpeg((0, 0, 0)))
    elif how == "unreadable":
        (folder / "train" / "n01" / "images" / "n01_0.JPEG").write_bytes(b"no picture")
    elif how == "sizes":
        (folder / "val" / "images" / "val_0.JPEG").write_bytes(jpeg((0, 0, 0), 9))
    return folder


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no annotations", "no val/val_annotations.txt"),
        ("no training", "holds 0 images under train"),
        ("unlabelled", r"1 images .* have no class .*val_77"),
        ("unreadable", r"1 images .* cannot be read:\s+train/n01/images/n01_0.JPEG"),
        ("sizes", "2 sizes"),
    ],
)
def test_what_is_not_whole_is_refused(how, message, folder):
    with pytest.raises(StimulusError, match=message):
        tiny_imagenet(str(broken(folder, how)))


def test_places_that_hold_no_such_set_are_refused(tmp_path, monkeypatch):
    damaged = tmp_path / "a.tar.xz"
    damaged.write_bytes(b"\xfd7zXZ\x00" + bytes(100))
    with pytest.raises(StimulusError, match="cannot be read"):
        tiny_imagenet(str(damaged))
    with pytest.raises(StimulusError, match="no Tiny ImageNet at"):
        tiny_imagenet(str(tmp_path / "absent"))
    monkeypatch.setenv("CORTEXSIM_DATA", str(tmp_path))
    with pytest.raises(StimulusError, match=r"tiny-imagenet-200\.zip"):
        images_named("tiny-imagenet")


def test_grey_images_have_three_channels(folder):
    (folder / "train" / "n01" / "images" / "n01_0.JPEG").write_bytes(jpeg((90, 90, 90), mode="L"))
    first = tiny_imagenet(str(folder)).train_x[0]
    assert np.ptp(first.numpy(), axis=0).max() == 0


@pytest.mark.slow
def test_the_real_set_is_balanced(data_folder):
    images = images_named("tiny-imagenet")
    assert images.train_x.shape == (100_000, 3, 32, 32)
    assert torch.bincount(images.train_y).tolist() == [500] * 200
    assert torch.bincount(images.test_y).tolist() == [50] * 200
    assert torch.bincount(images.train_y[-5000:]).tolist() == [25] * 200
    assert images.classes[0] == "goldfish"


def test_two_copies_below_one_folder_are_refused(folder, tmp_path):
    both = tmp_path / "both"
    for name in ("one", "two"):
        shutil.copytree(folder, both / name)
    with pytest.raises(StimulusError, match=r"are there more than once, .*: several copies"):
        tiny_imagenet(str(both))
    assert len(tiny_imagenet(str(both / "one")).train_x) == 3 * COUNT
