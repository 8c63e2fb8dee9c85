"""The onset of significance, against scipy and MNE; false alarms, coverage."""

import mne
import numpy as np
import pytest
import scipy.interpolate
import scipy.sparse
import scipy.stats

from cortexsim.analysis import (
    Inference,
    cluster_test,
    significance_onset,
)
from cortexsim.analysis.latency.significance import TESTS
from cortexsim.analysis.statistics.clusters import cluster_mass

AFTER = np.arange(-100.0, 300, 20)


def effects(seed, subjects=10, height=2.0, at=80, times=AFTER):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(subjects, len(times))) + height * (times >= at)


def mne_p_values(x, limit, adjacency=None):
    """MNE's p-value at each time, 1 outside its clusters, from all sign flips.

    Of the 2^n it leaves out the one that flips everyone and counts the true signs twice, so that
    most are one in 2^n larger than they should be.
    """
    _, clusters, p, _ = mne.stats.permutation_cluster_1samp_test(
        x,
        threshold=limit,
        n_permutations=2 ** len(x),
        tail=1,
        adjacency=adjacency,
        out_type="mask",
        verbose="error",
    )
    out = np.ones(x.shape[1])
    for where, value in zip(clusters, p, strict=True):
        out[where] = value
    return out


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("subjects", [6, 9])
def test_max_test_against_scipy_and_mne_with_all_sign_flips(seed, subjects):
    x = effects(seed, subjects, 1.0)
    ours = significance_onset(x, AFTER, inference=Inference(n=2**subjects))
    assert ours.attrs["flips"] == 2**subjects - 1
    t = scipy.stats.ttest_1samp(x, 0).statistic
    np.testing.assert_allclose(ours.t, t, rtol=1e-9)
    largest = scipy.stats.permutation_test(
        (np.ones(subjects),),
        lambda signs: scipy.stats.ttest_1samp(signs[:, None] * x, 0).statistic.max(),
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="greater",
    )
    assert float(ours.p.min()) == pytest.approx(largest.pvalue)
    # Where no time has a neighbour, a cluster is a time.
    alone = mne_p_values(x, 1e-9, scipy.sparse.coo_array((len(AFTER), len(AFTER))))
    more = (alone - ours.p.values)[t > 0] * 2**subjects
    assert set(more.round(6)) <= {0, 1}
    assert (more.round(6) == 1).any()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("subjects", [7, 9])
def test_cluster_test_against_mne_with_all_sign_flips(seed, subjects):
    x = effects(seed, subjects, 0.8)
    ours = significance_onset(x, AFTER, test="cluster", inference=Inference(n=2**subjects))
    theirs = mne_p_values(x, scipy.stats.t.ppf(0.95, subjects - 1))
    assert ((theirs == 1) == (ours.p == 1)).all()
    assert set(((theirs - ours.p.values)[theirs < 1] * 2**subjects).round(6)) <= {0, 1}
    assert theirs.min() < 0.05


def test_cluster_test_with_random_flips_agrees_with_mne_and_with_cluster_test():
    x = effects(4, 20, 0.6)
    ours = significance_onset(x, AFTER, test="cluster", inference=Inference(n=4000))
    limit = scipy.stats.t.ppf(0.95, 19)
    _, clusters, p, _ = mne.stats.permutation_cluster_1samp_test(
        x, threshold=limit, n_permutations=4000, tail=1, out_type="mask", seed=0, verbose="error"
    )
    for (where,), value in zip(clusters, p, strict=True):
        np.testing.assert_allclose(ours.p[where], value, atol=5 * np.sqrt(0.25 / 4000))
    rng = np.random.default_rng(0)
    t, null = rng.normal(size=30) + 1, rng.normal(size=(200, 30))
    found = cluster_test(t, null, 1.0)
    mass, largest = cluster_mass(t, 1.0), cluster_mass(null, 1.0).max(1)
    np.testing.assert_allclose(
        mass[found.labels > 0], found.mass[found.labels[found.labels > 0] - 1]
    )
    assert (mass[found.labels == 0] == 0).all()
    p_of = (1 + (largest >= mass[:, None] * (1 - 1e-9)).sum(1)) / 201
    np.testing.assert_allclose(p_of[found.labels > 0], found.p_map()[found.labels > 0])


