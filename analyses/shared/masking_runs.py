"""How masking.py and predictions.py show images to networks: budgets, parts of a data set, runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cortexsim.cli import option
from cortexsim.experiments.mask.design import Design
from cortexsim.experiments.mask.statistics import Presented
from cortexsim.experiments.mask.subject import masked, subject
from cortexsim.experiments.networks import named
from cortexsim.stimuli.images import Stimuli
from shared.pictures import ShownConfig

if TYPE_CHECKING:
    import xarray

    from cortexsim.stimuli.datasets import ImageSet

SEED = 0
STEP_MS = 25.0
STEPS = 12
MASKS = ("phase", "checkerboard")  # the first is that of Tang et al.


@dataclass(frozen=True)
class Budget:
    """How many images are shown in each part, the SOAs in steps, the resamples, and how many
    training images the statistics are estimated on.
    """

    images: int
    lesioned: int
    manipulated: int
    soa_steps: tuple[int, ...]
    n: int
    calibration: int = 500


@dataclass(frozen=True)
class MaskingConfig(ShownConfig):
    """What this analysis and predictions.py are asked."""

    budget: str = option("cpu", "how much is shown", choices=("smoke", "cpu"))
    networks: tuple[str, ...] = option(
        (),
        "bundled networks or weights files; default cortex4, cortex4-masked (where its weights "
        "are) and cortex4-twin",
    )


def networks(asked: tuple[str, ...]) -> list[str]:
    """The networks to show images to."""
    import cortexsim

    if asked:
        return list(asked)
    out = []
    for name in ("cortex4", "cortex4-masked", "cortex4-twin"):
        try:
            cortexsim.load(name)
            out.append(name)
        except ValueError as error:  # weights that do not come with this version
            print(f"without {name}: {error}")
    return out


def test_images(images: ImageSet, count: int) -> Stimuli:
    """The first test images as stimuli."""
    return part_of(images, "test", count)


def training_images(images: ImageSet, budget: Budget) -> Stimuli:
    """The first training images, on which statistics are estimated."""
    return part_of(images, "train", budget.calibration)


def part_of(images: ImageSet, part: str, count: int) -> Stimuli:
    """The first images of a part as stimuli."""
    x, y = (getattr(images, f"{part}_{k}")[:count] for k in "xy")
    return Stimuli(
        f"{images.name}, {part}",
        tuple(f"{part}-{i:05d}" for i in range(len(x))),
        tuple(images.classes[k] for k in y.tolist()),
        x.permute(0, 2, 3, 1).numpy(),
    )


def experiment(
    name: str,
    stimuli: Stimuli,
    budget: Budget,
    *,
    masks: tuple[str, ...],
    lesions: tuple[str, ...] = ("none",),
    soa_steps: tuple[int, ...] = (),
    calibration: Stimuli | None = None,
    fits: Presented | None = None,
    **more: int,
) -> xarray.Dataset:
    """One network under all SOAs and masks, as ``cortexsim mask`` runs it.

    Statistics are estimated on ``calibration``, or were in ``fits``; without either they are those
    of the weights file.
    """
    choice = named(name, steps=STEPS)
    counts = {"compared": min(100, len(stimuli)), "decoded": min(300, len(stimuli)), **more}
    design = designed(soa_steps or budget.soa_steps, masks, **counts)
    shown = subject(
        choice, stimuli, design=design, lesions=lesions, name=name, calibration=calibration
    )
    shown = replace(shown, presented=fits or {})
    permutations = max(20, budget.n // 5)
    return masked([shown], stimuli, n=budget.n, permutations=permutations).isel(network=0)


def designed(soa_steps: Sequence[int], masks: tuple[str, ...], **counts: int) -> Design:
    """What is shown, SOAs in steps."""
    return Design(tuple(s * STEP_MS for s in soa_steps), masks, STEPS, seed=SEED, **counts)


def fitted(name: str, calibration: Stimuli, budget: Budget, *, masks: tuple[str, ...]) -> Presented:
    """The intact network under every SOA and mask, with statistics of each."""
    design = designed(budget.soa_steps, masks, compared=0, decoded=0)
    return subject(
        named(name, steps=STEPS),
        calibration,
        design=design,
        lesions=("none",),
        name=name,
        calibration=calibration,
    ).fitted()
