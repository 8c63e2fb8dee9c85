"""CKA, Procrustes and shape distance against formulas written out and scipy.

What they see, and what they must not.
"""

import itertools

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial

from cortexsim.analysis import cka, compare, procrustes, rdms, shape_distance
from cortexsim.errors import AnalysisError

MEASURES = {
    "cka": cka,
    "cka debiased": lambda x, y: cka(x, y, debiased=True),
    "procrustes": procrustes,
    "shape_distance": shape_distance,
}
SAME = {"cka": 1, "cka debiased": 1, "procrustes": 0, "shape_distance": 0}


def patterns(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def rotation(n, seed=0):
    return np.linalg.qr(patterns(n, n, seed=seed))[0]


def hsic(k, m):
    """Gretton et al. 2005: trace(K H L H) / (n - 1)^2."""
    n = len(k)
    h = np.eye(n) - 1 / n
    return np.trace(k @ h @ m @ h) / (n - 1) ** 2


def unbiased_hsic(k, m):
    """Song et al. 2012, equation 5: without the diagonals."""
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    total = np.trace(k @ m) + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k @ m).sum()
    return total / (n * (n - 3))


def unit(x):
    x = x - x.mean(0)
    return x / np.linalg.norm(x)


# --- the same numbers as formulas and other people's software -------------------------------------


@pytest.mark.parametrize(("f", "g"), [(3, 7), (50, 2), (1, 1), (12, 12)])
@pytest.mark.parametrize("estimator", [hsic, unbiased_hsic])
def test_cka_is_the_normalised_independence_criterion(f, g, estimator):
    x, y = patterns(12, f), patterns(12, g, seed=1)
    y[:, 0] += x[:, 0]
    k, m = x @ x.T, y @ y.T
    expected = estimator(k, m) / np.sqrt(estimator(k, k) * estimator(m, m))
    assert cka(x, y, debiased=estimator is unbiased_hsic) == pytest.approx(expected, abs=1e-12)


def test_the_unbiased_criterion_averages_over_quadruples_of_conditions():
    # Song et al. 2012: the mean over all ordered choices of four different conditions.
    x, y = patterns(6, 3), patterns(6, 4, seed=1)
    k, m = x @ x.T, y @ y.T
    terms = [
        k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q])
        for i, j, q, r in itertools.permutations(range(6), 4)
    ]
    assert unbiased_hsic(k, m) == pytest.approx(np.mean(terms), abs=1e-12)


@pytest.mark.parametrize(("n", "f", "g"), [(8, 3, 5), (20, 40, 6), (4, 2, 2)])
def test_cka_is_the_whitened_cosine_of_squared_distances(n, f, g):
    x, y = patterns(n, f), patterns(n, g, seed=1)
    a, d = rdms(x, "sqeuclidean"), rdms(y, "sqeuclidean")
    assert cka(x, y) == pytest.approx(compare(a, d, "cosine-whitened"), abs=1e-12)


@pytest.mark.parametrize("features", [1, 4, 30])
def test_procrustes_is_that_of_scipy(features):
    x, y = patterns(12, features), patterns(12, features, seed=1)
    disparity = scipy.spatial.procrustes(x, y)[2]  # 1 - overlap^2: it also scales
    overlap = scipy.linalg.orthogonal_procrustes(unit(x), unit(y))[1]
    assert disparity == pytest.approx(1 - overlap**2, abs=1e-12)
    assert procrustes(x, y) ** 2 == pytest.approx(2 - 2 * np.sqrt(1 - disparity), abs=1e-12)
    assert np.cos(shape_distance(x, y)) == pytest.approx(overlap, abs=1e-12)


def test_procrustes_is_the_distance_after_the_best_rotation_and_other_rotations_are_no_better():
    x, y = unit(patterns(12, 4)), unit(patterns(12, 4, seed=1))
    best = scipy.linalg.orthogonal_procrustes(y, x)[0]
    ours = procrustes(x, y)
    assert ours == pytest.approx(np.linalg.norm(x - y @ best), abs=1e-12)
    others = [np.linalg.norm(x - y @ rotation(4, seed)) for seed in range(200)]
    assert min(others) >= ours - 1e-12


