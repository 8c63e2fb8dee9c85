"""Encoding of recordings that outgrow one machine: frame by frame, on a cluster."""

import tracemalloc

import numpy as np
import pytest
import xarray as xr
from clusters import cluster

import cortexsim
from cortexsim.analysis import encode
from cortexsim.analysis.linear.settings import Regression
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.errors import AnalysisError
from cortexsim.recording.settings import Settings

FEW = Inference(n=20, permutations=20)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """40 images, and what three units say of them."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp("recorded") / "r.zarr"
    tree = cortexsim.record_network(
        cortexsim.load("cortex4"), images, out=path, settings=Settings(keep="mean", steps=4)
    )
    it = tree["IT"].activation.sel(step=4).values
    responses = it @ rng.normal(size=(64, 3)) + rng.normal(0, 1, (40, 3))
    coords = {"stimulus_id": ("stimulus", list(map(str, tree["IT"].stimulus_id.values)))}
    return path, xr.DataArray(responses, coords, ("stimulus", "unit"))


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "how",
    [Regression(), Regression(method="pls", components=2), Regression(reduce="projection:10")],
)
def test_a_cluster_fits_what_one_process_fits(recorded, how):
    path, responses = recorded
    here = encode(path, responses, regression=how, inference=FEW, predictions=True)
    with cluster(2) as client:
        there = encode(
            path, responses, regression=how, inference=FEW, predictions=True, client=client
        )
    xr.testing.assert_allclose(there, here, rtol=1e-9, atol=1e-9)
    assert there.attrs == here.attrs


def test_what_is_wrong_with_a_frame_is_said_from_a_cluster_too(recorded):
    path, responses = recorded
    features = cortexsim.open_recording(path)["V1"].activation.load()
    features[3, 2] = np.nan
    with pytest.raises(AnalysisError, match="step 3") as here:
        encode(features, responses, inference=FEW)
    with cluster() as client, pytest.raises(AnalysisError) as there:
        encode(features, responses, inference=FEW, client=client)
    assert str(there.value) == str(here.value)


@pytest.mark.slow
def test_one_frame_is_held_at_a_time(tmp_path):
    """Full maps of 60 images at 8 steps have 78 MB, the widest frame has 2 MB."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
    path = tmp_path / "r.zarr"
    cortexsim.record_network(cortexsim.load("cortex4"), images, out=path)
    assert sum(f.stat().st_size for f in path.rglob("*")) > 20e6
    responses = rng.normal(size=(60, 2))
    quick = Inference(n=20, permutations=0)
    encode(path, responses, states="IT", steps=8, inference=quick)  # what is imported or kept once
    tracemalloc.start()
    try:
        encode(path, responses, states="V1", inference=quick)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * 60 * 8192 * 4
