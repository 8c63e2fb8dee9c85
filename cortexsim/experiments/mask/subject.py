"""One network of a masking experiment, as asked for, and the results of all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from cortexsim.errors import AnalysisError
from cortexsim.experiments.mask.design import INTACT, Design
from cortexsim.experiments.mask.results import masking_results
from cortexsim.experiments.mask.run import class_numbers, run_masking
from cortexsim.experiments.mask.statistics import Presented, by_step, described, falls, presented
from cortexsim.experiments.networks import Choice, lesioned
from cortexsim.models.foreign.external import External
from cortexsim.models.network import Network
from cortexsim.provenance import provenance
from cortexsim.stimuli.trials import Masker

if TYPE_CHECKING:
    import xarray

    from cortexsim.models.protocol import Unrolls
    from cortexsim.stimuli.images import Preprocessing, Stimuli


@dataclass(frozen=True)
class Subject:
    """One network of a masking experiment.

    Parameters
    ----------
    name : str
        In the result.
    nets : dict of str to Unrolls
        Lesion -> network, the intact one (``none``) first.
    preprocessing : Preprocessing
        What makes inputs of the stimuli.
    labels : ndarray
        ``(stimulus,)``: the number of the class of each.
    design : Design
        What is shown.
    caveat : str
        What must be known of the network.
    calibration : Stimuli or None
        Training images, on which the statistics of each presentation are estimated; None for those
        of the weights file.
    presented : dict
        The networks of each presentation, where they were made before (see :meth:`fitted`).
    """

    name: str
    nets: dict[str, Unrolls]
    preprocessing: Preprocessing
    labels: np.ndarray
    design: Design
    caveat: str
    calibration: Stimuli | None = None
    presented: Presented = field(default_factory=dict, repr=False)

    def fitted(self, device: torch.device | None = None, *, progress: bool = False) -> Presented:
        """The networks with statistics of each presentation; empty with those of the file."""
        if self.presented or self.calibration is None:
            return self.presented
        return presented(
            self.nets,
            self.calibration,
            preprocessing=self.preprocessing,
            design=self.design,
            device=device,
            progress=progress,
        )

    def masker(self, stimuli: Stimuli) -> Masker:
        """What makes the masks of these stimuli, as seen by the intact network."""
        return Masker(stimuli, self.nets[INTACT], self.preprocessing, seed=self.design.seed)


def masked(
    subjects: Sequence[Subject],
    stimuli: Stimuli,
    *,
    n: int = 1000,
    permutations: int = 200,
    device: torch.device | None = None,
    progress: bool = False,
) -> xarray.Dataset:
    """The results of all networks, one after the other.

    Parameters
    ----------
    subjects : sequence of Subject
        As :func:`subject` made them.
    stimuli : Stimuli
        The images that they were made for.
    n : int
        Bootstrap resamples of stimuli.
    permutations : int
        Of labels, for the null of decoding.
    device : torch.device, optional
        Where the networks run; default the CPU.
    progress : bool
        Whether to show bars.

    Returns
    -------
    See :func:`masking_results`, along ``network``.
    """

    results = []
    for s in subjects:
        answers = run_masking(
            s.nets,
            stimuli,
            s.labels,
            preprocessing=s.preprocessing,
            masks=s.masker(stimuli),
            design=s.design,
            presented=s.fitted(device, progress=progress),
            device=device,
            progress=progress,
        )
        results.append(
            masking_results(
                answers, network=s.name, n=n, permutations=permutations, seed=s.design.seed
            )
        )
    result = results[0] if len(results) == 1 else _together(results)
    if "guess" in result and result.guess.dtype.kind == "f":  # networks with other readout times
        result["guess"] = result.guess.fillna(-1).astype(np.int16)
    weights = {s.name: s.nets[INTACT].card.get("weights_sha256", "") for s in subjects}
    nets = [(s.name, s.nets[INTACT]) for s in subjects]
    trained = {name: net.readout for name, net in nets if isinstance(net, Network) and net.card}
    caveats = {s.name: s.caveat for s in subjects if s.caveat}
    statistics = {s.name: described(s.calibration, s.nets[INTACT]) for s in subjects}
    return result.assign_coords(stimulus_id=("stimulus", list(stimuli.ids))).assign_attrs(
        weights_sha256=json.dumps(weights),
        trained_readout=json.dumps(trained),
        caveats=json.dumps(caveats),
        statistics=json.dumps(statistics),
        warnings=json.dumps(falls(result)),
        provenance=json.dumps(provenance("xarray", "scikit-learn")),
    )


def _together(results: list[xarray.Dataset]) -> xarray.Dataset:
    """Several networks, whose readout times may differ."""
    import xarray

    return xarray.concat(
        results,
        "network",
        data_vars="all",
        coords="minimal",
        compat="override",
        join="outer",
        combine_attrs="override",
    )


def longest_run(net: Unrolls) -> int:
    """The steps that a network has statistics for, or its readout time if its card does not say."""
    return int(net.card.get("calibrated_to_step") or net.readout)


def subject(
    choice: Choice,
    stimuli: Stimuli,
    *,
    design: Design,
    lesions: Sequence[str],
    name: str,
    calibration: Stimuli | None = None,
) -> Subject:
    """A network as asked for, everything about it checked: steps, lesions, labels, masks.

    Parameters
    ----------
    choice : Choice
        The network, see :func:`cortexsim.experiments.networks.named`.
    stimuli : Stimuli
        With a label each, the name or the number of a class of the network.
    design : Design
        What is shown.
    lesions : sequence of str
        ``none`` and lesions, several in one joined by ``+``.
    name : str
        How errors call the network.
    calibration : Stimuli, optional
        Training images, on which statistics are estimated under each presentation; default: as the
        weights file has them.

    Raises
    ------
    AnalysisError
        For what could not be run or could not be answered.
    """
    net, preprocessing = choice.ready(stimuli, design.steps)
    nets = {INTACT: _answers(net, name)}
    for lesion in lesions:
        if lesion != INTACT:
            nets[lesion] = _answers(lesioned(net, lesion.split("+"), design.steps), name)
    for lesion, each in nets.items():
        design.readouts(each, name if lesion == INTACT else f"{name} without {lesion}")
    intact = nets[INTACT]
    classes = intact.card.get("classes") or [str(k) for k in range(intact.classes)]
    if len(classes) != intact.classes:
        raise AnalysisError(
            f"the model card of {name} names {len(classes)} classes, the readout has "
            f"{intact.classes}; name them all, or leave classes out of the card"
        )
    labels = class_numbers(stimuli.labels, classes)
    fitting = calibration if any(by_step(each) for each in nets.values()) else None
    made = Subject(
        str(net.card.get("name", name)),
        nets,
        preprocessing,
        labels,
        design,
        caveat(nets[INTACT], fitted=fitting is not None),
        fitting,
    )
    for kind in design.masks:
        made.masker(stimuli).check(kind)
        if fitting is not None:
            Masker(fitting, nets[INTACT], preprocessing, seed=design.seed).check(kind)
    return made


def _answers(net: Unrolls, name: str) -> Unrolls:
    """AnalysisError for somebody else's network that gives no answers, or takes no frames."""
    if isinstance(net, External) and not (net.feed_forward and net.classes):
        what = (
            "has no readout"
            if net.feed_forward
            else "iterates by itself over one image and cannot be shown a frame a step"
        )
        raise AnalysisError(
            f"{name} {what}; give a network that is run step by step and classifies"
        )
    return net


def caveat(net: Unrolls, *, fitted: bool = False) -> str:
    """What must be known of a network that was never trained with masks; else empty.

    fitted: its statistics are estimated under each presentation.
    """
    if net.card.get("presentation"):
        return ""
    if not isinstance(net, Network):
        return (
            "made by somebody else and is fed frame by frame: no frame acts on another, so that a "
            "mask can only replace an image, not disrupt it"
        )
    how = "at every step" if net.spec.graph.inhomogeneous else "at step 1 only, then blanks"
    if fitted:
        history = "trained with" if "recipe" in net.card else "never trained here, and runs as with"
        return (
            f"{history} the image shown {how}, never with masks; its normalisation statistics by "
            "step are estimated anew under each presentation"
        )
    if not by_step(net):
        return f"trained with the image shown {how}, never with masks"
    if "recipe" in net.card:
        history = "trained, and its normalisation statistics by step estimated, with"
    else:
        history = "never trained here; its normalisation statistics by step are of"
    return (
        f"{history} the image shown {how}, never with masks: accuracy under other presentations "
        "mixes what a mask disrupts with statistics that do not fit"
    )
