"""Reduced-rank regression: closed forms of numpy and scikit-learn, planted ranks, refusals."""

import numpy as np
import pytest
import torch
from grouped import grouped
from sklearn.linear_model import LinearRegression, Ridge

from cortexsim.analysis import encode
from cortexsim.analysis.linear.patterns import Patterns
from cortexsim.analysis.linear.regression import METHODS
from cortexsim.analysis.linear.settings import Settings
from cortexsim.analysis.linear.splits import splits_of
from cortexsim.errors import AnalysisError

CPU = torch.device("cpu")
TINY = np.array([1e-10])


def planted(rank, *, stimuli=200, features=30, units=15, noise=1.0, seed=0):
    """Responses through ``rank`` dimensions of the features, about a mean."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(stimuli, features))
    map_ = rng.normal(size=(features, rank)) @ rng.normal(size=(rank, units))
    signal = x @ map_ / np.sqrt(features * rank)
    return 2 + x, 5 + signal + noise * rng.normal(size=signal.shape)


def one_split(stimuli, seed=0):
    groups = np.arange(stimuli)
    return splits_of("folds", groups, 4, inner_folds=4, rng=np.random.default_rng(seed))[0]


def fitted(x, y, split, *, alphas, ranks, keep=None):
    settings = Settings(np.asarray(alphas), 4, keep, np.asarray(ranks))
    return METHODS["reduced-rank"](Patterns(x, CPU, "x"), split, settings)(y[:, None])


@pytest.mark.parametrize("rank", [1, 3, 7])
def test_without_a_penalty_it_is_the_projection_of_least_squares(rank):
    """Izenman 1975, as Semedo et al. write it: B V V^T, V the principal axes of the predictions."""
    x, y = planted(3)
    split = one_split(len(x))
    ours = fitted(x, y, split, alphas=TINY, ranks=[rank]).prediction[:, 0]
    ols = LinearRegression().fit(x[split.train], y[split.train])
    inside = ols.predict(x[split.train])
    axes = np.linalg.svd(inside - inside.mean(0), full_matrices=False)[2][:rank].T
    mean = y[split.train].mean(0)
    theirs = mean + (ols.predict(x[split.test]) - mean) @ axes @ axes.T
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert np.linalg.matrix_rank(ours - mean, tol=1e-6) == rank


@pytest.mark.parametrize("features", [30, 400])
@pytest.mark.parametrize("rank", [2, 15])
def test_with_a_penalty_it_is_that_of_the_augmented_problem(features, rank):
    """Mukherjee & Zhu 2011: least squares with rows sqrt(alpha s) I and responses 0 below."""
    x, y = planted(4, features=features)
    split, alpha = one_split(len(x)), 0.3
    ours = fitted(x, y, split, alphas=[alpha], ranks=[rank]).prediction[:, 0]
    mean_x, mean_y = x[split.train].mean(0), y[split.train].mean(0)
    a, b = x[split.train] - mean_x, y[split.train] - mean_y
    scaled = alpha * (a**2).sum(1).mean()
    tall = np.vstack([a, np.sqrt(scaled) * np.eye(features)])
    ridge = Ridge(alpha=scaled, fit_intercept=False).fit(a, b).coef_.T
    axes = np.linalg.svd(tall @ ridge, full_matrices=False)[2][:rank].T
    theirs = mean_y + (x[split.test] - mean_x) @ ridge @ axes @ axes.T
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


def test_at_full_rank_it_is_ridge_with_one_penalty():
    x, y = planted(4)
    split = one_split(len(x))
    settings = Settings(np.array([0.1]), 4, None, np.array([50]))
    patterns = Patterns(x, CPU, "x")
    both = [METHODS[m](patterns, split, settings)(y[:, None]) for m in ("reduced-rank", "ridge")]
    np.testing.assert_allclose(both[0].prediction, both[1].prediction, atol=1e-9)


def test_rank_and_penalty_are_the_ones_with_the_least_inner_error():
    """The losses of every rank and penalty, from whole fits of the inner folds."""
    x, y = planted(3, stimuli=120, noise=2.0)
    split = one_split(120)
    alphas, ranks = np.array([1e-3, 1e-1, 1.0, 10.0]), np.array([1, 2, 3, 5, 15])
    loss = np.empty((4, len(alphas), len(ranks)))
    for f, (train, held) in enumerate(split.inner()):
        fold = type(split)(split.train[train], split.train[held], np.zeros(len(train), int))
        for a, alpha in enumerate(alphas):
            for r, rank in enumerate(ranks):
                p = fitted(x, y, fold, alphas=[alpha], ranks=[rank]).prediction[:, 0]
                loss[f, a, r] = ((p - y[fold.test]) ** 2).sum(1).mean()
    at, best = np.unravel_index(loss.mean(0).argmin(), loss.shape[1:])
    more = loss[:, at] - loss[:, at, [best]]
    near = more.mean(0) <= more.std(0, ddof=1) / 2
    found = fitted(x, y, split, alphas=alphas, ranks=ranks)
    assert found.alpha[0, 0] == alphas[at]
    assert found.rank[0] == ranks[np.flatnonzero(near)[0]]


def test_held_out_stimuli_change_nothing_that_is_fitted():
    x, y = planted(3)
    split = one_split(len(x))
    changed = y.copy()
    changed[split.test] = 1e3
    options = {"alphas": [0.01, 1.0], "ranks": [1, 2, 4, 8]}
    a, b = (fitted(x, v, split, **options) for v in (y, changed))
    np.testing.assert_array_equal(a.prediction, b.prediction)


def test_encode_tells_rank_and_penalty_of_each_split():
    x, y = planted(2, noise=0.5)
    result = encode(
        x, y, **grouped(encode, method="reduced-rank", ranks=(1, 2, 3, 6), n=50, folds=3)
    )
    assert result["rank"].dims == ("split",)
    assert result["rank"].values.tolist() == [2, 2, 2]
    assert result.alpha.dims == ("split", "unit")
    assert (result.alpha == result.alpha[:, :1]).all()
    assert result.attrs["ranks"] == "[1, 2, 3, 6]"
    assert "not_converged" not in result
    assert float(result.median_r) > 0.7


def test_few_dimensions_predict_noisy_responses_better_than_ridge_does():
    x, y = planted(1, stimuli=150, features=60, units=40, noise=1.5)
    r = {
        m: float(encode(x, y, **grouped(encode, method=m, resample=())).r2.mean())
        for m in ("ridge", "reduced-rank")
    }
    assert r["reduced-rank"] > r["ridge"] + 0.02


@pytest.mark.slow
@pytest.mark.parametrize("rank", [1, 2, 4])
def test_planted_ranks_are_found(rank):
    chosen = []
    for seed in range(12):
        x, y = planted(rank, seed=seed, units=20, stimuli=300, noise=0.7)
        result = encode(
            x, y, **grouped(encode, method="reduced-rank", ranks=range(1, 11), resample=(), folds=3)
        )
        chosen.append(result["rank"].values)
    # Never too many by more than one, and the right one nearly always.
    assert np.median(chosen) == rank
    assert np.mean(np.array(chosen) == rank) > 0.8
    assert np.max(chosen) <= rank + 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ranks": ()}, "must be whole numbers of at least 1"),
        ({"ranks": (0, 2)}, "must be whole numbers of at least 1"),
        ({"ranks": (1.5,)}, "ranks"),
    ],
)
def test_ranks_that_are_none_are_refused(options, message):
    x, y = planted(2, stimuli=40)
    with pytest.raises(AnalysisError, match=message):
        encode(x, y, **grouped(encode, method="reduced-rank", **options))


def test_one_unit_has_no_rank_to_choose():
    x, y = planted(2, stimuli=40)
    with pytest.raises(AnalysisError, match="give method='ridge'"):
        encode(x, y[:, :1], **grouped(encode, method="reduced-rank"))
