"""Tables of single trials of behaviour, checked: who, when, which mask, and whether right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import quoted

# Ours: the names by which a column is known, in small letters.
NAMES = {
    "participant": ("participant", "subject", "subj", "observer", "participant_id", "subject_id"),
    "soa_ms": ("soa_ms", "soa"),
    "deadline_ms": ("deadline_ms", "deadline"),
    "mask": ("mask", "masked", "masking"),
    "correct": ("correct", "is_correct"),
    "response": ("response", "answer", "object_response"),
    "label": ("label", "category", "truth"),
    "rt_ms": ("rt_ms", "rt", "reaction_time_ms", "reaction_time", "response_time_ms"),
}
TIMES = ("soa_ms", "deadline_ms")
SHORTEST = {"soa_ms": 5.0, "deadline_ms": 10.0, "rt_ms": 20.0}
"""Numbers that are all smaller look like seconds."""
NOTHING = ("", "na", "n/a", "nan", "nat", "none", "null")
TRUTHS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}
MASKED = {**{k: "mask" if v else "none" for k, v in TRUTHS.items()}, "unmasked": "none"}
MASKED |= {"no mask": "none", "no_mask": "none", "masked": "mask"}
UNANSWERED = ("wrong", "leave out")
ALL = "all"


@dataclass(frozen=True)
class Trials:
    """Trials, one a row.

    Parameters
    ----------
    participant : array of str, shape (trial,)
    time_name : str
        ``soa_ms`` or ``deadline_ms``.
    time : array of shape (trial,)
        In ms.
    curve_name : str
        What tells curves apart: ``mask``, or a column of the caller's choice.
    curve : array of str, shape (trial,)
    correct : array of bool, shape (trial,)
    rt_ms : array of shape (trial,), or None
        NaN where there is none.
    label, response : array of str, shape (trial,), or None
    left_out : int
        Trials that are not here.
    """

    participant: np.ndarray
    time_name: str
    time: np.ndarray
    curve_name: str
    curve: np.ndarray
    correct: np.ndarray
    rt_ms: np.ndarray | None
    label: np.ndarray | None
    response: np.ndarray | None
    left_out: int


def checked(
    columns: Mapping[str, np.ndarray],
    *,
    chosen: Mapping[str, str] | None,
    by: str | None,
    within_ms: float | None,
    unanswered: str | None,
) -> Trials:
    """Trials of a table whose columns are as they are.

    Parameters
    ----------
    columns : mapping of str to array of shape (trial,)
        By name.
    chosen : mapping of str to str, optional
        Our names to those of the table, where they are not found by themselves.
    by : str, optional
        The column whose values are curves of their own; the mask by default.
    within_ms : float, optional
        Keep answers so near to the deadline.
    unanswered : {"wrong", "leave out"}, optional
        What becomes of trials without an answer.

    Returns
    -------
    Trials

    Raises
    ------
    AnalysisError
        It says which column is meant, which rows are at fault, and what they hold.
    """
    known = _known(columns, chosen or {})
    times = [name for name in TIMES if name in known]
    if len(times) != 1 or "participant" not in known:
        raise _not_there(columns, known, times)
    if "correct" not in known and not {"response", "label"} <= set(known):
        raise AnalysisError(
            "the table needs a column 'correct', or 'response' and 'label'; it has "
            f"{', '.join(columns)}. Say which with columns={{'correct': ...}}"
        )
    time = _numbers(known[times[0]], times[0], missing=False)
    # Among SOAs below 0, of forward masks, 0 is a time as others are; else it often means no mask.
    forward = times[0] == "soa_ms" and bool((time < 0).any())
    if (bad := ~(time > 0)).any() and not forward:
        raise AnalysisError(
            f"{times[0]} is {time[bad][0]:g} in {int(bad.sum())} trials; it must be above 0 ms. "
            "Leave those trials out"
        )
    rt = _numbers(known["rt_ms"], "rt_ms") if "rt_ms" in known else None
    correct, answered = _right(known)
    kept = _kept(answered, time, rt, times[0], within_ms=within_ms, unanswered=unanswered)
    curve_name, curve = _curve(columns, known, by)
    who = _text(known["participant"])
    if (nobody := np.isin(np.char.lower(who), NOTHING)).any():
        raise AnalysisError(f"participant is empty in {int(nobody.sum())} of {len(who)} trials")
    asked = ("label", "response")
    label, response = (_text(known[k])[kept] if set(asked) <= set(known) else None for k in asked)
    return Trials(
        participant=who[kept],
        time_name=times[0],
        time=time[kept],
        curve_name=curve_name,
        curve=curve[kept],
        correct=correct[kept],
        rt_ms=None if rt is None else np.where(answered, rt, np.nan)[kept],
        label=label,
        response=response,
        left_out=int((~kept).sum()),
    )


def _known(columns: Mapping[str, Any], chosen: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Our names and the columns they mean."""
    if unknown := [k for k in chosen if k not in NAMES]:
        raise AnalysisError(f"columns has {unknown[0]!r}; choose from {', '.join(NAMES)}")
    if absent := [v for v in chosen.values() if v not in columns]:
        raise AnalysisError(f"there is no column {absent[0]!r}; the table has {', '.join(columns)}")
    known = {ours: columns[theirs] for ours, theirs in chosen.items()}
    plain = {name: name.lower().strip().replace(" ", "_").replace("-", "_") for name in columns}
    for ours, names in NAMES.items():
        found = [name for name in columns if plain[name] in names]
        if ours in known or (ours in TIMES and set(TIMES) & set(chosen)):
            continue
        exact = [name for name in found if name == ours]
        if len(found) > 1 and not exact:
            raise AnalysisError(
                f"{' and '.join(found)} could both be {ours}; say which: "
                f"columns={{{ours!r}: {found[0]!r}}}"
            )
        if found:
            known[ours] = columns[(exact or found)[0]]
    return known


