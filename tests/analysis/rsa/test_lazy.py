"""Dask arrays: the same numbers whatever the chunks and the scheduler.

Nothing is computed before it is asked for.
"""

import warnings

import dask
import dask.array as da
import numpy as np
import pytest

import cortexsim.analysis.rsa.rdm as rdm
from cortexsim.analysis import COMPARATORS, MEASURES, compare, noise_ceiling, rdms, square
from cortexsim.errors import AnalysisError

WHITENED = ("cosine-whitened", "pearson-whitened")
N, FEATURES, PAIRS = 6, 24, 15
CHUNKS = {  # of patterns (2, 3, 6, 24)
    "one block": (2, 3, 6, 24),
    "each matrix": (1, 1, 6, 24),
    "features": (2, 3, 6, 7),
    "single features": (2, 3, 6, 1),
    "conditions": (2, 3, 4, 24),
    "all axes": (1, 2, 4, 10),
}


@pytest.fixture(autouse=True)
def one_thread():
    """No pool of threads: errors and coverage as in plain code, and no thread outlives a test."""
    with dask.config.set(scheduler="synchronous"):
        yield


def example(measure, seed=0):
    """Patterns (2, 3, condition, feature), not negative.

    For crossnobis the axis of 3 counts runs.
    """
    rng = np.random.default_rng(seed)
    x = rng.gamma(2.0, 1.5, (2, 3, N, FEATURES))
    root = rng.normal(size=(FEATURES, 2 * FEATURES))
    keywords = {}
    if measure in ("mahalanobis", "crossnobis"):
        keywords["noise"] = root @ root.T / FEATURES + 0.1 * np.eye(FEATURES)
    return x, keywords | ({"runs": 1} if measure == "crossnobis" else {})


def vectors(*shape, seed=0):
    return np.random.default_rng(seed).random((*shape, 45))


def forbidden(*_, **__):
    raise AssertionError("something was computed before it was asked for")


# --- RDMs -----------------------------------------------------------------------------------------


