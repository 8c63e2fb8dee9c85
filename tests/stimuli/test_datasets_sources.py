"""Named sets fetched by torchvision, and folders of images.

The same images and labels in the same order.
"""

from __future__ import annotations

import functools
import http.server
import socket
import threading

import numpy as np
import pytest
from image_sets import archive_of, holds
from PIL import Image
from torchvision import datasets

from cortexsim.errors import StimulusError
from cortexsim.stimuli.datasets import load_images

# --------------------------------------------------------------------------------------------------


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.mark.filterwarnings(
    "ignore:Python 3.14 will:DeprecationWarning"
)  # tarfile, inside torchvision
@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_a_named_set_is_fetched_once_and_read_in_order(tmp_path, monkeypatch, pictures, name):
    x, y = pictures[0][:40], pictures[1][:40]
    names = [f"class {k}" for k in range(10)]
    kind = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[name]
    attributes, raw = archive_of(name, x, y, names)
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / kind.filename).write_bytes(raw)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=tmp_path / "www")
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    for key, value in {
        **attributes,
        "url": f"http://127.0.0.1:{server.server_port}/{kind.filename}",
    }.items():
        monkeypatch.setattr(kind, key, value)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("CORTEXSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CORTEXSIM_DATA", raising=False)
    try:
        images = load_images(name)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert holds(images, x, y, 30)
    assert images.classes == tuple(names)
    assert (tmp_path / "cache" / kind.filename).is_file()
    assert load_images(name).sha256() == images.sha256()  # the server is gone: from the cache


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_without_a_network_the_error_says_what_to_put_where(tmp_path, monkeypatch, name):
    def unreachable(*_, **__):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    monkeypatch.setenv("CORTEXSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CORTEXSIM_DATA", raising=False)
    with pytest.raises(StimulusError, match="unreachable") as caught:
        load_images(name)
    url = {
        "cifar10": "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        "cifar100": "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    }
    for part in (
        name,
        url[name],
        str(tmp_path / "cache"),
        "CORTEXSIM_CACHE",
        f"in place of {name}",
    ):
        assert part in str(caught.value)


# --------------------------------------------------------------------------------------------------


def put(root, x, y, names):
    """Write images as PNG into root/<class of its label>/<name>."""
    for image, label, name in zip(x, y, names, strict=True):
        path = root / f"class{label}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def test_a_folder_of_numbered_images_is_in_official_order(tmp_path, pictures):
    x, y = pictures[0][:40], pictures[1][:40]
    # Not padded: 10 comes after 9, not after 1.
    put(tmp_path / "train", x[:30], y[:30], [f"{k}.png" for k in range(30)])
    put(tmp_path / "test", x[30:], y[30:], [f"{k:04d}.png" for k in range(10)])
    (tmp_path / "train" / "class6" / "notes.txt").write_text("no image")
    images = load_images(str(tmp_path))
    assert holds(images, x, y, 30)
    assert images.classes == tuple(f"class{k}" for k in range(10))


def test_other_names_are_in_order_of_name_and_in_turn_from_all_classes(tmp_path, pictures):
    x, y = pictures[0][:40], pictures[1][:40] % 3
    names = [f"picture {(7 * k) % 30:02d}.png" for k in range(30)]
    put(tmp_path / "train", x[:30], y[:30], names)
    put(tmp_path / "test", x[30:], y[30:], names[:10])
    order = []
    for part, named in ((range(30), names), (range(30, 40), names[:10])):
        of_class = [sorted(k for k in part if y[k] == c) for c in range(3)]
        for those in of_class:
            those.sort(key=lambda k: named[k - part[0]])
        way = {k: (i + 0.5) / len(v) for v in of_class for i, k in enumerate(v)}
        order += sorted(part, key=lambda k: (way[k], y[k]))
    images = load_images(str(tmp_path))
    assert holds(images, x[order], y[order], 30)
    assert images.notes == ("the images of the folders are taken in turn from all classes",)
    with pytest.raises(StimulusError, match="a split of its own: leave out --train-count"):
        load_images(str(tmp_path), train_count=20)


