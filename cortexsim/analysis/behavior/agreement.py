"""Networks beside people: whether they err on the same images, and for which images time helps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.behavior.answers import answers
from cortexsim.analysis.behavior.people import people_of
from cortexsim.analysis.statistics.draws import attributes, enough, weights_of
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.pvalues import monte_carlo_p
from cortexsim.analysis.statistics.resampled_p import resampled_p
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.settled import settled
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import Labelled, column, labelled
from cortexsim.labelled.item_ids import ITEMS
from cortexsim.milliseconds import refuse_unordered, times_of
from cortexsim.plain import numbers
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray

# Probabilities below it count as it, as in scikit-learn's log_loss.
SMALLEST = np.finfo(np.float64).eps


@clear_errors
def error_consistency(
    first: Any, second: Any, *, inference: Inference = Inference()
) -> xarray.Dataset:
    """Whether two observers err on the same images, beyond what their accuracies imply.

    Cohen's kappa of right and wrong,

        kappa = (c_obs - c_exp) / (1 - c_exp)

    with c_obs the share of images on which both are right or both wrong, and
    ``c_exp = a b + (1 - a)(1 - b)`` of their accuracies. 0: independent errors; 1: the same ones.

    Parameters
    ----------
    first : array of bool of shape (trial,) or (observer, trial)
        Right or wrong on each image.
    second : array of bool of shape (trial,) or (observer, trial)
        The same of others, on the same images in the same order.
    inference : Inference
        ``n``: resamples of trials, 1000. ``permutations``: of the trials of the second, 1000, for
        the p of kappa > 0.

    Returns
    -------
    Dataset
        By (first, second) observers, where there are several: kappa, interval (bound), p,
        observed, expected; kappa is NaN where one observer is always right or wrong and the other
        too (c_exp = 1), and where it is so in some resamples they are left out of the interval.

    Raises
    ------
    AnalysisError
        For other types and shapes, different trials, and fewer than 20 resamples.

    References
    ----------
    Geirhos, Meding & Wichmann 2020, NeurIPS, equations 1-2.

    Examples
    --------
    >>> a, b = [True, True, True, False, False, False], [True, True, False, False, False, True]
    >>> float(error_consistency(a, b).kappa.round(3))
    0.333
    """
    import xarray

    sides = [_right(v, name) for v, name in ((first, "first"), (second, "second"))]
    a, b = sides[0].values, sides[1].like(sides[0]).values
    asked = settled(inference, "error_consistency", n=1000, permutations=1000)
    enough(asked.n, "resamples")
    rows = [np.atleast_2d(v).astype(np.float64) for v in (a, b)]
    trials = a.shape[-1]
    weights = weights_of(asked.rng, asked.n, trials)
    kappa, observed, expected = _kappa(*rows)
    draws = np.stack([_kappa(rows[0], rows[1], w)[0] for w in weights])
    null = [
        _kappa(rows[0], rows[1][:, asked.rng.permutation(trials)])[0]
        for _ in range(asked.permutations)
    ]
    p = monte_carlo_p(kappa, np.nan_to_num(null)) if null else np.full(kappa.shape, np.nan)
    dims = ("first", "second")
    result = xarray.Dataset(
        {
            "kappa": (dims, kappa),
            "interval": (("bound", *dims), percentile_interval(draws, asked.confidence)),
            "p": (dims, p),
            "observed": (dims, observed),
            "expected": (dims, expected),
        },
        {"bound": ["lower", "upper"]},
        attributes(
            inference.rng,
            trials=trials,
            n=asked.n,
            permutations=asked.permutations,
            confidence=asked.confidence,
        ),
    )
    return result.isel({d: 0 for d, v in zip(dims, (a, b)) if v.ndim == 1}, drop=True)


def _kappa(
    a: Float[np.ndarray, "first trial"],
    b: Float[np.ndarray, "second trial"],
    weights: Float[np.ndarray, " trial"] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cohen's kappa of observers of 0 and 1, and the observed and expected agreement."""
    w = np.full(a.shape[1], 1 / a.shape[1]) if weights is None else weights
    both, right_a, right_b = (a * w) @ b.T, (a @ w)[:, None], (b @ w)[None]
    observed = 1 - right_a - right_b + 2 * both
    expected = right_a * right_b + (1 - right_a) * (1 - right_b)
    room = 1 - expected
    kappa = np.divide(
        observed - expected, room, out=np.full(room.shape, np.nan), where=room > 1e-12
    )
    return kappa, observed, expected


