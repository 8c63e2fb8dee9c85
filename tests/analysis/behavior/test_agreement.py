"""Error consistency, cross-entropy, d' of images, confusions, the interaction of time and
difficulty: scikit-learn, brute force, planted truths.
"""

import itertools

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import cohen_kappa_score, log_loss

from cortexsim.analysis import (
    Inference,
    cross_entropy,
    error_consistency,
    time_helps,
)
from cortexsim.errors import AnalysisError


def planted(rng, stimuli=300, classes=4, sharp=1.0):
    """Probabilities whose sharpness differs between images, and their labels."""
    y = np.arange(stimuli) % classes
    logits = (
        rng.normal(size=(stimuli, classes))
        + sharp * rng.uniform(0, 3, (stimuli, 1)) * np.eye(classes)[y]
    )
    p = np.exp(logits)
    return p / p.sum(1, keepdims=True), y


@pytest.mark.parametrize("seed", range(5))
def test_kappa_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 80)) < rng.uniform(0.2, 0.9, (2, 1))
    found = error_consistency(a, b, inference=Inference(n=20, permutations=0))
    assert float(found.kappa) == pytest.approx(cohen_kappa_score(a, b), abs=1e-12)
    assert float(found.observed) == pytest.approx((a == b).mean())


def test_kappa_of_several_observers_is_that_of_each_pair():
    rng = np.random.default_rng(0)
    a, b = rng.random((3, 60)) < 0.6, rng.random((2, 60)) < 0.7
    found = error_consistency(a, b, inference=Inference(n=20, permutations=19))
    assert found.kappa.shape == (3, 2)
    for i, j in itertools.product(range(3), range(2)):
        assert float(found.kappa[i, j]) == pytest.approx(cohen_kappa_score(a[i], b[j]), abs=1e-12)


def test_identical_errors_are_one_and_observers_without_errors_have_none():
    a = np.arange(50) % 3 > 0
    assert float(error_consistency(a, a, inference=Inference(n=20, permutations=0)).kappa) == 1
    assert float(error_consistency(a, ~a, inference=Inference(n=20, permutations=0)).kappa) < -0.5
    always = np.ones(50, dtype=bool)
    nothing = error_consistency(always, always, inference=Inference(n=20, permutations=19))
    assert np.isnan(nothing.kappa)
    assert np.isnan(nothing.p)
    assert np.isnan(nothing.interval).all()


@pytest.mark.slow
def test_the_interval_of_kappa_covers_its_truth_and_independence_is_seldom_rejected():
    rng, inside, rejected, runs = np.random.default_rng(0), 0, 0, 120
    # Both are right with 0.7; the second copies the first with probability 0.5, else answers on its
    # own: kappa is 0.5.
    for _ in range(runs):
        a, own, copies = rng.random((3, 150)) < np.array([[0.7], [0.7], [0.5]])
        low, high = error_consistency(
            a, np.where(copies, a, own), inference=Inference(n=200, permutations=0, rng=rng)
        ).interval.values
        inside += low <= 0.5 <= high
        rejected += (
            float(error_consistency(a, own, inference=Inference(n=20, permutations=99, rng=rng)).p)
            <= 0.05
        )
    assert scipy.stats.binomtest(inside, runs, 0.95).pvalue > 0.001
    assert rejected <= scipy.stats.binom.ppf(0.999, runs, 0.05)


def test_cross_entropy_is_the_log_loss_of_scikit_learn():
    rng = np.random.default_rng(3)
    p, y = planted(rng, 60)
    counts = rng.multinomial(20, p)
    found = cross_entropy(
        np.stack([p, np.full_like(p, 0.25)], 1), counts, y, inference=Inference(n=20)
    )
    each = np.repeat(np.arange(60), 4)
    expected = log_loss(
        np.tile(np.arange(4), 60), p[each], sample_weight=counts.ravel(), labels=range(4)
    )
    assert float(found.cross_entropy[0]) == pytest.approx(expected)
    assert (
        float(found.cross_entropy[1])
        == pytest.approx(float(found.uniform))
        == pytest.approx(np.log(4))
    )
    shares = counts / counts.sum(1, keepdims=True)
    assert float(
        cross_entropy(shares[:, None], counts, y, inference=Inference(n=20)).cross_entropy[0]
    ) == pytest.approx(float(found.floor))
    assert float(found.floor) < float(found.cross_entropy[0])


def answered(rng, early, late, count):
    """Easy and hard images with these probabilities of a right answer."""
    return np.concatenate(
        [np.stack([rng.random(count) < a, rng.random(count) < b], 1) for a, b in zip(early, late)]
    )


