"""Ranks of many RDMs, and of resamples of their pairs.

Compiled loops that hold no interpreter lock, one thread a core.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float
from cortexsim.threads import over_rows

CHUNK = 128  # rows of one task


@njit(nogil=True, cache=True)
def _sort(x, order, start, place):
    """order <- the indices that sort x: buckets of equal width, then insertion.

    That is linear time where values are spread. Where they are not (a few buckets hold nearly all),
    a comparison sort instead.
    """
    n = x.size
    low, high = x.min(), x.max()
    start[:] = 0
    span = np.float64(high) - np.float64(low)
    scale = (n - 1) / span if span > 0 else 0.0
    if not (
        np.isfinite(scale) and np.isfinite(span)
    ):  # values too large or too small to divide into buckets
        order[:] = np.argsort(x)
        return
    for i in range(n):
        b = min(np.int32((np.float64(x[i]) - low) * scale), n - 1)
        place[i] = b
        start[b + 1] += 1
    for b in range(n):
        start[b + 1] += start[b]
    for i in range(n):
        b = place[i]
        order[start[b]] = i
        start[b] += 1
    moves = 0
    for k in range(1, n):
        i = order[k]
        v = x[i]
        j = k - 1
        while j >= 0 and x[order[j]] > v:
            order[j + 1] = order[j]
            j -= 1
        order[j + 1] = i
        moves += k - 1 - j
        if moves > 40 * n:  # not spread: a few buckets hold nearly all
            order[:] = np.argsort(x)
            return


@njit(nogil=True, cache=True)
def _orders(x, order, tied):
    """The sorting indices of every row, and which sorted entries equal the one before."""
    n = x.shape[1]
    start, place = np.empty(n + 1, np.int32), np.empty(n, np.int32)
    for r in range(x.shape[0]):
        _sort(x[r], order[r], start, place)
        tied[r, 0] = False
        for k in range(1, n):
            tied[r, k] = x[r, order[r, k]] == x[r, order[r, k - 1]]


@njit(nogil=True, cache=True)
def _weighted_ranks(order, tied, weight, out):
    """Mid-ranks of a sample in which entry k stands weight[k] times, less their mean.

    0 where the weight is 0. Returns their count.
    """
    n = order.size
    total = 0.0
    for k in range(n):
        total += weight[k]
    before, first = 0.0, 0
    while first < n:
        last = first + 1
        group = weight[order[first]]
        while last < n and tied[last]:
            group += weight[order[last]]
            last += 1
        rank = before + 0.5 * (group - total)
        for k in range(first, last):
            e = order[k]
            out[e] = rank if weight[e] > 0 else 0.0
        before += group
        first = last
    return total


@njit(nogil=True, cache=True)
def rank_rows(x, out):
    n = x.shape[1]
    order, tied, weight = np.empty((1, n), np.int32), np.empty((1, n), np.bool_), np.ones(n)
    for r in range(x.shape[0]):
        _orders(x[r : r + 1], order, tied)
        _weighted_ranks(order[0], tied[0], weight, out[r])


def _finite(x: np.ndarray) -> np.ndarray:
    if not np.isfinite(x).all():
        raise AnalysisError("NaN and infinite values have no rank")
    return np.ascontiguousarray(x)


def centred_ranks(x: Float[np.ndarray, "row entry"]) -> Float[np.ndarray, "row entry"]:
    """Mid-ranks of each row (ties share the mean of their ranks) less (n + 1) / 2.

    >>> centred_ranks(np.array([[10.0, 30.0, 20.0, 20.0]]))
    array([[-1.5,  1.5,  0. ,  0. ]])
    """
    x = _finite(x)
    out = np.empty(x.shape)
    over_rows(lambda rows: rank_rows(x[rows], out[rows]), len(x), CHUNK)
    return out


def orders(x: Float[np.ndarray, "row entry"]) -> tuple[np.ndarray, np.ndarray]:
    """From which ``drawn_ranks`` ranks any resample.

    Sorting indices ``(row, entry)`` int32 and ties ``(row, entry)`` bool.
    """
    x = _finite(x)
    order, tied = np.empty(x.shape, np.int32), np.empty(x.shape, np.bool_)
    over_rows(lambda rows: _orders(x[rows], order[rows], tied[rows]), len(x), CHUNK)
    return order, tied


@njit(nogil=True, cache=True)
def drawn_ranks(order, tied, weight, place, doubled):
    """Twice the centred mid-ranks of every row in a resample, of the entries that are drawn.

    Whole numbers. Entry e stands weight[e] times, an integer; place[e] is its column, and those of
    no weight share the last one, which means nothing.
    """
    n = order.shape[1]
    total = weight.sum()
    for r in range(order.shape[0]):
        row, same, into = order[r], tied[r], doubled[r]
        if not same.any():
            twice = -total
            for k in range(n):
                e = np.uint32(row[k])
                w = np.int64(weight[e])
                into[np.uint32(place[e])] = twice + w
                twice += 2 * w
            continue
        before, first = np.int64(0), 0
        while first < n:
            last = first + 1
            group = weight[row[first]]
            while last < n and same[last]:
                group += weight[row[last]]
                last += 1
            rank = 2 * before + group - total
            for k in range(first, last):
                into[place[row[k]]] = rank
            before += group
            first = last


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def weigh(doubled, weight, ranks, lengths):
    """ranks <- half of doubled ranks, times the weight of each entry; the length of every row."""
    for r in range(doubled.shape[0]):
        row, into = doubled[r], ranks[r]
        total = 0.0
        for k in range(weight.size):
            rank = 0.5 * row[k]
            into[k] = weight[k] * rank
            total += into[k] * rank
        lengths[r] = np.sqrt(total)
