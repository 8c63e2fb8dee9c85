"""Cowley et al. 2023: 50 neurons of macaque V4, 640 images with repeats, and the images."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import numpy as np

from cortexsim.neural.benchmarks.content import Arrays
from cortexsim.neural.benchmarks.pieces import image, measured, stimulus_coords, words

if TYPE_CHECKING:
    import xarray


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """Spike counts of units of V4 in single trials, and what was shown.

    Parameters
    ----------
    files : dict of str to dict of str to array
        What the files say, by the name of the file.

    Returns
    -------
    xarray.Dataset
        With responses ``(repeat, stimulus, unit)``, NaN where there was no repeat, trials
        ``(stimulus,)`` and image.
    """
    import xarray

    counts = files["responses.npz"]["responses"].transpose(2, 1, 0).astype(np.float64)
    pictures = files["images.zip"]
    names = sorted(pictures, key=_number)
    coords = {
        **stimulus_coords(name.rpartition(".")[0] for name in names),
        "unit": words(f"unit_{k:02d}" for k in range(counts.shape[2])),
    }
    seen = np.isfinite(counts).any(2).sum(0).astype(np.int32)
    variables = {
        "responses": measured(
            ("repeat", "stimulus", "unit"),
            counts,
            "responses",
            units="spikes in a bin of 100 ms",
            species="macaque",
            area="V4",
        ),
        "trials": measured(
            ("stimulus",), seen, "count", units="trials", species="macaque", area="V4"
        ),
        "image": image(np.stack([_decoded(pictures[name]) for name in names])),
    }
    return xarray.Dataset(variables, coords)


def _number(name: str) -> int:
    """The number in the name of a picture, whose order is that of the responses."""
    return int(re.findall(r"\d+", name)[-1])


def _decoded(jpeg: np.ndarray) -> np.ndarray:
    """The pixels ``(y, x, 3)`` of a picture."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg.tobytes())) as picture:
        return np.asarray(picture.convert("RGB"))
