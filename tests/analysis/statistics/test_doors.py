"""What comes into the statistics: ranges, sizes, types, ids; no request is served by half."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
import xarray as xr

from cortexsim.analysis import (
    ClusterTest,
    CrossValidation,
    Inference,
    censored_tau,
    cluster_test,
)
from cortexsim.analysis.statistics import draws, sizes
from cortexsim.analysis.statistics.clusters import sign_flips
from cortexsim.analysis.statistics.detection import dprime
from cortexsim.analysis.statistics.intervals import (
    bias_corrected_interval,
    censored_interval,
    interval_around,
    percentile_interval,
)
from cortexsim.analysis.statistics.psychometric import threshold
from cortexsim.analysis.statistics.pvalues import corrected, max_statistic, monte_carlo_p
from cortexsim.analysis.statistics.reliability import spearman_brown
from cortexsim.analysis.statistics.weibull import fit_weibull, weibull
from cortexsim.errors import AnalysisError

NAN, INF = float("nan"), float("inf")
FORMS = {
    **{k: (lambda x, k=k: x.astype(k)) for k in ("u1", "i2", "f2", "f4", ">f8", ">i4")},
    "strided": lambda x: np.repeat(x, 2, -1)[..., ::2],
    "list": lambda x: x.tolist(),
    "torch": lambda x: torch.tensor(x, dtype=torch.float32, requires_grad=True),
    "bfloat16": lambda x: torch.tensor(x, dtype=torch.bfloat16),
    "DataArray": xr.DataArray,
}


# --- ranges -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"permutations": 1}, "permutations=1: the smallest p-value would be 0.5"),
        ({"permutations": -5}, "permutations=-5"),
        ({"permutations": 2**70}, "permutations=1.18e.21 is more than is ever computed"),
        ({"permutations": 10.0}, "whole number"),
        ({"n": 2**31}, "n=2,147,483,648 is more than is ever computed; give at most 1,000,000"),
        ({"n": 10**400}, "n=that is more"),
        ({"n": NAN}, "whole number"),
        ({"confidence": 0}, "confidence=0"),
        ({"confidence": -0.95}, "confidence=-0.95"),
        ({"confidence": 1.5}, "confidence=1.5"),
        ({"confidence": NAN}, "confidence=nan"),
        ({"confidence": True}, "confidence=True"),
        ({"rng": 1.5}, "rng=1.5"),
    ],
)
def test_settings_of_inference_have_ranges(settings, words):
    with pytest.raises(AnalysisError, match=words):
        Inference(**settings)


@pytest.mark.parametrize("field", ["folds", "inner_folds"])
@pytest.mark.parametrize("value", [-1, 0, 1, 2.5, 2**40])
def test_folds_have_a_range(field, value):
    with pytest.raises(AnalysisError, match="folds"):
        CrossValidation(**{field: value})


@pytest.mark.parametrize("value", [0, 1, -0.05, NAN, INF, "small", None])
def test_thresholds_of_clusters_have_a_range(value):
    with pytest.raises(AnalysisError, match="threshold="):
        ClusterTest(by="subject", threshold=value)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, -0.5, NAN])
def test_the_confidence_of_every_interval_has_a_range(confidence):
    x = np.arange(100.0)
    for interval in (
        lambda: percentile_interval(x, confidence),
        lambda: censored_interval(x, confidence),
        lambda: bias_corrected_interval(x, confidence, 50.0),
        lambda: interval_around(x, confidence, 50.0, free=50.0),
    ):
        with pytest.raises(AnalysisError, match="confidence="):
            interval()


def test_correlations_p_values_and_curves_have_ranges():
    with pytest.raises(AnalysisError, match=r"between -1 and 1; found 0.5 to 1.5"):
        spearman_brown([0.5, 1.5])
    with pytest.raises(AnalysisError, match=r"between 0 and 1; found -0.1 to 0.5"):
        corrected(np.array([-0.1, 0.5, NAN]), "holm")
    with pytest.raises(AnalysisError, match="no correction 'bonferroni'; choose from holm"):
        corrected(np.array([0.1]), "bonferroni")
    good = {"scale_ms": 50.0, "slope": 2.0, "asymptote": 0.9, "chance": 0.1}
    for name, value in [
        ("scale_ms", 0.0),
        ("scale_ms", NAN),
        ("slope", -1.0),
        ("asymptote", 1.1),
        ("chance", -0.1),
    ]:
        with pytest.raises(AnalysisError, match="a Weibull of"):
            weibull(np.array([50.0]), **{**good, name: value})
    soa, ten = np.array([25.0, 50, 75, 100]), np.full((1, 4), 10.0)
    for right, trials in [(11 * ten / 10, ten), (ten, -ten), (ten * NAN, ten), (ten, 1e30 * ten)]:
        with pytest.raises(AnalysisError, match="counts of shape"):
            fit_weibull(soa, right, trials, chance=0.1)
    rising = np.array([10, 50, 90, 95])
    with pytest.raises(AnalysisError, match="confidence"):
        threshold(soa, rising, np.full(4, 100), chance=0.1, confidence=2)


# --- sizes --------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
TOO_LARGE = {
    "draw": lambda: draws.draw(RNG, 10**6, np.arange(10**6), True, "stimulus"),
    "group_counts": lambda: draws.group_counts(10**6, 10**6, RNG),
    "weights_of": lambda: draws.weights_of(RNG, 10**6, 10**6),
    "sign_flips": lambda: sign_flips(np.ones((40, 10**6)), 10**6, RNG),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_no_machine_holds_is_refused_before_anything_is_allocated(name):
    with pytest.raises(AnalysisError, match=r"would take 7.3 TiB.*Inference\(n=1000\)"):
        TOO_LARGE[name]()
    tracemalloc.start()
    with pytest.raises(AnalysisError):
        draws.group_counts(10**6, 10**6, RNG)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_the_limit_is_half_of_the_memory(monkeypatch):
    monkeypatch.setattr(sizes, "memory", lambda: 2 * 8 * 1000)
    sizes.room_for({"resample": 10, "member": 100}, "resamples", "give fewer")
    with pytest.raises(AnalysisError, match=r"10 resamples x 101 members\) would take 8,080 bytes"):
        sizes.room_for({"resample": 10, "member": 101}, "resamples", "give fewer")


# --- nulls --------------------------------------------------------------------------------------

STATISTIC = np.array([0, 4, 5, 4, 0, 2.0])
NULL = np.random.default_rng(0).integers(0, 4, (99, 6)).astype(float)


@pytest.mark.parametrize(
    "holes", [np.s_[:], np.s_[3], np.s_[3, 2], np.s_[:, 2], np.s_[:50, 2]], ids=str
)
def test_a_null_with_nan_gives_no_p_value(holes):
    null = NULL.copy()
    null[holes] = np.nan
    with pytest.raises(AnalysisError, match="values of the null are NaN"):
        cluster_test(STATISTIC, null, 1.0)


def test_points_that_do_not_exist_are_nan_throughout():
    statistic, null = STATISTIC.copy(), NULL.copy()
    statistic[5], null[:, 5] = np.nan, np.nan
    found, expected = cluster_test(statistic, null, 3.0), cluster_test(STATISTIC, NULL, 3.0)
    np.testing.assert_array_equal(found.labels, expected.labels)
    null[0, 5] = 1.0
    with pytest.raises(AnalysisError, match="98 of 594 values of the null are NaN"):
        cluster_test(statistic, null, 3.0)


@pytest.mark.parametrize("limit", [NAN, [1, 1, NAN, 1, 1, 1]])
def test_a_threshold_of_nan_is_refused(limit):
    with pytest.raises(AnalysisError, match="the threshold is NaN"):
        cluster_test(STATISTIC, NULL, limit)


@pytest.mark.parametrize("spoil", [lambda x: np.ma.masked_equal(x, 0), lambda x: x + 0j])
def test_masked_and_complex_statistics_are_refused(spoil):
    for arguments in ((spoil(STATISTIC), NULL), (STATISTIC, spoil(NULL))):
        with pytest.raises(AnalysisError, match=r"masked array that hides|real numbers"):
            cluster_test(*arguments, 1.0)


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_a_statistic_changes_no_cluster(form):
    found = cluster_test(FORMS[form](STATISTIC), FORMS[form](NULL), 2.5)
    expected = cluster_test(STATISTIC, NULL, 2.5)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_the_scale_of_a_statistic_changes_no_p(factor):
    found = cluster_test(STATISTIC * factor, NULL * factor, 2.5 * factor)
    np.testing.assert_array_equal(found.p, cluster_test(STATISTIC, NULL, 2.5).p)
    x = np.random.default_rng(1).normal(1, 1, (8, 5))
    for a, b in zip(sign_flips(x * factor, 300, RNG), sign_flips(x, 300, RNG), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)
    p = [monte_carlo_p(f * x[0], f * x[1:]) for f in (1, factor)]
    np.testing.assert_array_equal(*p)


@pytest.mark.parametrize("p", [monte_carlo_p, max_statistic])
def test_draws_that_are_no_number_are_no_draws(p):
    observed, null = np.array([1.5]), np.arange(4.0)[:, None]
    assert p(observed, null)[0] == (1 + 2) / (1 + 4)
    holes = np.concatenate([null, np.full((95, 1), np.nan)])
    assert p(observed, holes)[0] == (1 + 2) / (1 + 4), "not (1 + 2) / 100"
    assert p(observed, np.concatenate([null, [[np.inf]]]))[0] == (1 + 3) / (1 + 5)
    assert p(observed, np.concatenate([null, [[-np.inf]]]))[0] == (1 + 2) / (1 + 5)


# --- two sides joined by ids --------------------------------------------------------------------

IDS = [f"s{k}" for k in range(15)]
X = np.random.default_rng(1).integers(0, 20, 15).astype(float)
Y = X + np.random.default_rng(2).integers(0, 20, 15)
SEEN = Y < 25
QUICK = Inference(n=20, permutations=20)


def series(values, order=range(15)):
    return pd.Series(values, IDS).iloc[list(order)]


def array(values, order=range(15)):
    return xr.DataArray(values, {"stimulus_id": ("stimulus", IDS)}, ("stimulus",))[list(order)]


@pytest.mark.parametrize("make", [series, array])
@pytest.mark.parametrize("seed", range(3))
def test_times_of_items_are_joined_by_their_ids(make, seed):
    order = np.random.default_rng(seed).permutation(15)
    whole = censored_tau(X, Y, second_seen=SEEN, inference=QUICK)
    joined = censored_tau(
        make(X), make(Y, order), second_seen=make(SEEN, order[::-1]), inference=QUICK
    )
    xr.testing.assert_identical(joined, whole)
    both = censored_tau(make(X, order), make(Y), inference=QUICK)
    assert float(both.tau) == pytest.approx(scipy.stats.kendalltau(X, Y).statistic)
    assert float(censored_tau(X[order], Y, inference=QUICK).tau) != float(both.tau)


def test_times_of_other_items_are_refused():
    other = series(Y).rename({"s3": "S3"})
    with pytest.raises(AnalysisError, match="differ only in upper and lower case"):
        censored_tau(series(X), other)
    with pytest.raises(AnalysisError, match=r"15 .*14"):
        censored_tau(X, Y[:-1])
    with pytest.raises(AnalysisError, match="masked array that hides"):
        censored_tau(np.ma.masked_equal(X, X[0]), Y)
    with pytest.raises(AnalysisError, match="real numbers"):
        censored_tau(X + 0j, Y)


@pytest.mark.parametrize("form", [f for f in FORMS if f != "DataArray"])
def test_the_form_of_times_changes_no_tau(form):
    whole = censored_tau(X, Y, inference=QUICK)
    xr.testing.assert_identical(
        censored_tau(FORMS[form](X), FORMS[form](Y), inference=QUICK), whole
    )


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_the_scale_of_times_changes_no_tau(factor):
    whole = censored_tau(X, Y, inference=QUICK)
    xr.testing.assert_identical(censored_tau(X * factor, Y, inference=QUICK), whole)


def test_answers_are_joined_with_their_labels():
    labels = np.arange(15) % 3
    answers = np.where(np.arange(15) < 9, labels, 0)
    whole = dprime(labels, answers, 3)
    order = np.random.default_rng(0).permutation(15)
    assert dprime(array(labels), array(answers, order), 3) == whole
    assert dprime(labels, answers[order], 3) != whole
    with pytest.raises(AnalysisError, match="'s0'"):
        dprime(
            array(labels),
            array(answers).assign_coords(stimulus_id=("stimulus", [*IDS[1:], "x"])),
            3,
        )
