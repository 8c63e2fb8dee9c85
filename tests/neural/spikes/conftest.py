"""The real rasters of Zhang and Desimone."""

import numpy as np
import pytest
import xarray as xr


@pytest.fixture(scope="session")
def zhang(data_folder):
    """Zhang, Meyers et al. 2011: rasters in the layout of the benchmarks, and what others computed
    from them.
    """
    with np.load(data_folder / "zhang_desimone_it" / "zd_it_rasters.npz") as file:
        spikes = np.unpackbits(file["spikes_packed"], axis=1)[:, :1000]
        unit = file["trial_unit"].astype(int)
        # The file's own names are cut off and not unique.
        names = np.array([f"{k:03d}" for k in range(132)], dtype=object)
        coords = {
            "time_ms": ("time_ms", file["time_ms"] + 0.5, {"bin_ms": 1.0}),
            "unit": ("trial", names[unit]),
            "stimulus_id": ("trial", file["condition"][file["trial_condition"]].astype(object)),
            "session": ("trial", file["unit_session"][unit]),
        }
    with np.load(data_folder / "zhang_desimone_it" / "zd_it_binned.npz") as file:
        oracle = {k: file[k] for k in file.files}
    return xr.Dataset(
        {"spikes": (("trial", "time_ms"), spikes, {"area": "IT", "species": "macaque"})}, coords
    ), oracle
