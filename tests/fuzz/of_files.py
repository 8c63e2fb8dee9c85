"""Files of every kind that is read, which are damaged, of another kind, or not there."""

from __future__ import annotations

import functools
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import things as t
from judging import Case

import cortexsim
from cortexsim import analysis, interop, neural, stimuli


def _table(make: Callable[[], Any]) -> Callable[[Path], None]:
    return lambda path: make().to_csv(path, index=False)


def _npy(path: Path) -> None:
    with path.open("wb") as file:  # np.save adds its own suffix to a name
        np.save(file, t.rng().random((3, 28)))


def _npz(path: Path) -> None:
    np.savez(path, x=t.pixels(3), y=np.array(["x", "y", "x"]))


def _mat(path: Path) -> None:
    from scipy.io import savemat

    savemat(path, {"rdms": t.rng().random((3, 28))})


def _netcdf(path: Path) -> None:
    from cortexsim.files import write

    write(t.evaluated(), path)


def _theirs(path: Path) -> None:
    """A netCDF without checksums, as other programs write it."""
    t.human_rdms().drop_attrs().to_netcdf(path)


def _weights(path: Path) -> None:
    shutil.copy(t.weights_path(), path)
    shutil.copy(t.weights_path().with_suffix(".json"), path.with_suffix(".json"))


def _json(path: Path) -> None:
    path.write_text(stimuli.flash(50.0).to_json())


IDS = list(t.IDS[:8])
KINDS: dict[str, tuple[str, Callable[[Path], None], Callable[[Path], Any]]] = {
    "latencies": ("csv", _table(t.latency_table), neural.from_latencies),
    "trials": (
        "csv",
        _table(t.trial_table),
        lambda p: neural.from_trials(p, chance=0.2, inference=t.LESS),
    ),
    "rdms.npy": ("npy", _npy, lambda p: neural.from_rdms(p, stimulus_id=IDS)),
    "rdms.mat": ("mat", _mat, lambda p: neural.from_rdms(p, stimulus_id=IDS)),
    "rdms.nc": ("nc", _theirs, neural.from_rdms),
    "responses.npy": (
        "npy",
        _npy,
        lambda p: neural.from_responses(p, dims=("stimulus", "unit"), stimulus_id=IDS[:3]),
    ),
    "result": ("nc", _netcdf, interop.from_netcdf),
    "weights": ("safetensors", _weights, cortexsim.load),
    "images": ("npz", _npz, lambda p: stimuli.load_stimuli(str(p))),
    "training data": ("npz", _npz, lambda p: stimuli.load_images(str(p), train_count=2)),
    "presentation": ("json", _json, lambda p: stimuli.read_presentation(str(p))),
    "recording": ("zarr", _npy, cortexsim.open_recording),
    "movie": ("zarr", _npy, analysis.open_movie),
    "assembly": ("nc", _theirs, neural.from_brainio),
    "nwb": ("nwb", _theirs, lambda p: neural.from_nwb(p, window_ms=(0.0, 100.0), bin_ms=10.0)),
    "mne": ("fif", _npy, neural.from_mne),
}
"""The suffix, what writes a sound one, and what reads it."""

WORDS = ["", "NaN", "-1", "inf", "1e999", "text", '"', "é", "1,2", "2020-01-01", "True", "\0", " "]


@functools.cache
def _sound(name: str) -> bytes:
    suffix, write, _ = KINDS[name]
    path = Path(f"sound-of-{name.replace('.', '-')}.{suffix}").resolve()
    write(path)
    return path.read_bytes()


def case(seed: int, k: int, folder: Path) -> Case:
    """Case k: every kind in turn."""
    rng = random.Random(f"files {seed} {k}")
    name = sorted(KINDS)[k % len(KINDS)]
    suffix, write, read = KINDS[name]
    path = folder / f"damaged.{suffix}"
    what, damage = _damage(rng, _sound(name), text=suffix in ("csv", "json"))

    def work() -> Any:
        for left in (path, path.with_suffix(".json")):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            left.unlink(missing_ok=True)
        if name == "weights":
            write(path)
            path.unlink()
        damage(path)
        return read(path)

    return Case(name, what, work)


def _damage(rng: random.Random, data: bytes, *, text: bool) -> tuple[str, Callable[[Path], Any]]:
    k = rng.randrange(len(data))
    if text and rng.random() < 0.6:
        what, changed = _of_text(rng, data.decode())
        return what, lambda path: path.write_bytes(changed)
    noise = np.random.default_rng(k).bytes(min(len(data), 4000))
    other = rng.choice(sorted(KINDS))
    makers: dict[str, Callable[[Path], Any]] = {
        "not there": lambda path: None,
        "empty": lambda path: path.write_bytes(b""),
        "cut": lambda path: path.write_bytes(data[:k]),
        "noise": lambda path: path.write_bytes(noise),
        "a byte": lambda path: path.write_bytes(data[:k] + bytes([data[k] ^ 85]) + data[k + 1 :]),
        "a byte at the beginning": lambda path: path.write_bytes(b"\xff" + data[1:]),
        "noise within": lambda path: path.write_bytes(data[:k] + noise[:50] + data[k + 50 :]),
        "longer": lambda path: path.write_bytes(data + noise),
        "a folder": lambda path: path.mkdir(),
        "a link to itself": lambda path: path.symlink_to(path),
        f"of kind {other}": lambda path: path.write_bytes(_sound(other)),
        "zeros": lambda path: path.write_bytes(b"\0" * len(data)),
        "nested JSON": lambda path: path.write_bytes(b"[" * 100_000),
        "JSON": lambda path: path.write_text(json.dumps({"a": [1, None]})),
    }
    what = rng.choice(sorted(makers))
    return what, makers[what]


def _of_text(rng: random.Random, text: str) -> tuple[str, bytes]:
    """A table in which cells, rows or columns are not as they should be."""
    rows = [line.split(",") for line in text.strip().split("\n")]
    row, column = rng.randrange(len(rows)), rng.randrange(len(rows[0]))
    word = rng.choice(WORDS)
    what = rng.choice(
        ["cell", "column", "header", "row", "no row", "header only", "encoding", "tab"]
    )
    if what == "cell":
        rows[row][column % len(rows[row])] = word
    elif what == "column":
        for line in rows[1:]:
            line[column % len(line)] = word
    elif what == "header":
        rows[0][column] = rng.choice([*rows[0], *WORDS])
    elif what == "row":
        rows.insert(row, [word] * rng.randrange(1, 9))
    elif what == "no row":
        del rows[0]
    elif what == "header only":
        rows = rows[:1]
    joined = "\n".join(("\t" if what == "tab" else ",").join(line) for line in rows)
    if what == "encoding":
        return what, joined.encode(rng.choice(["utf-16", "utf-32", "utf-8-sig"])) + b"\xff"
    return f"{what} {row} {column} {word!r}", joined.encode()
