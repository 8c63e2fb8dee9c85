"""Ranks, Kendall's tau and row sums of many RDMs.

Compiled loops that hold no interpreter lock, one thread a core.
"""

from __future__ import annotations

import functools

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from cortexsim.errors import AnalysisError
from cortexsim.shapes import Float
from cortexsim.threads import over_rows

CHUNK = 128  # rows of one task
TABLE = 4  # up to so many cells an entry, tau is counted from the table of levels
WORDS = (
    16,
    32,
    64,
    80,
    128,
    256,
    512,
    1023,
)  # 64 entries each: sizes for which the counter of tau is compiled; 16-bit counts end there


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
    """From which ``weighted_ranks`` ranks any resample.

    Sorting indices ``(row, entry)`` int32 and ties ``(row, entry)`` bool.
    """
    x = _finite(x)
    order, tied = np.empty(x.shape, np.int32), np.empty(x.shape, np.bool_)
    over_rows(lambda rows: _orders(x[rows], order[rows], tied[rows]), len(x), CHUNK)
    return order, tied


@njit(nogil=True, cache=True)
def weighted_ranks(order, tied, weight, out):
    """Centred mid-ranks of every row in a resample: entry k stands weight[k] times."""
    for r in range(order.shape[0]):
        _weighted_ranks(order[r], tied[r], weight, out[r])


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
                w = weight[e]
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


@njit(nogil=True, cache=True)
def _by_digits(words, spare, low, bits, count):
    """Sorts words by so many bits from bit ``low`` on, some digits of at most 11 bits at a time."""
    n = words.size
    passes = max((bits + 10) // 11, 1)
    digit = (bits + passes - 1) // passes
    mask = np.uint64((1 << digit) - 1)
    for p in range(passes):
        shift = np.uint64(low + p * digit)
        at = count[: 1 << digit]
        at[:] = 0
        for k in range(n):
            at[(words[k] >> shift) & mask] += 1
        before = 0
        for b in range(1 << digit):
            here = at[b]
            at[b] = before
            before += here
        for k in range(n):
            b = (words[k] >> shift) & mask
            spare[np.uint32(at[b])] = words[k]
            at[b] += 1
        words, spare = spare, words
    return words


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _inner(a, b):
    """The inner product of two rows."""
    total = 0.0
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _square(a, weight):
    """The weighted sum of squares of a row."""
    total = 0.0
    for k in range(a.size):
        total += weight[k] * a[k] * a[k]
    return total


@njit(nogil=True, cache=True)
def _bits(number):
    """How many bits a whole number has."""
    count = 0
    while number >> count:
        count += 1
    return count


@njit(nogil=True, cache=True)
def pool_products(doubled, weighted, m, groups, weight, pools, products, own):
    """Ranked sums of ranks, each without one group of rows, with the rows of that group.

    Mid-ranks are whole numbers of halves, and so are their sums: they are sorted by digits, in a
    time that does not depend on how they lie.

    doubled: twice the ranks, int64 ``(row, entry)``, row r counted m[r] times. weighted: the ranks
    times the weight of each entry in the resample. groups: the number of the group of each row,
    negative where it is not drawn. products (row, 2): of each row with the ranked sum of all other
    groups, and of all. own (group + 1,): the squared length of the ranked sum of all, then of all
    but each group. pools (entry,): space.
    """
    rows, n = doubled.shape
    total = np.zeros(n, np.int64)
    for r in range(rows):
        if m[r] > 0:
            for k in range(n):
                total[k] += m[r] * doubled[r, k]
    whole = weight.astype(np.int32)
    size = np.int64(weight.sum())
    index = _bits(n)
    mask = np.uint64((1 << index) - 1)
    words, spare = np.empty(n, np.uint64), np.empty(n, np.uint64)
    count, pool = np.empty(2048, np.int32), np.empty(n, np.int64)
    for g in range(-1, own.size - 1):
        pool[:] = total
        for r in range(rows):
            if g >= 0 and groups[r] == g:
                for k in range(n):
                    pool[k] -= m[r] * doubled[r, k]
        low, high = pool[0], pool[0]
        for k in range(n):
            low, high = min(low, pool[k]), max(high, pool[k])
        for k in range(n):
            words[k] = np.uint64(((pool[k] - low) << index) | k)
        order = _by_digits(words, spare, index, _bits(high - low), count)
        twice = -size  # twice the centred rank before the next entry
        for k in range(n):
            e = np.uint32(order[k] & mask)
            w = whole[e]
            pools[e] = 0.5 * (twice + w)
            twice += 2 * w
        first, shift = 0, np.uint64(index)
        while first < n - 1:  # ties, which are few, share the mean of their ranks
            last = first + 1
            if (order[first] ^ order[last]) >> shift:
                first = last
                continue
            group = whole[order[first] & mask]
            below = pools[order[first] & mask] - 0.5 * group
            while last < n and not (order[first] ^ order[last]) >> shift:
                group += whole[order[last] & mask]
                last += 1
            for k in range(first, last):
                pools[order[k] & mask] = below + 0.5 * group
            first = last
        own[g + 1] = _square(pools, weight)
        for r in range(rows):
            if g < 0:
                products[r, 1] = _inner(weighted[r], pools)
            elif groups[r] == g:
                products[r, 0] = _inner(weighted[r], pools)


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


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def moments(x, totals, squares):
    """The sum and the sum of squares of every row, in one pass."""
    for r in range(x.shape[0]):
        row = x[r]
        total, square = 0.0, 0.0
        for k in range(row.size):
            total += row[k]
            square += row[k] * row[k]
        totals[r], squares[r] = total, square


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def row_sums(y, sums):
    """Sums over the rows of each square RDM ``(rdm, condition)``, from its vector of pairs."""
    n = sums.shape[1]
    for r in range(y.shape[0]):
        one, into = y[r], sums[r]
        into[:] = 0
        start = 0
        for i in range(n - 1):
            total = 0.0
            for k in range(n - 1 - i):
                v = one[start + k]
                total += v
                into[i + 1 + k] += v
            into[i] += total
            start += n - 1 - i
