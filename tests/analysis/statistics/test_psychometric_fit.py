"""Goodness of fit, steps, falling curves, forward masks, guess rate 0, participants."""

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.isotonic import IsotonicRegression

from cortexsim.analysis.statistics.psychometric import (
    deviance,
    goodness_of_fit,
    never_falls,
    threshold,
)
from cortexsim.analysis.statistics.weibull import SLOPES, fit_weibull, weibull
from cortexsim.errors import AnalysisError

SOA = np.array([25.0, 50, 75, 100, 150, 200])


def curve(scale_ms, slope, asymptote, chance=0.1):
    return weibull(SOA, scale_ms=scale_ms, slope=slope, asymptote=asymptote, chance=chance)


# --- goodness of fit ------------------------------------------------------------------------------


def test_the_deviance_is_that_of_scipys_binomial():
    rng = np.random.default_rng(0)
    n = rng.integers(5, 60, (4, 6))
    k = rng.binomial(n, 0.6)
    k[0, 0], k[0, 1] = 0, n[0, 1]  # shares of 0 and 1
    p = rng.uniform(0.1, 0.9, (4, 6))
    theirs = 2 * (stats.binom.logpmf(k, n, k / n) - stats.binom.logpmf(k, n, p)).sum(1)
    np.testing.assert_allclose(deviance(k, n, p), theirs, atol=1e-9)


@pytest.mark.slow
def test_the_p_of_a_fit_is_that_of_simulations_fitted_by_scipy():
    """Wichmann & Hill 2001 written out: draw from the curve, fit, deviance; few trials."""
    n, k = np.full(6, 20), np.array([4, 9, 6, 15, 19, 15])

    def loss(theta, right):
        p = curve(np.exp(theta[0]), np.exp(theta[1]), 0.1 + 0.9 / (1 + np.exp(-theta[2])))
        return -stats.binom.logpmf(right, n, np.clip(p, 1e-12, 1 - 1e-12)).sum()

    def fitted(right):
        best = min(
            (
                optimize.minimize(loss, [np.log(a), b, 2.0], (right,), method="Nelder-Mead")
                for a in (50, 100)
                for b in (0.3, 1.5)
            ),
            key=lambda f: f.fun,
        )
        full = stats.binom.logpmf(right, n, right / n).sum()
        return best.x, 2 * (full + best.fun)

    theta, observed = fitted(k)
    p = curve(np.exp(theta[0]), np.exp(theta[1]), 0.1 + 0.9 / (1 + np.exp(-theta[2])))
    drawn = np.random.default_rng(1).binomial(n, p, (60, 6))
    theirs = np.mean([fitted(row)[1] >= observed for row in drawn])
    found, p_value = goodness_of_fit(SOA, k, n, chance=0.1)
    assert found == pytest.approx(observed, abs=1e-3)
    assert abs(p_value - theirs) < 4 * np.sqrt(theirs * (1 - theirs) / 60 + 1e-4)


def test_thresholds_carry_deviance_and_p():
    k, n = np.array([30, 90, 150, 170, 180, 185]), np.full(6, 200)
    found = threshold(SOA, k, n, chance=0.1)
    assert (found.deviance, found.fit_p) == goodness_of_fit(SOA, k, n, chance=0.1)
    assert np.isnan(threshold(SOA, k, n, chance=0.1, simulated=0).fit_p)


@pytest.mark.slow
def test_p_values_of_true_curves_are_uniform_and_of_others_small():
    rng = np.random.default_rng(2)
    p = curve(70, 2.2, 0.85)
    true, wrong = [], []
    for _ in range(120):
        # Few trials, so that the deviance is far from chi-squared.
        true.append(goodness_of_fit(SOA, rng.binomial(30, p), np.full(6, 30), chance=0.1, n=199)[1])
    for _ in range(20):  # overdispersed: proportions themselves vary from SOA to SOA
        k = rng.binomial(300, np.clip(p + 0.1 * rng.choice([-1, 1], 6), 0.02, 0.98))
        wrong.append(goodness_of_fit(SOA, k, np.full(6, 300), chance=0.1, n=199)[1])
    assert stats.binom.ppf(0.001, 120, 0.05) <= np.sum(np.array(true) <= 0.05)
    assert np.sum(np.array(true) <= 0.05) <= stats.binom.ppf(0.999, 120, 0.05)
    assert np.median(wrong) < 0.02


