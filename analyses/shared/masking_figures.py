"""Panels of masking.py: axes in, nothing out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.intervals import percentile_interval, widened
from cortexsim.plotting.masking import by_lesion, by_state
from cortexsim.plotting.parts import style
from shared.masked_people import CHANCE, People, normalised

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes

NOMINAL, LOW, HIGH = 25.0, 20.0, 50.0
PEOPLE = {False: ("0.15", "-", "o"), True: ("0.15", "--", "o")}
MODEL = {False: ("#0072b2", "-", "s"), True: ("#d55e00", "--", "^")}


def soa_panel(
    axes: Axes, people: People, model: dict[str, Any], *, name: str, readout: int
) -> None:
    """People and one network against SOA in ms.

    The band is the network's masked curve for 20 to 50 ms a step.
    """
    for m in (False, True):
        colour, dash, marker = PEOPLE[m]
        y = normalised(people.accuracy[m], CHANCE)
        low, high = percentile_interval(
            normalised(people.draws[m], CHANCE), widened(0.95, people.subjects)
        )
        axes.errorbar(
            people.soa_ms,
            y,
            [y - low, high - y],
            color=colour,
            ls=dash,
            marker=marker,
            mfc="white" if m else colour,
            ms=5,
            capsize=2,
            label=f"people, {'masked' if m else 'unmasked'}",
        )
        colour, dash, marker = MODEL[m]
        drawn = model["masked" if m else "unmasked"]
        low, high = percentile_interval(drawn[1:])
        x = model["steps"] * NOMINAL
        axes.errorbar(
            x,
            drawn[0],
            [drawn[0] - low, high - drawn[0]],
            color=colour,
            ls=dash,
            marker=marker,
            ms=5,
            capsize=2,
            label=f"network, {'masked' if m else 'unmasked'} (25 ms a step)",
        )
    grid = np.linspace(model["steps"][0] * LOW, model["steps"][-1] * HIGH, 200)
    curves = [
        np.interp(grid, model["steps"] * d, model["masked"][0], left=np.nan, right=np.nan)
        for d in np.linspace(LOW, HIGH, 31)
    ]
    with np.errstate(all="ignore"):
        there = np.isfinite(curves).any(0)
    band = np.array(curves)[:, there]
    axes.fill_between(
        grid[there],
        np.nanmin(band, 0),
        np.nanmax(band, 0),
        color=MODEL[True][0],
        alpha=0.15,
        lw=0,
        label="network, masked (20–50 ms a step)",
    )
    axes.axhline(0, color="black", lw=0.8, ls=":")
    axes.set(
        xlim=(0, 260),
        ylim=(min(-0.08, axes.get_ylim()[0]), 1.05),
        yticks=np.arange(0, 1.1, 0.2),
        xlabel="SOA = time the image is on, ms",
        ylabel="(accuracy − chance) / (1 − chance)",
    )
    axes.set_title(f"{name}, readout at step {readout}", loc="left")
    bare(axes)


def loss_panel(
    axes: Axes, people: dict[str, Any], costs: dict[str, dict[str, Any]], *, name: str
) -> None:
    """Share of the accuracy above chance that the mask costs at an SOA of one step, by readout."""
    low, high = people["share_interval"][0]
    axes.axhspan(low, high, color="0.85", lw=0)
    axes.axhline(
        people["share_above_chance"][0],
        color="0.3",
        lw=1.2,
        label=f"people, SOA {people['soa_ms'][0]:g} ms, 95 %",
    )
    for (kind, one), (colour, dash, marker) in zip(costs.items(), (MODEL[True], MODEL[False])):
        share, ends = np.array(one["share_above_chance"]), np.array(one["share_interval"])
        axes.errorbar(
            one["readout_steps"],
            share,
            np.abs(ends.T - share),
            color=colour,
            ls=dash,
            marker=marker,
            mfc="white" if marker == "s" else colour,
            ms=5,
            capsize=2,
            label=kind,
        )
    axes.axhline(0, color="black", lw=0.8, ls=":")
    axes.set(
        xlim=(3.5, 12.5),
        ylim=(min(-0.1, axes.get_ylim()[0]), max(1.05, axes.get_ylim()[1])),
        yticks=np.arange(0, 1.1, 0.2),
        xlabel="readout step",
        ylabel="loss / (accuracy − chance)",
    )
    axes.set_title(f"{name}: cost at an SOA of 1 step", loc="left")
    bare(axes)


def unmasked_panel(
    axes: Axes, found: dict[str, tuple[xarray.Dataset, xarray.Dataset | None]], step: int = 12
) -> None:
    """Accuracy without a mask by SOA, with both kinds of statistics."""
    for k, (name, both) in enumerate(found.items()):
        colour, _, marker = style(k)
        for one, dash, fill, text in zip(
            both, ("-", ":"), (colour, "white"), ("the presentation", "the weights file")
        ):
            if one is None or step not in one.readout:
                continue
            at = one.isel(lesion=0).sel(mask="none", readout=step)
            if not np.isfinite(at.accuracy).all():
                continue
            ends = np.abs(at.accuracy_interval.values.T - at.accuracy.values)
            axes.errorbar(
                at.soa_steps,
                at.accuracy,
                ends,
                color=colour,
                ls=dash,
                marker=marker,
                mfc=fill,
                ms=5,
                capsize=2,
                label=f"{name}, statistics of {text}",
            )
    axes.set(xlabel="steps that the image is on", ylabel="accuracy (share correct)")
    axes.set_ylim(min(0.5, axes.get_ylim()[0]), 1)
    axes.set_title(f"without a mask, readout at step {step}", loc="left")
    bare(axes)


def threshold_panel(
    axes: Axes, people: People, models: dict[str, dict[str, Any]], *, durations: Sequence[float]
) -> None:
    """Threshold SOA under the mask by the duration of a step."""
    low, high = people.threshold.interval
    axes.axhspan(low, high, color="0.85", lw=0, label="people, 95 %")
    axes.axhline(people.threshold.threshold_ms, color="0.3", lw=1.2, label="people")
    d = np.array(durations)
    for k, (name, model) in enumerate(models.items()):
        colour, dash, marker = style(k)
        if model["threshold_status"] == "ok":
            ends = np.array(model["threshold_interval_steps"])
            ends = np.clip(ends, model["steps"][0] * 0.5, model["steps"][-1])
            axes.fill_between(d, ends[0] * d, ends[1] * d, color=colour, alpha=0.2, lw=0)
            axes.plot(
                d,
                model["threshold_steps"] * d,
                color=colour,
                ls=dash,
                marker=marker,
                ms=5,
                label=name,
            )
        elif model["threshold_status"].startswith("below"):
            axes.plot(
                d + 0.6 * k,  # beside each other: bounds of different networks can be equal
                model["steps"][0] * d,
                color=colour,
                ls=dash,
                marker="$\\downarrow$",
                ms=8,
                label=f"{name}: below its shortest SOA",
            )
        else:
            axes.plot(
                [], [], color=colour, ls=dash, label=f"{name}: none ({model['threshold_status']})"
            )
    axes.set(
        xlabel="duration of a step, ms (declared 20–50)",
        ylabel="threshold SOA, masked, ms",
        xlim=(LOW - 1, HIGH + 2),
        ylim=(0, 1.05 * max(axes.get_ylim()[1], 60)),
    )
    axes.set_title("thresholds (halfway to the asymptote)", loc="left")
    bare(axes)


def manipulation_panel(axes: Axes, found: dict[str, Any], readout: int, *, name: str) -> None:
    """Masking effect of the network against that of people, one mark a manipulation."""
    x, y, ends = (
        np.array(found["people_effect"]),
        np.array(found["model_effect"]),
        np.array(found["model_interval"]),
    )
    hard = np.array([t.endswith("high") for t in found["tasks"]])
    for which, marker, text in ((hard, "^", "70 % hidden"), (~hard, "o", "control, 40 % hidden")):
        axes.errorbar(
            x[which],
            y[which],
            [y[which] - ends[which, 0], ends[which, 1] - y[which]],
            xerr=1.96 * np.array(found["people_sem"])[which],
            ls="",
            marker=marker,
            ms=5,
            color="#0072b2" if marker == "o" else "#d55e00",
            elinewidth=0.7,
            label=text,
        )
    axes.axhline(0, color="black", lw=0.8)
    axes.axvline(0, color="black", lw=0.8)
    axes.set_ylim(min(-0.1, axes.get_ylim()[0]), max(0.1, axes.get_ylim()[1]))
    rho = found["spearman"]
    text = (
        "no rank correlation"
        if rho["value"] is None
        else (
            f"Spearman {rho['value']:.2f} [{rho['interval'][0]:.2f}, {rho['interval'][1]:.2f}], "
            f"p = {rho['p_permutation']:.2g}"
        )
    )
    axes.set(
        xlabel="masking effect in people (Maniquet et al. 2025)",
        ylabel=f"effect in the network, SOA\nof 1 step, readout at step {readout}",
    )
    axes.xaxis.label.set_fontsize("small")
    axes.set_title(f"{name}: {len(x)} manipulations,\n{text}", loc="left")
    bare(axes)


def lesion_panel(axes: Axes, lesions: xarray.Dataset | None, mask: str, *, name: str) -> None:
    """Masking effect by readout for the intact net and its lesions, at an SOA of one step."""
    if lesions is None:
        axes.text(
            0.5,
            0.5,
            f"{name} is feed-forward:\nnothing to lesion",
            ha="center",
            va="center",
            transform=axes.transAxes,
        )
        axes.set_axis_off()
        return
    by_lesion(axes, lesions.sel(mask=mask).isel(soa_ms=0))
    axes.set_title(f"{name}: lesions, SOA of 1 step", loc="left")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.35 * (high - low))  # room for the legend
    bare(axes)


def state_row(row: Sequence[Axes], one: xarray.Dataset, mask: str, *, name: str) -> None:
    """Three measures of what the mask does to each state."""
    row[0].set_title(f"{name}: mask ({mask}) after an SOA of 1 step", loc="left")
    for axes, variable in zip(row, ("distance", "rdm_distance", "decoding"), strict=True):
        by_state(axes, one.sel(mask=mask), variable)
        axes.set_xlabel(axes.get_xlabel().replace(", ", ",\n"))  # three panels abreast
        if variable == "decoding":
            for k, state in enumerate(map(str, one.state.values)):
                colour = style(k)[0]
                axes.plot(
                    one.step,
                    one.decoding.sel(mask="none", state=state),
                    color=colour,
                    ls="-",
                    lw=0.8,
                    alpha=0.7,
                )
            axes.plot([], [], color="0.4", lw=0.8, label="without a mask (thin)")
            axes.axhline(one.attrs["chance"], color="black", ls=":", lw=0.8, label="chance")
            axes.set_ylabel("decoding accuracy,\ntrained unmasked")
        axes.set(xlim=(0.5, float(one.step[-1]) + 0.8), ylim=(0, max(0.1, axes.get_ylim()[1])))
        bare(axes)
    if not np.isfinite(one.distance.sel(mask=mask).isel(step=-1)).any():
        row[1].text(
            0.5,
            0.5,
            "no state is left\nonce the image is gone,\nso that a mask finds\nnothing to disrupt",
            ha="center",
            va="center",
            transform=row[1].transAxes,
        )


def bare(axes: Axes) -> None:
    """A frame of two sides, and a title of common size."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(axes.get_title(loc="left"), loc="left", fontsize="medium")
