"""``cifar10`` from the reader's own copies in CORTEXSIM_DATA, whatever their layout."""

import io
import pickle
import tarfile

import numpy as np
import pytest
from image_sets import archive_of, holds
from PIL import Image

from cortexsim.errors import StimulusError
from cortexsim.stimuli import cifar
from cortexsim.stimuli.datasets import load_images
from cortexsim.stimuli.images import load_stimuli


@pytest.fixture
def data(monkeypatch, tmp_path):
    """An empty folder of data and an empty cache, without a network."""
    import socket

    def unreachable(*_, **__):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    monkeypatch.setenv("CORTEXSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CORTEXSIM_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.mark.slow
def test_mosaics_give_every_image_in_the_official_order(cifar10, monkeypatch, tmp_path):
    monkeypatch.setenv("CORTEXSIM_CACHE", str(tmp_path))
    x, y, exact = cifar10
    images = load_images("cifar10")
    assert holds(images, x, y, 50000)
    assert (images.name, images.classes) == ("cifar10", cifar.CLASSES)
    inexact = int((~exact).sum())
    assert images.notes[0].startswith(f"{inexact} images are JPEG copies")
    shown = load_stimuli("cifar10", limit=3)
    assert shown.ids == ("test-00000", "test-00001", "test-00002")
    assert (shown.read(2) == x[50002]).all()
    assert list(tmp_path.iterdir()) == []


def small(folder, rows=2, columns=3, exact=True):
    """Two mosaics of 6 images and their labels."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (2 * rows * columns, 32, 32, 3), dtype=np.uint8)
    y = np.arange(len(x)) % 10
    folder.mkdir()
    for k, part in enumerate(np.split(x, 2)):
        tiles = part.reshape(rows, columns, 32, 32, 3).swapaxes(1, 2)
        mosaic = tiles.reshape(rows * 32, columns * 32, 3)
        Image.fromarray(mosaic).save(folder / f"part{k}.png")
    np.savez(folder / "labels.npz", label=y.astype(np.uint8), exact=np.full(len(x), exact))
    return x, y


@pytest.fixture
def mosaics(data, monkeypatch):
    for name, value in {"ROWS": 2, "COLUMNS": 3, "TRAINING": 8}.items():
        monkeypatch.setattr(cifar, name, value)
    return data / "cifar10", *small(data / "cifar10")


def test_exact_copies_have_no_note(mosaics):
    _, x, y = mosaics
    images = load_images("cifar10")
    assert holds(images, x, y, 8)
    assert images.notes == ()


@pytest.mark.parametrize("fault", ["cut", "labels", "one missing", "no key"])
def test_damaged_mosaics_are_refused(fault, mosaics):
    folder, _, y = mosaics
    part, labels = folder / "part1.png", folder / "labels.npz"
    if fault == "cut":
        part.write_bytes(part.read_bytes()[:500])
    elif fault == "labels":
        labels.write_bytes(b"PK")
    elif fault == "one missing":
        part.unlink()
    else:
        np.savez(labels, y=y)
    with pytest.raises(StimulusError, match="mosaics of cifar10"):
        load_images("cifar10")


@pytest.mark.parametrize("where", ["cifar100.npz", "cifar100/cifar100.npz", "cifar100"])
def test_a_file_or_folder_of_the_name_is_read(where, data, pictures):
    x, y = pictures[0][:12], pictures[1][:12]
    path = data / where
    if path.suffix:
        path.parent.mkdir(exist_ok=True)
        np.savez(path, x_train=x[:8], y_train=y[:8], x_test=x[8:], y_test=y[8:])
    else:
        y = np.arange(12) % 2
        for k in range(12):
            file = path / ("train" if k < 8 else "test") / f"{y[k]}" / f"{k}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(x[k]).save(file)
    images = load_images("cifar100")
    assert images.name == "cifar100"
    assert holds(images, x, y, 8)


@pytest.fixture
def batches(monkeypatch, pictures):
    """``batches(folder)`` writes what torchvision unpacks, of 40 images."""
    from torchvision import datasets

    x, y = pictures[0][:40], pictures[1][:40]
    attributes, raw = archive_of("cifar10", x, y, [f"class {k}" for k in range(10)])
    for key, value in attributes.items():
        monkeypatch.setattr(datasets.CIFAR10, key, value)
    return x, y, raw


def unpack(raw, folder):
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        archive.extractall(folder, filter="data")


@pytest.mark.filterwarnings("ignore:Python 3.14 will:DeprecationWarning")
@pytest.mark.parametrize("below", ["", "cifar10"])
@pytest.mark.parametrize("packed", [True, False])
def test_the_archive_and_what_torchvision_unpacks_are_read(below, packed, data, batches, tmp_path):
    x, y, raw = batches
    folder = data / below
    folder.mkdir(exist_ok=True)
    if packed:
        (folder / "cifar-10-python.tar.gz").write_bytes(raw)
    else:
        unpack(raw, folder)
    before = sorted(data.rglob("*"))
    assert holds(load_images("cifar10"), x, y, 30)
    assert sorted(data.rglob("*")) == before  # nothing is written among the reader's own copies
    assert (tmp_path / "cache").exists() == packed


def test_an_altered_copy_of_torchvision_is_refused(data, batches):
    unpack(batches[2], data)
    (data / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps({}))
    with pytest.raises(StimulusError, match="cannot be read: Dataset not found or corrupted"):
        load_images("cifar10")


def test_offline_the_error_is_one_sentence_that_is_not_chained(data):
    with pytest.raises(StimulusError, match="unreachable") as caught:
        load_images("cifar10")
    text = str(caught.value)
    assert f"cifar10 is neither in CORTEXSIM_DATA={data} nor in" in text
    assert "\n" not in text
    assert caught.value.__suppress_context__
