"""At which step of a recording each call of each submodule of somebody else's network arrives."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from cortexsim.errors import ExternalError
from cortexsim.models.foreign.hooks import Calls

AS = {
    "static": "no time: every state has one call, and all are there at step 1",
    "staircase": "one call a step, in the order of computation: the states that come later are populated later",
    "calls": "the network's own time: call n of every state is step n",
}
READOUT = "readout"
Steps = Mapping[str, int | Sequence[int]]


def timing(
    found: Mapping[str, Calls], states: Sequence[str], how: str, steps: Steps
) -> dict[str, tuple[int, ...]]:
    """The step at which each call that was asked for arrives, for the states and for the readout if there is one.

    steps: of chosen states, instead of what ``how`` says: a number is the step of the submodule's first call, the later ones follow one by one; a
    sequence is the step of each call. The readout's last call is at the last step of all states, earlier ones one by one before it.
    Raises ExternalError for several calls where one was wanted, and for states that are not in the order in which they are computed.
    """
    if how not in AS:
        raise ExternalError(
            f"as_={how!r} is not known; choose from "
            + ", ".join(f"{k!r} ({v})" for k, v in AS.items())
        )
    if unknown := sorted(set(steps) - set(found)):
        raise ExternalError(
            f"steps are given for {', '.join(unknown)}; there is {', '.join(found)}"
        )
    out = {name: _given(steps[name], found[name], name) for name in states if name in steps}
    rest = [name for name in states if name not in steps]
    if how == "static":
        out |= {name: (_only(found[name], name) and 1,) for name in rest}
    elif how == "calls":
        out |= {name: tuple(found[name].numbers) for name in rest}
    else:
        _check_order(found, rest)
        start = 1
        for name in rest:
            count = len(found[name].numbers)
            out[name] = tuple(range(start, start + count))
            start += count
    out = {name: out[name] for name in states}
    if READOUT in found:
        last, count = max(s[-1] for s in out.values()), len(found[READOUT].numbers)
        first = max(1, last - count + 1)
        default = tuple(range(first, first + count))
        out[READOUT] = (
            _given(steps[READOUT], found[READOUT], READOUT) if READOUT in steps else default
        )
    return out


def _only(calls: Calls, name: str) -> int:
    """The one call; an error that says how many there were."""
    if len(calls.numbers) != 1:
        raise ExternalError(several(calls, name))
    return calls.numbers[0]


def several(calls: Calls, name: str) -> str:
    """What to do about several calls where one was wanted."""
    count = len(calls.numbers)
    return (
        f"{name}: its submodule is called {calls.count} times in one forward pass, so there is not one tensor but {count}. Take every call as a step "
        f"with as_='calls' (call n is step n) or as_='staircase' (in the order of computation), or choose one: '@1' to '@{calls.count}' or '@last' "
        "behind the name of the submodule"
    )


def _given(steps: int | Sequence[int], calls: Calls, name: str) -> tuple[int, ...]:
    """Steps that the caller names, checked."""
    if isinstance(steps, int):
        out = tuple(steps + n - 1 for n in calls.numbers)
    else:
        out = tuple(steps)
        if len(out) != len(calls.numbers):
            raise ExternalError(
                f"{name}: {len(out)} steps are given for {len(calls.numbers)} calls"
            )
    if out[0] < 1 or any(b <= a for a, b in itertools.pairwise(out)):
        raise ExternalError(
            f"{name}: the steps {', '.join(map(str, out))} of its calls must ascend from 1 or later"
        )
    return out


def _check_order(found: Mapping[str, Calls], states: Sequence[str]) -> None:
    """A staircase needs states that are computed one after the other, in the order given."""
    for a, b in itertools.pairwise(states):
        before, after = found[a].places, found[b].places
        if after[0] > before[-1]:
            continue
        if after[-1] < before[0]:
            raise ExternalError(
                f"{b} is computed before {a}; give the states in the order of computation"
            )
        raise ExternalError(
            f"the calls of {a} and {b} alternate: the module unrolls itself in time, so that a staircase makes no sense; use as_='calls'"
        )
