"""Ranked sums of ranks: the noise ceilings of comparators of ranks, in every resample."""

from __future__ import annotations

import numpy as np
from numba import njit

DIGIT = 11  # bits that are sorted by at once: the counts of 2048 buckets stay in the cache


@njit(nogil=True, cache=True)
def _bits(number):
    """How many bits a whole number has."""
    count = 0
    while number >> count:
        count += 1
    return count


@njit(nogil=True, cache=True)
def _to_starts(at):
    """Counts of buckets become where each begins."""
    before = 0
    for b in range(at.size):
        inside = at[b]
        at[b] = before
        before += inside


@njit(nogil=True, cache=True)
def _by_digits(words, spare, low, bits, count):
    """Sorts words by so many bits from bit ``low`` on, some digits of at most 11 bits at a time.

    In a time that does not depend on how they lie.
    """
    n = words.size
    passes = max((bits + DIGIT - 1) // DIGIT, 1)
    digit = (bits + passes - 1) // passes
    mask = np.uint64((1 << digit) - 1)
    done = 0
    while done < passes:
        pair = min(passes - done, 2)  # the counts of two digits are taken together
        here, there = count[0, : 1 << digit], count[1, : 1 << digit]
        here[:] = 0
        there[:] = 0
        shift, further = np.uint64(low + done * digit), np.uint64(low + (done + pair - 1) * digit)
        for k in range(n):
            word = words[k]
            here[(word >> shift) & mask] += 1
            there[(word >> further) & mask] += 1
        for p in range(pair):
            at, by = (here, shift) if p == 0 else (there, further)
            _to_starts(at)
            for k in range(n):
                b = (words[k] >> by) & mask
                spare[np.uint32(at[b])] = words[k]
                at[b] += 1
            words, spare = spare, words
        done += pair
    return words


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _inner(a, b):
    """The inner product of two rows."""
    total = 0.0
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@njit(nogil=True, cache=True)
def _less(total, row, times, pool):
    """pool <- total without a row that counts some times."""
    for k in range(pool.size):
        pool[k] = total[k] - times * row[k]


@njit(nogil=True, cache=True)
def _ranked(pool, whole, size, words, spare, count, pools):
    """Centred mid-ranks of sums of doubled ranks, each of its weight, and what ties take away.

        12 sum w rank^2 = size^3 - sum (weight of a group of ties)^3

    The sum over groups is returned less that of entries that tie with no other. Mid-ranks are whole
    numbers of halves, and so are their sums: they are sorted by digits.
    """
    n = pool.size
    low, high = pool[0], pool[0]
    for k in range(n):
        low, high = min(low, pool[k]), max(high, pool[k])
    index = _bits(n)
    mask = np.uint64((1 << index) - 1)
    for k in range(n):
        words[k] = np.uint64(((pool[k] - low) << index) | k)
    order = _by_digits(words, spare, index, _bits(high - low), count)
    twice = -size  # twice the centred rank before the next entry
    for k in range(n):
        e = np.uint32(order[k] & mask)
        w = whole[e]
        pools[e] = 0.5 * (twice + w)
        twice += 2 * w
    first, shift, lost = 0, np.uint64(index), 0.0
    while first < n - 1:  # ties, which are few, share the mean of their ranks
        last = first + 1
        if (order[first] ^ order[last]) >> shift:
            first = last
            continue
        group = np.float64(whole[order[first] & mask])
        below, lost = pools[order[first] & mask] - 0.5 * group, lost - group**3
        while last < n and not (order[first] ^ order[last]) >> shift:
            w = np.float64(whole[order[last] & mask])
            group, lost = group + w, lost - w**3
            last += 1
        lost += group**3
        for k in range(first, last):
            pools[order[k] & mask] = below + 0.5 * group
        first = last
    return lost


@njit(nogil=True, cache=True)
def _numbered(m, labels, groups):
    """groups <- the number of the group of each row among those drawn, -2 of rows that are not."""
    groups[:] = -2
    count = 0
    for label in range(labels.max() + 1):
        drawn = False
        for r in range(m.size):
            if m[r] > 0 and labels[r] == label:
                groups[r] = count
                drawn = True
        count += drawn
    return count


@njit(nogil=True, cache=True, error_model="numpy")
def pool_ceilings(doubled, weighted, scales, draws, labels, whole, fixed, bounds):
    """Noise ceilings for each draw of rows: each row with the ranked sum of rows, ranked again.

    doubled (row, entry): twice the ranks in a resample, whole numbers. weighted: the ranks times
    the weight of each entry. scales (row,): the length of each row. draws (draw, row): how often
    each row counts, whole numbers. labels (row,): of which group each row is. whole (entry,):
    weights, whole numbers. fixed: what every similarity is multiplied by, 0 to divide by lengths.
    bounds (draw, 2): the mean over groups of the mean over their rows of the similarity with the
    sum of all other groups, and of all; NaN for the only row, or group, of a draw.
    """
    rows, n = doubled.shape
    size, weight = np.int64(whole.sum()), whole.astype(np.float64)
    cubes = np.float64(size) ** 3 - (weight**3).sum()
    words, spare = np.empty(n, np.uint64), np.empty(n, np.uint64)
    count, pools = np.empty((2, 1 << DIGIT), np.int32), np.empty(n)
    total, pool = np.empty(n, np.int64), np.empty(n, np.int64)
    groups, similarity = np.empty(rows, np.int64), np.empty((rows, 2))
    for d in range(draws.shape[0]):
        m = draws[d]
        number = _numbered(m, labels, groups)
        bounds[d, 0] = bounds[d, 1] = np.nan
        if (m > 0).sum() < 2 or n == 0:
            continue
        total[:] = 0
        for r in range(rows):
            if m[r] > 0:
                times = m[r]
                for k in range(n):
                    total[k] += times * doubled[r, k]
        for g in range(-1, number):
            others = total
            for r in range(rows):
                if g >= 0 and groups[r] == g:
                    _less(others, doubled[r], m[r], pool)
                    others = pool
            lost = _ranked(others, whole, size, words, spare, count, pools)
            length = np.sqrt((cubes - lost) / 12)
            for r in range(rows):
                if (g < 0 and groups[r] >= 0) or (g >= 0 and groups[r] == g):
                    product = _inner(weighted[r], pools)
                    similarity[r, int(g < 0)] = (
                        product * fixed if fixed > 0 else product / scales[r] / length
                    )
        for k in range(2):
            over_groups = 0.0
            for g in range(number):
                inside, of_group = 0, 0.0
                for r in range(rows):
                    if groups[r] == g:
                        of_group += similarity[r, k]
                        inside += 1
                over_groups += of_group / inside
            bounds[d, k] = over_groups / number
        if number < 2:
            bounds[d, 0] = np.nan
