"""``encode`` and ``partition``: against scikit-learn, himalaya and scipy.

No leak from held-out stimuli; planted noise and shares; refusals.
"""

import numpy as np
import pytest
import scipy.stats
import torch
import xarray as xr
from grouped import grouped
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge

from cortexsim.analysis import (
    CrossValidation,
    Inference,
    Regression,
    encode,
)
from cortexsim.analysis.linear.frames import items_of, places_of
from cortexsim.analysis.linear.patterns import Patterns
from cortexsim.analysis.linear.regression import METHODS
from cortexsim.analysis.linear.settings import Settings
from cortexsim.analysis.linear.splits import permutations_of, splits_of
from cortexsim.errors import AnalysisError
from cortexsim.record import RecordConfig, record

CPU = torch.device("cpu")


ALPHAS = np.logspace(-3, 3, 13)


def quick(x, y, **options):
    """Few resamples; options are flat."""
    return encode(x, y, **grouped(encode, **{"n": 50, **options}))


def example(stimuli=60, features=100, units=12, noise=1.0, seed=0, signal=5):
    """Responses that are linear in the first features, which are larger than the others, about a
    mean.
    """
    rng = np.random.default_rng(seed)
    x = 3 + rng.normal(size=(stimuli, features)) * np.where(np.arange(features) < signal, 3, 0.3)
    y = x[:, :signal] @ rng.normal(size=(signal, units)) / 3
    return x, 7 + y + noise * y.std(0) * rng.normal(size=y.shape)


def splits(stimuli=60, folds=4, seed=0, groups=None):
    groups = np.arange(stimuli) if groups is None else groups
    return splits_of("folds", groups, folds, inner_folds=3, rng=np.random.default_rng(seed))


def of_pls(method: str, components: int) -> dict[str, int]:
    """The number of components, which no other method has."""
    return {"components": components} if method == "pls" else {}


def fitted(x, y, split, method="ridge", **changes):
    settings = Settings(**{"alphas": ALPHAS, "components": 4, "keep": None, **changes})
    return METHODS[method](Patterns(x, CPU, "x"), split, settings)(y[:, None])


def test_pls_that_does_not_converge_is_counted(monkeypatch):
    x, y = example(features=20, units=6)
    assert int(quick(x, y, method="pls", components=3).not_converged) == 0
    real = PLSRegression.fit

    def impatient(self, a, b):
        self.max_iter, self.tol = 2, 1e-30
        return real(self, a, b)

    monkeypatch.setattr(PLSRegression, "fit", impatient)
    assert int(quick(x, y, method="pls", components=3).not_converged) == 5


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "options", [{}, {"method": "pls", "components": 5}, {"reduce": "pca:10"}, {"splits": "shuffle"}]
)
def test_responses_to_nothing_are_predicted_at_zero_on_average(options):
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(40, 80)), 5 + rng.normal(size=(40, 30))
        found.append(
            float(encode(x, y, **grouped(encode, resample=(), rng=seed, **options)).r.mean())
        )
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(20)
    assert np.std(found) < 0.08


@pytest.mark.slow
def test_p_values_of_responses_to_nothing_are_uniform():
    """Fits of different folds share stimuli.

    Permuted responses that are fitted again see that, predictions that are held fixed would not.
    """
    p = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(24, 10)), rng.normal(size=(24, 1))
        p.append(
            float(
                encode(
                    x,
                    y,
                    inference=Inference(resample=(), permutations=39, rng=seed),
                    cv=CrossValidation(folds=4, inner_folds=3),
                    regression=Regression(alphas=[1.0]),
                ).p
            )
        )
    assert scipy.stats.kstest(p, "uniform").statistic < 0.13
    assert np.mean(np.array(p) <= 0.05) < 0.10


@pytest.mark.parametrize("method", METHODS)
def test_scores_are_those_of_brain_scores_pipeline_on_the_same_splits(method):
    x, y = example(units=7)
    result = quick(x, y, method=method, splits="shuffle", rng=3, **of_pls(method, 4))
    generator = np.random.default_rng(3)
    generator.integers(2**63)  # the seed of the halves of repeats is drawn first, had or not
    each = []
    for s in splits_of("shuffle", np.arange(60), 5, inner_folds=5, rng=generator):
        p = fitted(x, y, s, method, alphas=np.logspace(-3, 5, 17)).prediction[:, 0]
        each.append([scipy.stats.pearsonr(p[:, k], y[s.test, k])[0] for k in range(7)])
    np.testing.assert_allclose(result.r, np.mean(each, axis=0), atol=1e-9)
    np.testing.assert_allclose(result.median_r_by_split, np.median(each, axis=1), atol=1e-9)
    assert float(result.median_r) == pytest.approx(np.median(np.mean(each, axis=0)))


