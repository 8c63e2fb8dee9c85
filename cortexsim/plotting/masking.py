"""Figures of masking: accuracy against SOA, what lesions change, and where in the network a mask
arrives. Axes in, axes out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plotting.page import MM, NARROW, PAGE, printed, sheet, wrapped
from cortexsim.plotting.parts import needs, style, whole_steps
from cortexsim.plotting.people import beside_people

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNDER = 13.0  # mm below a panel, where the labels of its axis end
UNMASKED = "none"
SAY = {UNMASKED: "no mask", "image": "mask: another image"}


@clear_errors
@printed
def masking(
    result: xarray.Dataset, people: xarray.Dataset | None = None, *, width_mm: float = PAGE
) -> Figure:
    """What a mask does: one row a network.

    Accuracy by SOA, masking effect by readout time for every lesion, distance of states by time.
    The accuracy is that at the last readout with an answer; the right two panels are of the
    shortest SOA and the first kind of mask.

    Parameters
    ----------
    result : xarray.Dataset
        What ``cortexsim.mask`` wrote.
    people : xarray.Dataset, optional
        Curves of people to set beside accuracy by SOA (``neural.from_trials``); both are then
        (accuracy - chance) / (1 - chance).
    width_mm : float
        Of the figure, printed: 89 is a column of a journal, 183 its page.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    AnalysisError
        For more than two networks in one column of a journal.
    """
    needs(
        result,
        ("accuracy", "effect", "distance"),
        ("network", "lesion", "mask", "soa_ms"),
        over=tuple(map(str, result.dims)),
    )
    from matplotlib.transforms import ScaledTranslation

    names = [str(v) for v in result.network.values]
    narrow = width_mm < NARROW
    if narrow and len(names) > 2:
        raise AnalysisError(
            f"{len(names)} networks are {3 * len(names)} panels below each other at "
            f"{width_mm:g} mm, more than a page holds: give width_mm={PAGE:g}, or choose one, "
            f"e.g. result.sel(network=[{names[0]!r}])"
        )
    figure = sheet(width_mm, (195 if narrow else 78) * len(names) + 14)
    shape = (3 * len(names), 1) if narrow else (len(names), 3)
    panels = figure.subplots(*shape, squeeze=False).reshape(len(names), 3)
    kind, soa = str(result["mask"].values[1]), float(result.soa_ms.values[0])
    for row, name in zip(panels, names):
        of_network = result.sel(network=name)
        readout = last_answer(of_network)
        if people is None:
            soa_curves(row[0], of_network.isel(lesion=0), readout)
        else:
            beside_people(row[0], of_network.isel(lesion=0), people, readout)
        row[0].set_title(f"{name}: readout at step {readout}", loc="left", fontsize="medium")
        by_lesion(row[1], of_network.sel(soa_ms=soa, mask=kind))
        row[1].set_title(f"{SAY.get(kind, kind)}, SOA {soa:g} ms", loc="left", fontsize="medium")
        by_state(row[2], of_network.isel(lesion=0).sel(soa_ms=soa, mask=kind))
        row[2].set_title(
            f"states, {SAY.get(kind, kind)}, SOA {soa:g} ms", loc="left", fontsize="medium"
        )
    under_labels = ScaledTranslation(0, -UNDER * MM, figure.dpi_scale_trans)
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
        under = 0.9 * width_mm / (1 if narrow else 3)
        axes.xaxis.label.set_text(wrapped(axes.get_xlabel(), under, 6.25))
        axes.set_title(wrapped(axes.get_title(loc="left"), under), loc="left", fontsize="medium")
        axes.legend(  # between the panel and the next: it covers no point
            frameon=False,
            fontsize="x-small",
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            bbox_transform=axes.transAxes + under_labels,
            ncols=2,
            handlelength=1.8,
            columnspacing=0.8,
        )
    head = (
        f"n = {result.attrs['n']} stimuli; bars and bands: "
        f"{result.attrs['interval'].split(',')[0]} intervals over stimuli; the mask follows the "
        "image at once"
    )
    figure.suptitle(wrapped(head, 0.95 * width_mm, 6.25), fontsize="small")
    return figure


def last_answer(of_network: xarray.Dataset) -> int:
    """The last readout at which the intact network answers under every condition.

    Parameters
    ----------
    of_network : xarray.Dataset
        The result of one network.

    Returns
    -------
    int
        The step; the first with an answer if there is none with all answers.

    Raises
    ------
    AnalysisError
        If it answers at no readout.
    """
    complete = of_network.accuracy.isel(lesion=0).notnull().all(("mask", "soa_ms")).values
    answered = of_network.accuracy.isel(lesion=0).notnull().any(("mask", "soa_ms")).values
    if not answered.any():
        raise AnalysisError(
            "this network answers at no readout time of the result; nothing can be drawn"
        )
    return int(
        of_network.readout.values[complete][-1]
        if complete.any()
        else of_network.readout.values[answered][0]
    )


def soa_curves(
    axes: Axes, of_network: xarray.Dataset, readout: int, *, variable: str = "accuracy"
) -> Axes:
    """A curve for each presentation against the SOA with intervals; chance dotted.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    of_network : xarray.Dataset
        With dimensions ``(mask, soa_ms, readout)``.
    readout : int
        The readout step.
    variable : str
        What is drawn.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    at = of_network.sel(readout=readout)
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
        of_network.attrs["chance"] if variable == "accuracy" else 0.0,
        color="black",
        ls=":",
        lw=0.8,
        label="chance",
    )
    axis = json.loads(of_network.attrs["time_axis"])
    axes.set(
        xlabel="SOA = time the image is on, ms\n"
        f"(nominal, {axis['step_ms']:g} ms a step; declared "
        f"{axis['step_ms_low']:g}–{axis['step_ms_high']:g})",
        ylabel={"accuracy": "accuracy (share correct)", "dprime": "d′, s.d."}.get(
            variable, variable
        ),
        ylim=(0, None),
    )
    return axes