@pytest.mark.parametrize(("f", "g"), [(3, 7), (40, 2)])
def test_features_that_one_side_lacks_are_zeros(f, g):
    x, y = patterns(12, f), patterns(12, g, seed=1)
    padded = [np.pad(p, ((0, 0), (0, max(f, g) - p.shape[1]))) for p in (x, y)]
    overlap = scipy.linalg.orthogonal_procrustes(*map(unit, padded))[1]
    assert np.cos(shape_distance(x, y)) == pytest.approx(overlap, abs=1e-12)
    for measure in MEASURES.values():
        assert measure(x, y) == pytest.approx(measure(*padded), abs=1e-12)


# --- what they see, and what they must not --------------------------------------------------------


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize(("f", "g"), [(5, 5), (9, 3), (30, 40)])
def test_rotations_scales_and_shifts_of_features_change_nothing(name, f, g):
    x, y = patterns(12, f), patterns(12, g, seed=1)
    y[:, :3] += x[:, :3]
    moved = 3.7 * y @ rotation(g) + 100 * patterns(g, seed=2)
    expected = MEASURES[name](x, y)
    # A shift of 100 costs four digits.
    assert MEASURES[name](x, moved) == pytest.approx(expected, abs=1e-10)
    assert MEASURES[name](moved, x) == pytest.approx(expected, abs=1e-10)
    order = np.random.default_rng(0).permutation(12)
    assert MEASURES[name](x[order], y[order]) == pytest.approx(expected, abs=1e-12)
    assert abs(MEASURES[name](x[order], y) - expected) > 0.01


@pytest.mark.parametrize("name", MEASURES)
def test_linear_maps_that_are_no_rotations_are_seen(name):
    # Weights of features matter; what any linear map leaves as it is sees nothing where features >
    # conditions.
    x = patterns(12, 5)
    stretched = x * np.array([10, 1, 1, 1, 0.1])
    assert abs(MEASURES[name](x, stretched) - SAME[name]) > 0.05


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("features", [1, 5, 60])
def test_patterns_are_like_themselves(name, features):
    x = patterns(12, features)
    # arccos and the root of a rounding error of 1e-16 are 1e-8
    assert MEASURES[name](x, 2 * x + 1) == pytest.approx(SAME[name], abs=1e-7)


@pytest.mark.parametrize("name", MEASURES)
def test_both_sides_may_change_places(name):
    x, y = patterns(12, 5), patterns(12, 8, seed=1)
    assert MEASURES[name](x, y) == pytest.approx(MEASURES[name](y, x), abs=1e-13)


def test_uncorrelated_patterns_are_as_far_apart_as_can_be():
    h = scipy.linalg.hadamard(8)[:, 1:].astype(float)
    assert cka(h[:, :3], h[:, 3:]) == pytest.approx(0, abs=1e-15)
    assert procrustes(h[:, :3], h[:, 3:]) == pytest.approx(np.sqrt(2), abs=1e-12)
    assert shape_distance(h[:, :3], h[:, 3:]) == pytest.approx(np.pi / 2, abs=1e-12)


@pytest.mark.parametrize("features", [3, 30, 300])
def test_debiased_alignment_of_independent_patterns_is_zero_on_average_and_the_plain_one_is_not(
    features,
):
    x, y = patterns(300, 12, features), patterns(300, 12, features, seed=1)
    pairs = [(cka(a, b, debiased=True), cka(a, b)) for a, b in zip(x, y, strict=True)]
    debiased, plain = np.transpose(pairs)
    error = debiased.std(ddof=1) / np.sqrt(300)
    assert abs(debiased.mean()) < 3.5 * error
    assert plain.mean() > 10 * error


def test_shape_distance_is_a_metric():
    items = np.concatenate([patterns(20, 7, 3), patterns(20, 7, 3, seed=1) * np.array([5, 1, 0.1])])
    items[20:30] = items[:10] + 0.1 * items[30:40]  # some close to each other
    d = shape_distance(items, items)
    assert (d >= 0).all()
    assert (d <= np.pi / 2).all()
    np.testing.assert_allclose(d, d.T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.diagonal(d), 0, rtol=0, atol=1e-7)
    # (i, j) <= (i, k) + (k, j), for all triples.
    assert (d[:, None] <= d[:, :, None] + d[None] + 1e-7).all()
    assert d[~np.eye(40, dtype=bool)].min() < 0.2 < 0.8 < d.max()


