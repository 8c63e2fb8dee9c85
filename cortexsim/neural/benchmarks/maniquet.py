"""Maniquet, Op de Beeck & Costantino 2025: recognition under 17 manipulations with and without a
mask, and confusions of people and nets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.neural.benchmarks.content import Arrays
from cortexsim.neural.benchmarks.pieces import measured, words

if TYPE_CHECKING:
    import xarray

# Ours: the source's prefix of a column.
MASKING = {"all": "average", "mask": "mask", "no mask": "no mask"}
RT_EDGES_MS = (422.0, 670.0, 791.0, 943.0, 1245.0, 3370.0)


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """Accuracy, reaction times and confusions of people under 17 manipulations.

    Parameters
    ----------
    files : dict of str to dict of str to array
        What the files say, by the name of the file.

    Returns
    -------
    xarray.Dataset
        By task, accuracy and rt_ms ``(masking, task)`` with standard errors, by participant and by
        reaction time; confusion matrices.
    """
    import xarray

    people, confusion = files["participants.npz"], files["confusion_matrices.npz"]
    tasks = words(people["task"])
    table = _by_task(files["human_by_task.csv"], tasks)
    bins = _by_task(files["performance_vectors_humans_and_models.csv"], tasks)
    models = [k for k in confusion if k.startswith("model_")]
    count = len(RT_EDGES_MS) - 1
    coords = {
        "task": tasks,
        "difficulty": ("task", words(table["group"])),
        "masking": words(MASKING),
        "participant": words(people["participant"]),
        "category": words(confusion["category"]),
        "response": words(confusion["category"]),
        "rt_bin": np.arange(1, count + 1),
        "rt_low_ms": ("rt_bin", np.array(RT_EDGES_MS[:-1]), {"units": "ms"}),
        "rt_high_ms": ("rt_bin", np.array(RT_EDGES_MS[1:]), {"units": "ms"}),
        "model": words(k.removeprefix("model_") for k in models),
        "seed": np.arange(1, len(confusion[models[0]]) + 1),
    }
    square, share = ("category", "response"), "proportion correct"
    masks = np.stack(
        [confusion["mask"] + confusion["no_mask"], confusion["mask"], confusion["no_mask"]]
    )
    by_rt = np.stack([bins[f"rt bin {k}"].astype(np.float64) for k in range(1, count + 1)])
    variables = {
        "accuracy": _people(("masking", "task"), _stack(table, "{} accuracy"), share),
        "accuracy_sem": _people(("masking", "task"), _stack(table, "sem {} accuracy"), share),
        "rt_ms": _people(("masking", "task"), _stack(table, "{} RT"), "ms"),
        "rt_sem_ms": _people(("masking", "task"), _stack(table, "sem {} RT"), "ms"),
        "accuracy_by_rt": _people(("rt_bin", "task"), by_rt, share),
        "participant_accuracy": _people(("participant", "task"), people["accuracy"], share),
        "participant_rt_ms": _people(("participant", "task"), people["rt"], "ms"),
        "confusion": _people(("masking", *square), masks, "trials"),
        "confusion_by_rt": _people(
            ("rt_bin", *square),
            np.stack([confusion[f"rt_bin_{k}"] for k in range(1, count + 1)]),
            "trials",
        ),
        "participant_confusion": _people(
            ("participant", *square), confusion["participants"], "trials"
        ),
        "model_confusion": measured(
            ("model", "seed", *square),
            np.stack([confusion[k] for k in models]),
            "behaviour",
            units="images",
            species="none",
            area="model",
        ),
    }
    return xarray.Dataset(variables, coords)


def _people(dims: tuple[str, ...], values: Any, units: str) -> tuple:
    return measured(dims, values, "behaviour", units=units, species="human")


def _by_task(table: Arrays, tasks: np.ndarray) -> Arrays:
    """The columns of a table in the order of the tasks; the source has them in different orders."""
    place = {name: k for k, name in enumerate(table["task"])}
    rows = [place[task] for task in tasks]
    return {name: column[rows] for name, column in table.items()}


def _stack(table: Arrays, column: str) -> np.ndarray:
    return np.stack(
        [table[column.format(prefix)].astype(np.float64) for prefix in MASKING.values()]
    )
