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


def people_of(rng, count):
    """Curves of people whose thresholds differ by 40 %, and asymptotes by a tenth."""
    scales = 70 * np.exp(0.4 * rng.normal(size=count))
    asymptotes = np.clip(0.9 + 0.1 * rng.normal(size=count), 0.3, 0.99)
    return np.array([curve(s, asymptote=a) for s, a in zip(scales, asymptotes, strict=True)])


@pytest.mark.parametrize("count", [5, 8, 24])
def test_over_people(count):
    rng, held, runs = np.random.default_rng(2 + count), 0, 300
    # The threshold of the curve that all people give together.
    everyone = people_of(np.random.default_rng(1), 20000).mean(0)
    truth = threshold(
        SOA, np.round(everyone * 1e6), np.full(6, 1e6), chance=0.1, simulated=0
    ).threshold_ms
    n = np.full((count, 6), 60)
    for _ in range(runs):
        k = rng.binomial(n, people_of(rng, count))
        counts = rng.multinomial(count, np.full(count, 1 / count), 60)
        low, high = threshold(
            SOA, k, n, chance=0.1, resampled=(counts @ k, counts @ n), simulated=0
        ).interval
        held += low <= truth <= high
    assert near(held / runs, 0.95, runs), held / runs
