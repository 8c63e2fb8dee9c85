"""
Train a graph of your own, and its feed-forward twin
====================================================

A graph is states and the transitions between them. Here one with five areas is built, drawn,
trained for a moment, continued, and set beside a feed-forward network with as many parameters.
"""

# %%
# Five areas
# ----------
# ``adjacent`` joins neighbours in both directions and gives every state a lateral transition;
# ``full`` adds skips. A single :class:`cortexsim.Transition` has its own delay, operator and
# shortcut.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import cortexsim
from cortexsim import Spec, State, plotting
from cortexsim.models import adjacent

areas = [
    State("V1", 16, 8),
    State("V2", 8, 12),
    State("V4", 4, 16),
    State("TEO", 2, 24),
    State("TE", 2, 32),
]
graph = adjacent(areas)
spec = Spec(graph, readout=(9,))
print(spec)

figure, axes = plt.subplots(figsize=(7.2, 2))
plotting.graph(axes, spec)
figure.tight_layout()

# %%
# One more connection, a skip from V1 to TEO:

from cortexsim import Graph, Transition

skipping = Graph(graph.states, (*graph.transitions, Transition("V1", "TEO")))
figure, axes = plt.subplots(figsize=(7.2, 2))
plotting.graph(axes, Spec(skipping, readout=(9,)))
figure.tight_layout()

# %%
# Which transitions matter at the readout?
# ----------------------------------------
# The image needs five steps to TE. A feedback transition counts only if a walk from the image to
# the readout can take it in time; read out at step 5, all feedback would be dead, and you would be
# told.

from cortexsim.models.describe import dead_transitions

{readout: list(dead_transitions(Spec(graph, readout=(readout,)))) for readout in (5, 7, 9)}

# %%
# Train
# -----
# Images are uint8 ``(n, y, x, 3)``, labels whole numbers from 0. These are synthetic (three kinds
# of stripes), so that the page can be built anywhere; ``"cifar10"`` in their place is the real
# thing.

rng = np.random.default_rng(0)
labels = np.arange(240) % 3
across, down = np.meshgrid(np.arange(16), np.arange(16))
waves = np.stack([np.sin(across), np.sin(down), np.sin((across + down) / 1.4)])[labels]
pixels = 128 + 60 * waves + rng.normal(0, 20, (240, 16, 16))
images = np.repeat(pixels.clip(0, 255).astype(np.uint8)[..., None], 3, axis=3)

settings = cortexsim.training.Settings(recipe="modern", epochs=4, batch_size=24, seed=0)
folder = Path(tempfile.mkdtemp())
net = cortexsim.train_network(
    spec, (images, labels), out=folder / "five", name="five", settings=settings
)
net.card["test_error"]

# %%
# The same call again finds a finished run and loads it; had it been killed, it would have gone on
# from its last checkpoint and ended in the same bits.

again = cortexsim.train_network(
    spec, (images, labels), out=folder / "five", name="five", settings=settings
)
again.card["weights_sha256"] == net.card["weights_sha256"]

# %%
# Its feed-forward twin
# ---------------------
# The same states without lateral and feedback transitions, widened until it has as many
# parameters: the control that says what recurrence added.

from cortexsim.models import twin

control = twin(spec)
figure, axes = plt.subplots(figsize=(7.2, 1.6))
plotting.graph(axes, control)
figure.tight_layout()

# %%
# Lesions
# -------
# One kind of transition, or one transition, silenced in the trained network. A lesion that removes
# nothing alive is refused rather than reported as "no effect".

intact = net.readouts(net.preprocess(images[:60]), at=(9,))[9].argmax(1)
for lesion in ("feedback", "lateral", "V4->V4"):
    lesioned = net.lesioned(lesion).readouts(net.preprocess(images[:60]), at=(9,))[9].argmax(1)
    print(f"{lesion:10s} changes {(lesioned != intact).float().mean():.0%} of the answers")

# %%
# From the shell
# --------------
# With ``own.py`` that defines ``spec``:
#
# .. code-block:: console
#
#    $ cortexsim train --model own.py:spec --data cifar10 --recipe fast --epochs 8 --out runs/five
#    $ cortexsim record --model runs/five/spec.safetensors --lesion feedback --out lesioned.zarr
