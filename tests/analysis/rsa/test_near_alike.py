"""RDMs of patterns that are all near-duplicates: one product in single precision, no more."""

import dask.array
import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from cortexsim.analysis import rdms
from cortexsim.analysis.rsa import kernels, near
from cortexsim.errors import AnalysisError

BASE = np.random.default_rng(1).normal(size=3000)


def alike(apart: float, offset: float = 0.0, n: int = 80) -> np.ndarray:
    noise = np.random.default_rng(2).normal(size=(n, len(BASE)))
    return (offset + BASE + apart * noise).astype(np.float32)


def exact(x: np.ndarray, measure: str) -> np.ndarray:
    """Half the squared distance of patterns of length 1, by scipy: 1 - r without what cancels."""
    rows = x.astype(np.float64)
    if measure == "correlation":
        rows -= rows.mean(1, keepdims=True)
    return pdist(rows / np.linalg.norm(rows, axis=1, keepdims=True), "sqeuclidean") / 2


@pytest.mark.parametrize("measure", ["correlation", "cosine"])
@pytest.mark.parametrize("apart", [3e-2, 1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize("offset", [0.0, 3.0, 100.0])
@pytest.mark.parametrize("of", [np.asarray, torch.from_numpy])
def test_distances_are_those_of_double_precision(measure, apart, offset, of):
    x = alike(apart, offset)
    expected = exact(x, measure)
    found = np.asarray(rdms(of(x), measure)).astype(float)
    if expected.mean() > 1e-11:  # below, even in double precision 1 - r has few digits
        np.testing.assert_allclose(found, expected, rtol=1e-3)
        assert spearmanr(found, expected)[0] > 0.999


def test_pairs_that_are_nearer_still_are_computed_again():
    x = alike(1e-2)
    x[1] = x[0] + 1e-6 * BASE[::-1].astype(np.float32)
    expected = exact(x, "correlation")
    np.testing.assert_allclose(rdms(x), expected, rtol=1e-3)


@pytest.mark.parametrize("measure", ["correlation", "cosine"])
def test_there_is_one_product_and_none_in_double_precision(measure, monkeypatch):
    seen = []
    whole = kernels.product

    def counted(a, b):
        seen.append(a.dtype)
        return whole(a, b)

    monkeypatch.setattr(kernels, "product", counted)
    rdms(alike(1e-3), measure)
    assert seen == [np.float32]
    assert near.all_alike(alike(1e-3), kernels.MEASURES[measure])


def test_a_constant_row_among_them_is_refused_as_ever():
    x = alike(1e-3)
    x[5] = 7.0
    with pytest.raises(AnalysisError, match="condition 5 of 80 have no variance"):
        rdms(x)


@pytest.mark.parametrize("measure", ["correlation", "cosine", "sqeuclidean"])
@pytest.mark.parametrize("chunks", [(80, 3000), (80, 700), (30, 700)])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_of_dask_arrays_likewise_however_they_are_chunked(measure, chunks, offset):
    x = alike(1e-3, offset)
    found = rdms(dask.array.from_array(x, chunks=chunks), measure)
    assert found.dtype == np.float32
    expected = rdms(x.astype(np.float64), measure)
    if measure != "sqeuclidean":
        expected = exact(x, measure)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-3)


@pytest.mark.parametrize("scale", [1e-25, 1e-30])
def test_distances_too_small_for_their_type_are_refused_of_dask_arrays_and_of_missing_values(scale):
    x = (alike(1.0) * scale).astype(np.float32)
    holed = x.copy()
    holed[0, 3] = np.nan
    with pytest.raises(AnalysisError, match="give another unit, or float64"):
        np.asarray(rdms(dask.array.from_array(x, chunks=(80, 700)), "sqeuclidean"))
    with pytest.raises(AnalysisError, match="give another unit, or float64"):
        rdms(holed, "sqeuclidean", nan="pairwise")
