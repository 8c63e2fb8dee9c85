"""
Lesion a connection, and know that it was alive
===============================================

"Without feedback accuracy is the same" means nothing if the feedback could never have reached the
answer. A transition is *live* if it lies on a walk from the image to the readout; a lesion that
removes nothing alive is an error here, not a result.
"""

# %%
# Which transitions are live?
# ---------------------------
# ``cortex4`` is read out at step 8, and all ten of its transitions are live. Its sibling
# ``cortex4-adjacent``, the memo's net, has the same states and transitions, but is read out at step
# 5: no feedback gets there in time (pale).

import matplotlib.pyplot as plt

import cortexsim
from cortexsim import plotting

figure, axes = plt.subplots(2, 1, figsize=(7.2, 3.6))
for axis, name in zip(axes, ("cortex4", "cortex4-adjacent"), strict=True):
    plotting.graph(axis, cortexsim.build(name))
    axis.set_title(name, fontsize=9)
figure.tight_layout()

# %%
# Printed, a network says the same, and from which readout a dead transition would live.

print(cortexsim.build("cortex4-adjacent"))

# %%
# A lesion that removes nothing is refused
# ----------------------------------------

try:
    cortexsim.build("cortex4-adjacent").lesioned("feedback")
except Exception as error:
    print(f"{type(error).__name__}: {error}")

# %%
# A lesion that removes something
# -------------------------------
# A kind of transition, one transition, or one only during some steps. The network is not changed;
# its lesioned copy shares the weights.

from cortexsim.stimuli import load_stimuli

net = cortexsim.load("cortex4")
photographs = load_stimuli("sample")
lesions = {
    "intact": net,
    "no feedback": net.lesioned("feedback"),
    "no V4->V2": net.lesioned("V4->V2"),
    "no lateral in V1": net.lesioned("V1->V1"),
}
recordings = {
    name: cortexsim.record_network(one, photographs, steps=12, keep="mean")
    for name, one in lesions.items()
}

# %%
# How far does each lesion drive each state from its intact course?

import numpy as np

figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.5), sharey=True)
for axis, (name, lesioned) in zip(axes, list(recordings.items())[1:], strict=True):
    for state in ("V1", "V2", "V4", "IT"):
        a, b = (tree[state].activation for tree in (recordings["intact"], lesioned))
        moved = np.sqrt(((a - b) ** 2).sum("unit") / (a**2).sum("unit")).mean("stimulus")
        axis.plot(a.time_ms, moved.where(a.notnull().all(("stimulus", "unit"))), label=state)
    axis.set(title=name, xlabel="time (ms, nominal)")
axes[0].set_ylabel("relative distance")
axes[-1].legend(frameon=False, fontsize=7)
figure.tight_layout()

# %%
# Feedback acts late: the image first climbs to V2 and comes back, so that nothing can differ before
# step 3. What each transition delivered is recorded apart with ``drive``:

from cortexsim.recording import Settings

driven = cortexsim.record_network(net, photographs, steps=8, settings=Settings(drive=True))
driven["drive/V1"]

# %%
# From the shell: ``cortexsim record --lesion feedback --out lesioned.zarr``, and ``cortexsim mask
# --lesion none feedback`` for a whole experiment.
#
# Answers of a lesioned network are read with the normalisation statistics of the intact one, which
# do not fit what is left: most of what they lose may be that
# (:doc:`what lateral transitions add </gallery/local_recurrence>`). ``cortexsim mask`` estimates
# the statistics anew under every lesion.
