"""From halves to the whole: Spearman and Brown's formula and its rule for what is not positive."""

import numpy as np
import pytest

from cortexsim.analysis.statistics.reliability import spearman_brown


def test_spearman_brown_is_the_correlation_of_sums_of_twice_as_many_parts():
    rng = np.random.default_rng(0)
    signal, noise = rng.normal(size=200_000), rng.normal(size=(4, 200_000))
    a, b, c, d = signal + 2 * noise
    assert spearman_brown(np.corrcoef(a, b)[0, 1]) == pytest.approx(
        np.corrcoef(a + b, c + d)[0, 1], abs=0.01
    )
    assert spearman_brown(np.array([1.0, 0.0, -1.0])).tolist() == [1.0, 0.0, -np.inf]
    assert np.isnan(spearman_brown(np.nan))


def test_what_is_not_positive_can_be_kept():
    r = np.array([1.0, 0.5, 0.0, -0.5, -1.0, np.nan])
    kept = spearman_brown(r, keep_negative=True)
    np.testing.assert_array_equal(kept, [1.0, 2 / 3, 0.0, -0.5, -1.0, np.nan])
