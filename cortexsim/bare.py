"""A torch module where something else is needed: what to do with it, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

WRAP = "cortexsim.wrap(module, {'V1': 'submodule', ...})"
NETWORKS = ("Unrolls", "Network", "Module", "Architecture", "Choice")
"""What annotations call a network."""


def is_module(value: Any) -> bool:
    """Whether something is a module of torch, which is not imported for that.

    Parameters
    ----------
    value : object
        Of any kind.

    Examples
    --------
    >>> is_module(3)
    False
    """
    kinds = type(value).__mro__
    return any(k.__name__ == "Module" and k.__module__.startswith("torch.nn") for k in kinds)


def is_bare(value: Any) -> bool:
    """Whether it is one that says nothing of states and steps: it was not wrapped.

    Parameters
    ----------
    value : object
        Of any kind.
    """
    return is_module(value) and not hasattr(type(value), "unroll")


def wrap_it(value: Any, options: Iterable[str]) -> str:
    """What to do with a bare module where a network of states is needed; nothing for others.

    Parameters
    ----------
    value : object
        What was given.
    options : iterable of str
        The types that are needed.
    """
    if not is_bare(value):
        return ""
    if "Unrolls" in options:
        return f": a torch module says nothing of states and steps; give {WRAP}"
    return f": one of cortexsim; a torch module of your own can be recorded, as {WRAP}"


def record_it(asked: Mapping[str, tuple[Any, str]]) -> str | None:
    """Of arguments with their annotations: a network where what it did is needed, in words.

    Parameters
    ----------
    asked : mapping of str to tuple
        Of each argument its value and its annotation.
    """
    for name, (value, hint) in asked.items():
        if is_module(value) and not any(kind in hint for kind in NETWORKS):
            net = WRAP if is_bare(value) else name
            return (
                f"{name} is a {type(value).__name__}, a network, and what it did is needed: "
                f"record it first, cortexsim.record_network({net}, images)"
            )
    return None
