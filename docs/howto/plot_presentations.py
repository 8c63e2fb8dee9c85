"""
Flash, mask, stream: what is on the screen when
===============================================

By default an image stays for one step, as ``cortex4`` was trained. Everything else is a
*presentation*: events in milliseconds, from which the input of each step follows. Times must be
whole steps of the time axis (25 ms unless you declare another); what is not is refused with the
nearest choices.
"""

# %%
# In words
# --------
#
# ================================  ==========================  =================================
# written                           means                       in Python
# ================================  ==========================  =================================
# ``flash:75``                      75 ms, then a blank         ``flash(75)``
# ``backward:50,75,100,phase``      image for 50 ms; 75 ms      ``backward_mask(50, soa_ms=75,
#                                   after its onset a phase-    mask_ms=100, kind="phase")``
#                                   scrambled mask for 100 ms
# ``forward:50,75,50,pink``         the mask first, the image   ``forward_mask(50, soa_ms=75,
#                                   75 ms after it              mask_ms=50, kind="pink")``
# ``rsvp:6,50``                     six images, one every       ``rsvp(6, soa_ms=50)``
#                                   50 ms; yours is the first
# ``rsvp:6,50,25,2``                each for 25 ms, yours is    ``rsvp(6, soa_ms=50, on_ms=25,
#                                   the third                   target=2)``
# a ``.json`` of events             anything                    ``Presentation((Event(...), ...))``
# ================================  ==========================  =================================
#
# Masks: ``white``, ``pink``, ``phase`` (the image's own spectrum with other phases), ``blocks``
# (the image's blocks shuffled), ``checkerboard``, ``grey``, ``image`` (another one, of another
# class), ``texture:V4`` (an image with the same means and Gram matrices of a state).

import matplotlib.pyplot as plt

import cortexsim
from cortexsim import plotting
from cortexsim.stimuli import Event, Presentation, read_presentation

shown = {
    text: read_presentation(text)
    for text in (
        "flash:75",
        "backward:50,75,100,phase",
        "forward:50,75,50,pink",
        "rsvp:6,50",
        "rsvp:6,50,25,2",
    )
}
shown["events of your own"] = Presentation(
    (Event("image", 0, 50), Event("blank", 50, 100), Event("image", 150, 25))
)
figure, axes = plt.subplots(figsize=(7.2, 3.2))
plotting.timeline(axes, shown, steps=12)
figure.tight_layout()

# %%
# Record under a presentation
# ---------------------------

from cortexsim.recording import Settings
from cortexsim.stimuli import load_stimuli

net = cortexsim.load("cortex4")
photographs = load_stimuli("sample", limit=8)
masked = cortexsim.record_network(
    net,
    photographs,
    steps=12,
    settings=Settings(presentation=shown["backward:50,75,100,phase"]),
)
from cortexsim.stimuli import in_words, on_screen

in_words(
    on_screen(
        shown["backward:50,75,100,phase"].frames(cortexsim.TimeAxis(), 12), cortexsim.TimeAxis()
    )
)

# %%
# The recording says what was on the screen; so do ``--plan`` and the report of the command:
#
# .. code-block:: console
#
#    $ cortexsim record --presentation backward:50,75,100,phase --steps 12 --out masked.zarr
#
# How far does the mask drive each state from its unmasked course?

import numpy as np

plain = cortexsim.record_network(
    net, photographs, steps=12, settings=Settings(presentation=read_presentation("flash:50"))
)
figure, axis = plt.subplots(figsize=(4.4, 2.8))
for state in ("V1", "V2", "V4", "IT"):
    a, b = (tree[state].activation.stack(unit=("channel", "y", "x")) for tree in (plain, masked))
    distance = np.sqrt(((a - b) ** 2).sum("unit") / (a**2).sum("unit")).mean("stimulus")
    axis.plot(a.time_ms, distance.where(a.notnull().all("unit").all("stimulus")), label=state)
axis.set(xlabel="time (ms, nominal)", ylabel="relative distance")
axis.legend(frameon=False)
figure.tight_layout()

# %%
# The masking experiment as a whole (accuracy by SOA and readout step, thresholds, nulls, lesions,
# people beside them) is one command, ``cortexsim mask``.
