"""Look at a recording in the browser: ``cortexsim explore``.

One file that needs no network: choose an image, a state, a channel, and drag the time through all
states, the readout, the RDMs, their arrangement in the plane and the similarity to a brain. Two
recordings (intact and lesioned, masked and not) stand side by side on one time.

  cortexsim explore recording.zarr --out explorer.html
  cortexsim explore recording.zarr lesioned.zarr --limit 24
  cortexsim explore r.zarr --rdm movie.zarr --neural cichy92-fmri
  cortexsim explore large.zarr --serve
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.cli import command, option, parse, run
from cortexsim.errors import AnalysisError
from cortexsim.experiments.explorer.settings import MAPS
from cortexsim.locks import is_there

if TYPE_CHECKING:
    from cortexsim.experiments.explorer.gather import Contents


@dataclass(frozen=True)
class ExploreConfig:
    """All settings of a page of recordings."""

    recordings: tuple[str, ...] = option(
        text="the recording, or two to see side by side", metavar="RECORDING"
    )
    rdm: tuple[str, ...] = option(
        (), "RDM movies of the recordings, one each; default the RDMs are made"
    )
    measure: str = option(
        "correlation", "of the RDMs that are made: correlation, cosine, sqeuclidean"
    )
    neural: str | None = option(
        None,
        "also show the similarity to a brain: a benchmark ('cortexsim neural list') or your own "
        "data, as compare takes them",
    )
    target: str | None = option(
        None, "which variable of the neural data; default all that hold RDMs"
    )
    n: int = option(1000, "resamples of the interval of that similarity")
    stimuli: str | None = option(
        None,
        "the recorded images again; needed for a folder or file, not for sample, cifar10 and "
        "benchmarks",
    )
    limit: int | None = option(None, "the first N images only")
    steps: tuple[int, ...] | None = option(None, "these steps only; default all")
    maps: str = option(
        "channels",
        "pictures of the activity: of all channels, of their root mean square only, or none",
        choices=MAPS,
    )
    megabytes: float = option(8.0, "of the page, for each recording; a larger one is refused")
    out: str = option("explorer.html", "the page to write")
    serve: bool = option(
        False, "write nothing; serve the page on this machine, which reads what is looked at"
    )
    port: int = option(0, "of --serve; default a free one")
    overwrite: bool = option(False, "replace an existing page")


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of pages of recordings."""
    explore(parse(ExploreConfig, arguments, "cortexsim explore", __doc__ or ""))
    return 0


def explore(config: ExploreConfig) -> None:
    """Do what ``config`` says: write a page, or serve one until it is interrupted."""
    from cortexsim.experiments.explorer.gather import gather
    from cortexsim.experiments.explorer.page import refuse_large
    from cortexsim.experiments.explorer.settings import Settings

    out = Path(config.out)
    if not config.serve:
        _check_out(out, config)
    settings = Settings(
        limit=config.limit,
        steps=config.steps,
        maps=config.maps,
        stimuli=config.stimuli,
        measure=config.measure,
        target=config.target,
        n=config.n,
    )
    megabytes = config.megabytes * len(config.recordings)
    contents = gather(
        config.recordings,
        settings,
        movies=config.rdm,
        neural=config.neural,
        before=lambda page: None if config.serve else refuse_large(page, megabytes=megabytes),
    )
    if config.serve:
        _serve(contents, config.port)
    else:
        _write(contents, out, megabytes)


def _check_out(out: Path, config: ExploreConfig) -> None:
    """What is wrong with the name of the page is said before anything is read."""
    if out.suffix.lower() not in (".html", ".htm"):
        raise AnalysisError(f"--out {out}: a page ends in .html")
    if out.is_dir() or (is_there(out) and not config.overwrite):
        raise AnalysisError(f"{out} exists; give another --out, or --overwrite")
    if not config.megabytes > 0:
        raise AnalysisError(f"--megabytes {config.megabytes:g}: give more than 0, e.g. 8")


def _write(contents: Contents, out: Path, megabytes: float) -> None:
    from cortexsim.console import note
    from cortexsim.experiments.explorer.page import file_page
    from cortexsim.files import atomic_write
    from cortexsim.progress import bar
    from cortexsim.refusals import human

    with bar(total=len(contents.blobs), doing="page", unit="parts", shown=True) as shown:
        page = file_page(contents, megabytes=megabytes, progress=shown.update)
    atomic_write(out, page)
    images = len(contents.index["images"]["id"])
    print(f"wrote {out}: {images:,} images, {human(len(page))}")
    if missing := contents.index["images"].get("missing"):
        note(missing)
    print(f"next: open it in a browser; ? lists the keys\n  xdg-open {out}")


def _serve(contents: Contents, port: int) -> None:
    from cortexsim.console import note
    from cortexsim.experiments.explorer.serve import PageServer

    if missing := contents.index["images"].get("missing"):
        note(missing)
    with PageServer(contents, port) as server:
        print(f"serving at {server.url} (Ctrl-C ends it)", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    run(main)
