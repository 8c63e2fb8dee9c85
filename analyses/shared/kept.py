"""Finished runs that stay with the repository: all that the figures read of them, without weights.

Training takes core-hours and weights of nets that are not shared over time are large. A kept run
is a folder of ``data/memo/`` with the run's model card, one line an epoch, what determined it, the
command that trains it again, and the class that it answered for every test image at the readout
times that figures ask for. It is read where its name, a hash of all that determines a run, is
asked for and no trained run is there.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cortexsim.files import atomic_write
from shared.answers import ANSWERED, answer_name, answered_at, trained_time

if TYPE_CHECKING:
    from shared.runs import Runs, Trained

KEPT = Path(__file__).resolve().parents[2] / "data" / "memo"
BESIDE = ("metrics.jsonl", "determined_by.json", "command.txt")


def keep(
    trained: Trained,
    runs: Runs,
    *,
    times: Mapping[str, Sequence[int]],
    groups: np.ndarray | None = None,
) -> Path:
    """Write a finished run to ``data/memo/``.

    times: at which readout times its answers are kept, by part ("train", "test"), besides the
    trained time, which always is. groups: also the superclasses answered for test images.
    """
    source, folder = trained.weights.parent, KEPT / trained.weights.parent.name
    card = trained.weights.with_suffix(".json").name
    answers = _of_other_figures(folder / card, source / card)
    for part in ("train", "test"):
        wanted = sorted({trained_time(trained), *times.get(part, ())})
        for of in (None, groups) if part == "test" and groups is not None else (None,):
            given, _ = answered_at(trained, runs, part, times=wanted, groups=of)
            answers |= {answer_name(part, t, of): v.astype(np.uint8) for t, v in given.items()}
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **answers)
    atomic_write(folder / ANSWERED, buffer.getvalue())
    for name in BESIDE:
        shutil.copyfile(source / name, folder / name)
    # The card comes last: a folder without it is no kept run.
    atomic_write(folder / card, (source / card).read_bytes())
    return folder


def _of_other_figures(kept: Path, card: Path) -> dict[str, np.ndarray]:
    """The answers that were kept of the same weights before, for other figures."""
    if not kept.is_file() or kept.read_bytes() != card.read_bytes():
        return {}
    with np.load(kept.with_name(ANSWERED)) as file:
        return dict(file)
