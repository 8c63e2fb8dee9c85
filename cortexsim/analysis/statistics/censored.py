"""Rank correlation of times that are known only up to "not before the end": images that are never solved, answers that are never given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.draws import (
    attributes,
    enough,
    generator_of,
    share,
    whole_number,
)
from cortexsim.analysis.statistics.intervals import percentiles
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray

MOST = 5000  # items: matrices of their pairs are held
LEAST = 3


def orders(times: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of every pair the order that is known, and whether it is: ``sign(t_j - t_i)`` in ``[i, j]``, 0 for ties and where it is not.

    seen: the event happened at that time; otherwise later than it. An event at the time at which another is lost from sight came first.

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
    first: Any, second: Any, first_seen: Any = None, second_seen: Any = None, *, n: int = 1000, permutations: int = 200, confidence: float = 0.95,
    rng: int | np.random.Generator = 0,
) -> xarray.Dataset:  # fmt: skip
    """Kendall's tau between times of which some are censored: over the pairs whose order is known on both sides.

    ``tau = sum s1 s2 / sqrt(sum s1^2 sum s2^2)`` over pairs known in both, s the sign of their order, 0 for ties. An item seen (solved) at t is before
    one censored at t or later; the order of two censored items, or of a censored one and a later event, is unknown. Without censoring this is
    Kendall's tau-b; nothing is dropped. ``concordance = (agreeing + ties of first / 2) / pairs known in both and untied in second``: Harrell's C where
    second is the censored outcome and first a prediction.

    first, second: ``(item,)`` times (the last time looked at, where censored). first_seen, second_seen: ``(item,)`` bool, default all.
    n: resamples of items for the interval; permutations: of the items of second against first, for the two-sided p.

    Returns a Dataset: tau, interval (bound), p, concordance, known (share of pairs whose order is known in both), coverage (side; share seen).
    Raises AnalysisError for more than 5000 items, NaN, and where no pair is known.
    Sources: Kendall 1945; Oakes 1982; Harrell et al. 1982.

    >>> found = censored_tau([1, 2, 3, 4, 5], [10, 20, 30, 30, 30], second_seen=[True, True, True, False, False], n=100)
    >>> float(found.tau), float(found.known)
    (1.0, 0.9)
    """
    import xarray

    sides = [
        _side(v, s, name)
        for v, s, name in ((first, first_seen, "first"), (second, second_seen, "second"))
    ]
    (x, x_seen), (y, y_seen) = sides
    if len(x) != len(y) or not LEAST <= len(x) <= MOST:
        raise AnalysisError(
            f"{len(x)} and {len(y)} items; give the same items on both sides, {LEAST} to {MOST} of them"
        )
    enough(n, "resamples")
    if whole_number(permutations, "permutations") < 0:
        raise AnalysisError(f"permutations={permutations} must be 0 or more")
    share(confidence, "confidence")
    generator = generator_of(rng)
    a, b = orders(x, x_seen), orders(y, y_seen)
    parts = _parts(a, b)
    point, (agree, comparable) = _tau(*(p.sum() for p in parts)), _concordance(a, b)
    if np.isnan(point):
        raise AnalysisError(
            "no pair of items has a known order, untied, on both sides; there is nothing to correlate"
        )
    counts = generator.multinomial(len(x), np.full(len(x), 1 / len(x)), size=n).astype(np.float32)
    drawn = _tau(
        *(((counts @ p.astype(np.float32)) * counts).sum(1, dtype=np.float64) for p in parts)
    )
    null = np.array([_shuffled(a, b, generator.permutation(len(x))) for _ in range(permutations)])
    beyond = (np.abs(null) >= abs(point) - 1e-12).sum()
    pairs = len(x) * (len(x) - 1)
    return xarray.Dataset(
        {
            "tau": float(point),
            "interval": ("bound", percentiles(np.atleast_1d(drawn), confidence, both=True)),
            "p": (1 + beyond) / (1 + permutations) if permutations else np.nan,
            "concordance": agree / comparable if comparable else np.nan,
            "known": (int((a[1] & b[1]).sum()) - len(x)) / pairs,
            "coverage": ("side", [x_seen.mean(), y_seen.mean()]),
        },
        {"bound": ["lower", "upper"], "side": ["first", "second"]},
        attributes(rng, items=len(x), n=n, permutations=permutations, confidence=confidence),
    )


Orders = tuple[np.ndarray, np.ndarray]


def _parts(a: Orders, b: Orders) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every pair: s1 s2, s1^2 and s2^2 where both orders are known."""
    return a[0] * b[0], np.abs(a[0]) * b[1], np.abs(b[0]) * a[1]


def _tau(agree: Any, first: Any, second: Any) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        return agree / np.sqrt(np.multiply(first, second, dtype=np.float64))


def _shuffled(a: Orders, b: Orders, order: np.ndarray) -> float:
    moved = tuple(m[np.ix_(order, order)] for m in b)
    return float(np.nan_to_num(_tau(*(p.sum(dtype=np.int64) for p in _parts(a, moved)))))  # type: ignore[arg-type]


def _concordance(a: Orders, b: Orders) -> tuple[float, int]:
    """Agreeing pairs, with half of those tied in first, and the comparable ones."""
    comparable = (b[0] != 0) & a[1]
    return float((a[0] * b[0] == 1).sum() + ((a[0] == 0) & comparable).sum() / 2), int(
        comparable.sum()
    )


def _side(values: Any, seen: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    x = np.asarray(values, dtype=np.float64)
    flags = np.ones(x.shape, dtype=bool) if seen is None else np.asarray(seen)
    if x.ndim != 1 or flags.shape != x.shape or flags.dtype != bool:
        raise AnalysisError(
            f"{name}: times have shape {x.shape}, seen {flags.shape} of type {flags.dtype}; (item,) numbers and (item,) bool are needed"
        )
    if not np.isfinite(x).all():
        raise AnalysisError(
            f"{name}: {int((~np.isfinite(x)).sum())} times are NaN or infinite; a time that was never reached is the last time looked at, with "
            f"{name}_seen False"
        )
    return x, flags
