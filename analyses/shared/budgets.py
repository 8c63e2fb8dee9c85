"""How much the figures of trained networks may cost: images, epochs, seeds, and the scale of a net.

``smoke`` is to see that everything runs, ``cpu`` to try things out, ``paper`` the memo's recipe for
a GPU. ``reduced`` is for claims on two cores: all images, and every net divided by the same
numbers, so that nets stay to each other as they are in the memo.

Why ``reduced`` divides the pixels by 4: that is 16 times less work for every net of the memo, 156 M
multiply-adds for the 2-state net at T = 10, and leaves the features, so that the parameters of the
transitions are the memo's. Images stay whole: the pre-net shrinks them, with three convolutions
where the memo has one. Halving features and pixels costs the same and learned less in a trial that
was not kept: the 2-state net at T = 2 erred on 55.7 % of the test images after its second epoch of
four, this one on 40.5 % (recipe modern, one seed). The few-parameter nets, whose parameters are the
memo's claim, keep the pre-net of one convolution and halve the pixels. The small 4-state nets stay
as they are. The memo's 60 epochs of them would take 1.2 core-hours a seed with neighbours only,
five with all transitions: their six epochs are those of the other nets, so that both have three
seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cortexsim.experiments.train.config import TrainConfig
from cortexsim.models.scaling import multiply_adds
from cortexsim.models.spec import Spec
from cortexsim.models.zoo import spec

RECIPE = "fast"
"""The recipe of ``reduced``: what learns most in few epochs (docs/fast_recipe.json)."""
EPOCHS = 6
PRECISION = "bfloat16"
"""Of ``reduced``: two to three times as fast as float32 on processors with AVX-512 bfloat16, slower
on others (there, ``--precision float32`` makes other runs)."""
SEVERAL = 3
LONGEST_FOR_SEVERAL = 45.0
"""Core-minutes below which a net is trained in ``SEVERAL`` seeds, and not in one."""
TESTING = 1.1
"""How much longer a run takes than its training: tests after epochs and statistics at the end."""
OVERHEAD = 2.0e6
"""Multiply-adds that an image costs besides those of the net, where a net was not measured."""
SPEED = 2.5e10
"""Multiply-adds (of the forward pass) per core-second in training, where it was not measured."""


@dataclass(frozen=True)
class Plan:
    """How a budget trains one net. scale: as in ``NAME@p8``. epochs: None, the recipe's own."""

    scale: str = ""
    epochs: int | None = None
    recipe: str = "memo"


@dataclass(frozen=True)
class Budget:
    """How much a figure may cost.

    None: all of it, or the recipe's own number. pixels: images are averaged down to this size.
    nets: what differs for a net, by its name in the zoo. seeds: None, by the time a net takes.
    precision: of every run; None, what the device is good at.
    """

    name: str
    train: int | None
    test: int | None
    epochs: int | None
    seeds: int | None
    pixels: int | None
    nets: Mapping[str, Plan] = field(default_factory=dict)
    precision: str | None = None

    def plan(self, model: str) -> Plan:
        """How a net is trained."""
        if self.nets and model not in self.nets:
            return Plan(epochs=self.epochs, recipe=RECIPE)
        return self.nets.get(model, Plan(epochs=self.epochs))

    def network(self, model: str) -> str:
        """The name of a net at this budget's scale."""
        scale = self.plan(model).scale
        return f"{model}@{scale}" if scale else model

    def unlike(self, models: Sequence[str]) -> list[str]:
        """In what these nets are trained differently, besides being different nets."""
        ways = {
            "features and maps divided by": {m: self._divided(m) for m in models},
            "epochs": {m: str(self.plan(m).epochs) for m in models},
            "recipe": {m: self.plan(m).recipe for m in models},
        }
        return [
            f"{what} {', '.join(f'{value} ({model})' for model, value in of.items())}"
            for what, of in ways.items()
            if len(set(of.values())) > 1
        ]

    def _divided(self, model: str) -> str:
        """By how much the features and pixels of a net are divided."""
        whole, part = (spec(name).graph.states[0] for name in (model, self.network(model)))
        return f"{whole.features / part.features:g} and {whole.size / part.size:g}"

    def seeds_of(self, model: str, settings: Mapping[str, Any]) -> int:
        """In how many seeds a net is trained."""
        if self.seeds is not None:
            return self.seeds
        quick = self.minutes(model, settings) < LONGEST_FOR_SEVERAL
        return SEVERAL if quick else 1

    def minutes(self, model: str, settings: Mapping[str, Any], count: int = 50_000) -> float:
        """Core-minutes that a run takes, from measured speeds; ``count`` training images."""
        plan = self.plan(model)
        epochs = plan.epochs or self.epochs or 60
        speed = images_per_second(self.network(model), settings)
        return epochs * (self.train or count) / speed * TESTING / 60

    def describe(self, models: Iterable[str] = ()) -> str:
        """The budget in words; of these nets, or of all that it knows."""
        images = (
            "all images"
            if self.train is None
            else f"{self.train:,} training images, {self.test:,} test images"
        )
        size = "" if self.pixels is None else f", averaged to {self.pixels} x {self.pixels} pixels"
        seeds = "1 or 3 seeds" if self.seeds is None else _count(self.seeds, "seed")
        if self.nets:
            lengths = sorted({self.plan(m).epochs or 0 for m in models or self.nets})
            length = " to ".join(map(str, dict.fromkeys((lengths[0], lengths[-1]))))
            length += " epochs, nets made smaller"
        elif self.epochs is None:
            length = "the recipe's epochs"
        else:
            length = _count(self.epochs, "epoch")
        return f"budget {self.name}: {images}{size}, {length}, {seeds}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number > 1)}"


