"""Networks beside people: whether they err on the same images, what their answers say of each other's, and for which images time helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.behavior.answers import answers
from cortexsim.analysis.statistics.draws import (
    attributes,
    enough,
    generator_of,
    share,
    weights_of,
    whole_number,
)
from cortexsim.analysis.statistics.intervals import percentiles_there
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray

SMALLEST = np.finfo(
    np.float64
).eps  # probabilities below it count as it, as in scikit-learn's log_loss


def error_consistency(
    first: Any, second: Any, *, n: int = 1000, permutations: int = 1000, confidence: float = 0.95, rng: int | np.random.Generator = 0
) -> xarray.Dataset:  # fmt: skip
    """Whether two observers err on the same images, beyond what their accuracies imply: Cohen's kappa of right and wrong.

    ``kappa = (c_obs - c_exp)/(1 - c_exp)``, c_obs the share of images on which both are right or both wrong, ``c_exp = a b + (1 - a)(1 - b)`` of their
    accuracies. 0: independent errors; 1: the same ones.

    first, second: ``(trial,)`` or ``(observer, trial)`` bool, right or wrong on the same images in the same order. n: resamples of trials.
    permutations: of the trials of the second, for the p of kappa > 0.

    Returns a Dataset by (first, second) observers, where there are several: kappa, interval (bound), p, observed, expected; kappa is NaN where one
    observer is always right or wrong and the other too (c_exp = 1), and where it is so in some resamples they are left out of the interval.
    Source: Geirhos, Meding & Wichmann 2020, NeurIPS, equations 1-2.

    >>> a, b = [True, True, True, False, False, False], [True, True, False, False, False, True]
    >>> float(error_consistency(a, b).kappa.round(3))
    0.333
    """
    import xarray

    a, b = (_right(v, name) for v, name in ((first, "first"), (second, "second")))
    if a.shape[-1] != b.shape[-1]:
        raise AnalysisError(
            f"{a.shape[-1]} and {b.shape[-1]} trials; give the same images in the same order on both sides"
        )
    enough(n, "resamples")
    if whole_number(permutations, "permutations") < 0:
        raise AnalysisError(f"permutations={permutations} must be 0 or more")
    share(confidence, "confidence")
    generator = generator_of(rng)
    rows = [np.atleast_2d(v).astype(np.float64) for v in (a, b)]
    trials = a.shape[-1]
    counts = generator.multinomial(trials, np.full(trials, 1 / trials), size=n) / trials
    kappa, observed, expected = _kappa(*rows)
    drawn = np.stack([_kappa(rows[0], rows[1], w)[0] for w in counts])
    null = [
        _kappa(rows[0], rows[1][:, generator.permutation(trials)])[0] for _ in range(permutations)
    ]
    p = (
        (1 + (np.nan_to_num(null) >= kappa - 1e-12).sum(0)) / (1 + permutations)
        if permutations
        else np.nan
    )
    dims = ("first", "second")
    result = xarray.Dataset(
        {
            "kappa": (dims, kappa),
            "interval": (("bound", *dims), percentiles_there(drawn, confidence)),
            "p": (dims, np.where(np.isnan(kappa), np.nan, p)),
            "observed": (dims, observed),
            "expected": (dims, expected),
        },
        {"bound": ["lower", "upper"]},
        attributes(rng, trials=trials, n=n, permutations=permutations, confidence=confidence),
    )
    return result.isel({d: 0 for d, v in zip(dims, (a, b)) if v.ndim == 1}, drop=True)


def _kappa(
    a: np.ndarray, b: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cohen's kappa of observers ``(observer, trial)`` of 0 and 1, and the observed and expected agreement."""
    w = np.full(a.shape[1], 1 / a.shape[1]) if weights is None else weights
    both, one, other = (a * w) @ b.T, (a @ w)[:, None], (b @ w)[None]
    observed, expected = 1 - one - other + 2 * both, one * other + (1 - one) * (1 - other)
    room = 1 - expected
    kappa = np.divide(
        observed - expected, room, out=np.full(room.shape, np.nan), where=room > 1e-12
    )
    return kappa, observed, expected


def cross_entropy(
    probability: Any, people: Any, labels: Any = None, *, n: int = 1000, confidence: float = 0.95, rng: int | np.random.Generator = 0
) -> xarray.Dataset:  # fmt: skip
    """How surprised a network is by what people say about each image, in nats, by readout time.

    ``CE(t) = mean over images of -sum_c h(i, c) ln p(i, t, c)``; at its lowest the entropy of the answers, ``floor``, for a network that knows the
    share of each answer. Probabilities below 2.2e-16 count as that.

    people: ``(stimulus, class)`` counts or shares of answers. n: resamples of images.
    Returns a Dataset: cross_entropy, interval (bound) by step or time_ms; floor, and uniform (ln of the number of classes: knowing nothing).
    Source: Peterson, Battleday, Griffiths & Russakovsky 2019, ICCV.

    >>> p = np.array([[[0.5, 0.5]], [[0.5, 0.5]]])
    >>> found = cross_entropy(p, [[10, 0], [5, 5]], [0, 1], n=20)
    >>> found.cross_entropy.values.round(3), float(found.floor.round(3))
    (array([0.693]), 0.347)
    """
    import xarray

    a, h = answers(probability, labels), people_of(people, probability)
    enough(n, "resamples")
    share(confidence, "confidence")
    h = h / h.sum(1, keepdims=True)
    each = -np.einsum("ic,itc->it", h, np.log(np.maximum(a.probability, SMALLEST)))
    own = -(h * np.log(np.where(h > 0, h, 1.0))).sum(1)
    drawn = weights_of(generator_of(rng), n, len(each)) @ each
    return xarray.Dataset(
        {
            "cross_entropy": (a.axis, each.mean(0)),
            "interval": (("bound", a.axis), percentiles_there(drawn, confidence)),
            "floor": float(own.mean()),
            "uniform": float(np.log(h.shape[1])),
        },
        {a.axis: a.times, "bound": ["lower", "upper"]},
        attributes(rng, stimuli=len(each), n=n, confidence=confidence, axis=a.axis),
    )


