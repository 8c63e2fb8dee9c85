"""
Which files are read
====================

Responses, RDMs, spikes and trials of your own, from the files that laboratories have. What a file
names (ids, times, units) is used; what it does not name you say once; what contradicts itself is
refused.

================  =======================================================  ==================
what you have     in                                                       read by
================  =======================================================  ==================
responses         .npy .npz .mat (all versions) .h5 .nc .csv .tsv, arrays  ``from_responses``
RDMs              the same                                                 ``from_rdms``
spikes, sessions  NWB                                                      ``from_nwb``
assemblies        Brain-Score / BrainIO                                    ``from_brainio``
M/EEG epochs      MNE                                                      ``from_mne``
trials of people  .csv, DataFrame                                          ``from_trials``
latencies         .csv with area and latency_ms                            ``from_latencies``
images            folder, .csv with path (id, label), .npz, arrays         ``load_stimuli``
networks          .safetensors of ours, .py with an object or function     ``--model``
================  =======================================================  ==================

``.h5`` and MATLAB's version 7.3 need ``pip install 'cortexsim[hdf5]'``, NWB ``cortexsim[nwb]``, MNE
``cortexsim[mne]``.
"""

# %%
# Responses, five ways
# --------------------
# The same 6 stimuli x 4 units x 3 repeats, written in five forms, are the same data set.

import tempfile
from pathlib import Path

import h5py
import numpy as np
import pandas
import scipy.io
import xarray

from cortexsim import neural

rng = np.random.default_rng(0)
folder = Path(tempfile.mkdtemp())
ids = [f"image {k}" for k in range(6)]
rates = rng.poisson(8, (6, 3, 4)).astype(float)  # stimulus, repeat, unit
dims = ("stimulus", "repeat", "unit")

np.savez(folder / "rates.npz", responses=rates, stimulus_id=ids)
scipy.io.savemat(folder / "rates.mat", {"rates": rates, "stimulus_id": np.array(ids, dtype=object)})
with h5py.File(folder / "rates.h5", "w") as f:
    f["rates"], f["stimulus_id"] = rates, ids
labelled = xarray.DataArray(rates, {"stimulus": ids}, dims, name="responses")
labelled.to_netcdf(folder / "rates.nc")
rows = (
    labelled.to_dataframe()
    .reset_index()
    .rename(columns={"stimulus": "stimulus_id", "responses": "response"})
)
rows.to_csv(folder / "rates.csv", index=False)

read = {
    ".npz": neural.from_responses(folder / "rates.npz", dims=dims),
    ".mat": neural.from_responses(folder / "rates.mat", dims=dims, variable="rates"),
    ".h5": neural.from_responses(folder / "rates.h5", dims=dims, variable="rates"),
    ".nc": neural.from_responses(folder / "rates.nc"),
    ".csv": neural.from_responses(folder / "rates.csv"),
}
{kind: bool(np.allclose(data.responses, read[".npz"].responses)) for kind, data in read.items()}

# %%
# One layout for all
# ------------------

read[".mat"]

# %%
# What is wrong is said
# ---------------------

for wrong in (
    lambda: neural.from_responses(rates, dims=("stimulus", "unit"), stimulus_id=ids),
    lambda: neural.from_responses(rates, dims=dims, stimulus_id=ids[:5]),
    lambda: neural.from_responses(folder / "rates.mat", dims=dims, variable="spikes"),
):
    try:
        wrong()
    except Exception as error:
        print(f"{type(error).__name__}: {error}\n")

# %%
# People
# ------
# Trials as rows: who, at what SOA (or deadline), right or wrong, how fast.

trials = pandas.DataFrame(
    {
        "participant": np.repeat(["a", "b", "c"], 80),
        "soa_ms": np.tile(np.repeat([25, 50, 100, 200], 20), 3),
    }
)
trials["correct"] = rng.random(len(trials)) < 0.25 + 0.7 * (1 - np.exp(-trials.soa_ms / 60))
neural.from_trials(trials, chance=0.25)

# %%
# Drawn, with everybody and the group:

import matplotlib.pyplot as plt

from cortexsim import plotting

figure, axis = plt.subplots(figsize=(4.6, 3))
plotting.trials(axis, neural.from_trials(trials, chance=0.25))
figure.tight_layout()
