"""Resamples against rsatoolbox and RDMs written out.

Permutations, clusters and weights against sums written out.
"""

import warnings

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from cortexsim.analysis import COMPARATORS, compare, condensed, noise_ceiling, square
from cortexsim.analysis.evaluation.bootstrap import Resampler
from cortexsim.analysis.rsa.comparators import whitener

THEIRS = {
    "pearson": "corr",
    "spearman": "spearman",
    "tau-a": "tau-a",
    "rho-a": "rho-a",
    "cosine": "cosine",
    "cosine-whitened": "cosine_cov",
    "pearson-whitened": "corr_cov",
}


WHITENED = ("cosine-whitened", "pearson-whitened")


PLAIN = [c for c in COMPARATORS if c not in WHITENED]  # those that take any set of pairs


def vectors(rows, n=10, seed=0, levels=None):
    """Random RDMs; ``levels`` makes heavy ties."""
    rng = np.random.default_rng(seed)
    shape = (rows, n * (n - 1) // 2)
    return rng.random(shape) if levels is None else rng.integers(0, levels, shape).astype(float)


def sampler_of(a, d, comparator, **keywords):
    c = COMPARATORS[comparator]
    return Resampler(a, d, c, whiten=whitener(c, comparator, None, a.shape[1]), **keywords)


def counted(index, n):
    return np.bincount(index, minlength=n)[None]


def every_once(n):
    return np.ones((1, n), dtype=int)


def draw(rng, n, least=3):
    """Indices drawn with replacement, at least so many of them different."""
    while True:
        index = np.sort(rng.integers(0, n, n))
        if len(np.unique(index)) >= least:
            return index


def written_out(x, index):
    """RDMs of the conditions ``index``, copies included, without the pairs of a condition with its
    own copy.
    """
    i, j = np.triu_indices(len(index), 1)
    return np.delete(square(x)[:, index[i], index[j]], np.flatnonzero(index[i] == index[j]), axis=1)


def correlation(x, y, comparator):
    """One comparator, of vectors of any length, from scipy, numpy or all pairs of entries."""
    if comparator == "pearson":
        return np.corrcoef(x, y)[0, 1]
    if comparator == "cosine":
        return x @ y / np.sqrt(x @ x * (y @ y))
    if comparator == "spearman":
        return scipy.stats.spearmanr(x, y).statistic
    i, j = np.triu_indices(len(x), 1)
    if comparator == "tau-a":
        return np.mean(np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]))
    ranks = [scipy.stats.rankdata(v) - (len(v) + 1) / 2 for v in (x, y)]
    return 12 * ranks[0] @ ranks[1] / (len(x) ** 3 - len(x))