@pytest.mark.parametrize("name", MEASURES)
def test_leading_axes_of_both_sides_cross(name):
    x, y = patterns(2, 3, 9, 4), patterns(5, 9, 6, seed=1)
    done = MEASURES[name](x, y)
    assert done.shape == (2, 3, 5)
    for i, j, k in np.ndindex(2, 3, 5):
        assert done[i, j, k] == pytest.approx(MEASURES[name](x[i, j], y[k]), abs=1e-13)
    assert np.shape(MEASURES[name](x[0, 0], y[0])) == ()


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-30, 1e30, 1e160, 1e300])
def test_units_do_not_matter(name, scale):
    x, y = patterns(9, 4), patterns(9, 6, seed=1)
    expected = MEASURES[name](x, y)
    assert MEASURES[name](scale * x, y) == pytest.approx(expected, abs=1e-12)
    assert MEASURES[name](x, scale * y) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", MEASURES)
def test_types_lists_and_arrays_that_cannot_be_written_to_are_taken_as_they_are(name):
    x = np.random.default_rng(0).integers(0, 9, (9, 4))
    y = np.random.default_rng(1).integers(0, 9, (9, 3))
    expected = MEASURES[name](x.astype(float), y.astype(float))
    frozen = x.astype(float)
    frozen.setflags(write=False)
    for other in (
        x,
        x.tolist(),
        x.astype("f4"),
        x.astype("f2"),
        x.astype("u1"),
        frozen,
        np.asfortranarray(x),
    ):
        assert MEASURES[name](other, y) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["cka", "procrustes", "shape_distance"])
def test_values_stay_in_their_range_whatever_rounding_does(name):
    top = {"cka": 1, "procrustes": np.sqrt(2), "shape_distance": np.pi / 2}[name]
    for seed in range(30):
        x = patterns(5, 3, seed=seed)
        for other in (x * 3, x @ rotation(3, seed), patterns(5, 4, seed=seed + 99)):
            assert 0 <= MEASURES[name](x, other) <= top


# --- refusals -------------------------------------------------------------------------------------

X = patterns(9, 4)
WITH_NAN = np.where(np.arange(36).reshape(9, 4) < 2, np.nan, X)
BAD = {
    "a vector": (X[0], "condition, feature"),
    "a number": (1.0, "condition, feature"),
    "three conditions": (X[:3], "3 conditions; at least 4"),
    "no features": (X[:, :0], "shape"),
    "no items": (np.ones((0, 9, 4)), "shape"),
    "NaN": (WITH_NAN, "2 values of"),
    "infinite": (np.where(np.isnan(WITH_NAN), np.inf, X), "2 values of"),
    "constant": (np.ones((9, 4)) * np.arange(4), "same pattern"),
    "zero": (np.zeros((9, 4)), "same pattern"),
    "one of several is constant": (np.stack([X, np.ones((9, 4))]), "same pattern"),
    "complex": (X * 1j, "complex"),
    "text": ("abc", None),
    "None": (None, None),
    "objects": (X.astype(object), "object"),
    "lists of different lengths": ([[1, 2], [1]] * 5, None),
    "other conditions": (patterns(8, 4), "8"),
}


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("side", ["x", "y"])
def test_what_are_no_patterns_of_the_same_conditions_is_refused(name, case, side):
    value, words = BAD[case]
    with pytest.raises(AnalysisError, match=words):
        MEASURES[name](*((value, X) if side == "x" else (X, value)))


@pytest.mark.parametrize("name", MEASURES)
def test_different_numbers_of_conditions_are_refused_with_both(name):
    with pytest.raises(AnalysisError, match="patterns x are of 9 conditions, the patterns y of 8"):
        MEASURES[name](X, patterns(8, 4))


def test_patterns_whose_gram_matrix_is_only_its_diagonal_have_no_debiased_alignment():
    # Orthogonal patterns of one length: without the diagonal, nothing is left to align.
    x = np.eye(6)
    with pytest.raises(AnalysisError):
        cka(x, patterns(6, 3), debiased=True)
