"""The images of a recording as the network saw them, found again and checked by their sha256."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np

from cortexsim.cli import in_options
from cortexsim.errors import AnalysisError, CortexsimError
from cortexsim.experiments.explorer.opened import Opened
from cortexsim.experiments.stimuli import stimuli_named
from cortexsim.ids import align
from cortexsim.models.preprocessing import Preprocessing
from cortexsim.stimuli.images import Stimuli, check

BLOCK = 64  # images in a blob
SIDE = 64  # pixels of a picture, at most


class Pictures:
    """The images that are shown.

    Parameters
    ----------
    opened : Opened
        The recording that saw them.
    source : str, optional
        Where they are, if they are not where they were.

    Raises
    ------
    AnalysisError
        If ``source`` is given and holds other images than those that were recorded.
    """

    def __init__(self, opened: Opened, source: str | None = None) -> None:
        self.opened, self.missing = opened, ""
        self.stimuli: Stimuli | None = None
        try:
            self.stimuli = _found(opened.known["stimuli"], source)
        except CortexsimError as error:
            if source is not None:
                raise
            self.missing = f"the images were not found again: {in_options(str(error))}"

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """What made the input of the network, of at most ``SIDE`` pixels."""
        known = self.opened.known["preprocessing"]
        side = max(known["size"])
        size = [max(1, round(s * min(1.0, SIDE / side))) for s in known["size"]]
        return Preprocessing.from_dict({**known, "size": size})

    @cached_property
    def places(self) -> np.ndarray:
        """Where each image that is shown stands in the table."""
        assert self.stimuli is not None
        return align(self.stimuli.ids, self.opened.text("stimulus_id"))

    def block(self, number: int) -> bytes:
        """Some of them: uint8 ``(image, y, x, 3)``."""
        assert self.stimuli is not None
        places = self.places[number * BLOCK : (number + 1) * BLOCK]
        batch = [self.preprocessing.fit([self.stimuli.read(int(k))])[0] for k in places]
        pixels = np.stack([np.moveaxis(np.asarray(image, dtype=float), 0, -1) for image in batch])
        return np.clip(np.round(pixels), 0, 255).astype(np.uint8).tobytes()

    def blobs(self) -> dict[str, Callable[[], bytes]]:
        """All blocks by their keys; none where the images were not found."""
        blocks = range(-(-len(self.opened.index) // BLOCK)) if self.stimuli is not None else ()
        return {f"pictures/{k}": partial(self.block, k) for k in blocks}

    def described(self) -> dict[str, Any]:
        """What the page is told."""
        if self.stimuli is None:
            return {"missing": self.missing}
        height, width = self.preprocessing.size
        return {"height": int(height), "width": int(width), "block": BLOCK}


def _found(recorded: dict[str, Any], source: str | None) -> Stimuli:
    """The table of images that was recorded."""
    skipped = recorded["skipped"]
    try:
        table = stimuli_named(source or recorded["name"], limit=recorded["count"] + len(skipped))
        shown, sha256 = check(table, skip_unreadable=bool(skipped))
    except CortexsimError as error:
        raise AnalysisError(
            f"{str(error).splitlines()[0]}. Give the folder or file that was recorded with "
            "`stimuli`"
        ) from error
    if sha256 != recorded["sha256"]:
        raise AnalysisError(
            f"{source or recorded['name']} holds other images than were recorded (sha256 "
            f"{sha256[:12]}... instead of {recorded['sha256'][:12]}...). Give the folder or file "
            "that was recorded with `stimuli`"
        )
    return shown
