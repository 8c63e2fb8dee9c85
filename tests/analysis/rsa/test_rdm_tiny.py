"""Patterns whose squares are below what their type holds."""

import numpy as np
import pytest

from cortexsim.analysis import rdms
from cortexsim.errors import AnalysisError

X = np.random.default_rng(0).normal(size=(3, 12, 30))
RUNS = {"sqeuclidean": None, "crossnobis": 0}


@pytest.mark.parametrize("measure", RUNS)
@pytest.mark.parametrize(("kind", "scale"), [("f4", 1e-25), ("f4", 1e-30), ("f8", 1e-170)])
def test_distances_are_refused_and_never_all_0(measure, kind, scale):
    x = (X if measure == "crossnobis" else X[0]) * scale
    with pytest.raises(AnalysisError, match=r"too little to be squared.*give another unit"):
        rdms(x.astype(kind), measure, runs=RUNS[measure])


@pytest.mark.parametrize("measure", RUNS)
@pytest.mark.parametrize(("kind", "scale"), [("f4", 1e-14), ("f8", 1e-30), ("f8", 1e-100)])
def test_within_the_type_they_are_those_of_another_unit(measure, kind, scale):
    x = X if measure == "crossnobis" else X[0]
    found = rdms((x * scale).astype(kind), measure, runs=RUNS[measure])
    expected = rdms(x, measure, runs=RUNS[measure])
    np.testing.assert_allclose(found / scale**2, expected, rtol=1e-4, atol=1e-4)


def test_equal_patterns_are_at_distance_0():
    assert (rdms(np.full((5, 7), 3.0, np.float32), "sqeuclidean") == 0).all()
