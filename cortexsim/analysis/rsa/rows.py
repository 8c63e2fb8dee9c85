"""Sums of the rows of many RDMs, in compiled loops that hold no interpreter lock."""

from __future__ import annotations

from numba import njit


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
        rdm, into = y[r], sums[r]
        into[:] = 0
        start = 0
        for i in range(n - 1):
            total = 0.0
            for k in range(n - 1 - i):
                v = rdm[start + k]
                total += v
                into[i + 1 + k] += v
            into[i] += total
            start += n - 1 - i
