"""Rank correlation of times of which some are known only to be "not before the end".

Images that are never solved, answers that are never given.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.draws import (
    attributes,
    enough,
    generator_of,
    group_counts,
)
from cortexsim.analysis.statistics.intervals import censored_interval
from cortexsim.analysis.statistics.pvalues import monte_carlo_p
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import Labelled, column, places
from cortexsim.plain import numbers
from cortexsim.shapes import Bool, Float

if TYPE_CHECKING:
    import xarray

MOST = 5000  # items: matrices of their pairs are held
LEAST = 3


def orders(
    times: Float[np.ndarray, " item"], seen: Bool[np.ndarray, " item"]
) -> tuple[np.ndarray, np.ndarray]:
    """Of every pair the order, and whether it is known.

    The order ``[i, j]`` is sign(t_j - t_i), 0 for ties and where it is unknown. An event at the
    time at which another is lost from sight came first.

    Parameters
    ----------
    times : array of shape (item,)
        When each event happened, in any unit.
    seen : bool array of shape (item,)
        The event happened at that time; otherwise later than it.

    Returns
    -------
    order : int8 array of shape (item, item)
    known : bool array of shape (item, item)

    Examples
    --------
    >>> order, known = orders(np.array([1.0, 2.0, 2.0, 2.0]), np.array([True, True, False, False]))
    >>> order[1].tolist(), known[2].tolist()
    ([-1, 0, 1, 1], [True, True, True, False])
    """
    early = times[:, None] < times[None, :]
    same = times[:, None] == times[None, :]
    before = (early | (same & ~seen[None, :])) & seen[:, None]
    order = before.astype(np.int8) - before.T.astype(np.int8)
    known = before | before.T | (same & seen[:, None] & seen[None, :])
    np.fill_diagonal(known, True)  # of no consequence: nothing is before itself
    return order, known


def censored_tau(
    first: Any,
    second: Any,
    *,
    first_seen: Any = None,
    second_seen: Any = None,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """Kendall's tau between times of which some are censored.

    tau = sum s1 s2 / sqrt(sum s1^2 sum s2^2) over the pairs whose order is known on both sides, s
    the sign of their order, 0 for ties. An item seen (solved) at t is before one censored at t or
    later; the order of two censored items, or of a censored one and a later event, is unknown.
    Without censoring this is Kendall's tau-b; nothing is dropped. concordance = (agreeing + ties of
    first / 2) / pairs known in both and untied in second: Harrell's C where second is the censored
    outcome and first a prediction.

    Parameters
    ----------
    first : array_like of shape (item,), DataArray or Series
        Times (the last time looked at, where censored), in any unit.
    second : array_like of shape (item,), DataArray or Series
        Other times of the same items, in any unit; joined with the first by the ids that both
        carry (``stimulus_id``, or an index), else by place.
    first_seen : bool array of shape (item,), optional
        Whether the event of ``first`` happened at that time; all, unless given.
    second_seen : bool array of shape (item,), optional
        The same of ``second``.
    inference : Inference
        n (1000 resamples of items), permutations (200, of the items of second against first, for
        the two-sided p), confidence, rng.

    Returns
    -------
    xarray.Dataset
        tau, interval (bound), p, concordance, known (share of pairs whose order is known in both),
        coverage (side; share seen).

    Raises
    ------
    AnalysisError
        For more than 5000 items, for different items, NaN, and where no pair is known.

    References
    ----------
    Kendall 1945; Oakes 1982; Harrell et al. 1982.

    Examples
    --------
    >>> times, seen = [10, 20, 30, 30, 30], [True, True, True, False, False]
    >>> correlated = censored_tau([1, 2, 3, 4, 5], times, second_seen=seen)
    >>> float(correlated.tau), float(correlated.known)
    (1.0, 0.9)
    """
    import xarray

    asked = inference.completed("censored_tau", n=1000, permutations=200, confidence=0.95, rng=0)
    sides = [
        _side(v, s, name)
        for v, s, name in ((first, first_seen, "first"), (second, second_seen, "second"))
    ]
    (x, x_seen), (y, y_seen) = (sides[0][0].values, sides[0][1]), _joined(*sides)
    if not LEAST <= len(x) <= MOST:
        raise AnalysisError(
            f"{len(x)} items; give the same items on both sides, {LEAST} to {MOST} of them"
        )
    enough(asked.n, "resamples")
    generator = generator_of(asked.rng)
    a, b = orders(x, x_seen), orders(y, y_seen)
    parts = _parts(a, b)
    point, (agree, comparable) = _tau(*(p.sum() for p in parts)), _concordance(a, b)
    if np.isnan(point):
        raise AnalysisError(
            "no pair of items has a known order, untied, on both sides; there is nothing to "
            "correlate"
        )
    counts = group_counts(len(x), asked.n, generator).astype(np.float32)
    drawn = _tau(
        *(((counts @ p.astype(np.float32)) * counts).sum(1, dtype=np.float64) for p in parts)
    )
    null = np.array(
        [_shuffled(a, b, generator.permutation(len(x))) for _ in range(asked.permutations or 0)]
    )
    pairs = len(x) * (len(x) - 1)
    return xarray.Dataset(
        {
            "tau": float(point),
            "interval": ("bound", censored_interval(drawn, asked.confidence, both=True)),
            "p": monte_carlo_p(float(point), null, two_sided=True),
            "concordance": agree / comparable if comparable else np.nan,
            "known": (int((a[1] & b[1]).sum()) - len(x)) / pairs,
            "coverage": ("side", [x_seen.mean(), y_seen.mean()]),
        },
        {"bound": ["lower", "upper"], "side": ["first", "second"]},
        attributes(
            asked.rng,
            items=len(x),
            n=asked.n,
            permutations=asked.permutations,
            confidence=asked.confidence,
        ),
    )


Orders = tuple[np.ndarray, np.ndarray]


def _parts(a: Orders, b: Orders) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every pair: s1 s2, s1^2 and s2^2 where both orders are known."""
    return a[0] * b[0], np.abs(a[0]) * b[1], np.abs(b[0]) * a[1]


