"""The network that a command line names: with its weights or untrained, and its lesions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cortexsim.errors import RecordingError
from cortexsim.models.foreign.named import external, is_external
from cortexsim.models.foreign.wrap import weights_sha256
from cortexsim.models.network import Network
from cortexsim.models.preprocessing import Preprocessing, preprocessing_of
from cortexsim.models.spec import Spec
from cortexsim.models.zoo import load, spec
from cortexsim.recording.ready import TRIED_IMAGES, estimated, is_fresh, ready
from cortexsim.recording.run import first_steps

if TYPE_CHECKING:
    from cortexsim.models.protocol import Unrolls
    from cortexsim.stimuli.images import Stimuli


@dataclass(frozen=True)
class Choice:
    """A network that was asked for by name, before it has seen any stimuli.

    Parameters
    ----------
    net : Unrolls
        The network; without statistics if it was never trained.
    preprocessing : Preprocessing
        What its card declares, or the default.
    control : bool
        Whether it is a network of the zoo with fresh weights.
    """

    net: Unrolls
    preprocessing: Preprocessing
    control: bool = False

    @property
    def needs_images(self) -> bool:
        """Whether its statistics are still to be estimated on stimuli."""
        return is_fresh(self.net)

    def ready(self, stimuli: Stimuli, steps: int | None = None) -> tuple[Unrolls, Preprocessing]:
        """The network as it runs, its statistics estimated if need be, and its preprocessing."""
        if self.control and isinstance(self.net, Network):
            return estimated(self.net, stimuli, self.preprocessing, steps=steps), self.preprocessing
        return ready(self.net, stimuli, preprocessing=self.preprocessing, steps=steps)

    def tried(self, stimuli: Stimuli, steps: int | None = None) -> tuple[Unrolls, Preprocessing]:
        """The same, for a plan: statistics of the first steps alone, on a few images."""
        if not self.needs_images or not isinstance(self.net, Network):
            return self.ready(stimuli, steps)
        first = first_steps(self.net, steps or self.net.readout)
        net = estimated(self.net, stimuli, self.preprocessing, steps=first, most=TRIED_IMAGES)
        return net, self.preprocessing


def named(
    name: str,
    *,
    steps: int | None = None,
    size: int | None = None,
    as_: str | None = None,
    untrained: bool = False,
    seed: int = 0,
) -> Choice:
    """A network by its name on the command line.

    Parameters
    ----------
    name : str
        Of the zoo, of a .safetensors file, or of somebody else's network (``torchvision:NAME``,
        ``timm:NAME``, ``FILE.py:NAME``).
    steps : int, optional
        Of the run to come.
    size : int, optional
        Of the image's side in pixels; default as the card declares.
    as_ : str, optional
        Of a network of torchvision or timm: ``static`` or ``staircase``.
    untrained : bool
        Fresh weights.
    seed : int
        What fresh weights are drawn from.

    Raises
    ------
    RecordingError
        If the network has no statistics for so many steps, or if an option is not for it.

    >>> named("cortex4", steps=12).preprocessing.size
    (32, 32)
    >>> named("cortex4", untrained=True).needs_images
    True
    """
    if is_external(name):
        net = external(name, as_=as_, untrained=untrained, seed=seed)
        if isinstance(net, Network) and "name" not in net.card:
            net.card = {**net.card, "name": name, "weights_sha256": weights_sha256(net)}
    elif as_ is not None:
        raise RecordingError(
            f"--as is for networks of torchvision and timm; {name} has its own steps: leave it out"
        )
    elif untrained:
        if name.endswith(".safetensors"):
            raise RecordingError(
                f"--untrained builds a network of the zoo afresh; {name} is a weights file. "
                "Give --model cortex4, say"
            )
        return control(spec(name), name, size=size, seed=seed)
    else:
        net = load(name)
    last = net.card.get("calibrated_to_step")
    if last is not None and steps is not None and steps > last:
        raise RecordingError(
            f"asked for {steps} steps; the normalisation statistics of {net.card['name']} were "
            f"estimated up to step {last}. Record at most {last}, or estimate more on training "
            "images with cortexsim.calibrate"
        )
    preprocessing, note = preprocessing_of(net, size)
    if note:
        net.card = {**net.card, "notes": [*net.card.get("notes", ()), note]}
    return Choice(net, preprocessing)


def control(architecture: Spec, name: str, *, size: int | None = None, seed: int = 0) -> Choice:
    """An architecture with fresh weights, its statistics to be estimated on the stimuli.

    >>> control(spec("rnn2"), "mine").net.card["name"]
    'mine, untrained, seed 0'
    """
    net = Network(architecture, seed=seed, warn=False)
    preprocessing, _ = preprocessing_of(net, size)
    net.card = {"name": f"{name}, untrained, seed {seed}"}
    return Choice(net, preprocessing, control=True)


def lesioned(net: Unrolls, lesions: Sequence[str], steps: int | None = None) -> Unrolls:
    """The network without these transitions or kinds, which its name then tells.

    Parameters
    ----------
    net : Unrolls
        One of ours.
    lesions : sequence of str
        ``V4->V2``, ``feedback``, ``V4->V2@3-5`` (departure steps).
    steps : int, optional
        Of the run; default the readout time.

    Raises
    ------
    RecordingError
        For a lesion that cannot be read or that does nothing.

    >>> import cortexsim
    >>> lesioned(cortexsim.load("cortex4"), ["feedback"]).card["name"]
    'cortex4 without feedback'
    """
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
                f"the lesion {lesion!r} does nothing: transitions of this run depart at steps 1 "
                f"to {last}"
            )
        net = net.lesioned(which, window, steps=steps or net.readout)
    net.card = {**net.card, "name": f"{name} without {', '.join(lesions)}"}
    return net
