"""A network drawn: its states in a row, its transitions as arrows by kind, dead ones pale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.models.describe import dead_transitions
from cortexsim.models.graph import Graph
from cortexsim.models.network import Network
from cortexsim.models.spec import Spec
from cortexsim.plotting.parts import uncut

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ARROWS = {  # colour, dash: told apart in grey
    "feed-forward": ("#0072b2", "-"),
    "lateral": ("#009e73", "-"),
    "feedback": ("#d55e00", "--"),
    "skip": ("#cc79a7", ":"),
}
RADIUS = 0.33  # of a state, where neighbours are 1 apart


@clear_errors
@uncut
def graph(axes: Axes, network: Network | Spec | Graph) -> Axes:
    """Draw the graph of a network: its states in order, an arrow a transition.

    Feed-forward transitions bend above, feedback below, lateral ones are loops, skips reach over
    states. A transition that is dead at the readout (no walk from the input to the readout takes
    it) is pale.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    network : Network, Spec or Graph
        A graph alone has no readout, so nothing of it is dead.

    Returns
    -------
    matplotlib.axes.Axes
        ``axes``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import cortexsim
    >>> axes = graph(Figure().subplots(), cortexsim.load("cortex4"))
    >>> [text.get_text() for text in axes.texts][:4]
    ['V1', '32x32x8', 'V2', '16x16x16']
    """
    from matplotlib.patches import Circle

    spec = network.spec if isinstance(network, Network) else network
    if not isinstance(spec, (Spec, Graph)):
        raise AnalysisError(
            f"network is a {type(spec).__name__}; a Network, its Spec or its Graph is needed"
        )
    states = spec.graph if isinstance(spec, Spec) else spec
    dead = dead_transitions(spec) if isinstance(spec, Spec) else {}
    places = {state.name: k for k, state in enumerate(states.states)}
    reach = 1
    for kind, transitions in states.by_kind().items():
        for t in transitions:
            begins, ends = places[t.source], places[t.target]
            reach = max(reach, abs(ends - begins))
            _arrow(axes, begins, ends, kind=kind, pale=t.name in dead)
    for state in states.states:
        x = places[state.name]
        axes.add_patch(Circle((x, 0), RADIUS, facecolor="white", edgecolor="0.2", zorder=3))
        how: dict[str, Any] = {"ha": "center", "zorder": 4}
        axes.text(x, 0.03, state.name, va="bottom", fontsize=8, **how)
        axes.text(x, -0.03, state.shape, va="top", fontsize=5.5, **how)
    _outside(axes, spec, len(places))
    kinds = [kind for kind in ARROWS if states.by_kind().get(kind)]
    handles = [
        axes.plot([], [], color=ARROWS[kind][0], ls=ARROWS[kind][1], label=kind)[0]
        for kind in kinds
    ]
    if dead:
        handles += axes.plot([], [], color="0.5", alpha=0.35, label="dead at the readout")
    axes.legend(
        handles=handles,
        ncols=len(handles),
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        frameon=False,
        fontsize=7,
    )
    height = 0.4 + 0.22 * (reach - 1)
    axes.set(xlim=(-1.3, len(places) + 0.3), ylim=(-height, height + 0.25))
    axes.set_aspect("equal")
    axes.set_axis_off()
    return axes


def _arrow(axes: Axes, begins: int, ends: int, *, kind: str, pale: bool) -> None:
    """One transition."""
    from matplotlib.patches import FancyArrowPatch

    colour, dash = ARROWS[kind]
    how: dict[str, Any] = {
        "arrowstyle": "-|>",
        "mutation_scale": 10,
        "color": colour,
        "linestyle": dash,
        "lw": 1.4,
        "alpha": 0.3 if pale else 1.0,
        "zorder": 2,
    }
    if begins == ends:
        start, end, bend = (begins - 0.16, 0.28), (begins + 0.16, 0.28), -1.3
    else:
        y = 0.1 if ends > begins else -0.1
        side = 1 if ends > begins else -1
        start, end = (begins + side * 0.3, y), (ends - side * 0.3, y)
        bend = -0.25 if abs(ends - begins) == 1 else -0.6 + 0.1 * (side < 0)
    axes.add_patch(
        FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", shrinkA=4, shrinkB=4, **how)
    )


def _outside(axes: Axes, spec: Spec | Graph, count: int) -> None:
    """The image before the first state, and the readout after the last."""
    inhomogeneous = (spec.graph if isinstance(spec, Spec) else spec).inhomogeneous
    when = "every step" if inhomogeneous else "step 1"
    how: dict[str, Any] = {
        "arrowprops": {"arrowstyle": "-|>", "color": "0.3", "shrinkB": 2},
        "fontsize": 7,
        "ha": "center",
        "va": "center",
    }
    axes.annotate(f"image\n({when})", (-RADIUS, 0), (-0.95, 0), **how)
    if isinstance(spec, Spec):
        read = ", ".join(str(step) for step in spec.readout)
        how["arrowprops"] = {"arrowstyle": "<|-", "color": "0.3", "shrinkB": 2}
        axes.annotate(f"readout\n(step {read})", (count - 1 + RADIUS, 0), (count - 0.08, 0), **how)
