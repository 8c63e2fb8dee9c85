"""Draw one stimulus of a recording: ``cortexsim show``.

cortexsim show recording.zarr --stimulus china-2-00 --state IT
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cortexsim.cli import PICTURES, command, option, parse, run
from cortexsim.errors import AnalysisError
from cortexsim.locks import holding, is_there


@dataclass(frozen=True)
class ShowConfig:
    """All settings of a picture of one stimulus."""

    recording: str = option(text="the recording, as cortexsim.record wrote it")
    stimulus: str | None = option(None, "its id; default the first")
    state: str | None = option(None, "the channels of this state; default every state")
    out: str | None = option(None, "the picture (.png, .pdf, .svg); default RECORDING-STIMULUS.png")
    overwrite: bool = option(False, "replace an existing picture")


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of pictures of one stimulus."""
    print(f"drew {show(parse(ShowConfig, arguments, 'cortexsim show', __doc__ or ''))}")
    return 0


def show(config: ShowConfig) -> Path:
    """Do what ``config`` says; returns the path of the picture."""
    from cortexsim.plotting import save, stimulus
    from cortexsim.recording.opening import open_recording

    tree = open_recording(config.recording)
    first = next(iter(tree.children.values())).dataset
    name = str(first.stimulus_id.values[0]) if config.stimulus is None else config.stimulus
    figure = stimulus(tree, name, state=config.state)
    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    source = Path(config.recording)
    parts = [source.stem, plain, *([config.state] if config.state else [])]
    path = Path(config.out or source.with_name("-".join(parts) + ".png"))
    if path.suffix.lower() not in PICTURES:
        raise AnalysisError(f"--out {path}: a picture ends in {', '.join(PICTURES)}")
    with holding(path, error=AnalysisError):
        if is_there(path) and not config.overwrite:
            raise AnalysisError(f"{path} exists; give another --out, or --overwrite")
        save(figure, path)
    return path


if __name__ == "__main__":
    run(main)
