"""
From a photograph to four areas in ten minutes
==============================================

What does each area of a recurrent model of visual cortex do, moment by moment, when it sees a
photograph? Here a trained network is shown 48 photographs; every state is kept at every step, put
on a time axis in milliseconds, looked at, and turned into representational dissimilarity matrices.
"""

# %%
# A network
# ---------
# ``cortex4`` has four states, named after the areas of the ventral stream: V1, V2, V4 and IT. They
# are joined by feed-forward, lateral and feedback transitions, each of which takes one step. It
# was trained to name the ten classes of CIFAR-10 and comes with the package.

import cortexsim

net = cortexsim.load("cortex4")
print(net)

# %%
# Photographs
# -----------
# 48 crops of two photographs that come with scikit-learn. A folder of your own photographs goes in
# the same way: ``record_network(net, "photos/")``. The network's card says how it wants its images
# (size, mean, standard deviation), and that is done for you.

import matplotlib.pyplot as plt

from cortexsim.stimuli import load_stimuli

photographs = load_stimuli("sample")
figure, axes = plt.subplots(1, 6, figsize=(7.2, 1.5))
for axis, k in zip(axes, range(0, 48, 8), strict=True):
    axis.imshow(photographs.read(k))
    axis.set_title(photographs.ids[k], fontsize=6)
    axis.set_axis_off()

# %%
# Every state at every step
# -------------------------
# One call shows the images and keeps what every state does. ``out="r.zarr"`` would stream to disk
# instead of keeping it in memory; ``keep="mean"`` would keep one number a channel instead of maps.

recording = cortexsim.record_network(net, photographs, steps=12)
recording["IT"].activation

# %%
# The result is an :class:`xarray.DataTree` with a group for each state. Step 1 is when the image
# reaches V1; IT is reached first at step 4, and before that its activation is NaN: a state that
# nothing has reached is absent, not zero.

recording["IT"].activation.isnull().all(("stimulus", "channel", "y", "x")).to_series()

# %%
# Milliseconds
# ------------
# A step is not a millisecond. The paper behind these networks (Liao & Poggio 2016) puts one step at
# 20 to 50 ms; 25 ms places the first response of IT at 100 ms. The range is carried along
# everywhere, because it is a declaration, not a measurement.

recording["IT"].time_ms.to_series().to_frame().assign(
    earliest=recording["IT"].time_ms_low, latest=recording["IT"].time_ms_high
)

# %%
# Look at one photograph
# ----------------------
# Rows are the four states, columns are steps; a dotted frame is a state that nothing has reached.

from cortexsim import plotting

plotting.stimulus(recording, photographs.ids[0])
plt.show()

# %%
# What does the network say, and when?
# ------------------------------------
# The readout names one of ten classes from IT at every step. These photographs show none of
# them (a temple and a flower), so look at how the answer settles rather than at what it is.

from scipy.special import softmax

readout = recording["readout"]
probability = softmax(readout.logits.isel(stimulus=0).dropna("step"), axis=-1)
figure, axis = plt.subplots(figsize=(4.5, 3))
for name, course in zip(readout["class"].values, probability.T, strict=True):
    axis.plot(readout.time_ms.values[-len(course) :], course, label=str(name))
axis.set(xlabel="time (ms, nominal)", ylabel="probability", ylim=(0, 1))
axis.legend(fontsize=6, bbox_to_anchor=(1, 1), loc="upper left", frameon=False)
figure.tight_layout()

# %%
# How the states tell images apart
# --------------------------------
# A representational dissimilarity matrix (RDM) has a row and a column for each image and says how
# differently a state responds to the two. One for each state and step is an *RDM movie*.

from cortexsim.analysis import rdm_movie

movie = rdm_movie(recording, progress=False)
plotting.movie(movie.sel(step=[1, 2, 4, 8, 12]))
plt.show()

# %%
# Where next
# ----------
# Your own network through the same door: :doc:`plot_2_your_network`. Your own recordings of a brain
# beside it: :doc:`plot_3_your_brain_data`. From the shell the same is
#
# .. code-block:: console
#
#    $ cortexsim record --steps 12 --out r.zarr
#    $ cortexsim rdm r.zarr --out movie.zarr
#    $ cortexsim show r.zarr --stimulus ID
