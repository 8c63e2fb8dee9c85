"""What a mask costs at each readout step, beside people: points, and shares above chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.draws import draw
from cortexsim.experiments.mask.people import interval_of
from shared.masked_people import CHANCE, People

if TYPE_CHECKING:
    import xarray


def share_lost(unmasked: np.ndarray, masked: np.ndarray, chance: float) -> np.ndarray:
    """(unmasked - masked) / (unmasked - chance); NaN where nothing is above chance.

    >>> share_lost(np.array([0.6]), np.array([0.4]), 0.2)
    array([0.5])
    """
    above = np.asarray(unmasked, float) - chance
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(above > 0, (unmasked - masked) / above, np.nan)


def losses(
    result: xarray.Dataset, mask: str, *, n: int, seed: int, lesion: str = "none"
) -> dict[str, Any]:
    """Of one network at the shortest SOA: what the mask costs at each readout step.

    Intervals are over images, the same with and without the mask; each list has one entry a
    readout.
    """
    one = result.sel(lesion=lesion, mask=["none", mask]).isel(soa_ms=0)
    guess = one.guess.transpose("mask", "readout", "stimulus").values
    answered = (guess >= 0).all((0, 2))
    right = (guess == one.label.values)[:, answered]
    images = right.shape[-1]
    rng = np.random.default_rng([seed, 3])
    counts = draw(rng, n, np.arange(images), True, "stimulus")
    drawn = right @ counts.T / images  # (mask, readout, resample)
    points = right[0].mean(-1) - right[1].mean(-1)
    share = share_lost(right[0].mean(-1), right[1].mean(-1), result.attrs["chance"])
    shares = share_lost(*drawn, result.attrs["chance"])
    return {
        "soa_steps": int(one.soa_steps),
        "readout_steps": one.readout.values[answered],
        "unmasked": right[0].mean(-1),
        "loss": points,
        "loss_interval": [interval_of(d) for d in drawn[0] - drawn[1]],
        "share_above_chance": share,
        "share_interval": [interval_of(d) for d in shares],
    }


def losses_of_people(people: People) -> dict[str, Any]:
    """The same of people, one entry an SOA; intervals over subjects."""
    plain, masked = (people.accuracy[m] for m in (False, True))
    drawn = [people.draws[m] for m in (False, True)]
    return {
        "soa_ms": people.soa_ms,
        "loss": plain - masked,
        "loss_interval": [interval_of(d) for d in (drawn[0] - drawn[1]).T],
        "share_above_chance": share_lost(plain, masked, CHANCE),
        "share_interval": [interval_of(d) for d in share_lost(*drawn, CHANCE).T],
    }


def at_step(found: dict[str, Any], step: int) -> dict[str, Any] | None:
    """The numbers of one readout step; None where there is no answer then."""
    steps = list(found["readout_steps"])
    if step not in steps:
        return None
    k = steps.index(step)
    return {name: v[k] for name, v in found.items() if name not in ("soa_steps", "readout_steps")}


def unmasked_course(result: xarray.Dataset, readout: int) -> dict[str, Any]:
    """Accuracy without a mask by SOA at one readout step."""
    at = result.isel(lesion=0).sel(mask="none", readout=readout)
    return {
        "readout_step": readout,
        "soa_steps": at.soa_steps.values,
        "accuracy": at.accuracy.values,
        "interval": at.accuracy_interval.values,
    }


def sentences(
    name: str, mine: dict[str, Any], theirs: dict[str, Any], readouts: tuple[int, ...]
) -> list[str]:
    """What may be said of the losses, each with its readout step, beside people."""
    said = []
    for step in readouts:
        one = at_step(mine, step)
        if one is None:
            said.append(f"{name} has no answer under every presentation at readout step {step}.")
            continue
        low, high = one["share_interval"]
        points = [100 * v for v in (one["loss"], *one["loss_interval"])]
        loses = "loses" if points[1] > 0 else "cannot be shown to lose anything: it loses"
        said.append(
            f"{name}, readout step {step}, SOA of {mine['soa_steps']} step: {loses} "
            f"{points[0]:.1f} points [{points[1]:.1f}, {points[2]:.1f}] to the mask, "
            f"{one['share_above_chance']:.0%} [{low:.0%}, {high:.0%}] of its accuracy above "
            f"chance; people at {theirs['soa_ms'][0]:g} ms lose "
            f"{100 * theirs['loss'][0]:.1f} points, {theirs['share_above_chance'][0]:.0%} "
            f"[{theirs['share_interval'][0][0]:.0%}, {theirs['share_interval'][0][1]:.0%}]."
        )
    return said
