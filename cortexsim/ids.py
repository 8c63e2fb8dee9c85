"""Ids and names as text, and where the ids of one input stand among those of another."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError

SHOWN = 5  # ids in an error

# What ids of the same stimulus may differ in, with what takes the difference away; only ever used
# for a hint.
LOOKS = str.maketrans(  # letters and signs that print as Latin ones do
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425"
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a7\u03bf"
    "\u2010\u2011\u2012\u2013\u2014\u2212\u2018\u2019\u201c\u201d",
    "ABEKMHOPCTXaeopcyxijsABEZHIKMNOPTXo------''\"\"",
)
ALIKE = "characters that look alike, or that nobody sees"
FORMS: dict[str, Callable[[str], str]] = {
    ALIKE: lambda s: "".join(
        c
        for c in unicodedata.normalize("NFKC", s).translate(LOOKS)
        if unicodedata.category(c) != "Cf"
    ),
    "the folder": lambda s: re.split(r"[\\/]", s)[-1],
    "the file extension": lambda s: re.sub(r"\.(?=\w*[A-Za-z])\w{1,5}$", "", s),
    "how numbers are written": lambda s: re.sub(r"^([+-]?\d+)\.0*$", r"\1", s),
    "upper and lower case": str.casefold,
    "zero padding": lambda s: re.sub(r"\d+", lambda m: str(int(m[0])), s),
    "blanks, hyphens and underscores": lambda s: re.sub(r"[\s_-]+", "", s),
}


def quoted(names: Sequence[Any] | np.ndarray) -> str:
    """The first few, in quotation marks.

    Parameters
    ----------
    names : sequence
        What is quoted, e.g. ids.

    Returns
    -------
    str
        The first ``SHOWN`` of them, and how many more there are.
    """
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(repr(str(s)) for s in names[:SHOWN]) + more


def texts(values: Any, what: str, count: int | None = None) -> np.ndarray:
    """Ids or names as text: text as it is, whole numbers as digits.

    Text is brought into Unicode's composed form (NFC); a byte-order mark, trailing NULs and blanks
    at the ends, which nobody can see, are taken away.

    Parameters
    ----------
    values : array_like of shape (n,)
        Ids or names.
    what : str
        What they are, for errors.
    count : int, optional
        How many there must be.

    Returns
    -------
    array of str, dtype object, shape (n,)
        The same as text.

    Raises
    ------
    AnalysisError
        For what is neither text nor a whole number, and for another number of them.

    Examples
    --------
    >>> texts([1, 2.0, "a"], "the ids")
    array(['1', '2', 'a'], dtype=object)
    """
    values = values.values if hasattr(values, "dims") else values  # a DataArray
    listed = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(listed, (str, bytes)) or not hasattr(listed, "__iter__"):
        listed = [listed]
    listed = [text_of(v, what) for v in listed]
    named = np.empty(len(listed), dtype=object)
    named[:] = listed
    if count is not None and len(named) != count:
        raise AnalysisError(f"{what}: {len(named)} are given for {count}")
    return named


def text_of(value: Any, what: str) -> str:
    """One id or name as text.

    Parameters
    ----------
    value : str, bytes or whole number
        The id or name.
    what : str
        What it is, for errors.

    Returns
    -------
    str
        As :func:`texts` has it.

    Raises
    ------
    AnalysisError
        For anything else, and for empty text.
    """
    asked = value
    if isinstance(value, (bytes, np.bytes_)):
        try:
            value = bytes(value).decode()
        except UnicodeDecodeError:
            raise AnalysisError(
                f"{what}: {bytes(value)!r} is no UTF-8 text; decode the ids first, e.g. "
                "[s.decode('latin-1') for s in ids]"
            ) from None
    if (
        isinstance(value, (int, float, np.integer, np.floating))
        and not isinstance(value, (bool, np.bool_))
        and np.isfinite(value)
        and value == value // 1
    ):
        value = str(int(value))  # MATLAB has whole numbers as doubles
    if isinstance(value, str):
        value = unicodedata.normalize("NFC", value.lstrip("\ufeff").rstrip("\0")).strip()
    if not isinstance(value, str) or not value:
        raise AnalysisError(f"{what}: {asked!r} is no name; text or whole numbers are needed")
    return value


def unique_texts(values: Any, what: str, count: int | None = None) -> np.ndarray:
    """``texts``, of which there is at least one and none occurs twice.

    Parameters
    ----------
    values : array_like of shape (n,)
        Ids or names.
    what : str
        What they are, for errors.
    count : int, optional
        How many there must be.

    Returns
    -------
    array of str, dtype object, shape (n,)
        The same as text.

    Raises
    ------
    AnalysisError
        As :func:`texts`, and if there are none or one occurs twice.
    """
    named = texts(values, what, count)
    if not len(named):
        raise AnalysisError(f"{what}: there are none")
    if twice := repeated(named):
        raise AnalysisError(f"{what}: {len(twice)} occur more than once: {quoted(twice)}")
    return named


def repeated(ids: Sequence[Any] | np.ndarray) -> list[str]:
    """The ids that occur more than once, each once, in alphabetical order."""
    seen: set[Any] = set()
    twice = {s for s in ids if s in seen or seen.add(s)}  # type: ignore[func-returns-value]
    return sorted(twice)


@clear_errors
def align(
    ids: Any, wanted: Any, *, what: tuple[str, str] = ("the recording", "the neural data")
) -> np.ndarray:
    """Where each wanted stimulus stands: ``ids[index] == wanted``.

    Parameters
    ----------
    ids : array_like of shape (stimulus,)
        Stimulus ids, each once; there may be more than are wanted.
    wanted : array_like of shape (wanted,)
        Stimulus ids, each once.
    what : tuple of two str
        What the two are called in errors.

    Returns
    -------
    array of int, shape (wanted,)
        The place of each of ``wanted`` among ``ids``.

    Raises
    ------
    AnalysisError
        If ids are absent or occur twice; it names the first that differ, and what the ids seem to
        differ in.

    Examples
    --------
    >>> align(["face", "car", "house"], ["house", "face"])
    array([2, 0])
    """
    have = unique_texts(ids, f"the stimulus ids of {what[0]}")
    want = unique_texts(wanted, f"the stimulus ids of {what[1]}")
    place = {s: k for k, s in enumerate(have)}
    missing = [s for s in want if s not in place]
    if missing:
        asked = set(want)
        others = [s for s in have if s not in asked]
        raise AnalysisError(
            f"{len(missing)} of the {len(want)} stimuli of {what[1]} are not among the "
            f"{len(have)} of {what[0]}: {quoted(missing)}. "
            + (
                f"Only in {what[0]}: {quoted(others)}. "
                if others
                else f"All stimuli of {what[0]} are in {what[1]}: choose those first "
                "(cortexsim.neural.select_stimuli(data, ids), also of RDMs). "
            )
            + _hint(have, want, missing[0])
        )
    return np.array([place[s] for s in want], dtype=np.int64)


def _hint(have: np.ndarray, want: np.ndarray, example: str) -> str:
    """In which way the ids differ, if all differ in one way, or in as few as possible."""
    most = len(FORMS) if len(have) <= 2000 else 2  # of many ids all combinations take long
    for count in range(1, most + 1):
        for names in itertools.combinations(FORMS, count):
            plain = {_plain(s, names): s for s in have}
            if len(plain) == len(have) and all(_plain(s, names) in plain for s in want):
                show = ascii if ALIKE in names else repr  # of what looks the same, the codes
                return (
                    f"They differ only in {' and '.join(names)} ({show(example)}, "
                    f"{show(plain[_plain(example, names)])}): write both in one way"
                )
    return "Are they of the same set of stimuli?"


def _plain(text: str, names: tuple[str, ...]) -> str:
    for name in names:
        text = FORMS[name](text)
    return text
