"""Responses from tables: one row for each response (long), or one column for each unit (wide)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import quoted, texts, times_of
from cortexsim.neural.own.tables import Table, column_names
from cortexsim.neural.own.words import Found

AXES = ("subject", "session", "repeat", "time_ms", "stimulus", "unit")
OF_ROWS = ("stimulus_id", "subject", "session", "time_ms", "label")  # words that a caller can name
ORDER = ("trial", "repeat")  # which presentation of its stimulus a row is of
VALUES = ("response", "responses", "rate", "rates", "value")
# Names of columns that tell rows apart, and which word they seem to mean: never taken for units.
MEANT = {
    "time_ms": ("time", "times", "t", "ms", "time_s", "time_bin"),
    "subject": ("participant", "participant_id", "subject_id", "sub", "subj", "animal", "monkey"),
    "session": ("session_id", "ses", "day", "date"),
    "unit": ("unit_id", "neuron", "neuron_id", "neuroid", "neuroid_id", "cell", "channel"),
    "repeat": ("repetition", "rep", "presentation", "presentation_id"),
    "trial": ("trial_id", "trial_number"),
}
OTHERS = (
    *("index", "id", "block", "run", "order", "onset", "onset_ms", "offset", "duration", "rt"),
    *("soa", "soa_ms", "correct", "accuracy", "age"),
)


@dataclass(frozen=True)
class Rows:
    """The numbers of a table, row by row.

    Parameters
    ----------
    values : array of shape (row, column)
        The responses; of a long table there is one column.
    columns : tuple of str, or None
        The units of a wide table.
    units : array of str of shape (row,), or None
        The unit of each row of a long table; None of a single unit.
    """

    values: np.ndarray
    columns: tuple[str, ...] | None = None
    units: np.ndarray | None = None


def read_responses(table: Table, stated: Mapping[str, Any], variable: str | None) -> Found:
    """Responses of a table, with their axes named.

    A long table has a column of responses, ``stimulus_id`` and, as far as there are several of
    them, ``unit``, ``time_ms``, ``subject``, ``session``, and ``trial`` or ``repeat`` for stimuli
    shown more than once. A wide one has a column for each unit in place of ``unit``; rows of one
    stimulus are its repeats.

    Parameters
    ----------
    table : Table
        The table.
    stated : mapping of str to object
        What the caller says of each word: text is the name of a column; for ``unit`` a list of
        columns of a wide table, the others are left alone.
    variable : str or None
        The column of the responses of a long table.

    Returns
    -------
    dict of str to array
        ``values`` ``([subject,] [session,] [repeat,] [time_ms,] stimulus, unit)``, NaN where the
        table has no row; their ``dims`` and the words.

    Raises
    ------
    AnalysisError
        It lists the columns, and says which words would make them readable.
    """
    names = column_names(table, {w: stated.get(w) for w in OF_ROWS})
    index = next(iter(table.unnamed), None)
    if "stimulus_id" not in names and index is not None and not table.is_numeric(index):
        names["stimulus_id"] = index  # as pandas writes a frame whose index are the ids
    for word in ORDER:
        if word in table.columns:
            names[word] = word
    if "stimulus_id" not in names:
        raise AnalysisError(
            f"{table.where} has no column stimulus_id; it has {', '.join(table.columns)}. Say "
            "which names the stimuli: stimulus_id='...' (and likewise time_ms='...', unit='...', "
            "variable='...' for the responses)"
        )
    unit = stated.get("unit")
    names |= column_names(table, {"unit": unit if isinstance(unit, str) else None})
    rest = [c for c in table.columns if c not in (*names.values(), variable)]
    rest = [c for c in rest if c not in table.unnamed or not _counts_rows(table, c)]
    _refuse_unclaimed(table, names, rest, listed=() if unit is None else np.ravel(unit).tolist())
    if "unit" in names or variable is not None or _single(rest):
        rows = _long(table, names, rest, variable)
    else:
        rows = _wide(table, rest, unit)
    return _gathered(table, names, rows)


def _counts_rows(table: Table, name: str) -> bool:
    """Whether the first column only numbers the rows, as pandas and R do without a name.

    From 0 or from 1, with gaps where rows were left out.
    """
    if name != next(iter(table.columns)) or not table.is_numeric(name):
        return False
    count = table.numbers(name)
    return bool((count % 1 == 0).all() and (np.diff(count) > 0).all())


def _refuse_unclaimed(
    table: Table, names: dict[str, str], rest: list[str], *, listed: Sequence[Any]
) -> None:
    """Columns that seem to tell rows apart and are not said to: times would become repeats."""
    for word, called in MEANT.items():
        for column in rest:
            if word in names or column.lower() not in called or column in listed:
                continue
            raise AnalysisError(
                f"{table.where}: the column {column!r} is not understood. If it is {word}, "
                + (f"rename it {word}" if word in ORDER else f"say {word}={column!r}")
                + (f"; if it is a unit, say unit=[{column!r}, ...]" if not listed else "")
                + f"; else drop it. The columns are {', '.join(table.columns)}"
            )


def _single(rest: list[str]) -> bool:
    """Whether the one column that is left is called as responses are: then of a single unit."""
    return len(rest) == 1 and rest[0].lower() in VALUES


def _long(table: Table, names: dict[str, str], rest: list[str], variable: str | None) -> Rows:
    """One column of responses, and the unit of each row."""
    if variable is None:
        called = [c for c in rest if c.lower() in VALUES]
        numeric = [c for c in rest if table.is_numeric(c)]
        choices = called if len(called) == 1 else numeric
        if len(choices) != 1:
            raise AnalysisError(
                f"{table.where} has {len(choices) or 'no'} columns that could be the responses"
                f"{': ' + quoted(choices) if choices else ''}; it has {', '.join(table.columns)}. "
                "Say which with variable='...'"
            )
        variable = choices[0]
    elif variable not in table.columns:
        raise AnalysisError(
            f"{table.where} has no column {variable!r}; it has {', '.join(table.columns)}"
        )
    units = texts(table.columns[names["unit"]], "unit") if "unit" in names else None
    return Rows(table.numbers(variable)[:, None], units=units)


def _wide(table: Table, rest: list[str], unit: Any) -> Rows:
    """The columns that are left are the units, all of them numbers."""
    if unit is not None:
        rest = [str(u) for u in texts(unit, "unit")]
        if absent := [u for u in rest if u not in table.columns]:
            raise AnalysisError(
                f"{table.where} has no column {absent[0]!r} for a unit; it has "
                f"{', '.join(table.columns)}"
            )
    elif others := [c for c in rest if c.lower() in OTHERS and table.is_numeric(c)]:
        raise AnalysisError(
            f"{table.where}: is the column {others[0]!r} a unit? Say which columns are, "
            f"unit=[...], of {', '.join(table.columns)}"
        )
    if strange := [c for c in rest if c in table.unnamed or not table.is_numeric(c)]:
        raise AnalysisError(
            f"{table.where}: the column {strange[0]!r} is no unit, it holds "
            f"{quoted(table.columns[strange[0]][:1])}. Say which columns are units, "
            f"unit=[...], of {', '.join(table.columns)}; or, of one row for each response, which "
            "one names them: unit='...'"
        )
    if not rest:
        raise AnalysisError(
            f"{table.where} has no column of responses; it has {', '.join(table.columns)}"
        )
    return Rows(table.numbers(*rest).reshape(len(table), -1), columns=tuple(rest))


def _gathered(table: Table, names: dict[str, str], rows: Rows) -> Found:
    """Rows put at their places on the axes."""
    read: Found = {}
    codes: dict[str, np.ndarray] = {}
    for dim, word in (("subject",) * 2, ("session",) * 2, ("stimulus", "stimulus_id")):
        if word in names:
            column = texts(table.columns[names[word]], f"{word} of {table.where}")
            read[word], codes[dim] = _coded(column)
    if "time_ms" in names:
        times, codes["time_ms"] = np.unique(table.numbers(names["time_ms"]), return_inverse=True)
        read["time_ms"] = times_of(times)
    if rows.units is not None:
        read["unit"], codes["unit"] = _coded(rows.units)
    if rows.columns is not None:
        read["unit"] = np.array(rows.columns, dtype=object)
    if (repeat := _repeats(table, names, codes, wide=rows.columns is not None)) is not None:
        codes["repeat"] = repeat
    place = [codes[d] for d in AXES if d in codes]
    shape = tuple(int(code.max()) + 1 for code in place)
    _refuse_twice(table, place, shape, names)
    filled = np.full((*shape, rows.values.shape[1]), np.nan)
    filled[tuple(place)] = rows.values
    read["values"] = filled if rows.columns is not None else filled[..., 0]
    read["dims"] = tuple(d for d in AXES if d in codes or (d == "unit" and "unit" in read))
    _refuse_blocks(table, read)
    if "label" in names:
        read["label"] = _labels(table, names["label"], codes["stimulus"], read["stimulus_id"])
    return read


def _coded(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The entries in the order of the table, and which one each row has."""
    place: dict[Any, int] = {}
    code = np.array([place.setdefault(v, len(place)) for v in column], dtype=np.int64)
    return np.array(list(place), dtype=object), code


