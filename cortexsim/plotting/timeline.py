"""What is on the screen when, drawn: a row a presentation, with the steps that see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.models.states import whole
from cortexsim.plotting.parts import uncut
from cortexsim.stimuli.presentation import Presentation
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILLS = {  # face, hatch: told apart in grey
    "image": ("#0072b2", ""),
    "mask": ("#e69f00", "////"),
    "blank": ("white", ""),
}


@clear_errors
@uncut
def timeline(
    axes: Axes,
    presentations: Mapping[str, Presentation] | Presentation,
    *,
    steps: int,
    time_axis: TimeAxis | None = None,
) -> Axes:
    """Draw what is on the screen when, a row a presentation, on a time axis in ms.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    presentations : mapping of str to Presentation, or Presentation
        Name of each row -> the presentation.
    steps : int
        Of the run; what comes after its last step is not drawn.
    time_axis : TimeAxis, optional
        How long a step is, ms; default the declared 25 ms. Grid lines lie between steps.

    Returns
    -------
    matplotlib.axes.Axes
        ``axes``.

    Raises
    ------
    AnalysisError
        For no presentation.
    StimulusError
        For times that are no whole steps.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from cortexsim.stimuli import backward_mask, flash
    >>> shown = {"flash": flash(50), "mask": backward_mask(50, soa_ms=75, mask_ms=50, kind="pink")}
    >>> axes = timeline(Figure().subplots(), shown, steps=8)
    >>> [label.get_text() for label in axes.get_yticklabels()]
    ['flash', 'mask']
    """
    axis = TimeAxis() if time_axis is None else time_axis
    if not isinstance(axis, TimeAxis):
        raise AnalysisError(f"time_axis is a {type(axis).__name__}; a TimeAxis is needed")
    steps = whole(steps, "steps", error=AnalysisError)
    if isinstance(presentations, Presentation):
        presentations = {"": presentations}
    if not isinstance(presentations, Mapping) or not all(
        isinstance(presentation, Presentation) for presentation in presentations.values()
    ):
        raise AnalysisError(
            f"presentations are a {type(presentations).__name__}; a Presentation, or a dictionary "
            "of names and Presentations, is needed"
        )
    if not presentations:
        raise AnalysisError("there is no presentation to draw; give at least one")
    for row, presentation in enumerate(presentations.values()):
        frames = presentation.frames(axis, steps)
        begins = 0
        for step in range(1, steps + 1):
            if step < steps and frames[step] == frames[begins]:
                continue
            _bar(axes, row, frames[begins], begins * axis.step_ms, step * axis.step_ms)
            begins = step
    axes.set_xticks([step * axis.step_ms for step in range(steps + 1)], minor=True)
    axes.grid(axis="x", which="minor", lw=0.3, color="0.8", zorder=0)
    axes.set(
        xlim=(0, steps * axis.step_ms),
        ylim=(len(presentations) - 0.5, -0.5),
        xlabel=f"time after the presentation begins, ms (a step: {axis.step_ms:g} ms)",
    )
    axes.set_yticks(range(len(presentations)), list(presentations))
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return axes


def _bar(axes: Axes, row: int, name: str, begins: float, ends: float) -> None:
    """One thing on the screen, with its name where there is room."""
    kind = name.split()[0]
    face, hatch = FILLS[kind]
    other = kind == "image" and name != "image"  # of a stream
    axes.barh(
        row,
        ends - begins,
        left=begins,
        height=0.6,
        color="#9ecae1" if other else face,
        hatch=hatch,
        edgecolor="0.4",
        lw=0.6,
        zorder=2,
    )
    if kind != "blank":
        text = name.removeprefix("image ") if other else name
        axes.text(
            (begins + ends) / 2,
            row,
            text,
            ha="center",
            va="center",
            fontsize="x-small",
            color="white" if name == "image" else "black",
            zorder=3,
            bbox={"facecolor": face, "edgecolor": "none", "pad": 0.8} if hatch else None,
        )
