"""Networks beside people, image by image: consistency of confusions and of image difficulty.

Corrected for the noise of the people.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.behavior.answers import Answers, answers
from cortexsim.analysis.behavior.image_dprime import CAP, image_dprimes, image_rates
from cortexsim.analysis.behavior.people import people_of, split_answers
from cortexsim.analysis.statistics.draws import attributes, counted, enough, weights_of
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.reliability import spearman_brown
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.settled import settled
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float, Int

if TYPE_CHECKING:
    import xarray

CAPPED, STEADY = 0.1, 0.7
"""A correlation of d' is corrected where at most so many lie at the cap and the reliability is as
large: then a network that answers as people do comes out between 0.94 and 1.06 in simulations."""
LEAST = 0.1  # reliability of rates that are corrected
CHOICES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "argmax": lambda p: np.eye(p.shape[1])[p.argmax(1)],
    "probability": lambda p: p,
}


def confusions(
    choices: np.ndarray,
    numbers: Int[np.ndarray, " stimulus"],
    weights: Float[np.ndarray, "resample stimulus"] | None = None,
) -> Float[np.ndarray, "... true chosen"]:
    """Mean share of each answer to the images of each class, of each resample if there are any.

    choices: counts or shares ``(stimulus, class)``.
    """
    share_of = choices / choices.sum(1, keepdims=True)
    w = np.ones((1, len(numbers))) if weights is None else weights
    matrices = np.full((len(w), choices.shape[1], choices.shape[1]), np.nan)
    for k in range(choices.shape[1]):
        images = np.flatnonzero(numbers == k)
        with np.errstate(invalid="ignore", divide="ignore"):
            total = w[:, images].sum(1, keepdims=True)
            matrices[:, k] = w[:, images] @ share_of[images] / total
    return matrices[0] if weights is None else matrices


def _off_diagonal(matrix: Float[np.ndarray, "... class class"]) -> Float[np.ndarray, "... pair"]:
    """The pairs of different classes."""
    return matrix[..., ~np.eye(matrix.shape[-1], dtype=bool)]


@clear_errors
def confusion_consistency(
    probability: Any,
    people: Any,
    labels: Any = None,
    *,
    choice: str = "argmax",
    splits: int = 50,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """Rank correlation of the confusions of network and people: which class is taken for which.

    By readout time, Spearman's, of the matrices

        M(o, c) = mean over images of class o of the share of the answer c, all c != o

    The ceiling is sqrt of the people's reliability: rank correlation of the matrices of random
    halves of their answers to each image, stepped up by Spearman-Brown.

    Parameters
    ----------
    probability : array of shape (stimulus, step or time_ms, class)
        Of the network.
    people : array of int of shape (stimulus, class)
        Counts of answers.
    labels : array of shape (stimulus,), optional
        As in ``solution_times``.
    choice : {"argmax", "probability"}
        What the network says.
    splits : int
        Random halves of the answers of people.
    inference : Inference
        ``n``: resamples of images, 1000, the same on both sides; the interval is their spread
        about the estimate. ``confidence``; ``rng``.

    Returns
    -------
    Dataset
        rho, interval (bound) by step or time_ms; reliability, ceiling of the people.

    Raises
    ------
    AnalysisError
        For unknown choices, answers that are no counts, classes without an image.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(4), 50)
    >>> p = rng.dirichlet(np.ones(4) / 2, 200) + 3 * np.eye(4)[y] + 2 * np.eye(4)[(y + 1) % 4]
    >>> p /= p.sum(1, keepdims=True)
    >>> said = rng.multinomial(50, p)
    >>> few = Inference(n=50)
    >>> result = confusion_consistency(p[:, None], said, y, choice="probability", inference=few)
    >>> bool(result.rho[0] > 0.5), bool(result.ceiling > 0.9)
    (True, True)
    """
    from scipy.stats import rankdata

    if choice not in CHOICES:
        raise AnalysisError(f"there is no choice {choice!r}; choose from {', '.join(CHOICES)}")
    a = answers(probability, labels)
    counts = people_of(people, a, whole=True)
    _every_class(a)
    asked = settled(inference, "confusion_consistency", n=1000)
    enough(asked.n, "resamples")
    counted(splits, "splits")
    weights = weights_of(asked.rng, asked.n, len(counts))

    def ranked(choices: np.ndarray, w: np.ndarray | None = None) -> np.ndarray:
        return rankdata(_off_diagonal(confusions(choices, a.numbers, w)), axis=-1)

    theirs, theirs_resampled = ranked(counts), ranked(counts, weights)
    said = [CHOICES[choice](a.probability[:, t]) for t in range(len(a.times))]
    rho = np.array([_pearson(ranked(s), theirs) for s in said])
    draws = np.stack([_pearson(ranked(s, weights), theirs_resampled) for s in said], 1)
    halves = [
        _pearson(*(ranked(h) for h in split_answers(counts, asked.rng))) for _ in range(splits)
    ]
    interval = about_the_estimate(draws, rho, asked.confidence)
    about = attributes(
        inference.rng,
        stimuli=len(a.numbers),
        confidence=asked.confidence,
        axis=a.axis,
        n=asked.n,
        splits=splits,
        choice=choice,
    )
    return _with_ceiling(rho, interval, halves, a=a, about=about).rename(value="rho")


@clear_errors
def image_consistency(
    probability: Any,
    people: Any,
    labels: Any = None,
    *,
    metric: str = "i1n",
    pool: str = "rates",
    cap: float = CAP,
    splits: int = 50,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """Whether the images (and distractors) that are hard for people are hard for the network.

        value = r(network, people)
        noise_corrected = value / sqrt(reliability)

    by readout time: Pearson's correlation of ``image_dprimes`` over images (i1, i1n) or images and
    distractors (i2, i2n), with the reliability of the people from random halves of their answers,
    stepped up by Spearman-Brown. A network without noise has a reliability of 1.

    A d' of few answers is no unbiased measurement: it ends at the cap, and is steep near it, so
    that the correction then misses by much (0.6 to above 1 for a network that answers as people
    do). ``noise_corrected`` is therefore NaN, and ``noise_corrected_text`` says why, where more
    than 10 % of the people's d' lie at the cap or their reliability is below 0.7. The same on
    the scale of probabilities, ``image_rates``, has no such restriction: rate_value,
    rate_noise_corrected.

    Parameters
    ----------
    probability : array of shape (stimulus, step or time_ms, class)
        Of the network.
    people : array of int of shape (stimulus, class)
        Counts of answers.
    labels : array of shape (stimulus,), optional
        As in ``solution_times``.
    metric : {"i1", "i2", "i1n", "i2n"}
        With n less the mean of each object (so that only differences between images of the same
        object count).
    pool : {"rates", "dprimes"}
        How distractors are pooled, as in ``image_dprimes``.
    cap : float
        Largest absolute d', as in ``image_dprimes``.
    splits : int
        Random halves of the answers of people.
    inference : Inference
        ``n``: resamples of images, 1000; d' is not computed again. ``confidence``; ``rng``.

    Returns
    -------
    Dataset
        By step or time_ms: value, interval (bound), noise_corrected; reliability, ceiling =
        sqrt(reliability), at_cap (share of the people's d' that lie at the cap, which no
        correlation can see through). Of rates: rate_value, rate_interval, rate_noise_corrected,
        rate_reliability (rate_noise_corrected is NaN where that is below 0.1).

    Raises
    ------
    AnalysisError
        For unknown metrics, answers that are no counts, classes without an image.

    References
    ----------
    Rajalingham, Issa et al. 2018, J Neurosci 38:7255; the correction there divides by the
    network's reliability, too.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y, ease = np.repeat([0, 1, 2], 40), rng.uniform(0, 2, 120)
    >>> p = np.exp(ease[:, None] * np.eye(3)[y])
    >>> p /= p.sum(1, keepdims=True)
    >>> said = rng.multinomial(100, p)
    >>> result = image_consistency(p[:, None], said, y, inference=Inference(n=50))
    >>> bool(result.reliability > 0.8), bool(abs(result.noise_corrected[0] - 1) < 0.1)
    (True, True)
    >>> bool(abs(result.rate_noise_corrected[0] - 1) < 0.05)
    True
    """
    a = answers(probability, labels)
    counts = people_of(people, a, whole=True)
    _every_class(a)
    asked = settled(inference, "image_consistency", n=1000)
    enough(asked.n, "resamples")
    counted(splits, "splits")

    weights = weights_of(asked.rng, asked.n, len(counts))
    halves = [split_answers(counts, asked.rng) for _ in range(splits)]

    def dprimes(choices: np.ndarray) -> np.ndarray:
        return image_dprimes(choices, a.numbers, metric, pool=pool, cap=cap)

    def rates(choices: np.ndarray) -> np.ndarray:
        return image_rates(choices, a.numbers, metric)

    by_scale = [
        _correlated(s, a, counts, halves=halves, weights=weights, confidence=asked.confidence)
        for s in (dprimes, rates)
    ]
    about = attributes(
        inference.rng,
        stimuli=len(a.numbers),
        confidence=asked.confidence,
        axis=a.axis,
        n=asked.n,
        splits=splits,
        metric=metric,
        pool=pool,
        cap=cap,
    )
    result, by_rate = (_with_ceiling(*s, a=a, about=about) for s in by_scale)
    plain = image_dprimes(counts, a.numbers, metric.removesuffix("n"), pool=pool, cap=cap)
    at_cap = float((np.abs(plain[np.isfinite(plain)]) >= cap).mean())
    why = _not_corrected(at_cap, float(result.reliability))
    usable = float(by_rate.reliability) >= LEAST
    return result.assign(
        noise_corrected=result.value / result.ceiling if not why else result.value * np.nan,
        at_cap=at_cap,
        rate_value=by_rate.value,
        rate_interval=by_rate.interval,
        rate_reliability=by_rate.reliability,
        rate_noise_corrected=by_rate.value / by_rate.ceiling if usable else by_rate.value * np.nan,
    ).assign_attrs(noise_corrected_text=why or "value / ceiling")


def _correlated(
    scores: Callable[[np.ndarray], np.ndarray],
    a: Answers,
    counts: Int[np.ndarray, "stimulus class"],
    *,
    halves: list[tuple[np.ndarray, np.ndarray]],
    weights: Float[np.ndarray, "resample stimulus"],
    confidence: float,
) -> tuple[np.ndarray, np.ndarray, list[Any]]:
    """Of one score of answers: correlations by time, intervals, correlations of halves."""
    theirs = scores(counts)
    defined = np.isfinite(theirs)
    ours = [scores(a.probability[:, t]) for t in range(len(a.times))]
    value = np.array([_pearson(row[defined], theirs[defined]) for row in ours])
    known = np.where(defined, theirs, np.nan)
    draws = np.stack([_weighted_pearson(row, known, weights) for row in ours], 1)
    agreement = [_pearson(*(scores(h)[defined] for h in pair)) for pair in halves]
    return value, about_the_estimate(draws, value, confidence), agreement


def _not_corrected(at_cap: float, reliability: float) -> str:
    """Why a correlation of d' cannot be corrected; empty where it can."""
    if at_cap > CAPPED:
        return (
            f"not corrected: {at_cap:.0%} of the people's d' lie at the cap, at most {CAPPED:.0%} "
            "may; take rate_noise_corrected"
        )
    if not reliability >= STEADY:
        return (
            f"not corrected: the reliability of the people's d' is {reliability:.2f}, at least "
            f"{STEADY:g} is needed; take rate_noise_corrected"
        )
    return ""


