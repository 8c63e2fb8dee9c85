"""Small pieces of real CIFAR-10 and a quick way to run training on them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cortexsim.stimuli.images import Preprocessing

from .helpers import LEARNED, Run, settings, train


@pytest.fixture(autouse=True)
def _one_thread():
    """Nets this small are quicker on one thread.

    And the option ``threads`` must not leak into other tests.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def double(monkeypatch):
    """Networks and images in double precision.

    For comparisons after several steps: training multiplies a difference by up to 1e6 in 20 steps,
    so that what is rounding in single precision (1e-7, another in each instruction set) is 1e-2
    afterwards, and in double precision (1e-16) 1e-10.
    """
    single = Preprocessing.normalise
    monkeypatch.setattr(
        Preprocessing, "normalise", lambda self, images: single(self, images).double()
    )
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def trained(crops, tmp_path):
    """``trained(name, **changes)``: train with :func:`settings` on 64 images of 8 x 8 pixels."""

    def do(name: str = "run", data: Path | None = None, **changes) -> Run:
        train(settings(data or crops(8, 64), tmp_path / name, **changes), log=lambda text: None)
        return Run(tmp_path / name)

    return do


@pytest.fixture(scope="session")
def learned(crops, tmp_path_factory) -> Run:
    """256 images of 16 x 16 pixels, 8 times; tested on 100 others."""
    folder = tmp_path_factory.mktemp("learned")
    train(settings(crops(16, 400), folder, train_count=300, **LEARNED), log=lambda text: None)
    return Run(folder)


@pytest.fixture(scope="session")
def whole_run(crops, tmp_path_factory):
    """``whole_run(data, **changes)``: a run that nothing stops, trained once for all who ask."""
    made: dict[str, Run] = {}

    def do(data: Path | None = None, **changes) -> Run:
        key = repr((data, sorted(changes.items())))
        if key not in made:
            folder = tmp_path_factory.mktemp("whole")
            train(settings(data or crops(8, 64), folder, **changes), log=lambda text: None)
            made[key] = Run(folder)
        return made[key]

    return do
