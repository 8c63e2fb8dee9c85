"""Tang et al. 2018: which occluded objects people recognise, by presentation time and with or
without a mask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cortexsim.neural.benchmarks.content import Arrays
from cortexsim.neural.benchmarks.pieces import behaviour_of_trials, image, measured, words

if TYPE_CHECKING:
    import xarray

# 1 to 5 in the source.
CATEGORIES = np.array(["animals", "chairs", "faces", "fruits", "vehicles"], dtype=object)
OBJECTS = 325
BUBBLES = 10
CHANCE = 0.2


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """A table of trials, and example images.

    Parameters
    ----------
    files : dict of str to dict of str to array
        What the files say, by the name of the file.

    Returns
    -------
    xarray.Dataset
        With correct, rt_ms and response ``(trial,)``; experiment, subject, stimulus_id, soa_ms and
        masked of each; image.
    """
    import xarray

    trials = _Trials([files["exp1_v2.csv.gz"], files["exp2_v3.csv.gz"]])
    coords = {
        "experiment": ("trial", np.repeat([1, 2], trials.counts)),
        "subject": ("trial", words(trials.whole("subject"))),
        "stimulus_id": ("trial", words(f"object_{k:03d}" for k in trials.whole("pres"))),
        "label": ("trial", CATEGORIES[trials.whole("truth") - 1]),
        "soa_ms": ("trial", trials.number("soa_ms"), {"units": "ms, nominal"}),
        "soa_measured_ms": ("trial", trials.number("VBLsoa"), {"units": "ms, measured"}),
        "masked": ("trial", trials.whole("masked") == 1),
        "whole": ("trial", trials.number("occluded") == 0),
        # Said to be 1 for partial images and 0 for images behind an occluder; nothing in the source
        # tells which is which.
        "partial": (
            "trial",
            trials.number("partial"),
            {"units": "flag of the source, meaning not documented; NaN in experiment 1"},
        ),
        "hidden_percent": (
            "trial",
            trials.number("black"),
            {"units": "% of the object; NaN where not stated"},
        ),
        "bubbles": ("trial", trials.whole("nbubbles"), {"units": "visible windows"}),
        "example_id": ("example", words(f"object_{k:03d}" for k in range(1, OBJECTS + 1))),
    }
    place = np.stack([trials.whole(f"bubble_{k}") for k in range(BUBBLES)], axis=1)
    where = (
        "linear MATLAB index of the centre (from 1, by columns) in 256 x 256 pixels, Gaussian of "
        "14 pixels"
    )
    response = CATEGORIES[trials.whole("response_category") - 1]
    variables = {
        "correct": behaviour_of_trials(trials.whole("correct") == 1, "true or false; chance 0.2"),
        "rt_ms": behaviour_of_trials(1000 * trials.number("reaction_times"), "ms"),
        "response": behaviour_of_trials(response, "category"),
        "bubble": measured(("trial", "window"), place, "stimulus", units=where, species="human"),
        "image": image(files["stimuli_occluded_example_325.npz"]["img"][..., None], "example"),
    }
    return xarray.Dataset(variables, coords)


class _Trials:
    """The tables of both experiments as one; a column that one of them lacks is NaN there."""

    def __init__(self, tables: list[Arrays]) -> None:
        self.tables = tables
        self.counts = [len(t["pres"]) for t in tables]

    def number(self, name: str) -> np.ndarray:
        pairs = zip(self.tables, self.counts)
        return np.concatenate(
            [t[name].astype(np.float64) if name in t else np.full(n, np.nan) for t, n in pairs]
        )

    def whole(self, name: str) -> np.ndarray:
        """Whole numbers, of which none may be absent."""
        return np.concatenate([t[name].astype(np.int64) for t in self.tables])
