"""What the tests of image sets share."""

import hashlib
import io
import pickle
import tarfile

import numpy as np
import torch

from cortexsim.stimuli.image_set import ImageSet


def holds(images: ImageSet, x: np.ndarray, y: np.ndarray, split: int) -> bool:
    """Whether a set holds the images ``x`` (n, y, x, 3) and labels ``y``, the first ``split`` of
    them for training.
    """
    parts = [
        (images.train_x, images.train_y, slice(0, split)),
        (images.test_x, images.test_y, slice(split, None)),
    ]
    return all(
        bx.dtype == torch.uint8
        and by.dtype == torch.int64
        and np.array_equal(np.moveaxis(bx.numpy(), 1, 3), x[part])
        and np.array_equal(by.numpy(), y[part])
        for bx, by, part in parts
    )


def archive_of(name: str, x: np.ndarray, y: np.ndarray, names: list[str]) -> tuple[dict, bytes]:
    """A small archive in CIFAR's own format, and what torchvision's class says of it."""
    many = name == "cifar10"
    label, class_key = ("labels", "label_names") if many else ("fine_labels", "fine_label_names")
    meta_name = "batches.meta" if many else "meta"
    splits = (
        {f"data_batch_{k + 1}": slice(k * 6, k * 6 + 6) for k in range(5)}
        if many
        else {"train": slice(0, 30)}
    )
    splits["test_batch" if many else "test"] = slice(30, 40)
    files = {
        k: {"data": x[s].transpose(0, 3, 1, 2).reshape(-1, 3072), label: y[s].tolist()}
        for k, s in splits.items()
    }
    raw = {
        k: pickle.dumps(v, protocol=2) for k, v in {**files, meta_name: {class_key: names}}.items()
    }
    base = "cifar-10-batches-py" if many else "cifar-100-python"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for k, content in raw.items():
            member = tarfile.TarInfo(f"{base}/{k}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    md5 = {k: hashlib.md5(v).hexdigest() for k, v in raw.items()}
    *train, test = splits
    attributes = {
        "tgz_md5": hashlib.md5(packed.getvalue()).hexdigest(),
        "train_list": [[k, md5[k]] for k in train],
        "test_list": [[test, md5[test]]],
        "meta": {"filename": meta_name, "key": class_key, "md5": md5[meta_name]},
    }
    return attributes, packed.getvalue()
