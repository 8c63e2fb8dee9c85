"""Geirhos et al. 2018, 2019, 2021: what people see in degraded images, trial by trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cortexsim.neural.benchmarks.download import Arrays
from cortexsim.neural.benchmarks.loading import measured, words

if TYPE_CHECKING:
    import xarray


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """A table of trials: response, correct and rt_ms, with experiment, condition (the level), subject, stimulus_id and label."""
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
        "response": _people(table["object_response"], "category; na where there was none"),
        "correct": _people(correct.astype(bool), "true or false; chance 1/16"),
        "rt_ms": _people(1000 * times, "ms; NaN where there was no response"),
    }
    return xarray.Dataset(variables, coords)


def _people(values: np.ndarray, units: str) -> tuple:
    return measured(("trial",), values, "behaviour", units, species="human")
