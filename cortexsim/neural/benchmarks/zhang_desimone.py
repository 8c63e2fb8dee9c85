"""Zhang et al. 2011: spikes of 132 neurons of macaque IT, trial by trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cortexsim.neural.benchmarks.content import Arrays
from cortexsim.neural.benchmarks.pieces import measured, words
from cortexsim.neural.layout import time_coord

if TYPE_CHECKING:
    import xarray


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """Spikes of units of monkey IT in single trials.

    Parameters
    ----------
    files : dict of str to dict of str to array
        What the files say, by the name of the file.

    Returns
    -------
    xarray.Dataset
        With spikes ``(trial, time_ms)`` uint8 in bins of 1 ms; unit, session, stimulus, object and
        position of each trial.
    """
    import xarray

    data = files["zd_it_rasters.npz"]
    unit, condition = data["trial_unit"].astype(np.intp), data["trial_condition"].astype(np.intp)
    times = data["time_ms"]
    spikes = np.unpackbits(data["spikes_packed"], axis=1)[:, : len(times)]
    shown = words(data["condition"])
    # Sample t of the source counts the spikes in [t, t + 1): the centre of the bin is half a
    # millisecond later.
    coords = {
        "time_ms": time_coord(times + 0.5, 1.0),
        "unit": ("trial", unit_names(data["unit_name"])[unit]),
        "session": ("trial", words(data["unit_session"])[unit]),
        "stimulus_id": ("trial", shown[condition]),
        "label": ("trial", words(s.split("_")[0] for s in shown)[condition]),
        "position": ("trial", words(s.split("_")[1] for s in shown)[condition]),
    }
    units = "spikes in a bin of 1 ms"
    return xarray.Dataset(
        {
            "spikes": measured(
                ("trial", "time_ms"), spikes, "responses", units=units, species="macaque", area="IT"
            )
        },
        coords,
    )


def unit_names(electrodes: np.ndarray) -> np.ndarray:
    """The source's names of the units: the electrode and a letter in their order on it.

    Parameters
    ----------
    electrodes : array of str, shape (unit,)
        The electrode of each unit.

    Returns
    -------
    array of str, shape (unit,)
        Their names.

    Examples
    --------
    >>> unit_names(np.array(["spk_01", "spk_02", "spk_02"])).tolist()
    ['spk_01A', 'spk_02A', 'spk_02B']
    """
    seen: dict[str, int] = {}
    names = []
    for electrode in map(str, electrodes):
        names.append(f"{electrode}{'ABCDEFGH'[seen.get(electrode, 0)]}")
        seen[electrode] = seen.get(electrode, 0) + 1
    return words(names)
