"""What a caller states about the axes, beside what the file or the array says itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.ids import texts
from cortexsim.milliseconds import times_of
from cortexsim.neural.own.words import WORDS


def merged(stated: dict[str, Any], read: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What was given and what the file says; AnalysisError where the two contradict each other."""
    known = {
        **stated,
        **{k: v for k, v in read.items() if k in WORDS and stated.get(k) is None},
    }
    for word, value in stated.items():
        if value is None or word not in read or value is read[word]:  # that is where it stands
            continue
        if word == "time_ms":
            a, b = times_of(value), times_of(read[word])
        elif word == "label":  # which may be ''
            a, b = np.array(list(map(str, value))), np.array(list(map(str, read[word])))
        else:
            a, b = texts(value, word), texts(read[word], word)
        if not np.array_equal(a, b):
            raise AnalysisError(
                f"{word} is stated, and {where} has another one: {word} of the two must agree; "
                "leave yours out"
            )
    return known


def bin_of(bin_ms: float | None, known: Mapping[str, Any], read: Mapping[str, Any]) -> float | None:
    """The width of the bins, as stated or as the attribute ``bin_ms`` of the times has it.

    AnalysisError where the two contradict each other.
    """
    for times in (known.get("time_ms"), read.get("time_ms")):
        own = getattr(times, "attrs", {}).get("bin_ms")
        if own is None:
            continue
        if bin_ms is not None and not np.isclose(bin_ms, own):
            raise AnalysisError(
                f"bin_ms={bin_ms:g} is stated, and the coordinate time_ms has bins of {own:g} ms; "
                "leave yours out, or mend the coordinate"
            )
        bin_ms = float(own)
    return bin_ms


def named_in_file(stated: Mapping[str, Any]) -> dict[str, str]:
    """The words for which a caller gave a text: it may be the name of an array of the file."""
    return {word: value for word, value in stated.items() if isinstance(value, str)}


def with_names(stated: dict[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """What was stated, with the arrays of a file in place of their names."""
    return {w: read[w] if w in read.get("named", ()) else v for w, v in stated.items()}
