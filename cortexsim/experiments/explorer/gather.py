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
from cortexsim.experiments.explorer.readout import MOST, Readout
from cortexsim.experiments.explorer.settings import Settings
from cortexsim.experiments.explorer.similarity import similarity
from cortexsim.version import __version__


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
    blobs: dict[str, Callable[[], bytes]] = field(repr=False)

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
    blobs: dict[str, Callable[[], bytes]] = {}
    if pictures.stimuli is not None:
        step = pictures.described()["block"]
        for k in range(-(-count // step)):
            blobs[f"pictures/{k}"] = partial(pictures.block, k)
    described: list[dict[str, Any]] = []
    geometry: Geometry | None = None
    for r, recording in enumerate(recordings):
        movie = movies[r] if movies else None
        geometry = Geometry(recording, movie, measure=settings.measure, beside=geometry)
        activity = Activity(recording, settings.maps)
        for image in range(count):
            blobs[f"activity/{r}/{image}"] = partial(activity.blob, image)
        described.append(
            {
                **_described(r, recording, geometry, blobs),
                "maps": settings.maps,
                "states": activity.layout,
            }
        )
    index = {
        "version": __version__,
        "images": {
            "id": recordings[0].text("stimulus_id"),
            "label": recordings[0].text("label"),
            "recorded": int(recordings[0].tree[recordings[0].states[0]].sizes["stimulus"]),
            **pictures.described(),
        },
        "levels": LEVELS,
        "not_finite": NOT_FINITE,
        "recordings": described,
        "brain": None
        if neural is None
        else similarity(recordings, movies or [None] * len(paths), neural, settings),
    }
    return Contents(index, blobs)


def _described(
    number: int,
    opened: Opened,
    geometry: Geometry,
    blobs: dict[str, Callable[[], bytes]],
) -> dict[str, Any]:
    """What the page is told of a recording; the blobs of its readout and RDMs are added."""
    known = opened.known
    readout = None
    if "readout" in opened.tree.children and opened.populated("readout").any():
        answers = Readout(opened)
        readout = answers.described()
        for k in range(-(-len(opened.index) // readout["block"])):
            blobs[f"logits/{number}/{k}"] = partial(answers.block, k)
    about = geometry.described()
    for state in about["states"]:
        if geometry.opened.populated(state).any():
            blobs[f"rdm/{number}/{state}"] = partial(geometry.rdm_blob, state)
            blobs[f"mds/{number}/{state}"] = partial(geometry.mds_blob, state)
    return {
        "name": opened.path.name,
        "model": str(known["model"]),
        "lesions": _lesions(known),
        "keep": known["keep"],
        "notes": known.get("notes", []),
        "weights": known.get("weights_sha256"),
        "on_screen": known["presentation"].get("on_screen", []),
        "times": opened.times(),
        "readout": readout,
        "geometry": about,
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