def _not_there(columns: Mapping[str, Any], known: Mapping[str, Any], times: Sequence[str]) -> Any:
    if len(times) > 1:
        return AnalysisError(
            "the table has SOAs and deadlines; say which is meant, e.g. columns={'soa_ms': ...}"
        )
    lacks = [] if "participant" in known else ["participant"]
    lacks += [] if times else ["soa_ms or deadline_ms"]
    return AnalysisError(
        f"the table has no {' and no '.join(lacks)}; it has {', '.join(columns)}. Say which with "
        f"columns={{{lacks[0].split()[0]!r}: ...}}"
    )


def _text(values: np.ndarray) -> np.ndarray:
    """Text; whole numbers without a point."""
    listed = [
        str(int(v)) if isinstance(v, (float, np.floating)) and v == v // 1 else str(v).strip()
        for v in values.tolist()
    ]
    return np.array(listed, dtype=str)


def _numbers(values: np.ndarray, name: str, *, missing: bool = True) -> np.ndarray:
    """Numbers in ms, NaN where there is none."""
    text = np.char.lower(_text(values))
    empty = np.isin(text, NOTHING)
    if empty.any() and not missing:
        raise AnalysisError(
            f"{name} is empty in {int(empty.sum())} of {len(text)} trials; leave them out"
        )
    out = np.full(len(text), np.nan)
    try:
        out[~empty] = text[~empty].astype(np.float64)
    except ValueError as error:
        raise AnalysisError(f"{name} holds what is no number: {error}") from None
    if np.isinf(out).any():
        raise AnalysisError(f"{name} is infinite in {int(np.isinf(out).sum())} trials")
    if (~empty).any() and 0 < np.nanmax(np.abs(out)) < SHORTEST[name]:
        raise AnalysisError(
            f"{name} goes up to {np.nanmax(np.abs(out)):g}: these look like seconds. Give "
            "milliseconds: 1000 * times"
        )
    return out