def by_lesion(axes: Axes, of_network: xarray.Dataset) -> Axes:
    """The masking effect against the readout step for the intact network and every lesion.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    of_network : xarray.Dataset
        With dimensions ``(lesion, readout)``.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    for k, lesion in enumerate(map(str, of_network.lesion.values)):
        colour, dash, marker = style(k)
        y = of_network.effect.sel(lesion=lesion).values
        _band(
            axes,
            of_network.readout.values,
            y,
            interval=of_network.effect_interval.sel(lesion=lesion),
            colour=colour,
        )
        axes.plot(
            of_network.readout,
            y,
            color=colour,
            ls=dash,
            marker=marker,
            ms=5,
            label="intact" if lesion == UNMASKED else f"without {lesion}",
        )
    axes.axhline(0, color="black", lw=0.8)
    trained = json.loads(of_network.attrs.get("trained_readout", "{}"))
    if (step := trained.get(str(of_network.network.item()))) is not None:
        axes.axvline(step, color="0.4", ls=":", lw=1, label=f"trained readout, step {step}")
    axes.set(
        xlabel=f"readout step\n({_nominal(of_network)})",
        ylabel="masking effect: accuracy\nunmasked − masked",
        xticks=of_network.readout.values,
    )
    return axes


def by_state(axes: Axes, of_network: xarray.Dataset, variable: str = "distance") -> Axes:
    """How far each state is from what it would be without the mask, by step.

    The scale, different images, stands at the right edge.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    of_network : xarray.Dataset
        With dimensions ``(state, step)``.
    variable : str
        What is drawn.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    for k, state in enumerate(map(str, of_network.state.values)):
        y = of_network[variable].sel(state=state).values
        if not np.isfinite(y).any():
            continue
        colour, dash, marker = style(k)
        _band(
            axes,
            of_network.step.values,
            y,
            interval=of_network[f"{variable}_interval"].sel(state=state),
            colour=colour,
        )
        axes.plot(of_network.step, y, color=colour, ls=dash, marker=marker, ms=4, label=state)
        if variable == "distance":
            scale = of_network.distance_images.sel(state=state).values
            axes.plot(
                of_network.step.values[-1] + 0.35,
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
        xlabel=f"step\n({_nominal(of_network)})",
        ylabel=f"{label}\nmasked from unmasked",
        ylim=(0, None),
    )
    whole_steps(axes.xaxis)
    return axes


def _band(axes: Axes, x: Any, y: np.ndarray, *, interval: xarray.DataArray, colour: str) -> None:
    low, high = interval.transpose("bound", ...).values
    finite = np.isfinite(y)
    axes.fill_between(
        np.asarray(x)[finite], low[finite], high[finite], color=colour, alpha=0.2, lw=0
    )


def _nominal(of_network: xarray.Dataset) -> str:
    axis = json.loads(of_network.attrs["time_axis"])
    return (
        f"nominal {axis['step_ms']:g} ms each, declared "
        f"{axis['step_ms_low']:g}–{axis['step_ms_high']:g}"
    )
