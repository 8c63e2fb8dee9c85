"""Cichy, Pantazis & Oliva 2014: fMRI RDMs of 15 people for the 92 images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortexsim.neural.benchmarks.content import Arrays
from cortexsim.neural.benchmarks.kriegeskorte92 import IDS, PEARSON
from cortexsim.neural.benchmarks.pieces import rdm, stimulus_coords, words
from cortexsim.neural.layout import pair_coords

if TYPE_CHECKING:
    import xarray


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """RDMs of early visual and inferior temporal cortex of 15 people.

    Parameters
    ----------
    files : dict of str to dict of str to array
        What the files say, by the name of the file.

    Returns
    -------
    xarray.Dataset
        With EVC and IT ``(subject, pair)``.
    """
    import xarray

    squares = {area: files[f"92images_fmri_{area}_RDMs.npz"]["Net_RDM"] for area in ("EVC", "IT")}
    coords = {
        **stimulus_coords(IDS),
        **pair_coords(IDS),
        "subject": words(f"{k:02d}" for k in range(1, len(squares["IT"]) + 1)),
    }
    return xarray.Dataset(
        {
            area: rdm(values, ("subject",), area=area, species="human", measure=PEARSON)
            for area, values in squares.items()
        },
        coords,
    )