QUARTERED = (
    "resnet1",
    "resnet1-unshared",
    "resnet3",
    "resnet3-unshared",
    "rnn2-t2",
    "rnn2-t3",
    "rnn2-t5",
    "rnn2",
    "rnn2-unshared",
    "rnn3-full",
    "rnn3-adjacent",
    "rnn3-adjacent-inhomogeneous",
    "rnn3-generalize",
)


def _of_reduced() -> dict[str, Plan]:
    """A quarter of the pixels, half of them for the few-parameter nets; 4 states whole."""
    return {
        **{name: Plan("p8", EPOCHS, RECIPE) for name in QUARTERED},
        **{name: Plan("p16", 2 * EPOCHS, RECIPE) for name in ("tiny30", "tiny64")},
        **{name: Plan("", EPOCHS, RECIPE) for name in ("cortex4-full", "cortex4-adjacent")},
    }


BUDGETS = {
    "smoke": Budget("smoke", train=128, test=100, epochs=1, seeds=1, pixels=8),
    "cpu": Budget("cpu", train=2000, test=1000, epochs=4, seeds=1, pixels=16),
    "reduced": Budget(
        "reduced",
        train=None,
        test=None,
        epochs=EPOCHS,
        seeds=None,
        pixels=None,
        nets=_of_reduced(),
        precision=PRECISION,
    ),
    "paper": Budget("paper", train=None, test=None, epochs=None, seeds=3, pixels=None),
}

MEASURED: dict[str, float] = {
    "resnet1@p8": 543,
    "resnet1-unshared@p8": 528,
    "resnet3@p8": 3245,
    "resnet3-unshared@p8": 2716,
    "rnn2@p8": 173,
    "rnn2-unshared@p8": 169,
    "rnn2-t2@p8": 2116,
    "rnn2-t3@p8": 1003,
    "rnn2-t5@p8": 422,
    "rnn3-full@p8": 201,
    "rnn3-adjacent@p8": 355,
    "cortex4-full": 200,
    "cortex4-adjacent": 896,
    "rnn3-adjacent-inhomogeneous@p8": 343,
    "rnn3-generalize@p8, calibrate_to 15": 326,
    "tiny30@p16": 805,
    "tiny64@p16": 331,
    "resnet1@p8, supervise all": 421,
    "resnet1-unshared@p8, supervise all": 411,
    "resnet1@p8, readout 2": 2025,
    "resnet1@p8, readout 3": 1508,
    "resnet1@p8, readout 5": 981,
    "resnet1-unshared@p8, readout 2": 2048,
    "resnet1-unshared@p8, readout 3": 1503,
    "resnet1-unshared@p8, readout 5": 970,
}
"""Training images per core-second on one thread of an AMD EPYC with AVX-512 bf16: bfloat16, not
compiled, batches of the recipe (``train_runs.py --measure --no-compile``)."""


def architecture(network: str, settings: Mapping[str, Any]) -> Any:
    """The specification of a net, with the settings of training that change it."""
    changed = {
        k: settings[k] for k in ("readout", "inhomogeneous", "norm") if settings.get(k) is not None
    }
    return spec(network, **changed)


def images_per_second(network: str, settings: Mapping[str, Any]) -> float:
    """Training images per core-second: measured, or estimated from the multiply-adds."""
    if (speed := MEASURED.get(label(network, settings))) is not None:
        return speed
    return SPEED / (multiply_adds(architecture(network, settings)) + OVERHEAD)


def label(network: str, settings: Mapping[str, Any]) -> str:
    """A net and its settings in words: ``resnet1@p8, readout 3``."""
    words = [f"{k} {_words(v)}" for k, v in sorted(settings.items()) if _differs(k, v)]
    return ", ".join([network, *words])


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _differs(name: str, value: Any) -> bool:
    return bool(value != getattr(TrainConfig, name, None))


def scale_in_words(net: Spec) -> str:
    """The size of a net, read out when it is, as a figure states it.

    >>> scale_in_words(spec("rnn2@p8"))
    '64 features at 8 x 8 units, 156 M multiply-adds'
    """
    first = net.graph.states[0]
    cost = multiply_adds(net) / 1e6
    digits = 0 if cost >= 10 else 1
    return (
        f"{first.features} features at {first.size} x {first.size} units, "
        f"{cost:.{digits}f} M multiply-adds"
    )
