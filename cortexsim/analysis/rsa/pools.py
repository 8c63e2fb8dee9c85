"""Ranked sums of ranks: what a noise ceiling of a comparator of ranks needs in every resample."""

from __future__ import annotations

import numpy as np
from numba import njit


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
