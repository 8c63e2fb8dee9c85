"""Intervals of reduced rank hold what was planted; of nothing, 5 % is found."""

import numpy as np
import pytest
import scipy.stats
from levels import near

from cortexsim.analysis import CrossValidation, Inference, Regression, encode

pytestmark = pytest.mark.slow


def through_two(rng, *, stimuli, units=8, noise=1.5):
    """Responses through two dimensions of six features."""
    x = rng.normal(size=(stimuli, 6))
    y = x @ rng.normal(size=(6, 2)) @ rng.normal(size=(2, units)) / np.sqrt(12)
    return x, y + noise * rng.normal(size=y.shape)


def score_on_new(x, y, train, new):
    """Of each unit, r on new stimuli of least squares through two dimensions."""
    mean = x[train].mean(0)
    a, b = x[train] - mean, y[train] - y[train].mean(0)
    whole = np.linalg.lstsq(a, b, rcond=None)[0]
    axes = np.linalg.svd(a @ whole, full_matrices=False)[2][:2].T
    predicted = (x[new] - mean) @ whole @ axes @ axes.T
    return [scipy.stats.pearsonr(p, q)[0] for p, q in zip(predicted.T, y[new].T, strict=True)]


@pytest.mark.parametrize(
    ("resample", "least", "most"),
    [
        (("stimulus", "unit"), 0.92, 1.0),  # the default: rather too wide
        (("stimulus",), 0.85, 0.98),  # 90 %, as the docstring says
    ],
)
def test_intervals_of_reduced_rank_hold_the_score_of_these_fits_on_many_new_stimuli(
    resample, least, most
):
    runs, held, new = 150, 0, np.arange(80, 2080)
    for seed in range(runs):
        x, y = through_two(np.random.default_rng(seed), stimuli=2080)
        asked = {
            "regression": Regression(method="reduced-rank", ranks=(2,), alphas=(1e-9,)),
            "inference": Inference(n=200, resample=resample, rng=seed),
        }
        result = encode(x[:80], y[:80], predictions=True, **asked)
        low, high = result.interval.values
        fold = result.fold.values
        scores = [score_on_new(x, y, np.flatnonzero(fold != k), new) for k in np.unique(fold)]
        held += low <= np.median(np.mean(scores, axis=0)) <= high
    assert least <= held / runs <= most, held / runs


def test_of_nothing_reduced_rank_finds_five_in_a_hundred():
    runs, found = 150, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        result = encode(
            rng.normal(size=(24, 8)),
            rng.normal(size=(24, 3)),
            cv=CrossValidation(folds=3, inner_folds=2),
            regression=Regression(method="reduced-rank", ranks=(1, 2), alphas=(1.0,)),
            inference=Inference(resample=(), permutations=39, rng=seed),
        )
        found += float(result.p) <= 0.05
    assert near(found / runs, 0.05, runs), found / runs
