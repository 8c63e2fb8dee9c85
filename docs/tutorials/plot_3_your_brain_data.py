"""
Your brain data against the network
===================================

Three subjects' responses in ``.mat`` files become a figure with noise ceiling, intervals and
corrected tests. The data here are simulated, with a known truth, so that you can see whether the
method finds it; yours go in the same way.
"""

# %%
# Three subjects
# --------------
# Each subject has a file with the responses of 100 neurons to 48 photographs, in an order of its
# own, and the ids of the photographs. The truth: neurons are units of the state V4 of ``cortex4``
# at step 6, other ones in each subject, with noise as large as their signal.

import tempfile
from pathlib import Path

import numpy as np
import scipy.io

import cortexsim
from cortexsim.stimuli import load_stimuli

photographs = load_stimuli("sample")
recording = cortexsim.record_network(cortexsim.load("cortex4"), photographs, steps=10)

folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
truth = recording["V4"].activation.sel(step=6).values.reshape(len(photographs), -1)
for name in ("anna", "ben", "carla"):
    neurons = truth[:, rng.choice(truth.shape[1], 100, replace=False)]
    neurons = neurons + rng.normal(0, neurons.std(0), neurons.shape)
    shuffled = rng.permutation(len(photographs))
    scipy.io.savemat(
        folder / f"{name}.mat",
        {"rates": neurons[shuffled], "stimulus_id": np.array(photographs.ids, object)[shuffled]},
    )
sorted(path.name for path in folder.iterdir())

# %%
# Ten lines
# ---------
# Images are matched by their ids, never by their place in a file; the ids of a folder of images
# are the names of its files, extension included (``"face-01.png"``). A subject that lacks some
# images: ``neural.select_stimuli(data, ids)`` takes the common ones out of each, also of RDMs.
# Responses with repeats (``dims=("stimulus", "repeat", "unit")``) go through ``neural.average``
# first, which leaves others alone.

import matplotlib.pyplot as plt

from cortexsim import neural, plotting
from cortexsim.analysis import Inference, evaluate, rdm_movie, summary

files = {path.stem: path for path in sorted(folder.glob("*.mat"))}
brains = {k: neural.from_responses(f, dims=("stimulus", "unit")) for k, f in files.items()}
brain = neural.stack({name: neural.response_rdms(data) for name, data in brains.items()})
movie = rdm_movie(recording, progress=False)
result = evaluate(movie.rdm, brain.rdm, inference=Inference(resample="condition"))
axes = plotting.curves(plt.figure(figsize=(7.2, 4)).subplots(), result)

# %%
# ``result.cortexsim.plot(width_mm=89)`` draws any result as a journal takes it.

result.cortexsim.plot(width_mm=89).get_size_inches() * 25.4

# %%
# What it says
# ------------

print(summary(result))

# %%
# V4 at step 6 has the largest value, as it was made to, and it lies within the noise ceiling
# (grey): what a perfect model of these three subjects could reach. ``p_permutation`` asks whether a
# state has anything to do with the data; ``p_pair`` whether one state is better than another at the
# same step; both are corrected over all states and steps. V4 clearly has to do with these data; the
# table below says whether so few images are enough to call it *better* than another state:

result.p_pair_corrected.sel(step=6).to_pandas().round(3)

# %%
# To whom does it apply?
# ----------------------
# ``resample="condition"`` draws images anew: intervals and tests hold for new images and *these
# three subjects*. The default draws subjects as well, and with three of them almost nothing can be
# told: intervals are wide and no p-value is small. That is what three subjects are worth for a
# statement about subjects in general, not a fault of the method.

both = evaluate(movie.rdm, brain.rdm)
best = {"model": "V4", "step": 6}
{
    "new images": result.interval.sel(best).values.round(2),
    "new images and new subjects": both.interval.sel(best).values.round(2),
}

# %%
# Data in other forms
# -------------------
# ``.npy``, ``.npz``, ``.h5``, ``.nc``, ``.csv``, NWB, MNE and Brain-Score's assemblies are read
# too, and data may have time, repeats and sessions: :doc:`/auto_howto/plot_file_formats`. Which
# null says what: :doc:`/explanation/nulls`; what the ceiling is: :doc:`/explanation/noise_ceiling`.
