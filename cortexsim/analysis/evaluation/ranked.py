"""A resample for comparators of ranks: what is drawn is ranked again, ties of the copies included.

The orders of models and data are sorted once (``ranks.orders``); a resample then costs one pass
over each.
"""

from __future__ import annotations

import numpy as np

from cortexsim.analysis.rsa.comparators import Comparator
from cortexsim.shapes import Float, Int

Orders = tuple[np.ndarray, np.ndarray]  # sorting indices and ties (row, pair)
ROWS = 4  # a matrix product of 15 rows takes half as long again as one of 16


class Drawn:
    """A resample of conditions: the pairs in it, and the models' ranks, which all times share.

    Parameters
    ----------
    weights : array of shape (pair,)
        How often each pair stands in the resample.
    models : tuple of two arrays of shape (model, pair)
        Orders and ties of the models.
    comparator : Comparator
    """

    def __init__(self, weights: np.ndarray, models: Orders, comparator: Comparator) -> None:
        self.c, self.orders = comparator, models
        self.whole = weights.astype(np.int32)
        self.kept = np.flatnonzero(weights)
        self.drawn = self.whole[self.kept]
        self.w = self.drawn.astype(np.float64)
        self.size = self.w.sum()
        self.place = np.full(len(weights), len(self.kept), np.int32)
        self.place[self.kept] = np.arange(len(self.kept), dtype=np.int32)
        if not comparator.sign:
            self.models = 0.5 * self.doubled(models)[:, :-1]
            self.own = np.sqrt(np.einsum("ij,j,ij->i", self.models, self.w, self.models))

    @property
    def fixed(self) -> float:
        """What products of ranks are multiplied by, 0 for comparators that divide by lengths."""
        known = self.c.norm == "fixed" and self.size > 1
        return 12 / (self.size**3 - self.size) if known else 0.0

    def doubled(self, orders: Orders) -> np.ndarray:
        """Twice the centred mid-ranks ``(row, drawn pair)``, whole numbers, and a spare column."""
        from cortexsim.analysis.rsa.ranks import drawn_ranks

        twice = np.empty((len(orders[0]), len(self.kept) + 1), np.int32)
        drawn_ranks(*orders, self.whole, self.place, twice)
        return twice


class RankedSample:
    """The data RDMs of one time in one resample of conditions.

    Parameters
    ----------
    data : tuple of two arrays of shape (subject, pair)
        Orders and ties of the data RDMs.
    drawn : Drawn
    groups : array of shape (subject,)
        The number of the group of each, left out together in the lower bound.
    """

    def __init__(self, data: Orders, drawn: Drawn, groups: np.ndarray) -> None:
        self.data, self.drawn, self.groups = data, drawn, groups
        self.doubled = drawn.doubled(data)
        if not drawn.c.sign:
            from cortexsim.analysis.rsa.ranks import weigh

            rows = len(self.doubled)
            self.weighted = np.zeros((rows + -rows % ROWS, len(drawn.kept)))
            self.norms = np.empty(rows)
            weigh(self.doubled, drawn.w, self.weighted, self.norms)

    def similarity(self) -> Float[np.ndarray, "model subject"]:
        """Of every model with every data RDM."""
        from cortexsim.analysis.rsa.tau import sampled_tau

        drawn = self.drawn
        if drawn.c.sign:
            table = np.empty((len(drawn.orders[0]), len(self.doubled)))
            sampled_tau(*drawn.orders, *self.data, drawn.whole, table)
            return table
        products = (self.weighted @ drawn.models.T)[: len(self.norms)]
        if drawn.fixed:
            return products.T * drawn.fixed
        with np.errstate(invalid="ignore", divide="ignore"):
            return (products / self.norms[:, None]).T / drawn.own[:, None]

    def ceilings(self, draws: Int[np.ndarray, "draw subject"]) -> Float[np.ndarray, "draw two"]:
        """(lower, upper) for counts of subjects: the averaged ranks are ranked again.

        NaN where one subject is drawn, which is no ceiling of itself; the lower of one group.
        """
        bounds = np.full((len(draws), 2), np.nan)
        if self.drawn.c.sign:
            for m, into in zip(draws, bounds, strict=True):
                into[:] = self._tau_ceiling(m)
            return bounds
        from cortexsim.analysis.rsa.pools import pool_ceilings

        largest = 2 * int(self.drawn.size) * int(draws.sum(1).max())
        whole_numbers = np.int32 if largest < 2**31 else np.int64
        pool_ceilings(
            self.doubled,
            self.weighted,
            self.norms,
            draws.astype(np.int64),
            self.groups,
            self.drawn.drawn,
            self.drawn.fixed,
            np.empty((2, len(self.drawn.kept)), whole_numbers),
            bounds,
        )
        return bounds

    def _tau_ceiling(self, m: np.ndarray) -> tuple[float, float]:
        """The ceiling of Kendall's tau for one count of subjects."""
        from cortexsim.analysis.rsa.ranks import orders
        from cortexsim.analysis.rsa.tau import sampled_tau

        if (m > 0).sum() < 2 or not len(self.drawn.kept):
            return np.nan, np.nan
        labels, groups = np.unique(self.groups[m > 0], return_inverse=True)
        ranks, times = 0.5 * self.doubled[m > 0, :-1], m[m > 0]
        pools = np.zeros((len(labels) + 1, len(self.drawn.whole)))
        pools[0, self.drawn.kept] = times @ ranks
        for k in range(len(labels)):
            pools[k + 1, self.drawn.kept] = (times * (groups != k)) @ ranks
        table = np.empty((len(pools), len(times)))
        order, tied = self.data
        sampled_tau(*orders(pools), order[m > 0], tied[m > 0], self.drawn.whole, table)
        lower, upper = table[groups + 1, np.arange(len(times))], table[0]
        size = np.bincount(groups)
        low, high = (np.bincount(groups, x) / size for x in (lower, upper))
        return (float(low.mean()) if len(labels) > 1 else np.nan), float(high.mean())
