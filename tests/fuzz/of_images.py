"""Images that are none: files that are damaged or of another kind, arrays, folders and tables."""

from __future__ import annotations

import io
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import strange
import things as t
from judging import Case
from PIL import Image

import cortexsim
from cortexsim.stimuli import load_stimuli

MODES = ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I", "F", "I;16", "YCbCr", "HSV", "LAB")
FORMATS = ("png", "jpeg", "gif", "bmp", "tiff", "webp", "ppm", "ico")


def _file(rng: random.Random) -> tuple[str, bytes, str]:
    """A picture in some format, damaged: what it is, its bytes, its suffix."""
    mode, kind = rng.choice(MODES), rng.choice(FORMATS)
    size = rng.choice([(8, 8), (1, 1), (1, 300), (300, 2), (33, 17)])
    picture = Image.new("RGB", size, (200, 30, 40))
    try:
        picture = picture.convert(mode)
    except ValueError:
        picture = Image.new("I;16", size)
    buffer = io.BytesIO()
    try:
        picture.save(buffer, kind)
    except (OSError, KeyError, ValueError):
        picture.convert("RGB").save(buffer, "png")
    data = buffer.getvalue()
    k = rng.randrange(1, len(data))
    noise = np.random.default_rng(k).bytes(len(data))
    ways = {
        "whole": data,
        "cut": data[:k],
        "empty": b"",
        "noise": noise,
        "a byte": data[:k] + bytes([data[k] ^ rng.randrange(1, 256)]) + data[k + 1 :],
        "the head only": data[:12],
        "noise after the head": data[:30] + noise[30:],
        "text": b"this is no image",
        "twice": data + data,
        "a huge header": data[:16] + b"\x7f\xff\xff\xff\x7f\xff\xff\xff" + data[24:],
    }
    way = rng.choice(sorted(ways))
    suffix = rng.choice(["png", "jpg", kind, "txt", "PNG", "gif"])
    return f"{mode} {kind} {way} as .{suffix}", ways[way], suffix


def case(seed: int, k: int, folder: Path) -> Case:
    """Case k: a file, arrays, or what lists them."""
    rng = random.Random(f"images {seed} {k}")
    here = folder / "images"
    if k % 4 == 0:
        what, junk, _ = strange.of_value(t.pixels(2), rng)
        return Case("preprocess", what, lambda: t.network().preprocess(junk), _batch)
    if k % 4 == 1:
        return _table(rng, here)
    what, data, suffix = _file(rng)

    def work() -> Any:
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir()
        (here / f"a.{suffix}").write_bytes(data)
        if k % 4 == 2:
            return t.network().preprocess([here / f"a.{suffix}"])
        Image.fromarray(t.pixels(1)[0]).save(here / "b.png")
        return cortexsim.record_network(t.network(), load_stimuli(str(here)))

    return Case("preprocess" if k % 4 == 2 else "record", what, work, _batch)


def _batch(made: Any) -> str:
    """What comes out is between black and white."""
    import torch

    if isinstance(made, torch.Tensor):
        if made.ndim != 4 or not bool(made.isfinite().all()):
            return f"a batch of shape {tuple(made.shape)}, or not finite"
        if made.numel() and float(made.abs().max()) > 2.01:
            return f"a batch beyond black and white: {float(made.abs().max()):.3g}"
    return ""


def _table(rng: random.Random, here: Path) -> Case:
    """Tables of images (.csv) and arrays (.npz), which are not as they should be."""
    images, labels = t.pixels(3), np.array(["x", "y", "x"])
    rows = "id,label,path\na,x,a.png\nb,y,b.png\n"
    texts = {
        "empty": "",
        "only a header": "id,label,path\n",
        "without file": "id,label\na,x\n",
        "twice an id": rows + "a,x,b.png\n",
        "a file that is not there": rows + "c,x,c.png\n",
        "a file outside": rows + "c,x,../../c.png\n",
        "an absolute file": rows + "c,x,/etc/passwd\n",
        "too many cells": rows + "c,x,c.png,4,5\n",
        "too few cells": rows + "c\n",
        "a quote": rows + '"c,x,c.png\n',
        "NUL": rows + "c\x00,x,a.png\n",
        "no name": rows + ",x,a.png\n",
        "no file": rows + "c,x,\n",
        "semicolons": rows.replace(",", ";"),
        "a column twice": rows.replace("label", "path"),
        "sound": rows,
    }
    arrays: dict[str, dict[str, Any]] = {
        "no images": {"y": labels},
        "floats": {"x": images / 255.0, "y": labels},
        "channels first": {"x": images.transpose(0, 3, 1, 2), "y": labels},
        "fewer labels": {"x": images, "y": labels[:2]},
        "no image": {"x": images[:0], "y": labels[:0]},
        "two axes": {"x": images[0, ..., 0], "y": labels},
        "grey": {"x": images[..., :1], "y": labels},
        "objects": {"images": np.array([None] * 3, dtype=object), "y": labels},
        "twice an id": {"x": images, "y": labels, "id": ["a", "a", "b"]},
        "labels of two axes": {"x": images, "y": np.array([labels, labels])},
        "nothing": {},
    }
    name = rng.choice([*(f"csv {k}" for k in texts), *(f"npz {k}" for k in arrays)])
    kind, _, which = name.partition(" ")
    encoding = rng.choice(["utf-8", "utf-8", "utf-16", "latin-1"])
    cut = rng.random() < 0.2

    def work() -> Any:
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir()
        for image in ("a", "b"):
            Image.fromarray(t.pixels(1)[0]).save(here / f"{image}.png")
        path = here / f"list.{kind}"
        if kind == "csv":
            path.write_bytes(texts[which].encode(encoding))
        else:
            np.savez(path, **arrays[which])
        if cut:
            path.write_bytes(path.read_bytes()[:-20])
        return cortexsim.record_network(t.network(), load_stimuli(str(path)))

    return Case("load_stimuli", f"{name} {encoding}{' cut' * cut}", work)
