"""Tang et al. 2018: which occluded objects people recognise, by presentation time and with or without a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cortexsim.neural.benchmarks.download import Arrays
from cortexsim.neural.benchmarks.loading import image, measured, words

if TYPE_CHECKING:
    import xarray

CATEGORIES = np.array(
    ["animals", "chairs", "faces", "fruits", "vehicles"], dtype=object
)  # 1 to 5 in the source
OBJECTS = 325
BUBBLES = 10
CHANCE = 0.2


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """A table of trials: correct, rt_ms and response, with experiment, subject, stimulus_id, soa_ms and masked; example images."""
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
        # Said to be 1 for partial images and 0 for images behind an occluder; nothing in the source tells which is which.
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
    where = "linear MATLAB index of the centre (from 1, by columns) in 256 x 256 pixels, Gaussian of 14 pixels"
    response = CATEGORIES[trials.whole("response_category") - 1]
    variables = {
        "correct": _behaviour(trials.whole("correct") == 1, "true or false; chance 0.2"),
        "rt_ms": _behaviour(1000 * trials.number("reaction_times"), "ms"),
        "response": _behaviour(response, "category"),
        "bubble": measured(("trial", "window"), place, "stimulus", where, species="human"),
        "image": image(files["stimuli_occluded_example_325.npz"]["img"][..., None], "example"),
    }
    return xarray.Dataset(variables, coords)


def _behaviour(values: np.ndarray, units: str) -> tuple:
    return measured(("trial",), values, "behaviour", units, species="human")


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
