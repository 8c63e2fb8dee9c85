"""Kendall's tau-a of many RDMs, of all pairs and of those of a resample.

Compiled loops that hold no interpreter lock, one thread a core.
"""

from __future__ import annotations

import functools

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from cortexsim.analysis.rsa.ranks import CHUNK, orders
from cortexsim.shapes import Float
from cortexsim.threads import over_rows

TABLE = 4  # up to so many cells an entry, tau is counted from the table of levels
# 64 entries each: sizes for which the counter of tau is compiled; 16-bit counts end there.
WORDS = (16, 32, 64, 80, 128, 256, 512, 1023)


@intrinsic
def _ones(typingctx, bits):  # type: ignore[no-untyped-def]
    """The number of bits that are set."""
    return types.uint64(types.uint64), lambda context, builder, signature, arguments: builder.ctpop(
        arguments[0]
    )


@functools.cache
def _counter(words):  # type: ignore[no-untyped-def]
    """The counter for fewer than 64 ``words`` entries, compiled for that number.

    The inner loop then has a known length and becomes a few vector instructions (twice as fast as
    with a variable).
    """

    @njit(nogil=True, cache=True)
    def count(orders, ties, low, high, place, above, out):
        """Concordant less discordant pairs of every x with one y; ties in x or y count nothing.

        Entries are visited in the order of x; a bit marks the rank in y of each that was seen, and
        ``before[w]`` counts the bits of the words below w, so that "how many seen are below rank i"
        is one look-up and one population count; entering one adds a row of ``above``. A group that
        ties in x is asked about before any of it is entered.
        """
        six, mask, one = np.uint64(6), np.uint64(63), np.uint64(1)
        n = orders.shape[1]
        for q in range(orders.shape[0]):
            order, tied = orders[q], ties[q]
            seen, before = np.zeros(words, np.uint64), np.zeros(words, np.uint16)
            total, first = 0, 0
            while first < n:
                last = first + 1
                while last < n and tied[last]:
                    last += 1
                for k in range(first, last):
                    e = order[k]
                    i = np.uint64(low[e])
                    below = np.int64(before[i >> six]) + np.int64(
                        _ones(seen[i >> six] & ((one << (i & mask)) - one))
                    )
                    upto, j = below, np.uint64(high[e])
                    if j > i + one:
                        upto = np.int64(before[j >> six]) + np.int64(
                            _ones(seen[j >> six] & ((one << (j & mask)) - one))
                        )
                    total += below + upto - first
                for k in range(first, last):
                    i = np.uint64(place[order[k]])
                    w = i >> six
                    seen[w] |= one << (i & mask)
                    for j in range(words):
                        before[j] += above[w, j]
                first = last
            out[q] = total

    return count


@njit(nogil=True, cache=True)
def _dense(order, tied, dense):
    """Of each entry, the number of its group of ties; returns how many groups there are."""
    group = -1
    for k in range(order.size):
        group += not tied[k]
        dense[order[k]] = group
    return group + 1


@njit(nogil=True, cache=True)
def _count_table(dense_a, levels_a, rows, dense_b, levels_b, out):
    """The same from the table of how often each level of x meets each level of y.

    Fastest where levels are few, as in models of categories.
    """
    n = dense_b.size
    for q in rows:
        level = dense_a[q]
        table = np.zeros(levels_a[q] * levels_b, np.int32)
        for k in range(n):
            table[np.uint64(level[k] * levels_b + dense_b[k])] += 1
        column, score = np.zeros(levels_b, np.int32), np.empty(levels_b, np.int32)
        total, seen = 0, 0
        for i in range(levels_a[q]):
            row = table[i * levels_b : (i + 1) * levels_b]
            below = np.int32(
                0
            )  # entries of lower levels of x with lower y, less those with higher y
            for j in range(levels_b):
                score[j] = 2 * below + column[j] - seen
                below += column[j]
            for j in range(levels_b):
                total += np.int64(row[j]) * score[j]
                column[j] += row[j]
                seen += row[j]
        out[q] = total


