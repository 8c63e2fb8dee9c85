"""Small runs of the commands that write something, on small inputs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from outputs import COUNT, images

import cortexsim
from cortexsim import compare, mask, rdm, record, show, table, train
from cortexsim.brainscore import __main__ as score
from cortexsim.interop.netcdf import to_netcdf
from cortexsim.recording.settings import Settings


def commands(inputs: Path) -> dict[str, Callable[[str], int]]:
    """Of each command: a small run of it that writes to a path without a suffix."""

    def recording(out: str, *more: str) -> int:
        return record.main(
            [
                *("--stimuli", str(inputs / "images.npz"), "--keep", "mean", "--batch-size", "8"),
                *("--no-figure", "--out", f"{out}.zarr", *more),
            ]
        )

    return {
        "record": recording,
        "record --rdm": lambda out: recording(out, "--rdm", "correlation"),
        "rdm": lambda out: rdm.main(
            [str(inputs / "r.zarr"), "--out", f"{out}.zarr", "--no-figure"]
        ),
        "compare": lambda out: compare.main(
            [
                *(str(inputs / "r.zarr"), "--neural", str(inputs / "brain.npz"), "--n", "20"),
                *("--permutations", "0", "--nulls", "--no-figure", "--out", f"{out}.nc"),
            ]
        ),
        "mask": lambda out: mask.main(
            [
                *("--stimuli", str(inputs / "images.npz"), "--soa-ms", "25", "--steps", "6"),
                *("--compared", "10", "--decoded", str(COUNT), "--n", "20", "--permutations", "20"),
                *("--mask", "phase", "--statistics", "bundled"),
                *("--no-figure", "--out", f"{out}.nc"),
            ]
        ),
        "package": lambda out: score.main(["package", "--out", f"{out}.zip"]),
        "train": lambda out: train.main(
            [
                *("--model", "cortex4", "--data", str(inputs / "images.npz"), "--epochs", "1"),
                *("--train-count", "12", "--batch-size", "4", "--out", out),
            ]
        ),
        "figures": _figure,
        "table": lambda out: table.main(
            [str(inputs / "r.zarr"), "--states", "IT", "--steps", "5", "--out", f"{out}.csv"]
        ),
        "show": lambda out: show.main([str(inputs / "r.zarr"), "--out", f"{out}.png"]),
        "to_netcdf": lambda out: _said(to_netcdf(inputs / "r.zarr", f"{out}.nc")),
    }


ENDINGS = {
    "record": ".zarr",
    "record --rdm": ".zarr",
    "rdm": ".zarr",
    "compare": ".nc",
    "mask": ".nc",
    "package": ".zip",
    "train": "",
    "figures": ".json",
    "table": ".csv",
    "show": ".png",
    "to_netcdf": ".nc",
}
"""What the output of each command ends in."""


def _said(path: Path) -> int:
    """As a door ends."""
    print(f"wrote {path}")
    return 0


def _figure(out: str) -> int:
    """What a script of analyses/ does."""
    sys.path.insert(0, str(Path(cortexsim.__file__).parents[1] / "analyses"))
    import matplotlib
    from shared.common import Config, Report

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    path = Path(out)
    report = Report(path.name, Config(out=str(path.parent)), "a claim")
    report.figure(Figure(figsize=(1, 1)))
    report.numbers([], {"onset_ms": [50.0, 60.0]})
    return 0


def prepared(folder: Path) -> Path:
    """What the commands read."""
    rng = np.random.default_rng(0)
    np.savez(folder / "images.npz", x=images(), y=np.arange(COUNT) % 3)
    cortexsim.record_network(
        cortexsim.load("cortex4"),
        str(folder / "images.npz"),
        keep="mean",
        out=folder / "r.zarr",
        settings=Settings(batch_size=8),
    )
    ids = cortexsim.open_recording(folder / "r.zarr")["IT"].stimulus_id.values.astype(object)
    pairs = COUNT * (COUNT - 1) // 2
    np.savez(folder / "brain.npz", rdm=rng.random((4, pairs)), stimulus_id=ids.astype(str))
    return folder
