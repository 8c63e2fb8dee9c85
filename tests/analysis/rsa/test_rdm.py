"""RDMs against rsatoolbox, scipy, pandas and sums written out; what measures must not see.

What is refused, and how.
"""

import warnings

import numpy as np
import pandas
import pytest
import torch
from scipy.spatial.distance import pdist, squareform

import cortexsim.analysis.rsa.kernels as kernels
from cortexsim.analysis import MEASURES, condensed, rdms, square
from cortexsim.errors import AnalysisError

CENTRED = ("sqeuclidean", "mahalanobis")  # distances, which no common shift of all patterns changes
THEIRS = {  # rsatoolbox has no cosine
    "correlation": "correlation",
    "sqeuclidean": "euclidean",
    "mahalanobis": "mahalanobis",
    "crossnobis": "crossnobis",
    "poisson": "poisson",
}
PAIRWISE = ("correlation", "cosine", "sqeuclidean", "poisson")  # single features may be missing


def covariance(features, rng):
    root = rng.normal(size=(features, 2 * features))
    return root @ root.T / features + 0.1 * np.eye(features)


def example(measure, seed=0, n=9, features=20, runs=4, levels=None):
    """Patterns for a measure, not negative so that poisson takes them, and its keywords.

    ``levels`` makes ties.
    """
    rng = np.random.default_rng(seed)
    shape = (runs, n, features) if measure == "crossnobis" else (n, features)
    x = (
        rng.gamma(2.0, 1.5, shape)
        if levels is None
        else rng.integers(0, levels, shape).astype(float)
    )
    if measure == "mahalanobis":
        return x, {"noise": covariance(features, rng)}
    return x, {"noise": covariance(features, rng), "runs": 0} if measure == "crossnobis" else {}


def one_pair(measure, x, y, noise=None):
    """The equation of a measure, for two patterns (crossnobis: two (run, feature))."""
    if measure == "correlation":
        return 1 - np.corrcoef(x, y)[0, 1]
    if measure == "cosine":
        return 1 - x @ y / np.sqrt((x @ x) * (y @ y))
    if measure == "poisson":
        p, q = (x + 0.1) / 1.1, (y + 0.1) / 1.1
        return np.mean((p - q) * (np.log(p) - np.log(q)))
    d = x - y
    precision = np.eye(x.shape[-1]) if noise is None else np.linalg.inv(noise)
    if measure == "crossnobis":
        different = ~np.eye(len(d), dtype=bool)
        return (d @ precision @ d.T)[different].mean() / d.shape[-1]
    return d @ precision @ d / len(d)


def by_hand(measure, x, noise=None, **_):
    n = x.shape[-2]
    return np.array(
        [
            one_pair(measure, x[..., i, :], x[..., j, :], noise)
            for i in range(n)
            for j in range(i + 1, n)
        ]
    )


