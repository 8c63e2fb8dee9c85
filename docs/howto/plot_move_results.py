"""
Move results to pandas, netCDF, rsatoolbox and MNE
==================================================

Recordings and results are xarray objects; other tools get them in their own form, with ids and
times.
"""

import tempfile
from pathlib import Path

import numpy as np

import cortexsim
from cortexsim import interop
from cortexsim.analysis import Inference, evaluate, rdm_movie
from cortexsim.stimuli import load_stimuli

recording = cortexsim.record_network(
    cortexsim.load("cortex4"), load_stimuli("sample", limit=16), steps=8
)
movie = rdm_movie(recording, progress=False)

# %%
# pandas
# ------

mean = recording["IT"].activation.mean(("channel", "y", "x"))
mean.to_dataframe().reset_index()[["stimulus_id", "step", "time_ms", "activation"]].tail()

# %%
# From the shell: ``cortexsim table r.zarr --out x.csv`` (also of RDM movies and results).

# %%
# netCDF, with its checksum
# -------------------------
# Results are written with a digest, and read back only if they are what was written.

brain = movie.rdm.sel(state="V4", step=6).values + np.random.default_rng(0).normal(
    0, 0.2, (5, movie.sizes["pair"])
)
result = evaluate(movie.rdm, brain, inference=Inference(n=200, permutations=200))
path = Path(tempfile.mkdtemp()) / "result.nc"
interop.to_netcdf(result, path)
interop.from_netcdf(path).evaluation.equals(result.evaluation)

# %%
# matplotlib
# ----------

import matplotlib.pyplot as plt

from cortexsim import plotting

figure, axis = plt.subplots(figsize=(7.2, 3.4))
plotting.curves(axis, result)
figure.tight_layout()

# %%
# Or any result in one line, ready to print (89 or 183 mm wide), saved as .pdf, .svg or .png:

plotting.save(result.cortexsim.plot(width_mm=89), path.with_suffix(".pdf"))

# %%
# rsatoolbox
# ----------

interop.to_rsatoolbox(movie.sel(state="IT").dropna("step", how="all"))

# %%
# mne-rsa
# -------

arguments, names = interop.to_mne_rsa(movie.sel(state="IT", step=8))
{name: f"{len(value)} entries" for name, value in arguments.items()}