def _with_ceiling(
    value: Float[np.ndarray, " time"],
    interval: Float[np.ndarray, "bound time"],
    halves: list[Any],
    *,
    a: Answers,
    about: dict[str, Any],
) -> xarray.Dataset:
    """Values by time with intervals, and the reliability of the people."""
    import xarray

    reliability = float(spearman_brown(np.nanmean(halves), keep_negative=True))
    return xarray.Dataset(
        {
            "value": (a.axis, value),
            "interval": (("bound", a.axis), interval),
            "reliability": reliability,
            "ceiling": float(np.sqrt(reliability)) if reliability > 0 else np.nan,
        },
        {a.axis: a.times, "bound": ["lower", "upper"]},
        about,
    )


def about_the_estimate(
    draws: Float[np.ndarray, "resample time"], value: Float[np.ndarray, " time"], confidence: float
) -> Float[np.ndarray, "bound time"]:
    """Percentiles of the resamples about their mean, put about the estimate.

    Resampled confusions are noisier, so that they correlate less.
    """
    with np.errstate(invalid="ignore"):
        mean = np.nanmean(np.where(np.isfinite(draws).any(0), draws, 0.0), 0)
    return np.clip(value + percentile_interval(draws - mean, confidence), -1, 1)


def _pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson r over the last axis; NaN where one side is constant."""
    a, b = (v - v.mean(-1, keepdims=True) for v in (a, b))
    size = np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    return np.divide((a * b).sum(-1), size, out=np.full(np.shape(size), np.nan), where=size > 1e-12)


def _weighted_pearson(
    a: np.ndarray, b: np.ndarray, weights: Float[np.ndarray, "resample stimulus"]
) -> Float[np.ndarray, " resample"]:
    """Pearson r of every resample of stimuli, over all that one has; NaN in b is left out."""
    defined = np.isfinite(b)
    a, b = (np.where(defined, v - v[defined].mean(), 0.0).reshape(len(b), -1) for v in (a, b))
    # Sums of each stimulus first: resamples move them together.
    terms = (defined.reshape(len(b), -1), a, b, a * a, b * b, a * b)
    sums = np.stack([v.sum(1) for v in terms], 1)
    count, ma, mb, aa, bb, ab = (weights @ sums).T
    ma, mb = ma / count, mb / count
    size = np.sqrt(np.maximum(aa / count - ma**2, 0) * np.maximum(bb / count - mb**2, 0))
    return np.divide(
        ab / count - ma * mb, size, out=np.full(len(count), np.nan), where=size > 1e-12
    )


def _every_class(a: Answers) -> None:
    """AnalysisError where a class has no image."""
    missing = sorted(set(range(len(a.classes))) - set(a.numbers.tolist()))
    if missing:
        raise AnalysisError(
            f"there is no image of {', '.join(a.classes[k] for k in missing[:5])}; confusions and "
            "false alarms need some of every class"
        )
