"""All that a page shows: what it is told at once, and the blobs that it reads when needed."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cortexsim.errors import AnalysisError
from cortexsim.experiments.explorer.activity import LEVELS, NOT_FINITE, Activity
from cortexsim.experiments.explorer.geometry import Geometry
from cortexsim.experiments.explorer.opened import Opened, opened
from cortexsim.experiments.explorer.pictures import Pictures
from cortexsim.experiments.explorer.readout import BLOCK, MOST, Readout
from cortexsim.experiments.explorer.settings import Settings
from cortexsim.experiments.explorer.similarity import similarity
from cortexsim.version import __version__

Blobs = dict[str, Callable[[], bytes]]


@dataclass(frozen=True)
class Contents:
    """What a page shows.

    Parameters
    ----------
    index : dict
        What the page is told at once, as JSON.
    blobs : dict of str to callable
        Key -> the bytes, made when they are asked for. Keys: ``activity/R/I`` of recording R and
        image I, ``logits/R/B`` and ``pictures/B`` of a block of images, ``rdm/R/STATE`` and
        ``mds/R/STATE``.
    """

    index: dict[str, Any]
    blobs: Blobs = field(repr=False)

    def packed(self, key: str) -> bytes:
        """One blob, compressed.

        Parameters
        ----------
        key : str
            One of ``blobs``.
        """
        return gzip.compress(self.blobs[key](), 9, mtime=0)


def gather(
    paths: Sequence[str],
    settings: Settings,
    *,
    movies: Sequence[str] = (),
    neural: str | None = None,
    before: Callable[[Contents], object] = lambda contents: None,
) -> Contents:
    """All that a page of recordings shows; what is large is read when it is asked for.

    Parameters
    ----------
    paths : sequence of str
        One recording, or two that are looked at side by side.
    settings : Settings
        What of them is shown.
    movies : sequence of str
        Their RDM movies, one each, or none.
    neural : str, optional
        A brain to compare with: a benchmark, or a file.
    before : callable
        Is given all but the similarity to the brain, before that is computed.

    Raises
    ------
    AnalysisError, RecordingError
        For more than two recordings, for movies that do not belong to them, and for what cannot
        be opened or compared.
    """
    if not 1 <= len(paths) <= 2:
        raise AnalysisError(f"{len(paths)} recordings; give one, or two to see them side by side")
    if movies and len(movies) != len(paths):
        raise AnalysisError(
            f"{len(movies)} RDM movies for {len(paths)} recordings; give one for each, in the same "
            "order, or none, and the RDMs are made"
        )
    recordings = opened(paths, settings)
    count = len(recordings[0].index)
    if count > MOST:
        raise AnalysisError(
            f"{count:,} images; at most {MOST:,} are listed: give `limit={MOST}` or fewer"
        )
    pictures = Pictures(recordings[0], settings.stimuli)
    blobs: Blobs = pictures.blobs()
    sides: list[Side] = []
    theirs: Sequence[str | None] = movies or [None] * len(paths)
    for recording, movie in zip(recordings, theirs, strict=True):
        sides.append(side(recording, movie, settings, beside=sides[-1] if sides else None))
        blobs |= sides[-1].blobs(len(sides) - 1)
    index: dict[str, Any] = {
        "version": __version__,
        "images": {
            "id": recordings[0].text("stimulus_id"),
            "label": recordings[0].text("label"),
            "recorded": int(recordings[0].tree[recordings[0].states[0]].sizes["stimulus"]),
            **pictures.described(),
        },
        "levels": LEVELS,
        "not_finite": NOT_FINITE,
        "recordings": [{"maps": settings.maps, **side.described()} for side in sides],
        "brain": None,
    }
    before(Contents(index, blobs))
    if neural is not None:
        index["brain"] = similarity(recordings, theirs, neural, settings)
    return Contents(index, blobs)


@dataclass(frozen=True)
class Side:
    """What is shown of one recording.

    Parameters
    ----------
    opened : Opened
        The recording.
    activity : Activity
        Of its states.
    answers : Readout, optional
        Of its readout, if that is populated at a step that is shown.
    geometry : Geometry
        Its RDMs.
    """

    opened: Opened
    activity: Activity
    answers: Readout | None
    geometry: Geometry

    def blobs(self, number: int) -> Blobs:
        """All of them, by their keys; ``number`` is that of the recording."""
        blobs: Blobs = {}
        if self.answers is not None:
            for k in range(-(-len(self.opened.index) // BLOCK)):
                blobs[f"logits/{number}/{k}"] = partial(self.answers.block, k)
        for state in self.geometry.described()["states"]:
            if self.opened.populated(state).any():
                blobs[f"rdm/{number}/{state}"] = partial(self.geometry.rdm_blob, state)
                blobs[f"mds/{number}/{state}"] = partial(self.geometry.mds_blob, state)
        for image in range(len(self.opened.index)):
            blobs[f"activity/{number}/{image}"] = partial(self.activity.blob, image)
        return blobs

    def described(self) -> dict[str, Any]:
        """What the page is told."""
        return {
            **_described(self.opened),
            "states": self.activity.layout,
            "readout": None if self.answers is None else self.answers.described(),
            "geometry": self.geometry.described(),
        }


def side(
    opened: Opened, movie: str | None, settings: Settings, *, beside: Side | None = None
) -> Side:
    """What is shown of one recording.

    Parameters
    ----------
    opened : Opened
        The recording.
    movie : path, optional
        Its RDM movie.
    settings : Settings
        What is shown.
    beside : Side, optional
        The recording beside which it stands.
    """
    answers = None
    if "readout" in opened.tree.children and opened.populated("readout").any():
        answers = Readout(opened, None if beside is None else beside.answers)
    geometry = Geometry(
        opened, movie, measure=settings.measure, beside=None if beside is None else beside.geometry
    )
    return Side(opened, Activity(opened, settings.maps), answers, geometry)


def _described(opened: Opened) -> dict[str, Any]:
    """What the page is told of a recording."""
    known = opened.known
    return {
        "name": opened.path.name,
        "model": str(known["model"]),
        "lesions": _lesions(known),
        "keep": known["keep"],
        "notes": known.get("notes", []),
        "weights": known.get("weights_sha256"),
        "on_screen": known["presentation"].get("on_screen", []),
        "image_onset_ms": known["presentation"].get("image_onset_ms", 0),
        "times": opened.times(),
    }


def _lesions(known: dict[str, Any]) -> list[str]:
    """The transitions that were blocked, with the departure steps where it was at some only."""
    transitions = known["network"].get("graph", {}).get("transitions", [])
    lesions = []
    for transition in transitions:
        name = f"{transition['source']}->{transition['target']}"
        for first, last in transition.get("blocked", ()):
            always = first == 1 and last >= known["steps"]
            lesions.append(name if always else f"{name}@{first}-{last}")
    return lesions
