"""Weibulls and their thresholds: against scipy's maximisers and planted truths, refusals."""

import numpy as np
import pytest
from scipy import optimize, stats

from cortexsim.analysis.statistics.psychometric import threshold
from cortexsim.analysis.statistics.weibull import fit_weibull, weibull
from cortexsim.errors import AnalysisError

SOA = np.array([25.0, 50, 75, 100, 150, 200])


def curve(scale_ms, slope, asymptote, soa_ms=SOA):
    return weibull(soa_ms, scale_ms=scale_ms, slope=slope, asymptote=asymptote, chance=0.1)


@pytest.mark.slow
def test_no_independent_maximiser_finds_a_higher_likelihood():
    rng = np.random.default_rng(3)
    for _ in range(8):
        k = rng.binomial(
            300, curve(rng.uniform(40, 120), rng.uniform(1, 4), rng.uniform(0.6, 0.95))
        )

        def loss(q, k=k):
            p = curve(np.exp(q[0]), np.exp(q[1]), 0.1 + 0.9 / (1 + np.exp(-q[2])))
            return -stats.binom.logpmf(k, 300, np.clip(p, 1e-12, 1 - 1e-12)).sum()

        best = min(
            optimize.minimize(
                loss, [np.log(a), np.log(b), c], method="Nelder-Mead", options={"fatol": 1e-8}
            ).fun
            for a in (45, 90)
            for b in (1, 3)
            for c in (0, 2)
        )
        fit = fit_weibull(SOA, k[None], np.full((1, 6), 300), chance=0.1)
        ours = loss(
            [
                np.log(fit.scale_ms[0]),
                np.log(fit.slope[0]),
                -np.log(0.9 / (fit.asymptote[0] - 0.1) - 1),
            ]
        )
        assert ours <= best + 1e-3


def test_many_fits_at_once_are_the_fits_alone():
    k = np.random.default_rng(4).binomial(200, curve(60, 2, 0.8), size=(5, 6))
    n = np.full((5, 6), 200.0)
    together = fit_weibull(SOA, k, n, chance=0.1)
    for r in range(5):
        np.testing.assert_allclose(
            fit_weibull(SOA, k[r : r + 1], n[:1], chance=0.1).threshold_ms,
            together.threshold_ms[r],
            rtol=1e-3,
        )


@pytest.mark.slow
def test_planted_thresholds_lie_in_their_intervals_at_the_nominal_rate():
    rng, hits, trials = np.random.default_rng(5), 0, 100
    scale, slope, asymptote, n = 70, 2.2, 0.85, 200
    true = scale * np.log(2) ** (1 / slope)
    assert (
        abs(
            curve(scale, slope, asymptote, soa_ms=np.array([true]))[0]
            - (0.1 + (asymptote - 0.1) / 2)
        )
        < 1e-12
    )
    p = curve(scale, slope, asymptote)
    for _ in range(trials):
        k = rng.binomial(n, p)
        found = threshold(
            SOA,
            k,
            np.full(6, n),
            chance=0.1,
            resampled=(rng.binomial(n, k / n, (200, 6)), np.full((200, 6), float(n))),
            simulated=0,
        )
        assert found.status == "ok"
        hits += found.interval[0] <= true <= found.interval[1]
    # 95 % intervals of percentiles: outside this range in fewer than 1 of 1000 runs.
    assert stats.binom.ppf(0.001, trials, 0.93) <= hits


@pytest.mark.parametrize(
    ("accuracy", "status"),
    [
        ((0.4,) * 6, "flat"),
        ((0.8, 0.7, 0.6, 0.5, 0.4, 0.3), "flat"),
        ((0.55, 0.65, 0.72, 0.73, 0.74, 0.74), "below 25 ms"),
    ],
)
def test_no_threshold_is_made_up(accuracy, status):
    found = threshold(SOA, np.array(accuracy) * 1000, np.full(6, 1000), chance=0.1)
    assert found.status == status
    assert np.isnan(found.threshold_ms)


def test_a_curve_that_has_not_levelled_off_has_an_open_interval_or_none():
    found = threshold(SOA, np.array([10, 10, 11, 12, 16, 24]), np.full(6, 100), chance=0.1)
    assert found.status != "ok" or np.isinf(found.interval[1])


def test_few_soas_and_impossible_counts_are_refused():
    assert (
        threshold(SOA[:3], np.array([1, 2, 3]), np.full(3, 9), chance=0.1).status == "too few SOAs"
    )
    with pytest.raises(AnalysisError, match="at least 4"):
        fit_weibull(SOA[:3], np.ones((1, 3)), np.full((1, 3), 9), chance=0.1)
    with pytest.raises(AnalysisError, match="not between 0"):
        fit_weibull(SOA, np.full((1, 6), 10), np.full((1, 6), 9), chance=0.1)
