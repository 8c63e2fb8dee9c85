"""What was wrong with the arguments of a call that failed: said by name, instead of a traceback.

A public function checks what it can say best itself. ``clear_errors`` is for the rest: where an
error of Python or of another package comes out, the arguments are held against the annotations and
the docstring, and the first that does not fit is named. It costs nothing where nothing fails, and
an error with arguments that fit stays as it is, for it is a fault of ours.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from cortexsim.bare import record_it
from cortexsim.errors import (
    AnalysisError,
    CortexsimError,
    GraphError,
    RecordingError,
    StimulusError,
    TrainingError,
)
from cortexsim.misfits import (
    alternatives,
    annotated,
    documented_types,
    fits,
    misfit,
    misfit_inside,
    odd,
    unusable,
    without,
)

PACKAGE = str(Path(__file__).parent)  # as the names of files in frames begin

Called = TypeVar("Called", bound=Callable[..., Any])

ROOMS: dict[str, type[CortexsimError]] = {
    "models": GraphError,
    "stimuli": StimulusError,
    "recording": RecordingError,
    "training": TrainingError,
}
"""The error of a room; of the others AnalysisError."""

RAW = (
    *(TypeError, AttributeError, LookupError, ValueError, ArithmeticError, RuntimeError),
    *(AssertionError, MemoryError, OSError),
)


def outside() -> int:
    """The ``stacklevel`` at which a warning points at the first caller outside this package.

    Returns
    -------
    int
        For ``warnings.warn`` in the calling function.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    return level


def clear_errors(function: Called) -> Called:
    """A public function, or a class, whose raw errors name the argument that does not fit.

    Parameters
    ----------
    function : callable
        Of a class its making is meant.

    Returns
    -------
    callable
        With the same signature; of a class the class itself.

    Examples
    --------
    >>> @clear_errors
    ... def doubled(count: int) -> int:
    ...     return count + count if count > 0 else 0
    >>> doubled(2)
    4
    >>> doubled("2")
    Traceback (most recent call last):
    ...
    cortexsim.errors.AnalysisError: doubled: count is '2'; a whole number is needed
    """
    if inspect.isclass(function):
        made: Any = function
        made.__init__ = _clear(_held(made.__init__), made)
        return function
    return _clear(function, function)


def _held(make: Any) -> Any:
    """The making of an object, after which its numbers and texts are held against annotations.

    What makes it has said by then what it can say better.
    """

    @functools.wraps(make)
    def call(*arguments: Any, **named: Any) -> None:
        make(*arguments, **named)
        bound = inspect.signature(make).bind(*arguments, **named).arguments
        for name, parameter in inspect.signature(make).parameters.items():
            options = alternatives(annotated(parameter))
            if name not in bound:
                continue
            value = bound[name]
            if set(options) <= PLAIN and not any(fits(value, option, {}) for option in options):
                raise TypeError(f"{name} is of another type")
            if set(options) <= {"None", STEPS} and misfit_inside(value, options, {}):
                raise TypeError(f"{name} holds what is of another type")

    return call


PLAIN = {"int", "float", "str", "bool", "None"}
"""What is held against annotations when an object was made."""
STEPS = "tuple[int, ...]"
"""The same of lists, entry by entry."""


def _clear(function: Any, whole: Any) -> Any:
    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except CortexsimError as error:
            said = _network_given(function, arguments, named)
            if said is None:
                raise
            raise type(error)(f"{whole.__name__}: {said}") from error
        except RAW as error:
            said = _network_given(function, arguments, named)
            said = said or _reason(function, whole, arguments, named, error=error)
            if said is None:
                raise
            room = str(whole.__module__).split(".")[1:2]
            kind = ROOMS.get(room[0] if room else "", AnalysisError)
            raise kind(f"{whole.__name__}: {said}") from error

    return call


def _network_given(function: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> str | None:
    """A network where what it did is needed, in words."""
    signature = inspect.signature(function)
    try:
        bound = signature.bind(*arguments, **named).arguments
    except TypeError:
        return None
    known = signature.parameters
    return record_it(
        {k: (v, annotated(known[k])) for k, v in bound.items() if k not in ("self", *NAMED_SO)}
    )


NAMED_SO = ("net", "network", "model", "module", "architecture")
"""What may be a network whatever its annotation says."""


def _reason(
    function: Any,
    whole: Any,
    arguments: tuple[Any, ...],
    named: dict[str, Any],
    *,
    error: Exception,
) -> str | None:
    """The first argument that does not fit, in words; None where all do."""
    try:
        bound = inspect.signature(function).bind(*arguments, **named).arguments
    except TypeError:  # another number of arguments, or another name: Python says that well
        return None
    if isinstance(error, OSError):
        for name, value in bound.items():
            if isinstance(value, (str, Path)) and (said := unusable(str(value))):
                return f"{name} is no path: {said}"
        return None
    known = inspect.signature(function).parameters
    documented = documented_types(inspect.getdoc(whole) or "")
    asked = {
        name: (value, annotated(known[name]), documented.get(name, ""))
        for name, value in bound.items()
        if name != "self" and known[name].kind is not inspect.Parameter.VAR_KEYWORD
    }
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    for name, (value, hint, text) in asked.items():
        if said := misfit(value, hint, text, scope):
            return f"{name} is {said}"
    for look in (odd, without):
        for name, (value, _, _) in asked.items():
            if said := look(value, error):
                return f"{name} is {said}"
    return None
