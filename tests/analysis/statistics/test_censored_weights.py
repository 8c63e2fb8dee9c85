"""Weights for censored pairs: planted taus whatever the share censored, bounds, what is refused."""

import numpy as np
import pytest
import scipy.stats

from cortexsim.analysis import Inference, censored_tau, comparable_taus
from cortexsim.analysis.statistics.censored import uncensored_share
from cortexsim.errors import AnalysisError

BARE = Inference(n=20, permutations=0)


def normal(rng, tau, n):
    """Bivariate normal numbers of a Kendall's tau."""
    r = np.sin(np.pi / 2 * tau)
    x = rng.normal(size=n)
    return x, r * x + np.sqrt(1 - r * r) * rng.normal(size=n)


def test_the_share_that_is_not_lost_is_that_of_scipy():
    rng = np.random.default_rng(0)
    t, seen = rng.permutation(40).astype(float), rng.random(40) < 0.6
    # No ties: the censoring is what is looked for, events are what hides it.
    survival = scipy.stats.ecdf(scipy.stats.CensoredData.right_censored(t, seen)).sf
    np.testing.assert_allclose(uncensored_share(t, seen), survival.evaluate(t - 0.5), atol=1e-12)


def test_what_is_lost_at_one_end_is_weighted_alike():
    rng = np.random.default_rng(1)
    x, y = normal(rng, 0.4, 120)
    seen = x < np.quantile(x, 0.6)
    found = censored_tau(np.where(seen, x, x[seen].max()), y, first_seen=seen, inference=BARE)
    apart = seen[:, None] | seen[None]
    s, r = np.sign(x - x[:, None]), np.sign(y - y[:, None])
    by_hand = (s * r)[apart].sum() / (s[apart] ** 2).sum()
    assert float(found.tau) == pytest.approx(by_hand)
    assert float(found.reach) == float(found.known)
    assert float(found.concordance) == pytest.approx(float(found.concordance_weighted))
    assert f"of {float(found.reach):.0%} of the pairs" in found.attrs["restriction"]
    assert censored_tau(x, y, inference=BARE).attrs["restriction"] == "none: tau is of all pairs"


def test_the_bounds_hold_tau_of_all_pairs_whatever_the_end():
    rng = np.random.default_rng(2)
    x, y = normal(rng, 0.3, 150)
    whole = scipy.stats.kendalltau(x, y).statistic
    for share in (0.9, 0.6, 0.3):
        end = np.quantile(x, share)
        found = censored_tau(np.minimum(x, end), y, first_seen=x <= end, inference=BARE)
        low, high = found.bounds.values
        assert low <= whole <= high
        assert low <= float(found.tau) <= high
    exact = censored_tau(x, y, inference=BARE)
    np.testing.assert_allclose(exact.bounds, float(exact.tau))


def test_unos_concordance_is_the_weighted_count():
    """Uno et al. 2011: pairs whose earlier time was seen, by 1 / G(t)^2."""
    rng = np.random.default_rng(3)
    x, y = normal(rng, 0.4, 60)
    end = rng.normal(0.5, 1, 60)
    seen, t = y <= end, np.minimum(y, end)
    share = uncensored_share(t, seen)
    good = total = 0.0
    for i in range(60):
        for j in range(60):
            if seen[i] and t[i] < t[j]:
                total += 1 / share[i] ** 2
                good += (x[i] < x[j]) / share[i] ** 2
    found = censored_tau(x, t, second_seen=seen, inference=BARE)
    assert float(found.concordance_weighted) == pytest.approx(good / total, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("tau", [0.26, 0.41])
def test_tau_does_not_change_with_the_share_that_is_censored_at_random(tau):
    """Lakhal, Rivest & Abdous 2009. Without weights these read 0.28 to 0.37, and 0.43 to 0.54."""
    for mean, share in ((1.19, 0.2), (0.36, 0.4), (-0.36, 0.6)):
        found, lost = [], []
        for seed in range(30):
            rng = np.random.default_rng(seed)
            x, y = normal(rng, tau, 250)
            end = mean + rng.normal(size=250)
            found.append(
                float(censored_tau(np.minimum(x, end), y, first_seen=x <= end, inference=BARE).tau)
            )
            lost.append((x > end).mean())
        assert np.mean(lost) == pytest.approx(share, abs=0.03)
        assert abs(np.mean(found) - tau) < 3.3 * np.std(found) / np.sqrt(30)
        assert abs(np.mean(found) - tau) < 0.025


@pytest.mark.slow
def test_both_sides_may_be_censored_and_the_interval_covers_the_truth():
    inside, found, runs = 0, [], 100
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        x, y = normal(rng, 0.41, 120)
        ends = rng.normal(1.0, 1.0, (2, 120))
        result = censored_tau(
            np.minimum(x, ends[0]),
            np.minimum(y, ends[1]),
            first_seen=x <= ends[0],
            second_seen=y <= ends[1],
            inference=Inference(n=200, permutations=0, rng=seed),
        )
        inside += result.interval.values[0] <= 0.41 <= result.interval.values[1]
        found.append(float(result.tau))
    assert np.mean(found) == pytest.approx(0.41, abs=0.03)
    assert scipy.stats.binomtest(inside, runs, 0.95).pvalue > 0.001


@pytest.mark.slow
def test_the_null_is_seldom_rejected_with_weights():
    rejected, runs = 0, 150
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(2, 60))
        end = rng.normal(0.2, 1, 60)
        rejected += (
            float(
                censored_tau(
                    np.minimum(x, end),
                    y,
                    first_seen=x <= end,
                    inference=Inference(n=20, permutations=59, rng=seed),
                ).p
            )
            <= 0.05
        )
    low, high = scipy.stats.binom.ppf((0.001, 0.999), runs, 0.05)
    assert low <= rejected <= high


def test_taus_of_other_kinds_are_not_compared():
    rng = np.random.default_rng(4)
    x, y = normal(rng, 0.4, 80)
    whole = censored_tau(x, y, inference=BARE)
    end = np.quantile(x, 0.5)
    half = censored_tau(np.minimum(x, end), y, first_seen=x <= end, inference=BARE)
    binned = censored_tau(np.digitize(x, [-0.5, 0.5]), y, inference=BARE)
    comparable_taus(whole, whole)
    comparable_taus(half, half)
    with pytest.raises(AnalysisError, match=r"0\.75 to 1 pairs that are reached are not compared"):
        comparable_taus(whole, half)
    with pytest.raises(AnalysisError, match="tied pairs of the first side are not compared"):
        comparable_taus(whole, binned)
    with pytest.raises(AnalysisError, match="tied pairs of the second side"):
        comparable_taus(whole, censored_tau(x, np.digitize(y, [-0.5, 0.5]), inference=BARE))
