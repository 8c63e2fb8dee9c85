"""Solution and reaction times: planted times, censoring against brute force and lifelines' definition, thresholds that never see what they are tested on."""

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from sklearn.linear_model import LogisticRegression

import cortexsim.provenance
from cortexsim.analysis import (
    Inference,
    censored_tau,
    compare_reaction_times,
    early_late,
    image_dprimes,
    own_answers,
    reaction_times,
    read_answers,
    softmax,
    solution_times,
    speed_accuracy,
)
from cortexsim.analysis.behavior.answers import answers
from cortexsim.analysis.behavior.reaction_target import fast_tau
from cortexsim.analysis.behavior.reaction_time import CRITERIA, entropy
from cortexsim.errors import AnalysisError


def rising(rng, stimuli=120, steps=8, classes=3):
    """Evidence for the true class that grows at a rate of the image's own: probabilities, labels, rates."""
    y = np.arange(stimuli) % classes
    rate = rng.uniform(0.05, 1.0, stimuli)
    logits = (rate[:, None] * np.arange(steps))[..., None] * np.eye(classes)[y][:, None]
    return softmax(logits), y, rate


# --- object solution times --------------------------------------------------------------------------------------------


def test_solution_times_cross_their_threshold_by_linear_interpolation():
    p, y, _ = rising(np.random.default_rng(3))
    found = solution_times(p, 3.0, y)
    d = np.stack([image_dprimes(p[:, t], y) for t in range(8)], 1)
    np.testing.assert_allclose(found.dprime, d)
    for i in range(len(y)):
        hit = np.flatnonzero(d[i] >= 3.0)
        assert bool(found.solved[i]) == bool(len(hit))
        if len(hit) and hit[0]:
            crossing = np.interp(
                float(found.time[i]), [hit[0], hit[0] + 1], d[i, hit[0] - 1 : hit[0] + 1]
            )
            assert crossing == pytest.approx(3.0)
    assert 0 < float(found.coverage) < 1
    assert (found.time.values[~found.solved.values] == 8).all()


def test_faster_images_are_solved_earlier_and_slow_ones_never_but_not_dropped():
    p, y, rate = rising(np.random.default_rng(4))
    found = solution_times(p, 3.0, y)
    ranked = censored_tau(
        found.time, -rate, first_seen=found.solved, inference=Inference(n=50, permutations=49)
    )
    assert float(ranked.tau) > 0.9
    groups = early_late(found, -rate, inference=Inference(n=50))
    assert groups["count"].sum() == len(y)
    means = groups["mean"].values
    assert means[0] < means[1] < means[2]
    assert float(groups.difference_interval[0]) > 0


def test_thresholds_of_single_images_and_times_in_ms():
    p, y, _ = rising(np.random.default_rng(5))
    array = xr.DataArray(p, {"time_ms": 20.0 * np.arange(8), "stimulus_id": ("stimulus", [f"s{k}" for k in range(len(y))])}, ("stimulus", "time_ms", "class"))  # fmt: skip
    easy = solution_times(array, np.where(y == 0, -4.0, 3.0), y)
    plain = solution_times(p, 3.0, y)
    assert (easy.time.values[y == 0] == 0).all()
    assert easy.at_first.values[y == 0].all()
    np.testing.assert_allclose(easy.time.values[y > 0], 20 * (plain.time.values[y > 0] - 1))
    assert str(easy.stimulus_id.values[3]) == "s3"
    with pytest.raises(AnalysisError, match="cap"):
        solution_times(array, 6.0, y)


# --- readouts ---------------------------------------------------------------------------------------------------------


def test_fitted_answers_never_saw_the_stimulus_they_are_for():
    rng, y = np.random.default_rng(6), np.repeat([0, 1], 40)
    x = rng.normal(size=(80, 300))
    found = answers(read_answers(xr.DataArray(x[:, None], dims=("stimulus", "step", "unit")), y))
    assert 0.3 < found.correct.mean() < 0.7  # 300 features of 64 stimuli fit anything
    np.testing.assert_allclose(found.probability.sum(-1), 1)
    seen = LogisticRegression(max_iter=5000).fit(x, y).score(x, y)
    assert seen == 1


def test_answers_of_a_recording_are_its_readout(tmp_path):
    from cortexsim import open_recording
    from cortexsim.record import RecordConfig, record

    path = record(
        RecordConfig(limit=6, keep="mean", steps=6, figure=False, out=str(tmp_path / "a.zarr"))
    )
    said = own_answers(path)
    logits = open_recording(path)["readout"].logits.values
    np.testing.assert_allclose(said.sel(step=6), softmax(logits[:, 5]), atol=1e-6)
    found = answers(said, np.arange(6))
    assert found.times.tolist() == [4, 5, 6]
    with pytest.raises(AnalysisError, match="no readout"):
        own_answers(open_recording(path)["V1"])


