"""Tests in the environment of Brain-Score (``make brainscore``).

Of this folder ``make test`` collects only what shows that Brain-Score is not needed.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WITHOUT = "test_packaging.py"  # of packaging and refusals where Brain-Score is absent

if importlib.util.find_spec("brainscore_core") is None:
    collect_ignore = [p.name for p in Path(__file__).parent.glob("test_*.py") if p.name != WITHOUT]
else:
    collect_ignore = [WITHOUT]
    # Nothing is installed on the way, and caches of Brain-Score go where nobody keeps them: both
    # are read at import.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")
    os.environ["BS_INSTALL_DEPENDENCIES"] = "no"
    os.environ["RESULTCACHING_HOME"] = os.environ["BRAINSCORE_HOME"] = tempfile.mkdtemp(
        prefix="brainscore-"
    )
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet


def stimulus_set(folder: Path, images: np.ndarray, **columns) -> StimulusSet:
    """Images ``(n, y, x, 3)`` uint8 as plain files, and the table of them.

    Ids are s000, s001, ...
    """
    ids = [f"s{i:03d}" for i in range(len(images))]
    paths = {i: folder / f"{i}.png" for i in ids}
    for i, image in zip(ids, images):
        Image.fromarray(image).save(paths[i])
    table = StimulusSet({"stimulus_id": ids, **columns})
    table.stimulus_paths = paths
    table.identifier = folder.name
    return table


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real data; a test that needs them skips with the reason where they are absent (in CI they
    must be there).
    """
    path = os.environ.get("CORTEXSIM_DATA")
    if not path:
        pytest.skip("CORTEXSIM_DATA is not set; point it to the folder with the real data")
    assert (Path(path) / "kriegeskorte2008_92images").is_dir(), (
        f"CORTEXSIM_DATA={path} holds no kriegeskorte2008_92images"
    )
    return Path(path)


@pytest.fixture(scope="session")
def stimuli(tmp_path_factory) -> StimulusSet:
    """24 smooth random images, bright and dark ones, with the columns that benchmarks have."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (24, 6, 6, 3)).astype(np.uint8)
    images = np.stack(
        [np.asarray(Image.fromarray(c).resize((40, 40), Image.Resampling.BICUBIC)) for c in coarse]
    )
    bright = np.arange(24) % 2 == 0
    images = (images / 2 + 127 * bright[:, None, None, None]).astype(np.uint8)
    labels = np.where(bright, "bright", "dark")
    columns = {
        "image_label": labels,
        "object_name": labels,
        "rxy": rng.normal(size=24),
        "repetition": 0,
    }
    return stimulus_set(tmp_path_factory.mktemp("images"), images, **columns)


@pytest.fixture
def model():
    """cortex4 as a subject, new for every test: what was started in one is not in the next."""
    from cortexsim.brainscore import load

    return load("cortex4")
