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

from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float

MARGIN = 0.02
"""What "little" and "alike" mean where the memo gives no number: 2 points of test error. It was set
before any net was trained for it."""
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

    The interval is a hierarchical bootstrap: test images are drawn with replacement, the same for
    all nets (the differences are paired), and so are the seeds of each net that has two or more.
    The mean over n seeds drawn from n varies by (n - 1) / n too little; each draw's distance from
    the mean is stretched accordingly.

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
    Davison & Hinkley 1997, section 3.8 (hierarchical data); Rao & Wu 1988 (the stretching).
    """
    nets = {name: np.asarray(wrong[name], dtype=float) for name in claim.nets}
    images = {x.shape[1] for x in nets.values()}
    if len(images) != 1:
        raise AnalysisError(
            f"the nets of a claim answered {sorted(images)} images; the same are needed"
        )
    means = {name: x.mean((0, 1)) for name, x in nets.items()}
    interval = percentile_interval(claim.number(_resampled(nets, draws, seed)), confidence)
    difference = float(claim.number(means))
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
        "images": images.pop(),
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


def _resampled(nets: Mapping[str, np.ndarray], draws: int, seed: int) -> dict[str, np.ndarray]:
    """Means ``(draw, quantity)`` of every net over drawn seeds and drawn images."""
    rng = np.random.default_rng(seed)
    seeds = {name: _seed_weights(len(x), draws, rng) for name, x in nets.items()}
    count = next(iter(nets.values())).shape[1]
    means: dict[str, list[np.ndarray]] = {name: [] for name in nets}
    for first in range(0, draws, AT_ONCE):
        chosen = rng.integers(count, size=(min(AT_ONCE, draws - first), count))
        weights = np.stack([np.bincount(row, minlength=count) for row in chosen]) / count
        for name, x in nets.items():
            by_seed = np.einsum("di,siq->dsq", weights, x, optimize=True)
            w = seeds[name][first : first + len(weights)]
            means[name].append(np.einsum("ds,dsq->dq", w, by_seed))
    return {name: np.concatenate(parts) for name, parts in means.items()}


def _seed_weights(count: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Weights ``(draw, seed)`` of a bootstrap, stretched about 1 / n; all 1 for a single seed."""
    if count == 1:
        return np.ones((draws, 1))
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=draws) / count
    return 1 / count + np.sqrt(count / (count - 1)) * (drawn - 1 / count)
