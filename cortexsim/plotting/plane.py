"""Figures of stimuli in the plane: arrangements and trajectories.

Axes in, axes out. Groups differ by marker or dash too, to be read in grey.
"""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import Labelled, named
from cortexsim.labelled.item_ids import ITEMS, ids_of
from cortexsim.plain import numbers
from cortexsim.plotting.conditions import in_order_of_conditions, names_of_groups, placed
from cortexsim.plotting.parts import legend_beside, styles_of, uncut

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@clear_errors
@uncut
def arrangement(
    axes: Axes,
    positions: Any,
    *,
    images: Any = None,
    groups: Any = None,
    title: str = "",
    size: float = 24.0,
) -> Axes:
    """Stimuli in the plane, e.g. where ``mds`` put them.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    positions : array_like of shape (condition, 2), DataArray or DataFrame
        The places.
    images : array_like of uint8, shape (condition, y, x, 3), optional
        Thumbnails; markers by default.
    groups : sequence of length condition, optional
        A name for each condition; frame and corner mark tell it. Groups and images that have ids
        are matched by them where the positions have ids too.
    title : str
        Of the axes.
    size : float
        Of the thumbnails, in points.

    Returns
    -------
    matplotlib.axes.Axes
        The same.

    Raises
    ------
    AnalysisError
        For other shapes.
    """
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage
    from matplotlib.transforms import ScaledTranslation

    given = placed(positions, "positions")
    at = given.values
    if not isinstance(size, Real) or not 0 < size < np.inf:
        raise AnalysisError(f"size={size!r} is none; give points above 0, e.g. 24")
    if at.ndim != 2 or at.shape[1] != 2 or not np.isfinite(at).all():
        raise AnalysisError(
            f"positions of shape {at.shape}; finite (condition, 2) are needed, e.g. "
            "mds(rdm).positions"
        )
    pictures = None if images is None else _in_order(images, given.ids)
    if pictures is not None and (
        pictures.ndim != 4
        or pictures.shape[-1] != 3
        or len(pictures) != len(at)
        or pictures.dtype != np.uint8
    ):
        raise AnalysisError(
            f"images of shape {pictures.shape}, {pictures.dtype}; uint8 ({len(at)}, y, x, 3) are "
            "needed"
        )
    named = names_of_groups(groups, len(at), given.ids) or [""] * len(at)
    styles = styles_of(named)
    axes.plot(*at.T, ls="", marker="")  # thumbnails do not set the limits
    for i, (x, y) in enumerate(at):
        colour, _, marker = styles[named[i]]
        where: Any = axes.transData
        if pictures is not None:
            thumbnail = OffsetImage(
                pictures[i], zoom=size / max(pictures.shape[1:3]), interpolation="antialiased"
            )
            frame = {"edgecolor": colour, "linewidth": 1.2, "facecolor": "none"}
            axes.add_artist(
                AnnotationBbox(thumbnail, (x, y), pad=0.05, bboxprops=frame, zorder=3 + 2 * i)
            )
            figure: Any = axes.get_figure()
            half = size / 144
            where = where + ScaledTranslation(-half, half, figure.dpi_scale_trans)
        axes.plot(
            x,
            y,
            ls="",
            marker=marker,
            ms=7,
            color=colour,
            mec="white",
            mew=0.5,
            transform=where,
            zorder=4 + 2 * i,
        )
    for name, (colour, _, marker) in styles.items():
        if name:
            axes.plot(
                [],
                [],
                ls="",
                marker=marker,
                ms=8,
                color=colour,
                mec="white",
                label=f"{name} ({named.count(name)})",
            )
    _plane(axes, title)
    axes.margins(0.08)
    return axes


