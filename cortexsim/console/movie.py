"""What is said of an RDM movie."""

from __future__ import annotations

from pathlib import Path

from cortexsim.console import DOTS, drawn, figure_place, note
from cortexsim.errors import AnalysisError
from cortexsim.locks import is_there


def figure_path(movie: Path) -> Path:
    """Beside the movie: ``a.zarr`` -> ``a.png``."""
    return movie.with_name(movie.name.removesuffix(".zarr") + ".png")


def check_figure(path: Path, *, figure: bool | str, overwrite: bool) -> None:
    """A figure, too, is replaced only on request."""
    if not path.name:
        raise AnalysisError(f"--out {str(path)!r} names no file; give e.g. movie.zarr")
    target = figure_place(figure, figure_path(path))
    if target is not None and not overwrite and is_there(target):
        raise AnalysisError(
            f"{target} exists and the figure would replace it; give --overwrite, "
            "--no-figure or another --out"
        )


def report(path: Path, *, figure: bool | str) -> None:
    """What was written and what to try next."""
    from cortexsim.analysis.movie.store import open_movie

    dataset = open_movie(path)
    s = dataset.sizes
    frames = int(dataset.populated.values.sum())
    print(
        f"wrote {path}: {frames} RDMs ({dataset.attrs['measure']}) of {s['stimulus']:,} stimuli, "
        f"{s['pair']:,} pairs each; states {', '.join(map(str, dataset.state.values))}, steps "
        f"{dataset.step.values[0]}-{dataset.step.values[-1]}"
    )
    target = figure_place(figure, figure_path(path))
    if target is not None and s["stimulus"] > 2000:
        note(f"no figure: {s['stimulus']:,} stimuli are more than its pixels")
    elif target is not None:
        from cortexsim.plotting import movie as draw
        from cortexsim.plotting import save

        drawn(lambda: save(draw(dataset), target, dpi=DOTS), target, "the movie")
    last = str(dataset.state.values[-1])
    print(
        "next:\n"
        '  python -c "from cortexsim.analysis import open_movie; '
        f'print(open_movie({str(path)!r}).rdm.sel(state={last!r}))"\n'
        "and in Python, against the RDMs of a brain: cortexsim.analysis.compare, noise_ceiling, "
        "evaluate"
    )
