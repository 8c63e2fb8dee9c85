"""What the commands print: sizes, durations, what was written, what to try next."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cortexsim.cli import PICTURES
from cortexsim.errors import AnalysisError
from cortexsim.locks import holding
from cortexsim.refusals import refusal

DOTS = 200  # an inch, of the PNG of a result


def duration(seconds: float) -> str:
    """Seconds in words: 90 -> '1.5 minutes'."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.1f} minutes" if seconds < 3600 else f"{seconds / 3600:.1f} hours"


def note(text: str) -> None:
    """A remark that is no result: to standard error."""
    print(text, file=sys.stderr)


@contextlib.contextmanager
def alone(config: Any, check: Callable[[Any], None]) -> Iterator[None]:
    """Nobody else writes the output: what ``check`` refuses is refused before and once it is ours.

    config: options with ``out`` and ``plan``; what is planned is not written.
    """
    check(config)
    if config.plan:
        yield
        return
    with holding(Path(config.out), error=AnalysisError):
        check(config)  # another process may have written it since
        yield


def figure_place(figure: bool | str, beside: Path) -> Path | None:
    """Where a figure goes.

    Parameters
    ----------
    figure : bool or str
        The option ``--figure``: a path, or whether there is one.
    beside : Path
        Where it goes without a path.

    Returns
    -------
    Path or None
        None for no figure.

    Raises
    ------
    AnalysisError
        For a path that is no picture.

    Examples
    --------
    >>> figure_place(True, Path("a.png")).name, figure_place("b.pdf", Path("a.png")).name
    ('a.png', 'b.pdf')
    """
    if isinstance(figure, bool):
        return beside if figure else None
    path = Path(figure)
    if path.suffix.lower() not in PICTURES:
        raise AnalysisError(
            f"--figure {figure}: a picture ends in {', '.join(PICTURES)}; give e.g. figure.pdf"
        )
    if path.is_dir():
        raise AnalysisError(f"--figure {figure} is a folder; give a file")
    return path


def drawn(draw: Callable[[], object], target: Path, whole: str) -> bool:
    """Draw a figure; a disk that takes none does not spoil the result (``whole``)."""
    try:
        draw()
    except OSError as error:
        note(f"the figure: {refusal(target, error)}; {whole} is complete")
        return False
    print(f"drew {target}")
    return True
