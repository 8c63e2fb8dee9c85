"""The one place where a figure becomes a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure without leaving half a file.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write, at 130 dots an inch.
    path : Path
        The file; its suffix (.png, .pdf, .svg) says the format.
    """
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)
