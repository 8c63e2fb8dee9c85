"""A table of images from whatever a caller has: paths, pictures, pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import StimulusError
from cortexsim.models.pictures import pixels_of
from cortexsim.stimuli.images import Stimuli, load_stimuli


def stimuli_of(images: Any, *, labels: Sequence[object] | None = None) -> Stimuli:
    """The images as a table, in their order.

    Parameters
    ----------
    images
        A table (returned as it is), or what names one for :func:`load_stimuli` (a folder, a .csv,
        an .npz, ``"sample"``, ``"cifar10"``); a benchmark with images (``neural.load(...)``),
        whose ids are those of its responses; a sequence of paths, of PIL images or of arrays
        ``(y, x, 3)`` uint8; or one array ``(n, y, x, 3)`` uint8.
    labels
        One for each image; default none. Of a table or benchmark: its own.

    Returns
    -------
    The table; ids are the paths as they were given, or ``image-00000``, ``image-00001``, ...

    Raises
    ------
    StimulusError
        For what is none of these.

    >>> stimuli_of(np.zeros((2, 8, 8, 3), np.uint8)).ids
    ('image-00000', 'image-00001')
    """
    if isinstance(images, Stimuli):
        return images
    if isinstance(images, str | Path):
        return load_stimuli(str(images))
    if hasattr(images, "data_vars"):
        return _of_benchmark(images)
    if not hasattr(images, "__iter__"):
        raise StimulusError(
            f"the images are {str(images)[:60]!r}; give a folder, paths, uint8 arrays (image, y, "
            "x, 3), or a data set with images"
        )
    rows = list(images)
    named = [str(label) for label in labels] if labels is not None else [""] * len(rows)
    if rows and all(isinstance(row, str | Path) for row in rows):
        return Stimuli("paths", tuple(map(str, rows)), tuple(named), [Path(row) for row in rows])
    if not rows:
        raise StimulusError("there are no images; give at least one")
    pixels = pixels_of(rows)
    if len({p.shape for p in pixels}) > 1:
        raise StimulusError(
            "images held in memory must have one size; found "
            + ", ".join(sorted({f"{p.shape[0]} x {p.shape[1]}" for p in pixels})[:5])
            + ". Give paths, which may differ, or resize them"
        )
    ids = tuple(f"image-{k:05d}" for k in range(len(pixels)))
    return Stimuli("images", ids, tuple(named), np.stack(pixels))


def _of_benchmark(brain: Any) -> Stimuli:
    """The images of a data set ``(stimulus, y, x, channel)``, with the ids of its responses."""
    name = str(brain.attrs.get("name", "the data set"))
    if "image" not in brain or brain.image.dims[0] != "stimulus" or "stimulus_id" not in brain:
        raise StimulusError(
            f"{name} comes without the images of its stimuli (it holds "
            f"{', '.join(map(str, brain.data_vars))}), so they cannot be shown to a network"
        )
    ids = tuple(map(str, brain.stimulus_id.values))
    labels = tuple(map(str, brain.label.values)) if "label" in brain else ("",) * len(ids)
    return Stimuli(name, ids, labels, brain.image.values)
