"""How alike RDMs are: every model RDM with every data RDM, and the noise ceiling of the data.

Most comparators are a cosine after each side was prepared on its own (centred, ranked, whitened), so that all comparisons are one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cortexsim.analysis.rsa.threads import one_blas_thread, over_rows
from cortexsim.errors import AnalysisError
from cortexsim.pairs import (
    as_vectors,
    conditions_of,
    numbers,
    pair_indices,
    refuse_constant,
    refuse_nan,
    same_pairs,
    square,
)
from cortexsim.shapes import Float

ROWS = 128  # data RDMs of one task: prepared copies stay in the cache


@dataclass(frozen=True)
class Comparator:
    """One similarity of RDMs. ranked: of mid-ranks; centred: less their mean; whitened: in the metric V^-1 of Diedrichsen et al. 2021;
    sign: Kendall's. pool: how the RDMs of subjects are made comparable before they are averaged (``unit``, ``z``, ``rank``)."""

    equation: str
    pool: str
    ranked: bool = False
    centred: bool = False
    whitened: bool = False
    norm: str = "own"  # "fixed": that of ranks without ties
    sign: bool = False


COMPARATORS: dict[str, Comparator] = {
    "pearson": Comparator("r(a, d)", "z", centred=True),
    "spearman": Comparator("r of mid-ranks", "rank", ranked=True, centred=True),
    "tau-a": Comparator("(concordant - discordant) / (P (P - 1) / 2)", "rank", sign=True),
    "rho-a": Comparator("12 sum of centred rank products / (P^3 - P)", "rank", ranked=True, centred=True, norm="fixed"),
    "cosine": Comparator("a.d / (|a| |d|)", "unit"),
    "cosine-whitened": Comparator("a^T V^-1 d / sqrt(a^T V^-1 a  d^T V^-1 d)", "unit", whitened=True),
    "pearson-whitened": Comparator("the same of a and d less their means", "z", centred=True, whitened=True),
}


class NoiseCeiling(NamedTuple):
    """What a perfect model could reach given how subjects differ: (lower, upper), each a number or one for each time."""

    lower: Any
    upper: Any


def comparator_named(name: str) -> Comparator:
    """The comparator; AnalysisError that lists them all."""
    if not isinstance(name, str) or name not in COMPARATORS:
        raise AnalysisError(f"there is no comparator {name!r}; choose from {', '.join(COMPARATORS)}")
    return COMPARATORS[name]


def compare(
    model_rdms: Any, data_rdms: Any, comparator: str = "spearman", *, sigma_k: Any = None, nan: str = "refuse"
) -> Any:
    """Similarity of every model RDM with every data RDM.

    pearson, spearman (ties have the mean of their ranks), tau-a and rho-a (ties count nothing, which is right where models predict ties),
    cosine, and the whitened cosine and correlation a^T V^-1 d / sqrt(a^T V^-1 a  d^T V^-1 d), where V is the covariance of RDM entries that share
    conditions, V_(ij)(kl) = ((e_i - e_j)^T S (e_k - e_l))^2.

    model_rdms ``(..., pair)``, data_rdms ``(..., pair)``: arrays or dask arrays, pairs in ``squareform`` order.
    sigma_k: S, the covariance of the patterns' noise over conditions, ``(condition, condition)`` or its diagonal; None is the identity. For the
        whitened comparators only.
    nan: ``"refuse"``, or ``"common"``: only the pairs that are numbers in every RDM (not for the whitened ones, whose V needs all pairs).

    Returns an array of shape (model axes, data axes) in [-1, 1]; dask-backed where an input is.
    Raises AnalysisError for NaN, different numbers of pairs, constant RDMs, square or asymmetric input.
    Sources: Nili et al. 2014; Diedrichsen et al. 2021; Schuett et al. 2023 (rho-a).

    >>> a = [1, 2, 3, 4, 5, 6.0]
    >>> compare([a], [a, a[::-1]], "spearman")
    array([[ 1., -1.]])
    """
    from cortexsim.analysis.rsa.lazy import is_lazy, lazy_compare

    if is_lazy(model_rdms, data_rdms):
        return lazy_compare(model_rdms, data_rdms, comparator, sigma_k=sigma_k, nan=nan)
    models, data = as_vectors(model_rdms, "model RDMs"), as_vectors(data_rdms, "data RDMs")
    same_pairs(models, data)
    a, d = models.reshape(-1, models.shape[-1]), data.reshape(-1, data.shape[-1])
    c = comparator_named(comparator)
    a, d = keep_common(a, d, nan, whitened=c.whitened)
    whiten = whitener(c, comparator, sigma_k, a.shape[1])
    refuse(a, "model RDMs", c)
    return similarity(a, d, c, whiten).reshape((*models.shape[:-1], *data.shape[:-1]))


