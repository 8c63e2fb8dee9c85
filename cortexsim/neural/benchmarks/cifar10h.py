"""Peterson et al. 2019: how people label the test images of CIFAR-10."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cortexsim.neural.benchmarks.content import Arrays
from cortexsim.neural.benchmarks.pieces import measured, stimulus_coords, words
from cortexsim.stimuli.cifar import CLASSES

if TYPE_CHECKING:
    import xarray


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """How often people gave each label to each of the CIFAR-10 test images.

    Parameters
    ----------
    files : dict of str to dict of str to array
        What the files say, by the name of the file.

    Returns
    -------
    xarray.Dataset
        With counts and probability ``(stimulus, class)``.
    """
    import xarray

    counts, shares = (files[f"cifar10h-{name}.npy"][""] for name in ("counts", "probs"))
    # The ids of stimuli.images.load_stimuli("cifar10").
    coords = {
        **stimulus_coords(f"test-{k:05d}" for k in range(len(counts))),
        "class": words(CLASSES),
    }
    dims = ("stimulus", "class")
    variables = {
        "counts": measured(dims, counts, "behaviour", units="answers", species="human"),
        "probability": measured(
            dims,
            shares.astype(np.float64),
            "behaviour",
            units="proportion of answers",
            species="human",
        ),
    }
    return xarray.Dataset(variables, coords)
