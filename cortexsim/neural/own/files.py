"""Arrays in files that people bring: which one is meant, and what the file calls its axes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.own.contents import (
    Stack,
    Unreadable,
    flat,
    is_numeric,
    is_text,
    listed,
    loaded,
    stacks,
)
from cortexsim.neural.own.hdf5 import read_hdf5
from cortexsim.neural.own.matlab import read_mat
from cortexsim.neural.own.npy import read_npy, read_npz

# Values, and whatever of WORDS the file names; "hint": what else it holds, "dims": axes it names.
Found = dict[str, Any]
WORDS = ("stimulus_id", "label", "subject", "session", "time_ms", "unit")
PEOPLE = ("subject", "session")  # the axes of an array of structs
ALWAYS_NAMES = ("stimulus_id", "time_ms")  # text for them is never a value

READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".mat": read_mat,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
}
PICKLE = (
    "is a pickle, which can run code when it is read. Save it in another format where you trust it:"
    " RDMs of rsatoolbox with rdms.save('x.hdf5', file_type='hdf5'), or hand the object itself to "
    "cortexsim.interop.from_rsatoolbox(rsatoolbox.rdm.load_rdm('{name}', file_type='pkl')); arrays "
    "with numpy.savez"
)
SHEET = "is a spreadsheet: save it as .csv, in UTF-8"
LIKE_IDS = re.compile(r"stim|image|img|cond|item|object|(^|_)ids?$", re.IGNORECASE)
LIKE_OTHERS = re.compile(r"unit|neuron|cell|chan|subj|area|label|categ", re.IGNORECASE)
REFUSED = {  # what people try, with the way in
    ".pkl": PICKLE,
    ".pickle": PICKLE,
    ".joblib": PICKLE,
    ".nwb": "is NWB: cortexsim.neural.from_nwb(path) counts its spikes around each trial",
    ".fif": "is MNE's: cortexsim.neural.from_mne(mne.read_epochs(path))",
    ".xlsx": SHEET,
    ".xls": SHEET,
    ".ods": SHEET,
    ".json": "is JSON, which has no arrays; of Meadows download the .mat, else save .npz or .csv",
}


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


def read_arrays(path: Path) -> dict[str, Any]:
    """Every array of a file by its name; fields of structs as ``struct.field``.

    Parameters
    ----------
    path : Path
        A file with one of the suffixes of ``READERS``.

    Returns
    -------
    dict of str to array
        By name; fields of structs as ``struct.field``, of arrays of structs as
        ``struct[0].field``.

    Raises
    ------
    AnalysisError
        For a file that is not there, of another kind, cut off, or that would have to run code to be
        read.
    """
    return flat(_content(path))


def _content(path: Path) -> dict[str, Any]:
    """What a file holds, structs as dictionaries."""
    if not path.is_file():
        raise AnalysisError(
            f"there is no file {path}" + (" (it is a folder)" if path.is_dir() else "")
        )
    suffix = path.suffix.lower()
    if suffix in REFUSED:
        raise AnalysisError(f"{path.name} {REFUSED[suffix].format(name=path.name)}")
    if suffix not in READERS:
        raise AnalysisError(
            f"{path.name}: files are read from {', '.join(READERS)}, .nc, and tables from .csv and "
            ".tsv"
        )
    try:
        return READERS[suffix](path)
    except AnalysisError:
        raise
    except (
        Exception
    ) as error:  # what a parser says of a file that is not what its name says can be anything
        raise AnalysisError(f"{path} cannot be read: {type(error).__name__}: {error}") from error


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
    content = _content(path)
    arrays, joint = flat(content), stacks(content)
    names = {w: name for w, name in wanted.names.items() if name in arrays or name in joint}
    for word in ALWAYS_NAMES:
        if word in wanted.names and word not in names:
            raise AnalysisError(
                f"{path} holds no array {wanted.names[word]!r} for {word}; it holds "
                f"{listed(arrays, joint)}"
            )
    wanted = replace(wanted, names=names)
    chosen = variable if variable is not None else _only(path, arrays, joint, wanted)
    if chosen in joint:
        found = _stacked(path, chosen, arrays, joint[chosen], wanted)
    elif chosen in arrays and is_numeric(arrays[chosen]):
        found = {"values": loaded(arrays[chosen])}
    else:
        why = arrays.get(chosen)
        raise AnalysisError(
            f"{path}: {chosen} is {why.why}"
            if isinstance(why, Unreadable)
            else f"{path} holds no array {chosen!r}; it holds {listed(arrays, joint)}"
        )
    for word in WORDS:
        name = wanted.names.get(word) or _named(word, chosen, arrays, joint)
        if name is not None and name != chosen:
            found[word] = _word(path, name, arrays, joint, word=word)
    found["named"] = tuple(wanted.names)
    if "dims" not in found:
        found["values"] = wanted.shaped(found["values"], _count(found))
    found["hint"] = _hint(path, chosen, arrays, joint, found=found)
    return found


def _count(found: Found) -> int | None:
    """How many stimuli the file names."""
    ids = found.get("stimulus_id")
    return None if ids is None else int(np.shape(ids)[-1]) if np.ndim(ids) else 1


def _only(path: Path, arrays: dict[str, Any], joint: dict[str, Stack], wanted: Wanted) -> str:
    """The name of the one array that fits best."""
    inner = {name for stack in joint.values() for name in stack.names}
    taken = {*wanted.names.values()}
    taken |= {name for w in WORDS if (name := _named(w, "", arrays, joint)) is not None}
    ids = wanted.names.get("stimulus_id") or _named("stimulus_id", "", arrays, joint)
    count = None
    if ids is not None:
        size = arrays[ids if ids in arrays else joint[ids].names[0]]
        count = int(np.size(size)) if not isinstance(size, str) else 1
    fit: dict[str, int] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, value in arrays.items():
        if is_numeric(value) and name not in inner and not _is_word(name) and name not in taken:
            shapes[name] = tuple(np.shape(value))
            fit[name] = int(wanted.fits(shapes[name], count))
    for name, stack in joint.items():
        each = [arrays[k] for k in stack.names]
        if all(map(is_numeric, each)) and len({np.shape(v) for v in each}) == 1:
            if _is_word(name) or name in taken:
                continue
            blank = np.broadcast_to(np.float64(0), np.shape(each[0]))  # the shape, without memory
            shapes[name] = (*stack.shape, *wanted.element(blank, count).shape)
            fit[name] = int(wanted.fits(shapes[name], count))
    best = max(fit.values(), default=0)
    candidates = [k for k, v in fit.items() if v == best and v]
    if len(candidates) != 1:
        raise AnalysisError(
            f"{path} holds {len(candidates) or 'no'} arrays that could be {wanted.what}: "
            + (
                ", ".join(f"{k} {shapes[k]}" for k in candidates)
                or f"it holds {listed(arrays, joint)}"
            )
            + ". Say which with variable='...'"
            + ("" if candidates else wanted.shape)
            + (_ragged(arrays, joint) or wanted.advice if joint else "")
            + (
                "; if those are subjects, read each, and join them with cortexsim.neural.stack"
                if len(candidates) > 1 and len({_last(k) for k in candidates}) == 1
                else ""
            )
        )
    return candidates[0]


def _ragged(arrays: dict[str, Any], joint: dict[str, Stack]) -> str:
    """What to do with arrays of which each struct has another shape; '' if there are none."""
    for stack in joint.values():
        each = [arrays[k] for k in stack.names]
        if all(map(is_numeric, each)) and len({np.shape(v) for v in each}) > 1:
            return (
                f"; of structs with several shapes one by one, variable={stack.names[0]!r}, ..., "
                "and join them by their ids with cortexsim.neural.stack"
            )
    return ""


def _is_word(name: str) -> bool:
    return name in WORDS


def _last(name: str) -> str:
    """The last part of a name: ``stimulus_id`` of ``data.stimulus_id`` and ``data/stimulus_id``."""
    return name.replace("/", ".").rpartition(".")[2]


def _parent(name: str) -> str:
    return name[: len(name) - len(_last(name))]


def _named(word: str, chosen: str, arrays: dict[str, Any], joint: dict[str, Stack]) -> str | None:
    """What the file calls a word: that name itself, beside the chosen array, or anywhere once."""
    inner = {name for stack in joint.values() for name in stack.names}
    names = [k for k in (*arrays, *joint) if k not in inner or _parent(k) == _parent(chosen)]
    names = [k for k in names if _last(k) == word]
    beside = [k for k in names if _parent(k) == _parent(chosen)]
    if beside:
        return beside[0]
    if word in names:
        return word
    return names[0] if len(names) == 1 else None


def _word(
    path: Path, name: str, arrays: dict[str, Any], joint: dict[str, Stack], *, word: str
) -> Any:
    """What stands under the name of a word; of an array of structs one for all, or one each."""
    if name in joint:
        each = [_word(path, k, arrays, {}, word=word) for k in joint[name].names]
        if all(np.array_equal(v, each[0]) for v in each):
            return each[0]
        if len({np.shape(v) for v in each}) > 1:
            raise AnalysisError(
                f"{path}: {word} ({name}) has another length in each struct; read them one by one "
                f"with variable='...', and join them with cortexsim.neural.stack"
            )
        return _one_each(path, name, each, joint[name].shape, word=word)
    value = loaded(arrays[name])
    if isinstance(value, Unreadable):
        raise AnalysisError(f"{path}: {name} is {value.why}")
    return value if isinstance(value, str) else np.squeeze(np.asarray(value))


def _one_each(
    path: Path, name: str, each: list[Any], shape: tuple[int, ...], *, word: str
) -> np.ndarray:
    """A word that differs from struct to struct: the name of a subject, ids in another order."""
    array = np.array([np.ravel(np.asarray(v, dtype=object)) for v in each], dtype=object)
    array = array.reshape(*shape, -1)
    if word not in PEOPLE:
        return array
    axis = PEOPLE.index(word)
    if array.shape[-1] != 1 or axis >= len(shape):
        raise AnalysisError(
            f"{path}: {name} should name the {word} of each of {' x '.join(map(str, shape))} "
            f"structs; it has {array.shape[-1]} entries in each"
        )
    names = np.moveaxis(array[..., 0], axis, 0).reshape(shape[axis], -1)
    if (names != names[:, :1]).any():
        raise AnalysisError(
            f"{path}: {name} is not the same in all structs of one {word}, along axis {axis} of "
            f"{' x '.join(map(str, shape))}; give {word}=[...]"
        )
    return names[:, 0]


def _stacked(
    path: Path, chosen: str, arrays: dict[str, Any], stack: Stack, wanted: Wanted
) -> Found:
    """One field of every struct as one array: subjects first, then sessions."""
    if len(stack.shape) > len(PEOPLE):
        raise AnalysisError(
            f"{path}: {chosen} are {' x '.join(map(str, stack.shape))} structs; subjects, or "
            "subjects x sessions, are taken together"
        )
    each = [arrays[k] for k in stack.names]
    if not all(map(is_numeric, each)) or len({np.shape(v) for v in each}) > 1:
        shapes = ", ".join(f"{k} {np.shape(v)}" for k, v in zip(stack.names, each))
        raise AnalysisError(
            f"{path}: {chosen} is not of one shape in all structs: {shapes}. Read one with "
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
    names = [arrays.get(f"{_parent(k)}name") for k in stack.names]
    named = len(stack.shape) == 1 and all(isinstance(n, str) and n for n in names)
    if named and len(set(map(str, names))) == len(names):
        found["subject"] = np.array(names, dtype=object)
    return found


def _hint(
    path: Path, chosen: str, arrays: dict[str, Any], joint: dict[str, Stack], *, found: Found
) -> str:
    """Which other entries could name the axes, as the words to say; '' if there are none."""
    sizes = set(np.shape(found["values"]))
    sizes |= {round((1 + (1 + 8 * s) ** 0.5) / 2) for s in sizes}
    inner = {name for stack in joint.values() for name in stack.names}
    words: dict[str, str] = {}
    for name, value in arrays.items():
        if name == chosen or name in inner or isinstance(value, (str, Unreadable)):
            continue
        if max(np.shape(value), default=0) != np.size(value) or np.size(value) not in sizes:
            continue
        called = bool(LIKE_IDS.search(_last(name)))
        if (is_text(value) and not LIKE_OTHERS.search(_last(name))) or (
            is_numeric(value) and called
        ):
            words.setdefault("stimulus_id", name)
        elif is_numeric(value) and _could_be_times(np.ravel(loaded(value))):
            words.setdefault("time_ms", name)
    words = {w: k for w, k in words.items() if w not in found}
    said = ", ".join(f"{w}={k!r}" for w, k in words.items())
    return f"; {path.name} holds {listed(arrays, joint)}" + (
        f": if those are its names, say {said}" if said else ""
    )


def _could_be_times(values: np.ndarray) -> bool:
    """Whether numbers ascend, and do not only count places."""
    return bool((np.diff(values) > 0).all()) and not np.array_equal(values, np.arange(len(values)))
