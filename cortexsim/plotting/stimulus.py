"""One stimulus of a recording: what its states hold at every step, and what the readout says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.ids import quoted, texts
from cortexsim.plotting.parts import in_ms, legend_beside, style
from cortexsim.plotting.recording import filmstrip, step_labels

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHANNELS = 8
CLASSES = 5


@clear_errors
def stimulus(tree: xarray.DataTree, stimulus_id: str, *, state: str | None = None) -> Figure:
    """One stimulus through all states, or through the channels of one state, by step.

    Parameters
    ----------
    tree : xarray.DataTree
        A recording.
    stimulus_id : str
        Which of its stimuli.
    state : str, optional
        Draw the maps of the channels of this state that change most over the steps (the units, if
        maps were not kept); default the root mean square over channels of every state.

    Returns
    -------
    matplotlib.figure.Figure
        Rows of maps and, below, the probability of the most probable classes at each step.

    Raises
    ------
    AnalysisError
        For a stimulus or a state that is not there.
    """
    from matplotlib.figure import Figure

    known = json.loads(tree.attrs["configuration"])
    states = list(known["states"])
    if state is not None and state not in states:
        raise AnalysisError(f"no state is called {state}; choose from {', '.join(states)}")
    first = tree[states[0]].dataset
    place = _place(first, stimulus_id)
    shown = states if state is None else [state]
    maps = known["keep"] == "full"
    rows = CHANNELS if state and maps else len(shown)
    steps = first.sizes["step"]
    width = max(7.5, 1.05 * steps + 1.6)
    figure = Figure(figsize=(width, (1.05 * rows if maps else 2.6) + 3.0), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=[1.05 * rows if maps else 2.6, 2.7])
    above, below = parts
    if maps:
        grid = above.subplots(rows, steps, squeeze=False)
        if state is None:
            filmstrip(grid, tree, states, stimulus=place)
        else:
            _channels(grid, tree[state].dataset, place)
        unit = "{:g} ms" if in_ms(first) else "step {:g}"
        for axes, time in zip(grid[0], first.time_ms.values, strict=True):
            axes.set_title(unit.format(time), fontsize="small")
    else:
        axes = above.subplots()
        for k, name in enumerate(shown):
            _units(axes, tree[name].dataset, place, name, k)
        axes.set_ylabel("rms over units" if state is None else "activation of its units")
        _steps(axes, first)
        if state is None:
            legend_beside(axes)
    what = "rms over channels" if state is None else "the channels that change most"
    label = str(first.label.values[place])
    above.suptitle(
        f"{known['model']}: {stimulus_id}{f' ({label})' if label else ''}, "
        f"{state or 'every state'} at each step"
        + (
            f"; {what}, from 0 (black, also what is negative) to the maximum below each map"
            if maps
            else ""
        ),
        fontsize="medium",
    )
    axes = below.subplots()
    if "readout" in tree.children:
        _probabilities(axes, tree["readout"].dataset, place, label)
    else:
        axes.text(0.5, 0.5, "no readout was recorded", ha="center", va="center", color="grey")
        axes.set_yticks([])
    _steps(axes, first)
    return figure


def _place(data: xarray.Dataset, stimulus_id: str) -> int:
    """Where a stimulus stands."""
    ids = texts(data.stimulus_id.values, "the stimulus ids of the recording")
    found = np.flatnonzero(ids == stimulus_id)
    if not len(found):
        near = [name for name in ids if stimulus_id.lower() in str(name).lower()]
        raise AnalysisError(
            f"no stimulus is called {stimulus_id!r}; there are {len(ids):,}, e.g. "
            f"{quoted(near or ids)}"
        )
    return int(found[0])


def _channels(grid: Any, data: xarray.Dataset, place: int) -> None:
    """The maps of the channels that vary most over steps, each from 0 to its own maximum."""
    maps = data.activation.isel(stimulus=place).astype("float32").values
    seen = data.populated.values.astype(bool)
    change = np.ptp(np.abs(maps[seen]).mean((2, 3)), axis=0)
    order = np.argsort(-change, kind="stable")[: len(grid)]
    for k, row in enumerate(grid):
        for t, axes in enumerate(row):
            axes.set(xticks=[], yticks=[])
            if k >= len(order) or not seen[t]:
                axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
                for spine in axes.spines.values():
                    spine.set(linestyle=":", color="0.7")
                continue
            image = np.abs(maps[t, order[k]])
            axes.imshow(image, cmap="gray", vmin=0, vmax=image.max() or 1, interpolation="nearest")
            axes.set_xlabel(f"{image.max():.2g}", fontsize="x-small", labelpad=1)
        if k < len(order):
            row[0].set_ylabel(f"channel {order[k]}", rotation=0, ha="right", va="center")


def _units(axes: Axes, data: xarray.Dataset, place: int, name: str, k: int) -> None:
    """A state whose maps were not kept: its rms by step."""
    values = data.activation.isel(stimulus=place).astype("float64").values
    seen = data.populated.values.astype(bool)
    colour, dash, marker = style(k)
    rms = np.sqrt((values[seen].reshape(int(seen.sum()), -1) ** 2).mean(1))
    axes.plot(data.step.values[seen], rms, color=colour, ls=dash, marker=marker, label=name)


def _probabilities(axes: Axes, readout: xarray.Dataset, place: int, label: str) -> None:
    """The classes that are most probable at any step; the true one thick."""
    seen = readout.populated.values.astype(bool)
    logits = readout.logits.isel(stimulus=place).values.astype("float64")[seen]
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    names = [str(c) for c in readout["class"].values]
    best = list(np.argsort(-p.max(0), kind="stable")[:CLASSES])
    if label in names and names.index(label) not in best:
        best[-1] = names.index(label)
    for k, c in enumerate(best):
        colour, dash, marker = style(k)
        mine = names[c] == label
        axes.plot(
            readout.step.values[seen],
            p[:, c],
            color=colour,
            ls=dash,
            marker=marker,
            lw=3 if mine else 1.5,
            label=f"{names[c]} (its label)" if mine else names[c],
        )
    axes.axhline(1 / len(names), color="grey", lw=1, ls=":", label=f"all {len(names)} alike")
    axes.set(ylabel="probability", ylim=(0, 1.02))
    legend_beside(axes)


def _steps(axes: Axes, data: xarray.Dataset) -> None:
    """The axis of the steps, with the declared times."""
    every = -(-data.sizes["step"] // 12)
    axes.set_xticks(data.step.values[::every], step_labels(data)[::every], fontsize="x-small")
    axes.set_xlim(data.step.values[0] - 0.5, data.step.values[-1] + 0.5)
    axes.set_xlabel(
        "step / nominal ms after image onset / declared range, ms"
        if in_ms(data)
        else "step (no milliseconds were declared)"
    )
    axes.spines[["top", "right"]].set_visible(False)
