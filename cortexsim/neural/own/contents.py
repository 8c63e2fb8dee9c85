"""What a file holds, by name: arrays, arrays of structs, and what cannot be read, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SHOWN = 12  # entries of a file that are listed in an error


@dataclass(frozen=True)
class Structs:
    """An array of structs of MATLAB.

    Parameters
    ----------
    elements : array of dict, dtype object
        In the shape that MATLAB has, without axes of one element.
    """

    elements: np.ndarray


@dataclass(frozen=True)
class Unreadable:
    """What stands in a file and cannot be read.

    Parameters
    ----------
    why : str
        What it is, and what would make it readable.
    """

    why: str


@dataclass(frozen=True)
class Stored:
    """A large array that is read from its file when it is asked for.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : numpy.dtype
        Its type.
    load : callable
        Reads it.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    load: Callable[[], np.ndarray]


def loaded(value: Any) -> Any:
    """The array itself, of one that is read when it is asked for."""
    return value.load() if isinstance(value, Stored) else value


def flat(content: Any, name: str = "") -> dict[str, Any]:
    """Structs and arrays of structs by names such as ``a.b``, ``a[0].b`` and ``a[0,1].b``.

    Parameters
    ----------
    content : dict
        What a file holds, by name; values may be such dictionaries and :class:`Structs`.
    name : str
        Of the content within a larger one.

    Returns
    -------
    dict of str to array, str or Unreadable
        By those names.

    Examples
    --------
    >>> flat({"a": {"b": 1, "c": {"d": 2}}})
    {'a.b': 1, 'a.c.d': 2}
    """
    if isinstance(content, Mapping):
        parts = {f"{name}.{k}" if name else k: v for k, v in content.items()}
    elif isinstance(content, Structs):
        parts = {
            f"{name}[{','.join(map(str, place))}]": content.elements[place]
            for place in np.ndindex(content.elements.shape)
        }
    else:
        return {name: content}
    return {k: v for part, inner in parts.items() for k, v in flat(inner, part).items()}


@dataclass(frozen=True)
class Stack:
    """One field of all elements of an array of structs.

    Parameters
    ----------
    shape : tuple of int
        Of the array of structs.
    names : tuple of str
        The flat names of the field in each element, in C order.
    """

    shape: tuple[int, ...]
    names: tuple[str, ...]


def stacks(content: Any, name: str = "") -> dict[str, Stack]:
    """The fields that every element of an array of structs has, by names such as ``a.b``."""
    if isinstance(content, Structs):
        each = [
            flat(content.elements[place], f"{name}[{','.join(map(str, place))}]")
            for place in np.ndindex(content.elements.shape)
        ]
        tails = [{k[k.index("]", len(name)) + 1 :]: k for k in part} for part in each]
        shared = [t for t in tails[0] if all(t in others for others in tails)]
        return {
            name + t: Stack(content.elements.shape, tuple(part[t] for part in tails))
            for t in shared
        }
    if isinstance(content, Mapping):
        inner = (stacks(v, f"{name}.{k}" if name else k) for k, v in content.items())
        return {k: v for part in inner for k, v in part.items()}
    return {}


@dataclass(frozen=True)
class Held:
    """What a file holds.

    Parameters
    ----------
    path : Path
        The file.
    arrays : mapping of str to array
        By flat name.
    joint : mapping of str to Stack
        Arrays of structs, each field of which is one array.
    """

    path: Path
    arrays: Mapping[str, Any]
    joint: Mapping[str, Stack]

    @property
    def inner(self) -> set[str]:
        """The names that stand within arrays of structs."""
        return {name for stack in self.joint.values() for name in stack.names}

    def __contains__(self, name: object) -> bool:
        return name in self.arrays or name in self.joint

    def __str__(self) -> str:
        return listed(self.arrays, self.joint)


def is_text(value: Any) -> bool:
    """Whether an entry is text, or an array of text."""
    if isinstance(value, str):
        return True
    if not isinstance(value, np.ndarray):
        return False
    whole = value.dtype.kind == "O" and value.size
    return value.dtype.kind in "US" or bool(
        whole and all(isinstance(v, (str, bytes)) for v in value.ravel())
    )


def is_numeric(value: Any) -> bool:
    """Whether an entry is an array of real numbers."""
    kind = getattr(value, "dtype", None)
    return kind is not None and kind.kind in "fiub"


def listed(entries: Mapping[str, Any], joint: Mapping[str, Stack] | None = None) -> str:
    """What a file holds, in words: names, shapes, and what is text.

    Parameters
    ----------
    entries : mapping of str to array
        By flat name.
    joint : mapping of str to Stack, optional
        Arrays of structs, each of which is one entry.

    Returns
    -------
    str
        The first ``SHOWN`` of them, and how many more there are.

    Examples
    --------
    >>> listed({"rates": np.zeros((7, 3)), "stim": np.array(["cat", "dog"])})
    'rates (7, 3), stim (2,) of text'
    """
    joint = joint or {}
    within = {name for stack in joint.values() for name in stack.names}
    words = [_described(k, v) for k, v in entries.items() if k not in within]
    for name, stack in joint.items():
        shapes = {np.shape(entries[k]) for k in stack.names}
        of = f"of {_kind(entries[stack.names[0]])}" if len(shapes) == 1 else "of several shapes"
        words.append(f"{name} ({' x '.join(map(str, stack.shape))} structs {of})")
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return (", ".join(words[:SHOWN]) + more) or "nothing"


def _described(name: str, value: Any) -> str:
    if isinstance(value, Unreadable):
        return f"{name} ({value.why})"
    kind = _kind(value)
    return f"{name} {kind}" if kind.startswith("(") else f"{name} ({kind})"


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, Unreadable):
        return value.why
    if is_numeric(value):
        return f"{tuple(np.shape(value))}"
    if is_text(value):
        return f"{tuple(np.shape(value))} of text"
    return f"{tuple(np.shape(value))} of {getattr(value, 'dtype', type(value).__name__)}"
