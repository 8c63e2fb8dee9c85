"""What the commands print: sizes, durations, what was written, what to try next."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    pass


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


def figure_path(movie: Path) -> Path:
    """Beside the movie: ``a.zarr`` -> ``a.png``."""
    return movie.with_name(movie.name.removesuffix(".zarr") + ".png")


def check_figure(path: Path, *, figure: bool, overwrite: bool) -> None:
    """A figure, too, is replaced only on request."""
    if not path.name:
        raise AnalysisError(f"--out {str(path)!r} names no file; give e.g. movie.zarr")
    if figure and not overwrite and figure_path(path).exists():
        raise AnalysisError(
            f"{figure_path(path)} exists and the figure would replace it; give --overwrite, --no-figure or another --out"
        )


def report(path: Path, *, figure: bool) -> None:
    """What was written and what to try next."""
    from cortexsim.analysis.movie.store import open_movie

    dataset = open_movie(path)
    s = dataset.sizes
    frames = int(dataset.populated.values.sum())
    print(
        f"wrote {path}: {frames} RDMs ({dataset.attrs['measure']}) of {s['stimulus']:,} stimuli, {s['pair']:,} pairs each; "
        f"states {', '.join(map(str, dataset.state.values))}, steps {dataset.step.values[0]}-{dataset.step.values[-1]}"
    )
    if figure and s["stimulus"] > 2000:
        print(f"no figure: {s['stimulus']:,} stimuli are more than its pixels", file=sys.stderr)
    elif figure:
        from cortexsim.plotting import movie as draw
        from cortexsim.plotting import save

        try:
            save(draw(dataset), figure_path(path))
            print(f"drew {figure_path(path)}")
        except OSError as error:
            print(
                f"the figure could not be written ({error}); the movie is complete", file=sys.stderr
            )
    last = str(dataset.state.values[-1])
    print(
        "next:\n"
        f'  python -c "from cortexsim.analysis import open_movie; print(open_movie({str(path)!r}).rdm.sel(state={last!r}))"\n'
        "and in Python, against the RDMs of a brain: cortexsim.analysis.compare, noise_ceiling, evaluate"
    )
