"""Error consistency, cross-entropy, d' of images, confusions, the interaction of time and difficulty: scikit-learn, brute force, planted truths."""

import itertools

import numpy as np
import pytest
import scipy.stats
from grouped import grouped
from sklearn.metrics import cohen_kappa_score, confusion_matrix, log_loss

import cortexsim.provenance
from cortexsim.analysis import (
    Inference,
    confusion_consistency,
    cross_entropy,
    error_consistency,
    image_consistency,
    image_dprimes,
    time_helps,
)
from cortexsim.analysis.behavior.consistency import confusions
from cortexsim.analysis.behavior.people import split_answers
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


# --- error consistency ------------------------------------------------------------------------------------------------


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


def test_the_interval_of_kappa_covers_its_truth_and_independence_is_seldom_rejected():
    rng, inside, rejected, runs = np.random.default_rng(0), 0, 0, 120
    # Both are right with 0.7; the second copies the first with probability 0.5, else answers on its own: kappa is 0.5.
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


# --- d' of images -----------------------------------------------------------------------------------------------------


def brute_i2(q, y, i, c):
    """One image and distractor, by the definition."""
    o = y[i]
    z = scipy.stats.norm.ppf
    hit = q[i, o] / (q[i, o] + q[i, c])
    false = np.mean([q[j, o] / (q[j, o] + q[j, c]) for j in range(len(y)) if y[j] == c])
    return float(np.clip(z(hit) - z(false), -5, 5))


def test_i1_and_i2_are_their_definitions():
    rng = np.random.default_rng(1)
    q, y = planted(rng, stimuli=24)
    z = scipy.stats.norm.ppf
    i2 = image_dprimes(q, y, "i2")
    for i, c in itertools.product(range(24), range(4)):
        assert np.isnan(i2[i, c]) if c == y[i] else i2[i, c] == pytest.approx(brute_i2(q, y, i, c))
    pooled = [np.mean([brute_i2(q, y, i, c) for c in range(4) if c != y[i]]) for i in range(24)]
    np.testing.assert_allclose(image_dprimes(q, y, "i1", pool="dprimes"), pooled)
    for i in range(24):
        o = y[i]
        hit = np.mean([q[i, o] / (q[i, o] + q[i, c]) for c in range(4) if c != o])
        false = np.mean([q[j, o] / (q[j, o] + q[j, y[j]]) for j in range(24) if y[j] != o])
        assert image_dprimes(q, y)[i] == pytest.approx(np.clip(z(hit) - z(false), -5, 5))


def test_the_normalised_metrics_have_no_mean_within_an_object():
    q, y = planted(np.random.default_rng(2))
    for metric in ("i1n", "i2n"):
        d = image_dprimes(q, y, metric)
        for k in range(4):
            own = d[y == k] if d.ndim == 1 else d[y == k][:, np.arange(4) != k]
            mean = own.mean(0)
            np.testing.assert_allclose(mean, 0, atol=1e-12)


def test_dprime_of_certain_answers_is_capped_and_of_guesses_is_zero():
    y = np.array([0, 0, 1, 1])
    np.testing.assert_array_equal(image_dprimes(np.eye(2)[y], y), 5)
    np.testing.assert_array_equal(image_dprimes(np.full((4, 2), 0.5), y), 0)
    np.testing.assert_array_equal(image_dprimes(np.eye(2)[1 - y], y), -5)
    always = np.tile([1, 0], (4, 1))  # says 0 whatever is shown: no discrimination
    np.testing.assert_array_equal(image_dprimes(always, y), 0)


@pytest.mark.parametrize(("choices", "labels"), [
    (np.ones((3, 2)), [0, 1]), (np.ones((3, 2)), [0, 1, 2]), (np.ones((3, 2)), [0, 0, 0]), (-np.ones((2, 2)), [0, 1]), (np.ones((2, 2)), [0.0, 1.0]),
    (np.ones((2, 2)), [-1, 0]),
])  # fmt: skip
def test_dprime_refuses_what_it_is_not_defined_for(choices, labels):
    with pytest.raises(AnalysisError):
        image_dprimes(choices, labels)


# --- people -----------------------------------------------------------------------------------------------------------


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


