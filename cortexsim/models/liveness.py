"""Which transitions run in a run of T steps, and which of them can act on what is read out.

The memo's 3-D schedule, edge x time; data only, no tensors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral

from cortexsim.arguments import clear_errors
from cortexsim.errors import GraphError
from cortexsim.models.graph import Graph
from cortexsim.models.states import ALWAYS, MOST_STEPS, Transition, ranges, whole

Place = tuple[str, int]
"""A state at a step."""


@dataclass(frozen=True)
class Schedule:
    """What happens at each step of a run.

    Parameters
    ----------
    steps : int
        How many there are.
    arrivals : tuple of tuple of (Transition, int)
        For step t (index t - 1), the (transition, departure step) pairs that arrive then, in the
        graph's order.
    inputs : frozenset of int
        Steps at which the input is added to the first state.
    populated : frozenset of (str, int)
        Every (state, step) that holds a value.
    """

    steps: int
    arrivals: tuple[tuple[tuple[Transition, int], ...], ...]
    inputs: frozenset[int]
    populated: frozenset[Place]

    def instances(self) -> list[tuple[Transition, int]]:
        """Every (transition, departure step), by arrival."""
        return [instance for step in self.arrivals for instance in step]


@clear_errors
def schedule(
    graph: Graph,
    steps: int,
    *,
    inputs: Iterable[int] | None = None,
    readouts: Iterable[int] | None = None,
) -> Schedule:
    """Which transition instances are simulated, and which states are populated, in a run.

    A transition runs only when its source is populated. With ``readouts``, only *live* instances
    are kept: those on a walk from the input to the last state at one of these steps.

    Parameters
    ----------
    graph : Graph
        States and transitions.
    steps : int
        Length of the run.
    inputs : iterable of int, optional
        Steps with an input; by default step 1, or every step if the graph is inhomogeneous.
    readouts : iterable of int, optional
        Steps at which the last state is read out.

    Raises
    ------
    GraphError
        When a readout time finds the last state unpopulated, and for more than ``MOST_STEPS``.
    """
    if not isinstance(steps, Integral) or not 1 <= int(steps) <= MOST_STEPS:
        raise GraphError(
            f"asked for {steps} steps; a run has a whole number of them, at least 1 and at most "
            f"{MOST_STEPS:,}"
        )
    stated = None if inputs is None else _steps(inputs, "input")
    shown = _inputs(graph, steps) if stated is None else {t for t in stated if t <= steps}
    populated: set[Place] = set()
    arrivals: list[list[tuple[Transition, int]]] = []
    for now in range(1, steps + 1):
        arriving = [
            (t, now - t.delay)
            for t in graph.transitions
            if (t.source, now - t.delay) in populated and t.departs_at(now - t.delay)
        ]
        arrivals.append(arriving)
        populated |= {(t.target, now) for t, _ in arriving}
        populated |= {(s, now) for s in _leaky(graph) if (s, now - 1) in populated}
        if now in shown:
            populated.add((graph.input_state, now))
    if readouts is None:
        return Schedule(steps, tuple(map(tuple, arrivals)), frozenset(shown), frozenset(populated))

    live = _live(graph, populated, arrivals, readouts=_steps(readouts, "readout"))
    kept = tuple(
        tuple((t, d) for t, d in arriving if (t.target, now) in live)
        for now, arriving in enumerate(arrivals, start=1)
    )
    inputs_used = frozenset(t for t in shown if (graph.input_state, t) in live)
    return Schedule(steps, kept, inputs_used, frozenset(live))


def _steps(steps: Iterable[int], what: str) -> set[int]:
    """Steps as plain whole numbers; GraphError for anything else."""
    if isinstance(steps, (str, bytes)) or not isinstance(steps, Iterable):
        raise GraphError(f"{what} steps are a {type(steps).__name__}; a list is needed")
    return {whole(step, f"{what} step") for step in steps}


def first_readouts(graph: Graph) -> dict[str, int]:
    """The first readout step at which each transition is live; one that never is, is absent.

    A transition is live at a readout where a walk from the input goes through it to the last state
    and arrives there at that step.

    >>> from cortexsim.models.zoo import spec
    >>> first_readouts(spec("cortex4-adjacent").graph)["IT->V4"]
    6
    """
    plan = schedule(graph, _horizon(graph))
    # Backwards: the first readout that a walk from this place can reach.
    soonest: dict[Place, int] = {}
    first: dict[str, int] = {}
    for now in range(plan.steps, 0, -1):
        if (graph.output_state, now) in plan.populated:
            soonest[graph.output_state, now] = now
        for s in _leaky(graph):
            if (s, now + 1) in soonest and (s, now) in plan.populated:
                soonest[s, now] = min(soonest.get((s, now), plan.steps), soonest[s, now + 1])
        for t in graph.transitions:
            readout = soonest.get((t.target, now + t.delay))
            if readout is None or (t.source, now) not in plan.populated or not t.departs_at(now):
                continue
            soonest[t.source, now] = min(soonest.get((t.source, now), readout), readout)
            first[t.name] = min(first.get(t.name, readout), readout)
    return first


def _horizon(graph: Graph) -> int:
    """Steps after which no transition can become live that was not before.

    Once the last window has closed, a shortest walk through a transition enters every state at most
    once on its way there and once on its way to the last state.
    """
    ends = [0]
    for t in graph.transitions:
        ends += t.only_at or ()
        ends += [last + 1 for _, last in t.blocked if last < ALWAYS[1]]
    longest = max((t.delay for t in graph.transitions), default=1)
    return min(max(ends) + longest * (2 * len(graph.states) + 2), MOST_STEPS)


def _inputs(graph: Graph, steps: int) -> set[int]:
    """The steps at which the input arrives if nobody says."""
    return set(range(1, steps + 1)) if graph.inhomogeneous else {1}


def _leaky(graph: Graph) -> list[str]:
    """The states that keep a part of what they held."""
    return [s.name for s in graph.states if s.update == "leaky"]


def _live(
    graph: Graph,
    populated: set[Place],
    arrivals: list[list[tuple[Transition, int]]],
    *,
    readouts: set[int],
) -> set[Place]:
    """The populated places from which a walk leads to the last state at a readout time."""
    last, steps = graph.output_state, len(arrivals)
    for readout in sorted(readouts):
        if (last, readout) not in populated:
            when = sorted(t for s, t in populated if s == last)
            raise GraphError(
                f"{last} cannot be read out at step {readout} of {steps}: it is "
                + (
                    f"populated at steps {ranges(when)} only"
                    if when
                    else "never populated; is there a path of transitions from the input?"
                )
            )
    live = {(last, r) for r in readouts}
    for now in range(steps, 0, -1):
        live |= {
            (t.source, departed) for t, departed in arrivals[now - 1] if (t.target, now) in live
        }
        live |= {
            (s, now - 1) for s in _leaky(graph) if (s, now) in live and (s, now - 1) in populated
        }
    return live
