"""Sentences of behavior.py: they follow intervals, and name nothing that these do not bear out."""

import numpy as np
import pytest
import xarray
from scipy import stats


@pytest.fixture
def words(script):
    return script("shared.behavior_words")


def test_values_made_as_coarse_as_times_have_their_ties_and_keep_their_order(words):
    rng = np.random.default_rng(0)
    times, seen = rng.integers(4, 13, 500), rng.random(500) < 0.8
    times[~seen] = 12
    values = rng.normal(size=500)
    made, known = words.as_coarse(values, times, seen)
    assert sorted(zip(made, known, strict=True)) == sorted(zip(times, seen, strict=True))
    order = np.argsort(values)
    assert (np.diff(2 * made[order] + ~known[order]) >= 0).all()


def reacted(times, seen) -> xarray.Dataset:
    return xarray.Dataset({"time": ("stimulus", times), "answered": ("stimulus", seen)})


def answers_of(entropies) -> xarray.DataArray:
    """Two classes whose entropies at the last step have the order of ``entropies`` (0 to 1)."""
    p = np.stack([0.5 * entropies, 1 - 0.5 * entropies], -1)[:, None]
    return xarray.DataArray(p, dims=("stimulus", "step", "class"))


@pytest.mark.parametrize(("source", "word"), [("time", "the reaction time"), ("last", "certainty")])
def test_what_doubts_are_made_of_is_found(words, source, word):
    rng = np.random.default_rng(1)
    ease = {"time": rng.random(600), "last": rng.random(600)}
    times = 4 + np.floor(9 * ease["time"])
    seen = np.ones(600, bool)
    doubts = ease[source] + 0.1 * rng.normal(size=600)
    found = words.time_or_certainty(
        answers_of(ease["last"]), reacted(times, seen), doubts, n=60, seed=0
    )
    assert f"{word} follows" in words.certainty("net", found)
    assert found["tau"]["reaction time"] == pytest.approx(stats.kendalltau(times, doubts).statistic)
    low, high = found["difference_interval"]
    assert low <= found["difference"] <= high
    assert "not compared" in found["uncut_entropies"]


def test_nothing_is_named_where_time_and_certainty_say_the_same(words):
    rng = np.random.default_rng(2)
    ease = rng.random(600)
    times = 4 + np.floor(9 * (ease + 0.05 * rng.random(600)) / 1.05)
    found = words.time_or_certainty(
        answers_of(ease),
        reacted(times, times < 12),
        ease + rng.normal(size=600),
        n=60,
        seed=0,
    )
    assert "is not told" in words.certainty("net", found)
    found |= {
        "difference_interval": [0.01, 0.02],
        "tau": {"reaction time": 0.3, "certainty": 0.2},
        "concordance_weighted": {"reaction time": 0.6, "certainty": 0.61},
    }
    assert "disagree" in words.certainty("net", found)
    assert "no reaction times" in words.certainty(
        "net", words.time_or_certainty(0, None, 0, n=1, seed=0)
    )


def net(value: float, half: float, readout: int = 8) -> dict:
    one = {"steps": [4, 8], "trained_readout": readout}
    for measure, (name, _, _) in words_of().items():
        values = np.array([0.5, value])
        bounds = np.stack([values - half, values + half])
        one[measure] = {name: values, "interval": bounds, "rate_interval": bounds}
    one["difficulty_i1n"]["at_cap"] = 0.8
    return one


def words_of():
    from shared.behavior_words import MEASURES

    return MEASURES


def test_of_answers_that_do_not_change_no_test_is_told(words):
    said = words.by_step("twin", net(0.5, 0.01), "confusions")
    assert said.endswith("at step 4: its answers do not change, so that nothing could differ.")
    nothing = [0.0, 0.0]
    result = {"interaction": 0.0, "interaction_interval": nothing}
    result |= {"log_odds_interaction": 0.0, "log_odds_interval": nothing}
    said = words.hard("twin", {"steps": [5, 8], "result": result})
    assert said.endswith(": its answers do not change, so that nothing could differ.")


def test_nets_whose_intervals_overlap_are_not_told_apart(words):
    close = words.beside("a", net(0.601, 0.01), "b", net(0.6, 0.01), measure="difficulty_i1n")
    assert "a is not told apart" in close
    assert "80% of people's d' lie at the cap" in close
    assert "one seed each, not of two architectures" in close
    apart = words.beside("a", net(0.7, 0.01), "b", net(0.6, 0.01), measure="difficulty_i1n")
    assert "a is closer to people" in apart
    surprise = words.beside("a", net(0.7, 0.01), "b", net(0.6, 0.01), measure="cross_entropy")
    assert "a is less close to people" in surprise
    assert "later is closer" in words.by_step("a", net(0.7, 0.01), "confusions")
    assert "later is less close" in words.by_step("a", net(0.7, 0.01), "cross_entropy")


@pytest.mark.parametrize(
    ("accuracy", "odds", "word"),
    [
        ((0.01, [0.001, 0.03]), (-0.4, [-0.5, -0.3]), "it depends on the scale"),
        ((0.01, [0.001, 0.03]), (0.4, [0.3, 0.5]), ": more."),
        ((0.01, [-0.001, 0.03]), (0.4, [-0.3, 0.5]), ": not shown."),
    ],
)
def test_time_helps_hard_images_only_where_both_scales_say_so(words, accuracy, odds, word):
    result = {
        "interaction": accuracy[0],
        "interaction_interval": accuracy[1],
        "log_odds_interaction": odds[0],
        "log_odds_interval": odds[1],
    }
    assert word in words.hard("net", {"steps": [5, 8], "result": result})
