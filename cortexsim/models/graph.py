"""States, transitions and the 3-D schedule (edge x time) of a multi-state recurrent network: data only, no tensors.

Time follows Liao & Poggio 2016: the input fills the first state at step 1, a transition that leaves its source at
step ``t`` arrives at its target at step ``t + delay``, and transitions that arrive together are summed. An *instance*
is a transition at one departure step: the element (i, j, t) of the memo's 3-D transition matrix.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cortexsim.errors import GraphError

OPERATORS = ("brc", "conv", "maxpool")
SHORTCUTS = ("none", "identity", "projection")
UPDATES = ("sum", "leaky")
KINDS = ("feed-forward", "lateral", "feedback", "skip")

Window = tuple[int, int]


@dataclass(frozen=True)
class State:
    """One processing stage (V1, V2, ... or h1, h2, ...).

    size: height and width of its maps in units, for images of the size the network was built for.
    features: number of channels.
    update: ``"sum"``, h(t) = sum of what arrives (the memo), or ``"leaky"``,
        h(t) = (1 - 1/tau) h(t-1) + (1/tau) (sum of what arrives), with ``tau_steps`` >= 1.
    """

    name: str
    size: int
    features: int
    update: str = "sum"
    tau_steps: float = 1.0

    def __post_init__(self) -> None:
        if not self.name or any(c in self.name for c in ".>@|:,/ "):
            raise GraphError(
                f"state name {self.name!r}: use letters, digits, '_' or '-' (no '.', '>', '@', '|', ':', ',', '/', space)"
            )
        if self.size < 1 or self.features < 1:
            raise GraphError(
                f"state {self.name}: size {self.size} and features {self.features} must both be at least 1"
            )
        _one_of("update rule", self.update, UPDATES, f"state {self.name}")
        if self.tau_steps < 1 or (self.update == "sum" and self.tau_steps != 1):
            raise GraphError(
                f"state {self.name}: update {self.update!r} with tau_steps={self.tau_steps}; "
                "'leaky' takes tau_steps >= 1, 'sum' has none (leave it at 1)"
            )


@dataclass(frozen=True)
class Transition:
    """A directed edge between two states.

    operator: ``"brc"``, N x (BatchNorm, ReLU, 3x3 convolution), deconvolution where the target is larger (the memo's
        BRCxN and BRDxN); ``"conv"``, one plain 3x3 convolution; ``"maxpool"``.
    depth: N of ``"brc"``; None is the memo's max(2, number of levels between the two states).
    shortcut: ``"identity"`` adds the source itself (+I), ``"projection"`` a 1x1 convolution of it, ``"none"`` nothing.
    delay: steps from departure to arrival.
    only_at: departure steps at which the transition exists; None is every step.
    blocked: windows (first, last) of departure steps at which it does not exist (a lesion).
    silenced: windows at which only its shortcut is left: x is delivered without F(x).
    """

    source: str
    target: str
    operator: str = "brc"
    depth: int | None = None
    shortcut: str = "none"
    delay: int = 1
    only_at: tuple[int, ...] | None = None
    blocked: tuple[Window, ...] = ()
    silenced: tuple[Window, ...] = ()

    def __post_init__(self) -> None:
        where = f"transition {self.name}"
        _one_of("operator", self.operator, OPERATORS, where)
        _one_of("shortcut", self.shortcut, SHORTCUTS, where)
        if not isinstance(self.delay, int) or self.delay < 1:
            raise GraphError(
                f"{where}: delay {self.delay!r}; a transition takes a whole number of steps, at least 1"
            )
        if self.depth is not None and (self.operator != "brc" or self.depth < 1):
            raise GraphError(
                f"{where}: depth {self.depth} with operator {self.operator!r}; depth is the N >= 1 of 'brc' only"
            )
        if self.only_at is not None:
            object.__setattr__(self, "only_at", tuple(sorted(self.only_at)))
        for field in ("blocked", "silenced"):
            windows = tuple((int(a), int(b)) for a, b in getattr(self, field))
            if any(a > b for a, b in windows):
                raise GraphError(
                    f"{where}: {field} window {windows}: the first step must not be after the last"
                )
            object.__setattr__(self, field, windows)
        if self.silenced and self.shortcut == "none":
            raise GraphError(
                f"{where} has no shortcut, so silencing it leaves nothing; block it instead"
            )

    @property
    def name(self) -> str:
        return f"{self.source}->{self.target}"

    def departs_at(self, step: int) -> bool:
        """Whether the element (source, target, step) of the transition matrix exists."""
        return (self.only_at is None or step in self.only_at) and not _inside(step, self.blocked)

    def silent_at(self, step: int) -> bool:
        """Whether only the shortcut is delivered at this departure step."""
        return _inside(step, self.silenced)


@dataclass(frozen=True)
class Graph:
    """States in hierarchical order and the transitions between them.

    The first state receives the input, the last is read out. ``inhomogeneous`` adds the input at every step instead of
    at step 1 only.

    >>> from cortexsim.models.graph import adjacent
    >>> graph = adjacent([State("V1", 32, 8), State("V2", 16, 16)])
    >>> [t.name for t in graph.transitions]
    ['V1->V1', 'V1->V2', 'V2->V1', 'V2->V2']
    >>> Graph.from_json(graph.to_json()) == graph
    True
    """

    states: tuple[State, ...]
    transitions: tuple[Transition, ...]
    inhomogeneous: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", tuple(self.states))
        object.__setattr__(self, "transitions", tuple(self.transitions))
        names = [s.name for s in self.states]
        if not names:
            raise GraphError("a graph needs at least one state; found none")
        _unique("state", names)
        _unique("transition", [t.name for t in self.transitions])
        for t in self.transitions:
            for end in (t.source, t.target):
                if end not in names:
                    raise GraphError(
                        f"transition {t.name}: no state is called {end!r}; the states are {', '.join(names)}"
                    )
            self._check_shapes(t)

    def _check_shapes(self, t: Transition) -> None:
        source, target = self[t.source], self[t.target]
        big, small = max(source.size, target.size), min(source.size, target.size)
        if big % small or (big // small) & (big // small - 1):
            raise GraphError(
                f"transition {t.name} joins maps of size {source.size} and {target.size}; their ratio must be a power of "
                "two (a level is a factor of 2 in space)"
            )
        same_shape = (source.size, source.features) == (target.size, target.features)
        if t.shortcut == "identity" and not same_shape:
            raise GraphError(
                f"transition {t.name}: an identity shortcut needs equal shapes, found {source.size}x{source.features}f and "
                f"{target.size}x{target.features}f; use shortcut='projection' or 'none'"
            )
        if t.operator == "maxpool" and (
            source.features != target.features or source.size < target.size
        ):
            raise GraphError(
                f"transition {t.name}: max-pooling keeps the features and cannot enlarge; found {source.size}x{source.features}f "
                f"to {target.size}x{target.features}f"
            )
        if t.depth is not None and t.depth < abs(self.levels(t)):
            raise GraphError(
                f"transition {t.name} crosses {abs(self.levels(t))} levels with {t.depth} stride-2 convolutions; raise depth"
            )

    def __getitem__(self, name: str) -> State:
        for state in self.states:
            if state.name == name:
                return state
        raise GraphError(
            f"no state is called {name!r}; the states are {', '.join(s.name for s in self.states)}"
        )

    @property
    def input_state(self) -> str:
        return self.states[0].name

    @property
    def output_state(self) -> str:
        return self.states[-1].name

    def levels(self, t: Transition) -> int:
        """Factors of two in space from source to target: positive going down in size, negative going up."""
        source, target = self[t.source].size, self[t.target].size
        return (
            (source // target).bit_length() - 1
            if source >= target
            else 1 - (target // source).bit_length()
        )

    def kind(self, t: Transition) -> str:
        """``feed-forward`` (to the next state), ``skip`` (further ahead), ``lateral`` (to itself) or ``feedback`` (back)."""
        order = [s.name for s in self.states]
        ahead = order.index(t.target) - order.index(t.source)
        return (
            "lateral"
            if ahead == 0
            else "feedback"
            if ahead < 0
            else "feed-forward"
            if ahead == 1
            else "skip"
        )

    def lesion(
        self, which: str, times: Window | None = None, *, keep_shortcut: bool = False
    ) -> Graph:
        """The graph with a transition, or every transition of a kind, blocked at departure steps ``times`` (default: always).

        which: a transition (``"V4->V2"``) or a kind (``"feedback"``). keep_shortcut: silence F(x) but deliver x.

        >>> from cortexsim.models.graph import adjacent
        >>> graph = adjacent([State("V1", 32, 8), State("V2", 16, 16)])
        >>> graph.lesion("feedback", (2, 5)).transitions[2].blocked
        ((2, 5),)
        """
        hit = [t for t in self.transitions if which in (t.name, self.kind(t))]
        if not hit:
            found = ", ".join(t.name for t in self.transitions)
            raise GraphError(
                f"nothing to lesion: {which!r} is neither a transition ({found}) nor a kind ({', '.join(KINDS)}) found here"
            )
        field = "silenced" if keep_shortcut else "blocked"
        window = times if times is not None else (1, 2**31)
        lesioned = [
            _with(t, field, (*getattr(t, field), window)) if t in hit else t
            for t in self.transitions
        ]
        return dataclasses.replace(self, transitions=tuple(lesioned))

    def as_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary, fields at their default left out of states and transitions."""
        return {
            "states": [_sparse(s) for s in self.states],
            "transitions": [_sparse(t) for t in self.transitions],
            "inhomogeneous": self.inhomogeneous,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Graph:
        transitions = tuple(
            Transition(**{k: _tuples(v) for k, v in t.items()}) for t in data["transitions"]
        )
        return cls(
            tuple(State(**s) for s in data["states"]),
            transitions,
            bool(data.get("inhomogeneous", False)),
        )

    def to_json(self) -> str:
        return json.dumps(self.as_dict())

    @classmethod
    def from_json(cls, text: str) -> Graph:
        try:
            return cls.from_dict(json.loads(text))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise GraphError(
                f"not the JSON of a graph ({type(error).__name__}: {error}); Graph.to_json writes one"
            ) from error


@dataclass(frozen=True)
class Schedule:
    """What happens at each step of a run.

    arrivals: for step t (index t - 1), the (transition, departure step) pairs that arrive then, in the graph's order.
    inputs: steps at which the input is added to the first state. populated: every (state, step) that holds a value.
    """

    steps: int
    arrivals: tuple[tuple[tuple[Transition, int], ...], ...]
    inputs: frozenset[int]
    populated: frozenset[tuple[str, int]]

    def instances(self) -> list[tuple[Transition, int]]:
        """Every (transition, departure step), by arrival."""
        return [instance for step in self.arrivals for instance in step]


def schedule(
    graph: Graph,
    steps: int,
    *,
    inputs: Iterable[int] | None = None,
    readouts: Iterable[int] | None = None,
) -> Schedule:
    """Which transition instances are simulated, and which states are populated, in a run of ``steps`` steps.

    A transition runs only when its source is populated. With ``readouts``, only *live* instances are kept: those on a
    walk from the input to the last state at one of these steps. inputs: steps with an input; by default step 1, or
    every step if the graph is inhomogeneous.

    Raises GraphError when a readout time finds the last state unpopulated.
    """
    if steps < 1:
        raise GraphError(f"asked for {steps} steps; a run has at least 1")
    given = (
        set(inputs)
        if inputs is not None
        else (set(range(1, steps + 1)) if graph.inhomogeneous else {1})
    )
    given = {t for t in given if t <= steps}
    populated: set[tuple[str, int]] = set()
    arrivals: list[list[tuple[Transition, int]]] = []
    for now in range(1, steps + 1):
        here = [
            (t, now - t.delay)
            for t in graph.transitions
            if (t.source, now - t.delay) in populated and t.departs_at(now - t.delay)
        ]
        arrivals.append(here)
        populated |= {(t.target, now) for t, _ in here}
        populated |= {
            (s.name, now)
            for s in graph.states
            if s.update == "leaky" and (s.name, now - 1) in populated
        }
        if now in given:
            populated.add((graph.input_state, now))
    if readouts is None:
        return Schedule(steps, tuple(map(tuple, arrivals)), frozenset(given), frozenset(populated))

    live = _live(graph, populated, arrivals, steps, set(readouts))
    kept = tuple(
        tuple((t, d) for t, d in here if (t.target, now) in live)
        for now, here in enumerate(arrivals, start=1)
    )
    inputs_used = frozenset(t for t in given if (graph.input_state, t) in live)
    return Schedule(steps, kept, inputs_used, frozenset(live))


def _live(
    graph: Graph,
    populated: set[tuple[str, int]],
    arrivals: list[list[tuple[Transition, int]]],
    steps: int,
    readouts: set[int],
) -> set[tuple[str, int]]:
    """The populated (state, step) pairs from which a walk leads to the last state at a readout time."""
    out = graph.output_state
    for readout in sorted(readouts):
        if (out, readout) not in populated:
            when = sorted(t for s, t in populated if s == out)
            raise GraphError(
                f"{out} cannot be read out at step {readout} of {steps}: it is "
                + (
                    f"populated at steps {ranges(when)} only"
                    if when
                    else "never populated; is there a path of transitions from the input?"
                )
            )
    live = {(out, r) for r in readouts}
    for now in range(steps, 0, -1):
        live |= {
            (t.source, departed) for t, departed in arrivals[now - 1] if (t.target, now) in live
        }
        live |= {
            (s.name, now - 1)
            for s in graph.states
            if s.update == "leaky" and (s.name, now) in live and (s.name, now - 1) in populated
        }
    return live


def full(states: Iterable[State], *, inhomogeneous: bool = False) -> Graph:
    """Every state to every state, identity shortcut on the self transitions (Figure 4 A-C of the memo)."""
    states = tuple(states)
    return Graph(
        states, tuple(_default_transition(a, b) for a in states for b in states), inhomogeneous
    )


def adjacent(
    states: Iterable[State], *, inhomogeneous: bool = False, lateral: bool = True
) -> Graph:
    """Self transitions (unless ``lateral`` is False) and those between neighbours only (Figure 9 of the memo)."""
    states = tuple(states)
    pairs = [
        (a, b)
        for i, a in enumerate(states)
        for j, b in enumerate(states)
        if abs(i - j) == 1 or (lateral and i == j)
    ]
    return Graph(states, tuple(_default_transition(a, b) for a, b in pairs), inhomogeneous)


def _default_transition(a: State, b: State) -> Transition:
    return Transition(a.name, b.name, shortcut="identity" if a is b else "none")


def _with(t: Transition, field: str, value: Any) -> Transition:
    changes: dict[str, Any] = {field: value}
    return dataclasses.replace(t, **changes)


def _tuples(value: Any) -> Any:
    """JSON's lists back to tuples, at every depth."""
    return tuple(_tuples(v) for v in value) if isinstance(value, (list, tuple)) else value


def _inside(step: int, windows: tuple[Window, ...]) -> bool:
    return any(first <= step <= last for first, last in windows)


def _one_of(what: str, value: str, choices: tuple[str, ...], where: str) -> None:
    if value not in choices:
        raise GraphError(
            f"{where}: {what} {value!r} is not known; choose from {', '.join(choices)}"
        )


def _unique(what: str, names: list[str]) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise GraphError(f"each {what} may appear once; found twice: {', '.join(twice)}")


def _sparse(record: State | Transition) -> dict[str, Any]:
    """The fields of a dataclass that differ from their default."""
    return {
        f.name: getattr(record, f.name)
        for f in dataclasses.fields(record)
        if f.default is dataclasses.MISSING or getattr(record, f.name) != f.default
    }


def ranges(steps: list[int]) -> str:
    """4, 5, 6, 9 as '4-6, 9'."""
    parts: list[list[int]] = []
    for s in steps:
        if parts and s == parts[-1][-1] + 1:
            parts[-1].append(s)
        else:
            parts.append([s])
    return ", ".join(f"{p[0]}-{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts)
