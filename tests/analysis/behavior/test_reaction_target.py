"""Reaction times that follow a target, and a threshold fitted on other images."""

import numpy as np
import pytest
import scipy.stats
from levels import near

from cortexsim.analysis import (
    CrossValidation,
    Inference,
    censored_tau,
    compare_reaction_times,
    reaction_times,
    softmax,
)
from cortexsim.analysis.behavior.reaction_target import fast_tau
from cortexsim.errors import AnalysisError


def rising(rng, stimuli=120, steps=8, classes=3):
    """Evidence for the true class that grows at a rate of the image's own.

    Probabilities, labels, rates.
    """
    y = np.arange(stimuli) % classes
    rate = rng.uniform(0.05, 1.0, stimuli)
    logits = (rate[:, None] * np.arange(steps))[..., None] * np.eye(classes)[y][:, None]
    return softmax(logits), y, rate


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


def test_groups_of_images_are_permuted_as_wholes():
    # Six groups whose target falls as their rate rises, in both folds of three: so do 20 of the 720
    # orders of the groups (p = 1 / 36). Permuted one by one, no order of 60 images does.
    group = np.repeat(np.arange(6), 10)
    rate = np.linspace(0.1, 1, 6)[group]
    logits = (rate[:, None] * np.arange(8))[..., None] * np.eye(2)[np.zeros(60, int)][:, None]
    found = compare_reaction_times(
        softmax(logits),
        -rate,
        np.zeros(60, int),
        thresholds=np.linspace(0.1, 0.6, 6),
        cv=CrossValidation(folds=2, groups=group),
        inference=Inference(n=20, permutations=199),
    )
    assert float(found.tau) > 0.9
    assert float(found.p) > 1.5 / 200


@pytest.mark.slow
def test_of_groups_that_are_unrelated_few_agree():
    # Permuted one by one, 11 of 100 agreed at p <= 0.05.
    runs, ps = 100, []
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(24), 4)
        ease = 0.05 + rng.uniform(0, 1.5, 24)[group] * np.exp(0.1 * rng.normal(size=96))
        p = 1 / (1 + np.exp(-ease[:, None] * np.arange(1, 9)))
        found = compare_reaction_times(
            np.stack([p, 1 - p], -1),
            rng.normal(size=24)[group] + 0.3 * rng.normal(size=96),
            np.zeros(96, int),
            thresholds=np.linspace(0.1, 0.9, 9) * np.log(2),
            cv=CrossValidation(folds=3, groups=group),
            inference=Inference(n=20, permutations=59, rng=seed),
        )
        ps.append(float(found.p))
    assert near(np.mean(np.array(ps) <= 0.05), 0.05, runs), np.mean(np.array(ps) <= 0.05)


@pytest.mark.slow
def test_the_threshold_is_fitted_on_other_images():
    # The best of 50 thresholds on the same images would be above zero on average; on held-out
    # images the mean is zero.
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