def test_r2_is_zero_for_the_training_mean_and_one_without_noise():
    x, y = example(noise=0, features=5)
    assert quick(x, y).r2.min() > 0.999
    far = quick(x, y, alphas=[1e12])
    np.testing.assert_allclose(far.r2, 0, atol=1e-6)
    assert far.r.min() > 0.5  # a correlation does not see the scale


def test_r_corrected_recovers_the_correlation_without_noise():
    """Responses that are exactly linear in the features, measured with noise.

    R falls, r / sqrt(reliability) stays at 1.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5))
    signal = x @ rng.normal(size=(5, 30))
    trials = signal + 2 * signal.std(0) * rng.normal(size=(8, 400, 30))
    result = quick(x, xr.DataArray(trials, dims=("repeat", "stimulus", "unit")))
    truth = 1 / np.sqrt(1 + 4 / 8)  # of the mean of 8 trials
    assert float(result.median_r) == pytest.approx(truth, abs=0.03)
    assert float(result.median_r_noise_corrected) == pytest.approx(1, abs=0.03)
    np.testing.assert_allclose(result.reliability, truth**2, atol=0.1)
    assert bool(result.reliable.all())


def test_units_that_are_not_reliable_are_counted_and_not_corrected():
    x, y = example()
    reliability = np.full(12, 0.5)
    reliability[[2, 5]] = [0.05, np.nan]
    result = quick(x, y, reliability=reliability)
    assert (
        np.flatnonzero(~result.reliable).tolist()
        == [2, 5]
        == np.flatnonzero(result.r_noise_corrected.isnull()).tolist()
    )
    assert (result.attrs["units_not_reliable"], result.attrs["least_reliability"]) == (2, 0.1)
    good = result.reliable.values
    np.testing.assert_allclose(result.r_noise_corrected[good], result.r[good] / np.sqrt(0.5))
    assert float(result.median_r_noise_corrected) == pytest.approx(
        float(result.r_noise_corrected[good].median())
    )
    assert int(result.units) == 12


def test_a_response_that_never_changes_has_no_score_and_is_not_in_the_median():
    x, y = example()
    y[:, 3] = 2.0
    result = quick(x, y, permutations=5)
    assert np.isnan(result.r[3])
    assert np.isnan(result.p_unit[3])
    assert int(result.units) == 11
    assert float(result.median_r) == pytest.approx(float(np.median(np.delete(result.r.values, 3))))


@pytest.mark.slow
def test_intervals_over_stimuli_hold_the_score_on_many_new_stimuli():
    inside = 0
    for seed in range(60):
        x, y = example(stimuli=4000, features=6, units=8, noise=1.5, seed=seed)
        result = encode(x[:80], y[:80], inference=Inference(n=200, resample="stimulus", rng=seed))
        low, high = result.interval.values
        model = Ridge(1e-3).fit(x[:80], y[:80])
        p = model.predict(x[80:])
        truth = np.median([scipy.stats.pearsonr(p[:, k], y[80:, k])[0] for k in range(8)])
        inside += low <= truth <= high
    assert inside >= 50  # of 60 where 57 are expected of a perfect 95 %


def test_an_interval_over_units_is_narrower_where_units_are_alike():
    x, y = example(units=40)
    both, stimuli, units = (
        quick(x, y, resample=r) for r in (("stimulus", "unit"), "stimulus", "unit")
    )
    widths = [float(np.ptp(r.interval.values)) for r in (both, stimuli, units)]
    assert widths[0] > max(widths[1:])
    assert "stimulus and unit" in both.attrs["interval_text"]
    assert "interval" not in quick(x, y, resample=())


@pytest.mark.sampled(1)
@pytest.mark.parametrize("method", METHODS)
def test_the_null_is_that_of_fits_of_permuted_responses(method):
    x, y = example(units=6)
    options = {"method": method, "resample": (), "permutations": 12, "rng": 2} | of_pls(method, 3)
    result = encode(x, y, **grouped(encode, **options))
    generator = np.random.default_rng(2)
    generator.integers(2**63)  # the seed of the halves of repeats
    folds = splits_of("folds", np.arange(60), 5, inner_folds=5, rng=generator)
    null = []
    for order in permutations_of(np.arange(60), 12, generator):
        done = [
            fitted(x, y[order], s, method, alphas=np.logspace(-3, 5, 17), components=3)
            for s in folds
        ]
        each = [
            [scipy.stats.pearsonr(d.prediction[:, 0, k], y[order][s.test, k])[0] for k in range(6)]
            for d, s in zip(done, folds)
        ]
        null.append(np.mean(each, axis=0))
    high = np.quantile(np.median(null, axis=1), 0.95, method="higher")
    assert float(result.null_high) == pytest.approx(high)
    reached = (np.array(null) >= result.r.values - 1e-9).sum(0)
    np.testing.assert_allclose(result.p_unit, (1 + reached) / 13)


def test_intervals_are_corrected_as_the_score_is():
    x, y = example()
    result = quick(x, y, reliability=0.25)
    np.testing.assert_allclose(result.interval_noise_corrected, 2 * result.interval)
    assert float(result.median_r_noise_corrected) == pytest.approx(2 * float(result.median_r))


def test_signal_passes_its_null_and_p_values_are_counted():
    x, y = example(noise=0.5)
    result = quick(x, y, permutations=40)
    assert float(result.p) == pytest.approx(1 / 41) == float(result.p_corrected)
    assert (result.p_unit == pytest.approx(1 / 41)).all()
    assert float(result.null_high) < 0.4 < float(result.median_r)


def test_times_of_the_responses_and_steps_of_the_features_are_fitted_as_if_alone():
    x, y = example()
    other = np.random.default_rng(5).normal(size=x.shape)
    stack = xr.DataArray(
        np.stack([other, x], axis=1), dims=("stimulus", "step", "unit"), coords={"step": [3, 4]}
    )
    both = xr.DataArray(
        np.stack([y, y[:, ::-1]], 1),
        dims=("stimulus", "time_ms", "unit"),
        coords={"time_ms": [50.0, 60.0]},
    )
    for method in METHODS:
        options = {"method": method, "resample": "stimulus"} | of_pls(method, 3)
        result = quick({"IT": stack}, both, **options)
        assert result.r.dims == ("state", "step", "time_ms", "unit")
        one = quick(x, y, **options)
        for name in ("r", "r2"):
            np.testing.assert_allclose(
                result[name].sel(state="IT", step=4, time_ms=50), one[name], atol=1e-9
            )
        reversed_r = result.r.sel(state="IT", step=4, time_ms=60)[::-1]
        if method == "ridge":
            np.testing.assert_allclose(reversed_r, one.r, atol=1e-9)
        np.testing.assert_allclose(
            result.interval.sel(state="IT", step=4, time_ms=50), one.interval, atol=1e-9
        )


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return record(
        RecordConfig(
            limit=30, keep="mean", figure=False, out=str(tmp_path_factory.mktemp("r") / "a.zarr")
        )
    )


def test_a_recording_is_read_frame_by_frame_from_its_path_its_tree_or_its_arrays(recording):
    import cortexsim

    tree = cortexsim.open_recording(recording)
    last = tree["IT"].activation.sel(step=6).values.astype(float)
    y = last[:, :4] + np.random.default_rng(0).normal(size=(30, 4)) * last[:, :4].std(0) / 3
    options = {"folds": 3, "inner_folds": 3}
    result = quick(recording, y, **options)
    assert dict(result.r.sizes) == {"state": 4, "step": 8, "unit": 4}
    assert np.isnan(result.r.sel(state="IT", step=3)).all()
    assert np.isfinite(result.r.sel(state="IT", step=4)).all()
    assert "model_time_ms" in result.coords
    assert bool(result.populated.sel(state="IT", step=4))
    ids = tree["IT"].stimulus_id.values  # by which folds are made
    alone = xr.DataArray(last, {"stimulus_id": ("stimulus", ids)}, ("stimulus", "unit"))
    np.testing.assert_allclose(
        result.r.sel(state="IT", step=6), quick(alone, y, **options).r, atol=1e-6
    )
    part = quick(tree, y, states="IT", steps=[4, 6], **options)
    xr.testing.assert_allclose(part.r, result.r.sel(state=["IT"], step=[4, 6]))
    arrays = quick({"IT": tree["IT"].activation}, y, **options)
    xr.testing.assert_allclose(
        arrays.r.drop_vars("populated"), result.r.sel(state=["IT"]).drop_vars("populated")
    )


def test_results_say_what_was_done_and_survive_a_file(tmp_path):
    x, y = example(units=3)
    result = quick(x, y, permutations=3, rng=5, reduce="projection:20", reliability=0.5)
    a = result.attrs
    assert (a["method"], a["seed"], a["n"], a["permutations"], a["stimuli"], a["folds"]) == (
        "ridge",
        5,
        50,
        3,
        60,
        5,
    )
    assert "himalaya" in a["provenance"]
    result.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as again:
        xr.testing.assert_identical(again.load(), result)
    xr.testing.assert_identical(
        quick(x, y, permutations=3, rng=5, reduce="projection:20", reliability=0.5), result
    )
    assert not quick(x, y, rng=6).r.equals(quick(x, y, rng=5).r)


def test_a_projection_keeps_what_is_spread_over_many_units():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(80, 4))
    x = hidden @ rng.normal(size=(4, 3000))
    y = hidden + 0.5 * rng.normal(size=(80, 4))
    whole, projected = quick(x, y), quick(x, y, reduce="projection:200")
    assert abs(float(whole.median_r - projected.median_r)) < 0.05


def nan_in(y, value=np.nan):
    y = y.copy()
    y[3, 2] = value
    return y


def with_ids(values, ids):
    return xr.DataArray(
        values, dims=("stimulus", "unit"), coords={"stimulus_id": ("stimulus", list(ids))}
    )


X, Y = example(stimuli=30, features=12, units=4)


IDS = [f"image_{k:02d}" for k in range(30)]


REFUSED = [
    (X, nan_in(Y), {}, "1 of 30 stimuli and 1 of 4 units have responses that are NaN"),
    (X, nan_in(Y, np.inf), {}, "1 responses are infinite"),
    (nan_in(X), Y, {}, r"1 of 30 stimuli have values that are NaN or infinite \(first: 3\)"),
    (X[:29], Y, {}, "features are of 29 stimuli, the responses of 30"),
    (
        with_ids(X, IDS),
        with_ids(Y, [f"other {k}" for k in range(30)]),
        {},
        "30 of the 30 stimuli of the features are not among the 30 of the responses.*'other 0'",
    ),
    (X[None], Y, {}, "a plain array must be numbers"),
    (X, Y[None], {}, "a plain array must be numbers"),
    (X[:, :0], Y, {}, "the features are empty"),
    (X, Y[:, :0], {}, "the responses are empty"),
    (X, xr.DataArray(Y, dims=("stimulus", "neuron")), {}, "responses have dimensions"),
    (np.ones_like(X), Y, {}, "all training stimuli have the same pattern"),
    ({}, Y, {}, "is empty"),
    ({"a": X, "b": X[:20]}, Y, {}, "state a are of 30 stimuli, the state b of 20"),
    (np.full_like(X, np.nan), Y, {}, "no state is populated"),
    (X, Y, {"method": "lasso"}, "choose from ridge, pls"),
    (X, Y, {"splits": "random"}, "choose from folds, shuffle"),
    (X, Y, {"folds": 1}, "1 folds of the stimuli.*give at least 2"),
    (X, Y, {"folds": 31}, "31 folds of 30 stimuli"),
    (X, Y, {"folds": 15}, "holds out 2 of 30 stimuli"),
    (X, Y, {"inner_folds": 1}, "inner_folds=1"),
    (X, Y, {"groups": np.zeros(30)}, "5 folds of 1 stimuli"),
    (X, Y, {"groups": [1, 2]}, "responses are of 30 stimuli, the groups of 2"),
    (X, Y, {"alphas": [0.0, 1.0]}, "penalties above 0"),
    (X, Y, {"alphas": []}, "penalties above 0"),
    (
        X,
        Y,
        {"method": "pls", "components": 13},
        "13 PLS components of 24 training stimuli with 12 dimensions",
    ),
    (X, Y, {"components": 0}, "components=0"),
    (X, Y, {"reduce": "pca"}, "choose from projection:K, pca:K"),
    (X, Y, {"reduce": "umap:3"}, "choose from projection:K, pca:K"),
    (X, Y, {"resample": "subject"}, "choose from stimulus, unit"),
    (X, Y, {"n": 5}, "n=5 resamples"),
    (X, Y, {"permutations": -1}, "permutations=-1"),
    (X, Y, {"confidence": 95}, "confidence=95"),
    (X, Y, {"reliability": np.full(3, 0.5)}, r"reliability has shape \(3,\)"),
    (X, Y, {"reliability": 1.5}, "at most 1"),
    (X, Y, {"states": "IT"}, "choose from a recording"),
    (X, Y, {"rng": -1}, "rng=-1"),
]


@pytest.mark.parametrize(("x", "y", "options", "message"), REFUSED)
def test_what_gives_no_sound_number_is_refused(x, y, options, message):
    with pytest.raises(AnalysisError, match=message):
        encode(x, y, **grouped(encode, **options))


def test_repeats_that_are_too_few_are_refused():
    trials = np.random.default_rng(0).normal(size=(3, 30, 4))
    trials[1:, 4, 2] = np.nan
    given = xr.DataArray(trials, dims=("repeat", "stimulus", "unit"))
    with pytest.raises(AnalysisError, match="1 of 30 stimuli have fewer than 2 repeats"):
        encode(X, given)
    assert quick(X, given, reliability=0.5).r.notnull().all()


def test_the_order_of_ids_is_that_of_their_numbers_however_long():
    ids = ["a10", "a2", "a" + "1" * 5000, "a02", "b"]
    x = xr.DataArray(np.zeros((5, 1)), {"stimulus_id": ("stimulus", ids)}, ("stimulus", "unit"))
    places = places_of(items_of(x, "features"))
    assert [ids[k] for k in np.argsort(places)] == ["a02", "a2", "a10", ids[2], "b"]
