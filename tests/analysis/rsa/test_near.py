"""Near-duplicates in single precision keep their digits, however the RDM is computed."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from cortexsim.analysis import rdms
from cortexsim.analysis.movie.streaming import Rows, from_disk
from cortexsim.analysis.rsa.kernels import MEASURES

SINGLE = ("correlation", "cosine", "sqeuclidean")


def patterns(kind: str, n: int = 60, features: int = 3000) -> np.ndarray:
    """Patterns of which a few, or all, are near-duplicates: distances of about 1e-6."""
    rng = np.random.default_rng(0)
    apart = 1e-3 * rng.uniform(0.3, 3, (n, 1))
    if kind == "all":
        x = 3 + rng.normal(size=(1, features)) + apart * rng.normal(size=(n, features))
    else:
        x = 1 + rng.normal(size=(n, features))
        x[:6] = x[6] + apart[:6] * rng.normal(size=(6, features))
    return x.astype(np.float32)


def check(found: np.ndarray, x: np.ndarray, measure: str) -> None:
    expected = rdms(x.astype(np.float64), measure)
    assert expected.min() < 1e-5
    assert np.abs(found / expected - 1).max() < 1e-3
    assert spearmanr(found, expected)[0] > 0.999


@pytest.mark.parametrize("kind", ["few", "all"])
@pytest.mark.parametrize("measure", SINGLE)
def test_small_distances_of_single_precision_are_those_of_double(measure, kind):
    x = patterns(kind)
    check(rdms(x, measure).astype(float), x, measure)
    check(rdms(torch.from_numpy(x), measure).numpy().astype(float), x, measure)


@pytest.mark.parametrize("kind", ["few", "all"])
@pytest.mark.parametrize("measure", SINGLE)
@pytest.mark.parametrize("block", [13, 60])
def test_streamed_in_blocks_likewise(measure, kind, block):
    x = patterns(kind)

    def read(buffer: np.ndarray, start: int) -> None:
        buffer[:] = x[start : start + len(buffer)]

    rows = Rows(MEASURES[measure], *x.shape)
    pieces = list(from_disk(read, rows, dtype=x.dtype, block=block, where="here"))
    found = np.concatenate([pairs for _, pairs in pieces]).astype(float)
    check(found, x, measure)


def test_noise_whitened_and_poisson_distances_too():
    x = np.abs(patterns("few"))
    variance = np.full(x.shape[1], 2.0)
    check(2 * rdms(x, "mahalanobis", noise=variance).astype(float), x, "sqeuclidean")
    expected = rdms(x.astype(np.float64), "poisson")
    found = rdms(x, "poisson").astype(float)
    assert spearmanr(found, expected)[0] > 0.999
    assert np.abs(found / expected - 1).max() < 1e-3


@pytest.mark.parametrize("measure", SINGLE)
def test_a_cluster_far_from_the_first_rows_likewise(measure):
    """Near-duplicates abound in blocks that pass by, about another mean than the first rows'."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 400))
    x[70:] = 5 + 3 * rng.normal(size=(1, 400)) + 2e-2 * rng.normal(size=(130, 400))
    x[70:] *= 1 + 1e-3 * rng.random((130, 1))
    x = x.astype(np.float32)

    def read(buffer: np.ndarray, start: int) -> None:
        buffer[:] = x[start : start + len(buffer)]

    rows = Rows(MEASURES[measure], *x.shape)
    pieces = list(from_disk(read, rows, dtype=x.dtype, block=40, where="here"))
    found = np.concatenate([pairs for _, pairs in pieces]).astype(float)
    expected = rdms(x.astype(np.float64), measure)
    np.testing.assert_allclose(found, expected, rtol=1e-3)
