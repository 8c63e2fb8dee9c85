"""Bars of what takes long: on a terminal, in a notebook, and as lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, TextIO

EVERY_SECONDS = 10.0  # between the lines of a log


class Lines:
    """A stream that gives each state of a bar a line of its own, for logs.

    Parameters
    ----------
    stream : text stream
        Where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """What tqdm writes over the line before, as a line; nothing for what only clears."""
        line = text.replace("\r", "").replace("\n", "").rstrip()
        if line:
            self.stream.write(line + "\n")
        return len(text)

    def flush(self) -> None:
        """As that of the stream."""
        self.stream.flush()


def bar(
    iterable: Iterable[Any] | None = None,
    *,
    shown: bool = True,
    doing: str | None = None,
    unit: str = "it",
    **how: Any,
) -> Any:
    """A bar of tqdm: its own form in notebooks, one line every ten seconds where nobody looks.

    Parameters
    ----------
    iterable : iterable, optional
        What is gone through.
    shown : bool
        Whether there is a bar.
    doing : str, optional
        In front of it.
    unit : str
        What is counted, in the plural.
    **how
        As tqdm takes them: total, initial, unit_scale.

    Returns
    -------
    tqdm.tqdm

    Examples
    --------
    >>> [image for image in bar(["a", "b"], unit="images", shown=False)]
    ['a', 'b']
    """
    form, where = _form()
    unit = unit if unit in ("B", "it") else f" {unit}"
    return form(iterable, desc=doing, unit=unit, disable=not shown, **{**where, **how})


def _form() -> tuple[Any, dict[str, Any]]:
    """The kind of bar for where this process writes, and how it is drawn there."""
    import tqdm

    if "ipykernel" in sys.modules:
        from tqdm.auto import tqdm as of_notebooks

        return of_notebooks, {}
    if sys.stderr is not None and sys.stderr.isatty():
        return tqdm.tqdm, {"dynamic_ncols": True}
    lines = {"file": Lines(sys.stderr), "mininterval": EVERY_SECONDS, "ncols": 100, "miniters": 1}
    return tqdm.tqdm, lines