@pytest.mark.slow
def test_the_interaction_is_found_with_its_sign_and_covers_its_truth():
    rng, inside, runs = np.random.default_rng(9), 0, 120
    hard = np.repeat([0.0, 1.0], 100)
    for _ in range(runs):
        found = time_helps(
            answered(rng, (0.9, 0.5), (0.92, 0.7), 100), hard, inference=Inference(n=200, rng=rng)
        )
        low, high = found.interaction_interval.values
        inside += low <= 0.18 <= high
    assert scipy.stats.binomtest(inside, runs, 0.95).pvalue > 0.001
    big = time_helps(
        answered(rng, (0.9, 0.5), (0.9, 0.9), 300),
        np.repeat([0.0, 1.0], 300),
        inference=Inference(n=200),
    )
    assert float(big.p) < 0.05
    assert float(big.interaction) > 0.2
    assert float(big.log_odds_interval[0]) > 0


@pytest.mark.slow
def test_equal_gains_are_no_interaction_and_a_ceiling_shows_on_log_odds_only():
    rng = np.random.default_rng(10)
    false = sum(
        float(
            time_helps(
                answered(rng, (0.5, 0.5), (0.6, 0.6), 80),
                np.repeat([0.0, 1.0], 80),
                inference=Inference(n=100, rng=rng),
            ).p
        )
        < 0.05
        for _ in range(100)
    )
    assert false <= scipy.stats.binom.ppf(0.999, 100, 0.05)
    # 0.88 -> 0.953 and 0.5 -> 0.73 are one step of log odds (1.0): more accuracy for the hard, no
    # more evidence.
    found = time_helps(
        answered(rng, (0.88, 0.5), (0.953, 0.73), 4000),
        np.repeat([0.0, 1.0], 4000),
        inference=Inference(n=200),
    )
    assert float(found.interaction_interval[0]) > 0
    assert float(found.log_odds_interval[0]) < 0 < float(found.log_odds_interval[1])


def distorted(rng, count):
    """The same images, clean and distorted, of which the distorted ones gain 0.2 less, and ids."""
    level = rng.normal(size=(count, 1))  # of an image, in both
    noise = 0.3 * rng.normal(size=(2, count, 2))
    bound = scipy.stats.norm(0, np.sqrt(1.09)).ppf
    clean = level + noise[0] < bound([0.2, 0.8])
    hard = level + noise[1] < bound([0.2, 0.6])
    order = rng.permutation(count)
    return np.concatenate([clean, hard[order]]), np.concatenate([np.arange(count), order])


@pytest.mark.slow
def test_images_shown_clean_and_distorted_are_resampled_together():
    rng, inside, runs, widths = np.random.default_rng(12), 0, 120, []
    hard = np.repeat([0.0, 1.0], 150)
    for _ in range(runs):
        correct, image = distorted(rng, 150)
        settings = Inference(n=200, rng=rng)
        found = time_helps(correct, hard, image=image, inference=settings)
        apart = time_helps(correct, hard, inference=settings)
        assert float(found.interaction) == float(apart.interaction)
        low, high = found.interaction_interval.values
        inside += low <= -0.2 <= high
        widths.append([high - low, np.ptp(apart.interaction_interval.values)])
    assert scipy.stats.binomtest(inside, runs, 0.95).pvalue > 0.001
    together, apart = np.mean(widths, 0)
    assert together < 0.8 * apart


def test_the_interval_of_images_shown_twice_is_scipys_bootstrap_of_their_differences():
    correct, image = distorted(np.random.default_rng(13), 200)
    found = time_helps(
        correct, np.repeat([0, 1], 200), image=image.astype(str), inference=Inference(n=9999)
    )
    gain = correct[:, 1].astype(float) - correct[:, 0]
    differences = gain[200:] - gain[:200][image[200:]]
    assert float(found.interaction) == pytest.approx(differences.mean())
    said = scipy.stats.bootstrap(
        (differences,), np.mean, n_resamples=9999, method="percentile", rng=1
    ).confidence_interval
    assert found.interaction_interval.values == pytest.approx([said.low, said.high], abs=0.01)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ([0, 1, 2, 0, 1], "5"),
        ([0, 1, 1, 0, 1, 2], "twice among the easy ones"),
        (
            [0, 1, 2, 0, 1, "x"],
            "2 images are not there once easy .*, the first of them '2'",
        ),
        ([0, 1, 2, 3, 4, 5], "leave image out"),
        ([np.nan, 1, 2, np.nan, 1, 2], "no value for 2 stimuli"),
        ([None, "b", "c", "a", "b", "c"], "no value for 1 stimuli"),
        ([[0, 1, 2], [0, 1, 2]], "image"),
    ],
)
def test_images_that_are_not_shown_in_both_ways_are_refused(image, said):
    correct = np.ones((6, 2), dtype=bool)
    with pytest.raises(AnalysisError, match=said):
        time_helps(correct, [0, 0, 0, 1, 1, 1], image=image, inference=Inference(n=20))


def test_time_helps_needs_two_kinds_of_images():
    correct = np.ones((10, 2), dtype=bool)
    with pytest.raises(AnalysisError, match="equally hard"):
        time_helps(correct, np.ones(10))
    with pytest.raises(AnalysisError, match="bool"):
        time_helps(correct.astype(float), np.arange(10))
    halves = time_helps(correct, np.arange(10.0), inference=Inference(n=20))
    assert halves["count"].values.tolist() == [5, 5]
