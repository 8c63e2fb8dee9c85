"""What a network commits to as a subject: which state is which region, and when. Plain data.

Needs no Brain-Score.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from cortexsim.errors import BrainScoreError
from cortexsim.models.protocol import Unrolls
from cortexsim.shapes import Float
from cortexsim.stimuli.images import Preprocessing
from cortexsim.timeaxis import POLICIES, TimeAxis

REGIONS = ("V1", "V2", "V4", "IT")


@dataclass(frozen=True)
class Commitment:
    """A network as a subject of Brain-Score: made by :func:`commit`, which checks it.

    Attributes
    ----------
    identifier : str
        Name in Brain-Score.
    regions : mapping of str to str
        Region -> state.
    steps : int
        How many are simulated.
    readout_step : int
        When behaviour is read.
    time_axis : TimeAxis
        When each step is.
    policy : str
        What a bin means that the steps of a state do not cover (see :func:`state_weights`).
    visual_degrees : int
        Width of the image in degrees.
    shapes : mapping of str to tuple of int
        State -> shape of its activations.
    populated : mapping of str to tuple of int
        State -> the steps at which it has any.
    classes : tuple of str
        What the readout knows, in order.
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
        """The state that is a region.

        Parameters
        ----------
        region : str
            The region.

        Returns
        -------
        str
            Name of the state.

        Raises
        ------
        BrainScoreError
            If there is none; it names the regions there are.
        """
        if region not in self.regions:
            have = ", ".join(f"{r} (state {s})" for r, s in self.regions.items())
            raise BrainScoreError(
                f"{self.identifier} has no region {region!r}; it commits to {have}. Name the "
                f"state with regions={{{region!r}: STATE}} (--regions {region}=STATE); the states "
                f"are {', '.join(self.shapes)}"
            )
        return self.regions[region]

    def weights(self, region: str, bins_ms: object) -> Float[np.ndarray, "bin step"]:
        """How much of each bin falls into each step of a region's state.

        :func:`state_weights` with this policy.

        Parameters
        ----------
        region : str
            The region.
        bins_ms : array_like of shape (bin, 2)
            Start and end after image onset.

        Returns
        -------
        array of shape (bin, step)
            The weights.
        """
        return state_weights(
            self.time_axis,
            self.steps,
            self.populated[self.state(region)],
            bins_ms=bins_ms,
            policy=self.policy,
        )

    def options(self) -> dict[str, Any]:
        """JSON-ready arguments of :func:`commit` that make this commitment again."""
        arguments = (
            "identifier",
            "regions",
            "steps",
            "readout_step",
            "policy",
            "visual_degrees",
            "classes",
        )
        options = {name: getattr(self, name) for name in arguments}
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

    ``hold`` is the default policy because Brain-Score's metrics take no NaN and its temporal
    benchmarks ask for bins from image onset on: a state then shows its first response before
    activity reaches it, which is a convention and no claim about the model.

    Parameters
    ----------
    net : Unrolls
        Any network that unrolls, of ours or of others.
    preprocessing : Preprocessing
        What turns pixels into its input.
    identifier : str
        Name in Brain-Score.
    regions : mapping of str to str, optional
        ``{"V1": "h1", ...}`` for states with other names; by default the states called V1, V2, V4,
        IT. A region may be left out, and two regions may share a state.
    steps : int, optional
        By default as many as the model card says statistics were estimated for, else the readout
        time.
    readout_step : int, optional
        By default the readout time.
    time_axis : TimeAxis or mapping, optional
        When each step is.
    policy : {"hold", "clip", "refuse"}
        See :func:`state_weights`.
    visual_degrees : int
        Width of the image in degrees.
    classes : sequence of str, optional
        By default those of the card.

    Returns
    -------
    Commitment
        The commitment, checked.

    Raises
    ------
    BrainScoreError
        For regions or states that do not exist, and for a region whose state is never populated.

    Examples
    --------
    >>> import cortexsim
    >>> preprocessing = Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3)
    >>> c = commit(cortexsim.load("cortex4"), preprocessing, "cortex4")
    >>> c.regions["IT"], c.steps, c.populated["IT"][0]
    ('IT', 12, 4)
    >>> c.weights("IT", [(100, 150)])[0, 3:6].tolist()
    [0.5, 0.5, 0.0]
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", identifier):
        raise BrainScoreError(
            f"identifier {identifier!r}: it names a folder of Brain-Score, so use letters, "
            "digits, '_' and '-', a letter first"
        )
    if policy not in POLICIES:
        raise BrainScoreError(
            f"there is no policy {policy!r} for bins; choose from {', '.join(POLICIES)}"
        )
    if not visual_degrees > 0:
        raise BrainScoreError(
            f"visual_degrees {visual_degrees}: an image has a positive size in degrees; "
            "Brain-Score's usual one is 8"
        )
    steps = int(net.card.get("calibrated_to_step", net.readout)) if steps is None else steps
    readout_step = min(net.readout, steps) if readout_step is None else readout_step
    if not 1 <= readout_step <= steps:
        raise BrainScoreError(
            f"a readout at step {readout_step} of {steps} steps; simulate more steps or read "
            "earlier"
        )
    shapes, populated = probe(net, preprocessing, steps)
    axis = time_axis if isinstance(time_axis, TimeAxis) else TimeAxis(**(time_axis or {}))
    return Commitment(
        identifier,
        _regions(regions, shapes, steps),
        steps,
        readout_step,
        axis,
        policy,
        visual_degrees,
        tuple(net.card.get("classes", ()) if classes is None else classes),
        shapes,
        populated,
    )