def keep_common(a: np.ndarray, d: np.ndarray, nan: str, *, whitened: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Both without the pairs that are NaN in any RDM, if that was asked for; AnalysisError if it was not and there are some."""
    if nan == "refuse":
        return a, d  # data are checked chunk by chunk, while they are in the cache
    if nan != "common":
        raise AnalysisError(f"nan={nan!r} is not known; choose from refuse, common")
    here = np.isfinite(a).all(0) & np.isfinite(d).all(0)
    if here.all():
        return a, d
    if whitened:
        raise AnalysisError(
            f"{int((~here).sum())} pairs are NaN; a whitened comparator needs all pairs. Leave out whole conditions"
        )
    if here.sum() < 6:
        raise AnalysisError(
            f"only {int(here.sum())} of {len(here)} pairs are numbers in every RDM; at least 6 are needed"
        )
    return a[:, here], d[:, here]


def refuse(rdms: np.ndarray, what: str, c: Comparator) -> None:
    """AnalysisError for NaN and, where the comparator is not defined for them, constant RDMs."""
    refuse_nan(rdms, what)
    if c.centred or c.sign:
        refuse_constant(rdms, what)
    elif not rdms.any(-1).all():
        raise AnalysisError(
            f"{int((~rdms.any(-1)).sum())} of {rdms[..., 0].size} {what} are zero throughout; leave them out"
        )


def similarity(a: np.ndarray, d: np.ndarray, c: Comparator, whiten: Whitener | None) -> Float[np.ndarray, "model data"]:
    """``compare`` of checked vectors ``(model, pair)`` and ``(data, pair)``."""
    if c.sign:
        from cortexsim.analysis.rsa.ranks import tau_a

        refuse(d, "data RDMs", c)
        return tau_a(a, d)
    pairs = a.shape[1]
    left = _prepare(a, c, rescale=True)
    left, own = whiten.dual(left) if whiten else (left, np.einsum("ij,ij->i", left, left))
    fixed = (pairs**3 - pairs) / 12
    left = np.ascontiguousarray(left / (np.sqrt(own)[:, None] if c.norm == "own" else 1))
    out = np.empty((len(a), len(d)))

    def some(rows: slice) -> None:
        # NaN, constant and zero RDMs, and squares out of range, show in the norms for free; only then is each looked for.
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            if c.ranked and not np.isfinite(d[rows].sum()):
                refuse(d, "data RDMs", c)
            right, norms, sound = _with_norms(d[rows], c, whiten)
            if not sound:
                refuse(d, "data RDMs", c)
                right = _prepare(d[rows], c, rescale=True)
                norms = squared_norms(right, whiten)
        out[:, rows] = (left @ right.T) / (np.sqrt(norms) if c.norm == "own" else fixed)

    with one_blas_thread():
        over_rows(some, len(d), ROWS)
    return np.clip(out, -1, 1, out=out)


def _prepare(x: np.ndarray, c: Comparator, *, rescale: bool = False) -> np.ndarray:
    """Rows as float64, ranked and centred as the comparator asks; rescaled to a largest entry of 1, which no similarity sees, if so asked."""
    if c.ranked:
        from cortexsim.analysis.rsa.ranks import _rank_rows

        out = np.empty(x.shape)
        _rank_rows(np.ascontiguousarray(x), out)
        return out
    x = x.astype(np.float64, copy=False)
    x = largest_one(x) if rescale else x
    return x - x.mean(axis=1, keepdims=True) if c.centred else x


def squared_norms(x: np.ndarray, whiten: Whitener | None) -> np.ndarray:
    """Of every row, in the metric V^-1 if there is a whitening."""
    return whiten.norms(x) if whiten else np.einsum("ij,ij->i", x, x)


def _with_norms(x: np.ndarray, c: Comparator, whiten: Whitener | None) -> tuple[np.ndarray, np.ndarray, bool]:
    """Rows whose product with prepared models is right, their squared norms, and whether these can be trusted.

    A centred model does not see the mean of the data, so that rows need not be centred: their norms follow from sums over the raw rows, in one pass,
    unless the mean is so large that digits would cancel.
    """
    if c.ranked or (whiten is not None and whiten.inverse is not None):
        right = _prepare(x, c)
        norms = squared_norms(right, whiten)
        return (
            right,
            norms,
            bool(((norms > 1e-200) & (norms < 1e200) & (norms > 1e-24 * x.shape[1] * x[:, 0] ** 2)).all()),
        )
    from cortexsim.analysis.rsa.ranks import moments

    right = np.ascontiguousarray(x, dtype=np.float64)
    totals, squares = np.empty(len(x)), np.empty(len(x))
    moments(right, totals, squares)
    norms, pairs = squares, x.shape[1]
    mean = totals / pairs if c.centred else np.zeros(len(x))
    if whiten is not None:
        norms = whiten.norms(right, squares, mean)
    elif c.centred:
        norms = squares - totals * mean
    return right, norms, bool(((squares > 1e-200) & (squares < 1e200) & (norms > 1e-6 * squares)).all())


def largest_one(x: np.ndarray) -> np.ndarray:
    """Every row divided by its largest absolute entry."""
    largest = np.abs(x).max(axis=-1, keepdims=True)
    return x / np.where(largest > 0, largest, 1)


class Whitener:
    """V^-1 without V, which is pairs x pairs.

    V y is the squared distances of S L S, where L is the Laplacian with weights y: a distance matrix from a Laplacian. Backwards: V^-1 y is the
    (negative) off-diagonal of S+ G S+, with G = -1/2 H Y H the centred Gram matrix of y and S+ the pseudo-inverse of H S H. So a^T V^-1 d =
    trace(G_a S+ G_d S+): three small products instead of a factorisation of V.
    """

    def __init__(self, sigma_k: Any, n: int) -> None:
        self.n, self.inverse = n, None
        if sigma_k is None:
            return
        s = numbers(sigma_k, "values of sigma_k").astype(np.float64)
        s = np.diag(s) if s.ndim == 1 else s
        if s.shape != (n, n):
            raise AnalysisError(
                f"sigma_k has shape {np.shape(sigma_k)}; the RDMs have {n} conditions: ({n}, {n}) or ({n},)"
            )
        finite = bool(np.isfinite(s).all())
        s = s / np.abs(s).max() if finite and s.any() else s
        if not finite or not np.allclose(s, s.T, rtol=1e-6, atol=1e-9) or np.linalg.eigvalsh(s)[0] <= 0:
            raise AnalysisError("sigma_k is not a covariance: it must be finite, symmetric and positive definite")
        h = np.eye(n) - 1 / n
        self.inverse = np.linalg.pinv(h @ s @ h, rcond=1e-12, hermitian=True)

    def dual(self, y: Float[np.ndarray, "row pair"]) -> tuple[np.ndarray, np.ndarray]:
        """V^-1 y of every row, and y^T V^-1 y."""
        laplacian = self._gram(y)
        if self.inverse is not None:
            laplacian = self.inverse @ laplacian @ self.inverse
        i, j = pair_indices(self.n)
        x = -laplacian[:, i, j]
        return x, np.einsum("ij,ij->i", x, y)

    def norms(
        self, y: Float[np.ndarray, "row pair"], squares: np.ndarray | None = None, mean: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """y^T V^-1 y of every row less its ``mean``; for S = 1 from its sum of squares and the row sums of its square alone."""
        if self.inverse is not None:
            return self.dual(y)[1]
        from cortexsim.analysis.rsa.ranks import row_sums

        n, pairs = self.n, y.shape[1]
        sums = np.empty((len(y), n))
        row_sums(np.ascontiguousarray(y), sums)
        squares = np.einsum("ij,ij->i", y, y) if squares is None else squares
        squares = squares - pairs * np.square(mean)
        sums -= (n - 1) * np.reshape(mean, (-1, 1))
        return 0.25 * (2 * squares - 2 / n * (sums**2).sum(1) + sums.sum(1) ** 2 / n**2)

    def _gram(self, y: np.ndarray) -> np.ndarray:
        full = -0.5 * square(y)
        full -= full.mean(axis=1, keepdims=True)
        return full - full.mean(axis=2, keepdims=True)


def whitener(c: Comparator, name: str, sigma_k: Any, pairs: int) -> Whitener | None:
    """The whitening of RDMs of so many pairs, for a comparator that asks for it."""
    if c.whitened:
        return Whitener(sigma_k, conditions_of(pairs))
    if sigma_k is not None:
        raise AnalysisError(f"sigma_k is for cosine-whitened and pearson-whitened; {name} does not use it")
    return None


def noise_ceiling(
    data_rdms: Any, comparator: str = "spearman", *, sigma_k: Any = None, nan: str = "refuse"
) -> NoiseCeiling:
    """The range in which the best possible model lies, given how much subjects differ.

    upper: mean similarity of each subject's RDM with the mean of all, that subject included (too good for any model). lower: with the mean of the
    others. The mean is over RDMs made comparable first: divided by their root mean square (cosine), z-scored (pearson) or ranked (spearman,
    rho-a, tau-a), so that it (nearly) maximises the average similarity.

    data_rdms: ``(subject, ..., pair)`` with at least 2 subjects; axes between are times (or anything else), each on its own.
    sigma_k, nan: as in ``compare``.
    Raises AnalysisError as ``compare`` does, and for fewer than 2 subjects.
    Source: Nili et al. 2014, as in rsatoolbox's ``boot_noise_ceiling``.

    >>> rng = np.random.default_rng(0)
    >>> truth = rng.random(66)
    >>> low, high = noise_ceiling(truth + 0.2 * rng.random((8, 66)), "pearson")
    >>> round(low, 3), round(high, 3)
    (0.979, 0.984)
    """
    data = as_vectors(data_rdms, "data RDMs")
    if data.ndim < 2 or len(data) < 2:
        raise AnalysisError(
            f"data RDMs of shape {data.shape}; a noise ceiling needs (subject, ..., pair) with at least 2 subjects"
        )
    c = comparator_named(comparator)
    middle = data.shape[1:-1]
    lower, upper = [], []
    for d in np.moveaxis(data.reshape(len(data), -1, data.shape[-1]), 1, 0):
        d, _ = keep_common(d, d, nan, whitened=c.whitened)
        refuse(d, "data RDMs", c)
        whiten = whitener(c, comparator, sigma_k, d.shape[1])
        z = pooled(d, c)
        total, count = z.sum(0), len(z)
        for s in range(0 if c.sign or c.norm == "fixed" else count):
            if np.abs(total - z[s]).max() < 1e-12 * np.abs(z).max():
                raise AnalysisError(
                    f"without subject {s} the RDMs of the others cancel: their mean is zero throughout and no ceiling is defined"
                )
        upper.append(similarity(total[None], d, c, whiten).mean())
        lower.append(np.mean([similarity(total[None] - z[s], d[s : s + 1], c, whiten)[0, 0] for s in range(count)]))
    if not middle:
        return NoiseCeiling(float(lower[0]), float(upper[0]))
    return NoiseCeiling(np.reshape(lower, middle), np.reshape(upper, middle))


def _unit(d: np.ndarray) -> np.ndarray:
    return d / np.sqrt(np.mean(d**2, axis=1, keepdims=True))


def _z(d: np.ndarray) -> np.ndarray:
    return (d - d.mean(1, keepdims=True)) / d.std(1, keepdims=True)


def _rank(d: np.ndarray) -> np.ndarray:
    from cortexsim.analysis.rsa.ranks import centred_ranks

    return centred_ranks(d)


POOLS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"unit": _unit, "z": _z, "rank": _rank}


def pooled(d: Float[np.ndarray, "subject pair"], c: Comparator) -> Float[np.ndarray, "subject pair"]:
    """The RDMs of subjects made comparable, so that their sum is the best single RDM."""
    return POOLS[c.pool](largest_one(d.astype(np.float64)))
