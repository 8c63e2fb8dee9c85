"""One network of a masking experiment, as asked for, and the results of all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.experiments.mask.config import MaskConfig

if TYPE_CHECKING:
    import xarray

    from cortexsim.experiments.mask.design import Design
    from cortexsim.models.protocol import Unrolls
    from cortexsim.stimuli.images import Preprocessing, Stimuli


@dataclass(frozen=True)
class Subject:
    """One network with its lesions, its preprocessing and the classes of the stimuli."""

    name: str
    nets: dict[str, Unrolls]
    preprocessing: Preprocessing
    labels: np.ndarray
    design: Design
    caveat: str


def masked(
    subjects: Sequence[Subject], stimuli: Stimuli, config: MaskConfig, *, device: Any = None
) -> xarray.Dataset:
    """The results of all networks, one after the other."""
    import xarray

    from cortexsim.experiments.mask.results import masking_results
    from cortexsim.experiments.mask.run import run_masking
    from cortexsim.provenance import provenance
    from cortexsim.stimuli.trials import Masker

    found = []
    for s in subjects:
        masker = Masker(stimuli, s.nets["none"], s.preprocessing, seed=config.seed)
        answers = run_masking(
            s.nets,
            stimuli,
            s.labels,
            s.preprocessing,
            masker,
            s.design,
            device=device,
            progress=len(stimuli) > 500,
        )
        found.append(
            masking_results(
                answers,
                network=s.name,
                n=config.n,
                permutations=config.permutations,
                seed=config.seed,
            )
        )
    result = found[0] if len(found) == 1 else xarray.concat(found, "network", data_vars="all", coords="minimal", compat="override", join="outer", combine_attrs="override")  # fmt: skip
    if "guess" in result and result.guess.dtype.kind == "f":  # networks with other readout times
        result["guess"] = result.guess.fillna(-1).astype(np.int16)
    weights = {s.name: s.nets["none"].card.get("weights_sha256", "") for s in subjects}
    caveats = {s.name: s.caveat for s in subjects if s.caveat}
    return result.assign_coords(stimulus_id=("stimulus", list(stimuli.ids))).assign_attrs(
        weights_sha256=json.dumps(weights),
        caveats=json.dumps(caveats),
        provenance=json.dumps(provenance("xarray", "scikit-learn")),
    )


def subject(name: str, config: MaskConfig, stimuli: Stimuli) -> Subject:
    """A network as asked for, everything about it checked: steps, lesions, labels, masks."""
    from cortexsim.experiments.chosen import lesioned, trained
    from cortexsim.experiments.mask.design import INTACT, Design
    from cortexsim.experiments.mask.run import class_numbers
    from cortexsim.stimuli.trials import Masker
    from cortexsim.timeaxis import TimeAxis

    axis = TimeAxis(config.step_ms[1], config.step_ms[0], config.step_ms[2])
    net, preprocessing = trained(name, steps=config.steps, size=config.size)
    steps = config.steps or net.card.get("calibrated_to_step") or net.readout
    design = Design(
        config.soa_ms, config.mask, steps, config.mask_ms, axis, config.seed, config.round, config.batch_size, config.compared, config.decoded
    )  # fmt: skip
    nets = {INTACT: _answers(net, name)}
    for lesion in config.lesion:
        if lesion != INTACT:
            nets[lesion] = _answers(lesioned(net, lesion.split("+"), steps), name)
    for lesion, each in nets.items():
        design.readouts(each, name if lesion == INTACT else f"{name} without {lesion}")
    labels = class_numbers(
        stimuli.labels,
        nets[INTACT].card.get("classes") or [str(k) for k in range(nets[INTACT].classes)],
    )
    for kind in config.mask:
        Masker(stimuli, nets[INTACT], preprocessing, seed=config.seed).check(kind)
    return Subject(
        str(net.card.get("name", name)), nets, preprocessing, labels, design, caveat(nets[INTACT])
    )


def _answers(net: Unrolls, name: str) -> Unrolls:
    """AnalysisError for somebody else's network that gives no answers, or that iterates over one image and so takes no frames."""
    from cortexsim.models.foreign.external import External

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


def caveat(net: Unrolls) -> str:
    """What must be known of a network that was never trained with masks; empty for one that was."""
    from cortexsim.models.network import Network

    if net.card.get("presentation"):
        return ""
    if not isinstance(net, Network):
        return "made by somebody else and is fed frame by frame: no frame acts on another, so that a mask can only replace an image, not disrupt it"
    how = "at every step" if net.spec.graph.inhomogeneous else "at step 1 only, then blanks"
    return (
        f"trained, and its normalisation statistics by step estimated, with the image shown {how}, never with masks: accuracy under other presentations mixes "
        "what a mask disrupts with statistics that do not fit"
    )
