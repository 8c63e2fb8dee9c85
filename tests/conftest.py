"""Shape annotations are checked in every test; real data come from CORTEXSIM_DATA."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# The nets of the tests are small: one thread is as fast as two, also in the processes that tests
# start, and never waits for a busy core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import shape_check

COMPILING = pytest.StashKey["subprocess.Popen[bytes]"]()

# Of the analysis the inner modules: the entries take anything and refuse it themselves, and numba
# compiles the functions of ranks.
ANALYSIS = (
    "rsa.missing",
    "evaluation.permutation",
    "evaluation.assemble",
    "evaluation.spread",
    "evaluation.times",
    "evaluation.bootstrap",
    "evaluation.weighted",
    "movie.streaming",
    "movie.while_recording",
    "rsa.whitener",
    "rsa.representations",
    "statistics.clusters",
    "statistics.draws",
    "statistics.intervals",
    "statistics.pvalues",
)
# Settings refuse what has no meaning themselves, also what a command line or a JSON gives in
# another type.
TRAINING = sorted(
    p.stem for p in (Path(__file__).parents[1] / "cortexsim/training").glob("[a-z]*.py")
)
shape_check.install(
    [
        "cortexsim.models",
        *(f"cortexsim.training.{m}" for m in TRAINING if m != "config"),
        "cortexsim.recording",
        "cortexsim.stimuli",
        "cortexsim.plotting.mds",
        "cortexsim.plotting.conditions",
        "cortexsim.plotting.rsa",
        "cortexsim.neural.spikes.reliability",
        "cortexsim.neural.spikes.response_rdms",
        "cortexsim.neural.spikes.trials",
        *(f"cortexsim.analysis.{m}" for m in ANALYSIS),
    ]
)


collect_ignore = ["benchmarks"]  # scripts, not tests


def pytest_configure(config: pytest.Config) -> None:
    """What numba compiles is compiled once, while the processes of xdist begin, and not once in
    each of them.
    """
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        script = Path(__file__).with_name("compiled.py")
        config.stash[COMPILING] = subprocess.Popen([sys.executable, script])


def pytest_unconfigure(config: pytest.Config) -> None:
    if (compiling := config.stash.get(COMPILING, None)) is not None:
        compiling.wait()


@pytest.hookimpl(tryfirst=True)  # before -m takes its choice
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test marked ``sampled(n)``, all cases but n that are spread evenly are slow."""
    cases: dict[tuple[str, str], list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("sampled"):
            cases.setdefault((str(item.path), item.originalname), []).append(item)
    for of_a_test in cases.values():
        (n,) = of_a_test[0].get_closest_marker("sampled").args
        stay = {k * len(of_a_test) // n for k in range(n)}
        for k, item in enumerate(of_a_test):
            if k not in stay:
                item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real data.

    A test that needs them skips with the reason where they are absent (in CI they must be there).
    """
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


@pytest.fixture(scope="session")
def pictures(cifar10):
    """The first 400 images (400, 32, 32, 3) uint8 of CIFAR-10 and their labels."""
    x, y, _ = cifar10
    return x[:400], y[:400]


@pytest.fixture(scope="session")
def crops(pictures, tmp_path_factory):
    """``crops(size, count)``.

    The path of an .npz of the centres of the first ``count`` images, ``size`` pixels wide.
    """
    folder = tmp_path_factory.mktemp("crops")
    x, y = pictures

    def write(size: int, count: int) -> Path:
        path, edge = folder / f"crops{size}x{count}.npz", (32 - size) // 2
        if not path.is_file():
            np.savez(path, x=x[:count, edge : edge + size, edge : edge + size], y=y[:count])
        return path

    return write
