"""A noise covariance that names its features is that of these features, in any order."""

import numpy as np
import pandas
import pytest
import xarray
from scipy.spatial.distance import cdist

from cortexsim.analysis import rdms
from cortexsim.errors import AnalysisError

UNITS = list("abcdefgh")


@pytest.fixture(scope="module")
def patterns():
    x = np.random.default_rng(0).normal(size=(5, 8))
    return xarray.DataArray(x, {"unit": UNITS}, ("condition", "unit"))


def test_named_noise_goes_by_name(patterns):
    rng = np.random.default_rng(1)
    a = rng.normal(size=(40, 8))
    noise = a.T @ a / 40 + np.eye(8)
    expected = rdms(patterns, "mahalanobis", noise=noise).values
    inverse = np.linalg.inv(noise)
    squares = cdist(patterns.values, patterns.values, "mahalanobis", VI=inverse) ** 2 / 8
    np.testing.assert_allclose(expected, squares[np.triu_indices(5, 1)])
    order = rng.permutation(8)
    names = [UNITS[k] for k in order]
    turned = noise[np.ix_(order, order)]
    for named in (
        pandas.DataFrame(turned, names, names),
        xarray.DataArray(turned, {"unit": names, "other": names}, ("unit", "other")),
    ):
        found = rdms(patterns, "mahalanobis", noise=named).values
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    diagonal = xarray.DataArray(np.diag(noise)[order], {"unit": names}, ("unit",))
    np.testing.assert_allclose(
        rdms(patterns, "mahalanobis", noise=diagonal).values,
        rdms(patterns, "mahalanobis", noise=np.diag(noise)).values,
    )


def test_noise_of_other_features_is_refused(patterns):
    names = [*UNITS[1:], "z"]
    with pytest.raises(AnalysisError, match="the noise"):
        rdms(patterns, "mahalanobis", noise=pandas.DataFrame(np.eye(8), names, names))
