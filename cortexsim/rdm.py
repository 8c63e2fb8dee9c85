"""The RDM movie of a recording, one RDM for each state and step: ``python -m cortexsim.rdm recording.zarr --out movie.zarr``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cortexsim.cli import option, parse, run
from cortexsim.errors import AnalysisError


@dataclass(frozen=True)
class RdmConfig:
    """All settings of an RDM movie."""

    recording: str = option(text="the recording, as cortexsim.record wrote it")
    out: str = option("movie.zarr", "the store to write")
    measure: str = option("correlation", "correlation, cosine or sqeuclidean (per feature)")
    states: tuple[str, ...] | None = option(None, "states; default all")
    steps: tuple[int, ...] | None = option(None, "steps; default all")
    memory: int = option(
        256, "megabytes of activations held at a time; where a step does not fit, it is read more than once"
    )
    device: str | None = option(None, "cuda, cuda:N: compute there with torch; default the CPU, with NumPy")
    overwrite: bool = option(False, "replace an existing movie")
    figure: bool = option(True, "draw the movie beside it")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of RDM movies."""
    movie(parse(RdmConfig, arguments, "python -m cortexsim.rdm", __doc__ or ""))
    return 0


def movie(config: RdmConfig) -> Path:
    """Do what ``config`` says; returns the path of the movie."""
    from cortexsim.analysis.movie.movie import rdm_movie

    path = Path(config.out)
    check_figure(path, figure=config.figure, overwrite=config.overwrite)
    if config.memory < 1:
        raise AnalysisError(f"--memory {config.memory} is no amount; give megabytes, e.g. --memory 256")
    rdm_movie(
        config.recording,
        config.measure,
        states=config.states,
        steps=config.steps,
        out=path,
        memory=config.memory << 20,
        device=config.device,
        overwrite=config.overwrite,
    )
    report(path, figure=config.figure)
    return path


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
            print(f"the figure could not be written ({error}); the movie is complete", file=sys.stderr)
    last = str(dataset.state.values[-1])
    print(
        "next:\n"
        f'  python -c "from cortexsim.analysis import open_movie; print(open_movie({str(path)!r}).rdm.sel(state={last!r}))"\n'
        "and in Python, against the RDMs of a brain: cortexsim.analysis.compare, noise_ceiling, evaluate"
    )


if __name__ == "__main__":
    run(main)
