"""The unit of the responses chooses no penalty."""

import numpy as np
import pytest

from cortexsim.analysis import Inference, Regression, encode, partition

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 40))
Y = X @ RNG.normal(size=(40, 4)) + 12 * RNG.normal(size=(60, 4))
FEW = Inference(n=20, rng=1)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("scale", [1e-100, 1e-30, 1e-25, 1e-16, 1e16, 1e30, 1e100])
@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("method", ["ridge", "pls", "reduced-rank"])
def test_noisy_responses_are_encoded_alike_in_every_unit(method, wide, scale):
    settings = Regression(method=method, **({"components": 3} if method == "pls" else {}))
    x = X if wide else X[:, :8]
    plain, other = (encode(x, Y * s, regression=settings, inference=FEW) for s in (1.0, scale))
    if method == "ridge":
        assert np.ptp(plain.alpha.values) > 0, "penalties are chosen"
    for name in ("r", "interval"):
        np.testing.assert_allclose(other[name].values, plain[name].values, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_units_of_several_scales_do_not_disturb_each_other(scale):
    each = np.array([1, scale, 1, scale])
    plain, other = (encode(X, Y * s, inference=FEW).r.values for s in (1.0, each))
    np.testing.assert_allclose(other, plain, rtol=1e-6, atol=1e-6)  # of single precision


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_variance_is_parted_alike_in_every_unit(scale):
    none = Inference(n=20, permutations=0)
    plain, other = (
        partition(X[:, :20], X[:, 20:], Y * s, inference=none).r2_both.values for s in (1.0, scale)
    )
    np.testing.assert_allclose(other, plain, rtol=1e-5)
