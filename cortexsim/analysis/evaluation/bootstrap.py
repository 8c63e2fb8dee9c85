"""Similarities and noise ceilings in many resamples at once.

A resample of conditions is a count for each condition; pair (i, j) then stands count_i x count_j
times, and pairs of a condition with its own copy, whose dissimilarity is zero by construction, do
not exist. A resample of subjects is a count for each subject. So B resamples are weights, and their
inner products are one matrix product W (B x pairs) [a d | a a | d d]; noise ceilings follow from
the weighted Gram matrix of the subjects. Comparators of ranks rank again in every resample (ties of
the copies included), from orders that are sorted once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cortexsim.analysis.evaluation.ranked import Drawn, RankedSample
from cortexsim.analysis.rsa.comparators import Comparator, largest_one
from cortexsim.analysis.rsa.whitener import Whitener
from cortexsim.errors import AnalysisError
from cortexsim.pairs import pair_indices, square
from cortexsim.shapes import Bool, Float, Int
from cortexsim.threads import one_blas_thread, over_rows

RESAMPLES = 256  # at a time
COLUMNS = 2048  # products of a model with a subject, at a time
DISTINCT = 3  # conditions that a resample must hold at least, as in rsatoolbox


class Sampled(NamedTuple):
    """What is found in resamples.

    Parameters
    ----------
    similarity : array of shape (resample, model, subject)
    ceilings : list of arrays of shape (resample, 2)
        Lower and upper, for each of the subject counts asked for.
    """

    similarity: np.ndarray
    ceilings: list[np.ndarray]


class Resampler:
    """Model RDMs and data RDMs of one time, ready for resamples.

    Parameters
    ----------
    models : float64 array of shape (model, pair)
    data : float64 array of shape (subject, pair)
    comparator : Comparator
    groups : array of shape (subject,), optional
        A label for each data RDM; those of one label are left out together in the lower bound of
        the ceiling.
    exists : bool array of shape (pair,), optional
        Which pairs exist; all, unless given.
    whiten : Whitener, optional
        For comparators that whiten.
    like : Resampler, optional
        Another of the same models, comparator and pairs, whose work on the models is shared.
    """

    def __init__(
        self,
        models: Float[np.ndarray, "model pair"],
        data: Float[np.ndarray, "subject pair"],
        comparator: Comparator,
        *,
        groups: np.ndarray | None = None,
        exists: Bool[np.ndarray, " pair"] | None = None,
        whiten: Whitener | None = None,
        like: Resampler | None = None,
    ) -> None:
        self.c, self.whiten = comparator, whiten
        self.groups = (
            np.arange(len(data)) if groups is None else np.unique(groups, return_inverse=True)[1]
        )
        self.apart = self.groups[:, None] != self.groups[None, :]
        self.exists = exists
        self.d = self._prepared(data)
        self.a: np.ndarray = self._prepared(models) if like is None else like.a
        self.n: int = square(data[:1]).shape[-1]
        self.i, self.j = pair_indices(self.n)
        if comparator.ranked or comparator.sign:
            from cortexsim.analysis.rsa.ranks import orders

            self.order_d = orders(self.d)
            self.order_a: tuple[np.ndarray, np.ndarray] = (
                orders(self.a) if like is None else like.order_a
            )

    def _prepared(self, rdms: np.ndarray) -> np.ndarray:
        """Without the pairs that do not exist, in a range in which squares keep their digits."""
        if self.exists is not None:
            rdms = np.where(self.exists, rdms, 0.0)
        if not self.c.ranked and not self.c.sign:
            # Squares stay in range; no similarity sees the scale of an RDM.
            rdms = largest_one(rdms)
        if self.c.centred and not self.c.ranked:
            # What cancels when weighted means are taken away becomes small.
            rdms = rdms - rdms.mean(1, keepdims=True)
        return rdms

    def __call__(
        self, counts: Int[np.ndarray, "resample condition"], subjects: list[np.ndarray]
    ) -> Sampled:
        """Similarities in each resample of conditions, and ceilings.

        Parameters
        ----------
        counts : array of shape (resample, condition)
            How often each condition is drawn. One row stands for all.
        subjects : list of arrays of shape (resample, subject)
            How often each data RDM is drawn: a ceiling for each. One row stands for all.

        Returns
        -------
        Sampled
            NaN for a resample with fewer than 3 different conditions.
        """
        return sampled([self], counts, subjects)[0]

    def weights(self, counts: np.ndarray) -> np.ndarray:
        """How often each pair stands in each resample."""
        w = counts[:, self.i] * counts[:, self.j]
        return w if self.exists is None else w * self.exists

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
        """Inner products in each resample.

        Returns
        -------
        cross : array of shape (resample, model, subject)
        own : array of shape (resample, model)
            Of each model with itself.
        gram : array of shape (resample, subject, subject)
        scale : array of shape (resample, subject)
            Each subject's root mean square (or standard deviation).
        """
        a, d, counts = self.a, self.d, counts.astype(np.float64)
        w = self.weights(counts)
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
            # Constant in this resample: no similarity is defined.
            own[own <= 1e-12 * squares] = np.nan
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
        """Inner products in the metric V^-1 (S = 1) of a resample.

        Those of the Gram matrices, centred over the pairs that exist. With g = -y/2 and row sums s,
        centring takes (u_a + u_b)/2 from every pair and u_a from the diagonal so that rows add to
        zero; u follows in closed form from s, and the inner product is
        1/2 sum w y y' - sum_a count_a u_a s'_a.
        """
        if self.whiten is not None and self.whiten.inverse is not None:
            if (counts != 1).any():
                raise AnalysisError(
                    "sigma_k needs all conditions once; resample subjects only "
                    "(resample=('subject',)), or leave sigma_k out"
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
        """(lower, upper) for each resample, from the Gram matrix of comparable RDMs."""
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
        """Mean over the groups in the resample, each once, as rsatoolbox averages."""
        member = np.eye(self.groups.max() + 1)[self.groups]
        present = m > 0
        inside = present @ member
        of_group = np.where(present, values, 0.0) @ member / np.where(inside > 0, inside, 1)
        return np.where(inside > 0, of_group, 0.0).sum(1) / (inside > 0).sum(1)


def sampled(
    samplers: Sequence[Resampler],
    counts: Int[np.ndarray, "resample condition"],
    subjects: list[np.ndarray],
) -> list[Sampled]:
    """What each sampler finds in the same resamples, all of the same models.

    Ranks of the models depend on the resample only, so that each is ranked once for all samplers.

    Parameters
    ----------
    samplers : sequence of Resampler
        One a time, made ``like`` the first.
    counts : array of shape (resample, condition)
        As a sampler takes them.
    subjects : list of arrays of shape (resample, subject)
        As a sampler takes them.

    Returns
    -------
    list of Sampled
    """
    first = samplers[0]
    if first.c.ranked or first.c.sign:
        found = _ranked(samplers, counts, subjects)
    else:
        found = [Sampled(*s._linear(counts, subjects)) for s in samplers]
    few = (counts > 0).sum(1) < DISTINCT
    for similarity, ceilings in found:
        similarity[few] = np.nan
        for c in ceilings:
            c[few if len(few) == len(c) else np.repeat(few, len(c))] = np.nan
    return found


def _ranked(
    samplers: Sequence[Resampler], counts: np.ndarray, subjects: list[np.ndarray]
) -> list[Sampled]:
    """The same for comparators of ranks: a resample at a time, on every core."""
    found = [
        Sampled(
            np.empty((len(counts), len(s.a), len(s.d))),
            [np.empty((max(len(counts), len(m)), 2)) for m in subjects],
        )
        for s in samplers
    ]

    def some_rows(rows: slice) -> None:
        for b in range(rows.start, rows.stop):
            drawn = _drawn(samplers[0], counts[b])
            for sampler, (similarity, ceilings) in zip(samplers, found, strict=True):
                ranked = RankedSample(sampler.order_d, drawn, sampler.groups)
                similarity[b] = ranked.similarity()
                for m, c in zip(subjects, ceilings, strict=True):
                    c[b] = ranked.ceilings(m[b : b + 1] if len(m) > 1 else m)[0]

    with one_blas_thread():
        if len(counts) > 1:
            over_rows(some_rows, len(counts), 16)
            return found
        drawn = _drawn(samplers[0], counts[0])
        for sampler, (similarity, ceilings) in zip(samplers, found, strict=True):
            ranked = RankedSample(sampler.order_d, drawn, sampler.groups)
            similarity[0] = ranked.similarity()
            for m, c in zip(subjects, ceilings, strict=True):

                def part(
                    rows: slice,
                    ranked: RankedSample = ranked,
                    m: np.ndarray = m,
                    c: np.ndarray = c,
                ) -> None:
                    c[rows] = ranked.ceilings(m[rows])

                over_rows(part, len(m), 16)
    return found


def _drawn(of: Resampler, counts: np.ndarray) -> Drawn:
    """One resample of conditions, with the models of a sampler."""
    return Drawn(of.weights(counts[None])[0], of.order_a, of.c)
