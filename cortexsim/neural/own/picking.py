"""Which array of a file is meant, and what the file calls its axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.own.contents import Held, Unreadable, is_numeric, loaded
from cortexsim.neural.own.files import held
from cortexsim.neural.own.words import WORDS, Found, hint_of, last_part, name_of_word, parent_of

PEOPLE = ("subject", "session")  # the axes of an array of structs
ALWAYS_NAMES = ("stimulus_id", "time_ms")  # text for them is never a value


@dataclass(frozen=True)
class Wanted:
    """What is looked for in a file.

    Parameters
    ----------
    what : str
        In words, for errors.
    fits : callable
        Whether an array of this shape fits, if the file names so many stimuli (None if it names
        none); a number: how well (2 better than 1), 0 for not at all.
    shaped : callable
        Brings an array that fits into the shape that is meant.
    names : mapping of str to str
        What the file calls words: ``{"stimulus_id": "stim"}``.
    element : callable
        Brings the field of one struct into its shape, of an array of them.
    shape : str
        Which shape is meant, for errors.
    advice : str
        What reads all structs of an array of them, for errors.
    """

    what: str
    fits: Callable[[tuple[int, ...], int | None], int]
    shaped: Callable[[np.ndarray, int | None], np.ndarray] = lambda array, count: array
    element: Callable[[np.ndarray, int | None], np.ndarray] = lambda array, count: np.squeeze(array)
    names: Mapping[str, str] = field(default_factory=dict)
    shape: str = ""
    advice: str = ""


def pick(path: Path, variable: str | None, wanted: Wanted) -> Found:
    """The one array of a file that fits, with the words that the file has for its axes.

    Of an array of structs the same field of all elements is one array, whose first axes are
    subjects (and sessions).

    Parameters
    ----------
    path : Path
        The file.
    variable : str or None
        Which array; None is the one that fits.
    wanted : Wanted
        What fits.

    Returns
    -------
    dict of str to array
        The array as ``values``, and the words; as ``hint`` what else might name its axes.

    Raises
    ------
    AnalysisError
        If there is no such array, or if none or several fit.
    """
    file = held(path)
    names = {w: name for w, name in wanted.names.items() if name in file}
    for word in ALWAYS_NAMES:
        if word in wanted.names and word not in names:
            raise AnalysisError(
                f"{path} holds no array {wanted.names[word]!r} for {word}; it holds {file}"
            )
    wanted = replace(wanted, names=names)
    chosen = variable if variable is not None else _only(file, wanted)
    if chosen in file.joint:
        found = _stacked(file, chosen, wanted)
    elif chosen in file.arrays and is_numeric(file.arrays[chosen]):
        found = {"values": loaded(file.arrays[chosen])}
    else:
        why = file.arrays.get(chosen)
        raise AnalysisError(
            f"{path}: {chosen} is {why.why}"
            if isinstance(why, Unreadable)
            else f"{path} holds no array {chosen!r}; it holds {file}"
        )
    for word in WORDS:
        name = wanted.names.get(word) or name_of_word(word, file, beside=chosen)
        if name is not None and name != chosen:
            found[word] = _word(file, name, word)
    found["named"] = tuple(wanted.names)
    if "dims" not in found:
        found["values"] = wanted.shaped(found["values"], _count(found))
    found["hint"] = hint_of(file, chosen, found)
    return found


def _count(found: Found) -> int | None:
    """How many stimuli the file names."""
    ids = found.get("stimulus_id")
    return None if ids is None else int(np.shape(ids)[-1]) if np.ndim(ids) else 1


def _only(file: Held, wanted: Wanted) -> str:
    """The name of the one array that fits best."""
    shapes = _candidates(file, wanted)
    count = _named_stimuli(file, wanted)
    fit = {name: int(wanted.fits(shape, count)) for name, shape in shapes.items()}
    best = max(fit.values(), default=0)
    fitting = [name for name, how in fit.items() if how == best and how]
    if len(fitting) == 1:
        return fitting[0]
    alike = len(fitting) > 1 and len({last_part(k) for k in fitting}) == 1
    raise AnalysisError(
        f"{file.path} holds {len(fitting) or 'no'} arrays that could be {wanted.what}: "
        + (", ".join(f"{k} {shapes[k]}" for k in fitting) or f"it holds {file}")
        + ". Say which with variable='...'"
        + ("" if fitting else wanted.shape)
        + (_ragged(file) or wanted.advice if file.joint else "")
        + (
            "; if those are subjects, read each, and join them with cortexsim.neural.stack"
            if alike
            else ""
        )
    )


def _ragged(file: Held) -> str:
    """What to do with arrays of which each struct has another shape; '' if there are none."""
    for stack in file.joint.values():
        each = [file.arrays[k] for k in stack.names]
        if all(map(is_numeric, each)) and len({np.shape(v) for v in each}) > 1:
            return (
                f"; of structs with several shapes one by one, variable={stack.names[0]!r}, ..., "
                "and join them by their ids with cortexsim.neural.stack"
            )
    return ""


def _candidates(file: Held, wanted: Wanted) -> dict[str, tuple[int, ...]]:
    """The shapes of all arrays of numbers that name no axis; arrays of structs as one array."""
    words = {name_of_word(w, file) for w in WORDS} | set(wanted.names.values())
    shapes = {
        name: tuple(np.shape(value))
        for name, value in file.arrays.items()
        if is_numeric(value) and name not in file.inner and name not in (*words, *WORDS)
    }
    count = _named_stimuli(file, wanted)
    for name, stack in file.joint.items():
        each = [file.arrays[k] for k in stack.names]
        alike = all(map(is_numeric, each)) and len({np.shape(v) for v in each}) == 1
        if alike and name not in (*words, *WORDS):
            blank = np.broadcast_to(np.float64(0), np.shape(each[0]))  # the shape, without memory
            shapes[name] = (*stack.shape, *wanted.element(blank, count).shape)
    return shapes


def _named_stimuli(file: Held, wanted: Wanted) -> int | None:
    """How many stimuli the file names; None if it names none."""
    name = wanted.names.get("stimulus_id") or name_of_word("stimulus_id", file)
    if name is None:
        return None
    ids = file.arrays[file.joint[name].names[0] if name in file.joint else name]
    return 1 if isinstance(ids, str) else int(np.size(ids))


def _word(file: Held, name: str, word: str) -> Any:
    """What stands under the name of a word; of an array of structs one for all, or one each."""
    if name not in file.joint:
        value = loaded(file.arrays[name])
        if isinstance(value, Unreadable):
            raise AnalysisError(f"{file.path}: {name} is {value.why}")
        return value if isinstance(value, str) else np.squeeze(np.asarray(value))
    each = [_word(file, k, word) for k in file.joint[name].names]
    if all(np.array_equal(v, each[0]) for v in each):
        return each[0]
    if len({np.shape(v) for v in each}) > 1:
        raise AnalysisError(
            f"{file.path}: {word} ({name}) has another length in each struct; read them one by "
            "one with variable='...', and join them with cortexsim.neural.stack"
        )
    return _one_each(file, name, each, word=word)


def _one_each(file: Held, name: str, each: list[Any], *, word: str) -> np.ndarray:
    """A word that differs from struct to struct: the name of a subject, ids in another order."""
    shape = file.joint[name].shape
    array = np.array([np.ravel(np.asarray(v, dtype=object)) for v in each], dtype=object)
    array = array.reshape(*shape, -1)
    if word not in PEOPLE:
        return array
    axis = PEOPLE.index(word)
    if array.shape[-1] != 1 or axis >= len(shape):
        raise AnalysisError(
            f"{file.path}: {name} should name the {word} of each of {' x '.join(map(str, shape))} "
            f"structs; it has {array.shape[-1]} entries in each"
        )
    names = np.moveaxis(array[..., 0], axis, 0).reshape(shape[axis], -1)
    if (names != names[:, :1]).any():
        raise AnalysisError(
            f"{file.path}: {name} is not the same in all structs of one {word}, along axis {axis} "
            f"of {' x '.join(map(str, shape))}; give {word}=[...]"
        )
    return names[:, 0]


def _stacked(file: Held, chosen: str, wanted: Wanted) -> Found:
    """One field of every struct as one array: subjects first, then sessions."""
    stack = file.joint[chosen]
    if len(stack.shape) > len(PEOPLE):
        raise AnalysisError(
            f"{file.path}: {chosen} are {' x '.join(map(str, stack.shape))} structs; subjects, or "
            "subjects x sessions, are taken together"
        )
    each = [file.arrays[k] for k in stack.names]
    if not all(map(is_numeric, each)) or len({np.shape(v) for v in each}) > 1:
        shapes = ", ".join(f"{k} {np.shape(v)}" for k, v in zip(stack.names, each))
        raise AnalysisError(
            f"{file.path}: {chosen} is not of one shape in all structs: {shapes}. Read one with "
            f"variable={stack.names[0]!r}, ..., and join them with cortexsim.neural.stack"
        )
    values = np.stack([wanted.element(loaded(v), None) for v in each])
    lead = PEOPLE[: len(stack.shape)]
    found: Found = {
        "values": values.reshape(*stack.shape, *values.shape[1:]),
        "dims": lead,
        "notes": f"{chosen}: {' x '.join(map(str, stack.shape))} structs, taken as "
        f"{' x '.join(lead)}",
    }
    names = [file.arrays.get(f"{parent_of(k)}name") for k in stack.names]
    named = len(stack.shape) == 1 and all(isinstance(n, str) and n for n in names)
    if named and len(set(map(str, names))) == len(names):
        found["subject"] = np.array(names, dtype=object)
    return found
