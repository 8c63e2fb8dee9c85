"""A claim about errors of trained nets: a difference, its interval, and one word.

A claim is true where a number made of mean test errors lies in a range. From the interval of that
number, over test images and seeds, follows the word: ``supported`` if all of it lies in the range,
``against`` if none of it does, ``undecided`` otherwise, and wherever a net has a single seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats

from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float

MARGIN = 0.02
"""What "little" and "alike" mean where the memo gives no number: 2 points of test error. It was set
before any net of the budget ``reduced`` was trained."""
DRAWS = 4000
AT_ONCE = 100

Means = Mapping[str, np.ndarray]
"""The mean of each net, ``(..., quantity)``: errors at several times or of several kinds."""


@dataclass(frozen=True)
class Claim:
    """What is claimed of nets.

    text: in words. nets: their labels. number: of the nets' means, ``(..., quantity)`` each, what
    the claim is about, ``(...)``. low, high: the range of that number in which the claim is true.
    """

    text: str
    nets: tuple[str, ...]
    number: Callable[[Means], np.ndarray]
    low: float = -np.inf
    high: float = np.inf

    def range(self) -> str:
        """When the claim is true, in words."""
        if np.isinf(self.high):
            return f"difference > {self.low:g}"
        if np.isinf(self.low):
            return f"difference < {self.high:g}"
        return f"{self.low:g} < difference < {self.high:g}"


def true_between(claim: Mapping[str, Any]) -> tuple[float, float]:
    """The ends of the range in which a claim is true, from its words.

    >>> true_between({"true_if": "difference > 0"}), true_between({"true_if": "difference < 0.02"})
    ((0.0, inf), (-inf, 0.02))
    >>> true_between({"true_if": "-0.02 < difference < 0.02"})
    (-0.02, 0.02)
    """
    words = claim["true_if"].split()
    if words[0] != "difference":
        return float(words[0]), float(words[-1])
    end = float(words[-1])
    return (end, np.inf) if words[1] == ">" else (-np.inf, end)


def better(text: str, good: str, bad: str) -> Claim:
    """``good`` errs less than ``bad``."""
    return Claim(text, (good, bad), lambda m: m[bad][..., 0] - m[good][..., 0], low=0.0)


def costs_little(text: str, cheap: str, whole: str, *, margin: float = MARGIN) -> Claim:
    """``cheap`` errs at most ``margin`` more than ``whole``."""
    return Claim(text, (cheap, whole), lambda m: m[cheap][..., 0] - m[whole][..., 0], high=margin)


def alike(text: str, first: str, second: str, *, margin: float = MARGIN) -> Claim:
    """``first`` and ``second`` err alike, within ``margin``."""
    return Claim(
        text,
        (first, second),
        lambda m: m[first][..., 0] - m[second][..., 0],
        low=-margin,
        high=margin,
    )


def below(text: str, net: str, error: float) -> Claim:
    """``net`` errs less than ``error``."""
    return Claim(text, (net,), lambda m: error - m[net][..., 0], low=0.0)


def judge(
    claim: Claim,
    wrong: Mapping[str, Float[np.ndarray, "seed image quantity"]],
    *,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
    unlike: Sequence[str] = (),
) -> dict[str, Any]:
    """The difference that a claim is about, its interval and the word.

    The interval is that of draws in which test images are drawn with replacement, the same for all
    nets (the differences are paired), and each net that has two seeds or more moves the number by
    its jackknife error over them. Two or three seeds hardly tell how much seeds differ: the draws
    are stretched as Student's t is wider than the normal distribution, at the degrees of freedom of
    Welch and Satterthwaite. What a seed and an image do only together counts in both, which makes
    the interval a little too wide.

    Parameters
    ----------
    claim : Claim
        What is claimed.
    wrong : mapping from net to array of shape (seed, image, quantity)
        1 where a test image was answered wrongly, 0 where it was not.
    confidence : float
        Of the interval.
    draws, seed : int
        Resamples, and the seed of the generator that draws them.
    unlike : sequence of str
        In what the nets differ besides what is compared (scale, epochs): the word is then
        ``undecided``, whatever the numbers.

    Returns
    -------
    dict
        claim, true_if, difference, interval, confidence, verdict, of_these_nets, note, seeds,
        images. of_these_nets is the word that the interval over images gives; it is the verdict
        only where each net was trained from two seeds or more, for another training of the same
        architecture could differ.

    References
    ----------
    Satterthwaite 1946, Biometrics Bulletin 2:110; Owen 2007, Annals of Applied Statistics 1:386
    (seeds and images crossed: the bootstrap is conservative).
    """
    nets = {name: np.asarray(wrong[name], dtype=float) for name in claim.nets}
    images = images_of(nets)
    means = {name: x.mean((0, 1)) for name, x in nets.items()}
    difference = float(claim.number(means))
    rng = np.random.default_rng(seed)
    drawn = claim.number(_over_images(nets, draws, rng))
    parts = [(float(drawn.var()), np.inf)]  # images are many
    for name, x in nets.items():
        if len(x) > 1:
            error = seed_error(claim, means, name, x)
            parts.append((error**2, len(x) - 1))
            drawn = drawn + error * rng.standard_normal(draws)
    drawn = difference + wider(parts, confidence) * (drawn - difference)
    interval = percentile_interval(drawn, confidence)
    notes = [f"not comparable: {what}" for what in unlike]
    if not np.isfinite(difference):
        notes.append("the difference is not defined: a net did not learn")
    decidable = not unlike and np.isfinite(difference)
    if single := [name for name, x in nets.items() if len(x) == 1]:
        notes.append(
            f"one seed of {', '.join(single)}: the interval covers images, not another training, "
            "so that nothing is decided"
        )
    word = verdict(interval, claim.low, claim.high) if decidable else "undecided"
    return {
        "claim": claim.text,
        "true_if": claim.range(),
        "difference": difference,
        "interval": interval.tolist(),
        "confidence": confidence,
        "verdict": "undecided" if single else word,
        "of_these_nets": word,
        "note": "; ".join(notes) or None,
        "seeds": {name: len(x) for name, x in nets.items()},
        "images": images,
    }


def verdict(interval: Sequence[float] | np.ndarray, low: float, high: float) -> str:
    """The word for an interval and the range in which a claim is true.

    >>> verdict([0.01, 0.03], 0, np.inf), verdict([-0.01, 0.03], 0, np.inf)
    ('supported', 'undecided')
    >>> verdict([0.03, 0.05], -0.02, 0.02)
    'against'
    """
    if not np.isfinite(interval).all():
        return "undecided"
    if low < interval[0] and interval[1] < high:
        return "supported"
    if interval[1] <= low or interval[0] >= high:
        return "against"
    return "undecided"


def images_of(nets: Mapping[str, np.ndarray]) -> int:
    """How many test images the nets answered; AnalysisError where they are not the same."""
    counts = {x.shape[1] for x in nets.values()}
    if len(counts) != 1:
        raise AnalysisError(
            f"the nets of a claim answered {sorted(counts)} images; the same are needed"
        )
    return counts.pop()


def wider(parts: Sequence[tuple[float, float]], confidence: float) -> float:
    """By how much Student's t is wider than the normal distribution.

    parts: the variances of which an error consists, each with its degrees of freedom.

    >>> round(wider([(1.0, 2)], 0.95), 3), round(wider([(1.0, np.inf)], 0.95), 3)
    (2.195, 1.0)
    """
    total = sum(v for v, _ in parts)
    if not 0 < total < np.inf:
        return 1.0
    shares = sum((v / total) ** 2 / n for v, n in parts)
    freedom = 1 / shares if shares else np.inf
    upper = 0.5 + confidence / 2
    return float(scipy.stats.t.ppf(upper, freedom) / scipy.stats.norm.ppf(upper))


def seed_error(claim: Claim, means: Means, name: str, wrong: np.ndarray) -> float:
    """The standard error of a claim's number over the seeds of one net: the jackknife's.

    means: of all nets. wrong: of this net, ``(seed, image, quantity)``, two seeds or more.
    """
    by_seed, n = wrong.mean(1), len(wrong)
    without = (by_seed.sum(0) - by_seed) / (n - 1)
    others = {k: np.broadcast_to(v, (n, *v.shape)) for k, v in means.items() if k != name}
    numbers = claim.number({**others, name: without})
    return float(np.sqrt((n - 1) * numbers.var()))


def _over_images(
    nets: Mapping[str, np.ndarray], draws: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Means ``(draw, quantity)`` of every net over all its seeds and drawn images."""
    by_image = {name: x.mean(0) for name, x in nets.items()}
    count = len(next(iter(by_image.values())))
    means: dict[str, list[np.ndarray]] = {name: [] for name in nets}
    for first in range(0, draws, AT_ONCE):
        chosen = rng.integers(count, size=(min(AT_ONCE, draws - first), count))
        weights = np.stack([np.bincount(row, minlength=count) for row in chosen]) / count
        for name, x in by_image.items():
            means[name].append(weights @ x)
    return {name: np.concatenate(parts) for name, parts in means.items()}
