"""Comparisons of RDMs against rsatoolbox, scipy and sums written out; noise ceilings.

What is refused, and how.
"""

import warnings

import numpy as np
import pytest
import scipy.stats
import torch

import cortexsim.analysis.rsa.comparators as module
from cortexsim.analysis import COMPARATORS, compare, condensed, noise_ceiling, square
from cortexsim.errors import AnalysisError

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


RANKED = ("spearman", "tau-a", "rho-a")


# Undefined for constant RDMs.
CONSTANT = [c for c in COMPARATORS if c not in ("cosine", "cosine-whitened")]


PAIRS = 4186  # of 92 conditions


def vectors(rows, n=10, seed=0, levels=None):
    """Random RDMs; ``levels`` makes heavy ties."""
    rng = np.random.default_rng(seed)
    shape = (rows, n * (n - 1) // 2)
    return rng.random(shape) if levels is None else rng.integers(0, levels, shape).astype(float)


def sigmas(n, seed=0):
    """Covariances of the noise over conditions: none, variances, a matrix."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, 2 * n))
    return {
        "identity": None,
        "diagonal": rng.uniform(0.3, 3, n),
        "full": root @ root.T / n + 0.1 * np.eye(n),
    }


def as_rsatoolbox(x):
    from rsatoolbox.rdm import RDMs

    return RDMs(np.asarray(x, dtype=np.float64))


def by_rsatoolbox(a, d, comparator, sigma_k=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rsatoolbox.rdm import compare as theirs

        return theirs(as_rsatoolbox(a), as_rsatoolbox(d), THEIRS[comparator], sigma_k=sigma_k)


def ceiling_of_rsatoolbox(d, comparator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rsatoolbox.inference.noise_ceiling import boot_noise_ceiling

        return boot_noise_ceiling(as_rsatoolbox(d), THEIRS[comparator])


def signs(a, d):
    """Kendall's tau-a from the signs of all differences: concordant less discordant, over all."""
    i, j = np.triu_indices(a.size, 1)
    return np.mean(np.sign(a[i] - a[j]) * np.sign(d[i] - d[j]))


def tau_a_of_scipy(a, d):
    """tau-b divides by the pairs that do not tie in a, and in d; tau-a by all."""
    pairs = a.size * (a.size - 1) / 2
    ties = [sum(c * (c - 1) / 2 for c in np.unique(x, return_counts=True)[1]) for x in (a, d)]
    return scipy.stats.kendalltau(a, d).statistic * np.sqrt(
        (1 - ties[0] / pairs) * (1 - ties[1] / pairs)
    )


def covariance_of_pairs(n, sigma_k):
    """V of Diedrichsen et al.

    2021 as it is written: the squared covariance of the contrasts of all pairs.
    """
    i, j = np.triu_indices(n, 1)
    c = np.eye(n)[i] - np.eye(n)[j]
    s = np.eye(n) if sigma_k is None else np.diag(sigma_k) if np.ndim(sigma_k) == 1 else sigma_k
    return (c @ s @ c.T) ** 2


def by_solving(a, d, comparator, sigma_k):
    if comparator == "pearson-whitened":
        a, d = a - a.mean(1, keepdims=True), d - d.mean(1, keepdims=True)
    v = covariance_of_pairs(round((1 + np.sqrt(1 + 8 * a.shape[1])) / 2), sigma_k)
    x, y = np.linalg.solve(v, a.T), np.linalg.solve(v, d.T)
    return (a @ y) / np.sqrt(np.outer(np.einsum("ij,ji->i", a, x), np.einsum("ij,ji->i", d, y)))


@pytest.fixture(scope="module")
def published(data_folder):
    """Vectors of published RDMs of the 92 images; two of the models have two levels only, i.e.

    Heavy ties.
    """
    folder = data_folder / "kriegeskorte2008_92images"
    with np.load(folder / "kriegeskorte2008_92.npz", allow_pickle=True) as file:
        out = {
            "human": condensed(file["rdm_human_IT_subject_session"]).reshape(8, PAIRS),
            "monkey": condensed(file["rdm_monkey_IT"])[None],
            "behaviour": condensed(file["rdm_behaviour"]),
            "models": condensed(file["rdm_models"]),
            "AlexNet": file["alexnet_rdms_utv"][::9],
        }
    with np.load(data_folder / "algonauts2019_fmri" / "92images_fmri_IT_RDMs.npz") as file:
        out["fMRI"] = condensed(file["Net_RDM"])
    return out


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize(
    ("left", "right"),
    [("models", "human"), ("AlexNet", "monkey"), ("models", "fMRI"), ("human", "behaviour")],
)
def test_published_rdms_of_92_images_compare_as_in_rsatoolbox(published, comparator, left, right):
    a, d = published[left], published[right][:5]
    ours = compare(a, d, comparator)
    assert ours.shape == (len(a), len(d))
    # float64 on both sides; theirs solves the whitened ones iteratively in places.
    np.testing.assert_allclose(ours, by_rsatoolbox(a, d, comparator), rtol=0, atol=1e-9)


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("levels", [None, 2, 5])
@pytest.mark.parametrize("n", [4, 7, 13])
def test_random_rdms_with_and_without_ties_compare_as_in_rsatoolbox(comparator, levels, n):
    a, d = vectors(5, n, 1, levels), vectors(6, n, 2, levels)
    a[:, 0], d[:, 0] = 7, -7  # none is constant
    np.testing.assert_allclose(
        compare(a, d, comparator), by_rsatoolbox(a, d, comparator), rtol=0, atol=1e-11
    )


@pytest.mark.parametrize("comparator", WHITENED)
@pytest.mark.parametrize("kind", ["diagonal", "full"])
def test_whitening_with_the_covariance_of_conditions_is_that_of_rsatoolbox(comparator, kind):
    a, d, sigma_k = vectors(3, 8, 1), vectors(4, 8, 2), sigmas(8)[kind]
    # Theirs takes a short cut for variances that is not its own definition (it centres as if they
    # were equal), so it is given the matrix; it solves by conjugate gradients, to about five
    # digits.
    theirs = by_rsatoolbox(a, d, comparator, np.diag(sigma_k) if kind == "diagonal" else sigma_k)
    np.testing.assert_allclose(
        compare(a, d, comparator, sigma_k=sigma_k), theirs, rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("comparator", WHITENED)
@pytest.mark.parametrize("kind", ["identity", "diagonal", "full"])
@pytest.mark.parametrize("n", [4, 5, 9, 16])
def test_whitening_in_closed_form_is_solving_with_the_covariance_of_pairs(comparator, kind, n):
    a, d, sigma_k = vectors(4, n, n), vectors(3, n, n + 1), sigmas(n, n)[kind]
    ours = compare(a, d, comparator, sigma_k=sigma_k)
    np.testing.assert_allclose(ours, by_solving(a, d, comparator, sigma_k), rtol=0, atol=1e-9)


@pytest.mark.parametrize("comparator", WHITENED)
def test_the_identity_given_is_the_identity_left_out_and_a_scale_of_it_does_not_matter(comparator):
    a, d = vectors(3, 12, 1), vectors(4, 12, 2)
    expected = compare(a, d, comparator)
    for sigma_k in (np.eye(12), np.ones(12), 1e-6 * np.eye(12), 1e6 * np.ones(12), torch.eye(12)):
        np.testing.assert_allclose(
            compare(a, d, comparator, sigma_k=sigma_k), expected, rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("comparator", WHITENED)
def test_noise_common_to_all_conditions_changes_no_whitened_comparison(comparator):
    # A covariance of c 1 1^T adds the same to all patterns, which no distance sees.
    a, d, sigma_k = vectors(3, 9, 1), vectors(4, 9, 2), sigmas(9)["full"]
    ours = compare(a, d, comparator, sigma_k=sigma_k + 50)
    np.testing.assert_allclose(ours, compare(a, d, comparator, sigma_k=sigma_k), rtol=0, atol=1e-10)


@pytest.mark.parametrize("levels", [None, 2, 4])
@pytest.mark.parametrize("seed", range(5))
def test_scipy_and_numpy_give_the_same_correlations(levels, seed):
    a, d = vectors(3, 8, seed, levels), vectors(4, 8, seed + 50, levels)
    spearman = [[scipy.stats.spearmanr(x, y).statistic for y in d] for x in a]
    np.testing.assert_allclose(compare(a, d, "spearman"), spearman, rtol=0, atol=1e-13)
    np.testing.assert_allclose(
        compare(a, d, "pearson"), np.corrcoef(a, d)[:3, 3:], rtol=0, atol=1e-13
    )


@pytest.mark.parametrize("levels", [None, 1.5, 3, 10, 1000])
@pytest.mark.parametrize("seed", range(6))
def test_tau_a_counts_signs(levels, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 25))
    a, d = rng.normal(size=(2, 3, n * (n - 1) // 2))
    if levels is not None:
        a, d = np.round(a * levels), np.round(d * levels)
    a[:, 0], d[:, 0] = 1e4, -1e4  # none is constant
    expected = [[signs(x, y) for y in d] for x in a]
    np.testing.assert_allclose(compare(a, d, "tau-a"), expected, rtol=0, atol=1e-14)


def test_without_ties_tau_a_is_the_tau_b_of_scipy():
    a, d = vectors(3, 30, 1), vectors(4, 30, 2)
    expected = [[scipy.stats.kendalltau(x, y).statistic for y in d] for x in a]
    np.testing.assert_allclose(compare(a, d, "tau-a"), expected, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_rho_a_is_the_mean_of_spearman_over_all_ways_to_break_the_ties():
    rng = np.random.default_rng(0)
    a, d = rng.integers(0, 3, (2, 10)).astype(float)
    broken = [
        scipy.stats.spearmanr(a + 1e-3 * rng.random(10), d + 1e-3 * rng.random(10)).statistic
        for _ in range(4000)
    ]
    error = np.std(broken) / np.sqrt(len(broken))
    ours = compare(a[None], d[None], "rho-a")[0, 0]
    assert abs(np.mean(broken) - ours) < 4 * error
    # Else the line above could not fail.
    assert abs(scipy.stats.spearmanr(a, d).statistic - ours) > 4 * error


@pytest.mark.parametrize(
    "n", [362, 363]
)  # 65341 pairs, the last that 16-bit counts hold, and 65703
@pytest.mark.parametrize("levels", [None, 5])
def test_tau_a_of_hundreds_of_conditions_is_that_of_scipy(n, levels):
    a, d = vectors(1, n, 1, levels), vectors(2, n, 2, levels)
    d = d + 0.5 * a if levels is None else np.round((d + a) / 2)
    expected = [[tau_a_of_scipy(a[0], y) for y in d]]
    assert np.min(expected) > 0.1
    np.testing.assert_allclose(compare(a, d, "tau-a"), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    "n", [45, 46, 64, 65, 91, 92, 128]
)  # around the sizes for which the counter is compiled
def test_tau_a_is_right_on_both_sides_of_each_compiled_size(n):
    a, d = vectors(1, n, 1, 6), vectors(1, n, 2)
    assert compare(a, d, "tau-a")[0, 0] == pytest.approx(tau_a_of_scipy(a[0], d[0]), abs=1e-12)


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("levels", [None, 3])
def test_permuting_the_conditions_of_both_sides_changes_nothing_and_of_one_side_does(
    comparator, levels
):
    a, d = vectors(3, 11, 1, levels), vectors(4, 11, 2, levels)
    order = np.random.default_rng(3).permutation(11)
    moved = [condensed(square(x)[:, order][:, :, order]) for x in (a, d)]
    expected = compare(a, d, comparator)
    np.testing.assert_allclose(compare(*moved, comparator), expected, rtol=0, atol=1e-12)
    assert np.abs(compare(moved[0], d, comparator) - expected).max() > 0.01


@pytest.mark.parametrize("comparator", WHITENED)
@pytest.mark.parametrize("kind", ["diagonal", "full"])
def test_permuting_conditions_permutes_their_covariance_too(comparator, kind):
    a, d, sigma_k = vectors(3, 8, 1), vectors(4, 8, 2), sigmas(8)[kind]
    order = np.random.default_rng(3).permutation(8)
    moved = [condensed(square(x)[:, order][:, :, order]) for x in (a, d)]
    permuted = sigma_k[order] if kind == "diagonal" else sigma_k[np.ix_(order, order)]
    expected = compare(a, d, comparator, sigma_k=sigma_k)
    np.testing.assert_allclose(
        compare(*moved, comparator, sigma_k=permuted), expected, rtol=0, atol=1e-11
    )
    assert np.abs(compare(*moved, comparator, sigma_k=sigma_k) - expected).max() > 1e-3


@pytest.mark.parametrize("comparator", RANKED)
@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("transform", [np.exp, np.sqrt, lambda x: 5 * x - 9, lambda x: x**3 * 1e6])
def test_ranks_ignore_monotone_transforms_of_an_rdm(comparator, levels, transform):
    a, d = vectors(3, 9, 1, levels), vectors(4, 9, 2, levels)
    expected = compare(a, d, comparator)
    np.testing.assert_array_equal(compare(transform(a), d, comparator), expected)
    np.testing.assert_array_equal(compare(a, transform(d), comparator), expected)


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_scales_of_each_rdm_do_not_matter_and_shifts_only_where_nothing_is_centred(comparator):
    a, d = vectors(3, 9, 1), vectors(4, 9, 2)
    scale = np.array([[0.01], [3], [700]])
    expected = compare(a, d, comparator)
    np.testing.assert_allclose(compare(scale * a, d, comparator), expected, rtol=0, atol=1e-12)
    # Symmetric, too.
    np.testing.assert_allclose(compare(d, scale * a, comparator).T, expected, rtol=0, atol=1e-12)
    shifted = np.abs(compare(a + 3, d - 2, comparator) - expected).max()
    assert shifted > 0.01 if comparator in ("cosine", "cosine-whitened") else shifted < 1e-12


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("levels", [None, 3])
def test_an_rdm_compared_with_itself_and_with_its_negative_has_the_largest_and_the_smallest_value(
    comparator, levels
):
    a = vectors(5, 8, 0, levels)
    values = compare(a, a, comparator)
    own = np.diag(values)
    np.testing.assert_allclose(np.diag(compare(a, -a, comparator)), -own, rtol=0, atol=1e-13)
    assert (np.abs(values) <= 1).all()
    if levels is None or comparator not in ("tau-a", "rho-a"):
        np.testing.assert_allclose(own, 1, rtol=0, atol=1e-13)
    else:
        assert (own < 0.9).all()  # ties count nothing
    assert (own[:, None] + 1e-13 >= values).all() or comparator in ("tau-a", "rho-a")


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_the_axes_of_the_result_are_those_of_the_models_and_then_those_of_the_data(comparator):
    a, d = vectors(6, 7, 1), vectors(20, 7, 2)
    flat = compare(a, d, comparator)
    for left, right in [((6,), (4, 5)), ((2, 3), (20,)), ((2, 3), (2, 5, 2)), ((1, 6), (20, 1))]:
        ours = compare(a.reshape(*left, -1), d.reshape(*right, -1), comparator)
        np.testing.assert_allclose(ours, flat.reshape(*left, *right), rtol=0, atol=1e-15)
    np.testing.assert_allclose(compare(a[2], d, comparator), flat[2], rtol=0, atol=1e-14)
    np.testing.assert_allclose(compare(a, d[3], comparator), flat[:, 3], rtol=0, atol=1e-14)


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_one_vector_with_one_vector_is_one_number(comparator):
    a, d = vectors(1, 7, 1), vectors(1, 7, 2)
    assert float(compare(a[0], d[0], comparator)) == pytest.approx(
        compare(a, d, comparator)[0, 0], abs=1e-14
    )


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("cores", [1, 2, 3])
def test_threads_and_chunks_of_rows_change_no_number(comparator, cores, monkeypatch):
    a, d = vectors(3, 7, 1, 9), vectors(41, 7, 2, 9)
    expected = np.array([[compare(x[None], y[None], comparator)[0, 0] for y in d] for x in a])
    monkeypatch.setenv("OMP_NUM_THREADS", str(cores))
    monkeypatch.setattr(module, "ROWS", 7)
    np.testing.assert_allclose(compare(a, d, comparator), expected, rtol=0, atol=1e-14)


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "every second": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "backwards in memory": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "big-endian": lambda x: x.astype(">f8"),
    "big-endian float32": lambda x: x.astype(">f4"),
    "long double": lambda x: x.astype(np.longdouble),
    "nested lists": lambda x: x.tolist(),
    "integers": lambda x: x.astype(np.int32),
    "float32": lambda x: x.astype(np.float32),
    "half": lambda x: x.astype(np.float16),
    "tensor": torch.as_tensor,
    "tensor with gradients": lambda x: torch.tensor(x, requires_grad=True),
}


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_type_and_layout_of_whole_numbers_do_not_matter(comparator, layout):
    a, d = vectors(3, 9, 1, 50), vectors(4, 9, 2, 50)
    expected = by_rsatoolbox(a, d, comparator)
    np.testing.assert_allclose(
        compare(LAYOUTS[layout](a), LAYOUTS[layout](d), comparator), expected, atol=1e-11
    )


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_rdms_are_not_changed_and_may_be_read_only(comparator):
    a, d = vectors(3, 9, 1), vectors(4, 9, 2)
    copies = a.copy(), d.copy()
    a.flags.writeable = d.flags.writeable = False
    np.testing.assert_array_equal(compare(a, d, comparator), compare(*copies, comparator))
    noise_ceiling(d, comparator)
    np.testing.assert_array_equal(a, copies[0])
    np.testing.assert_array_equal(d, copies[1])


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize(
    ("dtype", "scale"),
    [("f4", 1e-30), ("f4", 1e30), ("f8", 1e-140), ("f8", 1e140), ("f8", 1e-200), ("f8", 1e200)],
)
def test_very_small_and_very_large_dissimilarities_compare_as_others_or_are_refused(
    comparator, dtype, scale
):
    a, d = vectors(3, 9, 1), vectors(4, 9, 2)
    expected = compare(a, d, comparator)
    for left, right in ((a * scale, d), (a, d * scale), (a * scale, d * scale)):
        try:
            ours = compare(left.astype(dtype), right.astype(dtype), comparator)
        except AnalysisError:
            continue
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12 if dtype == "f8" else 1e-6)


@pytest.mark.parametrize("comparator", CONSTANT)
def test_a_baseline_a_million_times_the_spread_costs_no_more_than_float64_does(comparator):
    a, d = np.round(vectors(2, 9, 1) * 2**20) / 2**20, np.round(vectors(3, 9, 2) * 2**20) / 2**20
    # Sums of 20 + 20 bits are exact; the mean that is taken away is known to 1e-10 of the spread.
    np.testing.assert_allclose(
        compare(a + 2.0**20, d + 2.0**20, comparator), compare(a, d, comparator), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("comparator", [c for c in COMPARATORS if c not in WHITENED])
def test_common_pairs_are_those_that_every_rdm_has(comparator):
    a, d = vectors(3, 9, 1), vectors(4, 9, 2)
    a[1, [3, 8]], d[2, 20], d[0, 8] = np.nan, np.nan, np.nan
    here = np.delete(np.arange(36), [3, 8, 20])
    # Fewer pairs than a number of conditions has: other software takes them as plain vectors.
    oracle = {
        "pearson": lambda x, y: np.corrcoef(x, y)[0, 1],
        "spearman": lambda x, y: scipy.stats.spearmanr(x, y).statistic,
        "tau-a": signs,
        "rho-a": lambda x, y: scipy.stats.spearmanr(x, y).statistic,  # no ties
        "cosine": lambda x, y: x @ y / np.sqrt((x @ x) * (y @ y)),
    }[comparator]
    expected = [[oracle(x[here], y[here]) for y in d] for x in a]
    np.testing.assert_allclose(
        compare(a, d, comparator, nan="common"), expected, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["model", "data"])
def test_nan_and_infinity_are_refused_and_counted(comparator, value, side):
    a, d = vectors(3, 9, 1), vectors(4, 9, 2)
    (a if side == "model" else d)[2, [5, 7]] = value
    rows = 3 if side == "model" else 4
    with pytest.raises(
        AnalysisError,
        match=rf"^2 of {36 * rows} entries of the {side} RDMs .* \(in 1 of {rows} RDMs\)",
    ):
        compare(a, d, comparator)


@pytest.mark.parametrize("comparator", WHITENED)
def test_a_whitened_comparator_refuses_missing_pairs(comparator):
    a, d = vectors(3, 9, 1), vectors(4, 9, 2)
    np.testing.assert_array_equal(
        compare(a, d, comparator, nan="common"), compare(a, d, comparator)
    )
    a[0, 3] = np.nan
    with pytest.raises(
        AnalysisError, match="1 pairs are NaN; a whitened comparator needs all pairs"
    ):
        compare(a, d, comparator, nan="common")


def test_fewer_than_six_common_pairs_are_refused():
    a, d = vectors(3, 9, 1), vectors(4, 9, 2)
    a[:, :31] = np.nan
    with pytest.raises(AnalysisError, match="only 5 of 36 pairs"):
        compare(a, d, "pearson", nan="common")


def test_masked_pairs_are_not_taken_for_numbers():
    a, d = vectors(3, 9, 1), vectors(4, 9, 2)
    hidden = a > 0.9
    try:
        ours = compare(np.ma.masked_array(a, hidden), d, "pearson", nan="common")
    except AnalysisError:
        return
    np.testing.assert_allclose(
        ours, compare(np.where(hidden, np.nan, a), d, "pearson", nan="common")
    )


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("side", ["model", "data"])
@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -1e8, 1e-300])
def test_constant_rdms_are_refused_where_nothing_correlates_with_them_and_zero_always(
    comparator, side, value
):
    a, d = vectors(3, 9, 1), vectors(300, 9, 2)
    (a if side == "model" else d)[2] = value
    if comparator in CONSTANT:
        with pytest.raises(
            AnalysisError, match=rf"^1 of \d+ {side} RDMs are constant \(number 2\)"
        ):
            compare(a, d, comparator)
    elif value == 0:
        with pytest.raises(AnalysisError, match=rf"^1 of \d+ {side} RDMs are zero"):
            compare(a, d, comparator)
    elif value > 1e-8:
        np.testing.assert_allclose(
            compare(a, d[:5], comparator), by_rsatoolbox(a, d[:5], comparator), atol=1e-10
        )


A = vectors(3, 10, 1)


BAD_RDMS = {
    "no number of pairs": (A[:, :44], "9 conditions have 36, 10 have 45"),
    "three conditions": (A[:, :3], "3 conditions; at least 4"),
    "no pairs": (A[:, :0], "at least 4"),
    "no RDMs": (A[:0], "there are no"),
    "nothing": ([], "at least 4"),
    "a number": (1.0, "single number"),
    "complex": (A * 1j, "complex"),
    "objects": (A.astype(object), "object"),
    "text": ("abc", "numbers"),
    "texts": (["a"] * 45, "numbers"),
    "None": (None, "numbers"),
    "dictionary": ({}, "numbers"),
    "lists of different lengths": ([[1, 2, 3], [1, 2]], None),
    "square": (square(A[0]), r"shape \(10, 10\) are square"),
    "a stack of squares": (square(A), r"shape \(3, 10, 10\) are square"),
    "square of 92": (np.ones((92, 92)) - np.eye(92), "square"),
    "square with NaN on its diagonal": (square(A[0], diagonal=np.nan), "square"),
    "square up to rounding": (
        1 - np.corrcoef(np.random.default_rng(1).normal(size=(10, 20))),
        "square",
    ),
}


@pytest.mark.parametrize("case", BAD_RDMS)
@pytest.mark.parametrize("side", ["model", "data", "ceiling"])
def test_what_are_no_vectors_of_pairs_is_refused_with_what_was_found(case, side):
    value, words = BAD_RDMS[case]
    calls = {
        "model": lambda: compare(value, A, "pearson"),
        "data": lambda: compare(A, value, "pearson"),
        "ceiling": lambda: noise_ceiling(value, "pearson"),
    }
    with pytest.raises(AnalysisError, match=words):
        calls[side]()


def test_a_square_rdm_that_its_own_rounding_made_asymmetric_is_not_taken_for_many_vectors():
    # 66 conditions: a row of the square has as many entries as 12 conditions have pairs.
    full = 1 - np.corrcoef(np.random.default_rng(0).normal(size=(66, 20)))
    assert not np.array_equal(full, full.T) or np.diagonal(full).any()
    with pytest.raises(AnalysisError, match="square"):
        compare(full, full, "pearson")


def test_different_numbers_of_pairs_are_refused_with_both_counts_and_squares():
    words = r"model RDMs have 45 pairs \(10 x 10 conditions\), data RDMs have 36 pairs \(9 x 9\)"
    with pytest.raises(AnalysisError, match=words):
        compare(A, A[:, :36], "pearson")


@pytest.mark.parametrize("name", ["kendall", None, "", ["pearson"], 3])
def test_an_unknown_comparator_is_refused_with_those_there_are(name):
    words = ", ".join(COMPARATORS)
    with pytest.raises(AnalysisError, match=words):
        compare(A, A, name)
    with pytest.raises(AnalysisError, match=words):
        noise_ceiling(A, name)


@pytest.mark.parametrize("nan", ["pairwise", None, True])
def test_an_unknown_treatment_of_nan_is_refused(nan):
    with pytest.raises(AnalysisError, match="choose from refuse, common"):
        compare(A, A, nan=nan)
    with pytest.raises(AnalysisError, match="choose from refuse, common"):
        noise_ceiling(A, nan=nan)


def skewed(scale=1.0):
    s = np.eye(10)
    s[0, 1] = 0.5
    return scale * s


BAD_SIGMAS = {
    "other conditions": (np.eye(9), r"\(9, 9\); the RDMs have 10 conditions"),
    "other variances": (np.ones(9), r"\(9,\)"),
    "a number": (1.0, "shape"),
    "empty": ([], "shape"),
    "three axes": (np.ones((10, 10, 10)), "shape"),
    "singular": (np.ones((10, 10)), "positive definite"),
    "negative": (-np.ones(10), "positive definite"),
    "zero": (np.zeros(10), "positive definite"),
    "NaN": (np.full((10, 10), np.nan), "finite"),
    "infinite": (np.full(10, np.inf), "finite"),
    "asymmetric": (skewed(), "symmetric"),
    "asymmetric in small units": (skewed(1e-9), "symmetric"),
    "text": ("identity", None),
    "complex": (np.eye(10) * (1 + 1j), None),
    "lists of different lengths": ([[1], [1, 2]], None),
}


@pytest.mark.parametrize("case", BAD_SIGMAS)
@pytest.mark.parametrize("comparator", WHITENED)
def test_a_sigma_that_is_no_covariance_of_conditions_is_refused(case, comparator):
    sigma_k, words = BAD_SIGMAS[case]
    with pytest.raises(AnalysisError, match=words):
        compare(A, A, comparator, sigma_k=sigma_k)
    with pytest.raises(AnalysisError, match=words):
        noise_ceiling(A, comparator, sigma_k=sigma_k)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
@pytest.mark.parametrize("comparator", WHITENED)
def test_the_units_of_sigma_cancel_or_are_refused(scale, comparator):
    try:
        ours = compare(A, A, comparator, sigma_k=scale * np.ones(10))
    except AnalysisError:
        return
    np.testing.assert_allclose(ours, compare(A, A, comparator), rtol=0, atol=1e-10)


@pytest.mark.parametrize("comparator", [c for c in COMPARATORS if c not in WHITENED])
def test_sigma_is_refused_where_it_has_no_meaning(comparator):
    for call in (
        lambda **k: compare(A, A, comparator, **k),
        lambda **k: noise_ceiling(A, comparator, **k),
    ):
        with pytest.raises(
            AnalysisError,
            match=f"cosine-whitened and pearson-whitened; {comparator} does not use it",
        ):
            call(sigma_k=np.eye(10))


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("who", ["human", "behaviour", "fMRI"])
def test_ceilings_of_published_subjects_are_those_of_rsatoolbox_and_in_order(
    published, comparator, who
):
    d = published[who][:6]
    ours = noise_ceiling(d, comparator)
    np.testing.assert_allclose(ours, ceiling_of_rsatoolbox(d, comparator), rtol=0, atol=1e-9)
    assert isinstance(ours.lower, float)
    assert ours.lower <= ours.upper


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("subjects", [2, 3, 9])
def test_ceilings_of_random_subjects_with_and_without_ties_are_those_of_rsatoolbox(
    comparator, levels, subjects
):
    d = vectors(1, 9, 0, levels) + vectors(subjects, 9, 1, levels)
    np.testing.assert_allclose(
        noise_ceiling(d, comparator), ceiling_of_rsatoolbox(d, comparator), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_each_time_has_its_own_ceiling(comparator):
    d = vectors(5 * 6, 8, 0).reshape(5, 2, 3, 28) + 0.3 * vectors(6, 8, 1).reshape(2, 3, 28)
    lower, upper = noise_ceiling(d, comparator)
    assert lower.shape == upper.shape == (2, 3)
    for t in np.ndindex(2, 3):
        assert (lower[t], upper[t]) == noise_ceiling(d[:, *t], comparator)


@pytest.mark.parametrize("comparator", WHITENED)
def test_the_ceiling_of_a_whitened_comparator_uses_the_covariance_of_conditions(comparator):
    d, sigma_k = vectors(1, 7, 0) + vectors(4, 7, 1), sigmas(7)["full"]
    if comparator == "pearson-whitened":
        z = (d - d.mean(1, keepdims=True)) / d.std(1, keepdims=True)
    else:
        z = d / np.sqrt((d**2).mean(1, keepdims=True))
    upper = by_solving(z.mean(0)[None], d, comparator, sigma_k).mean()
    others = [np.delete(z, s, 0).mean(0)[None] for s in range(4)]
    lower = np.mean(
        [by_solving(others[s], d[s : s + 1], comparator, sigma_k)[0, 0] for s in range(4)]
    )
    np.testing.assert_allclose(
        noise_ceiling(d, comparator, sigma_k=sigma_k), (lower, upper), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_subjects_that_agree_have_a_ceiling_of_one_and_no_model_exceeds_the_upper_bound(comparator):
    rng = np.random.default_rng(0)
    truth = rng.random(66)
    np.testing.assert_allclose(
        noise_ceiling(np.stack([truth] * 3), comparator), (1, 1), rtol=0, atol=1e-12
    )
    d = truth + 0.5 * rng.random((6, 66))
    lower, upper = noise_ceiling(d, comparator)
    models = np.concatenate([truth[None], d, d.mean(0)[None], rng.random((50, 66))])
    # The pooled RDM is best for the cosine measures; for tau-a, the best is not known in closed
    # form.
    best = compare(models, d, comparator).mean(1).max()
    assert lower < upper
    assert best <= upper + (0.02 if comparator in (*WHITENED, "tau-a") else 1e-12)


@pytest.mark.parametrize("comparator", [c for c in COMPARATORS if c not in WHITENED])
def test_the_ceiling_of_common_pairs_is_that_of_the_pairs_that_all_subjects_have(comparator):
    d = vectors(1, 9, 0) + vectors(5, 9, 1)
    d[2, 28:] = np.nan  # what stays is a number of pairs: that of 8 conditions
    np.testing.assert_allclose(
        noise_ceiling(d, comparator, nan="common"),
        ceiling_of_rsatoolbox(d[:, :28], comparator),
        rtol=0,
        atol=1e-11,
    )
    with pytest.raises(AnalysisError, match="8 of 180 entries"):
        noise_ceiling(d, comparator)


@pytest.mark.parametrize("comparator", [c for c in COMPARATORS if c not in ("tau-a", "rho-a")])
@pytest.mark.parametrize("levels", [None, 3])
def test_subjects_of_which_the_others_cancel_have_no_ceiling_but_a_clear_error(comparator, levels):
    # Without the third subject the mean of the others is zero throughout: there is no RDM to
    # compare with.
    d = vectors(2, 9, 0, levels) - (0.5 if levels is None else 1)
    d = np.stack([d[0], -d[0], d[1]])
    with pytest.raises(AnalysisError):
        noise_ceiling(d, comparator)


@pytest.mark.parametrize("comparator", ["tau-a", "rho-a"])
def test_where_the_others_cancel_all_pairs_tie_and_ties_count_nothing(comparator):
    d = vectors(2, 9, 0, 3)
    d = np.stack([d[0], -d[0], d[1]])
    np.testing.assert_allclose(
        noise_ceiling(d, comparator), ceiling_of_rsatoolbox(d, comparator), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_ceilings_do_not_depend_on_units_or_are_refused(comparator, scale):
    d = vectors(1, 9, 0) + vectors(4, 9, 1)
    try:
        ours = noise_ceiling(d * scale, comparator)
    except AnalysisError:
        return
    np.testing.assert_allclose(ours, noise_ceiling(d, comparator), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "d", [A[0], A[:1], A[:1][:, None]], ids=["a vector", "one subject", "one subject in time"]
)
def test_a_single_subject_has_no_ceiling(d):
    with pytest.raises(AnalysisError, match="at least 2 subjects"):
        noise_ceiling(d)


def test_a_constant_subject_is_refused_at_the_time_at_which_it_is_constant():
    d = vectors(12, 9, 0).reshape(4, 3, 36)
    d[1, 2] = 0.3
    with pytest.raises(AnalysisError, match=r"data RDMs are constant \(number 1\)"):
        noise_ceiling(d, "spearman")
