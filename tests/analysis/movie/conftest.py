"""Photographs with near duplicates, recorded once."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from movies import (
    DIFFERENT,
    N,
    config,
)

from cortexsim.record import record


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    """110 crops of photographs; the last 40 stimuli are the first 40 with one pixel changed."""
    from cortexsim.stimuli.images import sample

    x = np.stack([sample().read(i) for i in range(48)])
    crops = np.concatenate([x[:, ::2, ::2], x[:, :32, :32], x[:, 32:, 32:]])[:DIFFERENT]
    twins = crops[: N - DIFFERENT].copy()
    twins[:, 5, 7] = 255 - twins[:, 5, 7]
    path = tmp_path_factory.mktemp("stimuli") / "photographs.npz"
    labels = [f"photo{i % 7}" for i in range(N)]
    np.savez(path, x=np.concatenate([crops, twins]), id=[f"p{i}" for i in range(N)], y=labels)
    return path


@pytest.fixture(scope="module")
def recorded(photographs, tmp_path_factory) -> Path:
    """Full maps in float32, in batches that do not divide the number of stimuli."""
    return record(config(photographs, tmp_path_factory.mktemp("recording") / "full.zarr"))


@pytest.fixture(scope="module")
def small(photographs, tmp_path_factory) -> Path:
    """The same, 70 stimuli (two blocks at least where memory is short), few units."""
    path = tmp_path_factory.mktemp("recording") / "small.zarr"
    return record(config(photographs, path, limit=70, keep="units:40"))


@pytest.fixture
def editable(small, tmp_path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "edited.zarr"))
