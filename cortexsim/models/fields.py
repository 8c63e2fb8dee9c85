"""Records from a stranger's JSON: every field is of the type that it declares, or one error."""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Collection, Mapping
from numbers import Integral
from typing import Any

from cortexsim.errors import CortexsimError, GraphError


def checked_fields(
    kind: type,
    data: Any,
    where: str,
    *,
    error: type[CortexsimError] = GraphError,
    apart: Collection[str] = (),
) -> dict[str, Any]:
    """The fields of a dataclass, each of its declared type; lists are tuples again.

    Parameters
    ----------
    kind : type
        The dataclass.
    data : Any
        What a JSON text held in its place.
    where : str
        What it is, for the message: ``state 2 of the graph``.
    error : type
        Raised.
    apart : collection of str
        Fields that are left out of the result, since they are read elsewhere.

    Raises
    ------
    CortexsimError
        If it is no object, lacks a field without a default, has one that there is not, or one of
        another type.

    Examples
    --------
    >>> from cortexsim.models.states import State
    >>> checked_fields(State, {"name": "V1", "size": 32, "features": 8}, "a state")["size"]
    32
    """
    if not isinstance(data, Mapping):
        raise error(f"{where} is {shown(data)}; an object with names and values is needed")
    fields = {f.name: f for f in dataclasses.fields(kind)}
    needed = [
        name
        for name, f in fields.items()
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if absent := [name for name in needed if name not in data]:
        raise error(f"{where} lacks {' and '.join(absent)}")
    if unknown := [name for name in data if name not in fields]:
        near = difflib.get_close_matches(str(unknown[0]), fields, 1)
        raise error(
            f"{where} has no field {shown(unknown[0])}"
            + (f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(fields)}")
        )
    hints = typing.get_type_hints(kind)
    values = {}
    for name, value in data.items():
        if name in apart:
            continue
        try:
            value = tuples(value)
        except RecursionError:
            raise error(f"{where}: {name} is nested too deep; it is none of ours") from None
        if not fits(value, hints[name]):
            raise error(f"{where}: {name} is {shown(value)}; {in_words(hints[name])} is needed")
        values[name] = value
    return values


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a declared type; no bool is a number, no NaN or infinity a float.

    >>> fits((1, 2), tuple[int, ...]), fits(True, int), fits(3, float | None)
    (True, False, True)
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if arguments[-1] is Ellipsis:
            return all(fits(v, arguments[0]) for v in value)
        return len(value) == len(arguments) and all(map(fits, value, arguments))
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, a) for a in arguments)
    if isinstance(value, bool):
        return hint is bool
    if hint is int:
        return isinstance(value, Integral)
    if hint is float:
        try:
            return isinstance(value, (int, float)) and math.isfinite(value)
        except OverflowError:  # an integer that no float holds
            return False
    return isinstance(value, hint)


def in_words(hint: Any) -> str:
    """A declared type in words.

    >>> in_words(tuple[int, ...] | None)
    'a list of whole numbers, or null'
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            first, _, rest = in_words(arguments[0]).removeprefix("a ").partition(" of ")
            return f"a list of {first}s" + f" of {rest}" * bool(rest)
        return f"a list of {len(arguments)} ({', '.join(map(in_words, arguments))})"
    if origin in (typing.Union, types.UnionType):
        return ", or ".join(map(in_words, arguments))
    words = {
        int: "a whole number",
        float: "a finite number",
        str: "a text",
        bool: "true or false",
        type(None): "null",
    }
    return words.get(hint, f"a {getattr(hint, '__name__', hint)}")


def shown(value: Any) -> str:
    """A value in a message, never longer than 60 characters.

    >>> shown(list(range(99)))
    '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16...'
    """
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # deeply nested; an integer of too many digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def tuples(value: Any) -> Any:
    """JSON's lists back to tuples, at every depth."""
    return tuple(tuples(v) for v in value) if isinstance(value, (list, tuple)) else value
