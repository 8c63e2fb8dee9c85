"""The noise ceiling of one animal: halves of its repeats, and what all repeats are worth.

With r the similarity of RDMs of two halves of h repeats each, noise is q = (1 - r) / r of what they
share. Dissimilarities are products of responses, so that noise enters them in a part A / h, as in
Spearman and Brown's formula, and a part B / h^2 (noise times noise). A and B follow from halves and
quarters of the repeats; of fewer than 4 repeats there are no quarters, and B is taken as 0, which
is Spearman and Brown's formula (the reliability is then rather too low). So all R repeats have

    reliability = 1 / (1 + A / R + B / R^2),

and the ceilings are what a perfect model reaches, sqrt(reliability), and what a model as good as
half of the repeats would, sqrt(r reliability).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.evaluation.bootstrap import Resampler
from cortexsim.analysis.rsa.comparators import Comparator
from cortexsim.analysis.rsa.rdm import rdms
from cortexsim.analysis.rsa.whitener import Whitener
from cortexsim.analysis.statistics.sizes import room_for
from cortexsim.errors import AnalysisError
from cortexsim.shapes import Bool, Float, Int

if TYPE_CHECKING:
    import xarray

SPLITS = 10  # random halves that a similarity is the mean of
REPEATS = ("repeat", "trial", "repetition")
UNITS = ("unit", "neuroid", "feature")
DIMS = ("stimulus", "condition", "time_ms", "time", *UNITS, *REPEATS)


@dataclass(frozen=True)
class Repeats:
    """How RDMs of parts of the repeats were made.

    Parameters
    ----------
    splits : int
        Random splits; for each two RDMs of halves, and two of quarters if there are any.
    whole, half, quarter : float
        Repeats in the whole and in a part (harmonic means over stimuli); a quarter of 0: none.
    """

    splits: int
    whole: float
    half: float
    quarter: float


def is_repeated(data: Any) -> bool:
    """Whether these are responses with repeats, and no RDMs."""
    dims = tuple(map(str, getattr(data, "dims", ())))
    return "pair" not in dims and any(d in REPEATS for d in dims) and any(d in UNITS for d in dims)


def repeated_rdms(
    responses: xarray.DataArray, measure: str, rng: np.random.Generator
) -> tuple[xarray.DataArray, Repeats]:
    """RDMs of the mean over repeats, and of random parts of them.

    Parameters
    ----------
    responses : DataArray
        With a dimension of repeats (NaN where one is missing), stimulus, unit and perhaps time_ms.
    measure : str
        Of dissimilarity.
    rng : numpy.random.Generator
        For the parts.

    Returns
    -------
    DataArray
        ``(subject, [time_ms,] pair)``: the whole, then for each split two halves, then for each two
        quarters.
    Repeats

    Raises
    ------
    AnalysisError
        For other dimensions, stimuli with fewer than 2 repeats, and crossnobis.
    """
    import xarray

    repeat = repeat_of(responses, measure)
    trials = responses.transpose(repeat, ...).astype(np.float64)
    measured = np.isfinite(trials.values)
    over = tuple(k for k, d in enumerate(trials.dims) if d not in (repeat, "stimulus", "condition"))
    seen = measured.all(over)  # (repeat, stimulus): a repeat counts where every unit was measured
    if (measured.any(over) != seen).any():
        raise AnalysisError(
            "the units do not miss the same repeats, so that halves would not be of the same "
            "trials; leave out units, or average and give RDMs"
        )
    counts = seen.sum(0)
    if counts.min() < 2:
        raise AnalysisError(
            f"{int((counts < 2).sum())} of {len(counts)} stimuli have fewer than 2 repeats, so "
            "that there are no halves; leave them out, or average over the repeats and give RDMs, "
            "which then have no noise ceiling"
        )
    quarters = counts.min() >= 4
    parts = 1 + SPLITS * (4 if quarters else 2)
    room_for(
        {"part": parts, "stimulus": len(counts), "response": trials[0].size // len(counts)},
        "responses of parts of the repeats",
        "choose fewer stimuli, units or times",
    )
    values = np.where(measured, trials.values, 0.0)
    means = [_mean(values, seen, over)]
    halves, fourths = [], []
    for _ in range(SPLITS):
        place = _places(seen, rng)
        half, quarter = counts // 2, counts // 4
        halves += [
            _mean(values, (place >= k * half) & (place < (k + 1) * half), over) for k in (0, 1)
        ]
        if quarters:
            fourths += [
                _mean(values, (place >= k * quarter) & (place < (k + 1) * quarter), over)
                for k in (0, 1)
            ]
    first = trials.isel({repeat: 0}, drop=True)
    stacked = xarray.concat(
        [first.copy(data=m) for m in (*means, *halves, *fourths)],
        "subject",
        coords="minimal",
        compat="override",
        join="override",
    )
    half = _harmonic(counts // 2)
    quarter = _harmonic(counts // 4) if quarters else 0.0
    return rdms(stacked, measure), Repeats(SPLITS, _harmonic(counts), half, quarter)


def repeat_of(responses: xarray.DataArray, measure: str) -> str:
    """The dimension of repeats; AnalysisError for dimensions that are not known."""
    dims = tuple(map(str, responses.dims))
    repeat = [d for d in dims if d in REPEATS]
    items = [d for d in dims if d in ("stimulus", "condition")]
    odd = [d for d in dims if d not in DIMS]
    if odd or len(repeat) != 1 or len(items) != 1:
        raise AnalysisError(
            f"responses have the dimensions {dims}; one of repeats ({', '.join(REPEATS)}), "
            "stimulus, unit and perhaps time_ms are needed. Choose one of each other, e.g. one "
            "animal with .sel(subject=...)"
        )
    if measure == "crossnobis":
        raise AnalysisError(
            "crossnobis takes the repeats as runs, so that none are left for a noise ceiling; make "
            "RDMs with rdms(..., runs='repeat'), or choose another measure"
        )
    return repeat[0]


def _mean(
    values: np.ndarray, taken: Bool[np.ndarray, "repeat stimulus"], over: tuple[int, ...]
) -> np.ndarray:
    """Over the repeats that are taken of each stimulus."""
    weight = np.expand_dims(taken, over)
    return (values * weight).sum(0) / weight.sum(0)


def _places(
    seen: Bool[np.ndarray, "repeat stimulus"], rng: np.random.Generator
) -> Int[np.ndarray, "repeat stimulus"]:
    """The place of each repeat among those of its stimulus, in an order that all stimuli share."""
    order = rng.permutation(len(seen))
    place = np.empty(seen.shape, dtype=np.int64)
    place[order] = np.where(seen[order], np.cumsum(seen[order], axis=0) - 1, len(seen))
    return place


def _harmonic(counts: np.ndarray) -> float:
    """The harmonic mean: noise variances are averaged."""
    return float(1 / np.mean(1 / counts))


class Halves:
    """RDMs of halves (and quarters) of the repeats of one time, ready for resamples.

    Parameters
    ----------
    parts : array of shape (part, pair)
        As ``repeated_rdms`` makes them, without the whole.
    repeats : Repeats
    comparator : Comparator
    exists : bool array of shape (pair,), optional
        Which pairs exist.
    whiten : Whitener, optional
    """

    def __init__(
        self,
        parts: Float[np.ndarray, "part pair"],
        repeats: Repeats,
        comparator: Comparator,
        *,
        exists: Bool[np.ndarray, " pair"] | None = None,
        whiten: Whitener | None = None,
    ) -> None:
        def sides(start: int) -> Resampler:
            rows = parts[start : start + 2 * repeats.splits]
            return Resampler(rows[::2], rows[1::2], comparator, exists=exists, whiten=whiten)

        self.sign = comparator.sign
        self.sampler = sides(0)
        conditions = self.sampler.n
        self.left = repeats.half / repeats.whole
        if repeats.quarter:
            once = np.ones((1, conditions), dtype=np.int64)
            of_half, of_quarter = (
                float(self._agreement(s, once)[0])
                for s in (self.sampler, sides(2 * repeats.splits))
            )
            self.left = noise_left(of_half, of_quarter, repeats)

    def _agreement(self, sampler: Resampler, counts: np.ndarray) -> np.ndarray:
        """r of the two sides in each resample, the mean over splits."""
        both = np.diagonal(sampler(counts, []).similarity, axis1=1, axis2=2)
        r = both.mean(1)
        return np.sin(np.pi / 2 * r) if self.sign else r  # Kendall's, of normal variables

    def ceiling(
        self, counts: Int[np.ndarray, "resample condition"]
    ) -> Float[np.ndarray, "resample two"]:
        """Lower and upper in each resample of conditions; 0 where the halves do not agree."""
        r = np.clip(self._agreement(self.sampler, counts), 0, 1)
        reliability = r / np.where(r > 0, r + self.left * (1 - r), 1)
        bounds = np.sqrt(np.stack([r * reliability, reliability], axis=1))
        return 2 / np.pi * np.arcsin(bounds) if self.sign else bounds


def noise_left(half: float, quarter: float, repeats: Repeats) -> float:
    """The noise of the mean over all repeats as a share of that over half of them.

    Parameters
    ----------
    half, quarter : float
        Similarities of RDMs of two halves, and of two quarters.
    repeats : Repeats
        How many repeats these are.

    Returns
    -------
    float
        Between (half / whole)^2, noise times noise alone, and half / whole, Spearman and Brown's.

    Examples
    --------
    >>> eight = Repeats(10, 8, 4, 2)
    >>> noise_left(1 / (1 + 1 / 4), 1 / (1 + 1 / 2), eight), noise_left(0.5, 0.2, eight)
    (0.5, 0.25)
    """
    most = repeats.half / repeats.whole
    if not (0 < half < 1 and 0 < quarter < 1):
        return most
    sizes = np.array([repeats.half, repeats.quarter])
    noise = np.array([1 / half - 1, 1 / quarter - 1])
    a, b = np.linalg.solve(np.stack([1 / sizes, 1 / sizes**2], axis=1), noise)
    left = (a / repeats.whole + b / repeats.whole**2) / noise[0]
    return float(np.clip(left, most**2, most))