@clear_errors
@uncut
def trajectories(
    axes: Axes,
    positions: Any,
    *,
    times: Any = None,
    groups: Any = None,
    title: str = "",
) -> Axes:
    """Where every stimulus goes in the plane.

    Thin lines from light to dark over steps, an open ring at the start, the group's mark at the
    end. The thick dashed lines are the means of the groups. Steps that are NaN are left out.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    positions : array_like of shape (step, condition, 2), or DataArray
        Places that were aligned, e.g. by ``mds``.
    times : array_like of shape (step,), optional
        Times of the steps in ms.
    groups : sequence of length condition, optional
        A name for each condition, matched by id where both have ids.
    title : str
        Of the axes.

    Returns
    -------
    matplotlib.axes.Axes
        The same.

    Raises
    ------
    AnalysisError
        For another shape and fewer than 2 steps with numbers.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgb

    given = placed(positions, "positions")
    at = given.values
    if at.ndim != 3 or at.shape[2] != 2:
        raise AnalysisError(
            f"positions of shape {at.shape}; (step, condition, 2) is needed, e.g. "
            "mds(stack).positions"
        )
    seen = np.isfinite(at).all((1, 2))
    if seen.sum() < 2:
        raise AnalysisError(
            f"{int(seen.sum())} of {len(at)} steps have positions; a line needs at least 2"
        )
    when = None if times is None else np.atleast_1d(numbers(times, "times"))
    if when is not None and when.shape != (len(at),):
        raise AnalysisError(f"times of shape {when.shape} for {len(at)} steps; give one a step")
    at = at[seen]
    named = names_of_groups(groups, at.shape[1], given.ids) or [""] * at.shape[1]
    for name, (colour, dash, marker) in styles_of(named).items():
        path = at[:, [g == name for g in named]]
        segments = np.stack([path[:-1], path[1:]], axis=2)
        light = np.linspace(0.75, 0.0, len(segments))[:, None]
        shades = np.repeat((1 - light) * np.array(to_rgb(colour)) + light, path.shape[1], axis=0)
        axes.add_collection(
            LineCollection(list(segments.reshape(-1, 2, 2)), colors=shades, lw=0.7, zorder=2)
        )
        axes.plot(*path[0].T, ls="", marker="o", ms=2.5, mfc="white", mec="0.6", mew=0.5, zorder=3)
        axes.plot(
            *path[-1].T, ls="", marker=marker, ms=4.5, color=colour, mec="white", mew=0.4, zorder=4
        )
        mean = path.mean(1)
        axes.plot(*mean.T, color="white", lw=3.6, zorder=5)
        text = f"{name} ({path.shape[1]})" if name else None
        axes.plot(
            *mean.T,
            color=colour,
            ls=dash,
            lw=2.2,
            marker=marker,
            markevery=[-1],
            ms=9,
            mec="black",
            label=text,
        )
        axes.lines[-1].set_zorder(6)
        axes.plot(*mean[0], marker="o", ms=7, mfc="white", mec=colour, mew=1.8, ls="", zorder=7)
    first, last = (
        ("first step", "last step") if when is None else (f"{t:g} ms" for t in when[seen][[0, -1]])
    )
    ring: dict[str, Any] = {"ls": "", "marker": "o", "mfc": "white", "mec": "0.4"}
    axes.plot([], [], **ring, ms=5, label=f"ring: start, {first}")
    axes.plot([], [], ls="", marker="s", color="0.3", ms=5, label=f"mark: end, {last}")
    _plane(axes, title)
    return axes


def _in_order(images: Any, ids: np.ndarray | None) -> np.ndarray:
    """Images in the order of the conditions, by id where both have ids."""
    array = named(images, "images")
    if array is None or array.dims[0] not in ITEMS:
        return np.asarray(images)
    item = str(array.dims[0])
    known = ids_of(array, item, "images")
    dims = tuple(map(str, array.dims))
    given = Labelled(np.asarray(array.values), dims, item, *known, {}, "images")
    return in_order_of_conditions(given, ids).values


def _plane(axes: Axes, title: str) -> None:
    """An arrangement's axes: directions mean nothing, distances do."""
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_title(title, fontsize="medium")
    axes.set(
        xlabel="MDS 1 (units of the dissimilarity)", ylabel="MDS 2 (units of the dissimilarity)"
    )
    axes.tick_params(labelsize="small")
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        legend_beside(axes, handlelength=4)
