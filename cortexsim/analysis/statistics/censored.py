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
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import Labelled, column, places
from cortexsim.plain import numbers
from cortexsim.shapes import Bool, Float

if TYPE_CHECKING:
    import xarray

MOST = 5000  # items: matrices of their pairs are held
LEAST = 3
REACHED = 0.95  # of the pairs; with fewer, tau is of those and no other
ALIKE = 0.05  # shares of pairs that differ by no more are of the same kind


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


def uncensored_share(
    times: Float[np.ndarray, " item"], seen: Bool[np.ndarray, " item"]
) -> Float[np.ndarray, " item"]:
    """Of each item the probability that an item is not censored before its time.

    The Kaplan-Meier estimate of the censoring, with events and censorings swapped, just before the
    time: an event at the time at which another is lost from sight came first.

    Parameters
    ----------
    times : array of shape (item,)
        When each event happened, or was last looked for.
    seen : bool array of shape (item,)
        The event happened at that time.

    Returns
    -------
    array of shape (item,)
        1 where nothing is censored before, so also where all that is censored is so at the end.

    Examples
    --------
    >>> seen = np.array([True, False, True, True, False])
    >>> uncensored_share(np.array([1.0, 2.0, 3.0, 4.0, 9.0]), seen)
    array([1.  , 1.  , 0.75, 0.75, 0.75])
    """
    moments, at = np.unique(times, return_inverse=True)
    happened = np.bincount(at, seen, len(moments))
    lost = np.bincount(at, ~seen, len(moments))
    watched = (happened + lost)[::-1].cumsum()[::-1] - happened
    left = np.cumprod(1 - np.divide(lost, watched, out=np.zeros(len(lost)), where=watched > 0))
    return np.concatenate([[1.0], left[:-1]])[at]


