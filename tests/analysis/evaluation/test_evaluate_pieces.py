"""Evaluation of RDMs that are not all held: of dask arrays, some models at a time."""

import numpy as np
import pytest
import xarray as xr
from clusters import cluster

import cortexsim
from cortexsim.analysis import evaluate, open_movie, rdm_movie
from cortexsim.analysis.evaluation import times
from cortexsim.analysis.statistics.settings import ClusterTest, Inference
from cortexsim.errors import AnalysisError
from cortexsim.recording.settings import Settings

FEW = Inference(n=30, permutations=30, samples=True)


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    """Of twelve images at eight steps, of which IT has no RDM at the first three."""
    folder = tmp_path_factory.mktemp("movie")
    images = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    settings = Settings(keep="mean")
    cortexsim.record_network(
        cortexsim.load("cortex4"), images, out=folder / "r.zarr", settings=settings
    )
    rdm_movie(folder / "r.zarr", out=folder / "m.zarr", progress=False)
    return folder / "m.zarr"


@pytest.fixture(scope="module")
def brains(movie):
    """Six subjects at three times."""
    truth = open_movie(movie).rdm.sel(state="V4", step=5).values
    rng = np.random.default_rng(1)
    values = truth + rng.normal(0, truth.std(), (6, 3, len(truth)))
    return xr.DataArray(values, dims=("subject", "time_ms", "pair"), coords={"time_ms": [0, 9, 18]})


@pytest.mark.sampled(1)
@pytest.mark.parametrize("comparator", ["spearman", "pearson", "rho-a", "cosine-whitened"])
@pytest.mark.parametrize("at_once", [1, 3 * 66 * 4, 1 << 30], ids=["one", "three", "all"])
def test_some_models_at_a_time_give_the_same_numbers(
    movie, brains, monkeypatch, comparator, at_once
):
    monkeypatch.setattr(times, "LAZY_AT_ONCE", at_once)
    how = {"comparator": comparator, "inference": FEW, "clusters": ClusterTest()}
    expected = evaluate(open_movie(movie).rdm.load(), brains, **how)
    result = evaluate(open_movie(movie, chunks={}).rdm, brains, **how)
    assert result.evaluation.sel(model="IT", step=2).isnull().all()
    xr.testing.assert_allclose(result, expected, rtol=0, atol=1e-9)


def test_no_task_holds_more_than_it_may(movie, brains, monkeypatch):
    held, original = [], times._evaluate_lazily

    def noting(models, *rest):
        held.append(models.shape[:2])
        return original(models, *rest)

    monkeypatch.setattr(times, "_evaluate_lazily", noting)
    monkeypatch.setattr(times, "LAZY_AT_ONCE", 3 * 66 * 4)
    evaluate(open_movie(movie, chunks={}).rdm, brains, inference=FEW)
    assert len(held) == 3 * 4 * 3
    assert max(a * b for a, b in held) == 3


def test_a_model_with_a_number_missing_is_refused_as_without_dask(movie, brains, monkeypatch):
    monkeypatch.setattr(times, "LAZY_AT_ONCE", 1)
    holed = open_movie(movie).rdm.load()
    holed[1, 5, 0] = np.nan
    with pytest.raises(AnalysisError):
        evaluate(holed, brains, inference=FEW)
    with pytest.raises(AnalysisError, match="NaN in its first pair but not throughout"):
        evaluate(holed.chunk(state=1, step=1), brains, inference=FEW)


@pytest.mark.slow
def test_a_cluster_evaluates_what_one_process_evaluates(movie, brains, monkeypatch):
    monkeypatch.setattr(times, "LAZY_AT_ONCE", 1)
    expected = evaluate(open_movie(movie).rdm.load(), brains, inference=FEW)
    with cluster(2):
        result = evaluate(open_movie(movie, chunks={}).rdm, brains, inference=FEW, progress=True)
    xr.testing.assert_allclose(result, expected, rtol=0, atol=1e-9)
