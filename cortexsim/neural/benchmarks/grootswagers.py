"""Grootswagers et al. 2024: when human EEG tells the features of 256 gratings, at two rates of
presentation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.neural.benchmarks.content import Arrays
from cortexsim.neural.benchmarks.pieces import image, measured, stimulus_coords, words
from cortexsim.neural.layout import time_coord

if TYPE_CHECKING:
    import xarray

FEATURES = {
    "ori": "orientation",
    "sf": "spatial_frequency",
    "color": "colour",
    "contrast": "contrast",
}
SAMPLE_MS = 4.0
CHANCE = 0.25


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """Decoding and RSA of EEG over time, and the images.

    Parameters
    ----------
    files : dict of str to dict of str to array
        What the files say, by the name of the file.

    Returns
    -------
    xarray.Dataset
        With accuracy ``(soa_ms, feature, subject, time_ms)``, its onsets, peaks and Bayes factors;
        rsa ``(soa_ms, model, subject, time_ms)``; image.
    """
    import xarray

    data, images = files["features_eeg.npz"], files["stimuli_256.npz"]
    ids = words(str(name).removesuffix(".png") for name in images["name"])
    features = words(FEATURES[str(f)] for f in data["feature"])
    coords = {
        **stimulus_coords(ids),
        **_levels(ids),
        "soa_ms": ("soa_ms", data["soa_ms"].astype(np.float64), {"units": "ms"}),
        "feature": features,
        "model": words([*features, "behaviour"]),
        "subject": words(f"{k:02d}" for k in range(1, data["accuracy"].shape[2] + 1)),
        "time_ms": time_coord(data["time_ms"], SAMPLE_MS),
        "bound": words(["lower", "upper"]),
    }
    correlations = np.moveaxis(data["rsa_rmodel"], (3, 2, 0, 1), (0, 1, 2, 3))
    variables = {
        "accuracy": _eeg(
            ("soa_ms", "feature", "subject", "time_ms"),
            data["accuracy"],
            "proportion correct",
            chance=CHANCE,
        ),
        "bayes_factor": _eeg(
            ("soa_ms", "feature", "time_ms"), data["bf"], "accuracy above chance against chance"
        ),
        "rsa": _eeg(
            ("soa_ms", "model", "subject", "time_ms"),
            correlations,
            "Spearman rho with the model's RDM",
        ),
        "rsa_bayes_factor": _eeg(
            ("soa_ms", "model", "time_ms"),
            np.moveaxis(data["rsa_rmodel_bf"], 0, -1).swapaxes(0, 1),
            "rho against 0",
        ),
        "image": image(images["stimuli"]),
    }
    for name in ("onset", "peak"):
        # The source keeps these as bytes, which overflow in arithmetic.
        variables[f"{name}_ms"] = _eeg(
            ("soa_ms", "feature"), data[f"{name}_ms"], "ms after stimulus onset"
        )
        variables[f"{name}_interval_ms"] = _eeg(
            ("soa_ms", "feature", "bound"), data[f"{name}_ci"], "ms after stimulus onset"
        )
    return xarray.Dataset(variables, coords)


def _eeg(dims: tuple[str, ...], values: np.ndarray, units: str, **more: Any) -> tuple:
    kind = "decoding" if "feature" in dims else "rsa"
    return measured(
        dims,
        values.astype(np.float64),
        kind,
        units=units,
        species="human",
        area="whole scalp (EEG)",
        **more,
    )


def _levels(ids: np.ndarray) -> dict[str, Any]:
    """The level 0-3 of each feature, from the names."""
    matches = [re.fullmatch(r"stim\d+_ori(\d)_sf(\d)_color(\d)_contrast(\d)", name) for name in ids]
    levels = np.array([[int(level) for level in m.groups()] for m in matches if m])
    return {
        name: ("stimulus", levels[:, k], {"units": "level 0-3"})
        for k, name in enumerate(FEATURES.values())
    }
