"""Claims about errors: intervals cover what is true, words follow from intervals."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import scipy.stats

from cortexsim.errors import CortexsimError

ANALYSES = Path(__file__).resolve().parents[3] / "analyses"


@pytest.fixture
def claims(monkeypatch) -> ModuleType:
    import importlib

    monkeypatch.syspath_prepend(str(ANALYSES))
    return importlib.import_module("shared.claims")


def simulated(rng, *, error: float, seeds: int, images: int, spread: float = 0.0) -> np.ndarray:
    """Runs ``(seed, image, 1)`` of a net of a known error; ``spread``: between its seeds."""
    difficulty = rng.random((1, images, 1))
    rate = error + spread * rng.normal(size=(seeds, 1, 1))
    # The mean over images of this probability is the rate; hard images are hard for all seeds.
    return (rng.random((seeds, images, 1)) < np.clip(2 * rate * difficulty, 0, 1)).astype(float)


def pair(rng, truth: float, *, seeds: int, images: int = 400, spread: float = 0.0):
    """Two nets on the same images, of which the second errs by ``truth`` more on average."""
    return {
        "a": simulated(rng, error=0.2, seeds=seeds, images=images, spread=spread),
        "b": simulated(rng, error=0.2 + truth, seeds=seeds, images=images, spread=spread),
    }


@pytest.mark.parametrize(
    ("truth", "word"), [(0.1, "supported"), (-0.1, "against"), (0.0, "undecided")]
)
def test_the_word_follows_the_truth(claims, truth, word):
    rng = np.random.default_rng(1)
    wrong = pair(rng, truth, seeds=3, images=3000)
    result = claims.judge(claims.better("a is better", "a", "b"), wrong, draws=500)
    assert result["verdict"] == word
    assert result["difference"] == pytest.approx(truth, abs=0.03)
    assert result["interval"][0] <= result["difference"] <= result["interval"][1]
    assert result["note"] is None
    assert result["seeds"] == {"a": 3, "b": 3}
    assert result["images"] == 3000


@pytest.mark.parametrize(
    ("truth", "word"), [(0.0, "supported"), (0.1, "against"), (-0.1, "against")]
)
def test_alike_needs_an_interval_within_the_margin(claims, truth, word):
    wrong = pair(np.random.default_rng(2), truth, seeds=3, images=20000)
    assert claims.judge(claims.alike("", "b", "a"), wrong, draws=300)["verdict"] == word
    few = {name: x[:, :200] for name, x in pair(np.random.default_rng(3), 0.0, seeds=3).items()}
    assert claims.judge(claims.alike("", "b", "a"), few, draws=300)["verdict"] == "undecided"


def test_costing_little_is_one_sided(claims):
    def word(truth):
        wrong = pair(np.random.default_rng(4), truth, seeds=1, images=20000)
        return claims.judge(claims.costs_little("", "b", "a"), wrong, draws=300)["of_these_nets"]

    assert [word(t) for t in (-0.1, 0.0, 0.1)] == ["supported", "supported", "against"]


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_an_interval_covers_the_truth_as_often_as_it_says(claims, seeds):
    rng, hits, rounds = np.random.default_rng(5), 0, 120
    for k in range(rounds):
        wrong = pair(rng, 0.05, seeds=seeds, images=300, spread=0.02)
        low, high = claims.judge(
            claims.better("", "a", "b"), wrong, draws=300, seed=k, confidence=0.9
        )["interval"]
        hits += low <= 0.05 <= high
    assert hits / rounds >= 0.9 - 2.5 * (0.9 * 0.1 / rounds) ** 0.5
    if seeds == 5:
        assert hits / rounds <= 0.98  # and not by being boundless


def test_seeds_that_differ_widen_the_interval(claims):
    def width(spread, seeds):
        wrong = pair(np.random.default_rng(6), 0.0, seeds=seeds, images=10000, spread=spread)
        low, high = claims.judge(claims.better("", "a", "b"), wrong, draws=500)["interval"]
        return high - low

    assert width(0.05, 3) > 2 * width(0.0, 3)
    assert width(0.05, 1) < width(0.05, 3)  # with one seed it cannot be known


def test_the_error_over_seeds_is_that_of_a_mean(claims):
    wrong = pair(np.random.default_rng(9), 0.0, seeds=4, spread=0.05)
    means = {name: x.mean((0, 1)) for name, x in wrong.items()}
    claim = claims.better("", "a", "b")
    for name, x in wrong.items():
        of_mean = scipy.stats.sem(x[..., 0].mean(1))
        assert claims.seed_error(claim, means, name, x) == pytest.approx(of_mean)


def test_with_many_images_the_interval_is_students(claims):
    """One net of few seeds, against a number: what scipy has for the mean of few values."""
    rates = np.array([0.2, 0.23, 0.28])
    wrong = {"a": (np.arange(10_000)[None, :, None] < 10_000 * rates[:, None, None]).astype(float)}
    claim = claims.below("", "a", 0.0)
    low, high = claims.judge(claim, wrong, draws=4_000)["interval"]
    expected = scipy.stats.t.interval(0.95, 2, -rates.mean(), scipy.stats.sem(rates))
    np.testing.assert_allclose([low, high], expected, rtol=0.06)  # draws


def test_differences_are_paired_over_images(claims):
    rng = np.random.default_rng(7)
    a = simulated(rng, error=0.3, seeds=1, images=500)
    b = np.maximum(a, rng.random(a.shape) < 0.01)  # the same images wrong, and few more
    low, high = claims.judge(claims.better("", "a", "b"), {"a": a, "b": b})["interval"]
    assert 0 <= low < high < 0.03


def test_one_seed_and_unlike_nets_are_said(claims):
    wrong = pair(np.random.default_rng(8), 0.2, seeds=1)
    one = claims.judge(claims.better("", "a", "b"), wrong, draws=200)
    assert one["verdict"] == "undecided"
    assert one["of_these_nets"] == "supported"
    assert "one seed of a, b: the interval covers images" in one["note"]
    unlike = claims.judge(claims.better("", "a", "b"), wrong, draws=200, unlike=["epochs 8, 60"])
    assert unlike["verdict"] == "undecided"
    assert "not comparable: epochs 8, 60" in unlike["note"]


def test_errors_below_a_number_and_differences_of_several_times(claims):
    wrong = {"a": np.zeros((1, 300, 3))}
    wrong["a"][:, :30, 2] = 1
    claim = claims.below("learns", "a", 0.9)
    assert claims.judge(claim, wrong, draws=200)["difference"] == pytest.approx(0.9)
    rise = claims.Claim("", ("a",), lambda m: m["a"][..., 2] - m["a"][..., 0], high=0.05)
    result = claims.judge(rise, wrong, draws=200)
    assert result["difference"] == pytest.approx(0.1)
    assert result["of_these_nets"] == "against"
    assert result["true_if"] == "difference < 0.05"


def test_other_images_are_refused(claims):
    wrong = {"a": np.zeros((1, 10, 1)), "b": np.zeros((1, 11, 1))}
    with pytest.raises(CortexsimError, match=r"answered \[10, 11\] images"):
        claims.judge(claims.better("", "a", "b"), wrong)


@pytest.mark.parametrize("ends", [(0.0, np.inf), (-np.inf, 0.02), (-0.02, 0.02), (0.35, np.inf)])
def test_the_words_of_a_range_give_its_ends_back(script, ends):
    claims = script("shared.claims")
    words = claims.Claim("", (), lambda means: means, *ends).range()
    assert claims.true_between({"true_if": words}) == ends
