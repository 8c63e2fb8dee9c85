"""What a mask does to the states of a network: how far each moves, step by step.

Three measures of each state at each step, between the masked and the unmasked presentation of the
same images: cosine distance, distance between RDMs, and what a linear decoder trained on unmasked
images still reads. Exactly no difference until the mask can have arrived is the built-in null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from cortexsim.analysis.evaluation.bootstrap import Resampler
from cortexsim.analysis.rsa.comparators import COMPARATORS
from cortexsim.analysis.rsa.rdm import rdms
from cortexsim.analysis.statistics.draws import draw
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.pvalues import monte_carlo_p, null_high
from cortexsim.errors import AnalysisError
from cortexsim.recording.keep import Reducer, reducer
from cortexsim.shapes import Float

if TYPE_CHECKING:
    from cortexsim.experiments.mask.design import Design
    from cortexsim.models.memory import States
    from cortexsim.models.protocol import Unrolls

RESAMPLES = 200  # of the stimuli of RDMs
COMPARATOR = "spearman"
FOLDS = 2
ESTIMATOR = "ridge"


def cosine_distance(
    a: Float[Tensor, "stimulus feature"], b: Float[Tensor, "stimulus feature"]
) -> Tensor:
    """1 - a.b / (|a| |b|) of each row; 1 where one of two is zero.

    Computed as |a/|a| - b/|b||^2 / 2, which is exactly 0 for equal rows.

    Parameters
    ----------
    a : Tensor of shape (stimulus, feature)
        Patterns.
    b : Tensor of shape (stimulus, feature)
        Other patterns of the same stimuli.

    Returns
    -------
    Tensor of shape (stimulus,)

    Examples
    --------
    >>> cosine_distance(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]]))
    tensor([1.])
    """
    unit_a, unit_b = (x / x.norm(dim=1, keepdim=True).clamp_min(1e-30) for x in (a, b))
    distance = (unit_a - unit_b).square().sum(1) / 2
    one_empty = (a.norm(dim=1) == 0) != (b.norm(dim=1) == 0)
    return torch.where(one_empty, torch.ones_like(distance), distance)


class Disruption:
    """Collects the measures of one network while it runs.

    All arrays are NaN where a state is empty under one of the two presentations. cosine ``(mask,
    soa, state, step, stimulus)``: masked from unmasked. other ``(soa, state, step, stimulus)``:
    unmasked from the unmasked next stimulus of the batch, the scale: that far are different images.
    If ``thorough``: rdm ``(mask, soa, state, step)`` = 1 - r of RDMs, with rdm_interval ``(2,
    ...)``; and the features that ``decoded`` reads.

    Parameters
    ----------
    net : Unrolls
        Whose states are watched.
    design : Design
        What is shown.
    labels : ndarray
        ``(stimulus,)``: the class of each.
    n : int
        Stimuli.
    thorough : bool
        Whether to compare RDMs and to decode, too.
    """

    def __init__(
        self, net: Unrolls, design: Design, labels: np.ndarray, *, n: int, thorough: bool
    ) -> None:
        self.design, self.labels = design, labels
        self.states = list(net.state_names)
        frames = (len(design.soa_ms), len(self.states), design.steps)
        self.cosine = np.full((len(design.masks), *frames, n), np.nan, np.float32)
        self.other = np.full((*frames, n), np.nan, np.float32)
        self.compared = min(design.compared, n) if thorough else 0
        self.decoding = min(design.decoded, n) if thorough else 0
        if self.decoding:
            _check_classes(labels[: self.decoding])  # now, and not when everything has been run
        self.rdm = np.full((len(design.masks), *frames), np.nan)
        self.rdm_interval = np.full((2, len(design.masks), *frames), np.nan)
        # (condition, soa, state, step) -> (stimulus, unit).
        self.features: dict[tuple[int, int, int, int], np.ndarray] = {}
        self._reducers: dict[int, Reducer] = {}
        rng = np.random.default_rng([design.seed, 1])
        self.counts = (
            draw(rng, RESAMPLES, np.arange(self.compared), True, "stimulus")
            if self.compared
            else np.empty((0, 0))
        )

    def add(self, soa: int, step: int, conditions: list[States], batch: slice) -> None:
        """The states of a batch at one step, under no mask and each mask."""
        for k, name in enumerate(self.states):
            present = [c[name].flatten(1) if name in c else None for c in conditions]
            plain, masked = present[0], present[1:]
            if plain is not None:
                self.other[soa, k, step - 1, batch] = (
                    cosine_distance(plain, plain.roll(1, 0)).cpu().numpy()
                )
                for m, x in enumerate(masked):
                    if x is not None:
                        self.cosine[m, soa, k, step - 1, batch] = (
                            cosine_distance(plain, x).cpu().numpy()
                        )
                if batch.start == 0 and self.compared:
                    self._rdms(soa, k, step, plain=plain, masked=masked)
            if batch.start < self.decoding:
                for c, states in enumerate(conditions):
                    if name in states:
                        self._keep((c, soa, k, step), states[name], batch)

    def _rdms(
        self, soa: int, state: int, step: int, *, plain: Tensor, masked: list[Tensor | None]
    ) -> None:
        """1 - Spearman correlation of RDMs (correlation distance), with percentiles."""
        populated = [m for m, x in enumerate(masked) if x is not None]
        kept = [plain] + [x for x in masked if x is not None]
        if not populated:
            return
        vectors = np.stack([rdms(x[: self.compared].float().cpu().numpy()) for x in kept]).astype(
            np.float64
        )
        differs = np.array([(v != vectors[0]).any() for v in vectors[1:]])
        far, bounds = np.zeros(len(populated)), np.zeros((2, len(populated)))
        if differs.any():
            similarity = Resampler(vectors[1:][differs], vectors[:1], COMPARATORS[COMPARATOR])
            far[differs] = (
                1 - similarity(np.ones((1, self.compared), np.int64), []).similarity[0, :, 0]
            )
            bounds[:, differs] = percentile_interval(
                1 - similarity(self.counts, []).similarity[..., 0]
            )
        self.rdm[populated, soa, state, step - 1] = far
        self.rdm_interval[:, populated, soa, state, step - 1] = bounds

    def _keep(self, key: tuple[int, int, int, int], maps: Tensor, batch: slice) -> None:
        """Random projections of a batch."""
        state = key[2]
        if state not in self._reducers:
            shape = tuple(maps.shape[1:])
            wanted = min(self.design.units, int(np.prod(shape)))
            self._reducers[state] = reducer(
                f"project:{wanted}",
                shape,  # type: ignore[arg-type]
                seed=self.design.seed,
                state=state,
            )
        values = self._reducers[state].apply(maps).cpu().numpy()
        stop = min(batch.stop, self.decoding)
        held = self.features.setdefault(key, np.empty((self.decoding, values.shape[1]), np.float32))
        held[batch.start : stop] = values[: stop - batch.start]

    def decoded(self, n: int, permutations: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """What a ridge classifier trained on the unmasked presentation reads of every presentation.

        It is trained at the same SOA, state and step, on other stimuli. The null permutes the
        labels of the tested stimuli within folds, fits held: exact, for classifiers saw other
        stimuli.

        Parameters
        ----------
        n : int
            Resamples of stimuli.
        permutations : int
            Of labels.
        rng : Generator
            Of folds, resamples and permutations.

        Returns
        -------
        dict of str to ndarray
            Arrays ``(condition, soa, state, step)``: accuracy, null_high (95 % of permutations), p;
            interval ``(2, ...)``; guess ``(..., stimulus)``. Empty without features.
        """
        if not self.features:
            return {}
        labels = self.labels[: self.decoding]
        fold = _folds(labels, rng)
        counts = draw(rng, n, np.arange(len(labels)), True, "stimulus")
        order = np.stack([_within(fold, rng) for _ in range(permutations)])
        shape = (
            len(self.design.conditions),
            len(self.design.soa_ms),
            len(self.states),
            self.design.steps,
        )
        out = {k: np.full(shape, np.nan) for k in ("accuracy", "null_high", "p")} | {
            "interval": np.full((2, *shape), np.nan)
        }
        out["guess"] = np.full((*shape, len(labels)), -1, np.int16)
        for _, soa, state, step in (k for k in self.features if k[0] == 0):
            guesses = self._guesses((soa, state, step), labels, fold)
            for c, said in guesses.items():
                at, right = (c, soa, state, step - 1), said == labels
                out["accuracy"][at], out["guess"][at] = right.mean(), said
                drawn = counts @ right / len(labels)
                out["interval"][(slice(None), *at)] = percentile_interval(drawn)
                null = (said == labels[order]).mean(1)
                out["null_high"][at] = null_high(null, 0.95)
                out["p"][at] = monte_carlo_p(right.mean(), null)
        return out

    def _guesses(
        self, frame: tuple[int, int, int], labels: np.ndarray, fold: np.ndarray
    ) -> dict[int, np.ndarray]:
        """Of each condition: the class that the classifier of the other fold says."""
        from cortexsim.analysis.linear.classifiers import ridge_guesses

        shown = [c for c in range(len(self.design.conditions)) if (c, *frame) in self.features]
        guesses = {c: np.empty(len(labels), np.int64) for c in shown}
        classes, numbers = np.unique(labels, return_inverse=True)
        plain = self.features[(0, *frame)].astype(np.float64)
        for k in range(FOLDS):
            train, test = fold != k, fold == k
            mean, scale = plain[train].mean(0), plain[train].std(0)
            scaled = {
                c: (self.features[(c, *frame)] - mean) / np.where(scale > 0, scale, 1)
                for c in shown
            }
            tests = {(c, 0): x[test] for c, x in scaled.items()}
            for (c, _), said in ridge_guesses(
                scaled[0][train], numbers[None, train], tests
            ).items():
                guesses[c][test] = classes[said[0]]
        return guesses


def _check_classes(labels: np.ndarray) -> None:
    """AnalysisError where a class cannot be in every fold."""
    few = np.unique(labels, return_counts=True)[1].min()
    if few < FOLDS or len(np.unique(labels)) < 2:
        raise AnalysisError(
            f"decoding needs {FOLDS} stimuli or more of each of at least 2 classes; the smallest "
            f"has {few} among the first {len(labels)}: show more stimuli, or leave decoding out "
            "(--decoded 0)"
        )


def _folds(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The fold of each stimulus, stratified by label."""
    _check_classes(labels)
    fold = np.empty(len(labels), np.int64)
    for c in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == c))
        fold[own] = np.arange(len(own)) % FOLDS
    return fold


def _within(fold: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A permutation that keeps every stimulus in its fold."""
    order = np.arange(len(fold))
    for k in range(FOLDS):
        own = np.flatnonzero(fold == k)
        order[own] = rng.permutation(own)
    return order