def test_a_part_of_cifar_is_not_taken_for_the_whole(tmp_path, monkeypatch, pictures):
    np.savez(tmp_path / "cifar10.npz", x=pictures[0][:40], y=pictures[1][:40])
    monkeypatch.setenv("CORTEXSIM_DATA", str(tmp_path))
    with pytest.raises(StimulusError, match="40 images in 'x', too few to be those of cifar10"):
        load_images("cifar10")
    with pytest.raises(StimulusError, match="a split of its own"):
        load_images("cifar10", train_count=30)
    assert len(load_images(str(tmp_path / "cifar10.npz"), train_count=30).train_x) == 30


def test_hidden_folders_are_no_classes_and_empty_ones_are_named(tmp_path, pictures):
    for part in ("train", "test"):
        put(tmp_path / part, pictures[0][:6], np.arange(6) % 2, [f"{k}.png" for k in range(6)])
        (tmp_path / part / ".ipynb_checkpoints").mkdir()
    assert load_images(str(tmp_path)).classes == ("class0", "class1")
    (tmp_path / "train" / "class2").mkdir()
    with pytest.raises(StimulusError, match=r"folders without images, .*: class2\. Fill them"):
        load_images(str(tmp_path))


def test_grey_and_palette_images_become_colour(tmp_path, pictures):
    grey = np.asarray(Image.fromarray(pictures[0][0]).convert("L"))
    palette = Image.fromarray(pictures[0][1]).quantize(64)
    for part in ("train", "test"):
        (tmp_path / part / "a").mkdir(parents=True)
        Image.fromarray(grey).save(tmp_path / part / "a" / "0.png")
        palette.save(tmp_path / part / "a" / "1.gif")
    images = load_images(str(tmp_path))
    expected = np.stack([np.stack([grey] * 3, 2), np.asarray(palette.convert("RGB"))])
    assert holds(images, np.concatenate([expected] * 2), np.zeros(4), 2)


def test_every_bad_image_is_named_in_one_error(tmp_path, pictures):
    x, y = pictures[0][:40], pictures[1][:40]
    for part in ("train", "test"):
        put(tmp_path / part, x, y, [f"{k}.png" for k in range(40)])
    files = sorted(tmp_path.glob("*/*/*.png"))
    whole = files[0].read_bytes()
    damage = [b"", b"text", whole[: len(whole) // 2], whole[:50] + bytes(40) + whole[90:]]
    bad = files[::3]
    for k, file in enumerate(bad):
        file.write_bytes(damage[k % len(damage)])
    odd = files[1::40]
    for file in odd:
        Image.fromarray(x[0, :20]).save(file)
    with pytest.raises(StimulusError, match=f"{len(bad) + len(odd)} images") as caught:
        load_images(str(tmp_path))
    lines = str(caught.value).splitlines()[1:]
    assert sorted(line.strip().split(":")[0] for line in lines) == sorted(
        str(f.relative_to(tmp_path)) for f in (*bad, *odd)
    )
    assert sum("20 x 32 pixels, most are 32 x 32" in line for line in lines) == len(odd)


def test_two_splits_of_different_size_are_refused(tmp_path, pictures):
    put(tmp_path / "train", pictures[0][:5], [0] * 5, [f"{k}.png" for k in range(5)])
    put(tmp_path / "test", pictures[0][:3, :16, :16], [0] * 3, [f"{k}.png" for k in range(3)])
    with pytest.raises(StimulusError, match="3 images under"):
        load_images(str(tmp_path))


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["train/a", "train/b", "test/a", "test/c", "test/d"], "classes that train/ has not: c, d"),
        (["train/a"], r"must hold train/<class>/ and test/<class>/.*found \['train'\]"),
        (["test/a"], r"found \['test'\]"),
        (["train", "test/a"], "must hold train/<class>/"),
        ([], r"found \[\]"),
        (["train/a", "test/a"], "no images under"),
    ],
)
def test_folders_without_the_expected_parts_are_refused(tmp_path, folders, message):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(StimulusError, match=message):
        load_images(str(tmp_path))
