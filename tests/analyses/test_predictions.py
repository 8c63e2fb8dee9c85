"""analyses/predictions.py: what moved is planted; families hold what could have failed."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from cortexsim import Graph, State, Transition
from cortexsim.models.zoo import ZOO

ANALYSES = Path(__file__).resolve().parents[2] / "analyses"


@pytest.fixture
def predictions(monkeypatch):
    monkeypatch.syspath_prepend(str(ANALYSES))
    for name in [m for m in sys.modules if m.partition(".")[0] in ("shared", "masking")]:
        monkeypatch.delitem(sys.modules, name)
    spec = importlib.util.spec_from_file_location("predictions_here", ANALYSES / "predictions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def states(seed, turn, images=80, units=200):
    """First responses and late ones, turned away by so much, about means that differ."""
    rng = np.random.default_rng(seed)
    first, other = rng.normal(size=(2, images, units))
    late = np.sqrt(1 - turn**2) * first + turn * other
    return first + 5 * rng.normal(size=units), 0.3 * late + 9 * rng.normal(size=units)


def test_what_all_images_share_is_no_movement(predictions):
    still = predictions.movement(*states(0, 0.0), 200)
    assert still["effect"] < 1e-9
    assert still["p"] > 0.99
    moved = predictions.movement(*states(0, 0.6), 200)
    assert moved["effect"] == pytest.approx(1 - np.sqrt(1 - 0.36), abs=0.02)
    assert moved["interval"][0] < moved["effect"] < moved["interval"][1]
    assert moved["p"] < 1e-10


def test_the_distance_between_images_is_that_of_scipy(predictions):
    from scipy.spatial.distance import cdist, pdist

    first, late = states(1, 0.5)
    a, b = first - first.mean(0), late - late.mean(0)
    expected = np.diag(cdist(a, b, "cosine")).mean() / pdist(b, "cosine").mean()
    assert predictions.movement(first, late, 50)["effect"] == pytest.approx(expected, rel=1e-10)


@pytest.mark.slow
def test_of_movements_at_the_null_five_in_a_hundred_are_found_and_intervals_hold_them(
    predictions, monkeypatch
):
    """The share of a large sample is the null of small ones."""
    turn = 0.3
    many = [predictions.movement(*states(s, turn, images=3000, units=40), 20) for s in range(4)]
    truth = np.mean([m["effect"] for m in many])
    monkeypatch.setattr(predictions, "NEGLIGIBLE", truth)
    found, held = [], []
    for seed in range(400):
        result = predictions.movement(*states(seed, turn, images=200, units=40), 400)
        found.append(result["p"] < 0.05)
        held.append(result["interval"][0] <= truth <= result["interval"][1])
    assert 0.02 <= np.mean(found) <= 0.08, np.mean(found)
    assert 0.92 <= np.mean(held) <= 0.98, np.mean(held)


def test_what_could_fail_is_read_from_the_graph(predictions):
    def of(*transitions):
        areas = (State("V1", 32, 8), State("V2", 16, 16), State("V4", 8, 32))
        arrows = (("V1", "V2"), ("V2", "V4"), *transitions)
        return predictions.looped(Graph(areas, tuple(Transition(*t) for t in arrows)))

    assert of() == frozenset()
    assert of(("V2", "V2")) == {"V2", "V4"}
    assert of(("V2", "V1")) == {"V1", "V2", "V4"}
    assert of(("V1", "V4")) == frozenset()
    assert "cortex4-twin" in ZOO


def test_what_could_not_fail_is_in_no_family(predictions):
    def row(p, effect, possible):
        entry = predictions.entry(1, "net", "V1", null="null", effect=effect, interval=[0, 1], p=p)
        return predictions.judged(entry, possible)

    table = [row(0.02, 0.5, True), row(1.0, None, False), row(0.0, 0.5, True)]
    assert predictions.correct(table) == 2
    assert [r["p_holm"] for r in table] == [0.02, None, 2e-300]
    assert [r["supported"] for r in table] == [True, False, True]
    assert table[1]["p"] is None
