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
def _by_low_digits(sums, digit, passes, words, spare, at):
    """Words of a sum and its place, sorted by all digits of the sums but the highest of so many."""
    index, one = _bits(sums.size), np.uint32(1)
    mask = np.int64((1 << digit) - 1)
    for p in range(passes - 1):
        shift = p * digit
        at[: mask + 1] = 0
        for k in range(sums.size):
            at[np.uint32((sums[k] >> shift) & mask)] += one
        _to_starts(at[: mask + 1])
        for k in range(sums.size):
            word = words[k] if p else np.uint64((np.int64(sums[k]) << index) | k)
            b = np.uint32(word >> np.uint64(index + shift)) & np.uint32(mask)
            spare[at[b]] = word
            at[b] += one
        words, spare = spare, words
    return words


@njit(nogil=True, cache=True)
def _with_ranks(sums, bits, whole, size, row, words, spare, at, before, latest, ties):
    """The inner product of a row with the centred mid-ranks of sums, and what ties take away.

    Sum k is a whole number of so many bits and stands whole[k] times. Sums of one highest digit are
    visited from the least on, others in between: each has below it those visited of its highest
    digit, and all of lower ones. An entry x of weight w that ties with the ones before it, of
    weight W and with entries X together, shares the mean of their ranks,

        twice the inner product gains w X - W x
        12 sum w rank^2 = size^3 - sum w^3 - sum 3 W w (W + w)
    """
    passes = max((bits + DIGIT - 1) // DIGIT, 2)
    digit = (bits + passes - 1) // passes
    words = _by_low_digits(sums, digit, passes, words, spare, at)
    shift, buckets = (passes - 1) * digit, 1 << digit
    before[:buckets] = 0
    latest[:buckets] = -1
    for k in range(sums.size):
        before[np.uint32(sums[k] >> shift)] += whole[k]
    _to_starts(before[:buckets])
    index = np.uint64(_bits(sums.size))
    place = np.uint64((1 << index) - 1)
    twice, lost = 0.0, 0.0
    for k in range(sums.size):
        e, value = np.uint32(words[k] & place), np.int64(words[k] >> index)
        w, x = whole[e], row[e]
        b = np.uint32(value >> shift)
        twice += x * np.float64(2 * before[b] + w - size)
        before[b] += w
        if value == latest[b]:
            twice += w * ties[b, 1] - ties[b, 0] * x
            lost += 3 * ties[b, 0] * w * (ties[b, 0] + w)
            ties[b, 0] += w
            ties[b, 1] += x
        else:
            latest[b] = value
            ties[b, 0] = w
            ties[b, 1] = x
    return 0.5 * twice, lost


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


@njit(nogil=True, cache=True)
def _plus(start, times, row, into):
    """into <- start and a row that counts some times."""
    for k in range(into.size):
        into[k] = start[k] + times * row[k]


@njit(nogil=True, cache=True, error_model="numpy")
def pool_ceilings(doubled, weighted, scales, draws, labels, whole, fixed, sums, bounds):
    """Noise ceilings for each draw of rows: each row with the ranked sum of rows, ranked again.

    doubled (row, entry or more): twice the ranks in a resample, whole numbers. weighted (row or
    more, entry): the ranks times the weight of each entry. scales (row,): the length of each row.
    draws (draw, row): how often each row counts, whole numbers. labels (row,): of which group each
    row is. whole (entry,): weights, whole numbers. fixed: what every similarity is multiplied by, 0
    to divide by lengths. sums (2, entry): spare, of whole numbers that hold twice the weight of all
    entries and rows. bounds (draw, 2): the mean over groups of the mean over their rows of the
    similarity with the sum of all other groups, and of all; NaN for the only row, or group, of a
    draw.
    """
    rows, n = scales.size, weighted.shape[1]
    size, cubes = np.int64(0), 0.0
    for k in range(n):
        size += whole[k]
        cubes -= np.float64(whole[k]) ** 3
    cubes += np.float64(size) ** 3
    buckets = 1 << DIGIT
    words, spare = np.empty(n, np.uint64), np.empty(n, np.uint64)
    at, ties = np.empty(buckets, np.uint32), np.empty((buckets, 2))
    before, latest = np.empty(buckets, sums.dtype), np.empty(buckets, sums.dtype)
    groups, share = np.empty(rows, np.int64), np.empty(rows)
    mean, means = np.empty(n), np.empty(n)
    total, others = sums[0], sums[1]  # not unpacked, so that it is known that they lie densely
    for d in range(draws.shape[0]):
        m = draws[d]
        number = _numbered(m, labels, groups)
        bounds[d, 0] = bounds[d, 1] = np.nan
        if (m > 0).sum() < 2 or n == 0:
            continue
        bits = _bits(2 * m.sum() * size)
        total[:] = m.sum() * size  # so that no sum is negative
        means[:], lower = 0, 0.0
        for r in range(rows):
            if m[r] > 0:
                _plus(total, m[r], doubled[r, :n], total)
                share[r] = (fixed if fixed > 0 else 1 / scales[r]) / (groups == groups[r]).sum()
                _plus(means, share[r], weighted[r], means)
        for g in range(number):
            rest, row, times = total, mean, 1.0
            for r in range(rows):
                if groups[r] == g:
                    _plus(rest, -m[r], doubled[r, :n], others)
                    rest = others
                    row, times = weighted[r], share[r]
            if (groups == g).sum() > 1:
                mean[:], row, times = 0, mean, 1.0
                for r in range(rows):
                    if groups[r] == g:
                        _plus(mean, share[r], weighted[r], mean)
            product, lost = _with_ranks(
                others, bits, whole, size, row, words, spare, at, before, latest, ties
            )
            lower += times * product / (1.0 if fixed > 0 else np.sqrt((cubes - lost) / 12))
        upper, lost = _with_ranks(
            total, bits, whole, size, means, words, spare, at, before, latest, ties
        )
        upper /= 1.0 if fixed > 0 else np.sqrt((cubes - lost) / 12)
        if number > 1:
            bounds[d, 0] = lower / number
        bounds[d, 1] = upper / number