# --- no threshold ---------------------------------------------------------------------------------


@pytest.mark.parametrize("top", [0.7, 0.95])
def test_a_step_is_flagged_and_has_no_threshold(top):
    k = np.array([100, 100, 100, 1000 * top, 1000 * top, 1000 * top])
    found = threshold(SOA, k, np.full(6, 1000), chance=0.1)
    assert found.status == "slope at its bound"
    assert np.isnan(found.threshold_ms)
    assert found.slope >= 0.99 * SLOPES[1]
    assert 75 <= found.interval[0] <= found.interval[1] <= 100  # that much is known


def test_isotonic_fits_are_those_of_scikit_learn():
    rng = np.random.default_rng(3)
    n = rng.integers(5, 90, (20, 7))
    k = rng.binomial(n, rng.uniform(0.2, 0.8, (20, 7)))
    theirs = [
        IsotonicRegression().fit_transform(np.arange(7), a / b, sample_weight=b)
        for a, b in zip(k, n)
    ]
    np.testing.assert_allclose(never_falls(k, n), theirs, atol=1e-12)


@pytest.mark.parametrize("order", [slice(None), [3, 0, 5, 2, 1, 4]])
@pytest.mark.parametrize(
    "accuracy", [(0.2, 0.7, 0.3, 0.6, 0.8, 0.8), (0.4, 0.15, 0.2, 0.6, 0.8, 0.8)]
)
def test_a_curve_that_falls_has_no_threshold(accuracy, order):
    k = 300 * np.array(accuracy)
    found = threshold(SOA[order], k[order], np.full(6, 300), chance=0.1)
    assert found.status == "not monotone"
    assert np.isnan(found.threshold_ms)


@pytest.mark.slow
def test_rising_curves_are_seldom_said_to_fall():
    rng = np.random.default_rng(4)
    p = curve(40, 3, 0.85)  # level from the third SOA on, where chance makes it fall
    statuses = [
        threshold(
            SOA,
            k,
            np.full(6, 200),
            chance=0.1,
            resampled=(np.tile(k, (20, 1)), np.full((20, 6), 200)),
            simulated=0,
        ).status
        for k in rng.binomial(200, p, (300, 6))
    ]
    assert statuses.count("not monotone") <= stats.binom.ppf(0.999, 300, 0.005)


# --- forward masks, guess rate 0 ------------------------------------------------------------------


def test_forward_masks_are_the_mirror_image():
    k, n = np.array([30, 90, 150, 170, 180, 185]), np.full(6, 200)
    after, before = threshold(SOA, k, n, chance=0.1), threshold(-SOA, k, n, chance=0.1)
    assert before.threshold_ms == -after.threshold_ms
    assert before.interval == (-after.interval[1], -after.interval[0])
    assert (before.slope, before.fit_p, before.status) == (after.slope, after.fit_p, "ok")
    with pytest.raises(AnalysisError, match="forward masks, which are another curve"):
        threshold(np.concatenate([-SOA, SOA]), np.tile(k, 2), np.tile(n, 2), chance=0.1)


def test_nobody_guesses():
    k = 400 * curve(70, 2.5, 0.9, chance=0.0)
    fit = fit_weibull(SOA, k[None], np.full((1, 6), 400.0), chance=0.0)
    assert fit.threshold_ms[0] == pytest.approx(70 * np.log(2) ** 0.4, rel=1e-4)
    found = threshold(SOA, np.array([0, 40, 190, 290, 350, 360]), np.full(6, 400), chance=0.0)
    assert found.status == "ok"
    with pytest.raises(AnalysisError, match="0 where nobody guesses"):
        fit_weibull(SOA, k[None], np.full((1, 6), 400.0), chance=1.0)
    with pytest.raises(AnalysisError, match="0 where nobody guesses"):
        fit_weibull(SOA, k[None], np.full((1, 6), 400.0), chance=-0.1)