@pytest.mark.parametrize(("probability", "labels"), [
    (np.full((4, 2), 0.5), [0, 1, 0, 1]), (np.full((4, 1, 2), 0.4), [0, 1, 0, 1]), (np.full((4, 1, 2), 0.5), [0, 1, 2, 0]),
    (np.full((4, 1, 2), 0.5), [0, 1]), (np.full((4, 1, 2), 0.5), None), (np.full((4, 1, 2), np.nan), [0, 1, 0, 1]),
    (np.array([[[1.5, -0.5]]]), [0]), (np.full((2, 1, 2), 0.5), ["cat", "dog"]),
])  # fmt: skip
def test_what_are_no_answers_is_refused(probability, labels):
    with pytest.raises(AnalysisError):
        answers(probability, labels)


# --- reaction times ---------------------------------------------------------------------------------------------------


def test_entropy_is_that_of_scipy():
    p = np.random.default_rng(7).dirichlet(np.ones(5), 30)
    np.testing.assert_allclose(entropy(p), scipy.stats.entropy(p, base=2, axis=1))


@pytest.mark.parametrize("criterion", CRITERIA)
def test_an_answer_is_given_at_the_first_certain_step(criterion):
    p, y, _ = rising(np.random.default_rng(8))
    limit = 0.5
    found = reaction_times(p, limit, y, criterion=criterion)
    u = CRITERIA[criterion](p)
    for i in range(len(y)):
        below = np.flatnonzero(u[i] <= limit)
        assert found.time[i] == (below[0] + 1 if len(below) else 8)
        assert bool(found.answered[i]) == bool(len(below))
        assert found.choice[i] == p[i, int(found.time[i]) - 1].argmax()
    assert 0 < float(found.coverage) < 1


def test_speed_is_traded_for_accuracy():
    rng = np.random.default_rng(9)
    y = np.arange(300) % 3
    evidence = np.cumsum(0.5 * np.eye(3)[y][:, None] + rng.normal(size=(300, 12, 3)), 1)
    found = speed_accuracy(softmax(evidence), y, inference=Inference(n=100))
    assert found.time.values[0] > found.time.values[-1]
    assert found.accuracy.values[0] > found.accuracy.values[-1] + 0.2
    assert (np.diff(found.time) <= 0).all()
    # Sequential sampling: answering when certain beats answering always at the same step, at the same mean time.
    middle = len(found.threshold) // 3
    fixed = np.interp(float(found.time[middle]), found.step, found.fixed_accuracy)
    assert float(found.accuracy[middle]) > fixed


def test_fast_tau_is_censored_tau():
    rng = np.random.default_rng(10)
    for _ in range(10):
        at, y = rng.integers(0, 5, 40), rng.integers(0, 12, 40).astype(float)
        seen = ~((at == 4) & (rng.random(40) < 0.7))
        counts = rng.integers(0, 3, 40)
        rows = np.repeat(np.arange(40), counts)
        for part, weights in ((slice(None), None), (rows, counts)):
            expected = censored_tau(
                at[part], y[part], first_seen=seen[part], inference=Inference(n=20, permutations=0)
            ).tau
            assert fast_tau(at, seen, y, counts=weights) == pytest.approx(float(expected))


def test_reaction_times_follow_a_target_they_were_made_for_and_no_other():
    p, y, rate = rising(np.random.default_rng(11), stimuli=150)
    good = compare_reaction_times(
        p,
        -rate,
        y,
        thresholds=np.linspace(0.1, 1.5, 12),
        inference=Inference(n=50, permutations=39),
    )
    assert float(good.tau) > 0.8
    assert float(good.p) < 0.05
    assert float(good.interval[0]) > 0.5
    assert good.sizes["fold"] == 5


@pytest.mark.slow
def test_the_threshold_is_fitted_on_other_images():
    # The best of 50 thresholds on the same images would be above zero on average; on held-out images the mean is zero.
    taus, ps = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        p, y, _ = rising(rng, stimuli=60)
        found = compare_reaction_times(
            p,
            rng.normal(size=60),
            y,
            thresholds=np.linspace(0.1, 1.5, 8),
            inference=Inference(n=20, permutations=19, rng=rng),
        )
        taus.append(float(found.tau))
        ps.append(float(found.p))
    assert abs(np.mean(taus)) < 3 * np.std(taus) / np.sqrt(30)
    assert np.sum(np.array(ps) <= 0.05) <= scipy.stats.binom.ppf(0.999, 30, 0.05)


def test_reaction_times_that_say_nothing_are_refused():
    same = np.full((20, 4, 2), 0.5)
    with pytest.raises(AnalysisError, match="same for all images"):
        compare_reaction_times(same, np.arange(20.0), [0] * 20)
    with pytest.raises(AnalysisError, match="criterion"):
        reaction_times(same, 0.5, [0] * 20, criterion="patience")
    with pytest.raises(AnalysisError, match="threshold"):
        reaction_times(same, -1, [0] * 20)
    with pytest.raises(AnalysisError, match="target"):
        compare_reaction_times(same, [1.0], [0] * 20)
