"""Regressions against scikit-learn and himalaya; no leak from held-out stimuli."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from cortexsim.analysis.linear.patterns import Patterns, Spectrum, gram
from cortexsim.analysis.linear.regression import METHODS
from cortexsim.analysis.linear.ridge import chosen_alphas
from cortexsim.analysis.linear.settings import Settings
from cortexsim.analysis.linear.splits import Split, splits_of

CPU = torch.device("cpu")


ALPHAS = np.logspace(-3, 3, 13)


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


def fitted(x, y, split, method="ridge", **changes):
    settings = Settings(**{"alphas": ALPHAS, "components": 4, "keep": None, **changes})
    return METHODS[method](Patterns(x, CPU, "x"), split, settings)(y[:, None])


def scale(x):
    """The mean squared length of centred patterns, in which alphas are given."""
    return ((x - x.mean(0)) ** 2).sum(1).mean()


@pytest.mark.parametrize("features", [8, 59, 200])
def test_ridge_is_that_of_scikit_learn_on_the_training_stimuli(features):
    x, y = example(features=features)
    for s in splits():
        done = fitted(x, y, s)
        for unit, alpha in enumerate(done.alpha[0]):
            model = Ridge(alpha * scale(x[s.train])).fit(x[s.train], y[s.train, unit])
            np.testing.assert_allclose(
                done.prediction[:, 0, unit], model.predict(x[s.test]), rtol=1e-9
            )


def loss(x, y, inner, alpha):
    """Inner squared error of each unit, by scikit-learn."""
    total = 0
    for train, held in inner:
        error = y[held] - Ridge(alpha).fit(x[train], y[train]).predict(x[held])
        total = total + (error**2).sum(0) / len(held)
    return total


@pytest.mark.parametrize("features", [8, 200])
@pytest.mark.parametrize("noise", [0.1, 3])
def test_penalties_are_those_that_predict_the_inner_folds_best(features, noise):
    x, y = example(features=features, noise=noise)
    (s, *_) = splits()
    done = fitted(x, y, s)
    size = scale(x[s.train])
    losses = np.stack([loss(x[s.train], y[s.train], s.inner(), a * size) for a in ALPHAS])
    taken = losses[np.searchsorted(ALPHAS, done.alpha[0] * 0.999), range(y.shape[1])]
    # himalaya centres inner folds on the whole training fold, so that the second best may win where
    # it is about as good.
    np.testing.assert_allclose(taken, losses.min(0), rtol=1e-6 if features == 8 else 0.02)
    assert len(np.unique(done.alpha)) > 1


def test_both_ways_to_choose_penalties_agree_with_himalayas_estimator():
    from himalaya.backend import get_backend, set_backend
    from himalaya.kernel_ridge import KernelRidgeCV

    x, y = example(stimuli=48, features=100)
    x, y = x - x.mean(0), y - y.mean(0)
    inner = [
        (np.flatnonzero(np.arange(48) % 4 != k), np.flatnonzero(np.arange(48) % 4 == k))
        for k in range(4)
    ]
    before = get_backend().name
    set_backend("numpy")
    try:
        peer = KernelRidgeCV(alphas=ALPHAS * scale(x), cv=inner).fit(x, y)
        values, q = np.linalg.eigh(x @ x.T / scale(x))
        parts = (torch.from_numpy(a) for a in (np.empty((0, 48)), values, q))
        left, values, q = parts
        whole = Spectrum(left, values, q, gram(torch.from_numpy(x)) / scale(x))
        ours = chosen_alphas(whole, torch.from_numpy(y), inner, ALPHAS)
        assert get_backend().name == "numpy"
    finally:
        set_backend(before)
    np.testing.assert_allclose(ours, peer.best_alphas_ / scale(x), rtol=1e-5)
    narrow, y = example(stimuli=48, features=9)
    (s,) = [Split(np.arange(48), np.arange(3), np.arange(48) % 4)]
    theirs = KernelRidgeCV(
        alphas=ALPHAS * scale(narrow), cv=s.inner(), fit_intercept=True, warn=False
    ).fit(narrow, y)
    np.testing.assert_allclose(
        fitted(narrow, y, s).alpha[0], theirs.best_alphas_ / scale(narrow), rtol=1e-5
    )


@pytest.mark.parametrize("features", [20, 150])
def test_principal_components_are_those_of_the_training_stimuli(features):
    x, y = example(features=features)
    (s, *_) = splits()
    done = fitted(x, y, s, keep=6)
    axes = PCA(6, svd_solver="full").fit(x[s.train])
    for unit, alpha in enumerate(done.alpha[0]):
        model = Ridge(alpha * scale(x[s.train])).fit(axes.transform(x[s.train]), y[s.train, unit])
        np.testing.assert_allclose(
            done.prediction[:, 0, unit], model.predict(axes.transform(x[s.test])), rtol=1e-8
        )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("features", [20, 150])
def test_nothing_is_lost_of_patterns_far_from_zero_in_float32(method, features):
    x, y = example(features=features)
    x = (x + 1000).astype(np.float32)
    (s, *_) = splits()
    expected = fitted(x.astype(np.float64) - 1000, y, s, method).prediction
    np.testing.assert_allclose(fitted(x, y, s, method).prediction, expected, rtol=1e-5)


@pytest.mark.parametrize("features", [20, 150])
@pytest.mark.parametrize("units", [1, 12, 90])
@pytest.mark.parametrize("components", [1, 4, 15])
def test_pls_is_that_of_scikit_learn(features, units, components):
    x, y = example(features=features, units=units)
    for s in splits():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = PLSRegression(components, scale=False).fit(x[s.train], y[s.train])
        ours = fitted(x, y, s, "pls", components=components).prediction[:, 0]
        np.testing.assert_allclose(
            ours, model.predict(x[s.test]).reshape(ours.shape), rtol=0, atol=1e-6
        )


WAYS = [
    {"method": "ridge"},
    {"method": "pls"},
    {"method": "ridge", "keep": 5},
    {"method": "pls", "keep": 5},
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("features", [20, 150])
def test_held_out_stimuli_have_no_part_in_a_fit(way, features):
    """Whatever is done to some held-out stimuli and to all held-out responses, the predictions for
    the others stay.
    """
    x, y = example(features=features)
    (s, *_) = splits()
    other_x, other_y = x.copy(), y.copy()
    changed, kept = s.test[:5], slice(5, None)
    other_x[changed] = 50 * np.random.default_rng(1).normal(size=(5, features)) - 100
    other_y[s.test] = np.random.default_rng(2).normal(size=other_y[s.test].shape) * 1000
    a, b = fitted(x, y, s, **way), fitted(other_x, other_y, s, **way)
    np.testing.assert_allclose(b.prediction[kept], a.prediction[kept], rtol=1e-10)
    assert np.array_equal(a.alpha, b.alpha, equal_nan=True)
    assert not np.allclose(b.prediction[:5], a.prediction[:5], rtol=0.1)
