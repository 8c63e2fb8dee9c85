"""Whether a value fits an annotation, what is odd about one that does, and the words for both."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.bare import wrap_it
from cortexsim.errors import CortexsimError
from cortexsim.plain import numbers

LIST_OF = r"(?:Sequence|Iterable|tuple|list)\[(.*?)(?:, \.\.\.)?\]"
"""How lists of one type are annotated."""
LARGEST = 2**31
"""Whole numbers from here on count nothing that a machine holds."""
LONGEST = 255
"""Characters of a name, as file systems have them."""


def annotated(parameter: inspect.Parameter) -> str:
    """The annotation as text."""
    hint = parameter.annotation
    return hint if isinstance(hint, str) else inspect.formatannotation(hint)


def misfit(value: Any, hint: str, text: str, scope: Mapping[str, Any]) -> str | None:
    """Of another type than annotated or documented: what it is, and what is needed."""
    options = alternatives(hint)
    if "Any" in options or hint.endswith("_empty"):
        return _no_array(value, text)
    if any(fits(value, option, scope) for option in options):
        return misfit_inside(value, options, scope)
    needed = " or ".join(_in_words(option) for option in options)
    return f"{_shown(value)}; {needed} is needed{wrap_it(value, options)}"


def misfit_inside(value: Any, options: list[str], scope: Mapping[str, Any]) -> str | None:
    """The same of what a settings object or a list consists of."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        own = vars(inspect.getmodule(type(value)) or object)
        for field in dataclasses.fields(value):
            said = misfit(getattr(value, field.name, None), str(field.type), "", own)
            if said:
                return f"a {type(value).__name__} whose {field.name} is {said}"
    inner = [re.fullmatch(LIST_OF, option) for option in options]
    kinds = [m[1] for m in inner if m and "," not in m[1]]
    listed = isinstance(value, (list, tuple, set)) or len(getattr(value, "shape", ())) > 0
    if kinds and listed:
        for k, entry in enumerate(value):
            if all(misfit(entry, kind, "", scope) for kind in kinds):
                return f"a list whose entry {k} is {misfit(entry, kinds[0], '', scope)}"
    return None


def fits(value: Any, option: str, scope: Mapping[str, Any]) -> bool:
    """Whether a value is of one annotated type; of one that is not known it is.

    Examples
    --------
    >>> fits(3, "int", {}), fits("3", "int", {}), fits([1], "Sequence[int]", {})
    (True, False, True)
    """
    name = option.split("[")[0].split(".")[-1]
    if name in ("None", "NoneType"):
        return value is None
    if name == "bool":
        return isinstance(value, (bool, np.bool_, Integral))
    if name == "int":
        return isinstance(value, Integral) and not isinstance(value, bool)
    if name == "float":
        return isinstance(value, Real) and not isinstance(value, bool) and value == value
    if name == "str":
        return isinstance(value, str)
    if name == "Path":
        return isinstance(value, Path)
    if name == "tuple" and "..." not in option and isinstance(value, (list, tuple)):
        inside = option.partition("[")[2]
        if inside and len(value) != _commas(inside) + 1:
            return False
    if name in ("Sequence", "Iterable", "Collection", "tuple", "list"):
        return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
    if name in ("Mapping", "dict"):
        return isinstance(value, Mapping)
    if name == "Unrolls":  # a protocol
        return hasattr(value, "unroll")
    if name == "Callable":
        return callable(value)
    if name in ("Float", "Int", "Bool", "UInt8", "ndarray"):
        if isinstance(value, (int, float)):  # it has no axes
            return False
        return "Tensor" in option or _no_array(value, "array") is None
    kind = scope.get(name)
    if isinstance(kind, type):
        try:
            return isinstance(value, kind)
        except TypeError:
            return True
    # Imported for type checkers only: by its name. A name of a union of types is not known.
    if kind is None and name[:1].isupper() and name in CLASSES:
        return name in (base.__name__ for base in type(value).__mro__)
    return True


def _commas(inside: str) -> int:
    """The commas of what stands in the brackets of a type, not looking into brackets of it."""
    while "[" in inside:
        shorter = re.sub(r"\[[^\[\]]*\]", "", inside)
        if shorter == inside:
            break
        inside = shorter
    return inside.count(",")


CLASSES = (
    *("Dataset", "DataArray", "DataTree", "DataFrame", "Tensor", "Module", "Network", "Spec"),
    *("Graph", "Axes", "Figure", "Preprocessing", "Presentation", "TimeAxis", "Stimuli"),
)
"""What modules import for type checkers only."""

WORDS = {
    "Unrolls": "a network of states",
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "True or False",
    "None": "None",
    "Path": "a path",
    "ndarray": "an array of numbers",
    "Callable": "a function",
    "Sequence": "a list",
    "Iterable": "a list",
    "tuple": "a tuple",
    "Mapping": "a dictionary",
}


