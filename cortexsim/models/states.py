"""What a graph is made of: states, and the directed transitions between them; data only."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

from cortexsim.arguments import clear_errors
from cortexsim.errors import CortexsimError, GraphError

OPERATORS = ("brc", "conv", "maxpool")
SHORTCUTS = ("none", "identity", "projection")
UPDATES = ("sum", "leaky")
ALWAYS = (1, 2**31)
"""The window of a lesion that never ends."""
MOST_STEPS = 100_000
"""The longest run, latest readout and longest delay, in steps: 40 minutes of 25 ms."""
MOST_FEATURES = 1 << 16
"""The largest edge of a map, and the most features of a state."""

Window = tuple[int, int]


@clear_errors
@dataclass(frozen=True)
class State:
    """One processing stage (V1, V2, ... or h1, h2, ...).

    Parameters
    ----------
    name : str
        Letters, digits, ``_`` or ``-``.
    size : int
        Height and width of its maps in units, for images of the size the network was built for.
    features : int
        Number of channels.
    update : str
        ``"sum"``, h(t) = sum of what arrives (the memo), or ``"leaky"``,
        h(t) = (1 - 1/tau) h(t-1) + (1/tau) (sum of what arrives).
    tau_steps : float
        The time constant tau of ``"leaky"`` in steps, at least 1.

    Raises
    ------
    GraphError
        For names, sizes and updates that cannot be.
    """

    name: str
    size: int
    features: int
    update: str = "sum"
    tau_steps: float = 1.0

    def __post_init__(self) -> None:
        if not self.name or any(c in self.name for c in ".>@|:,/ "):
            raise GraphError(
                f"state name {self.name!r}: use letters, digits, '_' or '-' "
                "(no '.', '>', '@', '|', ':', ',', '/', space)"
            )
        for field in ("size", "features"):
            number = whole(getattr(self, field), f"state {self.name}: {field}", most=MOST_FEATURES)
            object.__setattr__(self, field, number)
        _check_choice("update rule", self.update, UPDATES, where=f"state {self.name}")
        if not 1 <= self.tau_steps < float("inf") or (self.update == "sum" and self.tau_steps != 1):
            raise GraphError(
                f"state {self.name}: update {self.update!r} with tau_steps={self.tau_steps}; "
                "'leaky' takes tau_steps >= 1, 'sum' has none (leave it at 1)"
            )

    @property
    def shape(self) -> str:
        """Its maps in a word: ``16x16x8`` is 16 x 16 units of 8 features."""
        return f"{self.size}x{self.size}x{self.features}"


@clear_errors
@dataclass(frozen=True)
class Transition:
    """A directed edge between two states.

    Parameters
    ----------
    source : str
        The state it leaves.
    target : str
        The state it reaches.
    operator : str
        ``"brc"``, N x (BatchNorm, ReLU, 3x3 convolution), deconvolution where the target is larger
        (the memo's BRCxN and BRDxN); ``"conv"``, one plain 3x3 convolution; ``"maxpool"``.
    depth : int, optional
        N of ``"brc"``; None is the memo's max(2, number of levels between the two states).
    shortcut : str
        ``"identity"`` adds the source itself (+I), ``"projection"`` a 1x1 convolution of it,
        ``"none"`` nothing.
    delay : int
        Steps from departure to arrival.
    only_at : tuple of int, optional
        Departure steps at which the transition exists; None is every step.
    blocked : tuple of (first, last)
        Windows of departure steps at which it does not exist (a lesion).
    silenced : tuple of (first, last)
        Windows at which only its shortcut is left: x is delivered without F(x).

    Raises
    ------
    GraphError
        For operators, depths, delays and windows that cannot be.
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
        _check_choice("operator", self.operator, OPERATORS, where=where)
        _check_choice("shortcut", self.shortcut, SHORTCUTS, where=where)
        object.__setattr__(self, "delay", whole(self.delay, f"{where}: delay"))
        if self.depth is not None and (
            self.operator != "brc" or whole(self.depth, f"{where}: depth", least=0, most=1000) < 1
        ):
            raise GraphError(
                f"{where}: depth {self.depth} with operator {self.operator!r}; "
                "depth is the N >= 1 of 'brc' only"
            )
        if self.only_at is not None:
            only_at = {whole(step, f"{where}: only_at step") for step in self.only_at}
            object.__setattr__(self, "only_at", tuple(sorted(only_at)))
        for field in ("blocked", "silenced"):
            try:
                windows = tuple((int(a), int(b)) for a, b in getattr(self, field))
            except (TypeError, ValueError, OverflowError):
                raise GraphError(
                    f"{where}: {field} is {getattr(self, field)!r}; windows of a first and a last "
                    "departure step are needed, e.g. ((3, 5),)"
                ) from None
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
        """Source and target: ``V1->V2``."""
        return f"{self.source}->{self.target}"

    def departs_at(self, step: int) -> bool:
        """Whether the element (source, target, step) of the transition matrix exists.

        Parameters
        ----------
        step : int
            The departure step, from 1.

        Returns
        -------
        bool
        """
        return (self.only_at is None or step in self.only_at) and not _inside(step, self.blocked)

    def silent_at(self, step: int) -> bool:
        """Whether only the shortcut is delivered at this departure step.

        Parameters
        ----------
        step : int
            The departure step, from 1.

        Returns
        -------
        bool
        """
        return _inside(step, self.silenced)

    def conditions(self) -> list[str]:
        """What holds of this transition at some departure steps only, in words.

        >>> Transition("V1", "V2", only_at=(2, 3, 4), blocked=((3, 3),)).conditions()
        ['only at 2-4', 'blocked 3']
        """
        only = [] if self.only_at is None else [f"only at {ranges(list(self.only_at))}"]
        lesions = [
            f"{word} {_in_words(window)}"
            for word, windows in (("blocked", self.blocked), ("silenced", self.silenced))
            for window in windows
        ]
        return only + lesions


def ranges(steps: list[int]) -> str:
    """Steps in ascending order, in words.

    >>> ranges([4, 5, 6, 9])
    '4-6, 9'
    """
    parts: list[list[int]] = []
    for step in steps:
        if parts and step == parts[-1][-1] + 1:
            parts[-1].append(step)
        else:
            parts.append([step])
    return ", ".join(f"{p[0]}-{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts)


def _in_words(window: Window) -> str:
    """A window of steps, short."""
    first, last = window
    if last >= ALWAYS[1]:
        return "always" if first <= 1 else f"from {first}"
    return str(first) if first == last else f"{first}-{last}"


def _inside(step: int, windows: tuple[Window, ...]) -> bool:
    """Whether a step lies in one of the windows."""
    return any(first <= step <= last for first, last in windows)


def whole(
    value: Any,
    what: str,
    *,
    least: int = 1,
    most: int = MOST_STEPS,
    error: type[CortexsimError] = GraphError,
) -> int:
    """A whole number in a range; an error that says what it is of and what was found.

    >>> whole(8, "steps of the run")
    8
    """
    whole_number = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole_number or not least <= int(value) <= most:
        raise error(
            f"{what} {_short(value)}; it must be a whole number, at least {least} and at most "
            f"{most:,}"
        )
    return int(value)


def _short(value: Any) -> str:
    """A value in a message."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return f"a {type(value).__name__} of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."


def _check_choice(what: str, value: str, choices: tuple[str, ...], *, where: str) -> None:
    """GraphError with the choices unless the value is one of them."""
    if value not in choices:
        raise GraphError(
            f"{where}: {what} {value!r} is not known; choose from {', '.join(choices)}"
        )
