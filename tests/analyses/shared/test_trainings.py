"""Spread and tests over trainings, against scipy and by hand, and how often they err."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats


@pytest.fixture
def trainings(script):
    return script("shared.trainings")


def drawn(seed, *sizes, shift=0.0):
    rng = np.random.default_rng(seed)
    return [rng.normal(k * shift, 1 + k, n) for k, n in enumerate(sizes)]


def test_the_spread_is_that_of_scipy(trainings):
    (x,) = drawn(0, 5)
    found = trainings.spread(x)
    assert found["n"] == 5
    assert found["sd"] == pytest.approx(scipy.stats.tstd(x))
    theirs = scipy.stats.ttest_1samp(x, 0).confidence_interval(0.95)
    assert found["interval"] == pytest.approx(list(theirs))


@pytest.mark.parametrize("sizes", [(5, 5), (3, 5), (2, 2)])
def test_the_difference_is_welchs_by_hand(trainings, sizes):
    a, b = drawn(1, *sizes, shift=2.0)
    parts = [x.var(ddof=1) / len(x) for x in (a, b)]
    dof = sum(parts) ** 2 / sum(v**2 / (len(x) - 1) for v, x in zip(parts, (a, b), strict=True))
    error, apart = np.sqrt(sum(parts)), a.mean() - b.mean()
    found = trainings.difference(a, b)
    assert found["difference"] == pytest.approx(apart)
    assert found["p"] == pytest.approx(2 * scipy.stats.t.sf(abs(apart) / error, dof))
    reach = scipy.stats.t.ppf(0.975, dof) * error
    assert found["interval"] == pytest.approx([apart - reach, apart + reach])


def test_against_zero_is_students(trainings):
    (x,) = drawn(2, 4)
    t = x.mean() / (x.std(ddof=1) / 2)
    assert trainings.against_zero(x)["p"] == pytest.approx(2 * scipy.stats.t.sf(abs(t), 3))


def test_p_is_corrected_over_all_quantities_that_could_be_tested(trainings):
    rng = np.random.default_rng(3)
    found = {f"q{k}": {"a": rng.normal(k, 1, 5), "b": rng.normal(0, 1, 4)} for k in range(4)} | {
        "only a": {"a": rng.normal(1, 1, 5)},
        "one": {"a": [1.0], "b": [2.0]},
    }
    judged = trainings.tested(found, "a", "b")
    p = [one["test"]["p"] for name, one in judged.items() if name != "one"]
    assert len(p) == 5
    smallest = int(np.argmin(p))
    adjusted = [one["test"]["p_holm"] for name, one in judged.items() if name != "one"]
    assert adjusted[smallest] == pytest.approx(min(1.0, 5 * p[smallest]))
    assert all(q >= min(1.0, v) for q, v in zip(adjusted, p, strict=True))
    assert judged["one"]["test"]["p_holm"] is None
    assert judged["one"]["a"]["interval"] is None
    assert judged["only a"]["test"]["what"] == "a, mean against 0"
    assert judged["q0"]["test"]["what"] == "a - b"


def test_what_no_training_changes_is_not_tested(trainings):
    assert trainings.difference([1.0, 1.0], [2.0, 2.0])["p"] is None
    assert trainings.against_zero([0.0, 0.0, 0.0])["p"] is None


def test_nets_that_are_alike_are_told_apart_in_one_case_of_twenty(trainings):
    told = [trainings.difference(*drawn([4, k], 5, 5))["p"] < 0.05 for k in range(1000)]
    low, high = scipy.stats.binom.interval(0.999, len(told), 0.05)
    assert low <= sum(told) <= high
    apart = [trainings.difference(*drawn([5, k], 5, 5, shift=6.0))["p"] < 0.05 for k in range(200)]
    assert np.mean(apart) > 0.9


def test_without_the_first_training_it_is_scipys_of_the_others(trainings):
    a, b = drawn(6, 5, 4, shift=2.0)
    later = trainings.without_the_first({"x": {"a": a, "b": b}, "y": {"a": a}}, "a", "b")
    p = [
        scipy.stats.ttest_ind(a[1:], b[1:], equal_var=False).pvalue,
        scipy.stats.ttest_1samp(a[1:], 0).pvalue,
    ]
    assert [later[k]["p"] for k in "xy"] == pytest.approx(p)
    assert min(later[k]["p_holm"] for k in "xy") == pytest.approx(min(1, 2 * min(p)))
    few = trainings.without_the_first({"x": {"a": a[:2], "b": b}}, "a", "b")
    assert few == {"x": {"p": None, "p_holm": None}}