@clear_errors
def censored_tau(
    first: Any,
    second: Any,
    *,
    first_seen: Any = None,
    second_seen: Any = None,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """Kendall's tau between times of which some are censored.

        tau = sum w s1 s2 / sqrt(sum w s1^2 sum w s2^2)
        w = 1 / (G1(t1)^2 G2(t2)^2)

    over the pairs whose order is known on both sides, s the sign of their order, 0 for ties, t the
    earlier time of the pair, G(t) the probability of not being censored before t (Kaplan-Meier).
    An item seen (solved) at t is before one censored at t or later; the order of two censored
    items, or of a censored one and a later event, is unknown. Pairs that lie close together are
    known less often, and agree less often, so that without weights tau would grow with the share of
    censored items. Without censoring this is Kendall's tau-b; nothing is dropped.

    The weights suppose that when an item is lost does not depend on its times, nor on the other
    side. They cannot make up for pairs whose events both lie after the last time looked at: if all
    items are censored at one end, w is 1, and tau is that of the ``reach`` of all pairs, which is
    larger than that of all (0.33 for 0.26, 0.50 for 0.41 where 60 % are censored). Such a tau must
    not be compared with one of another reach, nor, as any tau-b, with one of other ties
    (``comparable_taus``); the bounds say what all pairs could give.

    concordance = (agreeing + ties of first / 2) / pairs known in both and untied in second:
    Harrell's C where second is the censored outcome and first a prediction. It changes with the
    censoring, too; concordance_weighted, with w, is Uno's C.

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
        tau, interval (bound; the weights are not estimated again), p, concordance,
        concordance_weighted, known (share of pairs whose order is known in both), reach (share of
        pairs that these stand for, by their weights), bounds (bound; tau if all other pairs
        disagreed, or agreed), tied (side; share of these pairs), coverage (side; share seen). The
        attribute ``restriction`` says of what pairs tau speaks.

    Raises
    ------
    AnalysisError
        For more than 5000 items, for different items, NaN, and where no pair is known.

    References
    ----------
    Kendall 1945; Oakes 1982; Harrell et al. 1982; Lakhal, Rivest & Abdous 2009, Commun Stat Theory
    Methods 38:294 (weights); Uno et al. 2011.

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
    a, b = _weighted_orders(x, x_seen), _weighted_orders(y, y_seen)
    parts = _parts(a, b)
    sums = np.array([p.sum(dtype=np.float64) for p in parts])
    point = _tau(*sums)
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
    reach = _reach(a, b)
    return xarray.Dataset(
        {
            "tau": float(point),
            "interval": ("bound", censored_interval(drawn, asked.confidence, both=True)),
            "p": monte_carlo_p(float(point), null, two_sided=True),
            "concordance": _concordance((a[0], a[1] > 0), (b[0], b[1] > 0)),
            "concordance_weighted": _concordance(a, b),
            "known": _reach((a[0], a[1] > 0), (b[0], b[1] > 0)),
            "reach": reach,
            "bounds": ("bound", _bounds(sums, len(x) * (len(x) - 1) * (1 - reach))),
            "tied": ("side", _tied(a, b)),
            "coverage": ("side", [x_seen.mean(), y_seen.mean()]),
        },
        {"bound": ["lower", "upper"], "side": ["first", "second"]},
        attributes(
            asked.rng,
            items=len(x),
            n=asked.n,
            permutations=asked.permutations,
            confidence=asked.confidence,
            restriction=_restriction(reach),
        ),
    )


@clear_errors
def comparable_taus(*results: xarray.Dataset) -> None:
    """Whether taus are of the same kind of pairs, so that one can be called larger than another.

    Parameters
    ----------
    *results : xarray.Dataset
        Of ``censored_tau``.

    Raises
    ------
    AnalysisError
        Where they reach shares of the pairs, or have shares of ties, that differ by more than 0.05:
        tau would differ if the association were the same.

    Examples
    --------
    >>> few = Inference(n=20, permutations=0)
    >>> fine = censored_tau([1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 6, 5], inference=few)
    >>> coarse = censored_tau([1, 1, 1, 2, 2, 2], [1, 3, 2, 4, 6, 5], inference=few)
    >>> comparable_taus(fine, fine)
    >>> comparable_taus(fine, coarse)
    Traceback (most recent call last):
    cortexsim.errors.AnalysisError: taus of 0 to 0.4 tied pairs of the first side ...
    """
    if not results:
        raise AnalysisError("comparable_taus compares results of censored_tau; it was given none")
    kinds = {
        "pairs that are reached": [float(r.reach) for r in results],
        "tied pairs of the first side": [float(r.tied[0]) for r in results],
        "tied pairs of the second side": [float(r.tied[1]) for r in results],
    }
    for kind, shares in kinds.items():
        if max(shares) - min(shares) > ALIKE:
            raise AnalysisError(
                f"taus of {min(shares):.2g} to {max(shares):.2g} {kind} are not compared: they "
                "differ where the association does not. Censor all at the same share of items, or "
                "bin them alike"
            )


Orders = tuple[np.ndarray, np.ndarray]


def _weighted_orders(times: np.ndarray, seen: np.ndarray) -> Orders:
    """Of every pair the order and its weight: 0 where it is unknown, else 1 / G(earlier time)^2."""
    order, known = orders(times, seen)
    share = uncensored_share(times, seen)
    if (share == 1).all():
        return order, known
    # G falls with time, so that of the earlier is the larger.
    return order, (known / np.maximum.outer(share, share) ** 2).astype(np.float32)


def _parts(a: Orders, b: Orders) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every pair, with its weight: s1 s2, s1^2 and s2^2 where both orders are known."""
    weight = a[1] * b[1]
    return a[0] * b[0] * weight, np.abs(a[0]) * weight, np.abs(b[0]) * weight


def _reach(a: Orders, b: Orders) -> float:
    """The share of all pairs that those of known order stand for."""
    weight, items = a[1] * b[1], len(a[0])
    total = weight.sum(dtype=np.float64) - weight.trace(dtype=np.float64)
    return min(1.0, float(total / (items * (items - 1))))


def _tied(a: Orders, b: Orders) -> list[float]:
    """Of each side the share of known pairs that are tied."""
    weight = a[1] * b[1]
    apart = weight.sum(dtype=np.float64) - weight.trace(dtype=np.float64)
    sums = [float((np.abs(s[0]) * weight).sum(dtype=np.float64)) for s in (a, b)]
    return [1 - s / apart for s in sums]


def _bounds(sums: np.ndarray, unknown: float) -> list[float]:
    """Tau if all unknown pairs disagreed, and if they agreed."""
    agree, first, second = sums
    return [float(_tau(agree + u, first + abs(u), second + abs(u))) for u in (-unknown, unknown)]


def _restriction(reach: float) -> str:
    """Of what pairs tau speaks."""
    if reach >= REACHED:
        return "none: tau is of all pairs"
    return (
        f"tau is of {reach:.0%} of the pairs; of the others no event comes before the last time "
        "looked at. Not to be compared with a tau of another share"
    )


def _tau(agree: Any, first: Any, second: Any) -> Any:
    """Kendall's tau of sums over pairs."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return agree / np.sqrt(np.multiply(first, second, dtype=np.float64))


def _shuffled(a: Orders, b: Orders, order: np.ndarray) -> float:
    """Tau with the items of the second side in another order; 0 where none is defined."""
    moved = (b[0][np.ix_(order, order)], b[1][np.ix_(order, order)])
    return float(np.nan_to_num(_tau(*(p.sum(dtype=np.float64) for p in _parts(a, moved)))))


def _concordance(a: Orders, b: Orders) -> float:
    """Agreeing pairs, with half of those tied in first, of the comparable ones; NaN of none."""
    comparable = (b[0] != 0) * (a[1] * b[1])
    agree = (a[0] * b[0] == 1) + (a[0] == 0) / np.float32(2)
    total = comparable.sum(dtype=np.float64)
    return float((agree * comparable).sum(dtype=np.float64) / total) if total else float("nan")


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