# --- participants ---------------------------------------------------------------------------------


def people(rng, count=16, trials=100):
    """Participants whose scales differ by a third: counts ``(participant, soa)``."""
    scales = 70 * np.exp(0.35 * rng.normal(size=count))
    p = np.array([curve(s, 2.5, 0.9) for s in scales])
    return rng.binomial(trials, p), np.full((count, len(SOA)), trials)


def test_the_interval_is_that_of_leaving_out_participants():
    k, n = people(np.random.default_rng(5))
    ours = threshold(SOA, k, n, chance=0.1, simulated=0)
    pooled = threshold(SOA, k.sum(0), n.sum(0), chance=0.1, simulated=0)
    assert ours.threshold_ms == pooled.threshold_ms
    assert np.ptp(ours.interval) > 3 * np.ptp(pooled.interval)

    # By hand: Student's interval of the pseudovalues of the log threshold (Tukey 1958).
    def log_threshold(kept):
        right, shown = k[kept].sum(0), n[kept].sum(0)
        return np.log(threshold(SOA, right, shown, chance=0.1, simulated=0).threshold_ms)

    every = np.arange(16)
    whole = log_threshold(every)
    pseudo = [16 * whole - 15 * log_threshold(every != one) for one in every]
    half = stats.t.ppf(0.975, 15) * stats.sem(pseudo)
    np.testing.assert_allclose(ours.interval, np.exp([whole - half, whole + half]), rtol=1e-9)
    one = threshold(SOA, k[:1], n[:1], chance=0.1)
    assert one == threshold(SOA, k[0], n[0], chance=0.1)
    with pytest.raises(AnalysisError, match="of the same ones are needed"):
        threshold(SOA, k, n[:5].sum(0)[None], chance=0.1)


def test_nobody_who_saw_nothing_counts_and_a_curve_of_one_person_is_not_identified():
    k, n = people(np.random.default_rng(5), count=8)
    none = np.zeros((3, len(SOA)), dtype=int)
    more = threshold(SOA, np.vstack([k, none]), np.vstack([n, none]), chance=0.1, simulated=0)
    assert more.interval == threshold(SOA, k, n, chance=0.1, simulated=0).interval
    alone = threshold(SOA, np.vstack([k[:1], none]), np.vstack([n[:1], none]), chance=0.1)
    assert alone.status == "not identified"
    # One SOA that a single participant saw: without that one, the curve is of the others.
    n[1:, 2], k[1:, 2] = 0, 0
    some = threshold(SOA, k, n, chance=0.1, simulated=0)
    assert some.status == "ok"
    assert some.interval[0] < some.threshold_ms < some.interval[1]


@pytest.mark.slow
@pytest.mark.parametrize("count", [10, 24])
def test_intervals_over_participants_hold_the_threshold_of_many_people(count):
    rng = np.random.default_rng(6)
    k, n = people(rng, count=20000)
    truth_ms = fit_weibull(SOA, k.sum(0)[None], n.sum(0)[None], chance=0.1).threshold_ms[0]
    held, pooled = 0, 0
    for _ in range(60):
        k, n = people(rng, count=count)
        ours = threshold(SOA, k, n, chance=0.1, simulated=0).interval
        trials = threshold(SOA, k.sum(0), n.sum(0), chance=0.1, simulated=0).interval
        held += ours[0] <= truth_ms <= ours[1]
        pooled += trials[0] <= truth_ms <= trials[1]
    assert held >= stats.binom.ppf(0.001, 60, 0.93)
    assert pooled < 0.6 * 60  # what independent trials would claim
