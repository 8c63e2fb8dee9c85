"""The graph of a multi-state recurrent network: its states and its transitions; no tensors.

Time follows Liao & Poggio 2016: the input fills the first state at step 1, a transition that leaves
its source at step ``t`` arrives at its target at step ``t + delay``, and transitions that arrive
together are summed. An *instance* is a transition at one departure step: the element (i, j, t) of
the memo's 3-D transition matrix.
"""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cortexsim.arguments import clear_errors
from cortexsim.errors import GraphError
from cortexsim.files import parsed_json
from cortexsim.models.fields import checked_fields, shown
from cortexsim.models.states import ALWAYS, State, Transition, Window

KINDS = ("feed-forward", "lateral", "feedback", "skip")
PLUS = {"none": "", "identity": " +I", "projection": " +P"}
"""How a shortcut is written behind its transition."""


@clear_errors
@dataclass(frozen=True)
class Graph:
    """States in hierarchical order and the transitions between them.

    Parameters
    ----------
    states : tuple of State
        The first receives the input, the last is read out.
    transitions : tuple of Transition
        At most one from a state to another.
    inhomogeneous : bool
        Add the input at every step instead of at step 1 only.

    Raises
    ------
    GraphError
        For names that appear twice or not at all, and shapes that a transition cannot join.

    Examples
    --------
    >>> from cortexsim.models.graph import adjacent
    >>> graph = adjacent([State("V1", 32, 8), State("V2", 16, 16)])
    >>> Graph.from_json(graph.to_json()) == graph
    True
    >>> graph
    Graph: V1 32x32x8, V2 16x16x16; input at step 1
      feed-forward  V1->V2
      lateral       V1->V1 +I, V2->V2 +I
      feedback      V2->V1
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
        _check_unique("state", names)
        _check_unique("transition", [t.name for t in self.transitions])
        for t in self.transitions:
            for end in (t.source, t.target):
                if end not in names:
                    raise GraphError(
                        f"transition {t.name}: no state is called {end!r}; "
                        f"the states are {', '.join(names)}"
                    )
            self._check_shapes(t)

    def _check_shapes(self, t: Transition) -> None:
        """GraphError if a transition cannot join the maps of its two states."""
        source, target = self[t.source], self[t.target]
        ends = f"{source.size}x{source.features}f and {target.size}x{target.features}f"
        big, small = max(source.size, target.size), min(source.size, target.size)
        if big % small or (big // small) & (big // small - 1):
            raise GraphError(
                f"transition {t.name} joins maps of size {source.size} and {target.size}; "
                "their ratio must be a power of two (a level is a factor of 2 in space)"
            )
        same_shape = (source.size, source.features) == (target.size, target.features)
        if t.shortcut == "identity" and not same_shape:
            raise GraphError(
                f"transition {t.name}: an identity shortcut needs equal shapes, found {ends}; "
                "use shortcut='projection' or 'none'"
            )
        if t.operator == "maxpool" and (
            source.features != target.features or source.size < target.size
        ):
            raise GraphError(
                f"transition {t.name}: max-pooling keeps the features and cannot enlarge; "
                f"found {ends}"
            )
        if t.depth is not None and t.depth < abs(self.levels(t)):
            raise GraphError(
                f"transition {t.name} crosses {abs(self.levels(t))} levels with {t.depth} stride-2 "
                "convolutions; raise depth"
            )

    def __getitem__(self, name: str) -> State:
        for state in self.states:
            if state.name == name:
                return state
        raise GraphError(
            f"no state is called {name!r}; the states are {', '.join(s.name for s in self.states)}"
        )

    def __repr__(self) -> str:
        states = ", ".join(f"{s.name} {s.shape}" for s in self.states)
        title = f"Graph: {states}; input at {'every step' if self.inhomogeneous else 'step 1'}"
        lines = textwrap.wrap(title, 100, subsequent_indent=" " * 16)
        for kind, transitions in self.by_kind().items():
            words = []
            for t in transitions:
                notes = [f"delay {t.delay}"] * (t.delay > 1) + t.conditions()
                words.append(f"{t.name}{PLUS[t.shortcut]}" + "".join(f" ({n})" for n in notes))
            lines += textwrap.wrap(
                f"  {kind:<12}  {', '.join(words)}", 100, subsequent_indent=" " * 16
            )
        return "\n".join(lines)

    @property
    def input_state(self) -> str:
        """The state that receives the input."""
        return self.states[0].name

    @property
    def output_state(self) -> str:
        """The state that is read out."""
        return self.states[-1].name

    def levels(self, t: Transition) -> int:
        """Factors of two in space from source to target: positive down in size, negative up.

        Parameters
        ----------
        t : Transition
            A transition of the graph.

        Returns
        -------
        int
        """
        source, target = self[t.source].size, self[t.target].size
        return (
            (source // target).bit_length() - 1
            if source >= target
            else 1 - (target // source).bit_length()
        )

    def kind(self, t: Transition) -> str:
        """Which of ``KINDS`` a transition is.

        ``feed-forward`` (to the next state), ``skip`` (further ahead), ``lateral`` (to itself) or
        ``feedback`` (back).

        Parameters
        ----------
        t : Transition
            A transition of the graph.

        Returns
        -------
        str
        """
        order = [s.name for s in self.states]
        ahead = order.index(t.target) - order.index(t.source)
        if ahead > 0:
            return "feed-forward" if ahead == 1 else "skip"
        return "lateral" if ahead == 0 else "feedback"

    def by_kind(self) -> dict[str, list[Transition]]:
        """The transitions of each kind that the graph has, in the order of ``KINDS``."""
        kinds = {k: [t for t in self.transitions if self.kind(t) == k] for k in KINDS}
        return {kind: transitions for kind, transitions in kinds.items() if transitions}

    def lesion(
        self, which: str, times: Window | None = None, *, keep_shortcut: bool = False
    ) -> Graph:
        """The graph with a transition, or every transition of a kind, blocked.

        Parameters
        ----------
        which : str
            A transition (``"V4->V2"``) or a kind (``"feedback"``).
        times : (int, int), optional
            First and last departure step of the lesion; default: always.
        keep_shortcut : bool
            Silence F(x) but deliver x.

        Raises
        ------
        GraphError
            If nothing in the graph is called that.

        Examples
        --------
        >>> from cortexsim.models.graph import adjacent
        >>> graph = adjacent([State("V1", 32, 8), State("V2", 16, 16)])
        >>> graph.lesion("feedback", (2, 5)).transitions[2].blocked
        ((2, 5),)
        """
        hit = [t for t in self.transitions if which in (t.name, self.kind(t))]
        if not hit:
            names = ", ".join(t.name for t in self.transitions)
            raise GraphError(
                f"nothing to lesion: {which!r} is neither a transition ({names}) "
                f"nor a kind ({', '.join(KINDS)}) found here"
            )
        field = "silenced" if keep_shortcut else "blocked"
        window = times if times is not None else ALWAYS
        lesioned = [
            _with(t, field, (*getattr(t, field), window)) if t in hit else t
            for t in self.transitions
        ]
        return dataclasses.replace(self, transitions=tuple(lesioned))

    def as_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary; states and transitions lack the fields at their default."""
        return {
            "states": [_sparse(s) for s in self.states],
            "transitions": [_sparse(t) for t in self.transitions],
            "inhomogeneous": self.inhomogeneous,
        }

    @classmethod
    def from_dict(cls, data: Any) -> Graph:
        """The graph that :meth:`as_dict` wrote.

        Parameters
        ----------
        data : mapping
            What :meth:`as_dict` returned.

        Returns
        -------
        Graph

        Raises
        ------
        GraphError
            For anything else, with what is missing, unknown or of another type.
        """
        rest = checked_fields(cls, data, "the graph", apart=("states", "transitions"))
        states = [State(**fields) for fields in _records(State, data, "states")]
        transitions = [Transition(**fields) for fields in _records(Transition, data, "transitions")]
        return cls(tuple(states), tuple(transitions), **rest)

    def to_json(self) -> str:
        """The graph as JSON."""
        return json.dumps(self.as_dict())

    @classmethod
    def from_json(cls, text: str) -> Graph:
        """The graph that :meth:`to_json` wrote; GraphError for other text.

        Parameters
        ----------
        text : str
            What :meth:`to_json` returned.

        Returns
        -------
        Graph
        """
        return cls.from_dict(
            parsed_json(text, "a graph as Graph.to_json writes it", error=GraphError)
        )


