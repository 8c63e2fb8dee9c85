"""At which step of a recording each call of each submodule of somebody else's network arrives."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from cortexsim.errors import ExternalError
from cortexsim.models.foreign.hooks import Calls

AS = {
    "static": "no time: every state has one call, and all are there at step 1",
    "staircase": "one call a step, in the order of computation: the states that come later are "
    "populated later",
    "calls": "the network's own time: call n of every state is step n",
}
READOUT = "readout"
Steps = Mapping[str, int | Sequence[int]]


def timing(
    calls: Mapping[str, Calls], states: Sequence[str], *, how: str, steps: Steps
) -> dict[str, tuple[int, ...]]:
    """The step at which each call that was asked for arrives, of states and readout.

    The readout's last call is at the last step of all states, earlier ones one by one before it.

    Parameters
    ----------
    calls : mapping of str to Calls
        The calls of each state, and of the readout if there is one.
    states : sequence of str
        The states, in the order of computation.
    how : str
        One of ``AS``.
    steps : mapping of str to int or sequence of int
        Of chosen states, instead of what ``how`` says: a number is the step of the submodule's
        first call, the later ones follow one by one; a sequence is the step of each call.

    Raises
    ------
    ExternalError
        For several calls where one was wanted, and for states that are not in the order in which
        they are computed.
    """
    if how not in AS:
        raise ExternalError(
            f"as_={how!r} is not known; choose from "
            + ", ".join(f"{k!r} ({v})" for k, v in AS.items())
        )
    if unknown := sorted(set(steps) - set(calls)):
        raise ExternalError(
            f"steps are given for {', '.join(unknown)}; there is {', '.join(calls)}"
        )
    timed = {name: _chosen(steps[name], calls[name], name) for name in states if name in steps}
    rest = [name for name in states if name not in steps]
    if how == "static":
        timed |= {name: (_only(calls[name], name) and 1,) for name in rest}
    elif how == "calls":
        _check_counts(calls, rest)
        timed |= {name: tuple(calls[name].numbers) for name in rest}
    else:
        _check_order(calls, rest)
        start = 1
        for name in rest:
            count = len(calls[name].numbers)
            timed[name] = tuple(range(start, start + count))
            start += count
    timed = {name: timed[name] for name in states}
    if READOUT in steps:
        timed[READOUT] = _chosen(steps[READOUT], calls[READOUT], READOUT)
    elif READOUT in calls:
        last, count = max(s[-1] for s in timed.values()), len(calls[READOUT].numbers)
        first = max(1, last - count + 1)
        timed[READOUT] = tuple(range(first, first + count))
    return timed


def _only(calls: Calls, name: str) -> int:
    """The one call; an error that says how many there were."""
    if len(calls.numbers) != 1:
        raise ExternalError(several(calls, name))
    return calls.numbers[0]


def several(calls: Calls, name: str) -> str:
    """What to do about several calls where one was wanted."""
    count = len(calls.numbers)
    return (
        f"{name}: its submodule is called {calls.count} times in one forward pass, so there is not "
        f"one tensor but {count}. Take every call as a step with as_='calls' (call n is step n) or "
        f"as_='staircase' (in the order of computation), or choose one: '@1' to '@{calls.count}' "
        "or '@last' behind the name of the submodule"
    )


def _chosen(steps: int | Sequence[int], calls: Calls, name: str) -> tuple[int, ...]:
    """Steps that the caller names, checked."""
    if isinstance(steps, int):
        timed = tuple(steps + n - 1 for n in calls.numbers)
    else:
        timed = tuple(steps)
        if len(timed) != len(calls.numbers):
            raise ExternalError(
                f"{name}: {len(timed)} steps are given for {len(calls.numbers)} calls"
            )
    if timed[0] < 1 or any(b <= a for a, b in itertools.pairwise(timed)):
        raise ExternalError(
            f"{name}: the steps {', '.join(map(str, timed))} of its calls must ascend from 1 or "
            "later"
        )
    return timed


def _check_counts(calls: Mapping[str, Calls], states: Sequence[str]) -> None:
    """Call n of one state is at the time of call n of another only where all have as many."""
    by_count: dict[int, list[str]] = {}
    for name in states:
        by_count.setdefault(calls[name].count, []).append(name)
    if len(by_count) < 2:
        return
    most = max(by_count)
    few = min(by_count)
    late, behind = by_count[few][0], most - few
    counts = ", ".join(f"{', '.join(names)} {n}" for n, names in sorted(by_count.items()))
    raise ExternalError(
        f"as_='calls' takes call n of every state as step n, but in one forward pass the states "
        f"are called unequal numbers of times ({counts}), so that call 1 of {late} need not be "
        f"step 1; say when the calls of the others are, e.g. steps={{{late!r}: {1 + behind}}} if "
        f"its first call is step {1 + behind}, or steps={{{late!r}: "
        f"{list(range(1, few + 1))}}} for every call"
    )


def _check_order(calls: Mapping[str, Calls], states: Sequence[str]) -> None:
    """A staircase needs states that are computed one after the other, in their order."""
    for a, b in itertools.pairwise(states):
        before, after = calls[a].places, calls[b].places
        if after[0] > before[-1]:
            continue
        if after[-1] < before[0]:
            raise ExternalError(
                f"{b} is computed before {a}; give the states in the order of computation"
            )
        raise ExternalError(
            f"the calls of {a} and {b} alternate: the module unrolls itself in time, so that a "
            "staircase makes no sense; use as_='calls'"
        )
