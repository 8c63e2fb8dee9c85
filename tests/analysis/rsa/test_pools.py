"""Noise ceilings of ranked sums of ranks, against ranks of scipy of everything written out."""

import numpy as np
import pytest
import scipy.stats

from cortexsim.analysis.rsa.pools import pool_ceilings
from cortexsim.analysis.rsa.ranks import drawn_ranks, orders, weigh


def resample(rng, rows, entries, *, levels, heaviest):
    """Doubled ranks, weighted ranks, lengths and weights of the entries drawn."""
    rdms = rng.random((rows, entries)) + rng.random(entries)
    if levels:
        rdms = np.floor(levels * rdms / 2)
    weight = rng.integers(0, heaviest + 1, entries).astype(np.int32)
    kept = np.flatnonzero(weight)
    place = np.full(entries, len(kept), np.int32)
    place[kept] = np.arange(len(kept))
    doubled = np.empty((rows, len(kept) + 1), np.int32)
    drawn_ranks(*orders(rdms), weight, place, doubled)
    weighted, lengths = np.empty((rows, len(kept))), np.empty(rows)
    weigh(doubled, weight[kept].astype(float), weighted, lengths)
    return rdms, weight, (doubled, weighted, lengths, weight[kept])


def written_out(rdms, weight, draw, labels, *, fixed):
    """(lower, upper): every copy of an entry written out, ranks of scipy, one group at a time."""
    ranks = scipy.stats.rankdata(np.repeat(rdms, weight, axis=1), axis=1)

    def alike(row, pool):
        x, y = ranks[row], scipy.stats.rankdata(pool)
        if fixed:
            return fixed * (x - x.mean()) @ (y - y.mean())
        return np.nan if np.ptp(x) == 0 or np.ptp(y) == 0 else np.corrcoef(x, y)[0, 1]

    lower, upper = [], []
    for label in np.unique(labels[draw > 0]):
        inside = np.flatnonzero((labels == label) & (draw > 0))
        others = (draw * (labels != label)) @ ranks
        lower.append(np.mean([alike(r, others) for r in inside]))
        upper.append(np.mean([alike(r, draw @ ranks) for r in inside]))
    return (np.mean(lower) if len(lower) > 1 else np.nan), np.mean(upper)


@pytest.mark.parametrize("fixed", [0.0, 1e-6])
@pytest.mark.parametrize("whole_numbers", [np.int32, np.int64])
@pytest.mark.parametrize(
    ("rows", "entries", "levels", "heaviest"),
    [
        (5, 40, None, 3),
        (5, 40, 2, 3),  # nearly all entries tie
        (2, 30, None, 1),  # sums of two rows, whose ties are many
        (9, 300, 30, 4),
        pytest.param(6, 500, None, 3000, marks=pytest.mark.slow),  # sums of more than two digits
    ],
)
def test_ceilings_of_ranked_sums_are_those_of_scipy_ties_and_groups_included(
    fixed, whole_numbers, rows, entries, levels, heaviest
):
    rng = np.random.default_rng(rows + entries)
    rdms, weight, parts = resample(rng, rows, entries, levels=levels, heaviest=heaviest)
    doubled, weighted, lengths, drawn = parts
    draws = np.array(
        [np.ones(rows, int)]
        + [np.bincount(rng.integers(0, rows, rows), minlength=rows) for _ in range(3)]
    )
    for labels in (np.arange(rows), np.arange(rows) // 2, np.zeros(rows, int)):
        bounds = np.empty((len(draws), 2))
        sums = np.empty((2, len(drawn)), whole_numbers)
        pool_ceilings(doubled, weighted, lengths, draws, labels, drawn, fixed, sums, bounds)
        for draw, found in zip(draws, bounds, strict=True):
            expected = (
                written_out(rdms, weight, draw, labels, fixed=fixed)
                if (draw > 0).sum() > 1
                else (np.nan, np.nan)
            )
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
