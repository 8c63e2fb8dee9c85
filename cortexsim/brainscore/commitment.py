"""What a network commits to as a subject: which state is which region, and when. Plain data; needs no Brain-Score."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from cortexsim.errors import BrainScoreError
from cortexsim.models.protocol import Unrolls
from cortexsim.stimuli.images import Preprocessing
from cortexsim.timeaxis import POLICIES, TimeAxis

REGIONS = ("V1", "V2", "V4", "IT")


@dataclass(frozen=True)
class Commitment:
    """A network as a subject of Brain-Score: made by :func:`commit`, which checks it.

    regions: region -> state. steps: how many are simulated. readout_step: when behaviour is read. time_axis: when each step is. policy: what a bin
    means that the steps of a state do not cover (see :func:`state_weights`). shapes: state -> shape of its activations. populated: state -> the
    steps at which it has any. classes: what the readout knows, in order.
    """

    identifier: str
    regions: Mapping[str, str]
    steps: int
    readout_step: int
    time_axis: TimeAxis
    policy: str
    visual_degrees: int
    classes: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]] = field(repr=False)
    populated: Mapping[str, tuple[int, ...]] = field(repr=False)

    def state(self, region: str) -> str:
        """The state that is a region; an error that names the regions there are."""
        if region not in self.regions:
            have = ", ".join(f"{r} (state {s})" for r, s in self.regions.items())
            raise BrainScoreError(
                f"{self.identifier} has no region {region!r}; it commits to {have}. Name the state with regions={{{region!r}: STATE}} "
                f"(--regions {region}=STATE); the states are {', '.join(self.shapes)}"
            )
        return self.regions[region]

    def weights(self, region: str, bins_ms: object) -> np.ndarray:
        """How much of each bin falls into each step of a region's state, ``(bin, step)``: :func:`state_weights` with this policy."""
        return state_weights(
            self.time_axis, self.steps, self.populated[self.state(region)], bins_ms, self.policy
        )

    def options(self) -> dict[str, Any]:
        """JSON-ready arguments of :func:`commit` that make this commitment again."""
        given = (
            "identifier",
            "regions",
            "steps",
            "readout_step",
            "policy",
            "visual_degrees",
            "classes",
        )
        options = {name: getattr(self, name) for name in given}
        return {**options, "regions": dict(self.regions), "time_axis": self.time_axis.as_dict()}


