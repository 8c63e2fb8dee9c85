"""Cross-validation over stimuli: which are held out, which inner folds choose a penalty, which permutations are exchangeable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cortexsim.analysis.statistics.draws import whole_number
from cortexsim.errors import AnalysisError

SHUFFLES, HELD_OUT = (
    10,
    0.1,
)  # Brain-Score's: ten random splits, a tenth of the stimuli held out in each
LEAST_TEST = 3  # stimuli a fold, for a correlation over them


class Split(NamedTuple):
    """Indices of the stimuli of one split; nothing that is fitted sees those of ``test``. fold: of each training stimulus, for inner choices."""

    train: np.ndarray
    test: np.ndarray
    fold: np.ndarray

    def inner(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """(train, validation) positions within ``train``."""
        return [
            (np.flatnonzero(self.fold != k), np.flatnonzero(self.fold == k))
            for k in range(self.fold.max() + 1)
        ]


def k_folds(rng: np.random.Generator, groups: np.ndarray, folds: int) -> list[np.ndarray]:
    """Disjoint test sets that cover all stimuli once; groups (numbered from 0) stay together, each fold has equally many, give or take one."""
    count = int(groups.max()) + 1
    if folds < 2 or count < folds:
        raise AnalysisError(
            f"{folds} folds of {count} stimuli (or groups of them): give 2 to {max(count, 2)} folds"
        )
    fold = rng.permutation(np.arange(count) % folds)[groups]
    return [np.flatnonzero(fold == k) for k in range(folds)]


def shuffles(rng: np.random.Generator, groups: np.ndarray, folds: int) -> list[np.ndarray]:
    """Ten random test sets of a tenth of the stimuli (or groups), as Brain-Score draws them; they overlap. ``folds`` is not used."""
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
    scheme: str, groups: np.ndarray, folds: Any, inner_folds: Any, rng: np.random.Generator
) -> list[Split]:  # fmt: skip
    """The splits of a scheme, each with inner folds of its training stimuli; groups stay together in both.

    Raises AnalysisError for unknown schemes and for folds with fewer than 3 test stimuli or fewer than 2 inner groups.
    """
    if scheme not in SPLITS:
        raise AnalysisError(f"there is no splits={scheme!r}; choose from {', '.join(SPLITS)}")
    k, inner = whole_number(folds, "folds"), whole_number(inner_folds, "inner_folds")
    out = []
    for test in SPLITS[scheme](rng, groups, k):
        train = np.setdiff1d(np.arange(len(groups)), test)
        if len(test) < LEAST_TEST:
            raise AnalysisError(
                f"a split holds out {len(test)} of {len(groups)} stimuli, which give no correlation; at least {LEAST_TEST} are needed: "
                "give fewer folds or more stimuli"
            )
        inside = np.unique(groups[train], return_inverse=True)[1]
        if inner < 2 or inside.max() + 1 < inner:
            raise AnalysisError(
                f"inner_folds={inner} of {inside.max() + 1} training stimuli (or groups): give 2 to {inside.max() + 1}"
            )
        fold = rng.permutation(np.arange(inside.max() + 1) % inner)[inside]
        out.append(Split(train, test, fold))
    return out


def permutations_of(
    groups: np.ndarray, count: int, rng: np.random.Generator, blocks: np.ndarray | None = None
) -> np.ndarray:  # fmt: skip
    """``(permutation, stimulus)``: orders that are as likely as the given one if stimuli are exchangeable.

    Groups of stimuli move as wholes, among the groups of the same size; blocks: a number for each stimulus, across which nothing moves.
    AnalysisError if there is nothing to exchange.
    """
    members = [np.flatnonzero(groups == g) for g in range(groups.max() + 1)]
    block = np.zeros(len(groups), dtype=np.int64) if blocks is None else blocks
    kind = np.unique([(len(m), block[m[0]]) for m in members], axis=0, return_inverse=True)[
        1
    ].ravel()
    if count and (np.bincount(kind) < 2).all():
        raise AnalysisError("no two groups of one fold have the same size, so none can be exchanged; give permutations=0")  # fmt: skip
    out = np.empty((count, len(groups)), dtype=np.int64)
    for row in out:
        for k in range(kind.max() + 1):
            those = np.flatnonzero(kind == k)
            for to, source in zip(those, rng.permutation(those)):
                row[members[to]] = members[source]
    return out
