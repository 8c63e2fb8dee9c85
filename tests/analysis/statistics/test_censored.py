"""Rank correlation of censored times: brute force over pairs, scipy, lifelines, coverage."""

import itertools

import numpy as np
import pytest
import scipy.stats

from cortexsim.analysis import Inference, censored_tau
from cortexsim.errors import AnalysisError


def known_order(t, seen, i, j):
    """The order of two items by cases: 1, -1 or 0, or None where it is not known."""
    if seen[i] and seen[j]:
        return int(np.sign(t[j] - t[i]))
    if seen[i]:
        return 1 if t[j] >= t[i] else None
    if seen[j]:
        return -1 if t[i] >= t[j] else None
    return None


def censored(rng, n=30):
    """Times with ties, some censored."""
    t = rng.integers(0, 12, n).astype(float)
    return t, rng.random(n) < 0.7


def not_lost_before(t, seen, time):
    """Kaplan-Meier of the censoring, by its definition: events first, then the lost."""
    left = 1.0
    for moment in sorted({*t[~seen]}):
        if moment < time:
            watched = (t > moment).sum() + ((t == moment) & ~seen).sum()
            left *= 1 - ((t == moment) & ~seen).sum() / watched
    return left


@pytest.mark.parametrize("seed", range(6))
def test_tau_is_the_count_over_pairs_of_known_order(seed):
    rng = np.random.default_rng(seed)
    (x, sx), (y, sy) = censored(rng), censored(rng)
    reached = agree = first = second = known = good = comparable = 0
    for i, j in itertools.combinations(range(30), 2):
        a, b = known_order(x, sx, i, j), known_order(y, sy, i, j)
        if a is None or b is None:
            continue
        w = not_lost_before(x, sx, min(x[i], x[j])) * not_lost_before(y, sy, min(y[i], y[j]))
        known, agree = known + 1, agree + a * b / w**2
        first, second, reached = first + a * a / w**2, second + b * b / w**2, reached + 1 / w**2
        comparable += b != 0
        good += (a == b) * (b != 0) + (a == 0) * (b != 0) / 2
    found = censored_tau(
        x, y, first_seen=sx, second_seen=sy, inference=Inference(n=20, permutations=0)
    )
    assert float(found.tau) == pytest.approx(agree / np.sqrt(first * second))
    assert float(found.concordance) == pytest.approx(good / comparable)
    assert float(found.known) == pytest.approx(known / 435)
    assert float(found.reach) == pytest.approx(min(1, reached / 435))
    assert found.tied.values.tolist() == pytest.approx([1 - first / reached, 1 - second / reached])
    assert found.coverage.values.tolist() == [sx.mean(), sy.mean()]


@pytest.mark.parametrize("seed", range(4))
def test_without_censoring_tau_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 9, (2, 40)).astype(float)
    assert float(
        censored_tau(x, y, inference=Inference(n=20, permutations=0)).tau
    ) == pytest.approx(scipy.stats.kendalltau(x, y).statistic)


def test_concordance_is_the_one_of_lifelines():
    # lifelines 0.30.3, utils.concordance_index(y, x, seen)
    for seed, expected in enumerate((0.4649737302977233, 0.4932935916542474, 0.5137976346911958)):
        rng = np.random.default_rng(seed)
        x = rng.integers(0, 9, 50).astype(float)
        y, seen = rng.permutation(50) + 0.2 * x, rng.random(50) < 0.6
        found = censored_tau(x, y, second_seen=seen, inference=Inference(n=20, permutations=0))
        assert float(found.concordance) == pytest.approx(expected, abs=1e-12)


def test_censoring_does_not_change_the_sign_that_dropping_would_hide():
    rng = np.random.default_rng(2)
    ease = rng.normal(size=200)
    x, y = -ease + 0.5 * rng.normal(size=200), -ease
    seen = x < np.quantile(x, 0.4)
    found = censored_tau(
        np.where(seen, x, x[seen].max()),
        y,
        first_seen=seen,
        inference=Inference(n=200, permutations=99),
    )
    dropped = censored_tau(x[seen], y[seen], inference=Inference(n=20, permutations=0))
    assert float(found.tau) > float(dropped.tau) + 0.1
    assert float(found.p) == 0.01
    assert float(found.interval[0]) < float(found.tau) < float(found.interval[1])


@pytest.mark.slow
def test_the_interval_of_tau_covers_its_truth_and_the_null_is_seldom_rejected():
    inside, rejected, runs = 0, 0, 100
    truth = 2 / np.pi * np.arcsin(0.6)  # of bivariate normal numbers with a correlation of 0.6
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=60)
        y = 0.6 * x + 0.8 * rng.normal(size=60)
        low, high = censored_tau(
            x, y, inference=Inference(n=200, permutations=0, rng=rng)
        ).interval.values
        inside += low <= truth <= high
        rejected += (
            float(
                censored_tau(
                    x,
                    rng.permutation(y),
                    first_seen=x < 0.5,
                    inference=Inference(n=20, permutations=59, rng=rng),
                ).p
            )
            <= 0.05
        )
    assert scipy.stats.binomtest(inside, runs, 0.95).pvalue > 0.001
    assert rejected <= scipy.stats.binom.ppf(0.999, runs, 0.05)


@pytest.mark.parametrize(
    "arguments",
    [
        ([1, 2, 3], [1, 2]),
        ([1, 2], [1, 2]),
        ([1, 2, np.nan], [1, 2, 3]),
        ([1, 2, 3], [1, 2, 3], [1, 0, 1]),
        ([1, 1, 1], [1, 2, 3]),
        ([1, 2, 3], [1, 2, 3], [False] * 3),
    ],
)
def test_times_that_cannot_be_ranked_are_refused(arguments):
    with pytest.raises(AnalysisError):
        censored_tau(*arguments[:2], first_seen=dict(enumerate(arguments)).get(2))