def commit(
    net: Unrolls,
    preprocessing: Preprocessing,
    identifier: str,
    *,
    regions: Mapping[str, str] | None = None,
    steps: int | None = None,
    readout_step: int | None = None,
    time_axis: TimeAxis | Mapping[str, Any] | None = None,
    policy: str = "hold",
    visual_degrees: int = 8,
    classes: Sequence[str] | None = None,
) -> Commitment:
    """Commit the states of a network to regions of visual cortex and its steps to milliseconds.

    net: any network that unrolls, of ours or of others. regions: ``{"V1": "h1", ...}`` for states with other names;
    default, the states called V1, V2, V4, IT; a region may be left out, and two regions may share a state. steps: default, as many as the model
    card says statistics were estimated for, else the readout time. readout_step: default, the readout time. classes: default, those of the card.
    policy: see :func:`state_weights`. ``hold`` is the default because Brain-Score's metrics take no NaN and its temporal benchmarks ask for bins from
    image onset on: a state then shows its first response before activity reaches it, which is a convention and no claim about the model.
    Raises BrainScoreError for regions or states that do not exist, and for a region whose state is never populated.

    >>> import cortexsim
    >>> c = commit(cortexsim.load("cortex4"), Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3), "cortex4")
    >>> c.regions["IT"], c.steps, c.populated["IT"][0], c.weights("IT", [(100, 150)])[0, 3:6].tolist()
    ('IT', 12, 4, [0.5, 0.5, 0.0])
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", identifier):
        raise BrainScoreError(
            f"identifier {identifier!r}: it names a folder of Brain-Score, so use letters, digits, '_' and '-', a letter first"
        )
    if policy not in POLICIES:
        raise BrainScoreError(
            f"there is no policy {policy!r} for bins; choose from {', '.join(POLICIES)}"
        )
    if not visual_degrees > 0:
        raise BrainScoreError(
            f"visual_degrees {visual_degrees}: an image has a positive size in degrees; Brain-Score's usual one is 8"
        )
    steps = int(net.card.get("calibrated_to_step", net.readout)) if steps is None else steps
    readout_step = min(net.readout, steps) if readout_step is None else readout_step
    if not 1 <= readout_step <= steps:
        raise BrainScoreError(
            f"a readout at step {readout_step} of {steps} steps; simulate more steps or read earlier"
        )
    shapes, populated = probe(net, preprocessing, steps)
    axis = time_axis if isinstance(time_axis, TimeAxis) else TimeAxis(**(time_axis or {}))
    return Commitment(
        identifier, _regions(regions, shapes, steps), steps, readout_step, axis, policy, visual_degrees,
        tuple(net.card.get("classes", ()) if classes is None else classes), shapes, populated,
    )  # fmt: skip


def probe(
    net: Unrolls, preprocessing: Preprocessing, steps: int
) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """State -> shape of its activations for one image, and state -> the steps at which it is populated: one grey image through the network."""
    net.eval()
    grey = torch.zeros(1, net.channels, *preprocessing.size)
    shapes: dict[str, tuple[int, ...]] = {}
    populated: dict[str, list[int]] = {}
    with torch.inference_mode():
        for step, states in net.unroll(grey, steps):
            for name, value in states.items():
                shapes[name] = tuple(value.shape[1:])
                populated.setdefault(name, []).append(step)
    return shapes, {name: tuple(there) for name, there in populated.items()}


def _regions(
    given: Mapping[str, str] | None, shapes: Mapping[str, Any], steps: int
) -> dict[str, str]:
    found = ", ".join(shapes)
    regions = {r: r for r in REGIONS if r in shapes} if given is None else dict(given)
    if not regions:
        raise BrainScoreError(
            f"the states of this network ({found}) do not have the names of regions ({', '.join(REGIONS)}); say which is which, "
            f"e.g. regions={{'V1': {next(iter(shapes))!r}, ...}} (--regions V1={next(iter(shapes))} ...)"
        )
    for region, state in regions.items():
        if region not in REGIONS:
            raise BrainScoreError(
                f"Brain-Score has no region {region!r}; its regions are {', '.join(REGIONS)}"
            )
        if state not in shapes:
            raise BrainScoreError(
                f"{region} is to be state {state!r}, which this network does not have or does not reach in {steps} steps; the states are {found}"
            )
    return regions


def state_weights(
    axis: TimeAxis, steps: int, populated: Sequence[int], bins_ms: object, policy: str
) -> np.ndarray:
    """How much of each time bin falls into each step of one state, ``(bin, step)``: :meth:`TimeAxis.bin_weights`, knowing when the state is populated.

    Every row adds to 1. Time at which the state is not populated (before activity reaches it, after the last step, a gap) is what the policy says:
    ``refuse``, an error; ``hold``, the last populated step lasts on and the first reaches back to the onset; ``clip``, the mean over what is
    covered, and NaN where nothing is.

    populated: the steps at which the state has activations. bins_ms: ``(bin, 2)``, start and end after image onset.

    >>> state_weights(TimeAxis(), 5, [4, 5], [(70, 110), (110, 150)], "hold").tolist()
    [[0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.375, 0.625]]
    >>> state_weights(TimeAxis(), 5, [4, 5], [(70, 80), (90, 110)], "clip")[:, 3].tolist()
    [nan, 1.0]
    """
    order = np.arange(1, steps + 1)
    there = np.isin(order, populated)
    weights = axis.bin_weights(order, bins_ms, policy=policy)
    if there.all():
        return weights
    if policy == "hold":
        last = np.maximum.accumulate(np.where(there, np.arange(steps), -1))
        held = np.zeros_like(weights)
        np.add.at(held.T, np.where(last < 0, np.argmax(there), last), weights.T)
        return held
    if policy == "refuse" and (weights[:, ~there] > 0).any():
        bad = np.asarray(bins_ms, dtype=float)[(weights[:, ~there] > 0).any(1)]
        shown = ", ".join(f"{a:g}-{b:g}" for a, b in bad[:3]) + (", ..." if len(bad) > 3 else "")
        raise BrainScoreError(
            f"{len(bad)} bins ({shown} ms) lie at steps at which the state is not populated: it is at steps {', '.join(map(str, populated))}, "
            f"the first at {float(axis.time_ms(min(populated))):g} ms; ask for later bins, or name a policy: hold or clip"
        )
    weights[:, ~there] = 0
    total = weights.sum(1, keepdims=True)
    return np.divide(weights, total, out=np.full_like(weights, np.nan), where=total > 0)


def preprocessing_of(card: Mapping[str, Any], name: str) -> Preprocessing:
    """The preprocessing that a model card declares."""
    if "preprocessing" not in card:
        raise BrainScoreError(
            f"the model card of {name} declares no preprocessing (size, mean, std); pass one"
        )
    declared = card["preprocessing"]
    return Preprocessing(tuple(declared["size"]), tuple(declared["mean"]), tuple(declared["std"]))
