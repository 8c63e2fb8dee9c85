"""Small pieces of real CIFAR-10 and a quick way to run training on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cortexsim.stimuli.images import Preprocessing

from .helpers import Run, settings, train


@pytest.fixture(autouse=True)
def _one_thread():
    """Nets this small are quicker on one thread; and the option ``threads`` must not leak into other tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def double(monkeypatch):
    """Networks and images in double precision.

    For comparisons after several steps: training multiplies a difference by up to 1e6 in 20 steps, so that what is rounding in single
    precision (1e-7, another in each instruction set) is 1e-2 afterwards, and in double precision (1e-16) 1e-10.
    """
    single = Preprocessing.normalise
    monkeypatch.setattr(
        Preprocessing, "normalise", lambda self, images: single(self, images).double()
    )
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="session")
def crops(pictures, tmp_path_factory):
    """``crops(size, count)``: the path of an .npz of the centres of the first ``count`` images, ``size`` pixels wide."""
    folder = tmp_path_factory.mktemp("crops")
    x, y = pictures

    def write(size: int, count: int) -> Path:
        path, edge = folder / f"crops{size}x{count}.npz", (32 - size) // 2
        if not path.is_file():
            np.savez(path, x=x[:count, edge : edge + size, edge : edge + size], y=y[:count])
        return path

    return write


@pytest.fixture
def trained(crops, tmp_path):
    """``trained(name, **changes)``: train with :func:`settings` on 64 images of 8 x 8 pixels."""

    def do(name: str = "run", data: Path | None = None, **changes) -> Run:
        train(settings(data or crops(8, 64), tmp_path / name, **changes), log=lambda text: None)
        return Run(tmp_path / name)

    return do
