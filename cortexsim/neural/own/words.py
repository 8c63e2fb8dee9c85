"""The words for axes, and what a file calls them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from cortexsim.neural.own.contents import Held, Unreadable, is_numeric, is_text, loaded

# Values, and whatever of WORDS the file names; "hint": what else it holds, "dims": axes it names.
Found = dict[str, Any]
WORDS = ("stimulus_id", "label", "subject", "session", "time_ms", "unit")
LIKE_IDS = re.compile(r"stim|image|img|cond|item|object|(^|_)ids?$", re.IGNORECASE)
LIKE_OTHERS = re.compile(r"unit|neuron|cell|chan|subj|area|label|categ", re.IGNORECASE)


def last_part(name: str) -> str:
    """The last part of a name: ``stimulus_id`` of ``data.stimulus_id`` and ``data/stimulus_id``."""
    return name.replace("/", ".").rpartition(".")[2]


def parent_of(name: str) -> str:
    """All before the last part of a name: ``data.`` of ``data.stimulus_id``."""
    return name[: len(name) - len(last_part(name))]


def name_of_word(word: str, file: Held, *, beside: str = "") -> str | None:
    """What a file calls a word.

    Parameters
    ----------
    word : str
        Of ``WORDS``.
    file : Held
        The file.
    beside : str
        The array that is read; its neighbours come first, then that name itself, then the only
        one.

    Returns
    -------
    str or None
        A name in the file.
    """
    inner = file.inner
    names = [k for k in (*file.arrays, *file.joint) if last_part(k) == word]
    names = [k for k in names if k not in inner or parent_of(k) == parent_of(beside)]
    neighbours = [k for k in names if parent_of(k) == parent_of(beside)]
    if neighbours:
        return neighbours[0]
    if word in names:
        return word
    return names[0] if len(names) == 1 else None


def hint_of(file: Held, chosen: str, found: Found) -> str:
    """Which other entries could name the axes of an array, as the words to say.

    Parameters
    ----------
    file : Held
        The file.
    chosen : str
        The array.
    found : dict
        Its values, and the words that are known.

    Returns
    -------
    str
        To be put behind an error.
    """
    sizes = set(np.shape(found["values"]))
    sizes |= {round((1 + (1 + 8 * s) ** 0.5) / 2) for s in sizes}
    words: dict[str, str] = {}
    for name, value in file.arrays.items():
        if name == chosen or name in file.inner or isinstance(value, (str, Unreadable)):
            continue
        if max(np.shape(value), default=0) != np.size(value) or np.size(value) not in sizes:
            continue
        called = bool(LIKE_IDS.search(last_part(name)))
        if (is_text(value) and not LIKE_OTHERS.search(last_part(name))) or (
            is_numeric(value) and called
        ):
            words.setdefault("stimulus_id", name)
        elif is_numeric(value) and _could_be_times(np.ravel(loaded(value))):
            words.setdefault("time_ms", name)
    words = {w: k for w, k in words.items() if w not in found}
    said = ", ".join(f"{w}={k!r}" for w, k in words.items())
    return f"; {file.path.name} holds {file}" + (
        f": if those are its names, say {said}" if said else ""
    )


def _could_be_times(values: np.ndarray) -> bool:
    """Whether numbers ascend, and do not only count places."""
    return bool((np.diff(values) > 0).all()) and not np.array_equal(values, np.arange(len(values)))
