"""What is on the screen when, to be stored and to be said: in steps, and in declared ms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from cortexsim.arguments import clear_errors
from cortexsim.errors import StimulusError

if TYPE_CHECKING:
    from cortexsim.timeaxis import TimeAxis


@clear_errors
def on_screen(frames: Sequence[str], axis: TimeAxis) -> list[dict[str, Any]]:
    """What is on the screen when, as it is stored: one record for each thing that is shown.

    Parameters
    ----------
    frames : sequence of str
        What the input of each step is, see :meth:`Presentation.frames`.
    axis : TimeAxis
        How long a step is.

    Returns
    -------
    list of dict
        ``shows``; ``steps``, the first and the last; ``ms``, from when to when after the
        presentation begins, None where a step has no declared duration.

    Examples
    --------
    >>> from cortexsim.timeaxis import TimeAxis
    >>> on_screen(["image", "blank", "blank"], TimeAxis())[1]
    {'shows': 'blank', 'steps': [2, 3], 'ms': [25.0, 75.0]}
    """
    records: list[dict[str, Any]] = []
    for step, shows in enumerate(frames, start=1):
        if records and records[-1]["shows"] == shows:
            records[-1]["steps"][1] = step
        else:
            records.append({"shows": shows, "steps": [step, step]})
    for record in records:
        first, last = record["steps"]
        ms = [(first - 1) * axis.step_ms, last * axis.step_ms]
        record["ms"] = ms if axis.is_declared else None
    return records


@clear_errors
def in_words(records: Sequence[Mapping[str, Any]]) -> str:
    """What :func:`on_screen` gave, for a plan or a report.

    Parameters
    ----------
    records : sequence of mapping
        One for each thing that is shown.

    Returns
    -------
    str
        In steps, and in ms where these are declared.

    Examples
    --------
    >>> from cortexsim.timeaxis import TimeAxis
    >>> in_words(on_screen(["image", "blank", "blank"], TimeAxis()))
    'image at step 1 (0-25 ms), blank at steps 2-3 (25-75 ms)'
    """
    words = []
    for record in records:
        if not isinstance(record, Mapping) or not {"shows", "steps", "ms"} <= set(record):
            raise StimulusError(
                f"{record!r} does not say what is shown, at which steps and in which ms (shows, "
                "steps, ms), as on_screen does"
            )
        if record["steps"] is None or not all(_two(record[key]) for key in ("steps", "ms")):
            raise StimulusError(
                f"steps {record['steps']!r} and ms {record['ms']!r} are not each a first and a last"
            )
        first, last = record["steps"]
        steps = f"step {first}" if first == last else f"steps {first}-{last}"
        ms = record["ms"]
        when = f" ({ms[0]:g}-{ms[1]:g} ms)" if ms else ""
        words.append(f"{record['shows']} at {steps}{when}")
    more = len(words) - 12
    return ", ".join(words[:12]) + (f", and {more} more" if more > 0 else "")


def _two(bounds: Any) -> bool:
    """Whether it is a first and a last number; None where there are none."""
    return bounds is None or (
        isinstance(bounds, (list, tuple))
        and len(bounds) == 2
        and all(isinstance(value, Real) for value in bounds)
    )
