"""A small network with weights on disk, and a folder of awkward images."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cortexsim.models import build, calibrate
from cortexsim.models.weights import save_weights


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """cortex4 with random weights, statistics estimated up to step 10, saved with a card."""
    net = build("cortex4", seed=3)
    calibrate(
        net, torch.randn(200, 3, 32, 32, generator=torch.Generator().manual_seed(0)), steps=10
    )
    path = tmp_path_factory.mktemp("weights") / "fresh.safetensors"
    card = {
        "name": "fresh",
        "preprocessing": {"size": [32, 32], "mean": [0.5, 0.4, 0.45], "std": [0.25, 0.2, 0.22]},
        "classes": [f"class{i}" for i in range(10)],
    }
    save_weights(net, path, card)
    return path


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """30 images of several sizes in two class folders."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for i in range(30):
        place = root / ("cat" if i % 2 else "dog")
        place.mkdir(exist_ok=True)
        size = (40, 32) if i % 3 else (64, 80)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(
            place / f"{i:02d}.png"
        )
    return root
