"""Similarities and noise ceilings in many resamples at once.

A resample of conditions is a count for each condition; pair (i, j) then stands count_i x count_j times, and pairs of a condition with its own
copy, whose dissimilarity is zero by construction, do not exist. A resample of subjects is a count for each subject. So B resamples are weights, and
their inner products are one matrix product W (B x pairs) [a d | a a | d d]; noise ceilings follow from the weighted Gram matrix of the subjects.
Comparators of ranks rank again in every resample (ties of the copies included), from orders that are sorted once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cortexsim.analysis.rsa.comparators import Comparator, largest_one
from cortexsim.analysis.rsa.threads import one_blas_thread, over_rows
from cortexsim.analysis.rsa.whitener import Whitener
from cortexsim.errors import AnalysisError
from cortexsim.pairs import pair_indices, square

RESAMPLES = 256  # at a time
COLUMNS = 2048  # products of a model with a subject, at a time
DISTINCT = 3  # conditions that a resample must hold at least, as in rsatoolbox


class Sampled(NamedTuple):
    """similarity ``(resample, model, subject)``; ceilings: ``(resample, 2)`` for each of the subject counts asked for (lower, upper)."""

    similarity: np.ndarray
    ceilings: list[np.ndarray]


class Resampler:
    """Model RDMs and data RDMs of one time, ready for resamples.

    models ``(model, pair)``, data ``(subject, pair)``, float64. groups: a label for each data RDM; those of one label are left out together in the
    lower bound of the ceiling. here: which pairs exist (None: all).
    """

    def __init__(
        self,
        models: np.ndarray,
        data: np.ndarray,
        comparator: Comparator,
        *,
        groups: np.ndarray | None = None,
        here: np.ndarray | None = None,
        whiten: Whitener | None = None,
    ) -> None:
        self.c, self.whiten = comparator, whiten
        self.groups = (
            np.arange(len(data)) if groups is None else np.unique(groups, return_inverse=True)[1]
        )
        self.apart = self.groups[:, None] != self.groups[None, :]
        self.here = here
        if here is not None:
            models, data = np.where(here, models, 0.0), np.where(here, data, 0.0)
        if (
            not comparator.ranked and not comparator.sign
        ):  # squares stay in range; no similarity sees the scale of an RDM
            models, data = largest_one(models), largest_one(data)
        if comparator.centred and not comparator.ranked:
            # What cancels when weighted means are taken away becomes small.
            models = models - models.mean(1, keepdims=True)
            data = data - data.mean(1, keepdims=True)
        self.a, self.d = models, data
        self.n = square(data[:1]).shape[-1]
        self.i, self.j = pair_indices(self.n)
        if comparator.ranked or comparator.sign:
            from cortexsim.analysis.rsa.ranks import orders

            self.order_a, self.order_d = orders(models), orders(data)

    def __call__(self, counts: np.ndarray, subjects: list[np.ndarray]) -> Sampled:
        """Similarities in each resample of conditions ``counts (resample, condition)``, and ceilings for each ``(resample, subject)``.

        One row of either stands for all. A resample with fewer than 3 different conditions gives NaN.
        """
        kernel = self._ranks if self.c.ranked or self.c.sign else self._linear
        similarity, ceilings = kernel(counts, subjects)
        few = (counts > 0).sum(1) < DISTINCT
        similarity[few] = np.nan
        for c in ceilings:
            c[few if len(few) == len(c) else np.repeat(few, len(c))] = np.nan
        return Sampled(similarity, ceilings)

    def _weights(self, counts: np.ndarray) -> np.ndarray:
        w = counts[:, self.i] * counts[:, self.j]
        return w if self.here is None else w * self.here

    def _linear(
        self, counts: np.ndarray, subjects: list[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        with np.errstate(invalid="ignore", divide="ignore"):
            cross, own, gram, scale = self.inner(counts)
            diagonal = np.diagonal(gram, axis1=1, axis2=2)
            cross /= np.sqrt(own)[:, :, None] * np.sqrt(diagonal)[:, None]
            gram = gram / (scale[:, :, None] * scale[:, None])
            return cross, [self._ceiling(gram, m) for m in subjects]

    def inner(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Inner products in each resample: model x subject, of each model, subject x subject, and each subject's root mean square (or s.d.)."""
        a, d, counts = self.a, self.d, counts.astype(np.float64)
        w = self._weights(counts)
        total = w.sum(1)
        s, t = np.triu_indices(len(d))
        gram = np.empty((len(w), len(d), len(d)))
        gram[:, s, t] = gram[:, t, s] = w @ (d[s] * d[t]).T
        own = w @ (a * a).T
        cross = np.empty((len(w), len(a), len(d)))
        width = max(1, COLUMNS // len(d))
        for k in range(0, len(a), width):
            product = (a[k : k + width, None] * d[None]).reshape(-1, d.shape[1])
            cross[:, k : k + width] = (w @ product.T).reshape(len(w), -1, len(d))
        mean_a, mean_d = np.zeros_like(own), np.zeros((len(w), len(d)))
        if self.c.centred:
            mean_a, mean_d = w @ a.T / total[:, None], w @ d.T / total[:, None]
            cross -= total[:, None, None] * mean_a[:, :, None] * mean_d[:, None]
            squares, own = own, own - total[:, None] * mean_a**2
            own[own <= 1e-12 * squares] = (
                np.nan
            )  # constant in this resample: no similarity is defined
            squares_d = np.diagonal(gram, axis1=1, axis2=2).copy()
            gram -= total[:, None, None] * mean_d[:, :, None] * mean_d[:, None]
            flat = np.diagonal(gram, axis1=1, axis2=2) <= 1e-12 * squares_d
            gram[flat[:, :, None] & np.eye(len(d), dtype=bool)] = np.nan
        scale = np.sqrt(np.diagonal(gram, axis1=1, axis2=2) / total[:, None])
        if self.c.whitened:
            cross, own, gram = self._whitened(counts, cross, own, gram, mean_a, mean_d)
        return cross, own, gram, scale

    def _whitened(
        self,
        counts: np.ndarray,
        cross: np.ndarray,
        own: np.ndarray,
        gram: np.ndarray,
        mean_a: np.ndarray,
        mean_d: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inner products in the metric V^-1 (S = 1) of a resample: those of the Gram matrices, centred over the pairs that exist.

        With g = -y/2 and row sums s, centring takes (u_a + u_b)/2 from every pair and u_a from the diagonal so that rows add to zero; u follows in
        closed form from s, and the inner product is 1/2 sum w y y' - sum_a count_a u_a s'_a.
        """
        if self.whiten is not None and self.whiten.inverse is not None:
            if (counts != 1).any():
                raise AnalysisError(
                    "sigma_k needs all conditions once; resample subjects only (resample=('subject',)), or leave sigma_k out"
                )
            return self._whitened_by_sigma(len(counts))
        total = counts.sum(1)
        weight = 0.5 * total[:, None] - counts + 1

        def rows(y: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            sums = np.moveaxis(square(y) @ counts.T, -1, 0)  # (resample, rdm, condition)
            s = -0.5 * (sums - mean[:, :, None] * (total[:, None] - counts)[:, None])
            t = (s * (counts / weight)[:, None]).sum(2) / (1 + 0.5 * (counts / weight).sum(1))[
                :, None
            ]
            return s, (s - 0.5 * t[:, :, None]) / weight[:, None] * counts[:, None]

        (s_a, u_a), (s_d, u_d) = rows(self.a, mean_a), rows(self.d, mean_d)
        return (
            0.5 * cross - u_a @ s_d.swapaxes(1, 2),
            0.5 * own - (u_a * s_a).sum(2),
            0.5 * gram - u_d @ s_d.swapaxes(1, 2),
        )

    def _whitened_by_sigma(self, resamples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        assert self.whiten is not None
        dual_a, own = self.whiten.dual(self.a)
        dual_d, _ = self.whiten.dual(self.d)
        each = (dual_a @ self.d.T, own, dual_d @ self.d.T)
        cross, own, gram = (np.repeat(x[None], resamples, axis=0) for x in each)
        return cross, own, gram

    def _ceiling(self, gram: np.ndarray, m: np.ndarray) -> np.ndarray:
        """(lower, upper) for each resample, from the Gram matrix of the subjects' comparable RDMs."""
        b = max(len(gram), len(m))
        gram, m = (
            np.broadcast_to(gram, (b, *gram.shape[1:])),
            np.broadcast_to(m, (b, m.shape[1])).astype(np.float64),
        )
        length = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))
        toward = (gram @ m[:, :, None])[:, :, 0]
        upper = toward / (np.sqrt((m * toward).sum(1))[:, None] * length)
        upper[(m > 0).sum(1) < 2] = np.nan  # the only subject is no ceiling of itself
        others = m[:, None, :] * self.apart
        with_others = others @ gram
        size = np.sqrt(np.maximum((with_others * others).sum(2), 0))
        lower = np.diagonal(with_others, axis1=1, axis2=2) / (size * length)
        return np.stack(
            [self._mean_over_groups(lower, m), self._mean_over_groups(upper, m)], axis=1
        )

    def _mean_over_groups(self, values: np.ndarray, m: np.ndarray) -> np.ndarray:
        """Mean over the groups that are in the resample, each once (the mean of its RDMs), as rsatoolbox averages."""
        member = np.eye(self.groups.max() + 1)[self.groups]
        present = m > 0
        inside = present @ member
        of_group = np.where(present, values, 0.0) @ member / np.where(inside > 0, inside, 1)
        return np.where(inside > 0, of_group, 0.0).sum(1) / (inside > 0).sum(1)

    def _ranks(
        self, counts: np.ndarray, subjects: list[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        similarity = np.empty((len(counts), len(self.a), len(self.d)))
        ceilings = [np.empty((max(len(counts), len(m)), 2)) for m in subjects]

        def some(rows: slice) -> None:
            for b in range(rows.start, rows.stop):
                one = self._one_of_ranks(counts[b])
                similarity[b] = one.similarity
                for m, c in zip(subjects, ceilings, strict=True):
                    c[b] = one.ceiling(m[b if len(m) > 1 else 0])

        with one_blas_thread():
            if len(counts) > 1:
                over_rows(some, len(counts), 16)
                return similarity, ceilings
            one = self._one_of_ranks(counts[0])
            similarity[0] = one.similarity
            for m, c in zip(subjects, ceilings, strict=True):

                def part(rows: slice, m: np.ndarray = m, c: np.ndarray = c) -> None:
                    for k in range(rows.start, rows.stop):
                        c[k] = one.ceiling(m[k])

                over_rows(part, len(m), 16)
        return similarity, ceilings

    def _one_of_ranks(self, counts: np.ndarray) -> _RankedSample:
        return _RankedSample(self, self._weights(counts[None])[0])


class _RankedSample:
    """One resample of conditions for a comparator of ranks."""

    def __init__(self, of: Resampler, weights: np.ndarray) -> None:
        from cortexsim.analysis.rsa.ranks import sampled_tau, weighted_ranks

        self.of, self.w = of, weights.astype(np.float64)
        self.whole = weights.astype(np.int64)
        self.size = self.w.sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            self.ranks = np.empty(of.d.shape)
            weighted_ranks(*of.order_d, self.w, self.ranks)
            if of.c.sign:
                self.similarity = np.empty((len(of.a), len(of.d)))
                sampled_tau(*of.order_a, *of.order_d, self.whole, self.similarity)
                return
            models = np.empty(of.a.shape)
            weighted_ranks(*of.order_a, self.w, models)
            self.weighted = self.ranks * self.w
            self.norms = np.sqrt(np.einsum("ij,ij->i", self.weighted, self.ranks))
            self.similarity = self._scaled(models, self.weighted @ models.T)

    def _scaled(self, rows: np.ndarray, products: np.ndarray) -> np.ndarray:
        """(row, subject) from products (subject, row)."""
        if self.of.c.norm == "fixed":
            return products.T * (12 / (self.size**3 - self.size))
        own = np.sqrt(np.einsum("ij,j,ij->i", rows, self.w, rows))
        return (products / self.norms[:, None]).T / own[:, None]

    def ceiling(self, m: np.ndarray) -> tuple[float, float]:
        """(lower, upper) for one count of subjects: the averaged ranks are ranked again."""
        with np.errstate(
            invalid="ignore", divide="ignore"
        ):  # (the state of warnings is each thread's own)
            return self._ceiling(m)

    def _ceiling(self, m: np.ndarray) -> tuple[float, float]:
        from cortexsim.analysis.rsa.ranks import orders, rank_pool, sampled_tau

        here = np.flatnonzero(m)
        groups = np.unique(self.of.groups[here])
        total = m @ self.ranks
        pools = [total] + [total - (m * (self.of.groups == g)) @ self.ranks for g in groups]
        if self.of.c.sign:
            table = np.empty((len(pools), len(m)))
            sampled_tau(*orders(np.stack(pools)), *self.of.order_d, self.whole, table)
        else:
            rows = np.empty((len(pools), self.w.size))
            for pool, row in zip(pools, rows, strict=True):
                rank_pool(pool, self.w, row)
            table = self._scaled(rows, self.weighted @ rows.T)
        if len(here) < 2:  # the only subject is no ceiling of itself
            return np.nan, np.nan
        lower, upper = [], []
        for k, g in enumerate(groups):
            members = here[self.of.groups[here] == g]
            lower.append(table[k + 1, members].mean() if len(groups) > 1 else np.nan)
            upper.append(table[0, members].mean())
        return float(np.mean(lower)), float(np.mean(upper))
