"""An architecture of the user's own, written beside its run, so that it continues as it began."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cortexsim.bare import WRAP, is_bare
from cortexsim.errors import TrainingError
from cortexsim.files import atomic_write, parsed_json
from cortexsim.models.foreign.wrap import weights_sha256
from cortexsim.models.graph import Graph
from cortexsim.models.network import Network
from cortexsim.models.own import spec_of
from cortexsim.models.spec import Spec
from cortexsim.training.run import Architecture, Run

FILE = "architecture.json"


def trainable(made: Any, name: str) -> Architecture:
    """TrainingError for what is no architecture of ours."""
    if not isinstance(made, Spec | Graph | Network):
        what = (
            f"is of type {type(made).__name__}"
            if made is not None
            else "is somebody else's network"
        )
        raise TrainingError(
            f"{name} {what}, which cannot be trained here; give a Graph, a Spec or a Network of "
            "cortexsim, or the name of a network of the zoo"
            + (f"; a torch module that you train yourself is recorded as {WRAP}" * is_bare(made))
        )
    return made


def describe(run: Run) -> dict[str, Any] | None:
    """What is trained, as JSON; of a network also its first weights. None for one of the zoo."""
    if not run.own:
        return None
    architecture, weights, source = run.architecture, None, {}
    if isinstance(architecture, Network):
        spec, weights = architecture.spec, weights_sha256(architecture)
        if architecture.source:  # of a pre-net of the user's own, say
            source = {"source": architecture.source}
    else:
        spec = spec_of(architecture) if isinstance(architecture, Graph) else architecture
    described = {"network": spec.as_dict(), "weights_sha256": weights, **source}
    return json.loads(json.dumps(described))


def check_architecture(folder: Path, described: dict[str, Any] | None) -> None:
    """TrainingError for a folder that holds the run of another network."""
    path = folder / FILE
    begun = (folder / "config.json").is_file()
    damaged = f"{path} is damaged: it"
    theirs = (
        parsed_json(path.read_bytes(), damaged, error=TrainingError) if path.is_file() else None
    )
    if begun and theirs != described:
        raise TrainingError(
            f"{folder} holds the run of another network (see {path.name}); give the same network "
            "to continue it, or another `out`"
        )


def claim_architecture(folder: Path, described: dict[str, Any] | None) -> None:
    """Write the architecture into a folder in which no run has begun."""
    if described is not None and not (folder / "config.json").is_file():
        atomic_write(folder / FILE, (json.dumps(described, indent=1) + "\n").encode())
