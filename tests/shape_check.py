"""Annotations checked while tests run: shapes by jaxtyping, all else by beartype alone.

The hook of jaxtyping wraps every function of a module, and its wrapper takes a hundred times as
long as small functions do. Where an annotation names no shape there is nothing for it to do.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

# int is accepted where float is annotated (PEP 484); violations are what Python itself raises.
check = beartype(conf=BeartypeConf(is_pep484_tower=True, violation_type=TypeError))
whole = jaxtyping.jaxtyped


def install(modules: Sequence[str]) -> None:
    """Check the annotations of modules that are imported from now on."""
    jaxtyping.jaxtyped = checked  # what the hook writes above every function and class
    jaxtyping.install_import_hook(modules, "shape_check.check")


def checked(*, typechecker: Callable[..., Any]) -> Callable[[Any], Any]:
    """As ``jaxtyping.jaxtyped``, but functions without shapes are left to the type checker."""

    def decorate(thing: Any) -> Any:
        # beartype remembers every function that it ever saw, and a closure with what it encloses:
        # whole recordings. What it gets from jaxtyping encloses nothing.
        ours = isinstance(thing, types.FunctionType) and not thing.__closure__
        if not ours or names_a_shape(thing):
            return whole(typechecker=typechecker)(thing)
        return by_types(thing, typechecker)

    return decorate


def names_a_shape(function: types.FunctionType) -> bool:
    """Whether an annotation holds a quoted shape, ``Float[Tensor, "batch channel"]``."""
    texts = map(str, inspect.get_annotations(function).values())
    return any("[" in text and ('"' in text or "'" in text) for text in texts)


def by_types(function: types.FunctionType, typechecker: Callable[..., Any]) -> Any:
    """The function, checked from its first call on, when all names of its module are there.

    Where they are imported for type checkers only, beartype cannot look them up: jaxtyping's
    wrapper takes it on.
    """
    ready: Any = None

    @functools.wraps(function)
    def first(*args: Any, **kwargs: Any) -> Any:
        nonlocal ready
        if ready is None:
            try:
                typing.get_type_hints(function)
            except (NameError, TypeError):
                ready = whole(typechecker=typechecker)(function)
            else:
                ready = typechecker(function)
        return ready(*args, **kwargs)

    return first
