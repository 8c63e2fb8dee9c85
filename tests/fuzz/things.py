"""Small sound things of which malformed ones are made; made once a process."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import torch
import xarray

import cortexsim
from cortexsim import analysis, neural
from cortexsim.analysis import Inference
from cortexsim.labelled.rdms import pair_coords
from cortexsim.models import Network, Spec, State, adjacent

N, CLASSES = 24, 3
IDS = np.array([f"image {k}" for k in range(N)], dtype=object)
TIMES = np.arange(-100.0, 300, 20)
FEW = Inference(n=20, permutations=20)
LESS = Inference(n=20)
PREPROCESSING = {"size": [8, 8], "mean": [0.5] * 3, "std": [0.25] * 3}


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def stimuli(values: np.ndarray, *dims: str, **coords: Any) -> xarray.DataArray:
    return xarray.DataArray(values, {"stimulus_id": ("stimulus", IDS), **coords}, dims)


def rdm_array(*shape: int, dims: tuple[str, ...] = (), **coords: Any) -> xarray.DataArray:
    values = rng().random((*shape, 45)) + np.linspace(0, 1, 45)
    return xarray.DataArray(values, {**pair_coords(IDS[:10]), **coords}, (*dims, "pair"))


def features() -> xarray.DataArray:
    return stimuli(rng().normal(size=(N, 5)), "stimulus", "feature")


def responses() -> xarray.DataArray:
    y = features().values @ rng().normal(size=(5, 4)) + rng().normal(size=(N, 4))
    return stimuli(y, "stimulus", "unit", unit=list("abcd"))


def labels() -> xarray.DataArray:
    return stimuli(np.arange(N) % CLASSES, "stimulus")


def names() -> xarray.DataArray:
    return stimuli(np.array(list("xyz"), dtype=object)[np.arange(N) % CLASSES], "stimulus")


def probability() -> xarray.DataArray:
    p = rng().dirichlet(np.ones(CLASSES), (N, 4))
    weight = np.array([0.2, 0.5, 1, 2])[None, :, None]
    p = (p + np.eye(CLASSES)[np.arange(N) % CLASSES][:, None] * weight) / (1 + weight)
    return stimuli(p, "stimulus", "step", "class", **{"class": list("xyz"), "step": [1, 2, 3, 4]})


def people() -> xarray.DataArray:
    counts = rng().multinomial(20, np.ones(CLASSES) / CLASSES, N)
    counts[np.arange(N), np.arange(N) % CLASSES] += 20
    return stimuli(counts.astype(float), "stimulus", "class", **{"class": list("xyz")})


def right(seed: int = 0) -> xarray.DataArray:
    return stimuli(np.random.default_rng(seed).random(N) < 0.6, "stimulus")


def courses() -> xarray.DataArray:
    values = rng().normal(size=(8, len(TIMES))) + 8 * (TIMES >= 80)
    return xarray.DataArray(
        values, {"time_ms": TIMES, "unit": list("abcdefgh")}, ("unit", "time_ms")
    )


def effects() -> xarray.DataArray:
    values = 0.02 * rng().normal(size=(8, len(TIMES))) + 0.3 * (TIMES >= 80) + 0.5
    return xarray.DataArray(values, {"time_ms": TIMES}, ("subject", "time_ms"))


def repeats() -> xarray.DataArray:
    values = rng().integers(1, 200, (4, 8, 6, 5)).astype(float)
    return xarray.DataArray(
        values,
        {
            "time_ms": np.arange(-35.0, 45, 10),
            "stimulus_id": ("stimulus", IDS[:6]),
            "unit": list("abcde"),
        },
        ("repeat", "time_ms", "stimulus", "unit"),
        name="responses",
    )


def mean() -> xarray.Dataset:
    return neural.average(repeats())


def spikes() -> xarray.DataArray:
    values = rng().integers(0, 4, (4, 60)).astype(float)
    return xarray.DataArray(values, {"time_ms": np.arange(60) + 0.5}, ("trial", "time_ms"))


def subjects(k: int = 0) -> xarray.Dataset:
    values = np.random.default_rng(k).normal(size=(6, 5))
    return neural.from_responses(values, dims=("stimulus", "unit"), stimulus_id=IDS[:6])


def human_rdms() -> xarray.Dataset:
    return neural.from_rdms(
        rng().random((3, 28)), stimulus_id=list(IDS[:8]), subject=["anna", "ben", "cleo"]
    )


def latency_table() -> pandas.DataFrame:
    return pandas.DataFrame(
        {
            "area": ["V1"] * 8 + ["IT"] * 8,
            "unit": [f"n{k}" for k in range(8)] * 2,
            "latency_ms": np.concatenate([rng().normal(50, 8, 8), rng().normal(105, 15, 8)]),
        }
    )


def trial_table() -> pandas.DataFrame:
    r = rng()
    return pandas.DataFrame(
        {
            "participant": np.repeat(["ann", "bob", "eve", "max"], 40),
            "soa_ms": np.tile(np.repeat([25.0, 50.0, 100.0, 150.0], 10), 4),
            "correct": r.random(160) < np.tile(np.repeat([0.3, 0.5, 0.8, 0.9], 10), 4),
            "rt_ms": 400 + 300 * r.random(160),
        }
    )


@functools.cache
def _network() -> Network:
    graph = adjacent([State("V1", 8, 4), State("IT", 4, 4)])
    net = Network(Spec(graph, (4,), classes=CLASSES), warn=False)
    net.card.update(name="tiny", preprocessing=PREPROCESSING, classes=list("xyz"))
    cortexsim.calibrate(net, images(16), 6)
    return net.eval()


def network() -> Network:
    """Two states, calibrated to six steps; a copy."""
    return copy.deepcopy(_network())


def images(count: int = 2) -> torch.Tensor:
    return torch.from_numpy(rng().uniform(-1, 1, (count, 3, 8, 8)).astype(np.float32))


def pixels(count: int = 4) -> np.ndarray:
    return rng().integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)


@functools.cache
def _recording() -> xarray.DataTree:
    return cortexsim.record_network(_network(), pixels(8))


def recording() -> xarray.DataTree:
    return _recording().copy(deep=True)


@functools.cache
def recording_path() -> Path:
    """A recording on disk, in the folder of this process."""
    path = Path("sound.zarr").resolve()
    cortexsim.record_network(_network(), pixels(8), out=path, overwrite=True)
    return path


@functools.cache
def movie_path() -> Path:
    path = Path("sound-movie.zarr").resolve()
    analysis.rdm_movie(recording_path(), out=path, progress=False, overwrite=True)
    return path


def movie() -> xarray.Dataset:
    return analysis.rdm_movie(recording(), progress=False)


@functools.cache
def weights_path() -> Path:
    from cortexsim.models.weights import save_weights

    path = Path("sound.safetensors").resolve()
    save_weights(_network(), path, dict(_network().card))
    return path


@functools.cache
def encoded(seed: int = 0) -> xarray.Dataset:
    return analysis.encode(features() + seed, responses(), inference=LESS)


@functools.cache
def evaluated() -> xarray.Dataset:
    return analysis.evaluate(
        rdm_array(2, 3, dims=("state", "step"), state=["V1", "IT"], step=[1, 2, 3]),
        rdm_array(5, dims=("subject",)),
        inference=FEW,
    )


def axes() -> Any:
    from matplotlib.figure import Figure

    return Figure().subplots()
