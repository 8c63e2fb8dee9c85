"""analyses/speed_accuracy.py: distortions, counts of trials, the mapping, and the script."""

import json

import numpy as np
import pytest
from scipy import stats

from cortexsim import neural
from cortexsim.analysis import Inference
from cortexsim.errors import AnalysisError


@pytest.fixture
def deadlines(script):
    return script("shared.deadlines")


@pytest.fixture
def brain(data_folder):
    return neural.load("kumbhar-deadlines")


STEPS = np.arange(4, 13)
TIMES = np.array([200.0, 400, 600, 800, 1000])[:, None] + np.array([-60.0, 0, 60])


def network(rng) -> np.ndarray:
    """Accuracy ``(condition, step)`` that rises at different rates."""
    rate = rng.uniform(0.2, 1.0, 7)[:, None]
    top = rng.uniform(0.3, 0.9, 7)[:, None]
    return 0.1 + (top - 0.1) * (1 - np.exp(-rate * (STEPS - 3)))


@pytest.mark.parametrize(("a", "b"), [(300.0, 40.0), (100.0, 100.0), (480.0, 20.0)])
def test_a_planted_mapping_is_found(deadlines, a, b):
    rng = np.random.default_rng(0)
    model = network(rng)
    truth = deadlines.Mapping(a, b, 0.8, 0.0).predicted(model, STEPS, TIMES)
    pairs = deadlines.tried(STEPS, TIMES)
    found = deadlines.fitted(truth, model, pairs)
    assert (found.a_ms, found.b_ms) == (a, b)
    assert found.gain == pytest.approx(0.8)
    assert found.rmse == pytest.approx(0, abs=1e-6)
    direct = deadlines.rmse(found.predicted(model, STEPS, TIMES), truth)
    assert found.rmse == pytest.approx(direct, abs=1e-6)
    noisy = truth + rng.normal(0, 0.01, truth.shape)
    found = deadlines.fitted(noisy, model, pairs)
    assert found.rmse == pytest.approx(
        deadlines.rmse(found.predicted(model, STEPS, TIMES), noisy), abs=1e-9
    )
    assert abs(found.a_ms + 4 * found.b_ms - a - 4 * b) < 60


def test_nothing_is_read_before_the_first_answer_and_the_last_is_held(deadlines):
    times = np.array([[100.0], [399.0], [400.0], [425.0], [1200.0], [2000.0]])
    read = deadlines.weights_of(STEPS, np.array([[200.0, 50.0]]), times)[0]
    np.testing.assert_allclose(read[:2], 0)
    np.testing.assert_allclose(read[2], np.eye(9)[0])
    np.testing.assert_allclose(read[3], (np.eye(9)[0] + np.eye(9)[1]) / 2)
    np.testing.assert_allclose(read[4:], np.tile(np.eye(9)[8], (2, 1)))


def test_a_network_without_a_course_says_nothing_of_b(deadlines):
    constant = np.tile(np.linspace(0.3, 0.9, 7)[:, None], 9)
    pairs = deadlines.tried(STEPS, TIMES)
    _, errors = deadlines.errors_of(
        deadlines.Mapping(100, 100, 1, 0).predicted(constant, STEPS, TIMES),
        constant,
        pairs,
    )
    best = pairs.pairs[errors < 1e-7]
    assert len(np.unique(best[:, 1])) > 5
    assert {tuple(p) for p in best if p[0] + 4 * p[1] == 500}


def test_counts_are_those_of_from_trials(deadlines, brain):
    people = deadlines.people_of(brain)
    assert len(people.participants) == 33
    for study, levels in (("noise", (0.0, 0.04, 0.16)), ("blur", (0.0, 1.0, 3.0))):
        mine = brain.isel(trial=np.flatnonzero(brain.study.values == study))
        theirs = neural.from_trials(
            mine,
            chance=0.1,
            by="level",
            within_ms=100,
            unanswered="leave out",
            each=False,
            inference=Inference(n=20, rng=0),
        )
        level = next(d for d in theirs.accuracy.dims if d != "deadline_ms")
        accuracy = theirs.accuracy.transpose(level, "deadline_ms").values
        own = [k for k, c in enumerate(deadlines.CONDITIONS) if c.startswith(study)]
        np.testing.assert_allclose(people.accuracy()[own], accuracy, atol=1e-12)
        assert len(levels) == len(accuracy)


def test_halves_share_nobody_and_keep_the_studies(deadlines, brain):
    people = deadlines.people_of(brain)
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = people.halves(rng)
        assert not ((a > 0) & (b > 0)).any()
        for study in ("noise", "blur", "color"):
            own = people.study == study
            assert a[own].sum() + b[own].sum() == own.sum()
            assert people.resampled(rng)[own].sum() == own.sum()


def test_intervals_of_few_people_are_as_wide_as_students(script, deadlines, brain):
    module = script("speed_accuracy")
    people = deadlines.people_of(brain)
    config = module.SpeedConfig(resamples=200, halvings=2)
    found = module.of_people(people, people, config)
    rng = np.random.default_rng(module.SEED)
    drawn = np.array([people.accuracy(people.resampled(rng)) for _ in range(200)])
    for k, (name, (study, _)) in enumerate(deadlines.CONDITIONS.items()):
        m = (people.study == study).sum()
        tail = stats.norm.cdf(-stats.t.ppf(0.975, m - 1) * np.sqrt(m / (m - 1)))
        by_hand = np.quantile(drawn[:, k], [tail, 1 - tail], axis=0)
        np.testing.assert_allclose(found["curves"][name]["interval"], by_hand)