def time_helps(
    correct: Any, difficulty: Any, *, early: int = 0, late: int = -1, n: int = 1000, confidence: float = 0.95, rng: int | np.random.Generator = 0
) -> xarray.Dataset:  # fmt: skip
    """Whether more time helps hard images more than easy ones: the interaction of time and difficulty in accuracy.

    ``gain(g) = accuracy(g, late) - accuracy(g, early)``, ``interaction = gain(hard) - gain(easy)``; in the same way for log odds, which have no ceiling
    (with half a success and half a failure added). Difficulty must come from elsewhere than the answers tested: images chosen because a network
    fails early gain by regression to the mean alone.

    correct: ``(stimulus, time)`` bool. difficulty: ``(stimulus,)`` bool, or numbers, of which those above the median are hard. early, late: places on
    the time axis. n: resamples of images within easy and hard.

    Returns a Dataset: accuracy (group, when), gain, gain_interval by group (easy, hard); interaction, interaction_interval, log_odds_interaction,
    log_odds_interval, p (two-sided, share of resamples at or beyond 0), count (group).

    >>> easy, hard = [[True, True]] * 40, [[False, True]] * 30 + [[False, False]] * 10
    >>> found = time_helps(np.array(easy + hard), [0] * 40 + [1] * 40, n=100)
    >>> float(found.interaction), found.interaction_interval.values[0] > 0
    (0.75, np.True_)
    """
    import xarray

    x, d = np.asarray(correct), np.asarray(difficulty, dtype=np.float64)
    if x.ndim != 2 or x.dtype != bool or d.shape != x.shape[:1] or not np.isfinite(d).all():
        raise AnalysisError(f"correct has shape {x.shape} of type {x.dtype}, difficulty {d.shape}; (stimulus, time) bool and one number each are needed")  # fmt: skip
    hard = d > np.median(d) if len(np.unique(d)) > 2 else d == d.max()
    if hard.all() or not hard.any():
        raise AnalysisError("all images are equally hard; difficulty must tell some from others")
    enough(n, "resamples")
    share(confidence, "confidence")
    generator = generator_of(rng)
    pair = x[:, [early, late]].astype(np.float64)
    groups = [pair[~hard], pair[hard]]
    point = np.stack([g.mean(0) for g in groups])  # (group, when)
    drawn = np.stack(
        [weights_of(generator, n, len(g)) @ g for g in groups], 1
    )  # (resample, group, when)
    sizes = np.array([len(g) for g in groups])[:, None]
    odds = lambda m: np.log((m * sizes + 0.5) / ((1 - m) * sizes + 0.5))  # noqa: E731
    gains, between = lambda m: m[..., 1] - m[..., 0], lambda g: g[..., 1] - g[..., 0]
    found = between(gains(drawn))
    beyond = min((found <= 0).sum(), (found >= 0).sum())
    return xarray.Dataset(
        {
            "accuracy": (("group", "when"), point),
            "gain": ("group", gains(point)),
            "gain_interval": (("bound", "group"), percentiles_there(gains(drawn), confidence)),
            "interaction": float(between(gains(point))),
            "interaction_interval": ("bound", percentiles_there(found, confidence)),
            "log_odds_interaction": float(between(gains(odds(point)))),
            "log_odds_interval": (
                "bound",
                percentiles_there(between(gains(odds(drawn))), confidence),
            ),
            "p": min(1.0, 2 * (1 + beyond) / (1 + n)),
            "count": ("group", sizes[:, 0]),
        },
        {"group": ["easy", "hard"], "when": ["early", "late"], "bound": ["lower", "upper"]},
        attributes(rng, n=n, confidence=confidence, stimuli=len(x)),
    )


def _right(values: Any, name: str) -> np.ndarray:
    x = np.asarray(values)
    if x.dtype != bool or x.ndim not in (1, 2) or not x.shape[-1]:
        raise AnalysisError(
            f"{name} has shape {x.shape} and type {x.dtype}; (trial,) or (observer, trial) of true and false is needed"
        )
    return x


def people_of(people: Any, probability: Any, *, whole: bool = False) -> np.ndarray:
    """Answers of people ``(stimulus, class)``, checked against the network's."""
    h, shape = (
        np.asarray(getattr(people, "values", people)),
        np.shape(getattr(probability, "values", probability)),
    )
    if h.ndim != 2 or len(shape) != 3 or h.shape != (shape[0], shape[2]):
        raise AnalysisError(f"the answers of people have shape {h.shape}, those of the network {shape}; (stimulus, class) of the same ones is needed")  # fmt: skip
    if whole and h.dtype.kind not in "iu":
        raise AnalysisError(f"counts of answers are needed, to be split in halves; found {h.dtype}")
    if not np.isfinite(h).all() or (h < 0).any() or (h.sum(1) < (2 if whole else 1e-12)).any():
        raise AnalysisError(
            "every image needs answers of people (two or more, to be split), none of them negative"
        )
    return h