def _right(known: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Whether each answer is right, and whether there is one."""
    answered = np.ones(len(next(iter(known.values()))), dtype=bool)
    named: np.ndarray | None = None
    if {"response", "label"} <= set(known):
        response, label = _text(known["response"]), _text(known["label"])
        answered = ~np.isin(np.char.lower(response), NOTHING)
        named = (response == label) & answered
        strangers = sorted({*response[answered]} - {*label})
        if strangers and not (named.any() and len({*label}) > 1):
            raise AnalysisError(
                f"no response is a label: responses are {quoted(strangers)}, labels "
                f"{quoted(sorted({*label}))}"
            )
    if "correct" not in known:
        assert named is not None
        return named, answered
    text = np.char.lower(_text(known["correct"]))
    empty = np.isin(text, NOTHING)
    if odd := sorted({*text[~empty]} - set(TRUTHS)):
        raise AnalysisError(f"correct holds {quoted(odd)}; 1 and 0, or true and false, are needed")
    correct = np.array([TRUTHS.get(word, False) for word in text])
    answered &= ~empty
    if named is not None and (differ := (correct != named) & answered).any():
        raise AnalysisError(
            f"correct and response == label differ in {int(differ.sum())} of {len(text)} trials; "
            "leave the wrong column out"
        )
    return correct & answered, answered


def _kept(
    answered: np.ndarray,
    time: np.ndarray,
    rt: np.ndarray | None,
    time_name: str,
    *,
    within_ms: float | None,
    unanswered: str | None,
) -> np.ndarray:
    """Which trials count."""
    if unanswered not in (None, *UNANSWERED):
        raise AnalysisError(
            f"unanswered={unanswered!r} is not known; choose from {', '.join(UNANSWERED)}"
        )
    if within_ms is not None:
        if time_name != "deadline_ms" or rt is None:
            raise AnalysisError(
                f"within_ms={within_ms:g} keeps answers near the deadline; columns deadline_ms and "
                "rt_ms are needed"
            )
        if unanswered == "wrong":
            raise AnalysisError(
                "within_ms leaves trials without an answer out; unanswered='wrong' contradicts it"
            )
        with np.errstate(invalid="ignore"):
            kept = answered & (np.abs(rt - time) <= within_ms)
    elif not answered.all() and unanswered is None:
        raise AnalysisError(
            f"{int((~answered).sum())} of {len(answered)} trials have no answer; say "
            "unanswered='wrong' or 'leave out'"
        )
    else:
        kept = answered if unanswered == "leave out" else np.ones(len(answered), dtype=bool)
    if not kept.any():
        raise AnalysisError(f"none of {len(kept)} trials is left")
    return kept


def _curve(
    columns: Mapping[str, np.ndarray], known: Mapping[str, np.ndarray], by: str | None
) -> tuple[str, np.ndarray]:
    """What tells curves apart, and to which each trial belongs."""
    if by is not None and by != "mask":
        if by not in columns:
            raise AnalysisError(f"by={by!r}: the table has {', '.join(columns)}")
        if by in (*NAMES, "bound", "resample"):
            raise AnalysisError(f"by={by!r} is taken already; choose another column")
        return by, _text(columns[by])
    if "mask" not in known:
        if by == "mask":
            raise AnalysisError(f"by='mask': the table has {', '.join(columns)}")
        return "mask", np.full(len(next(iter(known.values()))), ALL)
    words = _text(known["mask"])
    if (empty := np.isin(np.char.lower(words), [w for w in NOTHING if w != "none"])).any():
        raise AnalysisError(
            f"mask is empty in {int(empty.sum())} of {len(words)} trials; write 'none' where there "
            "was no mask"
        )
    return "mask", np.array([MASKED.get(word.lower(), word) for word in words], dtype=str)
