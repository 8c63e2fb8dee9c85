"""Recordings and RDM movies on disk in which a file is not what was written."""

from __future__ import annotations

import functools
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import of_cards
import things as t
import xarray
from judging import Case

import cortexsim
from cortexsim.analysis import open_movie


def _recording(path: Path) -> dict[str, xarray.Dataset]:
    tree = cortexsim.open_recording(path)
    return {name: tree[name].to_dataset().load() for name in tree.groups}


def _movie(path: Path) -> dict[str, xarray.Dataset]:
    return {"movie": open_movie(path).load()}


READERS = {"recording": (t.recording_path, _recording), "movie": (t.movie_path, _movie)}


@functools.cache
def _sound(name: str) -> dict[str, xarray.Dataset]:
    path, read = READERS[name]
    return read(path())


def case(seed: int, k: int, folder: Path) -> Case:
    """Case k: a file of the store is damaged."""
    rng = random.Random(f"chunks {seed} {k}")
    name = sorted(READERS)[k % len(READERS)]
    sound, read = READERS[name]
    original = sound()
    files = sorted(f for f in original.rglob("*") if f.is_file())
    # As often the description as the numbers: there are many more files of these.
    described = [f for f in files if f.suffix == ".json"]
    file = rng.choice(described if rng.random() < 0.5 else files).relative_to(original)
    copied = folder / f"{name}.zarr"
    what, damage = _damage(rng, original, file)

    def work() -> Any:
        shutil.rmtree(copied, ignore_errors=True)
        shutil.copytree(original, copied)
        damage(copied)
        return read(copied)

    def wrong(result: dict[str, xarray.Dataset]) -> str:
        expected = _sound(name)
        alike = result.keys() == expected.keys()
        if alike and all(result[group].identical(expected[group]) for group in result):
            return ""
        return "it reads as something else than was written, without a word"

    return Case(name, f"{file}: {what}", work, wrong)


def _damage(rng: random.Random, original: Path, file: Path) -> tuple[str, Any]:
    data = (original / file).read_bytes()
    k = rng.randrange(max(1, len(data)))
    if file.suffix == ".json" and rng.random() < 0.7:
        what, value = of_cards.damaged(json.loads(data), rng)
        return what, lambda root: (root / file).write_bytes(of_cards.written(value, rng))
    noise = np.random.default_rng(k).bytes(len(data))
    makers: dict[str, Any] = {
        "removed": lambda root: (root / file).unlink(),
        "empty": lambda root: (root / file).write_bytes(b""),
        "cut": lambda root: (root / file).write_bytes(data[:k]),
        "noise": lambda root: (root / file).write_bytes(noise),
        "a bit": lambda root: (root / file).write_bytes(
            data[:k] + bytes([data[k] ^ 1]) + data[k + 1 :] if data else b"x"
        ),
        "longer": lambda root: (root / file).write_bytes(data + b"\x00" * 7),
        "a folder": lambda root: ((root / file).unlink(), (root / file).mkdir()),
        "a link to nothing": lambda root: (
            (root / file).unlink(),
            (root / file).symlink_to("nowhere"),
        ),
    }
    what = rng.choice(sorted(makers))
    return what, makers[what]