def _repeats(
    table: Table, names: dict[str, str], codes: dict[str, np.ndarray], *, wide: bool
) -> np.ndarray | None:
    """Which presentation of its stimulus each row belongs to; None where each has one."""
    groups = [codes[d] for d in ("subject", "session", "stimulus") if d in codes]
    of = list(zip(*groups, strict=True))
    word = next((w for w in ORDER if w in names), None)
    if word is None:
        if not wide or "time_ms" in codes:
            return None
        marks: list[Any] = list(range(len(of)))  # each row is a trial
    else:
        marks = texts(table.columns[names[word]], f"{word} of {table.where}").tolist()
        if word == "repeat":
            marks = [(len(m), m) for m in marks]  # '10' after '9'
        else:
            _refuse_mixed_trials(table, codes, marks)
    known: dict[Any, dict[Any, int]] = {}
    for group, mark in zip(of, marks, strict=True):
        known.setdefault(group, {}).setdefault(mark, 0)
    for group, trials in known.items():
        order = sorted(trials) if word == "repeat" else list(trials)
        known[group] = {mark: k for k, mark in enumerate(order)}
    repeat = np.array([known[g][m] for g, m in zip(of, marks, strict=True)], dtype=np.int64)
    return repeat if repeat.any() else None


def _refuse_mixed_trials(table: Table, codes: dict[str, np.ndarray], marks: list[Any]) -> None:
    """One trial shows one stimulus."""
    people = [codes[d] for d in ("subject", "session") if d in codes]
    shown: dict[Any, int] = {}
    for k, mark in enumerate(marks):
        key = (*(int(c[k]) for c in people), mark)
        if shown.setdefault(key, int(codes["stimulus"][k])) != codes["stimulus"][k]:
            raise AnalysisError(
                f"{table.where}: trial {mark!r} has several stimuli; if trials are counted anew in "
                "each subject or session, a column subject or session is needed; if they number "
                "the presentations of a stimulus, call the column repeat"
            )


