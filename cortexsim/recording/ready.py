"""A network made ready to be recorded: its preprocessing, and statistics where it has none."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from cortexsim.models.calibration import calibrate
from cortexsim.models.foreign.wrap import weights_sha256
from cortexsim.models.network import Network
from cortexsim.models.preprocessing import Preprocessing, preprocessing_of
from cortexsim.models.transitions import Statistics
from cortexsim.stimuli.order import class_by_class, some_of

if TYPE_CHECKING:
    from cortexsim.models.protocol import Unrolls
    from cortexsim.stimuli.images import Stimuli

CALIBRATION_IMAGES = 500  # of the stimuli, for the statistics of untrained networks
TRIED_IMAGES = 8  # the same, where a plan only wants to know sizes and times


def is_fresh(net: Unrolls) -> bool:
    """Whether this is one of our networks without any normalisation statistics: never trained.

    >>> import cortexsim
    >>> is_fresh(cortexsim.build("cortex4")), is_fresh(cortexsim.load("cortex4"))
    (True, False)
    """
    if not isinstance(net, Network):
        return False
    norms = [m for m in net.modules() if isinstance(m, Statistics)]
    return bool(norms) and not any(any(norm.estimated) for norm in norms)


def estimated(
    net: Network,
    stimuli: Stimuli,
    preprocessing: Preprocessing,
    *,
    steps: int | None = None,
    most: int = CALIBRATION_IMAGES,
) -> Network:
    """The network, its statistics estimated on 500 stimuli (in place): the first ones, or, where
    they lie class by class, in turn from all classes.

    Its card says of which weights: ``drawn_sha256`` as they came, ``weights_sha256`` with the
    statistics, so that recordings with statistics of other images are not joined.

    steps: up to this one; default the readout time. most: of the stimuli.
    """
    drawn = weights_sha256(net)
    places = some_of(np.array(stimuli.labels), most)
    seen = preprocessing([stimuli.read(int(i)) for i in places])
    device = next(net.parameters()).device
    net = calibrate(net, seen.to(device), steps or net.readout)
    net.card = {**net.card, "drawn_sha256": drawn, "weights_sha256": weights_sha256(net)}
    return net


def _which(stimuli: Stimuli) -> str:
    """Which stimuli :func:`estimated` takes, in words."""
    count = min(CALIBRATION_IMAGES, len(stimuli))
    if count < len(stimuli) and class_by_class(np.array(stimuli.labels)):
        return f"{count} stimuli, in turn from all classes"
    return f"the first {count} stimuli"


def _normalises_as(preprocessing: Preprocessing, declared: dict[str, Any]) -> bool:
    """Whether images have the mean and std that a card declares."""
    theirs = Preprocessing.from_dict(declared)
    return (preprocessing.mean, preprocessing.std) == (theirs.mean, theirs.std)


def ready(
    net: Unrolls,
    stimuli: Stimuli,
    *,
    preprocessing: Preprocessing | None = None,
    steps: int | None = None,
) -> tuple[Unrolls, Preprocessing]:
    """A network that can be recorded, and what makes inputs for it.

    A network that was never trained is copied, and gets statistics from the stimuli. What was
    assumed of it stands in the ``notes`` of the card of the network that is returned.

    Parameters
    ----------
    net : Unrolls
        Any network of states; it is not changed.
    stimuli : Stimuli
        What will be shown.
    preprocessing : Preprocessing, optional
        Default: as the card declares, or that of :func:`preprocessing_of`.
    steps : int, optional
        Of the run; default the readout time.
    """
    notes: list[str] = []
    card = dict(net.card)
    if preprocessing is None:
        preprocessing, note = preprocessing_of(net)
        notes += [note] if note else []
    elif "preprocessing" in card and not _normalises_as(preprocessing, card["preprocessing"]):
        card["preprocessing"] = preprocessing.as_dict()  # what its images are checked against
    if isinstance(net, Network) and is_fresh(net):
        net = estimated(copy.deepcopy(net), stimuli, preprocessing, steps=steps)
        card |= {k: net.card[k] for k in ("drawn_sha256", "weights_sha256")}
        notes.append(
            f"not trained: its normalisation statistics were estimated on {_which(stimuli)}"
        )
    if "name" not in card and isinstance(net, nn.Module):
        card.setdefault("weights_sha256", weights_sha256(net))
    if notes:
        card["notes"] = [*card.get("notes", ()), *notes]
    if card != net.card:
        net = copy.copy(net)  # shares modules and weights
        net.card = card
    return net, preprocessing
