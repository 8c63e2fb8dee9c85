"""Answers of people to images, checked against a network's, and their random halves."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.analysis.behavior.answers import Answers
from cortexsim.errors import AnalysisError
from cortexsim.ids import align
from cortexsim.labelled.arrays import labelled
from cortexsim.shapes import Int

CLASSES = ("the classes of the people", "the classes of the network")

MOST_ANSWERS = 100_000_000
"""To one image: what can be drawn from."""


def people_of(people: Any, answers: Answers, *, whole: bool = False) -> np.ndarray:
    """Answers of people ``(stimulus, class)``, checked, in the order of the network's.

    Stimuli are joined by their ids, classes by their names, where both sides have them. whole: they
    must be counts, to be split.
    """
    stated = labelled(people, "answers of people", dims=("stimulus", "class"))
    stated = stated.like(answers.items)
    h, shape = stated.values, answers.probability.shape
    if h.shape != (shape[0], shape[2]):
        raise AnalysisError(
            f"the answers of people have shape {h.shape}, those of the network {shape}; (stimulus, "
            "class) of the same ones is needed"
        )
    if "class" in stated.coords and answers.named:
        h = h[:, align(stated.coords["class"], answers.classes, what=CLASSES)]
    if whole and (not np.isfinite(h).all() or (h % 1 != 0).any()):
        raise AnalysisError(
            "counts of answers, whole numbers, are needed, to be split in halves; found others"
        )
    if whole and h.sum(1).max() > MOST_ANSWERS:
        raise AnalysisError(
            f"an image has {h.sum(1).max():.3g} answers, more than {MOST_ANSWERS:,}; give counts, "
            "not counts times something"
        )
    least = 2 if whole else 1e-12
    if not np.isfinite(h).all() or (h < 0).any() or (h.sum(1) < least).any():
        raise AnalysisError(
            "every image needs answers of people (two or more, to be split), none of them negative"
        )
    return h.astype(np.int64) if whole else h


def split_answers(
    counts: Int[np.ndarray, "stimulus class"], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The answers to each image in two random halves; of an odd number one half has one more.

    >>> a, b = split_answers(np.array([[10, 4], [0, 5]]), np.random.default_rng(0))
    >>> (a + b).tolist(), a.sum(1).tolist()
    ([[10, 4], [0, 5]], [7, 2])
    """
    left, wanted = counts.sum(1), counts.sum(1) // 2
    half = np.zeros_like(counts)
    # The multivariate hypergeometric distribution, one class after the other.
    for c in range(counts.shape[1]):
        left = left - counts[:, c]
        half[:, c] = rng.hypergeometric(counts[:, c], left, wanted)
        wanted = wanted - half[:, c]
    return half, counts - half
