"""A training run as objects: the network, its images, the folder and the settings."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cortexsim.models.graph import Graph
from cortexsim.models.network import Network
from cortexsim.models.spec import Spec
from cortexsim.stimuli.image_set import ImageSet
from cortexsim.stimuli.imagenet import ImageTree
from cortexsim.training.config import Settings

Architecture = Spec | Graph | Network
CHECKPOINT = "checkpoint.pt"
"""The file of a run that was begun, in its folder."""


@dataclass(frozen=True)
class Words:
    """How a run was asked for: told in its files and messages, and never looked up again.

    Parameters
    ----------
    model : str
        What the network was called.
    data : str
        What the images were called.
    train_count : int, optional
        How many of the images of an .npz were said to be for training.
    out : str, optional
        What the folder was called; None for the default.
    suite : str, optional
        As the command had it.
    jobs : int
        As the command had it.
    name : str, optional
        What the weights were to be called, if not as the network.
    """

    model: str
    data: str
    train_count: int | None = None
    out: str | None = None
    suite: str | None = None
    jobs: int = 1
    name: str | None = None


@dataclass(frozen=True)
class Run:
    """One training run.

    Parameters
    ----------
    name : str
        Of the network: its weights are ``NAME.safetensors``.
    architecture : Spec, Graph or Network
        What is trained; a network keeps its weights and is copied.
    own : bool
        Whether it is the user's own, so that it is described beside the run, or of the zoo.
    images : callable
        Gives the images when they are needed: a run that is done needs none.
    folder : Path
        Of the run.
    settings : Settings
        How to train.
    words : Words
        How all this was asked for.
    """

    name: str
    architecture: Architecture
    own: bool
    images: Callable[[], ImageSet | ImageTree]
    folder: Path
    settings: Settings
    words: Words

    def __post_init__(self) -> None:
        # Options of a command are settings too, with words that must not be taken for those of
        # the run.
        object.__setattr__(self, "settings", Settings.of(self.settings))

    def as_json(self) -> dict[str, Any]:
        """What ``config.json`` holds: all that was asked for, the recipe written out."""
        how = dataclasses.asdict(self.settings.resolved())
        words = dataclasses.asdict(self.words)
        first = {k: words[k] for k in ("model", "data", "train_count")}
        where = {k: words[k] for k in ("out", "name")}
        last = {k: words[k] for k in ("suite", "jobs")}
        return json.loads(json.dumps({**first, "limit": how.pop("limit"), **where, **how, **last}))

    def continues(self, stored: dict[str, Any]) -> dict[str, Any]:
        """What a ``config.json`` says, with the defaults of settings that came after it."""
        ours = self.as_json()
        # A run of an earlier version lacks the settings that came later: it had what is now their
        # default.
        of_words = {f.name for f in dataclasses.fields(Words)}
        how = {k: v for k, v in stored.items() if k in ours and k not in of_words}
        words = {k: v for k, v in stored.items() if k in of_words}
        theirs = dataclasses.replace(
            self, settings=Settings(**how), words=dataclasses.replace(DEFAULT, **words)
        )
        return theirs.as_json()


DEFAULT = Words("cortex4", "cifar10")
