"""Figures: axes in, axes out.

Only ``save`` touches files. Lines differ by dash and marker too, to be read in grey.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.plotting.page import NARROW, PAGE, printed, sheet, wrapped
from cortexsim.plotting.parts import STATE_STYLES, in_ms, legend_below

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


BAND = "5th–95th percentile of stimuli (lines: their mean)"
FEW = 200  # stimuli that an overview reads: a recording may be larger than memory


def step_labels(dataset: xarray.Dataset) -> list[str]:
    """Tick labels that carry the declared range: step, nominal ms, and (low-high).

    Only the step where no ms were declared, as for somebody else's network.

    Parameters
    ----------
    dataset : xarray.Dataset
        With step, time_ms, time_ms_low and time_ms_high.

    Returns
    -------
    list of str
        One for each step.
    """
    if not in_ms(dataset):
        return [str(s) for s in dataset.step.values]
    rows = zip(
        *(dataset[c].values for c in ("step", "time_ms", "time_ms_low", "time_ms_high")),
        strict=True,
    )
    return [f"{s}\n{t:g}\n{a:g}–{b:g}" for s, t, a, b in rows]


def relative_change(axes: Axes, tree: xarray.DataTree, states: list[str]) -> Axes:
    """How fast each state moves: |h(t) - h(t-1)| / |h(t)| by step.

    Mean and 5th to 95th percentile over the first stimuli (at most 200).

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    tree : xarray.DataTree
        A recording.
    states : list of str
        Which of its states.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    for (colour, dash, marker), name in zip(STATE_STYLES * 3, states, strict=False):
        group = tree[name].dataset.isel(stimulus=slice(FEW))
        h = group.activation.astype("float32").values.reshape(
            group.sizes["stimulus"], group.sizes["step"], -1
        )
        size = np.linalg.norm(h[:, 1:], axis=2)
        step = np.linalg.norm(np.diff(h, axis=1), axis=2) / np.where(size > 0, size, np.nan)
        seen = np.isfinite(step).all(0)
        if not seen.any():
            continue
        x = group.step.values[1:][seen]
        low, high = np.percentile(step[:, seen], [5, 95], axis=0)
        axes.plot(x, step[:, seen].mean(0), color=colour, ls=dash, marker=marker, ms=5, label=name)
        axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
    axes.set(ylabel="relative change of the state\n$|h(t)-h(t-1)|\\,/\\,|h(t)|$", ylim=(0, None))
    if not axes.lines:
        where: dict[str, Any] = {
            "transform": axes.transAxes,
            "ha": "center",
            "va": "center",
            "color": "grey",
        }
        axes.text(0.5, 0.5, "no state is populated\nat two successive steps", **where)
    return axes


