"""The networks that a recording is compared against: what would come out without training, and without recurrence."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

from cortexsim.errors import AnalysisError, CortexsimError
from cortexsim.experiments.record import RecordConfig, record

CONTROLS = {
    "static": "every step a copy of the first pass: the step at which the state was first populated",
    "shuffled": "the same steps in random orders",
    "untrained": "the same network with fresh weights",
    "twin": "the feed-forward twin: as many parameters, no lateral or feedback transitions, trained in the same way",
}
NETWORKS = ("untrained", "twin")


def rerun(
    known: dict[str, Any],
    which: str,
    folder: Path,
    *,
    stimuli: str | None,
    measure: str | None,
    seed: int = 0,
) -> Path:
    """Show what a recording showed to the untrained network or to the twin; returns the path of the movie (``measure``) or of the recording.

    known: the configuration of the recording. stimuli: where its images are, if they are not where they were.
    Raises AnalysisError if the images are other images (by sha256), and if there is no such network.
    """
    from cortexsim.models.zoo import ZOO

    name, axis, images = str(known["model"]), known["time_axis"], known["stimuli"]
    instead = "leave the control out (e.g. --nulls static)"
    if name not in ZOO:
        raise AnalysisError(
            f"the recording is of {name!r}, which is no network of the zoo, so there is no {which} of it; {instead}"
        )
    if which == "twin":
        _check_twin(name, known["weights_sha256"], instead)
    size, presented = known["preprocessing"]["size"], known["presentation"]
    if size[0] != size[1]:
        raise AnalysisError(
            f"the recording is of images of {size[0]} x {size[1]} pixels, which a control cannot repeat; {instead}"
        )
    # The twin has the image on at every step; where the recording flashed it or masked it, so does the twin.
    config = RecordConfig(
        model=f"{name}-twin" if which == "twin" else name,
        stimuli=stimuli or images["name"],
        limit=images["count"] + len(images["skipped"]),
        out=str(folder / f"{which}.zarr"),
        steps=known["steps"],
        states=tuple(known["states"]),
        keep=known["keep"],
        dtype=known["dtype"],
        rdm=measure,
        onset_ms=axis["onset_ms"],
        step_ms=(axis["step_ms_low"], axis["step_ms"], axis["step_ms_high"]),
        presentation=repeated_settings(presented, axis["step_ms"]),
        round=presented.get("round_to_steps", False),
        mask_seed=presented.get("mask_seed", 0),
        size=size[0],
        untrained=which == "untrained",
        seed=seed if which == "untrained" else known["seed"],
        figure=False,
        skip_unreadable=bool(images["skipped"]),
    )
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            path = record(config)
    except CortexsimError as error:
        raise AnalysisError(
            f"the {which} network could not be shown the stimuli of the recording: {error}. Give --stimuli, or {instead}"
        ) from error
    _same_images(path, known, which)
    return path


def repeated_settings(presented: dict[str, Any], step_ms: float) -> str | None:
    """The presentation of a recording, for the command line; recordings of earlier versions have the steps of a flash."""
    if on := presented.get("on_steps"):
        return f"flash:{on * step_ms!r}"
    return (
        json.dumps({k: presented[k] for k in ("events", "mask")}) if "events" in presented else None
    )


def _check_twin(name: str, weights: str | None, instead: str) -> None:
    """AnalysisError if there is no twin, or none that was trained as the network of these weights was."""
    from cortexsim.models.weights import bundled, sha256

    try:
        bundled(f"{name}-twin")
    except CortexsimError as error:
        raise AnalysisError(
            f"there are no weights of the feed-forward twin of {name}: train them with 'python -m cortexsim.train --model {name}-twin' and "
            f"copy them beside the others, or {instead} ({error})"
        ) from None
    if weights != sha256(bundled(name)):
        raise AnalysisError(
            f"the recording is of other weights of {name} than the bundled ones, and a twin is a control only if it was trained in the same way: {instead}"
        )


def _same_images(path: Path, known: dict[str, Any], which: str) -> None:
    attributes = json.loads((path / "zarr.json").read_text())["attributes"]
    theirs = json.loads(attributes.get("recording") or attributes["configuration"])["stimuli"][
        "sha256"
    ]
    if theirs != known["stimuli"]["sha256"]:
        raise AnalysisError(
            f"the {which} network saw other images than the recording (sha256 {theirs[:12]}... instead of {known['stimuli']['sha256'][:12]}...); give "
            "the folder or file that was recorded with --stimuli"
        )


@contextlib.contextmanager
def scratch() -> Any:
    """A folder for what the controls record."""
    with tempfile.TemporaryDirectory(prefix="cortexsim-") as folder:
        yield Path(folder)