@pytest.mark.slow
@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("test", TESTS)
def test_noise_is_significant_anywhere_in_5_percent(test, correlated):
    rng = np.random.default_rng(0)
    false = 0
    for seed in range(300):
        x = rng.normal(size=(12, 22))
        x = (x[:, :-2] + x[:, 1:-1] + x[:, 2:]) if correlated else x[:, :20]
        false += bool(
            significance_onset(
                x, AFTER, test=test, inference=Inference(n=100, rng=seed)
            ).significant.any()
        )
    assert false <= scipy.stats.binom.ppf(0.999, 300, 0.05), false
    assert false >= scipy.stats.binom.ppf(0.001, 300, 0.05), false


@pytest.mark.slow
@pytest.mark.parametrize("bins", [1, 3])
@pytest.mark.parametrize("test", TESTS)
def test_a_planted_onset_is_found_and_covered(test, bins):
    covered, found, lower = 0, [], []
    for seed in range(100):
        result = significance_onset(
            effects(seed, 16, 1.5),
            AFTER,
            test=test,
            bins=bins,
            inference=Inference(n=200, rng=seed),
        )
        low, high = result.interval.values
        covered += low <= 80 and (high >= 80 or np.isnan(high))
        found.append(float(result.onset_ms))
        lower.append(low)
    assert covered >= 90
    assert np.mean(np.array(found) == 80) >= 0.85
    if bins == 3:
        assert np.mean(lower) > 60, "single times of resampled noise are no onset"


def test_the_onset_of_the_max_test_is_itself_significant_and_counts_all_bins():
    x = effects(0, 14, 3.0, 80)
    # Three times, 80, 100 and 120 ms (bins 9 to 11), and noise again.
    x[:, 12:] = effects(1, 14, 0.0)[:, 12:]
    assert np.flatnonzero(significance_onset(x, AFTER).significant).tolist() == [9, 10, 11]
    assert float(significance_onset(x, AFTER, bins=3).onset_ms) == 80
    none = significance_onset(x, AFTER, bins=4)
    assert np.isnan(none.onset_ms)
    assert np.isnan(none.interval.values[1])
    assert float(significance_onset(x, AFTER, after_ms=100).onset_ms) == 100
    early = effects(0, 14, 3.0, -60)
    assert float(significance_onset(early, AFTER).onset_ms) == 0
    assert float(significance_onset(early, AFTER, after_ms=-100).onset_ms) == -60


@pytest.mark.parametrize("test", TESTS)
def test_chance_is_what_effects_are_measured_from(test):
    x = effects(3, 8)
    plain, accuracy = (
        significance_onset(x, AFTER, test=test),
        significance_onset(0.125 + x, AFTER, test=test, chance=0.125),
    )
    for name in plain:
        np.testing.assert_allclose(plain[name], accuracy[name], rtol=1e-9)
    below = significance_onset(-x, AFTER, test=test)
    assert not below.significant[9:].any(), "one-sided"


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("level", [1.0, 0.7])
@pytest.mark.filterwarnings("ignore:before stimulus onset the effects of all")
def test_accuracy_at_the_ceiling_is_significant_and_at_chance_is_not(test, level):
    # Every subject the same: at chance before, and all right after. (0.7 - 0.5 is not exact: their
    # variance is rounding.)
    x = np.full((10, len(AFTER)), 0.5)
    x[:, AFTER >= 80] = level
    result = significance_onset(x, AFTER, chance=0.5, test=test)
    assert result.significant.values.tolist() == (AFTER >= 80).tolist()
    assert result.interval.values.tolist() == [80, 80]
    assert np.isinf(result.t[AFTER >= 80]).all()
    assert (result.t[AFTER < 80] == 0).all()
    worse = significance_onset(x, AFTER, chance=0.99 + 0.5, test=test)
    assert not worse.significant.any()


def test_more_subjects_or_a_stricter_level_move_the_p_values():
    x = effects(0, 24, 0.7)
    few, many = significance_onset(x[:8], AFTER), significance_onset(x, AFTER)
    assert float(many.p[AFTER >= 80].mean()) < float(few.p[AFTER >= 80].mean())
    strict = significance_onset(x, AFTER, threshold=0.005)
    np.testing.assert_array_equal(strict.p, many.p)
    assert strict.significant.sum() < many.significant.sum()
    assert strict.attrs["critical"] > many.attrs["critical"]
