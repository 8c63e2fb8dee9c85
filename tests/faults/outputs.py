"""Small outputs of every kind, and what people read of them."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray

import cortexsim
from cortexsim.analysis.movie.movie import rdm_movie
from cortexsim.analysis.movie.store import open_movie
from cortexsim.brainscore.packaging import package
from cortexsim.checksums import with_digest
from cortexsim.errors import AnalysisError, TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.experiments.verify.outputs import verified
from cortexsim.files import write
from cortexsim.interop.netcdf import from_netcdf, to_netcdf
from cortexsim.models.weights import save_weights
from cortexsim.recording.settings import Settings
from cortexsim.train import run_of
from cortexsim.training import train
from cortexsim.training.run import Run

COUNT = 20


@dataclass(frozen=True)
class Output:
    """One kind of output.

    make: writes it. read: all of it, as people do; of the wrong kind of file it raises. resume:
    makes it whole again, where a command does that.
    """

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], Any]
    resume: Callable[[Path], None] | None = None


def images() -> np.ndarray:
    """Of the recordings."""
    return np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)


def _record(path: Path, *, compression: str, **how: Any) -> None:
    cortexsim.record_network(
        cortexsim.load("cortex4"),
        images(),
        keep="mean",
        out=path,
        settings=Settings(batch_size=8, compression=compression),
        **how,
    )


def _recording(compression: str) -> Output:
    return Output(
        f"recording ({compression})",
        lambda folder: _record(folder / "a.zarr", compression=compression),
        _read_recording,
        lambda folder: _record(folder / "a.zarr", compression=compression, resume=True),
    )


def _read_recording(folder: Path) -> Any:
    """Everything in it, and the RDMs, which are read another way."""
    path = folder / "a.zarr"
    tree = cortexsim.open_recording(path)
    datasets = {name: tree[name].to_dataset().load() for name in tree.groups}
    return datasets, rdm_movie(path, progress=False).load()


def _movie(folder: Path) -> None:
    _record(folder / "b.zarr", compression="none")
    rdm_movie(folder / "b.zarr", out=folder / "a.zarr", progress=False)
    shutil.rmtree(folder / "b.zarr")


def _netcdf(folder: Path) -> None:
    """A result with numbers, texts and attributes, as commands write it."""
    rng = np.random.default_rng(0)
    result = xarray.Dataset(
        {
            "similarity": (("state", "step"), rng.random((4, 30))),
            "accuracy": (("state", "step"), rng.integers(0, 9, (4, 30))),
            "best": 0.5,
        },
        {
            "state": ["V1", "V2", "V4", "IT"],
            "time_ms": ("step", np.arange(30.0), {"units": "ms"}),
            "note": ("step", [f"step {k}" for k in range(30)]),
        },
        {"summary": "IT at 0.5", "configuration": json.dumps({"model": "cortex4", "n": 1000})},
    )
    write(result, folder / "a.nc")


def _netcdf_recording(folder: Path) -> None:
    _record(folder / "b.zarr", compression="none")
    to_netcdf(folder / "b.zarr", folder / "a.nc")
    shutil.rmtree(folder / "b.zarr")


def _read_netcdf(folder: Path) -> Any:
    read = from_netcdf(folder / "a.nc")
    return {n.path: n.to_dataset() for n in read.subtree} if hasattr(read, "subtree") else read


def _weights(folder: Path) -> None:
    net = cortexsim.load("cortex4")
    save_weights(net, folder / "a.safetensors", dict(net.card))


def _read_weights(folder: Path) -> Any:
    net = cortexsim.load(folder / "a.safetensors")
    images = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
    with torch.inference_mode():
        logits = [net.logits(states, step) for step, states in net.unroll(images, net.readout)]
    return logits[-1].numpy(), {k: v for k, v in net.card.items() if k != "card_sha256"}


def _package(folder: Path) -> None:
    package("cortex4", folder / "a.zip")


def _read_package(folder: Path) -> Any:
    """As unzip does; what it refuses is clear."""
    try:
        with zipfile.ZipFile(folder / "a.zip") as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except Exception as error:  # not ours: no command of cortexsim reads a package
        raise AnalysisError("unzip refuses") from error


def _numbers(folder: Path) -> None:
    content = {"claim": "V1 first", "results": {"onset_ms": [50.0, 61.5, 70.25]}, "provenance": {}}
    text = json.dumps(with_digest(content, "sha256"), indent=1)
    (folder / "a.json").write_text(text)


def _read_numbers(folder: Path) -> Any:
    """As a script does that takes them from the file; before that they are verified."""
    (verdict,) = verified(folder / "a.json")
    if not verdict.is_sound:
        raise AnalysisError(verdict.damaged[0])
    return json.loads((folder / "a.json").read_text())


STEPS = 3  # an epoch


def _run(folder: Path) -> Run:
    """Two epochs of three steps, a checkpoint after each."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (64, 8, 8, 3), dtype=np.uint8)
    np.savez(folder.parent / "images.npz", x=x, y=np.arange(64) % 4)
    return run_of(
        TrainConfig(
            model="cortex4-adjacent",
            data=str(folder.parent / "images.npz"),
            train_count=48,
            epochs=2,
            batch_size=48 // STEPS,
            checkpoint_seconds=0.0,
            out=str(folder / "run"),
        )
    )


class _Stopped(BaseException):
    pass


def _begun_training(folder: Path) -> None:
    """Stopped before the last step; the settings, which each command has itself, go."""
    said: list[str] = []

    def stop(text: str) -> None:
        said.append(text)
        if "epoch 2/2" in text:
            raise _Stopped

    with contextlib.suppress(_Stopped):
        train(_run(folder), log=stop, progress=False)
    (folder / "run" / "config.json").unlink()


def _read_begun_training(folder: Path) -> Any:
    """As the command does that goes on: the weights that it ends with, and the epochs."""
    with tempfile.TemporaryDirectory() as other:
        copy = Path(other) / "a"
        shutil.copytree(folder, copy)
        if not (copy / "run" / "checkpoint.pt").is_file():
            raise TrainingError("there is no checkpoint: the run begins anew")
        weights = train(_run(copy), progress=False)
        lines = weights.with_name("metrics.jsonl").read_text().splitlines()
        epochs = [json.loads(line) for line in lines]
        kept = [
            {k: v for k, v in e.items() if k not in ("seconds", "images_per_s")} for e in epochs
        ]
        return weights.read_bytes(), kept


OUTPUTS = (
    _recording("none"),
    _recording("zstd"),
    Output("RDM movie", _movie, lambda folder: open_movie(folder / "a.zarr").load()),
    Output("netCDF, a result", _netcdf, _read_netcdf),
    Output("netCDF, a recording", _netcdf_recording, _read_netcdf),
    Output("weights and card", _weights, _read_weights),
    Output("package", _package, _read_package),
    Output("numbers of a figure", _numbers, _read_numbers),
    Output("training, begun", _begun_training, _read_begun_training),
)


def same(a: Any, b: Any) -> bool:
    """Whether two readings are equal to the last bit, with names and attributes."""
    if isinstance(a, xarray.Dataset):
        return isinstance(b, xarray.Dataset) and a.identical(b)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b, equal_nan=True)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def quietly(work: Callable[[], Any]) -> Any:
    """The same without warnings: what is counted are errors and numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return work()