def _refuse_twice(
    table: Table, place: list[np.ndarray], shape: tuple[int, ...], names: dict[str, str]
) -> None:
    """Two rows at one place."""
    flat = np.ravel_multi_index(tuple(place), shape)
    _, first, counts = np.unique(flat, return_index=True, return_counts=True)
    if (counts > 1).any():
        row = int(first[counts > 1][0])
        shown = ", ".join(f"{c}={table.columns[c][row]!s}" for c in names.values())
        lacking = [w for w in ("trial", "unit", "time_ms", "subject") if w not in names]
        raise AnalysisError(
            f"{table.where}: {int((counts > 1).sum())} responses stand more than once, the first "
            f"with {shown}; what tells them apart? A column {' or '.join(lacking) or 'repeat'} "
            f"does; it has {', '.join(table.columns)}"
        )


def _refuse_blocks(table: Table, read: Found) -> None:
    """Every subject (and session) has responses of each stimulus and of each unit."""
    dims = read["dims"]
    people = [d for d in ("subject", "session") if d in dims]
    if not people:
        return
    seen = ~np.isnan(read["values"])
    for axis, word in (("stimulus", "stimulus_id"), ("unit", "unit")):
        if axis not in dims:
            continue
        others = tuple(k for k, d in enumerate(dims) if d not in (*people, axis))
        present = seen.any(others)
        if not present.all():
            *who, what = np.argwhere(~present)[0]
            named = " ".join(f"{d} {read[d][k]}" for d, k in zip(people, who, strict=True))
            raise AnalysisError(
                f"{table.where}: {named} has no response to {axis} {read[word][what]!r}"
                if axis == "stimulus"
                else f"{table.where}: {named} has no response of unit {read[word][what]!r}; units "
                "of different subjects are not the same: read each on its own (the rows of one "
                "subject), make RDMs of each (cortexsim.neural.response_rdms), and stack those "
                "(cortexsim.neural.stack)"
            )


def _labels(table: Table, name: str, code: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The label of each stimulus."""
    column = np.array([str(v) for v in table.columns[name]], dtype=object)
    labels = column[np.unique(code, return_index=True)[1]]
    if (other := column != labels[code]).any():
        row = int(np.argmax(other))
        raise AnalysisError(
            f"stimulus {ids[code[row]]!r} has several labels, {column[row]!r} among them"
        )
    return labels