def by_rsatoolbox(measure, x, noise=None, **_):
    """rsatoolbox takes the precision where we take the covariance; its warnings are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rsatoolbox.data import Dataset
        from rsatoolbox.rdm import calc_rdm

        keywords = {} if noise is None else {"noise": np.linalg.inv(noise)}
        labels = {}
        if measure == "crossnobis":
            runs, n, _ = x.shape
            labels = {
                "condition": np.tile(np.arange(n), runs),
                "run": np.repeat(np.arange(runs), n),
            }
            keywords |= {"descriptor": "condition", "cv_descriptor": "run"}
        data = Dataset(x.reshape(-1, x.shape[-1]), obs_descriptors=labels)
        return calc_rdm(data, method=THEIRS[measure], **keywords).dissimilarities[0]


@pytest.fixture(scope="module")
def photographs(data_folder):
    """Pixels of the 92 images (colour, image, pixel) float64, one in 19 in both directions."""
    folder = data_folder / "kriegeskorte2008_92images"
    stimuli = np.load(folder / "kriegeskorte2008_92.npz", allow_pickle=True)["stimuli"]
    return np.moveaxis(stimuli[:, ::19, ::19], -1, 0).reshape(3, 92, -1).astype(np.float64)


# --- the same numbers as other people's software --------------------------------------------------


@pytest.mark.parametrize("measure", THEIRS)
@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("seed", range(3))
def test_random_patterns_with_and_without_ties_give_the_numbers_of_rsatoolbox(
    measure, levels, seed
):
    x, keywords = example(measure, seed, levels=levels)
    np.testing.assert_allclose(
        rdms(x, measure, **keywords), by_rsatoolbox(measure, x, **keywords), rtol=1e-10, atol=1e-10
    )


@pytest.mark.parametrize("measure", THEIRS)
def test_pixels_of_the_92_images_give_the_numbers_of_rsatoolbox(photographs, measure):
    from sklearn.covariance import ledoit_wolf

    # Colour channels stand in for runs: three views of the same conditions.
    x = photographs if measure == "crossnobis" else photographs.mean(0)
    noise = (
        ledoit_wolf(photographs.mean(0))[0] if measure in ("mahalanobis", "crossnobis") else None
    )
    keywords = {} if noise is None else {"noise": noise}
    ours = rdms(x, measure, **keywords, **({"runs": 0} if measure == "crossnobis" else {}))
    theirs = by_rsatoolbox(measure, x, noise)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * np.abs(theirs).max())


@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.parametrize(
    ("measure", "scale"), [("correlation", 1), ("cosine", 1), ("sqeuclidean", 20)]
)
def test_scipy_pdist_gives_the_same_where_it_has_the_measure(measure, scale, levels):
    x = example(measure, levels=levels)[0] - 1.5
    np.testing.assert_allclose(rdms(x, measure), pdist(x, measure) / scale, rtol=1e-12, atol=1e-14)


def test_mahalanobis_is_the_squared_distance_of_scipy_divided_by_the_number_of_features():
    x, keywords = example("mahalanobis")
    theirs = pdist(x, "mahalanobis", VI=np.linalg.inv(keywords["noise"])) ** 2 / x.shape[1]
    np.testing.assert_allclose(rdms(x, "mahalanobis", **keywords), theirs, rtol=1e-11)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("seed", range(8))
def test_each_pair_follows_the_equation_of_its_measure(measure, seed):
    n, features = 4 + seed, 2 + 3 * seed  # from the smallest RDM that is allowed
    x, keywords = example(measure, seed, n=n, features=features)
    np.testing.assert_allclose(
        rdms(x, measure, **keywords), by_hand(measure, x, **keywords), rtol=1e-9, atol=1e-12
    )


def test_noise_given_as_variances_is_the_diagonal_covariance():
    for measure in ("mahalanobis", "crossnobis"):
        x, keywords = example(measure)
        keywords["noise"] = np.linspace(0.2, 3, x.shape[-1])
        expected = by_hand(measure, x, np.diag(keywords["noise"]))
        np.testing.assert_allclose(rdms(x, measure, **keywords), expected, rtol=1e-11, atol=1e-13)


def test_crossnobis_without_noise_has_the_identity_for_its_covariance():
    x, _ = example("crossnobis")
    np.testing.assert_allclose(
        rdms(x, "crossnobis", runs=0), by_hand("crossnobis", x), rtol=1e-11, atol=1e-13
    )


@pytest.mark.parametrize("axis", [0, 1, 2, -3, -4, -5])
def test_runs_may_be_any_axis_before_the_conditions(axis):
    x = np.random.default_rng(0).normal(size=(3, 2, 5, 6, 7))  # (a, b, run, condition, feature)
    expected = np.array([[by_hand("crossnobis", x[a, b]) for b in range(2)] for a in range(3)])
    moved = np.moveaxis(x, 2, axis) if axis >= 0 else np.moveaxis(x, 2, axis % 5)
    np.testing.assert_allclose(
        rdms(moved, "crossnobis", runs=axis), expected, rtol=1e-10, atol=1e-12
    )


# --- crossnobis is unbiased -----------------------------------------------------------------------


def test_crossnobis_averages_zero_on_noise_where_mahalanobis_does_not():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3, 5, 10))
    values = rdms(x, "crossnobis", runs=1)
    error = values.std(0, ddof=1) / np.sqrt(len(values))
    assert (np.abs(values.mean(0)) < 4 * error).all()
    assert (values < 0).mean() > 0.3  # half of them are negative: nothing is clipped
    assert (rdms(x.mean(1), "sqeuclidean").mean(0) > 0.5).all()  # the biased one: 2 / 3 runs


def test_crossnobis_is_unbiased_for_a_planted_distance_in_the_metric_of_the_noise():
    rng = np.random.default_rng(1)
    noise = covariance(6, rng)
    truth = rng.normal(size=(4, 6))
    x = truth + rng.normal(size=(1500, 3, 4, 6)) @ np.linalg.cholesky(noise).T
    values = rdms(x, "crossnobis", runs=1, noise=noise)
    error = values.std(0, ddof=1) / np.sqrt(len(values))
    expected = by_hand("mahalanobis", truth, noise)
    assert (np.abs(values.mean(0) - expected) < 4 * error).all()
    assert (error < 0.1 * expected).all()  # else the line above could not fail


# --- what a measure must not see, and what must move with the conditions --------------------------


@pytest.mark.parametrize("measure", MEASURES)
def test_permuted_conditions_give_the_permuted_rdm(measure):
    x, keywords = example(measure)
    order = np.random.default_rng(3).permutation(x.shape[-2])
    expected = condensed(square(rdms(x, measure, **keywords))[np.ix_(order, order)])
    # 1e-13: the product of permuted rows may sum in another order.
    np.testing.assert_allclose(
        rdms(x[..., order, :], measure, **keywords), expected, rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize("measure", MEASURES)
def test_permuted_features_change_nothing(measure):
    x, keywords = example(measure)
    order = np.random.default_rng(4).permutation(x.shape[-1])
    moved = {k: v[np.ix_(order, order)] if k == "noise" else v for k, v in keywords.items()}
    np.testing.assert_allclose(
        rdms(x[..., order], measure, **moved), rdms(x, measure, **keywords), rtol=1e-10, atol=1e-12
    )


def test_correlation_ignores_scale_and_shift_of_each_pattern():
    x, _ = example("correlation")
    scale, shift = np.random.default_rng(5).uniform(0.1, 9, (2, len(x), 1))
    np.testing.assert_allclose(rdms(x * scale + shift), rdms(x), rtol=1e-12, atol=1e-14)
    flipped = rdms(x * np.where(np.arange(len(x)) == 0, -1, 1)[:, None])
    np.testing.assert_allclose(flipped[: len(x) - 1], 2 - rdms(x)[: len(x) - 1], rtol=1e-12)


def test_cosine_ignores_the_length_of_each_pattern_and_sees_a_shift():
    x, _ = example("cosine")
    scale = np.random.default_rng(5).uniform(0.1, 9, (len(x), 1))
    np.testing.assert_allclose(rdms(x * scale, "cosine"), rdms(x, "cosine"), rtol=1e-12, atol=1e-14)
    assert np.abs(rdms(x + 1, "cosine") - rdms(x, "cosine")).max() > 0.01


def test_sqeuclidean_ignores_rotation_and_common_shift_and_scales_with_the_square():
    x, _ = example("sqeuclidean")
    rng = np.random.default_rng(6)
    rotation = np.linalg.qr(rng.normal(size=(x.shape[1],) * 2))[0]
    moved = x @ rotation + rng.normal(size=x.shape[1])
    np.testing.assert_allclose(rdms(moved, "sqeuclidean"), rdms(x, "sqeuclidean"), rtol=1e-12)
    np.testing.assert_allclose(rdms(3 * x, "sqeuclidean"), 9 * rdms(x, "sqeuclidean"), rtol=1e-12)


@pytest.mark.parametrize("measure", ["mahalanobis", "crossnobis"])
def test_an_invertible_map_of_patterns_and_noise_together_changes_nothing(measure):
    x, keywords = example(measure)
    transform = np.random.default_rng(7).normal(size=(x.shape[-1],) * 2)
    moved = keywords | {"noise": transform @ keywords["noise"] @ transform.T}
    # The map has a condition number of some hundreds, and its square enters.
    np.testing.assert_allclose(
        rdms(x @ transform.T, measure, **moved), rdms(x, measure, **keywords), rtol=1e-6
    )


@pytest.mark.parametrize("measure", ["sqeuclidean", "mahalanobis", "poisson"])
def test_equal_patterns_are_at_distance_zero_and_no_distance_is_negative(measure):
    x, keywords = example(measure)
    x[3] = x[5]
    full = square(rdms(x, measure, **keywords))
    assert abs(full[3, 5]) < 1e-14 * full.max()
    assert (condensed(full) > -1e-14 * full.max()).all()


def test_correlation_and_cosine_lie_between_zero_and_two():
    x = np.random.default_rng(0).normal(size=(8, 3))
    x[1], x[2] = 2 * x[0], -x[0]
    for measure in ("correlation", "cosine"):
        full = square(rdms(x, measure))
        assert full[0, 1] == pytest.approx(0, abs=1e-15)
        assert full[0, 2] == pytest.approx(2, abs=1e-15)
        assert full.min() > -1e-15
        assert full.max() < 2 + 1e-15


# --- accuracy -------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("measure", ["correlation", "cosine"])
def test_near_duplicates_in_float32_keep_an_absolute_error_of_one_millionth(measure, library):
    # 1 - r is 6e-7: as large as what float32 can lose in 8192 products if they are added one after
    # the other.
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(1, 8192)) + np.sqrt(6e-7) * rng.normal(size=(8, 8192))
        x = x.astype(np.float32)
        ours = (
            rdms(torch.from_numpy(x), measure).numpy() if library == "torch" else rdms(x, measure)
        )
        assert ours.dtype == np.float32
        exact = pdist(x.astype(np.float64), measure)
        assert 3e-7 < exact.mean() < 2e-6
        assert np.abs(ours - exact).max() <= 1e-6, seed


@pytest.mark.parametrize("nan", ["refuse", "pairwise"])
@pytest.mark.parametrize("measure", ["correlation", "sqeuclidean", "mahalanobis", "crossnobis"])
@pytest.mark.parametrize("offset", [2.0**13, 2.0**27])
def test_a_large_common_baseline_changes_no_distance(measure, offset, nan):
    x, keywords = example(measure)
    # 37 bits with the largest baseline: float64 holds the sums exactly.
    x = np.round(x * 1024) / 1024
    exact = by_hand(measure, x, **keywords)
    ours = rdms(x + offset, measure, nan=nan, **keywords)
    # The mean pattern that is taken away is known to 1e-8.
    np.testing.assert_allclose(ours, exact, rtol=1e-6, atol=1e-6 * np.abs(exact).max())


@pytest.mark.parametrize("measure", ["correlation", "sqeuclidean", "mahalanobis", "crossnobis"])
def test_float32_patterns_on_the_baseline_of_a_scanner_keep_three_digits(measure):
    # Voxels have raw values of some 1000 and effects of some 10: float32 holds these to 6e-5.
    x, keywords = example(measure)
    x = (1000 + 10 * x).astype(np.float32)
    exact = by_hand(measure, x.astype(np.float64), **keywords)
    ours = rdms(x, measure, **keywords)
    np.testing.assert_allclose(ours, exact, rtol=1e-3, atol=1e-3 * np.abs(exact).max())


def test_float32_counts_of_thousands_keep_three_digits_of_the_poisson_divergence():
    x = np.random.default_rng(0).poisson(3000, (6, 100)).astype(np.float32)
    np.testing.assert_allclose(
        rdms(x, "poisson"), by_hand("poisson", x.astype(np.float64)), rtol=1e-3
    )


@pytest.mark.parametrize("measure", ["correlation", "cosine"])
@pytest.mark.parametrize(
    ("dtype", "scale"),
    [
        ("f4", 1e-18),
        ("f4", 1e-22),
        ("f4", 1e17),
        ("f4", 1e19),
        ("f8", 1e-150),
        ("f8", 1e-162),
        ("f8", 1e150),
    ],
)
def test_very_small_and_very_large_units_give_the_right_numbers_or_an_error(measure, dtype, scale):
    x = np.random.default_rng(0).normal(size=(6, 50))
    scaled = (x * scale).astype(dtype)
    try:
        ours = rdms(scaled, measure)
    except AnalysisError:
        return
    # Patterns that float32 holds to 6e-8 (subnormal ones to less, but these are above 1e-38).
    np.testing.assert_allclose(ours, pdist(scaled.astype(np.float64) / scale, measure), atol=1e-6)


# --- how it is computed does not matter -----------------------------------------------------------


@pytest.mark.parametrize("measure", MEASURES)
def test_leading_axes_are_looped_exactly(measure):
    x, keywords = example(measure)
    many = np.stack([[x, 2 * x[..., ::-1, :]], [x + 1, x[..., ::-1]], [x * x, np.sqrt(x)]])
    keywords = keywords | ({"runs": 2} if measure == "crossnobis" else {})
    ours = rdms(many, measure, **keywords)
    alone = keywords | ({"runs": 0} if measure == "crossnobis" else {})
    assert ours.shape == (3, 2, 36)
    for index in np.ndindex(3, 2):
        np.testing.assert_array_equal(ours[index], rdms(many[index], measure, **alone))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("library", [np.asarray, torch.as_tensor])
def test_features_in_chunks_give_the_sums_of_all_features(measure, library, monkeypatch):
    # 256 features is the narrowest chunk: 700 are three, the last one narrower.
    x, keywords = example(measure, n=6, features=700, runs=2)
    if "noise" in keywords:
        keywords["noise"] = np.linspace(0.5, 2, 700)
    monkeypatch.setattr(kernels, "COPY_BYTES", 1)
    ours = np.asarray(rdms(library(x), measure, **keywords))
    expected = by_hand(
        measure, x, **({"noise": np.diag(keywords["noise"])} if "noise" in keywords else {})
    )
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_rows_one_by_one_give_what_all_pairs_at_once_give(measure, monkeypatch):
    x, keywords = example(measure, n=17)
    at_once = rdms(x, measure, **keywords)
    monkeypatch.setattr(kernels, "SMALL", 3)
    np.testing.assert_array_equal(rdms(x, measure, **keywords), at_once)


def test_more_conditions_than_are_gathered_at_once_give_the_numbers_of_scipy():
    x = np.random.default_rng(0).normal(size=(kernels.SMALL + 40, 12))
    np.testing.assert_allclose(rdms(x), pdist(x, "correlation"), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-11), (torch.float32, 2e-5)])
def test_tensors_give_what_arrays_give_in_their_own_type(measure, dtype, tolerance):
    x, keywords = example(measure)
    ours = rdms(torch.as_tensor(x, dtype=dtype), measure, **keywords)
    assert isinstance(ours, torch.Tensor)
    assert ours.dtype == dtype
    np.testing.assert_allclose(
        ours.numpy(), by_hand(measure, x, **keywords), rtol=tolerance, atol=tolerance
    )
    if "noise" in keywords:
        keywords["noise"] = torch.as_tensor(keywords["noise"])
        np.testing.assert_array_equal(
            rdms(torch.as_tensor(x, dtype=dtype), measure, **keywords).numpy(), ours.numpy()
        )


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("nan", ["refuse", "pairwise"])
def test_a_tensor_that_requires_gradients_is_taken_like_any_other(measure, nan):
    x, keywords = example(measure)
    ours = rdms(torch.tensor(x, requires_grad=True), measure, nan=nan, **keywords)
    np.testing.assert_allclose(
        ours.detach().numpy(), by_hand(measure, x, **keywords), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_half_precision_is_computed_in_float32_and_whole_numbers_in_float64(measure, library):
    x, keywords = example(measure, levels=200)
    halves = (torch.float16, torch.bfloat16) if library == "torch" else (np.float16,)
    whole = (
        (torch.uint8, torch.int32, torch.int64)
        if library == "torch"
        else (np.uint8, np.int16, np.uint64)
    )
    cast = (lambda t: torch.as_tensor(x).to(t)) if library == "torch" else x.astype
    # Whole numbers up to 200 are exact in all of these types.
    exact = by_hand(measure, x, **keywords)
    for types, width, tolerance in ((halves, "float32", 1e-4), (whole, "float64", 1e-11)):
        for dtype in types:
            ours = rdms(cast(dtype), measure, **keywords)
            assert str(ours.dtype).endswith(width)
            atol = tolerance * np.abs(exact).max()
            np.testing.assert_allclose(np.asarray(ours), exact, rtol=tolerance, atol=atol)


def test_yes_and_no_are_one_and_zero():
    x = np.random.default_rng(0).random((6, 40)) > 0.5
    for measure in ("correlation", "cosine", "sqeuclidean"):
        np.testing.assert_array_equal(rdms(x, measure), rdms(x.astype(float), measure))


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "every second": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "backwards in memory": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "big-endian": lambda x: x.astype(">f8"),
    "long double": lambda x: x.astype(np.longdouble),
    "nested lists": lambda x: x.tolist(),
    "DataFrame": lambda x: pandas.DataFrame(x) if x.ndim == 2 else x,
    "broadcast": lambda x: np.broadcast_to(x, (1, *x.shape))[0],
}


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("nan", ["refuse", "pairwise"])
def test_the_layout_of_the_array_in_memory_does_not_matter(measure, layout, nan):
    x, keywords = example(measure)
    ours = rdms(LAYOUTS[layout](x), measure, nan=nan, **keywords)
    np.testing.assert_allclose(
        ours.astype(np.float64), by_hand(measure, x, **keywords), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("nan", ["refuse", "pairwise"])
def test_the_patterns_are_not_changed_and_may_be_read_only(measure, nan):
    x, keywords = example(measure)
    x.flags.writeable = False
    before = x.copy()
    rdms(x, measure, nan=nan, **keywords)
    rdms(torch.tensor(x), measure, nan=nan, **keywords)
    np.testing.assert_array_equal(x, before)


# --- missing values -------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0, 1e4])
@pytest.mark.parametrize("seed", range(4))
def test_pairwise_correlation_is_that_of_pandas(seed, offset):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(10, 15)) + offset
    x[rng.random(x.shape) < 0.3] = np.nan
    theirs = 1 - pandas.DataFrame(x.T).corr(min_periods=2).to_numpy()[np.triu_indices(10, 1)]
    np.testing.assert_allclose(rdms(x, nan="pairwise"), theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("measure", PAIRWISE)
@pytest.mark.parametrize("library", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("seed", range(3))
def test_each_pair_is_computed_on_the_features_that_both_conditions_have(measure, library, seed):
    x, _ = example(measure, seed)
    x[np.random.default_rng(seed).random(x.shape) < 0.3] = np.nan
    expected = []
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            both = np.isfinite(x[i] + x[j])
            expected.append(one_pair(measure, x[i, both], x[j, both]))
    ours = np.asarray(rdms(library(x), measure, nan="pairwise"))
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("library", [np.asarray, torch.as_tensor])
def test_a_condition_without_data_gives_nan_and_leaves_the_other_pairs_alone(measure, library):
    x, keywords = example(measure)
    full = square(rdms(x, measure, **keywords))
    x[..., [2, 7], :] = np.nan
    ours = square(
        np.asarray(rdms(library(x), measure, nan="pairwise", **keywords)), diagonal=np.nan
    )
    gone = np.zeros((9, 9), dtype=bool)
    gone[[2, 7], :] = gone[:, [2, 7]] = gone[range(9), range(9)] = True
    assert np.isnan(ours[gone]).all()
    np.testing.assert_allclose(ours[~gone], full[~gone], rtol=1e-10, atol=1e-12)


def test_a_condition_missing_in_one_run_is_missing_in_crossnobis():
    x, keywords = example("crossnobis")
    expected = square(rdms(x, "crossnobis", **keywords))
    x[1, 4] = np.nan
    ours = square(rdms(x, "crossnobis", nan="pairwise", **keywords))
    assert np.isnan(np.delete(ours[4], 4)).all()
    here = np.delete(np.arange(9), 4)
    np.testing.assert_allclose(
        ours[np.ix_(here, here)], expected[np.ix_(here, here)], rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("measure", PAIRWISE)
def test_pairs_that_share_fewer_than_two_features_are_nan(measure):
    x, _ = example(measure, features=8)
    x[0, 4:], x[1, :4], x[2, :3] = np.nan, np.nan, np.nan
    full = square(rdms(x, measure, nan="pairwise"), diagonal=np.nan)
    assert np.isnan(full[0, 1])  # share none
    assert np.isnan(full[0, 2])  # share one
    assert np.isfinite(full[1, 2])


@pytest.mark.parametrize("constant", [0.0, 3.0, 0.1, -1e6])
def test_a_pair_that_is_constant_on_what_it_shares_has_no_correlation(constant):
    x = np.random.default_rng(0).normal(size=(5, 30))
    x[0, :10], x[1, 10:] = constant, np.nan
    full = square(rdms(x, nan="pairwise"))
    assert np.isnan(full[0, 1])
    assert np.isfinite(full[0, 2:]).all()
    assert np.isfinite(full[1, 2:]).all()


def test_a_tiny_variance_on_the_shared_features_is_not_taken_for_none():
    x = np.random.default_rng(0).normal(size=(5, 30))
    x[0, :10] *= 1e-3
    x[1, 10:] = np.nan
    expected = 1 - np.corrcoef(x[0, :10], x[1, :10])[0, 1]
    assert square(rdms(x, nan="pairwise"))[0, 1] == pytest.approx(expected, abs=1e-8)


# --- square and condensed -------------------------------------------------------------------------


@pytest.mark.parametrize("n", [4, 5, 12, 92])
def test_square_and_condensed_are_those_of_scipy(n):
    vector = np.random.default_rng(n).random(n * (n - 1) // 2)
    np.testing.assert_array_equal(square(vector), squareform(vector))
    np.testing.assert_array_equal(condensed(squareform(vector)), vector)
    stack = np.stack([[vector, 2 * vector]] * 3)
    assert square(stack).shape == (3, 2, n, n)
    np.testing.assert_array_equal(condensed(square(stack)), stack)
    assert (np.diagonal(square(vector, diagonal=np.nan)) != 0).all()


def test_the_published_square_rdms_come_back_unchanged(data_folder):
    folder = data_folder / "kriegeskorte2008_92images"
    with np.load(folder / "kriegeskorte2008_92.npz", allow_pickle=True) as file:
        for key in ("rdm_human_IT_subject_session", "rdm_behaviour", "rdm_models"):
            full = file[key]
            np.testing.assert_array_equal(square(condensed(full)), full)
        # Recorded monkey IT is symmetric up to the last bit only.
        np.testing.assert_allclose(
            square(condensed(file["rdm_monkey_IT"])), file["rdm_monkey_IT"], rtol=1e-15
        )


def hollow(n=5, value=1.0):
    return value * (1 - np.eye(n))


BAD_SQUARES = {
    "asymmetric": (np.triu(np.ones((5, 5)), 1), "not symmetric"),
    "a similarity": (np.full((5, 5), 0.5) + 0.5 * np.eye(5), "similarity"),
    "three conditions": (hollow(3), "at least 4"),
    "not square": (np.zeros((4, 5)), r"\(4, 5\)"),
    "a vector": (np.arange(6.0), "shape"),
    "a number": (1.0, "shape"),
    "nothing": ([], "shape"),
    "NaN in one triangle": (np.where(np.triu(hollow(), 1) > 0, np.nan, hollow()), "NaN"),
    "infinite in one triangle": (
        np.where(np.arange(25).reshape(5, 5) == 3, np.inf, hollow()),
        None,
    ),
    "infinite in both triangles": (np.where(hollow() > 0, np.inf, 0), None),
    "text": ("abc", None),
    "objects": (hollow().astype(object), "object"),
    "complex": (hollow().astype(complex), "complex"),
    "lists of different lengths": ([[1, 2], [1]], None),
}


@pytest.mark.parametrize("case", BAD_SQUARES)
def test_what_is_no_square_rdm_is_refused_with_what_was_found(case):
    value, words = BAD_SQUARES[case]
    with pytest.raises(AnalysisError, match=words):
        condensed(value)


def test_the_tolerance_of_symmetry_is_relative_to_the_largest_entry():
    full = hollow(6, 1e6)
    full[0, 1] += 0.5
    assert condensed(full)[0] == 1e6 + 0.25
    with pytest.raises(AnalysisError, match="not symmetric"):
        condensed(full, tolerance=1e-8)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_averaging_the_two_triangles_does_not_overflow(dtype):
    largest = float(np.finfo(dtype).max)
    np.testing.assert_array_equal(
        condensed(hollow(5, largest * 0.75).astype(dtype)), np.array(largest * 0.75, dtype)
    )


BAD_VECTORS = {
    "no number of pairs": (np.ones(7), "4 conditions have 6, 5 have 10"),
    "three conditions": (np.ones(3), "at least 4"),
    "nothing": ([], "at least 4"),
    "a number": (1.0, None),
    "None": (None, None),
    "text": ("abc", None),
    "texts": (["a"] * 6, None),
    "complex": (np.ones(6) * 1j, None),
    "lists of different lengths": ([[1, 2], [1]], None),
}


@pytest.mark.parametrize("case", BAD_VECTORS)
def test_what_is_no_vector_of_pairs_is_refused_with_what_was_found(case):
    value, words = BAD_VECTORS[case]
    with pytest.raises(AnalysisError, match=words):
        square(value)


# --- refusals of patterns -------------------------------------------------------------------------

X = np.random.default_rng(0).gamma(2.0, 1.0, (6, 10))
RUNS = np.random.default_rng(1).normal(size=(3, 6, 10))
BAD_PATTERNS = {
    "three conditions": (X[:3], {}, "3 conditions; at least 4"),
    "a vector": (X[0], {}, r"\(10,\)"),
    "a number": (1.0, {}, "condition, feature"),
    "nothing": ([], {}, "condition, feature"),
    "no features": (X[:, :0], {}, "empty"),
    "no RDMs": (np.empty((0, 6, 10)), {}, "empty"),
    "complex": (X * 1j, {}, "complex"),
    "complex tensor": (torch.as_tensor(X * 1j), {}, "complex"),
    "objects": (X.astype(object), {}, "object"),
    "text": ("abc", {}, "numbers"),
    "texts": ([["a", "b"]] * 4, {}, "numbers"),
    "dates": (X.astype("datetime64[s]"), {}, "numbers"),
    "None": (None, {}, "numbers"),
    "dictionary": ({}, {}, "numbers"),
    "lists of different lengths": ([[1, 2, 3], [1, 2], [1], [2]], {}, None),
    "unknown measure": (X, {"measure": "corelation"}, ", ".join(MEASURES)),
    "no measure": (X, {"measure": None}, ", ".join(MEASURES)),
    "several measures": (X, {"measure": ["correlation"]}, ", ".join(MEASURES)),
    "unknown nan": (X, {"nan": "drop"}, "refuse, pairwise"),
    "noise for correlation": (X, {"noise": np.eye(10)}, "not by correlation"),
    "runs for correlation": (RUNS, {"runs": 0}, "not cross-validated"),
    "mahalanobis without noise": (X, {"measure": "mahalanobis"}, "needs noise"),
    "crossnobis without runs": (RUNS, {"measure": "crossnobis"}, "say which axis"),
    "crossnobis of two axes": (X, {"measure": "crossnobis", "runs": 0}, "before the last two"),
    "crossnobis of one axis": (X[0], {"measure": "crossnobis", "runs": 0}, "before the last two"),
    "crossnobis of one run": (
        RUNS[:1],
        {"measure": "crossnobis", "runs": 0},
        "at least 2 independent runs",
    ),
    "runs = conditions": (RUNS, {"measure": "crossnobis", "runs": 1}, "before the last two"),
    "runs = features": (RUNS, {"measure": "crossnobis", "runs": -1}, "before the last two"),
    "runs out of range": (RUNS, {"measure": "crossnobis", "runs": 3}, "before the last two"),
    "runs = text": (RUNS, {"measure": "crossnobis", "runs": "0"}, "runs"),
    "runs = a fraction": (RUNS, {"measure": "crossnobis", "runs": 0.0}, "runs"),
    "negative rates": (X - 5, {"measure": "poisson"}, "not negative"),
    "negative rates, pairwise": (X - 5, {"measure": "poisson", "nan": "pairwise"}, "not negative"),
    "some features missing, mahalanobis": (
        np.where(X > 4, np.nan, X),
        {"measure": "mahalanobis", "noise": np.eye(10), "nan": "pairwise"},
        "all its features or not at all",
    ),
    "three conditions left": (
        np.where(np.arange(6)[:, None] > 2, np.nan, X),
        {"measure": "mahalanobis", "noise": np.eye(10), "nan": "pairwise"},
        "3 of 6 conditions are there",
    ),
}


@pytest.mark.parametrize("case", BAD_PATTERNS)
def test_what_cannot_be_computed_is_refused_with_what_was_found(case):
    value, keywords, words = BAD_PATTERNS[case]
    with pytest.raises(AnalysisError, match=words):
        rdms(value, **keywords)


def skewed():
    s = np.eye(10)
    s[0, 1] = 0.5
    return s


BAD_NOISE = {
    "other features": (np.eye(9), r"\(9, 9\); the patterns have 10 features"),
    "three axes": (np.ones((10, 10, 1)), "shape"),
    "a number": (1.0, "shape"),
    "empty": ([], "shape"),
    "singular": (np.ones((10, 10)), "not positive definite.*ledoit_wolf"),
    "indefinite": (np.diag([1.0] * 9 + [-1]), "not positive definite"),
    "zero variances": (np.zeros(10), "10 of 10 noise variances are not positive"),
    "NaN": (np.full((10, 10), np.nan), "NaN"),
    "infinite": (np.full(10, np.inf), "infinite"),
    "asymmetric": (skewed(), "not symmetric"),
    "text": ("identity", None),
    "complex": (np.eye(10) * (1 + 1j), None),
    "lists of different lengths": ([[1, 2], [3]], None),
}


@pytest.mark.parametrize("measure", ["mahalanobis", "crossnobis"])
@pytest.mark.parametrize("case", BAD_NOISE)
def test_noise_that_is_no_covariance_is_refused_with_what_was_found(case, measure):
    noise, words = BAD_NOISE[case]
    x, keywords = example(measure, features=10)
    with pytest.raises(AnalysisError, match=words):
        rdms(x, measure, **(keywords | {"noise": noise}))


def test_noise_with_gradients_is_taken_like_any_other():
    x, keywords = example("mahalanobis")
    expected = rdms(x, "mahalanobis", **keywords)
    ours = rdms(x, "mahalanobis", noise=torch.tensor(keywords["noise"], requires_grad=True))
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("library", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
def test_nan_infinity_and_overflow_are_refused_and_the_condition_is_named(measure, value, library):
    x, keywords = example(measure)
    if MEASURES[measure].scale_free and np.isfinite(value):
        # These do not depend on the scale of a row, so that a huge one is no reason to refuse: the
        # answer is that of the row scaled down.
        x[..., 2, 3] = 1e14
        small = x.copy()
        x[..., 2, :] *= value
        np.testing.assert_allclose(
            rdms(library(x), measure), rdms(small, measure), rtol=0, atol=1e-12
        )
        return
    if measure == "poisson" and abs(value) > 1 and np.isfinite(value):
        value = 1.7e308  # the logarithm of a rate adds little: only here does a product overflow
    x[..., 2, 3] = value
    words = "not negative" if measure == "poisson" and value < 0 else r"^condition 2 of 9 "
    with pytest.raises(AnalysisError, match=words):
        rdms(library(x), measure, **keywords)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("value", [np.inf, 1.7e308])
def test_infinity_and_overflow_are_refused_where_nan_is_allowed(measure, value):
    x, keywords = example(measure)
    x[..., 2, 3] = value
    with pytest.raises(AnalysisError, match=r"infinite|overflow"):
        rdms(x, measure, nan="pairwise", **keywords)


@pytest.mark.parametrize("library", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("features", [3, 100, 10000])
def test_constant_patterns_are_refused_whatever_their_values(features, dtype, library):
    # What the mean loses in rounding differs from value to value: of some hundreds, each must be
    # found.
    rng = np.random.default_rng(0)
    value = rng.normal(size=300) * 10.0 ** rng.integers(-5, 6, 300)
    x = np.broadcast_to(value[:, None], (300, features)).astype(dtype)
    with pytest.raises(
        AnalysisError, match=r"^conditions 0, .* and 290 more of 300 have no variance"
    ):
        rdms(library(x))


def test_all_patterns_without_variance_or_length_are_named():
    x = X.copy()
    x[[1, 4]] = 2.5
    with pytest.raises(AnalysisError, match="conditions 1, 4 of 6 have no variance"):
        rdms(x)
    rdms(x, "cosine")  # has a length
    x[[1, 4]] = 0
    with pytest.raises(AnalysisError, match="conditions 1, 4 of 6 have length zero"):
        rdms(x, "cosine")
    assert square(rdms(x, "sqeuclidean"))[1, 4] == 0


def test_a_masked_entry_is_not_taken_for_a_number():
    hidden = np.ma.masked_array(X, X > 4)
    missing = np.where(X > 4, np.nan, X)
    assert np.isnan(missing).any()
    try:
        ours = rdms(hidden, nan="pairwise")
    except AnalysisError:
        return
    np.testing.assert_allclose(ours, rdms(missing, nan="pairwise"))
