"""One number of every other figure, of one training of a net: what over_seeds.py compares.

Each is computed by the code of its figure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from cortexsim.cli import option
from shared import measures as m
from shared.pictures import ShownConfig


@dataclass(frozen=True)
class SeedsConfig(ShownConfig):
    """The command line of over_seeds.py."""

    seeds: tuple[int, ...] = option((), "which trainings; default all that are bundled")
    images: int = option(10000, "test images beside people's answers to them, the first so many")
    shown: int = option(1000, "test images under masks and distortions, the first so many")
    calibration: int = option(500, "training images for the statistics under masks")
    quantities: tuple[str, ...] = option((), "which numbers, by name; default all")


class Quantity(NamedTuple):
    """One number of a training: its name, unit, the figure that reports it, how it is computed.

    of_twin: whether the twin, whose states hold nothing and do not change, can have it but at zero.
    """

    title: str
    unit: str
    figure: str
    measure: Callable[[str, Shared], float]
    of_twin: bool = True


class Shared:
    """What the quantities share: images, brains, and what the net at hand answered."""

    def __init__(self, config: SeedsConfig) -> None:
        self.config = config
        self.brains: dict[str, Any] = {}
        self.kept: dict[str, Any] = {}

    @cached_property
    def neurons(self) -> Any:
        """Mean responses of V4 and their reliability."""
        import v4_encoding as v4

        return v4.neurons_of(self.brain("cowley-v4"), seed=0)

    @cached_property
    def people_at_deadlines(self) -> Any:
        import speed_accuracy as speed

        return speed.people_of(self.brain("kumbhar-deadlines"))

    @cached_property
    def images(self) -> Any:
        from cortexsim.stimuli.datasets import load_images

        return load_images(self.config.data, train_count=self.config.train_count)

    @property
    def source_of_images(self) -> dict[str, str]:
        return {
            "name": self.images.name,
            "sha256": self.images.sha256(),
            "notes": "; ".join(self.images.notes),
        }

    @property
    def used(self) -> list[Any]:
        return list(self.brains.values())

    def brain(self, name: str) -> Any:
        """A benchmark, read once."""
        from cortexsim import neural

        if name not in self.brains:
            self.brains[name] = neural.load(name)
        return self.brains[name]

    def of_net(self, key: str, compute: Callable[[], Any]) -> Any:
        """What two quantities of one net share, computed once."""
        if key not in self.kept:
            self.kept[key] = compute()
        return self.kept[key]

    def forget(self) -> None:
        """The next net."""
        self.kept = {}


QUANTITIES = {
    "accuracy": Quantity("accuracy, readout step 8", "%", "cards", m.accuracy),
    "v4": Quantity(
        "neurons of V4 from V4@4 (twin: V4@3)", "r / √reliability", "v4_encoding", m.v4_neurons
    ),
    "human_it": Quantity(
        "IT at step 8 with human IT",
        "Spearman's ρ of RDMs",
        "rsa_timecourse",
        m.human_it_at_readout,
    ),
    "human_it_slope": Quantity(
        "growth of IT's similarity to human IT",
        "ρ per 100 ms",
        "rsa_timecourse",
        m.human_it_slope,
        False,
    ),
    "orientation": Quantity(
        "orientation from V1, 150 ms a grating",
        "% (chance 25)",
        "rsvp_features",
        m.orientation_in_stream,
    ),
    "mask_8": Quantity(
        "cost of a phase mask, readout step 8", "points", "masking", m.mask_at(8), False
    ),
    "mask_12": Quantity(
        "cost of a phase mask, readout step 12", "points", "masking", m.mask_at(12), False
    ),
    "mask_it": Quantity(
        "cost of a phase mask to a decoder of IT, step 12",
        "points",
        "predictions",
        m.mask_on_it,
        False,
    ),
    "movement": Quantity(
        "movement of IT after a flash, beyond 5 %",
        "of the distance between images",
        "predictions",
        m.movement_of_it,
        False,
    ),
    "rise_4_8": Quantity(
        "accuracy after a flash, step 4 to 8", "points", "predictions", m.rise(0), False
    ),
    "rise_8_12": Quantity(
        "accuracy after a flash, step 8 to 12", "points", "predictions", m.rise(1), False
    ),
    "cross_entropy": Quantity(
        "cross-entropy with people", "nats", "behavior", m.cross_entropy_with_people
    ),
    "difficulty": Quantity(
        "difficulty of images with people's", "r", "behavior", m.difficulty_with_people
    ),
    "distorted": Quantity(
        "accuracy on distorted images", "%", "behavior_distortions", m.accuracy_distorted
    ),
    "gain_distorted": Quantity(
        "gain by time, distorted less clean",
        "points",
        "behavior_distortions",
        m.gain_distorted("interaction"),
        False,
    ),
    "gain_distorted_odds": Quantity(
        "gain by time, distorted less clean",
        "log odds",
        "behavior_distortions",
        m.gain_distorted("log_odds_interaction"),
        False,
    ),
    "deadlines": Quantity(
        "accuracy by step from people's by deadline",
        "points, r.m.s.",
        "speed_accuracy",
        m.distance_from_deadlines,
    ),
}