def _in_words(option: str) -> str:
    """An annotated type."""
    name = option.split("[")[0].split(".")[-1]
    return WORDS.get(name, f"a {name}")


def alternatives(hint: str) -> list[str]:
    """The types of a union, not looking into brackets."""
    parts, depth = [""], 0
    for sign in hint.replace('"', "").replace("'", ""):
        depth += (sign == "[") - (sign == "]")
        if sign == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def documented_types(text: str) -> dict[str, str]:
    """The types that a numpydoc docstring gives its parameters."""
    types: dict[str, str] = {}
    for names, kind in re.findall(r"^(\w+(?:, \w+)*) : (.*)$", text, re.MULTILINE):
        types |= dict.fromkeys(names.split(", "), kind)
    return types


def _no_array(value: Any, text: str) -> str | None:
    """Where an array of numbers is documented: what is no such array."""
    if "array" not in text and "Tensor" not in text:
        return None
    if value is None and "optional" in text:
        return None
    if any(word in text for word in ("str", "path", "Dataset", "recording", "dict", "label")):
        return (
            None if _is_array(value) or isinstance(value, (str, Path, Mapping)) else _no_list(value)
        )
    try:
        numbers(value, "values")
    except CortexsimError as error:
        return f"no array of numbers: {error}"
    except Exception as error:  # of whatever library the array is
        return f"no array of numbers ({type(value).__name__}): {' '.join(str(error).split())[:200]}"
    return None


def _is_array(value: Any) -> bool:
    """Whether something has a shape, or names of its axes."""
    return hasattr(value, "shape") or hasattr(value, "dims")


def _no_list(value: Any) -> str | None:
    """What is no list either."""
    if isinstance(value, (list, tuple)) or value is None:
        return None
    return f"{_shown(value)}; an array, or a list, is needed"


def odd(value: Any, error: Exception) -> str | None:
    """Of the right type, but nothing, not finite, or far too large."""
    del error
    if isinstance(value, str):
        return unusable(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, Integral):
        if abs(int(value)) >= LARGEST:
            return f"{_shown(value)}, which is far too large"
        return f"{int(value)}, which is below 0" if value < 0 else None
    if isinstance(value, Real):
        return (
            None if 0 < abs(float(value)) < 1e150 else f"{_shown(value)}, which is of no use here"
        )
    if hasattr(value, "sizes") and isinstance(value.sizes, Mapping):
        empty = [str(d) for d, size in value.sizes.items() if size == 0]
        if empty:
            return f"empty: it has no {empty[0]}"
        if not hasattr(value, "dtype"):
            return None
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        shape = tuple(value.shape)
        if 0 in shape:
            return f"empty: its shape is {shape}"
        if not shape:
            return "a single number; an array is needed"
        try:
            finite = np.isfinite(numbers(value, "values"))
        except Exception:
            return None if str(value.dtype) != "object" else "an array of objects"
        if not finite.all():
            return f"not finite (NaN or infinite) in {int((~finite).sum())} of {finite.size} values"
        if float(np.abs(numbers(value, "values")).max()) > 1e150:  # of float32 too
            return "as large as 1e150; give another unit"
        return None
    if isinstance(value, (list, tuple, Mapping, set)) and not len(value):
        return f"{_shown(value)}, which is empty"
    if isinstance(value, (list, tuple)):
        for k, entry in enumerate(value[:100]):
            if isinstance(entry, (str, Real)) and (said := odd(entry, ValueError())):
                return f"a list whose entry {k} is {said}"
    return None


def without(value: Any, error: Exception) -> str | None:
    """A Dataset or recording of another kind than is read: what it has."""
    if not hasattr(value, "data_vars") or isinstance(error, MemoryError):
        return None
    has = ", ".join(map(str, value.data_vars)) or "no variable"
    dims = ", ".join(map(str, value.sizes))
    why = " ".join(str(error).split())[:160]
    return (
        f"another {type(value).__name__} than is read here ({why}); it has {has} over "
        f"{dims or 'no dimension'}"
    )


def unusable(text: str) -> str | None:
    """What no name can be."""
    if len(text) > LONGEST:
        return f"a text of {len(text):,} characters"
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        return f"{text!r}, with characters that no name has"
    return "an empty text" if not text.strip() else None


def _shown(value: Any) -> str:
    """A value, never longer than 60 characters."""
    kind = type(value).__name__
    if _is_array(value):
        return f"a {kind} of shape {tuple(getattr(value, 'shape', ()))}"
    try:
        text = repr(value)
    except Exception:  # nested too deep, or of too many digits
        text = ""
    return text if text and len(text) <= 60 and "object at 0x" not in text else f"a {kind}"
