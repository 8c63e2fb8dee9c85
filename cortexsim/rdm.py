"""The RDM movie of a recording, one RDM for each state and step: ``cortexsim rdm``.

cortexsim rdm recording.zarr --out movie.zarr
cortexsim rdm recording.zarr --average label --out classes.zarr
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cortexsim.cli import command, figure_option, option, parse, run, shared_option
from cortexsim.console.movie import check_figure, report
from cortexsim.errors import AnalysisError
from cortexsim.locks import holding
from cortexsim.tasks import connected


@dataclass(frozen=True)
class RdmConfig:
    """All settings of an RDM movie."""

    recording: str = option(text="the recording, as cortexsim.record wrote it")
    out: str = option("movie.zarr", "the store to write")
    measure: str = option("correlation", "correlation, cosine or sqeuclidean (per feature)")
    states: tuple[str, ...] | None = option(None, "states; default all")
    steps: tuple[int, ...] | None = option(None, "steps; default all")
    memory: int = option(
        256,
        "megabytes of activations held at a time; where a step does not fit, it is read more than "
        "once",
    )
    device: str | None = option(
        None, "cuda, cuda:N: compute there with torch; default the CPU, with NumPy"
    )
    average: str | None = option(
        None,
        "label: one condition a label, of the mean activations of its stimuli, for more stimuli "
        "than an RDM can have",
        choices=("label",),
    )
    scheduler: str | None = shared_option("scheduler")
    overwrite: bool = option(False, "replace an existing movie")
    figure: bool | str = figure_option("draw the movie")


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of RDM movies."""
    movie(parse(RdmConfig, arguments, "cortexsim rdm", __doc__ or ""))
    return 0


def movie(config: RdmConfig) -> Path:
    """Do what ``config`` says; returns the path of the movie."""
    from cortexsim.analysis.movie.movie import rdm_movie

    path = Path(config.out)
    check_figure(path, figure=config.figure, overwrite=config.overwrite)
    if config.memory < 1:
        raise AnalysisError(
            f"--memory {config.memory} is no amount; give megabytes, e.g. --memory 256"
        )
    with holding(path, error=AnalysisError):
        # Another process may have drawn it since.
        check_figure(path, figure=config.figure, overwrite=config.overwrite)
        with connected(config.scheduler) as client:
            rdm_movie(
                config.recording,
                config.measure,
                states=config.states,
                steps=config.steps,
                out=path,
                memory=config.memory << 20,
                device=config.device,
                overwrite=config.overwrite,
                average=config.average,
                client=client,
            )
        report(path, figure=config.figure)
    return path


if __name__ == "__main__":
    run(main)