@clear_errors
def full(states: Iterable[State], *, inhomogeneous: bool = False) -> Graph:
    """Every state to every state, identity shortcut on the self transitions.

    Source: Liao & Poggio 2016, Figure 4 A-C.

    Parameters
    ----------
    states : iterable of State
        From the image on; the last one is read out.
    inhomogeneous : bool
        Whether the image goes in at every step; default at step 1 only.

    Returns
    -------
    Graph

    Examples
    --------
    >>> graph = full([State("V1", 8, 4), State("IT", 4, 8)])
    >>> [(t.source, t.target) for t in graph.transitions]
    [('V1', 'V1'), ('V1', 'IT'), ('IT', 'V1'), ('IT', 'IT')]
    """
    states = tuple(states)
    return Graph(
        states, tuple(_default_transition(a, b) for a in states for b in states), inhomogeneous
    )


@clear_errors
def adjacent(
    states: Iterable[State], *, inhomogeneous: bool = False, lateral: bool = True
) -> Graph:
    """Self transitions (unless ``lateral`` is False) and those between neighbours only.

    Source: Liao & Poggio 2016, Figure 9.

    Parameters
    ----------
    states : iterable of State
        From the image on; the last one is read out.
    inhomogeneous : bool
        Whether the image goes in at every step; default at step 1 only.
    lateral : bool
        Whether each state has a transition to itself, with an identity shortcut.

    Returns
    -------
    Graph

    Examples
    --------
    >>> graph = adjacent([State("V1", 8, 4), State("V2", 8, 4), State("IT", 4, 8)], lateral=False)
    >>> [(t.source, t.target) for t in graph.transitions]
    [('V1', 'V2'), ('V2', 'V1'), ('V2', 'IT'), ('IT', 'V2')]
    """
    states = tuple(states)
    pairs = [
        (a, b)
        for i, a in enumerate(states)
        for j, b in enumerate(states)
        if abs(i - j) == 1 or (lateral and i == j)
    ]
    return Graph(states, tuple(_default_transition(a, b) for a, b in pairs), inhomogeneous)


def _default_transition(a: State, b: State) -> Transition:
    """From one state to another as the memo has them."""
    return Transition(a.name, b.name, shortcut="identity" if a is b else "none")


def _with(t: Transition, field: str, value: Any) -> Transition:
    """The transition with another value of a field."""
    changes: dict[str, Any] = {field: value}
    return dataclasses.replace(t, **changes)


def _records(kind: type, data: Any, name: str) -> Iterator[dict[str, Any]]:
    """The fields of each state, or transition; GraphError for what is no list of them."""
    if not isinstance(data[name], (list, tuple)):
        raise GraphError(f"{name} of the graph is {shown(data[name])}; a list is needed")
    for n, record in enumerate(data[name], start=1):
        yield checked_fields(kind, record, f"{kind.__name__.lower()} {n} of the graph")


def _check_unique(what: str, names: list[str]) -> None:
    """GraphError that lists the names which appear more than once."""
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
