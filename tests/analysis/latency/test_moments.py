"""Moments of groups of stimuli, by hand."""

import numpy as np

from cortexsim.analysis.latency.moments import moments


def test_moments_by_hand():
    courses = np.array(
        [[0.5, 0.5, 0.6, 0.9, 0.8], [0.9, 0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5, 0.5]]
    )
    found = moments(courses, np.arange(5.0), critical=0.55, level=0.5, bins=1)
    np.testing.assert_allclose(found["onset"], [2, 0, np.nan])
    np.testing.assert_allclose(found["half_maximum"], [2 + 1 / 3, 0, np.nan])
    np.testing.assert_allclose(found["peak"], [3, 0, np.nan])
    np.testing.assert_allclose(
        moments(courses, np.arange(5.0), 0.55, level=0.5, bins=2)["onset"], [2, np.nan, np.nan]
    )
