"""Near-duplicates in single precision: what cancels in 1 - r, or in |x|^2 + |y|^2 - 2 x.y.

The product of all patterns has errors of about 1e-7 of their lengths, which is all there is of a
distance of 1e-6. Such pairs are few, as a rule, and are computed again from their differences, in
double precision; where they abound the whole product is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.analysis.rsa.kernels import Measure, lengths, library
from cortexsim.shapes import Float

NEAR = 2e-3  # of the lengths: a distance below it has a relative error that may exceed 1e-3
MANY = 0.02  # share of pairs, above which a product in double precision is cheaper
SAMPLE, CLOSEST = 32, 1e-9  # rows that are looked at; nearer ones need double precision
LEAST_NORM = 1e-12  # of which the square is a sound number of single precision
BLOCK = 1 << 20  # bytes of rows that stay in the cache
BYTES = 32 << 20  # of the rows of pairs that are held at once


def _half_square(k: Any, a: Any, b: Any, features: int) -> Any:
    return (a + b) / 2 - k


HALF_SQUARE = Measure(lambda x: (x, x), _half_square, "|x - y|^2 / 2")


def is_single(x: Any) -> bool:
    """Whether an array or tensor is of single precision."""
    return str(x.dtype).removeprefix("torch.") == "float32"


def near(distances: Any, first: Any, second: Any, m: Measure, features: int) -> Any:
    """Which distances are so small beside the lengths that single precision does not hold them.

    first, second: what ``lengths`` gives of the two patterns, to be broadcast.
    """
    if m.scale_free:
        return abs(distances) < NEAR
    return abs(distances) * features < NEAR * (first + second)


def again(x: Any, y: Any, i: Any, j: Any, m: Measure, features: int) -> Float[np.ndarray, " pair"]:
    """The distances of rows i of x and rows j of y, from their differences, in float64."""
    if len(i) > MANY * len(x) * len(y):
        return _by_product(_double(x), _double(y), m, features)[i, j]
    values = np.empty(len(i))
    count = max(1, BYTES // (8 * features))
    for start in range(0, len(i), count):
        part = slice(start, start + count)
        a, b = (_double(rows[index[part]]) for rows, index in ((x, i), (y, j)))
        if m.centre == "rows":
            a, b = (r - r.mean(1, keepdims=True) for r in (a, b))
        if m.scale_free:
            a, b = (r / np.linalg.norm(r, axis=1, keepdims=True) for r in (a, b))
            values[part] = 0.5 * ((a - b) ** 2).sum(1)
        else:
            (p, u), (q, v) = m.prepare(a), m.prepare(b)
            values[part] = ((p - q) * (u - v)).sum(1) / features
    return values


def _by_product(x: np.ndarray, y: np.ndarray, m: Measure, features: int) -> np.ndarray:
    """All distances of rows of x and y, in float64."""
    if m.centre == "rows":
        x, y = (r - r.mean(1, keepdims=True) for r in (x, y))
    elif m.centre == "columns":
        (x, u), (y, v) = m.prepare(x), m.prepare(y)
        # One origin for both sides: the distances between them must not change.
        (x, y), (u, v) = ((p - p.mean(0), q - p.mean(0)) for p, q in ((x, y), (u, v)))
        cross = (x @ v.T + u @ y.T) / 2
        first, second = np.einsum("ij,ij->i", x, u), np.einsum("ij,ij->i", y, v)
        return m.finish(cross, first[:, None], second[None], features)
    a, b = (lengths(np.einsum("ij,ij->i", r, r), m) for r in (x, y))
    return m.finish(x @ y.T, a[:, None], b[None], features)


def mended(pairs: Any, diagonal: Any, x: Any, m: Measure, features: int) -> Any:
    """The pairs of rows of x ``(condition, feature)``, the near ones computed again.

    diagonal: of the kernel that the pairs are of.
    """
    if not is_single(x) or features < 1:
        return pairs
    from cortexsim.pairs import pair_indices

    d = lengths(diagonal, m)
    if m.scale_free:
        small = abs(pairs) < NEAR
    else:
        i, j = pair_indices(x.shape[0])
        small = near(pairs, d[i], d[j], m, features)
    return replaced(pairs, small, x, m, features)


def replaced(pairs: Any, small: Any, x: Any, m: Measure, features: int) -> Any:
    """The pairs of rows of x, those that are ``small`` computed again in double precision."""
    from cortexsim.analysis.rsa.kernels import gram, pairs_of
    from cortexsim.pairs import conditions_in_pairs

    where = np.flatnonzero(np.asarray(small.cpu() if hasattr(small, "cpu") else small))
    if not len(where):
        return pairs
    if len(where) > MANY * pairs.shape[0]:
        whole = x.double() if library(x) is not np else x.astype(np.float64)
        mean = whole.mean(axis=-1, keepdims=True) if m.centre == "rows" else None
        exact = pairs_of(gram(whole, m, mean), m, features)
        return exact.float() if library(x) is not np else exact.astype(np.float32)
    i, j = conditions_in_pairs(where, x.shape[0])
    values = again(x, x, i, j, m, features)
    if library(x) is np:
        pairs[where] = values
    else:
        pairs[where.tolist()] = pairs.new_tensor(values)
    return pairs


def all_alike(x: Any, m: Measure) -> bool:
    """Whether most patterns are near-duplicates, by a few of them spread over all."""
    if not m.scale_free or not is_single(x) or x.shape[0] < 2 or x.shape[1] < 1:
        return False
    rows = _double(x[:: max(1, len(x) // SAMPLE)])
    if m.centre == "rows":
        rows = rows - rows.mean(1, keepdims=True)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (np.isfinite(norms).all() and (norms > 0).all()):
        return False
    rows /= norms
    squares = ((rows[1:] - rows[:-1]) ** 2).sum(1)
    return bool(CLOSEST < np.median(squares) / 2 < NEAR)


def of_alike(x: Any, m: Measure) -> Any:
    """The pairs of near-duplicates from one product in single precision.

    1 - r is half the squared distance of patterns of length 1; about their mean nothing cancels.
    None where a pattern has no length, or values that are not finite.
    """
    from cortexsim.analysis.rsa.kernels import pairs_of, product

    z, is_sound = _centred(x, m)
    if not is_sound:
        return None
    kernel = product(z, z)
    pairs = pairs_of(kernel, HALF_SQUARE, 1)
    small = pairs < NEAR * float(kernel.diagonal().max())  # and what rounding made negative
    return replaced(pairs, small, x, m, x.shape[1])


def _centred(x: Any, m: Measure) -> tuple[Any, bool]:
    """Patterns of length 1 about the mean of some; whether all have one, not of rounding only."""
    lib, (count, features) = library(x), x.shape
    z, average = lib.empty_like(x), lib.full_like(x[0], 1 / features)
    block, about = max(1, BLOCK // (4 * features)), None
    rounding = 16 * float(np.finfo(np.float32).eps) * features**0.5
    for start in range(0, count, block):
        rows = z[start : start + block]
        rows[:] = x[start : start + block]
        mean = 0 * rows[:, :1]
        if m.centre == "rows":
            mean = rows.mean(axis=-1, keepdims=True)
            rows -= mean
            rows -= (rows @ average)[:, None]  # what rounding left of the mean
        norms = (rows * rows).sum(axis=-1)[:, None] ** 0.5  # in pairs: einsum adds in turn
        least = LEAST_NORM + rounding * abs(mean)
        if not bool(((norms > least) & (norms < float("inf"))).all()):
            return z, False
        rows *= 1 / norms
        if about is None:
            about = rows.mean(axis=0, keepdims=True)
        rows -= about
    return z, True


def _double(rows: Any) -> np.ndarray:
    plain = rows.cpu().numpy() if hasattr(rows, "cpu") else rows
    return np.asarray(plain, dtype=np.float64)
