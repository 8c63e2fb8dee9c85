"""What the readout says of every image at every step, and where the image stands in it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from cortexsim.experiments.explorer.opened import Opened
from cortexsim.shapes import Float, Int

BLOCK = 64  # images in a blob
MOST = 10_000  # images that are ranked among each other


class Readout:
    """The answers of a recording that has some.

    Parameters
    ----------
    opened : Opened
        With a group ``readout``.
    beside : Readout, optional
        That of another recording, whose classes are followed where this one has them.
    """

    def __init__(self, opened: Opened, beside: Readout | None = None) -> None:
        self.beside = beside
        self.group = opened.group("readout").isel(stimulus=opened.index)
        self.populated = opened.populated("readout")
        self.classes = [str(c) for c in self.group["class"].values]
        self.labels = opened.text("label")

    @cached_property
    def logits(self) -> Float[np.ndarray, "image step class"]:
        """All of them; NaN at steps that are not populated."""
        return self.group.logits.values.astype(np.float32)

    def block(self, number: int) -> bytes:
        """Those of some images: float32 ``(image, step, class)``."""
        part = self.group.logits.isel(stimulus=slice(number * BLOCK, (number + 1) * BLOCK))
        return np.asarray(part.values, dtype="<f4").tobytes()

    @cached_property
    def followed(self) -> list[tuple[int, str]]:
        """Of each image the class whose rank is followed, and why.

        That of its label, or the last answer; of a second recording the same as of the first, so
        that the two can be compared.
        """
        last = np.flatnonzero(self.populated)[-1]
        answers = self.logits[:, last].argmax(-1)
        return [self._followed(k, int(answer)) for k, answer in enumerate(answers)]

    def _followed(self, image: int, answer: int) -> tuple[int, str]:
        """The same of one image, whose last answer is known."""
        if self.labels[image] in self.classes:
            return self.classes.index(self.labels[image]), "its label"
        if self.beside is not None:
            name = self.beside.classes[self.beside.followed[image][0]]
            if name in self.classes:
                return self.classes.index(name), "the last answer of A"
        return answer, "its last answer"

    def described(self) -> dict[str, Any]:
        """What the page is told: classes, what is followed, and the ranks."""
        followed = [k for k, _ in self.followed]
        class_rank, image_rank = ranks(self.logits, np.array(followed))
        return {
            "classes": self.classes,
            "populated": self.populated.tolist(),
            "block": BLOCK,
            "followed": followed,
            "why": [why for _, why in self.followed],
            "class_rank": class_rank.tolist(),
            "image_rank": image_rank.tolist(),
        }


def ranks(
    logits: Float[np.ndarray, "image step class"], followed: Int[np.ndarray, " image"]
) -> tuple[Int[np.ndarray, "image step"], Int[np.ndarray, "image step"]]:
    """Where an image stands by the probability of the class that is followed.

    Parameters
    ----------
    logits : array of shape (image, step, class)
        Of the readout; NaN at steps that are not populated.
    followed : array of int of shape (image,)
        Of each image, the class.

    Returns
    -------
    class_rank : array of int of shape (image, step)
        Of that class among the classes: 1 is the most probable; 0 where nothing is populated.
    image_rank : array of int of shape (image, step)
        Of the image among all images by the probability of that class: 1 has the largest.
        Equals share the better rank.

    Examples
    --------
    >>> logits = np.array([[[0.0, 1.0]], [[3.0, 0.0]], [[1.0, 0.0]]])
    >>> class_rank, image_rank = ranks(logits, np.array([1, 0, 1]))
    >>> class_rank[:, 0].tolist(), image_rank[:, 0].tolist()
    ([1, 1, 2], [1, 1, 2])
    """
    count, steps, _ = logits.shape
    class_rank, image_rank = (np.zeros((count, steps), dtype=np.int64) for _ in range(2))
    every = np.arange(count)
    for t in range(steps):
        x = logits[:, t].astype(np.float64)
        if np.isnan(x).any():
            continue
        mine = x[every, followed]
        class_rank[:, t] = 1 + (x > mine[:, None]).sum(1)
        p = np.exp(x - x.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        for k in np.unique(followed):
            of_class = followed == k
            larger = np.searchsorted(np.sort(-p[:, k]), -p[of_class, k], side="left")
            image_rank[of_class, t] = 1 + larger
    return class_rank, image_rank
