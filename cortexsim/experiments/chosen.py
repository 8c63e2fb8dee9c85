"""The network that a command line names: with its weights or untrained, its preprocessing, its lesions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cortexsim.errors import RecordingError

if TYPE_CHECKING:
    from cortexsim.models.network import Network
    from cortexsim.models.protocol import Unrolls
    from cortexsim.stimuli.images import Preprocessing, Stimuli

CALIBRATION_IMAGES = 500  # of the stimuli, for the statistics of untrained networks


def trained(
    name: str,
    *,
    steps: int | None = None,
    size: int | None = None,
    as_: str | None = None,
    untrained: bool = False,
    seed: int = 0,
) -> tuple[Unrolls, Preprocessing]:
    """A network with its weights and the preprocessing that its card declares (its images ``size`` pixels wide, if given).

    as_, untrained, seed: of somebody else's network. Raises RecordingError if it has no statistics for so many ``steps``, or no preprocessing.

    >>> net, preprocessing = trained("cortex4", steps=12)
    >>> preprocessing.size
    (32, 32)
    """
    from cortexsim.models import load
    from cortexsim.models.foreign.adapters import external, is_external
    from cortexsim.stimuli.images import Preprocessing

    if is_external(name):
        net = external(name, as_=as_, untrained=untrained, seed=seed)
    elif as_ is not None:
        raise RecordingError(
            f"--as is for networks of torchvision and timm; {name} has its own steps: leave it out"
        )
    else:
        net = load(name)
    last = net.card.get("calibrated_to_step")
    if last is not None and steps is not None and steps > last:
        raise RecordingError(
            f"asked for {steps} steps; the normalisation statistics of {net.card['name']} were estimated up to step {last}. "
            f"Record at most {last}, or estimate more on training images with cortexsim.calibrate"
        )
    if "preprocessing" not in net.card:
        raise RecordingError(
            f"the model card of {name} declares no preprocessing (size, mean, std)"
        )
    declared = net.card["preprocessing"]
    shape = tuple(declared["size"]) if size is None else (size, size)
    return net, Preprocessing(shape, tuple(declared["mean"]), tuple(declared["std"]))


def untrained(
    name: str, stimuli: Stimuli, *, steps: int | None = None, size: int | None = None, seed: int = 0
) -> tuple[Network, Preprocessing]:
    """A network of the zoo with fresh weights, its statistics estimated on the first 500 stimuli: a control."""
    from cortexsim.models import build, calibrate
    from cortexsim.stimuli.images import Preprocessing

    if name.endswith(".safetensors"):
        raise RecordingError(
            f"--untrained builds a network of the zoo afresh; {name} is a weights file. Give --model cortex4, say"
        )
    net = build(name, seed=seed)
    side = net.spec.stride * net.spec.graph.states[0].size if size is None else size
    preprocessing = Preprocessing((side, side), (0.5,) * 3, (0.25,) * 3)
    seen = preprocessing([stimuli.read(i) for i in range(min(CALIBRATION_IMAGES, len(stimuli)))])
    calibrate(net, seen, steps or net.readout)
    net.card = {"name": f"{name}, untrained, seed {seed}"}
    return net, preprocessing


def lesioned(net: Unrolls, lesions: Sequence[str], steps: int | None = None) -> Unrolls:
    """The network without these transitions or kinds (``V4->V2``, ``feedback``, ``V4->V2@3-5``), which its name then tells.

    steps: of the run, the readout time if None. Raises RecordingError for a lesion that cannot be read or that does nothing.

    >>> import cortexsim
    >>> lesioned(cortexsim.load("cortex4"), ["feedback"]).card["name"]
    'cortex4 without feedback'
    """
    from cortexsim.models.network import Network

    if not lesions:
        return net
    name = net.card.get("name", "this network")
    if not isinstance(net, Network):
        raise RecordingError(
            f"the transitions of {name} are not known, so none can be lesioned; leave --lesion out"
        )
    last = (steps or net.readout) - 1
    for lesion in lesions:
        match = re.fullmatch(r"([^@]+)(?:@([0-9]+)(?:-([0-9]+))?)?", lesion)
        if not match:
            raise RecordingError(
                f"cannot read the lesion {lesion!r}; write V4->V2, V4->V2@3 or V4->V2@3-5"
            )
        which, a, b = match.groups()
        window = (int(a), int(b or a)) if a else None
        if window and not 1 <= window[0] <= window[1] <= last:
            raise RecordingError(
                f"the lesion {lesion!r} does nothing: transitions of this run depart at steps 1 to {last}"
            )
        net = net.lesioned(which, window)
    net.card = {**net.card, "name": f"{name} without {', '.join(lesions)}"}
    return net