def probe(
    net: Unrolls, preprocessing: Preprocessing, steps: int
) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """What states a network has, found with one grey image.

    Parameters
    ----------
    net : Unrolls
        The network.
    preprocessing : Preprocessing
        It says the size of the image.
    steps : int
        How many to unroll.

    Returns
    -------
    shapes : dict of str to tuple of int
        State -> shape of its activations for one image.
    populated : dict of str to tuple of int
        State -> the steps at which it is populated.
    """
    net.eval()
    grey = torch.zeros(1, net.channels, *preprocessing.size)
    shapes: dict[str, tuple[int, ...]] = {}
    populated: dict[str, list[int]] = {}
    with torch.inference_mode():
        for step, states in net.unroll(grey, steps):
            for name, value in states.items():
                shapes[name] = tuple(value.shape[1:])
                populated.setdefault(name, []).append(step)
    return shapes, {name: tuple(steps_of) for name, steps_of in populated.items()}


def _regions(
    named: Mapping[str, str] | None, shapes: Mapping[str, Any], steps: int
) -> dict[str, str]:
    known = ", ".join(shapes)
    regions = {r: r for r in REGIONS if r in shapes} if named is None else dict(named)
    if not regions:
        raise BrainScoreError(
            f"the states of this network ({known}) do not have the names of regions "
            f"({', '.join(REGIONS)}); say which is which, e.g. regions={{'V1': "
            f"{next(iter(shapes))!r}, ...}} (--regions V1={next(iter(shapes))} ...)"
        )
    for region, state in regions.items():
        if region not in REGIONS:
            raise BrainScoreError(
                f"Brain-Score has no region {region!r}; its regions are {', '.join(REGIONS)}"
            )
        if state not in shapes:
            raise BrainScoreError(
                f"{region} is to be state {state!r}, which this network does not have or does not "
                f"reach in {steps} steps; the states are {known}"
            )
    return regions


def state_weights(
    axis: TimeAxis, steps: int, populated: Sequence[int], *, bins_ms: object, policy: str
) -> Float[np.ndarray, "bin step"]:
    """How much of each time bin falls into each step of one state.

    :meth:`TimeAxis.bin_weights`, knowing when the state is populated. Every row adds to 1. Time at
    which the state is not populated (before activity reaches it, after the last step, a gap) is
    what the policy says: ``refuse``, an error; ``hold``, the last populated step lasts on and the
    first reaches back to the onset; ``clip``, the mean over what is covered, and NaN where nothing
    is.

    Parameters
    ----------
    axis : TimeAxis
        When each step is.
    steps : int
        How many there are.
    populated : sequence of int
        The steps at which the state has activations.
    bins_ms : array_like of shape (bin, 2)
        Start and end after image onset.
    policy : {"refuse", "hold", "clip"}
        See above.

    Returns
    -------
    array of shape (bin, step)
        The weights.

    Raises
    ------
    BrainScoreError
        With the policy ``refuse``, for bins that are not covered.

    Examples
    --------
    >>> bins = [(70, 110), (110, 150)]
    >>> state_weights(TimeAxis(), 5, [4, 5], bins_ms=bins, policy="hold").tolist()
    [[0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.375, 0.625]]
    >>> bins = [(70, 80), (90, 110)]
    >>> state_weights(TimeAxis(), 5, [4, 5], bins_ms=bins, policy="clip")[:, 3].tolist()
    [nan, 1.0]
    """
    order = np.arange(1, steps + 1)
    covered = np.isin(order, populated)
    weights = axis.bin_weights(order, bins_ms, policy=policy)
    if covered.all():
        return weights
    if policy == "hold":
        last = np.maximum.accumulate(np.where(covered, np.arange(steps), -1))
        held = np.zeros_like(weights)
        np.add.at(held.T, np.where(last < 0, np.argmax(covered), last), weights.T)
        return held
    if policy == "refuse" and (weights[:, ~covered] > 0).any():
        bad = np.asarray(bins_ms, dtype=float)[(weights[:, ~covered] > 0).any(1)]
        shown = ", ".join(f"{a:g}-{b:g}" for a, b in bad[:3]) + (", ..." if len(bad) > 3 else "")
        raise BrainScoreError(
            f"{len(bad)} bins ({shown} ms) lie at steps at which the state is not populated: it "
            f"is at steps {', '.join(map(str, populated))}, the first at "
            f"{float(axis.time_ms(min(populated))):g} ms; ask for later bins, or name a policy: "
            "hold or clip"
        )
    weights[:, ~covered] = 0
    total = weights.sum(1, keepdims=True)
    return np.divide(weights, total, out=np.full_like(weights, np.nan), where=total > 0)


def preprocessing_of(card: Mapping[str, Any], name: str) -> Preprocessing:
    """The preprocessing that a model card declares.

    Parameters
    ----------
    card : mapping
        A model card.
    name : str
        Of the model, for errors.

    Returns
    -------
    Preprocessing
        Size, mean and standard deviation.

    Raises
    ------
    BrainScoreError
        If the card declares none.
    """
    if "preprocessing" not in card:
        raise BrainScoreError(
            f"the model card of {name} declares no preprocessing (size, mean, std); pass one"
        )
    return Preprocessing.from_dict(card["preprocessing"])