def confidence(axes: Axes, readout: xarray.Dataset) -> Axes:
    """Entropy of the readout by step: how much of the answer is still open.

    Over the first stimuli (at most 200).

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    readout : xarray.Dataset
        The group ``readout`` of a recording.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    logits = readout.logits.isel(stimulus=slice(FEW)).values.astype("float64")[
        :, readout.populated.values
    ]
    p = np.exp(logits - logits.max(2, keepdims=True))
    p /= p.sum(2, keepdims=True)
    entropy = -(p * np.log2(np.maximum(p, 1e-300))).sum(2)
    x = readout.step.values[readout.populated.values]
    low, high = np.percentile(entropy, [5, 95], axis=0)
    axes.plot(x, entropy.mean(0), color="black", marker="o", ms=5, label="readout")
    axes.fill_between(x, low, high, color="black", alpha=0.12, lw=0, label=BAND)
    chance = np.log2(readout.sizes["class"])
    axes.axhline(chance, color="grey", lw=1, ls=":")
    axes.text(
        readout.step.values[0],
        1.03 * chance,  # also above markers that lie on the line
        "all classes alike",
        va="bottom",
        fontsize="small",
        color="grey",
    )
    axes.set(ylabel="entropy of the readout (bits)", ylim=(0, chance * 1.15))
    return axes


def filmstrip(rows: Any, tree: xarray.DataTree, states: list[str], *, stimulus: int = 0) -> None:
    """One stimulus' maps: a row for each state, a column for each step.

    Root mean square over channels; empty is not populated. Each map is drawn from 0 to its own
    maximum, which stands below it.

    Parameters
    ----------
    rows : array of matplotlib.axes.Axes, shape (state, step)
        Where to draw.
    tree : xarray.DataTree
        A recording.
    states : list of str
        Which of its states.
    stimulus : int
        Index of the stimulus.
    """
    for axes_of_state, name in zip(rows, states, strict=True):
        maps = tree[name].activation.isel(stimulus=stimulus).astype("float32").values
        for axes, image in zip(axes_of_state, np.sqrt((maps**2).mean(1)), strict=True):
            axes.set(xticks=[], yticks=[])
            if np.isfinite(image).all():
                axes.imshow(image, cmap="gray", vmin=0, vmax=image.max(), interpolation="nearest")
                axes.set_xlabel(f"{image.max():.2g}", fontsize="x-small", labelpad=1)
            else:
                axes.imshow(np.ones_like(image), cmap="gray", vmin=0, vmax=1)
                for spine in axes.spines.values():
                    spine.set(linestyle=":", color="0.7")
        axes_of_state[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize="large")


@clear_errors
@printed
def overview(tree: xarray.DataTree, image: Any = None, *, width_mm: float = PAGE) -> Figure:
    """One stimulus through all states and steps.

    And how fast the states move, and how sure the readout is; the legend stands below.

    Parameters
    ----------
    tree : xarray.DataTree
        A recording.
    image : array_like of shape (channel, y, x), optional
        The first stimulus as the network saw it; without it only its id stands there.
    width_mm : float
        Of the figure, printed: 89 is a column of a journal, 183 its page.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    configuration = json.loads(tree.attrs["configuration"])
    states = list(configuration["states"])
    steps = tree[states[0]].sizes["step"]
    maps = configuration["keep"] == "full"
    narrow = width_mm < NARROW
    side = min(30.0, (width_mm - 14) / (steps + 1.2))
    strip_height = (side + 3) * len(states) + 18 if maps else 6.0
    foot = 120.0 if narrow else 75.0
    figure = sheet(width_mm, strip_height + foot)
    parts: Any = (
        figure.subfigures(2, 1, height_ratios=[strip_height, foot]) if maps else [None, figure]
    )
    if maps:
        grid = parts[0].subplots(
            len(states),
            steps + 1,
            squeeze=False,
            gridspec_kw={"width_ratios": [1.15] + [1] * steps},
        )
        for axes in grid[:, 0]:
            axes.axis("off")
        if image is not None:
            shown = np.moveaxis(np.asarray(image), 0, -1)
            shown = (shown - shown.min()) / max(float(np.ptp(shown)), 1e-9)
            grid[0, 0].imshow(shown)
        filmstrip(grid[:, 1:], tree, states)
        unit = "{:g} ms" if in_ms(tree[states[0]].to_dataset()) else "step {:g}"
        every = -(-11 // max(1, int(side)))  # a title needs about 11 mm
        times = tree[states[0]].time_ms.values
        for axes, label in list(zip(grid[0, 1:], times, strict=True))[::every]:
            axes.set_title(unit.format(label), fontsize="x-small")
        n = tree[states[0]].sizes["stimulus"]
        head = (
            f"{configuration['model']}: stimulus {tree[states[0]].stimulus_id.values[0]}"
            f"{f', one of {n:,}' if n > 1 else ''}\nrms over channels of each state at each step "
            "(0 to the maximum below each map)"
        )
        parts[0].suptitle(wrapped(head, 0.9 * width_mm), fontsize="medium")
    else:
        head = (
            f"{configuration['model']}: {tree[states[0]].sizes['stimulus']:,} stimuli, kept: "
            f"{configuration['keep']}"
        )
        figure.suptitle(wrapped(head, 0.9 * width_mm), fontsize="medium")
    left, right = parts[1].subplots(*((2, 1) if narrow else (1, 2)))
    relative_change(left, tree, states)
    if "readout" in tree.children:
        confidence(right, tree["readout"].dataset)
    else:
        where: dict[str, Any] = {
            "transform": right.transAxes,
            "ha": "center",
            "va": "center",
            "color": "grey",
        }
        right.text(0.5, 0.5, "the last state is never populated:\nno readout", **where)
        right.set_yticks([])
    first = tree[states[0]].dataset
    for axes in (left, right):
        every = -(-steps // 6)
        axes.set_xticks(
            first.step.values[::every],
            step_labels(first)[::every],
            fontsize="small" if steps < 6 else 6.5,
        )
        axes.set_xlabel(
            "step / nominal ms after image onset / declared range, ms"
            if in_ms(first)
            else "step (no milliseconds were declared)",
            fontsize="small",
        )
        axes.set_xlim(0.5, steps + 0.5)
        axes.spines[["top", "right"]].set_visible(False)
    right.fill_between([], [], color="black", alpha=0.12, lw=0, label=BAND)
    legend_below(figure, [left, right], ncols=8)
    return figure
