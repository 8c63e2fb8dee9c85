"""Numbers whose squares double precision does not hold, and containers that hold none plainly."""

import numpy as np
import pandas
import pytest
import scipy.sparse
import xarray

from cortexsim import analysis, neural, plotting
from cortexsim.errors import AnalysisError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))
Y = X @ RNG.normal(size=(6, 4)) + 0.3 * RNG.normal(size=(60, 4))
TIMES = np.arange(-100.0, 300.0, 20.0)
COURSES = np.exp(-0.5 * ((TIMES - 80) / 30) ** 2) + 0.01 * RNG.normal(size=(5, len(TIMES)))
LABELS = np.arange(60) % 2
TIMED = xarray.DataArray(
    X[:, None] * np.arange(1.0, 4)[:, None] + LABELS[:, None, None],
    dims=("stimulus", "step", "unit"),
)
DOORS = {
    "encode": lambda scale: analysis.encode(X, Y * scale, inference=analysis.Inference(n=20)).r,
    "latencies": lambda scale: analysis.latencies(COURSES * scale, TIMES),
    "significance_onset": lambda scale: analysis.significance_onset(COURSES * scale, TIMES).t,
    "split_half_reliability": lambda scale: analysis.split_half_reliability(
        np.stack([Y, Y + RNG.normal(size=Y.shape)]) * scale
    ),
    "selectivity_latency": lambda scale: (
        analysis.selectivity_latency(
            TIMED * scale, LABELS, inference=analysis.Inference(permutations=20)
        ).eta2
    ),
    "read_answers": lambda scale: analysis.read_answers(X * scale, LABELS),
    "reliability": lambda scale: (
        neural.reliability(
            neural.from_responses(
                np.stack([Y, Y + X[:, :4], Y - X[:, :4]]) * scale,
                dims=("repeat", "stimulus", "unit"),
                stimulus_id=range(60),
            )
        ).reliability
    ),
    "mds": lambda scale: plotting.mds(np.abs(X.ravel()[:66]) * scale).stress,
}


@pytest.mark.parametrize("measure", ["correlation", "cosine"])
@pytest.mark.parametrize("scale", [1e-200, 1e-100, 1e100, 1e140])
def test_rdms_with_missing_values_do_not_depend_on_the_unit(measure, scale):
    holed = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
    found, expected = (analysis.rdms(holed * s, measure, nan="pairwise") for s in (scale, 1.0))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e200])
def test_numbers_beyond_double_precision_are_refused_with_another_unit(door, scale):
    with pytest.raises(AnalysisError, match="beyond double precision; give another unit"):
        DOORS[door](scale)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_far_from_1_and_within_nothing_changes(door, scale):
    found, expected = (np.asarray(DOORS[door](s), dtype=float) for s in (scale, 1.0))
    if door != "split_half_reliability":  # which draws other noise
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.isfinite(found).any()


def test_nullable_numbers_of_pandas_are_numbers():
    frame = pandas.DataFrame(X).convert_dtypes()
    assert frame.dtypes.iloc[0] == "Float64"
    assert float(analysis.cka(frame, Y)) == float(analysis.cka(X, Y))
    holed = pandas.DataFrame(X).mask(X > 2).convert_dtypes()
    with pytest.raises(AnalysisError, match="NaN or infinite"):
        analysis.cka(holed, Y)


def test_a_sparse_matrix_is_named():
    with pytest.raises(AnalysisError, match=r"a sparse matrix; give x.toarray\(\)"):
        analysis.cka(scipy.sparse.csr_matrix(X), Y)