def by_rsatoolbox(models, data, comparator, conditions, subjects, labels=None):
    """Similarities (model, drawn subject) and the noise ceiling of one resample, as in rsatoolbox's
    bootstraps.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rsatoolbox.inference.noise_ceiling import boot_noise_ceiling
        from rsatoolbox.rdm import RDMs
        from rsatoolbox.rdm import compare as theirs

        by = "index" if labels is None else "who"
        named = RDMs(data, rdm_descriptors={} if labels is None else {"who": list(labels)})
        sample = named.subsample(by, subjects).subsample_pattern("index", conditions)
        ceiling = boot_noise_ceiling(sample, THEIRS[comparator], rdm_descriptor=by)
        return theirs(
            RDMs(models).subsample_pattern("index", conditions), sample, THEIRS[comparator]
        ), ceiling


@pytest.fixture(scope="module")
def published(data_folder):
    """Vectors of the RDMs of 8 models (two of two levels only) and of the behaviour of 16 subjects,
    for 92 images.
    """
    with np.load(
        data_folder / "kriegeskorte2008_92images" / "kriegeskorte2008_92.npz", allow_pickle=True
    ) as file:
        return condensed(file["rdm_models"]), condensed(file["rdm_behaviour"])


def assert_as_in_rsatoolbox(
    models, data, comparator, conditions, subjects, labels=None, atol=1e-12
):
    n = square(data[:1]).shape[-1]
    if labels is None:
        m = counted(subjects, len(data))
        order = np.asarray(subjects)
    else:  # labels are drawn, each with all of its RDMs, in the order of rsatoolbox
        m = np.array([[np.sum(np.asarray(subjects) == label) for label in labels]])
        order = np.concatenate([np.flatnonzero(np.asarray(labels) == s) for s in subjects])
    done = sampler_of(models, data, comparator, groups=labels)(counted(conditions, n), [m])
    similarity, ceiling = by_rsatoolbox(models, data, comparator, conditions, subjects, labels)
    np.testing.assert_allclose(done.similarity[0][:, order], similarity, rtol=0, atol=atol)
    np.testing.assert_allclose(done.ceilings[0][0], ceiling, rtol=0, atol=atol)


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_resamples_of_published_rdms_are_those_of_rsatoolbox(published, comparator):
    models, data = published
    rng = np.random.default_rng(1)
    few = np.sort(rng.permutation(92)[:40])  # 40 of the 92 images: theirs takes long for 92
    i, j = np.triu_indices(40, 1)
    models, data = (square(x)[:, few[i], few[j]] for x in (models, data))
    models = models[np.ptp(models, axis=1) > 0]
    assert len(models) >= 6
    # float64 on both sides; theirs solves the whitened ones by conjugate gradients, to about seven
    # digits.
    atol = 1e-6 if comparator in WHITENED else 1e-12
    for _ in range(2):
        conditions, subjects = draw(rng, 40), draw(rng, 16)
        assert_as_in_rsatoolbox(models, data, comparator, conditions, subjects, atol=atol)


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("n", [6, 11])
def test_resamples_of_random_rdms_with_and_without_ties_are_those_of_rsatoolbox(
    comparator, levels, n
):
    a, d = vectors(4, n, 1, levels), vectors(5, n, 2, levels)
    rng = np.random.default_rng(n)
    atol = 1e-6 if comparator in WHITENED else 1e-12
    for _ in range(4):
        conditions, subjects = draw(rng, n, n // 2 + 1), draw(rng, 5)
        assert_as_in_rsatoolbox(a, d, comparator, conditions, subjects, atol=atol)


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_sessions_of_a_subject_are_left_out_together_as_in_rsatoolbox(comparator):
    a, d = vectors(3, 9, 1), vectors(1, 9, 3) + vectors(7, 9, 2)
    labels = np.array(["b", "a", "b", "c", "d", "d", "d"])
    rng = np.random.default_rng(0)
    atol = 1e-6 if comparator in WHITENED else 1e-12
    for drawn in (["a", "b", "c", "d"], ["a", "b", "b", "d"], ["c", "c", "c", "d"], ["a", "d"]):
        assert_as_in_rsatoolbox(a, d, comparator, draw(rng, 9, 5), drawn, labels, atol=atol)


@pytest.mark.parametrize("comparator", PLAIN)
@pytest.mark.parametrize("levels", [None, 4])
def test_a_resample_is_the_comparison_of_rdms_with_their_copies_and_without_pairs_of_copies(
    comparator, levels
):
    a, d = vectors(3, 10, 1, levels), vectors(4, 10, 2, levels)
    sampler = sampler_of(a, d, comparator)
    rng = np.random.default_rng(3)
    drawn = [draw(rng, 10, 5) for _ in range(10)]
    ours = sampler(
        np.concatenate([counted(index, 10) for index in drawn]), [every_once(4)]
    ).similarity
    for b, index in enumerate(drawn):
        x, y = written_out(a, index), written_out(d, index)
        expected = [[correlation(p, q, comparator) for q in y] for p in x]
        np.testing.assert_allclose(ours[b], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "comparator", [c for c in PLAIN if c != "cosine"]
)  # which zeros on both sides do not change
def test_pairs_of_copies_never_enter_as_dissimilarities_of_zero(comparator):
    a, d = vectors(1, 10, 1) + 5, vectors(1, 10, 2) + 5
    index = np.array([0, 0, 0, 1, 1, 2, 3, 4, 4, 9])
    similarity = sampler_of(a, d, comparator)(counted(index, 10), [every_once(1)]).similarity[
        0, 0, 0
    ]
    x, y = written_out(a, index)[0], written_out(d, index)[0]
    assert similarity == pytest.approx(correlation(x, y, comparator), abs=1e-12)
    zeros = np.zeros(5)  # 3 pairs of copies of 0, one of 1, one of 4
    with_zeros = correlation(np.append(x, zeros), np.append(y, zeros), comparator)
    assert with_zeros - similarity > 0.1  # else the line above could not fail


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("levels", [None, 3])
def test_every_condition_and_subject_once_is_compare_and_its_ceiling(comparator, levels):
    a, d = vectors(3, 9, 1, levels), vectors(1, 9, 0, levels) + vectors(4, 9, 2, levels)
    done = sampler_of(a, d, comparator)(every_once(9), [every_once(4)])
    np.testing.assert_allclose(done.similarity[0], compare(a, d, comparator), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        done.ceilings[0][0], noise_ceiling(d, comparator), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("levels", [None, 3])
def test_a_resample_of_different_conditions_is_compare_of_those_conditions(comparator, levels):
    a, d = vectors(3, 12, 1, levels), vectors(1, 12, 0, levels) + vectors(4, 12, 2, levels)
    kept = np.array([0, 1, 3, 4, 7, 8, 11])
    i, j = np.triu_indices(len(kept), 1)
    part = [square(x)[:, kept[i], kept[j]] for x in (a, d)]
    done = sampler_of(a, d, comparator)(counted(kept, 12), [every_once(4)])
    np.testing.assert_allclose(done.similarity[0], compare(*part, comparator), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        done.ceilings[0][0], noise_ceiling(part[1], comparator), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("comparator", PLAIN)
def test_pairs_that_do_not_exist_are_left_out_of_every_resample(comparator):
    a, d = vectors(3, 9, 1), vectors(1, 9, 0) + vectors(4, 9, 2)
    here = np.random.default_rng(0).random(36) < 0.7
    hidden = np.where(here, a, np.nan), np.where(here, d, np.nan)
    sampler = sampler_of(*hidden, comparator, exists=here)
    done = sampler(every_once(9), [every_once(4)])
    np.testing.assert_allclose(
        done.similarity[0], compare(*hidden, comparator, nan="common"), rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(
        done.ceilings[0][0], noise_ceiling(hidden[1], comparator, nan="common"), rtol=0, atol=1e-12
    )
    index = np.array([0, 1, 1, 2, 3, 5, 5, 7, 8])
    x, y = (written_out(v, index) for v in hidden)
    exists = np.isfinite(x[0])
    expected = [[correlation(p[exists], q[exists], comparator) for q in y] for p in x]
    ours = sampler(counted(index, 9), [every_once(4)]).similarity[0]
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_many_resamples_at_once_are_each_on_its_own_and_a_row_may_stand_for_all(comparator):
    a, d = vectors(3, 9, 1), vectors(1, 9, 0) + vectors(4, 9, 2)
    rng = np.random.default_rng(0)
    counts = np.concatenate([counted(draw(rng, 9, 5), 9) for _ in range(7)])
    m = np.concatenate([counted(draw(rng, 4, 2), 4) for _ in range(7)])
    sampler = sampler_of(a, d, comparator)
    done = sampler(counts, [m, every_once(4)])
    for b in range(7):
        one = sampler(counts[b : b + 1], [m[b : b + 1], every_once(4)])
        np.testing.assert_allclose(done.similarity[b], one.similarity[0], rtol=0, atol=1e-13)
        for k in range(2):
            np.testing.assert_allclose(done.ceilings[k][b], one.ceilings[k][0], rtol=0, atol=1e-13)
    of_subjects = sampler(every_once(9), [m]).ceilings[0]
    for b in range(7):
        one = sampler(every_once(9), [m[b : b + 1]]).ceilings[0][0]
        np.testing.assert_allclose(of_subjects[b], one, rtol=0, atol=1e-13)


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_fewer_than_three_different_conditions_give_nan_and_so_does_a_ceiling_of_one_subject(
    comparator,
):
    a, d = vectors(3, 9, 1), vectors(1, 9, 0) + vectors(4, 9, 2)
    sampler = sampler_of(a, d, comparator)
    two = counted(np.array([4, 4, 4, 4, 4, 4, 4, 6, 6]), 9)
    done = sampler(np.concatenate([two, every_once(9)]), [every_once(4)])
    assert np.isnan(done.similarity[0]).all()
    assert np.isnan(done.ceilings[0][0]).all()
    assert np.isfinite(done.similarity[1]).all()
    alone = sampler(every_once(9), [np.array([[0, 4, 0, 0], [1, 3, 0, 0]])])
    assert np.isnan(alone.ceilings[0][0]).all()
    assert np.isfinite(alone.ceilings[0][1]).all()


@pytest.mark.parametrize("comparator", ["pearson", "spearman", "cosine", "pearson-whitened"])
@pytest.mark.parametrize("side", ["model", "data"])
def test_an_rdm_that_is_constant_in_a_resample_has_no_similarity_there(comparator, side):
    # Two levels that only condition 0 tells apart; without it all pairs are the same (for the
    # cosine: zero).
    i, _ = np.triu_indices(9, 1)
    level = 0.0 if comparator == "cosine" else 0.1
    step = np.where(i == 0, 0.7, level)
    a, d = vectors(3, 9, 1), vectors(4, 9, 2)
    (a if side == "model" else d)[1] = step
    done = sampler_of(a, d, comparator)(
        counted(np.array([1, 2, 3, 3, 4, 5, 6, 7, 8]), 9), [every_once(4)]
    )
    constant = done.similarity[0][1] if side == "model" else done.similarity[0][:, 1]
    others = np.delete(done.similarity[0], 1, axis=0 if side == "model" else 1)
    assert np.isnan(constant).all()
    assert np.isfinite(others).all()


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_inputs_of_a_resampler_are_left_as_they_are(comparator):
    a, d = vectors(3, 9, 1), vectors(4, 9, 2)
    for x in (a, d):
        x.setflags(write=False)
    counts, m = every_once(9), every_once(4)
    counts.setflags(write=False)
    m.setflags(write=False)
    sampler_of(a, d, comparator)(counts, [m])
