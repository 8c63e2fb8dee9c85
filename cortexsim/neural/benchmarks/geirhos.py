"""Geirhos et al. 2018, 2019, 2021: what people see in degraded images, trial by trial."""

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
        With response, correct and rt_ms ``(trial,)``; experiment, condition (the level), subject,
        stimulus_id and label of each.
    """
    import xarray

    table = files["human_trials.csv.gz"]
    times = np.array([float(t) if t else np.nan for t in table["rt"]])  # seconds in the source
    correct = table["object_response"] == table["category"]
    coords = {
        "experiment": ("trial", table["experiment"]),
        "condition": (
            "trial",
            table["condition"],
            {"units": "level of degradation, as in the source"},
        ),
        "subject": ("trial", table["subj"]),
        "session": ("trial", table["session"].astype(np.int64)),
        "number": ("trial", table["trial"].astype(np.int64), {"units": "trial of the session"}),
        "stimulus_id": ("trial", words(table["imagename"])),
        "label": ("trial", table["category"]),
    }
    variables = {
        "response": behaviour_of_trials(
            table["object_response"], "category; na where there was none"
        ),
        "correct": behaviour_of_trials(correct.astype(bool), "true or false; chance 1/16"),
        "rt_ms": behaviour_of_trials(1000 * times, "ms; NaN where there was no response"),
    }
    return xarray.Dataset(variables, coords)
