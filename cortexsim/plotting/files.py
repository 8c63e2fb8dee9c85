"""The one place where a figure becomes a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.arguments import clear_errors
from cortexsim.files import atomic_path
from cortexsim.stimuli.datasets import SIGNATURE
from cortexsim.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@clear_errors
def save(figure: Figure, path: Path) -> None:
    """Write a figure without leaving half a file.

    A PNG says in its text who drew it (``Software: cortexsim ...``), by which it is known as no
    stimulus where it lies in a folder of images.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write, at 130 dots an inch.
    path : Path
        The file; its suffix (.png, .pdf, .svg) says the format.
    """
    said = {"Software": f"{SIGNATURE} {__version__}"} if path.suffix.lower() == ".png" else None
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130, metadata=said)