def _tau(agree: Any, first: Any, second: Any) -> Any:
    """Kendall's tau of sums over pairs."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return agree / np.sqrt(np.multiply(first, second, dtype=np.float64))


def _shuffled(a: Orders, b: Orders, order: np.ndarray) -> float:
    """Tau with the items of the second side in another order; 0 where none is defined."""
    moved = (b[0][np.ix_(order, order)], b[1][np.ix_(order, order)])
    return float(np.nan_to_num(_tau(*(p.sum(dtype=np.int64) for p in _parts(a, moved)))))


def _concordance(a: Orders, b: Orders) -> tuple[float, int]:
    """Agreeing pairs, with half of those tied in first, and the comparable ones."""
    comparable = (b[0] != 0) & a[1]
    return float((a[0] * b[0] == 1).sum() + ((a[0] == 0) & comparable).sum() / 2), int(
        comparable.sum()
    )


def _side(values: Any, seen: Any, name: str) -> tuple[Labelled, np.ndarray]:
    """Times, and whether each was seen, checked."""
    times = column(values, f"{name} times")
    x = numbers(times.values, f"{name} times").astype(np.float64)
    times = dataclasses.replace(times, values=x)
    if seen is None:
        flags = np.ones(x.shape, dtype=bool)
    else:
        flags = column(seen, f"{name}_seen").like(times).values
    if flags.shape != x.shape or flags.dtype != bool:
        raise AnalysisError(
            f"{name}: times have shape {x.shape}, seen {flags.shape} of type {flags.dtype}; "
            "(item,) numbers and (item,) bool are needed"
        )
    if not np.isfinite(x).all():
        raise AnalysisError(
            f"{name}: {int((~np.isfinite(x)).sum())} times are NaN or infinite; a time that was "
            f"never reached is the last time looked at, with {name}_seen False"
        )
    return times, flags


def _joined(
    first: tuple[Labelled, np.ndarray], second: tuple[Labelled, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The times of the second side and which were seen, in the order of the first."""
    order = places(first[0], second[0])
    times, seen = second[0].values, second[1]
    return (times, seen) if order is None else (times[order], seen[order])
