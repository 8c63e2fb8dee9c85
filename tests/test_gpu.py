"""What only a CUDA machine can show: run there with ``pytest -m gpu``."""

import json

import numpy as np
import pytest
import torch
from helpers import train

import cortexsim
from cortexsim.analysis import Inference, Regression
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.recording.recorder import Recorder
from cortexsim.recording.settings import Settings
from cortexsim.stimuli.images import Preprocessing, sample
from cortexsim.train import run_of

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]


@pytest.fixture
def images(tmp_path):
    """Four classes that differ in brightness: learnable within a few steps."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 1200)
    x = (rng.integers(0, 64, (1200, 32, 32, 3)) + 48 * y[:, None, None, None]).astype(np.uint8)
    np.savez(tmp_path / "set.npz", x=x, y=y)
    return tmp_path / "set.npz"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("compiled", [False, True])
def test_training_learns_in_every_mode(images, tmp_path, precision, compiled):
    config = TrainConfig(
        model="cortex4",
        data=str(images),
        train_count=1000,
        epochs=3,
        out=str(tmp_path / "run"),
        device="cuda",
        precision=precision,
        compile=compiled,
    )
    card = json.loads(train(run_of(config)).with_suffix(".json").read_text())
    assert card["test_error"] < 0.4, "chance is 0.75"


def test_forward_agrees_with_the_cpu():
    net = cortexsim.load("cortex4")
    x = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        there = dict(net.to("cuda").unroll(x.to("cuda"), 8))
        here = dict(net.to("cpu").unroll(x, 8))
    for t, states in here.items():
        for name, state in states.items():
            torch.testing.assert_close(there[t][name].cpu(), state, rtol=1e-2, atol=1e-2)


def test_recording_agrees_with_the_cpu(tmp_path):
    preprocessing = Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3)
    trees = {}
    for device in ("cpu", "cuda"):
        recorder = Recorder(
            cortexsim.load("cortex4"),
            sample(),
            preprocessing,
            Settings(),
            device=torch.device(device),
        )
        trees[device] = cortexsim.open_recording(
            recorder.run(tmp_path / f"{device}.zarr", "", progress=False)
        )
    np.testing.assert_allclose(
        trees["cuda"]["IT"].activation, trees["cpu"]["IT"].activation, rtol=1e-2, atol=1e-2
    )


@pytest.mark.parametrize(
    "measure", ["correlation", "cosine", "sqeuclidean", "poisson", "mahalanobis", "crossnobis"]
)
def test_rdms_on_the_gpu_are_those_of_the_cpu(measure):

    from cortexsim.analysis import rdms

    x = np.random.default_rng(0).gamma(2.0, size=(4, 60, 300))
    keywords = (
        {"noise": np.diag(np.linspace(1, 2, 300))}
        if measure in ("mahalanobis", "crossnobis")
        else {}
    )
    keywords |= {"runs": 0} if measure == "crossnobis" else {}
    on_gpu = rdms(torch.as_tensor(x, device="cuda"), measure, **keywords)
    assert on_gpu.is_cuda
    np.testing.assert_allclose(
        on_gpu.cpu().numpy(), rdms(x, measure, **keywords), rtol=1e-10, atol=1e-10
    )


def test_a_movie_on_the_gpu_is_that_of_the_cpu(tmp_path):

    from cortexsim.analysis import rdm_movie
    from cortexsim.record import RecordConfig, record

    path = record(RecordConfig(limit=12, figure=False, device="cpu", out=str(tmp_path / "a.zarr")))
    a, b = rdm_movie(path, progress=False), rdm_movie(path, device="cuda", progress=False)
    np.testing.assert_allclose(a.rdm.values, b.rdm.values, rtol=0, atol=2e-6)


@pytest.mark.parametrize("features", [20, 150])
def test_encoding_gives_the_numbers_of_the_processor(features):
    from cortexsim.analysis import encode, partition

    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, features))
    y = x[:, :5] @ rng.normal(size=(5, 12)) + rng.normal(size=(40, 12))
    for method, settings in (("ridge", {}), ("pls", {"components": 4})):
        a, b = (
            encode(
                x,
                y,
                inference=Inference(n=50),
                regression=Regression(method=method, device=d, **settings),
            )
            for d in ("cpu", "cuda")
        )
        np.testing.assert_allclose(a.r, b.r, atol=1e-6)
    a, b = (
        partition(x, x[:, :5], y, inference=Inference(n=50), regression=Regression(device=d))
        for d in ("cpu", "cuda")
    )
    np.testing.assert_allclose(a.mean_over_units, b.mean_over_units, atol=1e-6)