@clear_errors
def cross_entropy(
    probability: Any,
    people: Any,
    labels: Any = None,
    *,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """How surprised a network is by what people say about each image, by readout time.

        CE(t) = mean over images of -sum_c h(i, c) ln p(i, t, c), in nats

    At its lowest it is the entropy of the answers, ``floor``, for a network that knows the share
    of each answer. Probabilities below 2.2e-16 count as that.

    Parameters
    ----------
    probability : array of shape (stimulus, step or time_ms, class)
        Of the network.
    people : array of shape (stimulus, class)
        Counts or shares of answers.
    labels : array of shape (stimulus,), optional
        As in ``solution_times``.
    inference : Inference
        ``n``: resamples of images, 1000; ``confidence``; ``rng``.

    Returns
    -------
    Dataset
        cross_entropy, interval (bound) by step or time_ms; floor, and uniform (ln of the number
        of classes: knowing nothing).

    Raises
    ------
    AnalysisError
        For what are no probabilities, and answers of other images.

    References
    ----------
    Peterson, Battleday, Griffiths & Russakovsky 2019, ICCV.

    Examples
    --------
    >>> p = np.array([[[0.5, 0.5]], [[0.5, 0.5]]])
    >>> result = cross_entropy(p, [[10, 0], [5, 5]], [0, 1], inference=Inference(n=20))
    >>> result.cross_entropy.values.round(3), float(result.floor.round(3))
    (array([0.693]), 0.347)
    """
    import xarray

    a = answers(probability, labels)
    h = people_of(people, a)
    asked = settled(inference, "cross_entropy", n=1000)
    enough(asked.n, "resamples")
    h = h / h.sum(1, keepdims=True)
    each = -np.einsum("ic,itc->it", h, np.log(np.maximum(a.probability, SMALLEST)))
    own = -(h * np.log(np.where(h > 0, h, 1.0))).sum(1)
    draws = weights_of(asked.rng, asked.n, len(each)) @ each
    return xarray.Dataset(
        {
            "cross_entropy": (a.axis, each.mean(0)),
            "interval": (("bound", a.axis), percentile_interval(draws, asked.confidence)),
            "floor": float(own.mean()),
            "uniform": float(np.log(h.shape[1])),
        },
        {a.axis: a.times, "bound": ["lower", "upper"]},
        attributes(
            inference.rng,
            stimuli=len(each),
            n=asked.n,
            confidence=asked.confidence,
            axis=a.axis,
        ),
    )


@clear_errors
def time_helps(
    correct: Any,
    difficulty: Any,
    *,
    early: int = 0,
    late: int = -1,
    image: Any = None,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """Whether more time helps hard images more than easy ones: time by difficulty in accuracy.

        gain(g) = accuracy(g, late) - accuracy(g, early)
        interaction = gain(hard) - gain(easy)

    In the same way for log odds, which have no ceiling (with half a success and half a failure
    added). Difficulty must come from elsewhere than the answers tested: images chosen because a
    network fails early gain by regression to the mean alone.

    Parameters
    ----------
    correct : array of bool of shape (stimulus, time)
        Right or wrong.
    difficulty : array of shape (stimulus,)
        Bool, or numbers, of which those above the median are hard.
    early : int
        Place on the time axis of the short look.
    late : int
        Place on the time axis of the long look.
    image : array of shape (stimulus,), optional
        Which image each stimulus shows, where the hard ones are the easy ones, distorted: each
        image then is there once easy and once hard, and both are resampled together. Resampled
        apart, the interval of the interaction is too wide where both gain on the same images.
    inference : Inference
        ``n``: resamples of images, within easy and hard unless ``image`` is given, 1000;
        ``confidence``; ``rng``.

    Returns
    -------
    Dataset
        accuracy (group, when), gain, gain_interval by group (easy, hard); interaction,
        interaction_interval, log_odds_interaction, log_odds_interval, p (two-sided, share of
        resamples at or beyond 0), count (group).

    Raises
    ------
    AnalysisError
        For other shapes and types, images that are all equally hard, and an ``image`` that is not
        there once easy and once hard.

    Examples
    --------
    >>> easy, hard = [[True, True]] * 40, [[False, True]] * 30 + [[False, False]] * 10
    >>> correct, difficulty = np.array(easy + hard), [0] * 40 + [1] * 40
    >>> result = time_helps(correct, difficulty, inference=Inference(n=100))
    >>> float(result.interaction), result.interaction_interval.values[0] > 0
    (0.75, np.True_)
    """
    import xarray

    asked = settled(inference, "time_helps", n=1000)
    x, hard, shows = _by_difficulty(correct, difficulty, image)
    enough(asked.n, "resamples")
    pair = x[:, [early, late]].astype(np.float64)
    groups = [pair[~hard], pair[hard]]
    point = np.stack([g.mean(0) for g in groups])  # (group, when)
    if shows is None:
        weights = [weights_of(asked.rng, asked.n, len(g)) for g in groups]
    else:
        groups = [pair[those][np.argsort(shows[those])] for those in (~hard, hard)]
        weights = 2 * [weights_of(asked.rng, asked.n, len(groups[0]))]
    draws = np.stack([w @ g for w, g in zip(weights, groups, strict=True)], 1)  # (n, group, when)
    sizes = np.array([len(g) for g in groups])[:, None]

    def odds(accuracy: np.ndarray) -> np.ndarray:
        return np.log((accuracy * sizes + 0.5) / ((1 - accuracy) * sizes + 0.5))

    def gain(values: np.ndarray) -> np.ndarray:
        return values[..., 1] - values[..., 0]

    def interval(resampled: np.ndarray) -> np.ndarray:
        return percentile_interval(resampled, asked.confidence)

    interactions = gain(gain(draws))
    return xarray.Dataset(
        {
            "accuracy": (("group", "when"), point),
            "gain": ("group", gain(point)),
            "gain_interval": (("bound", "group"), interval(gain(draws))),
            "interaction": float(gain(gain(point))),
            "interaction_interval": ("bound", interval(interactions)),
            "log_odds_interaction": float(gain(gain(odds(point)))),
            "log_odds_interval": ("bound", interval(gain(gain(odds(draws))))),
            "p": resampled_p(interactions),
            "count": ("group", sizes[:, 0]),
        },
        {"group": ["easy", "hard"], "when": ["early", "late"], "bound": ["lower", "upper"]},
        attributes(inference.rng, n=asked.n, confidence=asked.confidence, stimuli=len(x)),
    )


def _by_difficulty(
    correct: Any, difficulty: Any, image: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Right or wrong ``(stimulus, time)``, which stimuli are hard, and what they show; checked."""
    dims = ("stimulus", "step", "time_ms")
    plain = {2: ("stimulus", "step")}
    boolean = np.asarray(getattr(correct, "values", correct)).dtype
    table = labelled(correct, "correct", dims=dims, plain=plain, optional=dims[1:])
    if "step" in table.coords:
        refuse_unordered(table.coords["step"], "step")
    if "time_ms" in table.coords:
        times_of(correct["time_ms"])
    x = table.values.astype(bool) if boolean.kind == "b" else table.values
    d = numbers(column(difficulty, "difficulty").like(table).values, "difficulty")
    if x.ndim != 2 or x.dtype != bool or d.shape != x.shape[:1] or not np.isfinite(d).all():
        raise AnalysisError(
            f"correct has shape {x.shape} of type {boolean}, difficulty {d.shape}; (stimulus, "
            "time) bool and one number each are needed"
        )
    hard = d > np.median(d) if len(np.unique(d)) > 2 else d == d.max()
    if hard.all() or not hard.any():
        raise AnalysisError("all images are equally hard; difficulty must tell some from others")
    if image is None:
        return x, hard, None
    values = column(image, "image").like(table).values.tolist()
    if nameless := sum(v is None or v != v for v in values):
        raise AnalysisError(f"image has no value for {nameless} stimuli; name the image of each")
    number = {v: k for k, v in enumerate(dict.fromkeys(values))}
    shows = np.array([number[v] for v in values])
    for what, those in (("easy", ~hard), ("hard", hard)):
        if len(np.unique(shows[those])) < those.sum():
            raise AnalysisError(f"an image is there twice among the {what} ones; give each once")
    if odd := set(shows[hard].tolist()) ^ set(shows[~hard].tolist()):
        raise AnalysisError(
            f"{len(odd)} images are not there once easy and once hard, the first of them "
            f"{values[shows.tolist().index(min(odd))]!r}; leave image out where the hard ones are "
            "not the easy ones, distorted"
        )
    return x, hard, shows


def _right(values: Any, name: str) -> Labelled:
    """Right or wrong ``(trial,)`` or ``(observer, trial)``, checked."""
    kind = np.asarray(getattr(values, "values", values)).dtype
    item = next((d for d in ITEMS if d in getattr(values, "dims", ())), "stimulus")
    plain = {1: (item,), 2: ("observer", item)}
    known = ("observer", "subject", "model", item)
    table = labelled(values, name, dims=known, plain=plain, optional=known[:-1], item=item)
    x = table.values
    if kind.kind != "b" or x.ndim not in (1, 2) or not x.shape[-1]:
        raise AnalysisError(
            f"{name} has shape {x.shape} and type {kind}; (trial,) or (observer, trial) of true "
            "and false is needed"
        )
    return replace(table, values=x.astype(bool))
