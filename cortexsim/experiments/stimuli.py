"""The images and the presentation that a command line names."""

from __future__ import annotations

from pathlib import Path

from cortexsim import neural
from cortexsim.errors import RecordingError
from cortexsim.stimuli.forms import flash, read_presentation
from cortexsim.stimuli.images import Stimuli, load_stimuli
from cortexsim.stimuli.presentation import Presentation

IMAGES_OF = {"cichy92-fmri": "kriegeskorte92"}
"""Benchmarks without images -> the one that has the same ones."""


def stimuli_named(source: str, *, limit: int | None = None) -> Stimuli:
    """The first ``limit`` images of a source, which may be a neural benchmark.

    Those of a benchmark have the ids of its responses. A file or folder of the same name comes
    first. RecordingError if the benchmark comes without images.
    """
    if source not in neural.list() or Path(source).exists():
        return load_stimuli(source, limit=limit)
    brain = neural.load(source)
    if "image" not in brain:
        raise RecordingError(
            f"the benchmark {source} comes without its images, so they cannot be shown to a network"
            + (f"; they are those of {IMAGES_OF[source]}: give that" if source in IMAGES_OF else "")
        )
    count = len(brain.stimulus_id) if limit is None else limit
    if count < 1:
        raise RecordingError(f"a limit of {limit} images leaves nothing to show; give at least 1")
    ids, labels = (tuple(map(str, brain[c].values[:count])) for c in ("stimulus_id", "label"))
    return Stimuli(source, ids, labels, brain.image.values[:count])


def presentation_named(on_ms: float | None, text: str | None) -> Presentation | None:
    """What is on the screen when: a flash of so many ms, or a text; None as the network takes it.

    >>> presentation_named(50, None).events[0].duration_ms
    50
    """
    if on_ms is None:
        return None if text is None else read_presentation(text)
    if text is not None:
        raise RecordingError(
            f"--on-ms {on_ms:g} and --presentation {text} exclude each other; give one of them"
        )
    return flash(on_ms)
