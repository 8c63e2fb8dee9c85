"""What the commands print: sizes, durations, what was written, what to try next."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from cortexsim.refusals import refusal


def human(count: float) -> str:
    """Bytes with a unit: 1536 -> '1.5 kB'."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """Seconds in words: 90 -> '1.5 minutes'."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.1f} minutes" if seconds < 3600 else f"{seconds / 3600:.1f} hours"


def note(text: str) -> None:
    """A remark that is no result: to standard error."""
    print(text, file=sys.stderr)


def drawn(draw: Callable[[], object], target: Path, whole: str) -> bool:
    """Draw a figure; a disk that takes none does not spoil the result (``whole``)."""
    try:
        draw()
    except OSError as error:
        note(f"the figure: {refusal(target, error)}; {whole} is complete")
        return False
    print(f"drew {target}")
    return True