@pytest.mark.sampled(16)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_rdms_of_chunks_are_those_of_the_whole_array(measure, chunks, dtype):
    x, keywords = example(measure)
    expected = rdms(x, measure, **keywords)
    lazy = rdms(da.from_array(x.astype(dtype), chunks=CHUNKS[chunks]), measure, **keywords)
    assert isinstance(lazy, da.Array)
    assert lazy.shape == expected.shape
    assert lazy.dtype == dtype
    done = lazy.compute()
    assert isinstance(done, np.ndarray)
    assert done.shape == lazy.shape  # what dask was told is what it got
    assert done.dtype == lazy.dtype
    tolerance = 1e-12 if dtype == "f8" else 2e-5
    np.testing.assert_allclose(done, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("chunks", CHUNKS)
def test_every_block_has_the_shape_it_was_announced_with(measure, chunks):
    x, keywords = example(measure)
    lazy = rdms(da.from_array(x, chunks=CHUNKS[chunks]), measure, **keywords)
    for index in np.ndindex(*lazy.numblocks):
        announced = tuple(sizes[i] for sizes, i in zip(lazy.chunks, index, strict=True))
        assert lazy.blocks[index].compute().shape == announced


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("chunks", [(6, 24), (6, 5), (2, 7)])
def test_patterns_without_leading_axes_are_one_rdm(measure, chunks):
    x, keywords = example(measure)
    x = x[0] if measure == "crossnobis" else x[0, 0]
    keywords |= {"runs": 0} if measure == "crossnobis" else {}
    chunks = (1, *chunks) if measure == "crossnobis" else chunks
    lazy = rdms(da.from_array(x, chunks=chunks), measure, **keywords)
    assert lazy.shape == (PAIRS,)
    np.testing.assert_allclose(lazy.compute(), rdms(x, measure, **keywords), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("runs", [0, 1, -3, -4])
@pytest.mark.parametrize("features", [24, 9])
def test_runs_may_be_any_axis_before_the_conditions(runs, features):
    x, keywords = example("crossnobis")
    x = np.moveaxis(x, 1, runs)
    lazy = rdms(
        da.from_array(x, chunks=(1, 1, 6, features)),
        "crossnobis",
        noise=keywords["noise"],
        runs=runs,
    )
    expected = rdms(x, "crossnobis", noise=keywords["noise"], runs=runs)
    np.testing.assert_allclose(lazy.compute(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("dtype", ["f2", "i4", "u1", "?", ">f8"])
@pytest.mark.parametrize("features", [24, 10])
def test_types_are_computed_in_as_without_dask(measure, dtype, features):
    x, keywords = example(measure)
    x = (x > 2 if dtype == "?" else np.round(x * 10)).astype(dtype)
    lazy = rdms(da.from_array(x, chunks=(1, 3, 6, features)), measure, **keywords)
    expected = rdms(x, measure, **keywords)
    assert lazy.dtype == ("f4" if dtype == "f2" else "f8")
    tolerance = 1e-4 if dtype == "f2" else 1e-11
    np.testing.assert_allclose(
        lazy.compute(), expected, rtol=tolerance, atol=tolerance * np.abs(expected).max()
    )


@pytest.mark.parametrize("measure", ["mahalanobis", "crossnobis"])
@pytest.mark.parametrize("features", [24, 10])
def test_noise_may_be_variances_or_a_dask_array(measure, features):
    x, keywords = example(measure)
    lazy = da.from_array(x, chunks=(1, 3, 6, features))
    full = rdms(lazy, measure, **(keywords | {"noise": da.from_array(keywords["noise"], chunks=5)}))
    np.testing.assert_allclose(full.compute(), rdms(x, measure, **keywords), rtol=1e-12, atol=1e-12)
    keywords["noise"] = np.linspace(0.5, 2, FEATURES)
    expected = rdms(x, measure, **keywords)
    np.testing.assert_allclose(
        rdms(lazy, measure, **keywords).compute(), expected, rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("features", [24, 10])
def test_missing_conditions_are_nan_as_without_dask(measure, features):
    x, keywords = example(measure)
    x[0, ..., 2, :] = np.nan
    expected = rdms(x, measure, nan="pairwise", **keywords)
    assert np.isnan(expected).any()
    assert np.isfinite(expected).any()
    lazy = rdms(da.from_array(x, chunks=(1, 3, 6, features)), measure, nan="pairwise", **keywords)
    np.testing.assert_allclose(lazy.compute(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("features", [24, 10])
def test_nothing_is_computed_before_it_is_asked_for(measure, features):
    x, keywords = example(measure)
    # A dask array that fails if any of it is computed; its metadata is all that building the graph
    # may need.
    source = da.from_array(x, chunks=(1, 3, 6, features)).map_blocks(
        forbidden, dtype=x.dtype, meta=np.empty((0,) * 4)
    )
    lazy = rdms(source, measure, **keywords)
    with pytest.raises(AssertionError, match="before it was asked for"):
        lazy.compute()


@pytest.mark.parametrize("measure", MEASURES)
def test_wide_patterns_are_summed_over_blocks_and_never_whole(measure, monkeypatch):
    widest = []

    def seen(block):
        widest.append(block.shape[-1])
        return block

    x, keywords = example(measure)
    if "noise" in keywords:
        keywords["noise"] = np.ones(FEATURES)
    source = da.from_array(x, chunks=(1, 3, 6, 4)).map_blocks(
        seen, dtype=x.dtype, meta=np.empty((0,) * 4)
    )
    monkeypatch.setattr(rdm, "rdms", forbidden)  # which would need all features
    lazy = rdms(source, measure, **keywords)
    lazy.compute()
    assert widest
    assert set(widest) == {4}


@pytest.mark.parametrize("measure", ["correlation", "sqeuclidean", "mahalanobis", "crossnobis"])
@pytest.mark.parametrize("features", [24, 10])
def test_a_large_common_baseline_changes_no_distance(measure, features):
    x, keywords = example(measure)
    x = np.round(x * 1024) / 1024  # 37 bits with the baseline: float64 holds the sums exactly
    expected = rdms(x, measure, **keywords)
    ours = rdms(
        da.from_array(x + 2.0**27, chunks=(1, 3, 6, features)), measure, **keywords
    ).compute()
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


X = np.random.default_rng(0).gamma(2.0, 1.0, (6, 10))
REFUSED_AT_ONCE = {
    "three conditions": (X[:3], {}, "3 conditions; at least 4"),
    "a vector": (X[0], {}, "condition, feature"),
    "a number": (np.float64(1), {}, "condition, feature"),
    "no RDMs": (np.empty((0, 6, 10)), {}, "empty"),
    "no features": (np.empty((6, 0)), {}, "empty"),
    "complex": (X * 1j, {}, "complex"),
    "texts": (X.astype(str), {}, "numbers"),
    "unknown measure": (X, {"measure": "corelation"}, ", ".join(MEASURES)),
    "unknown nan": (X, {"nan": "drop"}, "refuse, pairwise"),
    "mahalanobis without noise": (X, {"measure": "mahalanobis"}, "needs noise"),
    "noise of other features": (X, {"measure": "mahalanobis", "noise": np.eye(9)}, "10 features"),
    "noise for correlation": (X, {"noise": np.eye(10)}, "not by correlation"),
    "crossnobis without runs": (X[None], {"measure": "crossnobis"}, "say which axis"),
    "crossnobis of one run": (
        X[None],
        {"measure": "crossnobis", "runs": 0},
        "at least 2 independent runs",
    ),
}


@pytest.mark.parametrize("case", REFUSED_AT_ONCE)
@pytest.mark.parametrize("whole", [True, False])
def test_what_shapes_and_names_tell_is_refused_before_anything_runs(case, whole):
    value, keywords, words = REFUSED_AT_ONCE[case]
    with pytest.raises(AnalysisError, match=words):
        rdms(da.from_array(value, chunks=-1 if whole else 4), **keywords)


@pytest.mark.parametrize("features", [24, 10])
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1.7e308])
def test_what_only_the_numbers_tell_is_refused_when_they_are_computed(measure, value, features):
    x, keywords = example(measure)
    x[1, :, 2, 3] = value
    # No overflow: a row's scale does not matter.
    if MEASURES[measure].scale_free and np.isfinite(value):
        small = x.copy()
        small[1, :, 2] /= 1e308
        ours = rdms(da.from_array(x, chunks=(1, 3, 6, features)), measure).compute()
        np.testing.assert_allclose(ours, rdms(small, measure), rtol=0, atol=1e-12)
        return
    with pytest.raises(AnalysisError, match="condition 2 of 6"):
        rdms(da.from_array(x, chunks=(1, 3, 6, features)), measure, **keywords).compute()


@pytest.mark.parametrize("features", [24, 10])
def test_flat_patterns_and_negative_rates_are_refused_when_they_are_computed(features):
    def lazy(x):
        return da.from_array(x, chunks=(1, 1, 6, features))

    x, _ = example("correlation")
    x[1, 2, 4] = 0.1
    with pytest.raises(AnalysisError, match="condition 4 of 6 have no variance"):
        rdms(lazy(x)).compute()
    with pytest.raises(AnalysisError, match="condition 4 of 6 have length zero"):
        rdms(lazy(np.where(x == 0.1, 0, x)), "cosine").compute()
    with pytest.raises(AnalysisError, match="not negative"):
        rdms(lazy(-x), "poisson").compute()


@pytest.mark.parametrize("measure", MEASURES)
def test_an_unknown_number_of_features_gives_right_numbers_or_a_clear_error(measure):
    x, keywords = example(measure)
    lazy = da.from_array(x, chunks=(2, 3, 6, 8))
    # Dask does not know how many.
    some = lazy[..., da.from_array(np.arange(FEATURES) % 3 > 0, chunks=8)]
    assert np.isnan(some.shape[-1])
    if "noise" in keywords:
        keywords["noise"] = np.eye(16)
    try:
        ours = rdms(some, measure, **keywords).compute()
    except AnalysisError:
        return
    np.testing.assert_allclose(
        ours, rdms(some.compute(), measure, **keywords), rtol=1e-12, atol=1e-12
    )


# --- comparisons ----------------------------------------------------------------------------------


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3, 45), (4, 5, 45)),
        ((1, 45), (1, 2, 45)),
        ((2, 10), (3, 5, 7)),
        (None, (2, 2, 45)),
        ((2, 45), None),
    ],
)
def test_comparisons_of_chunks_are_those_of_whole_arrays(comparator, left, right):
    a, d = vectors(3), vectors(4, 5, seed=1)
    expected = compare(a, d, comparator)
    lazy = compare(
        a if left is None else da.from_array(a, chunks=left),
        d if right is None else da.from_array(d, chunks=right),
        comparator,
    )
    assert isinstance(lazy, da.Array)
    assert lazy.shape == (3, 4, 5)
    done = lazy.compute()
    assert done.dtype == lazy.dtype == np.float64
    # Which rows stand together in a product changes the order of its sums.
    np.testing.assert_allclose(done, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_single_vectors_have_no_axis(comparator):
    a, d = vectors(3), vectors(4, seed=1)
    expected = compare(a, d, comparator)
    row = compare(da.from_array(a[0], chunks=20), da.from_array(d, chunks=(2, 7)), comparator)
    np.testing.assert_allclose(row.compute(), expected[0], rtol=0, atol=1e-14)
    one = compare(da.from_array(a[0], chunks=20), da.from_array(d[1], chunks=7), comparator)
    assert one.shape == ()
    assert float(one.compute()) == pytest.approx(expected[0, 1], abs=1e-14)


@pytest.mark.parametrize("comparator", WHITENED)
def test_whitening_reaches_the_blocks(comparator):
    a, d, sigma_k = vectors(3), vectors(4, seed=1), np.linspace(0.2, 4, 10)
    lazy = compare(da.from_array(a, chunks=(1, 45)), d, comparator, sigma_k=sigma_k)
    np.testing.assert_allclose(
        lazy.compute(), compare(a, d, comparator, sigma_k=sigma_k), rtol=0, atol=1e-13
    )


def test_no_comparison_is_computed_before_it_is_asked_for():
    source = da.from_array(vectors(4), chunks=(1, 45)).map_blocks(
        forbidden, dtype=float, meta=np.empty((0, 0))
    )
    lazy = compare(source, vectors(3))
    with pytest.raises(AssertionError, match="before it was asked for"):
        lazy.compute()


def test_rdms_and_their_comparison_are_one_graph():
    x, _ = example("correlation")
    model = rdms(x[0, 0])
    lazy = compare(model, rdms(da.from_array(x, chunks=(1, 1, 6, 10))), "spearman")
    np.testing.assert_allclose(
        lazy.compute(), compare(model, rdms(x), "spearman"), rtol=0, atol=1e-14
    )


A = vectors(3)
REFUSED_COMPARISONS = {
    "different pairs": (
        A,
        A[:, :36],
        {},
        r"45 pairs \(10 x 10 conditions\), data RDMs have 36 pairs \(9 x 9\)",
    ),
    "no number of pairs": (A[:, :44], A[:, :44], {}, "9 conditions have 36, 10 have 45"),
    "a number": (A, 1.0, {}, None),
    "text": (A, "abc", {}, None),
    "lists of different lengths": (A, [[1, 2], [1]], {}, None),
    "unknown comparator": (A, A, {"comparator": "kendall"}, ", ".join(COMPARATORS)),
    "unknown nan": (A, A, {"nan": "drop"}, "choose from"),
    "common pairs": (A, A, {"nan": "common"}, "lazy"),
    "sigma without meaning": (
        A,
        A,
        {"comparator": "pearson", "sigma_k": np.eye(10)},
        "does not use it",
    ),
    "sigma of other conditions": (
        A,
        A,
        {"comparator": "cosine-whitened", "sigma_k": np.eye(9)},
        "10 conditions",
    ),
    "constant": (A, np.ones((3, 45)), {}, "constant"),
    "NaN": (np.where(A > 0.9, np.nan, A), A, {}, "NaN"),
    "square": (square(A), square(A), {}, "square"),
    "complex": (A * 1j, A, {}, "complex"),
    "no RDMs": (A[:0], A, {}, "there are no"),
}


@pytest.mark.parametrize("case", REFUSED_COMPARISONS)
def test_comparisons_that_mean_nothing_are_refused_at_once_or_when_computed(case):
    a, d, keywords, words = REFUSED_COMPARISONS[case]
    with pytest.raises(AnalysisError, match=words):
        compare(da.from_array(a, chunks=-1), d, **keywords).compute()


def test_a_lazy_number_is_refused_like_any_other():
    with pytest.raises(AnalysisError):
        compare(da.from_array(np.float64(1)), A)


def test_a_ceiling_of_a_dask_array_is_that_of_its_numbers():
    d = vectors(4, 2, seed=3)
    np.testing.assert_array_equal(
        noise_ceiling(da.from_array(d, chunks=(1, 1, 20))), noise_ceiling(d)
    )


# --- schedulers -----------------------------------------------------------------------------------


def test_the_threads_of_dask_and_those_of_ranks_do_not_disturb_each_other():
    a, d = vectors(5), vectors(60, seed=1)
    for comparator in COMPARATORS:
        lazy = compare(
            da.from_array(a, chunks=(2, 45)), da.from_array(d, chunks=(7, 45)), comparator
        )
        done = lazy.compute(scheduler="threads", num_workers=3)
        np.testing.assert_allclose(done, compare(a, d, comparator), rtol=0, atol=1e-14)


@pytest.fixture(scope="module")
def client():
    """Two worker processes.

    What distributed itself warns about while it starts and stops is not ours to judge.
    """
    import distributed

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {
            "n_workers": 2,
            "threads_per_worker": 1,
            "processes": True,
            "dashboard_address": None,
        }
        with (
            distributed.LocalCluster(**options, silence_logs=50) as cluster,
            distributed.Client(cluster) as client,
        ):
            client.wait_for_workers(2, timeout=600)
            yield client


def workers_of(client, lazy):
    """The result of a dask array, wherever the scheduler puts its blocks, and the results of each
    of the two workers alone.
    """
    with warnings.catch_warnings(), dask.config.set(scheduler=None):
        warnings.simplefilter("ignore")
        # On a busy machine one may have been lost and begun again.
        client.wait_for_workers(2, timeout=600)
        # Asks the scheduler; what the client remembers of it may be old.
        both = list(client.nthreads())
        alone = [
            client.compute(lazy, workers=[w], allow_other_workers=False).result(timeout=600)
            for w in both
        ]
        return client.compute(lazy).result(timeout=600), alone


@pytest.mark.sampled(1)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("features", [24, 10])
def test_two_workers_compute_the_rdms_of_one_process(client, measure, features):
    x, keywords = example(measure)
    x = np.concatenate([x] * 4)
    lazy = rdms(da.from_array(x, chunks=(1, 3, 6, features)), measure, **keywords)
    value, alone = workers_of(client, lazy)
    assert len(alone) == 2
    # Which blocks go where is the scheduler's choice; each worker must be able to do all of it.
    for one in alone:
        np.testing.assert_array_equal(one, value)
    np.testing.assert_allclose(value, rdms(x, measure, **keywords), rtol=1e-12, atol=1e-12)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("comparator", COMPARATORS)
def test_two_workers_compare_as_one_process_does(client, comparator):
    a, d = vectors(6), vectors(20, seed=1)
    lazy = compare(da.from_array(a, chunks=(2, 45)), da.from_array(d, chunks=(5, 45)), comparator)
    value, alone = workers_of(client, lazy)
    assert len(alone) == 2
    # Which blocks go where is the scheduler's choice; each worker must be able to do all of it.
    for one in alone:
        np.testing.assert_array_equal(one, value)
    np.testing.assert_allclose(value, compare(a, d, comparator), rtol=0, atol=1e-14)


def test_an_error_on_a_worker_arrives_with_its_words(client):
    x, _ = example("correlation")
    x[1, 0, 2] = 1.0
    with pytest.raises(AnalysisError, match="condition 2 of 6 have no variance"):
        workers_of(client, rdms(da.from_array(x, chunks=(1, 3, 6, 24))))
    with pytest.raises(AnalysisError, match="constant"):
        workers_of(client, compare(da.from_array(A), np.ones((2, 45))))