def test_halves_of_answers_are_drawn_without_replacement():
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 9, (400, 5)) + np.eye(5, dtype=int)[0]
    a, b = split_answers(counts, rng)
    np.testing.assert_array_equal(a + b, counts)
    assert (a >= 0).all()
    assert (b >= 0).all()
    np.testing.assert_array_equal(a.sum(1), counts.sum(1) // 2)
    one = np.tile([[6, 4]], (20000, 1))
    drawn = split_answers(one, rng)[0][:, 0]
    assert scipy.stats.chisquare(np.bincount(drawn, minlength=6)[1:6], 20000 * scipy.stats.hypergeom(10, 6, 5).pmf(range(1, 6))).pvalue > 0.001  # fmt: skip


def test_confusions_are_those_of_scikit_learn():
    rng = np.random.default_rng(5)
    p, y = planted(rng, 200)
    said = p.argmax(1)
    expected = confusion_matrix(y, said, normalize="true")
    np.testing.assert_allclose(confusions(np.eye(4)[said], y), expected)
    weights = rng.integers(1, 4, (3, 200)) / 200
    again = confusions(np.eye(4)[said], y, weights)
    for w, one in zip(weights, again):
        np.testing.assert_allclose(
            one, confusion_matrix(y, said, normalize="true", sample_weight=w)
        )


def test_planted_confusions_are_found_at_the_step_at_which_they_are():
    rng = np.random.default_rng(6)
    bias = rng.uniform(0, 2, (6, 6))
    y = np.repeat(np.arange(6), 60)
    like = np.exp(2 * bias[y] + 4 * np.eye(6)[y])
    other = np.exp(2 * rng.uniform(0, 2, (6, 6))[y] + 4 * np.eye(6)[y])
    like, other = (v / v.sum(1, keepdims=True) for v in (like, other))
    people = rng.multinomial(60, like)
    found = confusion_consistency(
        np.stack([other, like], 1), people, y, choice="probability", inference=Inference(n=100)
    )
    assert float(found.rho[1]) > 0.9 > 0.6 > float(found.rho[0])
    assert float(found.ceiling) > 0.95
    assert (found.interval[0] <= found.rho).all()
    assert (found.interval[1] >= found.rho).all()
    expected = scipy.stats.spearmanr(
        *(confusions(v, y)[~np.eye(6, dtype=bool)] for v in (other, people))
    ).statistic
    assert float(found.rho[0]) == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["i1", "i1n", "i2", "i2n"])
def test_difficulty_of_images_corrected_for_noise_is_that_without_noise(metric):
    rng = np.random.default_rng(7)
    p, y = planted(rng, 400)
    noisy = rng.normal(size=p.shape)
    model = p * np.exp(0.8 * noisy)
    model /= model.sum(1, keepdims=True)
    both = [image_dprimes(v, y, metric) for v in (model, p)]
    there = np.isfinite(both[0])
    truth = np.corrcoef(both[0][there], both[1][there])[0, 1]
    few = image_consistency(
        model[:, None],
        rng.multinomial(20, p),
        y,
        metric=metric,
        splits=20,
        inference=Inference(n=50),
    )
    assert float(few.value[0]) < truth - 0.02
    # d' of small counts is no linear function of the truth, so the correction is not exact.
    assert float(few.corrected[0]) == pytest.approx(truth, abs=0.1)
    assert float(few.interval[0, 0]) < float(few.value[0]) < float(few.interval[1, 0])


def test_the_bootstrap_of_difficulty_is_that_of_drawing_images():
    rng = np.random.default_rng(8)
    p, y = planted(rng, 150)
    people = rng.multinomial(30, p)
    found = image_consistency(
        p[:, None], people, y, metric="i2", splits=5, inference=Inference(n=600)
    )
    a, b = image_dprimes(p, y, "i2"), image_dprimes(people, y, "i2")
    drawn = []
    for _ in range(600):
        rows = rng.integers(150, size=150)
        there = np.isfinite(a[rows])
        drawn.append(np.corrcoef(a[rows][there], b[rows][there])[0, 1])
    width = np.subtract(*np.percentile(drawn, [97.5, 2.5]))
    assert float(found.interval[1, 0] - found.interval[0, 0]) == pytest.approx(width, rel=0.15)


@pytest.mark.parametrize("change", [
    {"people": np.ones((5, 3), dtype=int)}, {"people": np.full((6, 3), 2.5)}, {"people": np.zeros((6, 3), dtype=int)}, {"labels": [0, 0, 0, 1, 1, 1]},
    {"labels": None}, {"labels": [0, 1, 2, 0, 1, 5]}, {"splits": 2, "n": 5},
])  # fmt: skip
def test_people_and_networks_that_do_not_match_are_refused(change):
    given = {
        "probability": np.full((6, 1, 3), 1 / 3),
        "people": np.full((6, 3), 4),
        "labels": [0, 1, 2] * 2,
        **change,
    }
    with pytest.raises(AnalysisError):
        confusion_consistency(**grouped(confusion_consistency, **given))


# --- does time help hard images more? ---------------------------------------------------------------------------------


def answered(rng, early, late, count):
    """Easy and hard images with these probabilities of a right answer."""
    return np.concatenate(
        [np.stack([rng.random(count) < a, rng.random(count) < b], 1) for a, b in zip(early, late)]
    )


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
    # 0.88 -> 0.953 and 0.5 -> 0.73 are one step of log odds (1.0): more accuracy for the hard, no more evidence.
    found = time_helps(
        answered(rng, (0.88, 0.5), (0.953, 0.73), 4000),
        np.repeat([0.0, 1.0], 4000),
        inference=Inference(n=200),
    )
    assert float(found.interaction_interval[0]) > 0
    assert float(found.log_odds_interval[0]) < 0 < float(found.log_odds_interval[1])


def test_time_helps_needs_two_kinds_of_images():
    correct = np.ones((10, 2), dtype=bool)
    with pytest.raises(AnalysisError, match="equally hard"):
        time_helps(correct, np.ones(10))
    with pytest.raises(AnalysisError, match="bool"):
        time_helps(correct.astype(float), np.arange(10))
    halves = time_helps(correct, np.arange(10.0), inference=Inference(n=20))
    assert halves["count"].values.tolist() == [5, 5]
