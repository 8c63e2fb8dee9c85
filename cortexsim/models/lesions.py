"""Whether a lesion removes anything of what runs, and if not, why."""

from __future__ import annotations

from cortexsim.models.describe import dead_transitions
from cortexsim.models.liveness import Schedule
from cortexsim.models.spec import Spec
from cortexsim.models.states import MOST_STEPS, Window, ranges

Running = set[tuple[str, int, bool]]
"""What runs: (transition, departure step, whether only its shortcut is delivered)."""


def horizon(spec: Spec, times: Window | None) -> int:
    """Steps of a run in which whatever can depart in a window has arrived.

    >>> from cortexsim.models.zoo import spec
    >>> horizon(spec("cortex4"), None), horizon(spec("cortex4"), (20, 22))
    (8, 23)
    """
    readout = spec.readout[-1]
    first, last = times or (1, readout)
    longest = max((t.delay for t in spec.graph.transitions), default=1)
    after = first + longest * (len(spec.graph.states) + 1)  # all that can depart, does
    return min(max(readout, min(last, after) + longest), MOST_STEPS)


def running(plan: Schedule) -> Running:
    """What runs in a schedule."""
    return {(t.name, departed, t.silent_at(departed)) for t, departed in plan.instances()}


def taken_out(before: Running, after: Running) -> str:
    """What a lesion took out of what runs: each transition with its departure steps.

    >>> taken_out({("V4->V2", 3, False), ("V4->V2", 4, False)}, {("V4->V2", 3, False)})
    'V4->V2 departing at step 4'
    """
    left = {(t, departed) for t, departed, _ in after}
    words = []
    for name in dict.fromkeys(t for t, *_ in sorted(before)):
        gone = sorted(departed for t, departed, _ in before - after if t == name)
        if gone:
            but = "all but the shortcut of " if (name, gone[0]) in left else ""
            words.append(f"{but}{name} departing at step{'s' * (len(gone) > 1)} {ranges(gone)}")
    return ", ".join(words)


def nothing(
    spec: Spec, runs: Running, which: str, *, times: Window | None, steps: int | None
) -> str:
    """Why a lesion removes nothing, and what could be removed.

    Parameters
    ----------
    spec : Spec
        Of the network before the lesion.
    runs : set
        What runs of it.
    which : str
        The transition, or the kind.
    times : (int, int), optional
        Departure steps of the lesion.
    steps : int, optional
        Of the run that was asked for.

    Returns
    -------
    str
        The message.
    """
    graph, dead = spec.graph, dead_transitions(spec)
    words = []
    for name in (t.name for t in graph.transitions if which in (t.name, graph.kind(t))):
        departs = sorted(departed for t, departed, _ in runs if t == name)
        if name in dead:
            readout = dead[name]
            when = f" (it would be live from a readout at step {readout})" if readout else ""
            words.append(f"{name} is dead{when}")
        else:
            when = f"departs at steps {ranges(departs)}" if departs else "does not run"
            words.append(f"{name} {when}")
    window = "" if times is None else f" at departure steps {times[0]} to {times[1]}"
    run = f"in a run of {steps} steps" if steps else f"with the readout at step {spec.readout[-1]}"
    return (
        f"lesioning {which!r}{window} removes nothing {run}: {'; '.join(words)}. Name something "
        "that runs, at steps at which it does"
    )
