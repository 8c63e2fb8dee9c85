"""Intervals of thresholds hold the planted one in 95 of 100 runs, over trials and over people."""

import numpy as np
import pytest
from levels import near

from cortexsim.analysis.statistics.psychometric import threshold

pytestmark = pytest.mark.slow
SOA = np.array([25.0, 50, 75, 100, 150, 200])
RUNS = 150


def curve(scale, slope=2.5, asymptote=0.9, chance=0.1):
    """The share that is right at every SOA."""
    return chance + (asymptote - chance) * (1 - np.exp(-((SOA / scale) ** slope)))


def half(scale, slope=2.5):
    """Where it is halfway."""
    return scale * np.log(2) ** (1 / slope)


def test_over_trials():
    rng, held, n = np.random.default_rng(1), 0, np.full(6, 200)
    for _ in range(RUNS):
        k = rng.binomial(n, curve(70))
        drawn = (rng.binomial(n, k / n, (200, 6)), np.tile(n, (200, 1)))
        low, high = threshold(SOA, k, n, chance=0.1, resampled=drawn, simulated=0).interval
        held += low <= half(70) <= high
    assert near(held / RUNS, 0.95, RUNS), held / RUNS


def test_over_people():
    rng, held, n = np.random.default_rng(2), 0, np.full((24, 6), 60)
    # The threshold of the curve that all people give together.
    everyone = np.mean([curve(s) for s in 70 * np.exp(0.3 * rng.normal(size=20000))], axis=0)
    truth = threshold(
        SOA, np.round(everyone * 1e6), np.full(6, 1e6), chance=0.1, simulated=0
    ).threshold_ms
    for _ in range(RUNS):
        p = np.array([curve(s) for s in 70 * np.exp(0.3 * rng.normal(size=24))])
        k = rng.binomial(n, p)
        low, high = threshold(SOA, k, n, chance=0.1, simulated=0).interval
        held += low <= truth <= high
    assert near(held / RUNS, 0.95, RUNS), held / RUNS