def test_distortions_are_those_that_are_described(deadlines):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (40, 32, 32, 3)).astype(np.uint8)
    assert (deadlines.distorted(x, "colour", 0) == x).all()
    plain = deadlines.distorted(x, "blur", 0).astype(float)
    assert (plain[..., 0] == plain[..., 1]).all()
    low = deadlines.distorted(x, "noise", 0).astype(float)
    np.testing.assert_allclose(low.mean((1, 2, 3)), 127.5, atol=0.6)
    np.testing.assert_allclose(low.std() / plain.std(), 0.1, atol=0.01)
    noise = deadlines.distorted(x, "noise", 0.16).astype(float) - low
    assert np.abs(noise).max() <= 255 * 0.32 + 1
    assert (noise[..., 0] == noise[..., 2]).all()
    # A normal variable cut at two standard deviations has 0.8796 of its own.
    np.testing.assert_allclose(noise[..., 0].std() / 255, 0.16 * 0.8796, rtol=0.02)
    full = deadlines.distorted(x, "noise at full contrast", 0.0)
    assert (full == plain).all()
    for image, level in ((x, 5), (x[:, :16], 1)):
        with pytest.raises(AnalysisError):
            deadlines.distorted(image, "plaid" if level == 5 else "blur", level)


def test_a_blur_is_that_of_scipy_in_a_window_of_seven(deadlines):
    impulse = np.zeros((1, 32, 32, 3))
    impulse[0, 16, 16] = 1
    for level in (1.0, 3.0):
        kernel = np.exp(-0.5 * (np.arange(-3, 4) / level) ** 2)
        kernel /= kernel.sum()
        expected = np.zeros((32, 32))
        expected[13:20, 13:20] = np.outer(kernel, kernel)
        np.testing.assert_allclose(
            deadlines.blurred(impulse, level)[0, ..., 0], expected, atol=1e-12
        )


def test_a_slope_and_a_correlation_by_hand(deadlines):
    deadline = np.array([200.0, 400, 600, 800, 1000])
    slope = deadlines.steepness(np.stack([0.1 + deadline / 2000, 0.5 + 0 * deadline]), deadline)
    np.testing.assert_allclose(slope, [0.05, 0])
    a = np.array([[1.0, 2, 3], [1, 2, 3], [1, 1, 1]])
    b = np.array([[2.0, 4, 6], [3, 2, 1], [1, 2, 3]])
    assert deadlines.category_correlation(a, b) == pytest.approx(0)


@pytest.mark.slow
def test_the_script_runs(script, data_folder, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (80, 32, 32, 3)).astype(np.uint8), np.arange(80) % 10
    np.savez(tmp_path / "set.npz", x=x, y=y)
    arguments = f"--data {tmp_path / 'set.npz'} --train-count 40 --out {tmp_path} --images 40"
    more = "--resamples 20 --halvings 3 --nets cortex4 cortex4-twin"
    assert script("speed_accuracy").main([*arguments.split(), *more.split()]) == 0
    found = json.loads((tmp_path / "speed_accuracy.json").read_text())["results"]
    assert not found["networks"]["cortex4-twin"]["changes_with_steps"]
    free = found["networks"]["cortex4"]["mapping"]["free"]
    assert free["b_ms_interval"][0] <= free["b_ms_interval"][1]
    assert found["held_out"]["rmse"]["other people"]["value"] > 0
    assert any("b is not known" in line for line in found["sentences"])
    twin = [line for line in found["sentences"] if line.startswith("cortex4-twin, free")]
    assert twin
    assert not any("that of cortex4-twin, 20 ms a step" in line for line in twin)
    assert any("that of cortex4, 20 ms a step" in line for line in found["sentences"])
    assert sum(found["people"]["participants"].values()) == 33


def test_a_sentence_on_the_mapping_names_bounds_and_what_is_held_out(script):
    module = script("speed_accuracy")
    free = {
        "first_answer_ms": 560.0,
        "first_answer_ms_interval": [530.0, 580.0],
        "a_ms": 0.0,
        "b_ms": 140.0,
        "b_ms_interval": [100.0, 140.0],
        "gain": 0.87,
        "at_a_bound": True,
    }
    one = {"mapping": {"free": free}, "changes_with_steps": True}
    gaps = {20: [-0.02, -0.01], 25: [-0.01, 0.01], 50: [0.001, 0.01]}
    held = {
        "differences": {
            f"net, free less net, {b} ms a step": {"interval": g} for b, g in gaps.items()
        }
    }
    said = module.mapped("net", one, held)
    assert "b = 140 ms a step [100, 140], at the bound of the grid (a = 0 ms)" in said
    assert "leaves out the declared 20 to 50 ms" in said
    assert "20 of 20, 25 and 50 ms a step is worse than the free fit" in said
    free |= {"b_ms_interval": [30.0, 140.0], "at_a_bound": False}
    held["differences"]["net, free less net, 20 ms a step"]["interval"] = [-0.01, 0.01]
    said = module.mapped("net", one, held)
    assert "holds a part of the declared 20 to 50 ms" in said
    assert "none of 20, 25 and 50 ms a step is worse" in said
    assert "b is not known" in module.mapped("net", one | {"changes_with_steps": False}, held)
