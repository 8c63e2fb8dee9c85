"""``decode``: against scikit-learn and mne on the same folds; no leak from held-out stimuli.

Nulls that are nulls; refusals.
"""

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from grouped import grouped
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cortexsim
from cortexsim.analysis import ESTIMATORS, CrossValidation, Inference, decode
from cortexsim.analysis.linear import decoding, decoding_plan
from cortexsim.errors import AnalysisError
from cortexsim.record import RecordConfig, record


def quick(x, y=None, **options):
    """Few resamples; options are flat."""
    return decode(x, y, **grouped(decode, **{"n": 20, **options}))


CLASSES = ["cat", "dog", "owl"]


def example(each=20, features=30, strength=0.5, seed=0, classes=3):
    """Patterns about a mean for each label; features differ in scale, stimuli are shuffled."""
    rng = np.random.default_rng(seed)
    number = rng.permutation(np.repeat(np.arange(classes), each))
    means = strength * rng.normal(size=(classes, features))
    x = 5 + (means[number] + rng.normal(size=(len(number), features))) * rng.uniform(
        0.1, 10, features
    )
    return x, np.array(CLASSES)[number]


@pytest.fixture
def folds(monkeypatch):
    """The folds of the last call."""
    seen = []
    real = decoding_plan._folds

    def spy(*args, **keywords):
        seen.append(real(*args, **keywords))
        return seen[-1]

    monkeypatch.setattr(decoding_plan, "_folds", spy)
    return seen


def pipeline(estimator, *between):
    return make_pipeline(StandardScaler(), *between, ESTIMATORS[estimator]())


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("features", [10, 200])
def test_accuracy_is_that_of_scikit_learns_cross_validation(estimator, features, folds):
    x, y = example(features=features, strength=0.3)
    result = quick(x, y, estimator=estimator)
    expected = cross_val_score(pipeline(estimator), x, y, cv=folds[-1], scoring="balanced_accuracy")
    # Folds with as many stimuli of every label: their mean is the accuracy over all of them.
    assert float(result.accuracy) == pytest.approx(expected.mean(), abs=1e-12)
    guesses = cross_val_predict(pipeline(estimator), x, y, cv=folds[-1])
    np.testing.assert_array_equal(result.confusion, confusion_matrix(y, guesses, labels=CLASSES))
    assert result.true.values.tolist() == CLASSES
    assert float(result.chance) == pytest.approx(1 / 3)


def test_labels_with_different_numbers_of_stimuli_count_the_same(folds):
    x, y = example(each=40, strength=0.15)
    keep = np.sort(
        np.concatenate([np.flatnonzero(y == c)[:k] for c, k in zip(CLASSES, (40, 11, 6))])
    )
    x, y = x[keep], y[keep]
    result = quick(x, y)
    guesses = cross_val_predict(pipeline("logistic"), x, y, cv=folds[-1])
    assert float(result.accuracy) == pytest.approx(balanced_accuracy_score(y, guesses))


def test_principal_components_are_those_of_the_training_stimuli(folds):
    x, y = example(features=200, strength=0.3)
    result = quick(x, y, reduce="pca:5")
    guesses = cross_val_predict(pipeline("logistic", PCA(5, svd_solver="full")), x, y, cv=folds[-1])
    assert float(result.accuracy) == pytest.approx(balanced_accuracy_score(y, guesses))


