"""Networks beside people, image by image: consistency of confusions and of image difficulty, corrected for the noise of the people."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.behavior.agreement import people_of
from cortexsim.analysis.behavior.answers import Answers, answers
from cortexsim.analysis.behavior.image_dprime import CAP, image_dprimes
from cortexsim.analysis.statistics.draws import attributes, enough, generator_of, share, weights_of
from cortexsim.analysis.statistics.intervals import percentiles_there
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray


def split_answers(counts: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The answers to each image ``(stimulus, class)`` in two random halves; of an odd number one half has one more.

    >>> a, b = split_answers(np.array([[10, 4], [0, 5]]), np.random.default_rng(0))
    >>> (a + b).tolist(), a.sum(1).tolist()
    ([[10, 4], [0, 5]], [7, 2])
    """
    left, wanted = counts.sum(1), counts.sum(1) // 2
    half = np.zeros_like(counts)
    for c in range(
        counts.shape[1]
    ):  # the multivariate hypergeometric distribution, one class after the other
        left = left - counts[:, c]
        half[:, c] = rng.hypergeometric(counts[:, c], left, wanted)
        wanted = wanted - half[:, c]
    return half, counts - half


def confusions(
    choices: np.ndarray, numbers: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Mean share of each answer to the images of each class, ``([resample,] true, chosen)``; weights ``(resample, stimulus)``."""
    share_of = choices / choices.sum(1, keepdims=True)
    w = np.ones((1, len(numbers))) if weights is None else weights
    out = np.full((len(w), choices.shape[1], choices.shape[1]), np.nan)
    for k in range(choices.shape[1]):
        here = np.flatnonzero(numbers == k)
        with np.errstate(invalid="ignore", divide="ignore"):
            out[:, k] = w[:, here] @ share_of[here] / w[:, here].sum(1, keepdims=True)
    return out[0] if weights is None else out


def _off_diagonal(matrix: np.ndarray) -> np.ndarray:
    """``(..., class, class)`` to the pairs of different classes ``(..., pair)``."""
    return matrix[..., ~np.eye(matrix.shape[-1], dtype=bool)]


def confusion_consistency(
    probability: Any, people: Any, labels: Any = None, *, choice: str = "argmax", splits: int = 50, n: int = 1000, confidence: float = 0.95,
    rng: int | np.random.Generator = 0,
) -> xarray.Dataset:  # fmt: skip
    """Spearman's rank correlation of the confusions of network and people, by readout time: which class is taken for which.

    Of the matrices ``M(o, c)`` = mean over images of class o of the share of the answer c, all c != o. The ceiling is sqrt of the people's reliability:
    rank correlation of the matrices of random halves of their answers to each image, stepped up by Spearman-Brown.

    people: ``(stimulus, class)`` counts of answers. choice: what the network says, its ``argmax`` or its ``probability``. n: resamples of images, the
    same on both sides; the interval is their spread about the estimate.
    Returns a Dataset: rho, interval (bound) by step or time_ms; reliability, ceiling of the people.

    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(4), 50)
    >>> p = rng.dirichlet(np.ones(4) / 2, 200) + 3 * np.eye(4)[y] + 2 * np.eye(4)[(y + 1) % 4]
    >>> p /= p.sum(1, keepdims=True)
    >>> found = confusion_consistency(p[:, None], rng.multinomial(50, p), y, choice="probability", n=50)
    >>> bool(found.rho[0] > 0.5), bool(found.ceiling > 0.9)
    (True, True)
    """
    from scipy.stats import rankdata

    if choice not in CHOICES:
        raise AnalysisError(f"there is no choice {choice!r}; choose from {', '.join(CHOICES)}")
    a, counts = answers(probability, labels), people_of(people, probability, whole=True)
    _every_class(a)
    enough(n, "resamples")
    share(confidence, "confidence")
    generator = generator_of(rng)
    weights = weights_of(generator, n, len(counts))

    def ranked(choices: np.ndarray, w: np.ndarray | None = None) -> np.ndarray:
        return rankdata(_off_diagonal(confusions(choices, a.numbers, w)), axis=-1)

    theirs, drawn_theirs = ranked(counts), ranked(counts, weights)
    said = [CHOICES[choice](a.probability[:, t]) for t in range(len(a.times))]
    rho = np.array([_pearson(ranked(s), theirs) for s in said])
    drawn = np.stack([_pearson(ranked(s, weights), drawn_theirs) for s in said], 1)
    halves = [
        _pearson(*(ranked(h) for h in split_answers(counts, generator))) for _ in range(splits)
    ]
    return _with_ceiling(
        rho, drawn, halves, a, confidence, rng, n=n, splits=splits, choice=choice
    ).rename(value="rho")


CHOICES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "argmax": lambda p: np.eye(p.shape[1])[p.argmax(1)],
    "probability": lambda p: p,
}


def image_consistency(
    probability: Any, people: Any, labels: Any = None, metric: str = "i1n", *, pool: str = "rates", cap: float = CAP, splits: int = 50, n: int = 1000,
    confidence: float = 0.95, rng: int | np.random.Generator = 0,
) -> xarray.Dataset:  # fmt: skip
    """Whether the images (and distractors) that are hard for people are hard for the network: correlation of ``image_dprimes``, by readout time.

    ``value = r(network, people)``, Pearson over images (i1, i1n) or images and distractors (i2, i2n); ``corrected = value / sqrt(reliability)``, with the
    reliability of the people from random halves of their answers, stepped up by Spearman-Brown. A network without noise has a reliability of 1.

    people: ``(stimulus, class)`` counts of answers. metric: i1, i2, and with n less the mean of each object (so that only differences between images
    of the same object count). n: resamples of images; d' is not computed again.
    Returns a Dataset by step or time_ms: value, interval (bound), corrected; reliability, ceiling = sqrt(reliability), at_cap (share of the people's
    d' that lie at the cap, which no correlation can see through).
    Source: Rajalingham, Issa et al. 2018, J Neurosci 38:7255; the correction there divides by the network's reliability, too.

    >>> rng = np.random.default_rng(0)
    >>> y, ease = np.repeat([0, 1, 2], 40), rng.uniform(0, 2, 120)
    >>> p = np.exp(ease[:, None] * np.eye(3)[y])
    >>> p /= p.sum(1, keepdims=True)
    >>> found = image_consistency(p[:, None], rng.multinomial(100, p), y, n=50)
    >>> bool(found.reliability > 0.8), bool(abs(found.corrected[0] - 1) < 0.1)
    (True, True)
    """
    a, counts = answers(probability, labels), people_of(people, probability, whole=True)
    _every_class(a)
    enough(n, "resamples")
    share(confidence, "confidence")
    generator = generator_of(rng)

    def scores(choices: np.ndarray) -> np.ndarray:
        return image_dprimes(choices, a.numbers, metric, pool=pool, cap=cap)

    theirs = scores(counts)
    there = np.isfinite(theirs)
    ours = np.stack([scores(a.probability[:, t])[there] for t in range(len(a.times))])
    value = np.array([_pearson(row, theirs[there]) for row in ours])
    weights = weights_of(generator, n, len(counts))
    masked = np.where(there, theirs, np.nan)
    drawn = np.stack(
        [
            _weighted_pearson(scores(a.probability[:, t]), masked, weights)
            for t in range(len(a.times))
        ],
        1,
    )
    halves = [
        _pearson(*(scores(h)[there] for h in split_answers(counts, generator)))
        for _ in range(splits)
    ]
    found = _with_ceiling(
        value,
        drawn,
        halves,
        a,
        confidence,
        rng,
        n=n,
        splits=splits,
        metric=metric,
        pool=pool,
        cap=cap,
    )
    plain = image_dprimes(counts, a.numbers, metric.removesuffix("n"), pool=pool, cap=cap)
    at_cap = float((np.abs(plain[np.isfinite(plain)]) >= cap).mean())
    return found.assign(corrected=found.value / np.maximum(found.ceiling, 1e-12), at_cap=at_cap)


def spearman_brown(r: float) -> float:
    """The reliability of the whole from the correlation of its halves: 2 r / (1 + r); what is not positive stays as it is."""
    return 2 * r / (1 + r) if r > 0 else r


def _with_ceiling(
    value: np.ndarray, drawn: np.ndarray, halves: list[Any], a: Answers, confidence: float, rng: Any, **settings: Any
) -> xarray.Dataset:  # fmt: skip
    """Values by time with intervals, and the reliability of the people."""
    import xarray

    reliability = spearman_brown(float(np.nanmean(halves)))
    return xarray.Dataset(
        {
            "value": (a.axis, value),
            "interval": (("bound", a.axis), centred(drawn, value, confidence)),
            "reliability": reliability,
            "ceiling": float(np.sqrt(reliability)) if reliability > 0 else np.nan,
        },
        {a.axis: a.times, "bound": ["lower", "upper"]},
        attributes(rng, stimuli=len(a.numbers), confidence=confidence, axis=a.axis, **settings),
    )


def centred(drawn: np.ndarray, value: np.ndarray, confidence: float) -> np.ndarray:
    """Percentiles of the resamples about their mean, put about the estimate: resampled confusions are noisier, so that they correlate less."""
    with np.errstate(invalid="ignore"):
        mean = np.nanmean(np.where(np.isfinite(drawn).any(0), drawn, 0.0), 0)
    return np.clip(value + percentiles_there(drawn - mean, confidence), -1, 1)


def _pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson r over the last axis; NaN where one side is constant."""
    a, b = (v - v.mean(-1, keepdims=True) for v in (a, b))
    size = np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    return np.divide((a * b).sum(-1), size, out=np.full(np.shape(size), np.nan), where=size > 1e-12)


def _weighted_pearson(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson r of every resample of stimuli, weights ``(resample, stimulus)``, over all that a stimulus has; NaN in b is left out."""
    there = np.isfinite(b)
    a, b = (np.where(there, v - v[there].mean(), 0.0).reshape(len(b), -1) for v in (a, b))
    sums = [
        there.reshape(len(b), -1),
        a,
        b,
        a * a,
        b * b,
        a * b,
    ]  # of each stimulus first: resamples move them together
    count, ma, mb, aa, bb, ab = (weights @ np.stack([v.sum(1) for v in sums], 1)).T
    ma, mb = ma / count, mb / count
    size = np.sqrt(np.maximum(aa / count - ma**2, 0) * np.maximum(bb / count - mb**2, 0))
    return np.divide(
        ab / count - ma * mb, size, out=np.full(len(count), np.nan), where=size > 1e-12
    )


def _every_class(a: Answers) -> None:
    missing = sorted(set(range(len(a.classes))) - set(a.numbers.tolist()))
    if missing:
        raise AnalysisError(f"there is no image of {', '.join(a.classes[k] for k in missing[:5])}; confusions and false alarms need some of every class")  # fmt: skip
