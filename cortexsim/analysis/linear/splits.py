"""Cross-validation over stimuli: what is held out, inner folds, exchangeable permutations."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.shapes import Int

SHUFFLES = 10  # Brain-Score's: ten random splits,
HELD_OUT = 0.1  # a tenth of the stimuli held out in each
LEAST_TEST = 3  # stimuli a fold, for a correlation over them


class Split(NamedTuple):
    """One split of the stimuli; nothing that is fitted sees those of ``test``.

    Parameters
    ----------
    train : array of int
        Indices of the training stimuli.
    test : array of int
        Indices of the stimuli that are held out.
    fold : array of int, as long as ``train``
        The inner fold of each training stimulus, for choices within the training stimuli.
    """

    train: np.ndarray
    test: np.ndarray
    fold: np.ndarray

    def inner(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """(train, validation) positions within ``train``."""
        return [
            (np.flatnonzero(self.fold != k), np.flatnonzero(self.fold == k))
            for k in range(self.fold.max() + 1)
        ]


def k_folds(
    rng: np.random.Generator, groups: Int[np.ndarray, " stimulus"], folds: int
) -> list[np.ndarray]:
    """Disjoint test sets that cover all stimuli once.

    Groups (numbered from 0) stay together; each fold has equally many, give or take one.
    """
    count = int(groups.max()) + 1
    if count < folds:
        raise AnalysisError(
            f"{folds} folds of {count} stimuli (or groups of them): give 2 to {max(count, 2)} folds"
        )
    fold = rng.permutation(np.arange(count) % folds)[groups]
    return [np.flatnonzero(fold == k) for k in range(folds)]


def shuffles(
    rng: np.random.Generator, groups: Int[np.ndarray, " stimulus"], folds: int
) -> list[np.ndarray]:
    """Ten random test sets of a tenth of the stimuli (or groups), as Brain-Score draws them.

    They overlap. ``folds`` is not used.
    """
    count = int(groups.max()) + 1
    size = int(np.ceil(HELD_OUT * count))
    if count < 2:
        raise AnalysisError("all stimuli are in one group, of which nothing can be held out")
    return [np.flatnonzero(np.isin(groups, rng.permutation(count)[:size])) for _ in range(SHUFFLES)]


SPLITS: dict[str, Callable[[np.random.Generator, np.ndarray, int], list[np.ndarray]]] = {
    "folds": k_folds,
    "shuffle": shuffles,
}


def splits_of(
    scheme: str,
    groups: Int[np.ndarray, " stimulus"],
    folds: int,
    *,
    inner_folds: int,
    rng: np.random.Generator,
) -> list[Split]:
    """The splits of a scheme, each with inner folds of its training stimuli.

    Parameters
    ----------
    scheme : str
        A key of ``SPLITS``.
    groups : array of shape (stimulus,)
        Groups, numbered from 0, that stay together in outer and inner folds.
    folds : int
        How many outer folds.
    inner_folds : int
        How many within the training stimuli.
    rng : numpy.random.Generator
        What they are drawn from.

    Returns
    -------
    list of Split
        One a test set.

    Raises
    ------
    AnalysisError
        For more folds than groups, and folds with fewer than 3 test stimuli or fewer groups of
        training stimuli than inner folds.
    """
    splits = []
    for test in SPLITS[scheme](rng, groups, folds):
        train = np.setdiff1d(np.arange(len(groups)), test)
        if len(test) < LEAST_TEST:
            raise AnalysisError(
                f"a split holds out {len(test)} of {len(groups)} stimuli, which give no "
                f"correlation; at least {LEAST_TEST} are needed: give fewer folds or more stimuli"
            )
        inside = np.unique(groups[train], return_inverse=True)[1]
        if inside.max() + 1 < inner_folds:
            raise AnalysisError(
                f"inner_folds={inner_folds} of {inside.max() + 1} training stimuli (or groups): "
                f"give 2 to {inside.max() + 1}"
            )
        fold = rng.permutation(np.arange(inside.max() + 1) % inner_folds)[inside]
        splits.append(Split(train, test, fold))
    return splits


def permutations_of(
    groups: Int[np.ndarray, " stimulus"],
    count: int,
    rng: np.random.Generator,
    blocks: Int[np.ndarray, " stimulus"] | None = None,
) -> Int[np.ndarray, "permutation stimulus"]:
    """Orders of the stimuli that are as likely as their own if stimuli are exchangeable.

    Groups of stimuli move as wholes, among the groups of the same size; ``blocks`` are numbers
    across which nothing moves. AnalysisError if there is nothing to exchange.
    """
    members = [np.flatnonzero(groups == g) for g in range(groups.max() + 1)]
    block = np.zeros(len(groups), dtype=np.int64) if blocks is None else blocks
    sizes = [(len(m), block[m[0]]) for m in members]
    kind = np.unique(sizes, axis=0, return_inverse=True)[1].ravel()
    if count and (np.bincount(kind) < 2).all():
        raise AnalysisError(
            "no two groups of one fold have the same size, so none can be exchanged; give "
            "permutations=0"
        )
    orders = np.empty((count, len(groups)), dtype=np.int64)
    for row in orders:
        for k in range(kind.max() + 1):
            alike = np.flatnonzero(kind == k)
            for target, source in zip(alike, rng.permutation(alike)):
                row[members[target]] = members[source]
    return orders
