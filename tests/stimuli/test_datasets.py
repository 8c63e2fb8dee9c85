"""Image sets from .npz files: what is read, what is noted, what is refused."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
import torch
from image_sets import holds

from cortexsim.errors import StimulusError
from cortexsim.stimuli.datasets import load_images
from cortexsim.stimuli.image_set import ImageSet


@pytest.mark.parametrize("split", [1, 30, 39])
@pytest.mark.parametrize("label_type", [np.uint8, np.int64])
def test_one_array_is_split_at_train_count(tmp_path, pictures, split, label_type):
    x, y = pictures[0][:40], pictures[1][:40]
    np.savez(tmp_path / "a.npz", x=x, y=y.astype(label_type))
    assert holds(load_images(str(tmp_path / "a.npz"), train_count=split), x, y, split)


@pytest.mark.parametrize("split", [1, 30])
def test_four_arrays(tmp_path, pictures, split):
    x, y = pictures[0][:40], pictures[1][:40]
    np.savez(
        tmp_path / "a.npz",
        x_train=x[:split],
        y_train=y[:split],
        x_test=x[split:],
        y_test=y[split:],
        classes=list("abcdefghij"),
    )
    images = load_images(str(tmp_path / "a.npz"))
    assert holds(images, x, y, split)
    assert images.classes == tuple("abcdefghij")


def test_grey_images_fill_three_channels(tmp_path, pictures):
    x, y = pictures[0][:20, :, :, 1], pictures[1][:20]
    np.savez(tmp_path / "a.npz", x=x, y=y)
    assert holds(
        load_images(str(tmp_path / "a.npz"), train_count=12), np.stack([x] * 3, axis=3), y, 12
    )


def test_images_that_are_not_exact_are_counted_in_either_layout(tmp_path, pictures):
    x, y = pictures[0][:20], pictures[1][:20]
    exact = np.ones(20, bool)
    exact[[1, 2, 15]] = False
    np.savez(tmp_path / "one.npz", x=x, y=y, exact=exact)
    np.savez(
        tmp_path / "four.npz",
        x_train=x[:12],
        y_train=y[:12],
        x_test=x[12:],
        y_test=y[12:],
        exact=exact,
    )
    np.savez(tmp_path / "all.npz", x=x, y=y, exact=np.ones(20, bool))
    for name, count in (("one", 12), ("four", None)):
        (note,) = load_images(str(tmp_path / f"{name}.npz"), train_count=count).notes
        assert "3 images are JPEG copies" in note
        assert "(2 train, 1 test)" in note
    assert load_images(str(tmp_path / "all.npz"), train_count=12).notes == ()


@pytest.fixture(scope="module")
def real(cifar10, tmp_path_factory):
    """All of CIFAR-10 as training sees it. The file (180 MB) is not left behind."""
    x, y, exact = cifar10
    path = tmp_path_factory.mktemp("real") / "cifar10.npz"
    np.savez(path, x=x, y=y, exact=exact)
    images = load_images(str(path), train_count=50000)
    path.unlink()
    return images


def test_the_real_set_says_how_many_images_are_not_lossless(real):
    assert real.notes == ("172 images are JPEG copies, not lossless (140 train, 32 test)",)


def test_the_real_set_has_the_published_statistics_and_labels(real, cifar10):
    mean, std = real.channel_statistics()
    assert [round(v, 4) for v in mean] == [0.4914, 0.4822, 0.4465]
    assert [round(v, 4) for v in std] == [0.2470, 0.2435, 0.2616]
    channels = [cifar10[0][:50000, :, :, c] for c in range(3)]
    np.testing.assert_allclose(mean, [c.mean(dtype=np.float64) / 255 for c in channels], rtol=1e-10)
    np.testing.assert_allclose(std, [c.std(dtype=np.float32) / 255 for c in channels], rtol=1e-5)
    # sha256 of the official test labels, from the SOURCE.md of the data.
    assert (
        hashlib.sha256(real.test_y.numpy().tobytes())
        .hexdigest()
        .startswith("cbb7365de8ed11f05cc4c3a1e7f78144")
    )


def test_statistics_are_of_the_training_images(pictures):
    x, y = (
        torch.from_numpy(pictures[0][:40]).permute(0, 3, 1, 2),
        torch.from_numpy(pictures[1][:40]),
    )
    mean, std = ImageSet("a", x[:9], y[:9], x[9:], y[9:], tuple("0123456789")).channel_statistics()
    np.testing.assert_allclose(mean, (pictures[0][:9] / 255).mean((0, 1, 2)), rtol=1e-10)
    np.testing.assert_allclose(std, (pictures[0][:9] / 255).std((0, 1, 2)), rtol=1e-10)


def test_the_hash_is_of_all_images_and_labels_in_order(pictures):
    x, y = torch.from_numpy(pictures[0][:8]).permute(0, 3, 1, 2), torch.from_numpy(pictures[1][:8])
    brighter = x.clone()
    brighter[0, 0, 0, 0] ^= 1
    parts = [
        (x, y, x, y),
        (x.flip(0), y, x, y),
        (brighter, y, x, y),
        (x, y.flip(0), x, y),
        (x[:7], y[:7], x, y),
    ]
    parts += [(x, y, brighter, y), (x, y, x, y.flip(0))]
    names = tuple("0123456789")
    hashes = [ImageSet("a", *part, names).sha256() for part in parts]
    assert len(set(hashes)) == len(hashes)
    assert ImageSet("another name", x.clone(), y.clone(), x, y, names).sha256() == hashes[0]


X, Y = np.zeros((8, 16, 16, 3), np.uint8), np.arange(8)
BAD_ARRAYS = {
    "float images": ({"x": X / 255.0, "y": Y}, "float64"),
    "channels first": (
        {"x": X.transpose(0, 3, 1, 2), "y": Y},
        r"\(4, 3, 16, 16\).*expected uint8 \(n, y, x, 3\)",
    ),
    "flat images": ({"x": X.reshape(8, -1), "y": Y}, r"\(4, 768\)"),
    "float labels": ({"x": X, "y": Y + 0.5}, "labels are float64"),
    "labels in a column": ({"x": X, "y": Y[:, None]}, "do not match"),
    "too few labels": ({"x": X, "y": Y[:6]}, "do not match"),
    "a negative label": ({"x": X, "y": Y - 1}, "run from -1 to"),
    "a label without a class": (
        {"x": X, "y": Y, "classes": ["a", "b", "c"]},
        "to 3; there are 3 classes",
    ),
    "two sizes": (
        {"x_train": X, "y_train": Y, "x_test": X[:, :8], "y_test": Y},
        r"\(3, 16, 16\), test images \(3, 8, 16\)",
    ),
    "no test images": ({"x_train": X, "y_train": Y, "x_test": X[:0], "y_test": Y[:0]}, "empty"),
    "other names": ({"images": X, "labels": Y}, "holds images, labels; expected x_train"),
    "objects": ({"x": X, "y": np.array([{}] * 8)}, "cannot be read"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_arrays_that_cannot_be_used_are_refused(tmp_path, case):
    arrays, message = BAD_ARRAYS[case]
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(StimulusError, match=message):
        load_images(str(tmp_path / "bad.npz"), train_count=4 if "x" in arrays else None)


def test_a_split_is_not_said_twice(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X, y_test=Y)
    with pytest.raises(StimulusError, match=r"has a split of its own .*leave out --train-count"):
        load_images(str(tmp_path / "a.npz"), train_count=4)


@pytest.mark.parametrize("count", [None, 8, 9])
def test_one_array_needs_a_split_that_leaves_test_images(tmp_path, count):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    with pytest.raises(StimulusError, match=r"8 images.*--train-count N"):
        load_images(str(tmp_path / "a.npz"), train_count=count)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "overwritten", "npy"])
def test_a_damaged_file_is_named(tmp_path, damage):
    whole, array = io.BytesIO(), io.BytesIO()
    np.savez_compressed(
        whole, x=np.random.default_rng(0).integers(0, 255, (8, 16, 16, 3), np.uint8), y=Y
    )
    np.save(array, X)
    raw = whole.getvalue()
    bytes_of = {
        "empty": b"",
        "text": b"no arrays",
        "cut": raw[:-300],
        "overwritten": raw[:900] + bytes(99) + raw[999:],
        "npy": array.getvalue(),
    }
    path = tmp_path / "bad.npz"
    path.write_bytes(bytes_of[damage])
    with pytest.raises(StimulusError, match=r"bad\.npz cannot be read as an \.npz of arrays"):
        load_images(str(path), train_count=4)


@pytest.mark.parametrize("data", ["cifar11", "nowhere/at/all", "nowhere.npz"])
def test_a_name_that_is_nothing_gets_the_choices(data):
    with pytest.raises(
        StimulusError, match=f"no training data at '{data}': give cifar10, cifar100, a folder"
    ):
        load_images(data)


def test_a_split_of_images_class_by_class_is_refused(tmp_path, pictures):
    y = np.sort(pictures[1][:60] % 3)
    np.savez(tmp_path / "a.npz", x=pictures[0][:60, :8, :8], y=y)
    with pytest.raises(StimulusError, match=r"class by class, .* 50 are of 3 of the 3 .* mix"):
        load_images(str(tmp_path / "a.npz"), train_count=50)
    np.savez(tmp_path / "a.npz", x=pictures[0][:60, :8, :8], y=pictures[1][:60] % 3)
    assert len(load_images(str(tmp_path / "a.npz"), train_count=50).train_x) == 50


@pytest.mark.parametrize("dtype", [torch.float32, torch.int16, torch.int64])
def test_images_that_are_no_bytes_are_refused_and_labels_are_whole_numbers(dtype):
    x, y = torch.zeros((4, 3, 8, 8), dtype=torch.uint8), torch.tensor([0, 1, 0, 1])
    with pytest.raises(StimulusError, match=f"train images are {dtype}; uint8 is needed"):
        ImageSet("a", x.to(dtype), y, x, y, ("cat", "dog"))
    of_bytes = ImageSet("a", x, y.byte(), x, y.int(), ("cat", "dog"))
    assert of_bytes.train_y.dtype == of_bytes.test_y.dtype == torch.int64
    assert of_bytes.sha256() == ImageSet("a", x, y, x, y, ("cat", "dog")).sha256()
