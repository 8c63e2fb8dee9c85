"""The one place where a figure becomes a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.arguments import clear_errors
from cortexsim.cli import PICTURES
from cortexsim.errors import AnalysisError
from cortexsim.files import atomic_path
from cortexsim.stimuli.datasets import SIGNATURE
from cortexsim.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@clear_errors
def save(figure: Figure, path: str | Path, *, dpi: float = 130) -> None:
    """Write a figure without leaving half a file.

    A PNG says in its text who drew it (``Software: cortexsim ...``), by which it is known as no
    stimulus where it lies in a folder of images. In a PDF or SVG letters stay letters, to be edited
    and searched.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write.
    path : path
        The file; its suffix (.png, .pdf, .svg) says the format.
    dpi : float
        Dots an inch of a PNG, and of images within the others; 20 to 2,400.
    """
    import matplotlib

    path = Path(path)
    if path.suffix.lower() not in PICTURES:
        raise AnalysisError(f"{path}: a picture ends in {', '.join(PICTURES)}; give e.g. a.pdf")
    if not 20 <= dpi <= 2400:
        raise AnalysisError(f"dpi={dpi:g}: give 20 to 2,400 dots an inch, e.g. 300")
    said = {"Software": f"{SIGNATURE} {__version__}"} if path.suffix.lower() == ".png" else None
    letters: Any = {"svg.fonttype": "none", "pdf.fonttype": 42}
    with atomic_path(path) as temporary, matplotlib.rc_context(letters):
        figure.savefig(temporary, dpi=dpi, metadata=said)