@njit(nogil=True, cache=True)
def _count_many(orders, ties, low, high, place, above, out):
    """The same for any number of entries, with a Fenwick tree over the ranks of y."""
    n = orders.shape[1]
    for q in range(orders.shape[0]):
        order, tied = orders[q], ties[q]
        tree = np.zeros(n + 1, np.int64)
        total, first = 0, 0
        while first < n:
            last = first + 1
            while last < n and tied[last]:
                last += 1
            for k in range(first, last):
                e = order[k]
                below, i = 0, low[e]
                while i > 0:
                    below += tree[i]
                    i -= i & -i
                upto, i = below, high[e]
                if i > low[e] + 1:
                    upto = 0
                    while i > 0:
                        upto += tree[i]
                        i -= i & -i
                total += below + upto - first
            for k in range(first, last):
                i = place[order[k]] + 1
                while i <= n:
                    tree[i] += 1
                    i += i & -i
            first = last
        out[q] = total


@njit(nogil=True, cache=True)
def _places(order, tied, place, low, high):
    """Of each entry: its place in the sorted row, and where its group of ties begins and ends."""
    n = order.size
    first = 0
    while first < n:
        last = first + 1
        while last < n and tied[last]:
            last += 1
        for k in range(first, last):
            e = order[k]
            place[e], low[e], high[e] = k, first, last
        first = last


@njit(nogil=True, cache=True)
def _expanded(order, tied, offset, weight, out, repeated):
    """The sorted sample in which entry k stands weight[k] times.

    Its copies are offset[k], offset[k] + 1, ...
    """
    filled = 0
    fresh = False
    for k in range(order.size):
        fresh = fresh or not tied[k]
        e = order[k]
        for copy in range(weight[e]):
            out[filled] = offset[e] + copy
            repeated[filled] = not fresh
            fresh = False
            filled += 1


@njit(nogil=True, cache=True)
def _expand_rows(order, tied, weight):
    """Every row of a resample, sorted: orders of the copies and which tie with the one before."""
    offset, n = np.cumsum(weight) - weight, weight.sum()
    out, repeated = np.empty((order.shape[0], n), np.int32), np.empty((order.shape[0], n), np.bool_)
    for r in range(order.shape[0]):
        _expanded(order[r], tied[r], offset, weight, out[r], repeated[r])
    return out, repeated


def sampled_tau(order_a, tied_a, order_b, tied_b, weight, out):  # type: ignore[no-untyped-def]
    """Kendall's tau-a of every row a with every row b in a resample.

    Entry k stands weight[k] times, an integer.
    """
    a, ties_a = _expand_rows(order_a, tied_a, weight)
    b, ties_b = _expand_rows(order_b, tied_b, weight)
    n = a.shape[1]
    words = next((w for w in WORDS if 64 * w > n), 0)
    count, above = _counter(words) if words else _count_many, _above(words)
    place, low, high = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    score, dense = np.empty(len(a)), np.empty(n, np.int32)
    dense_a = np.empty(a.shape, np.int32)
    levels_a = np.array([_dense(o, t, d) for o, t, d in zip(a, ties_a, dense_a, strict=True)])
    for r in range(len(b)):
        levels = _dense(b[r], ties_b[r], dense)
        few = levels_a * levels <= TABLE * n
        if few.any():
            _count_table(dense_a, levels_a, np.flatnonzero(few), dense, levels, score)
        if not few.all():
            _places(b[r], ties_b[r], place, low, high)
            rest = np.empty(int((~few).sum()))
            count(a[~few], ties_a[~few], low, high, place, above, rest)
            score[~few] = rest
        out[:, r] = score / (0.5 * n * (n - 1.0))


@functools.cache
def _above(words: int) -> np.ndarray:
    return np.triu(np.ones((words, words), np.uint16), 1)


def tau_a(
    a: Float[np.ndarray, "model entry"], b: Float[np.ndarray, "data entry"]
) -> Float[np.ndarray, "model data"]:
    """Kendall's tau-a of every row of ``a`` with every row of ``b``; ties count nothing.

    (concordant - discordant) / (n (n - 1) / 2) of n entries.

    Examples
    --------
    >>> tau_a(np.array([[1.0, 2, 3, 4]]), np.array([[1.0, 2, 2, 4]]))
    array([[0.83333333]])
    """
    (order_a, tied_a), (order_b, tied_b) = orders(a), orders(b)
    out, weight = np.empty((len(a), len(b))), np.ones(a.shape[1], np.int64)

    def some(rows: slice) -> None:
        part = np.empty((len(a), rows.stop - rows.start))
        sampled_tau(order_a, tied_a, order_b[rows], tied_b[rows], weight, part)
        out[:, rows] = part

    over_rows(some, len(b), CHUNK)
    return out