def movie(trials=60, times=6, units=15, seed=0):
    """Neural responses: nothing before the third time, then a code that turns."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([0, 1], trials // 2))
    x = rng.normal(size=(trials, times, units))
    codes = rng.normal(size=(times, units))
    codes[4] = codes[3]
    x[:, 2:] += 0.8 * (2 * y - 1)[:, None, None] * codes[2:]
    coords = {"time_ms": 10.0 * np.arange(times)}
    return xr.DataArray(x, dims=("trial", "time_ms", "unit"), coords=coords), np.array(
        ["face", "house"]
    )[y]


def test_temporal_generalisation_is_that_of_mne(folds):
    from mne.decoding import GeneralizingEstimator, cross_val_multiscore

    x, y = movie()
    result = quick(x, y, generalise=True)
    peer = GeneralizingEstimator(pipeline("logistic"), scoring="balanced_accuracy", verbose=False)
    expected = cross_val_multiscore(
        peer, x.transpose("trial", "unit", "time_ms").values, y, cv=folds[-1], verbose=False
    )
    assert result.accuracy.dims == ("time_ms", "test_time_ms")
    np.testing.assert_allclose(result.accuracy, expected.mean(0), atol=1e-12)
    np.testing.assert_allclose(np.diagonal(result.accuracy), quick(x, y).accuracy, atol=1e-12)
    assert float(result.accuracy.sel(time_ms=30, test_time_ms=40)) > 0.8
    assert result.accuracy.sel(time_ms=[0, 10]).max() < 0.75


def test_a_recording_is_read_by_state_and_step(tmp_path):
    path = record(RecordConfig(limit=24, keep="mean", figure=False, out=str(tmp_path / "a.zarr")))
    y = np.tile(["a", "b"], 12)
    result = quick(path, y, folds=3, estimator="ridge")
    tree = cortexsim.open_recording(path)
    assert dict(result.accuracy.sizes) == {"state": 4, "step": 8}
    assert np.isnan(result.accuracy.sel(state="IT", step=3))
    assert np.isnan(result.confusion.sel(state="IT", step=3)).all()
    assert int(result.confusion.sel(state="IT", step=4).sum()) == 24
    # With its ids, which the folds follow.
    one = quick(tree["IT"].activation.sel(step=5), y, folds=3, estimator="ridge")
    assert float(result.accuracy.sel(state="IT", step=5)) == float(one.accuracy)
    assert result.time_ms.dims == ("step",)
    square = quick(
        path, y, folds=3, estimator="ridge", generalise=True, states="IT", steps=[3, 4, 5]
    )
    assert square.accuracy.isnull().sel(state="IT").values.tolist() == [
        [True] * 3,
        [True, False, False],
        [True, False, False],
    ]
    arrays = quick({"IT": tree["IT"].activation}, y, folds=3, estimator="ridge")
    np.testing.assert_array_equal(arrays.accuracy.sel(state="IT"), result.accuracy.sel(state="IT"))


def test_labels_are_those_of_the_patterns_unless_others_are_given():
    x, y = example()
    labelled = xr.DataArray(
        x, dims=("stimulus", "unit"), coords={"label": ("stimulus", y.astype(object))}
    )
    assert quick(labelled).accuracy.equals(quick(x, y).accuracy)
    assert not quick(labelled, y[::-1]).accuracy.equals(quick(x, y).accuracy)


@pytest.mark.parametrize("generalise", [False, True])
@pytest.mark.parametrize("units", [15, 100])
def test_held_out_stimuli_have_no_part_in_a_fit(generalise, units, folds, monkeypatch):
    """Whatever is done to some stimuli of the first fold, the guesses for its other stimuli stay,
    at every step.
    """
    seen = []
    real = decoding.guesses_at
    monkeypatch.setattr(
        decoding, "guesses_at", lambda *a, **k: seen.append(real(*a, **k)) or seen[-1]
    )
    x, y = movie(units=units)
    quick(x, y, generalise=generalise)
    test = folds[-1][0][1]
    changed = x.copy()
    changed[test[:4]] = 1000 * np.random.default_rng(1).normal(size=changed[test[:4]].shape) + 500
    half = len(seen)
    quick(changed, y, generalise=generalise)
    assert np.array_equal(folds[-1][0][1], test)
    for before, after in zip(seen[:half], seen[half:]):
        for frame in before:
            np.testing.assert_array_equal(before[frame][0, test[4:]], after[frame][0, test[4:]])


def test_no_stimulus_is_tested_that_was_trained_on_and_groups_stay_together(folds):
    x, y = example(each=20, features=40, strength=0)
    group = np.empty(60, dtype=int)
    for c in CLASSES:
        group[y == c] = CLASSES.index(c) * 10 + np.arange(20) // 2
    # The two of a group are nearly the same.
    x += 20 * np.random.default_rng(1).normal(size=(30, 40))[group]
    free, held = quick(x, y), quick(x, y, groups=group)
    for train, test in folds[-1]:
        assert not set(group[train]) & set(group[test])
    assert sorted(np.concatenate([test for _, test in folds[-1]])) == list(range(60))
    assert float(held.accuracy) < 0.55 < float(free.accuracy)


@pytest.mark.slow
def test_labels_of_nothing_are_decoded_at_chance_and_their_p_values_are_uniform():
    accuracy, p = [], []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        y = rng.permutation(np.repeat([0, 1], [14, 10]))
        result = decode(
            rng.normal(size=(24, 12)),
            y,
            estimator="ridge",
            inference=Inference(n=0, permutations=19, rng=seed),
            cv=CrossValidation(folds=3),
        )
        accuracy.append(float(result.accuracy))
        p.append(float(result.p))
    assert np.mean(accuracy) == pytest.approx(0.5, abs=4 * np.std(accuracy) / np.sqrt(80))
    # p can only be too large where permutations tie.
    assert np.mean(np.array(p) <= 0.05) < 0.13
    assert scipy.stats.kstest(p, "uniform", alternative="greater").statistic < 0.15


def test_the_null_is_that_of_refits_with_permuted_labels(folds, monkeypatch):
    orders = []
    real = decoding_plan.permutations_of
    monkeypatch.setattr(
        decoding_plan, "permutations_of", lambda *a: orders.append(real(*a)) or orders[-1]
    )
    x, y = example(strength=0.1)
    result = quick(x, y, permutations=25, estimator="ridge")
    null = []
    for order in orders[-1]:
        guesses = cross_val_predict(pipeline("ridge"), x, y[order], cv=folds[-1])
        null.append(balanced_accuracy_score(y[order], guesses))
    assert float(result.null_high) == pytest.approx(np.quantile(null, 0.95))
    reached = (np.array(null) >= float(result.accuracy) - 1e-9).sum()
    assert float(result.p) == pytest.approx((1 + reached) / 26)
    for train, test in folds[-1]:  # folds stay stratified
        for order in orders[-1]:
            assert sorted(y[order][test]) == sorted(y[test])
            assert sorted(y[order][train]) == sorted(y[train])


def test_signal_passes_its_null_everywhere():
    x, y = movie()
    result = quick(x, y, permutations=30, estimator="ridge")
    late = result.sel(time_ms=[20, 30, 40])
    assert (late.p == pytest.approx(1 / 31)).all()
    assert (late.p_corrected == pytest.approx(1 / 31)).all()
    assert (late.null_high < late.accuracy).all()
    assert (result.p_corrected >= result.p - 1e-12).all()
    assert (late.interval.sel(bound="lower") > 0.5).all()


@pytest.mark.slow
def test_intervals_hold_the_accuracy_on_many_new_stimuli():
    inside = 0
    for seed in range(60):
        x, y = example(each=1040, features=5, strength=0.5, seed=seed, classes=2)
        low, high = decode(x[:80], y[:80], inference=Inference(n=300, rng=seed)).interval.values
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x[:80], y[:80])
        inside += low <= balanced_accuracy_score(y[80:], model.predict(x[80:])) <= high
    assert inside >= 49


def test_results_say_what_was_done_and_survive_a_file(tmp_path):
    x, y = movie()
    result = quick(x, y, rng=4, permutations=3, estimator="ridge", generalise=True)
    a = result.attrs
    assert (a["estimator"], a["seed"], a["n"], a["permutations"], a["stimuli"], a["folds"]) == (
        "ridge",
        4,
        20,
        3,
        60,
        5,
    )
    assert "scikit-learn" in a["provenance"]
    result.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as again:
        xr.testing.assert_equal(again.load(), result)
    xr.testing.assert_identical(
        quick(x, y, rng=4, permutations=3, estimator="ridge", generalise=True), result
    )


X, Y = example(each=10, features=6)


def unlabelled(y, k=3):
    y = y.astype(object)
    y[:k] = ""
    return y


REFUSED = [
    (X, None, {}, "carry no labels"),
    (X, Y[:-1], {}, "features are of 30 stimuli, the labels of 29"),
    (X, unlabelled(Y), {}, r"3 of 30 stimuli have no label \(first: 0, 1, 2\)"),
    (X, np.random.default_rng(0).random(30), {}, "real numbers"),
    (X, ["cat"] * 30, {}, "at least two labels"),
    (X, Y, {"folds": 11}, "has 10: give at least 2 folds"),
    (X, Y, {"folds": 1}, "1 folds of the stimuli.*give at least 2"),
    (X, np.where(np.arange(30) == 0, "yak", Y), {}, "yak has 1"),
    (X, Y, {"groups": np.repeat([1, 2, 3], 10)}, "5 folds need"),
    (X, Y, {"estimator": "svm"}, "choose from logistic, ridge, lda"),
    (X, Y, {"permutations": -1}, "permutations=-1"),
    (X, Y, {"n": 3}, "n=3 resamples give no interval"),
    (X, Y, {"confidence": 0}, "confidence=0"),
    (X, Y, {"reduce": "pca:7"}, "give at most 6"),
    (X, Y, {"reduce": "tsne:2"}, "projection:K"),
    (np.where(np.arange(6) == 2, np.nan, X), Y, {}, "30 of 30 stimuli have values that are NaN"),
    (
        np.random.default_rng(0).normal(size=(30, 4097)),
        Y,
        {"estimator": "lda"},
        "too many for the covariance",
    ),
]


@pytest.mark.parametrize(("x", "y", "options", "message"), REFUSED)
def test_what_gives_no_sound_number_is_refused(x, y, options, message):
    with pytest.raises(AnalysisError, match=message):
        decode(x, y, **grouped(decode, **options))


def test_what_is_decoded_does_not_depend_on_the_order_of_the_stimuli():
    rng = np.random.default_rng(0)
    y, ids = np.repeat(["cat", "dog"], 15), [f"s{k}" for k in range(30)]
    coords = {"stimulus_id": ("stimulus", ids), "label": ("stimulus", y)}
    x = xr.DataArray(rng.normal(size=(30, 4)) + (y == "dog")[:, None], coords, ("stimulus", "unit"))
    order = rng.permutation(30)
    one, other = (
        decode(f, f.label.values, inference=Inference(n=50, permutations=20))
        for f in (x, x.isel(stimulus=order))
    )
    for name in ("accuracy", "interval", "p"):
        np.testing.assert_allclose(one[name], other[name], err_msg=name)
