"""Shape annotations are checked in every test; real data come from CORTEXSIM_DATA."""

import os
from pathlib import Path

# The nets of the tests are small: one thread is as fast as two, also in the processes that tests start, and never waits for a busy core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import jaxtyping
import pytest

# Of the analysis the inner modules: the entries take anything and refuse it themselves, and numba compiles the functions of ranks.
ANALYSIS = (
    "rsa.missing",
    "evaluation.permutation",
    "evaluation.assemble",
    "evaluation.bootstrap",
    "evaluation.weighted",
    "movie.streaming",
    "movie.while_recording",
    "statistics.pvalues",
)
# Settings refuse what has no meaning themselves, also what a command line or a JSON gives in another type.
TRAINING = sorted(
    p.stem for p in (Path(__file__).parents[1] / "cortexsim/training").glob("[a-z]*.py")
)
jaxtyping.install_import_hook(
    [
        "cortexsim.models",
        *(f"cortexsim.training.{m}" for m in TRAINING if m != "config"),
        "cortexsim.recording",
        "cortexsim.stimuli",
        *(f"cortexsim.analysis.{m}" for m in ANALYSIS),
    ],
    "shape_check.check",
)


collect_ignore = ["benchmarks"]  # scripts, not tests


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real data; a test that needs them skips with the reason where they are absent (in CI they must be there)."""
    path = os.environ.get("CORTEXSIM_DATA")
    if not path:
        pytest.skip(
            "CORTEXSIM_DATA is not set; point it to the folder with the real data (cifar10, ...)"
        )
    folder = Path(path)
    assert (folder / "cifar10").is_dir(), f"CORTEXSIM_DATA={path} holds no cifar10 folder"
    return folder


@pytest.fixture(scope="session")
def cifar10(data_folder: Path):
    """All 60,000 images of CIFAR-10 (60000, 32, 32, 3) uint8 and their labels."""
    import numpy as np
    from PIL import Image

    folder = data_folder / "cifar10"
    parts = []
    for k in range(3):
        mosaic = np.asarray(Image.open(folder / f"part{k}.png"))
        parts.append(mosaic.reshape(100, 32, 200, 32, 3).swapaxes(1, 2).reshape(20000, 32, 32, 3))
    with np.load(folder / "labels.npz") as file:
        return np.concatenate(parts), file["label"].astype(np.int64), file["exact"]
