"""Figures of masking: accuracy against SOA, what lesions change, and where in the network a mask arrives. Axes in, axes out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.plotting.rsa import needs, style

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNMASKED = "none"
SAY = {UNMASKED: "no mask", "image": "mask: another image"}


def masking(result: xarray.Dataset) -> Figure:
    """One row a network: accuracy by SOA, masking effect by readout time for every lesion, distance of states by time.

    result: what ``cortexsim.mask`` wrote. The accuracy is that at the last readout with an answer; the right two panels are of the shortest SOA and the
    first kind of mask.
    """
    from matplotlib.figure import Figure

    needs(
        result,
        ("accuracy", "effect", "distance"),
        ("network", "lesion", "mask", "soa_ms"),
        over=tuple(map(str, result.dims)),
    )
    names = [str(v) for v in result.network.values]
    figure = Figure(figsize=(12.5, 3.5 * len(names) + 0.7), layout="constrained")
    panels = figure.subplots(len(names), 3, squeeze=False)
    kind, soa = str(result["mask"].values[1]), float(result.soa_ms.values[0])
    for row, name in zip(panels, names):
        one = result.sel(network=name)
        readout = last_answer(one)
        soa_curves(row[0], one.isel(lesion=0), readout)
        row[0].set_title(f"{name}: readout at step {readout}", loc="left", fontsize="medium")
        by_lesion(row[1], one.sel(soa_ms=soa, mask=kind))
        row[1].set_title(f"{SAY.get(kind, kind)}, SOA {soa:g} ms", loc="left", fontsize="medium")
        by_state(row[2], one.isel(lesion=0).sel(soa_ms=soa, mask=kind))
        row[2].set_title(
            f"states, {SAY.get(kind, kind)}, SOA {soa:g} ms", loc="left", fontsize="medium"
        )
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize="x-small")
    figure.suptitle(
        f"n = {result.attrs['n']} stimuli; bars and bands: {result.attrs['interval'].split(',')[0]} intervals over stimuli; the mask follows the image at once",
        fontsize="small",
    )
    return figure


def last_answer(one: xarray.Dataset) -> int:
    """The last readout at which the intact network answers under every condition; else the first it has."""
    there = one.accuracy.isel(lesion=0).notnull().all(("mask", "soa_ms")).values
    some = one.accuracy.isel(lesion=0).notnull().any(("mask", "soa_ms")).values
    if not some.any():
        raise AnalysisError(
            "this network answers at no readout time of the result; nothing can be drawn"
        )
    return int(one.readout.values[there][-1] if there.any() else one.readout.values[some][0])


def soa_curves(axes: Axes, one: xarray.Dataset, readout: int, variable: str = "accuracy") -> Axes:
    """A curve for each presentation against the SOA with intervals; chance dotted. one: ``(mask, soa_ms, readout)``."""
    at = one.sel(readout=readout)
    width = float(at.soa_ms.values[-1] - at.soa_ms.values[0] if at.sizes["soa_ms"] > 1 else 1.0)
    for k, kind in enumerate(map(str, at["mask"].values)):
        colour, dash, marker = style(k)
        y = at[variable].sel(mask=kind).values
        low, high = at[f"{variable}_interval"].sel(mask=kind).transpose("bound", "soa_ms").values
        x = at.soa_ms.values + 0.006 * width * (k - at.sizes["mask"] / 2)  # bars beside each other
        axes.errorbar(
            x,
            y,
            [y - low, high - y],
            color=colour,
            ls=dash,
            marker=marker,
            ms=5,
            capsize=2,
            label=SAY.get(kind, f"mask: {kind}"),
        )
    axes.axhline(
        one.attrs["chance"] if variable == "accuracy" else 0.0,
        color="black",
        ls=":",
        lw=0.8,
        label="chance",
    )
    axis = json.loads(one.attrs["time_axis"])
    axes.set(
        xlabel=f"SOA = time the image is on, ms\n(nominal, {axis['step_ms']:g} ms a step; declared {axis['step_ms_low']:g}–{axis['step_ms_high']:g})",
        ylabel={"accuracy": "accuracy (share correct)", "dprime": "d′, s.d."}.get(variable, variable), ylim=(0, None),
    )  # fmt: skip
    return axes


def by_lesion(axes: Axes, one: xarray.Dataset) -> Axes:
    """The masking effect against the readout step for the intact network and every lesion. one: ``(lesion, readout)``."""
    for k, lesion in enumerate(map(str, one.lesion.values)):
        colour, dash, marker = style(k)
        y = one.effect.sel(lesion=lesion).values
        _band(axes, one.readout.values, y, one.effect_interval.sel(lesion=lesion), colour)
        axes.plot(
            one.readout,
            y,
            color=colour,
            ls=dash,
            marker=marker,
            ms=5,
            label="intact" if lesion == UNMASKED else f"without {lesion}",
        )
    axes.axhline(0, color="black", lw=0.8)
    axes.set(
        xlabel=f"readout step\n({_nominal(one)})",
        ylabel="masking effect: accuracy\nunmasked − masked",
        xticks=one.readout.values,
    )
    return axes


def by_state(axes: Axes, one: xarray.Dataset, variable: str = "distance") -> Axes:
    """How far each state is from what it would be without the mask, by step. one: ``(state, step)``; the scale, different images, at the right edge."""
    for k, state in enumerate(map(str, one.state.values)):
        y = one[variable].sel(state=state).values
        if not np.isfinite(y).any():
            continue
        colour, dash, marker = style(k)
        _band(axes, one.step.values, y, one[f"{variable}_interval"].sel(state=state), colour)
        axes.plot(one.step, y, color=colour, ls=dash, marker=marker, ms=4, label=state)
        if variable == "distance":
            scale = one.distance_images.sel(state=state).values
            axes.plot(
                one.step.values[-1] + 0.35,
                scale[np.isfinite(scale)][-1],
                color=colour,
                marker=marker,
                mfc="none",
                ls="",
            )
    if variable == "distance":
        axes.plot(
            [], [], color="0.4", marker="o", mfc="none", ls="", label="different images, unmasked"
        )
    label = {
        "distance": "cosine distance",
        "rdm_distance": "RDM distance, 1 − r",
        "decoding": "decoding accuracy",
    }[variable]
    axes.set(
        xlabel=f"step\n({_nominal(one)})", ylabel=f"{label}\nmasked from unmasked", ylim=(0, None)
    )
    return axes


def _band(axes: Axes, x: Any, y: np.ndarray, interval: xarray.DataArray, colour: str) -> None:
    low, high = interval.transpose("bound", ...).values
    there = np.isfinite(y)
    axes.fill_between(np.asarray(x)[there], low[there], high[there], color=colour, alpha=0.2, lw=0)


def _nominal(one: xarray.Dataset) -> str:
    axis = json.loads(one.attrs["time_axis"])
    return f"nominal {axis['step_ms']:g} ms each, declared {axis['step_ms_low']:g}–{axis['step_ms_high']:g}"
