"""Compiled ranks and counts, against scipy and signs written out."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.stats

from cortexsim.analysis import compare
from cortexsim.analysis.rsa import ranks, tau

RANKED = ("spearman", "tau-a", "rho-a")


def vectors(rows, n=10, seed=0, levels=None):
    """Random RDMs; ``levels`` makes heavy ties."""
    rng = np.random.default_rng(seed)
    shape = (rows, n * (n - 1) // 2)
    return rng.random(shape) if levels is None else rng.integers(0, levels, shape).astype(float)


def signs(a, d):
    """Kendall's tau-a from the signs of all differences: concordant less discordant, over all."""
    i, j = np.triu_indices(a.size, 1)
    return np.mean(np.sign(a[i] - a[j]) * np.sign(d[i] - d[j]))


def test_mid_ranks_are_those_of_scipy():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(5, int(rng.integers(1, 400))))
        x = np.round(x * rng.choice([0.5, 3, 1e3, 1e9]))
        x[rng.random(x.shape) < 0.2] *= rng.choice(
            [-0.0, 1, 1e12]
        )  # -0.0 ties with 0.0; buckets of very unequal counts
        ours = ranks.centred_ranks(x)
        expected = scipy.stats.rankdata(x, axis=1) - (x.shape[1] + 1) / 2
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize(
    "x",
    [
        np.array([5e-324, 0, 1e-323, 2e-308, -5e-324]),
        np.array([1.0, 1 + 2**-52, 1 - 2**-53, 1.0, 1 + 2**-51]),
        np.array([1e300, 1, 2, 3, 2, 1]),
        np.repeat([3.0, 1.0, 2.0], 200),
        np.arange(3000.0)[::-1],
        np.geomspace(1e-300, 1e300, 500),
        np.array([-0.0, 0.0, -0.0, 1.0], dtype=np.float32),
    ],
    ids=[
        "subnormal",
        "last bit",
        "outlier",
        "three values",
        "descending",
        "600 decades",
        "signed zero",
    ],
)
def test_awkward_spreads_of_values_have_the_ranks_of_scipy(x):
    np.testing.assert_array_equal(
        ranks.centred_ranks(x[None])[0], scipy.stats.rankdata(x) - (x.size + 1) / 2
    )


@pytest.mark.sampled(1)
@pytest.mark.parametrize("comparator", RANKED)
@pytest.mark.parametrize(("dtype", "largest"), [("f4", 3e38), ("f8", 1.7e308)])
def test_values_whose_span_overflows_are_ranked_or_refused_and_crash_nothing(
    comparator, dtype, largest
):
    # In a process of its own: a crash would take all tests with it.
    code = f"""
import numpy as np
from cortexsim.analysis import compare
from cortexsim.errors import AnalysisError
a = np.array([[2, -2, 1, -1, 0, 1.5]])
try:
    assert np.abs(compare({largest} / 2 * a.astype({dtype!r}), a, {comparator!r}) - 1).max() < 1e-12
except AnalysisError:
    pass
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])


@pytest.mark.parametrize("levels", [None, 3, 40])
def test_the_counter_for_many_entries_counts_what_that_for_few_counts(levels, monkeypatch):
    a, d = vectors(3, 46, 1, levels), vectors(4, 46, 2, levels)  # 1035 pairs
    small = compare(a, d, "tau-a")
    monkeypatch.setattr(tau, "WORDS", (16,))  # which ends at 1023
    np.testing.assert_array_equal(compare(a, d, "tau-a"), small)
    np.testing.assert_allclose(small[1, 2], signs(a[1], d[2]), rtol=0, atol=1e-14)
