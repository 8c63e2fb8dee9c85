"""Kumbhar et al. 2021: what people say of CIFAR-10 images when the answer is due at a deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cortexsim.neural.benchmarks.content import Arrays
from cortexsim.neural.benchmarks.pieces import behaviour_of_trials, words

if TYPE_CHECKING:
    import xarray


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """A table of trials.

    Parameters
    ----------
    files : dict of str to dict of str to array
        What the files say, by the name of the file.

    Returns
    -------
    xarray.Dataset
        With response, correct and rt_ms ``(trial,)``; study, subject, deadline_ms, level of the
        manipulation, label and image of each.
    """
    import xarray

    table = files["trials.csv.gz"]
    times = np.array([float(t) if t else np.nan for t in table["rt_ms"]])
    coords = {
        "study": ("trial", table["study"]),
        "subject": ("trial", table["subject"]),
        "deadline_ms": (
            "trial",
            table["deadline_ms"].astype(np.float64),
            {"units": "ms after stimulus onset, when a beep asked for the answer"},
        ),
        "level": (
            "trial",
            table["level"].astype(np.float64),
            {"units": "noise: s.d. of the noise; blur: pixels; color: 0 or 1, not said which"},
        ),
        "stimulus_id": (
            "trial",
            words(
                f"{s}_{c}_{i}" for s, c, i in zip(table["study"], table["category"], table["image"])
            ),
        ),
        "label": ("trial", table["category"]),
        "number": ("trial", table["trial"].astype(np.int64), {"units": "trial of the block"}),
        "ended_on": ("trial", table["ended_on"]),
    }
    variables = {
        "response": behaviour_of_trials(table["response"], "category; empty: none in time"),
        "correct": behaviour_of_trials(
            (table["response"] == table["category"]).astype(bool), "true or false; chance 0.1"
        ),
        "rt_ms": behaviour_of_trials(times, "ms after stimulus onset, of the timeout if none"),
    }
    return xarray.Dataset(variables, coords)
