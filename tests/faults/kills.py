"""SIGKILL at random instants, then the same command again: nothing is lost, nothing is left.

``record`` continues with ``--resume`` and keeps what was committed, ``train`` from its checkpoint,
the others begin again. In the end there is what an undisturbed run writes, and no temporary.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from children import begun, warm
from disks import Trial, whole_of
from doing import commands, prepared
from table import Row

GOOD = ("made good", "it was whole already", "it had ended before")
BAD = ("lost", "leftovers", "not made good", "raw error", "hang")


def rows(rounds: int = 20, seed: int = 0, *, of: str = "") -> Iterator[Row]:
    """Each command killed so many times, at instants spread evenly over the time that it takes.

    of: only commands with this text in their name.
    """
    rng = np.random.default_rng(seed)
    torch.set_num_threads(1)  # a child of a fork has no threads of its parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        doing = {k: v for k, v in commands(prepared(folder)).items() if of in k}
        warm(doing, folder)
        for n, (command, work) in enumerate(doing.items()):
            began = time.monotonic()
            whole = whole_of(work, folder / f"whole-{n}", command)
            longest = time.monotonic() - began
            row = Row("kill", command, GOOD, BAD)
            for k in range(rounds):
                with tempfile.TemporaryDirectory() as where:
                    trial = Trial(command, work, Path(where), whole)
                    outcome, why = _killed(trial, longest * (k + rng.random()) / rounds)
                row.add(outcome, f"round {k}: {why}")
            yield row


def _killed(trial: Trial, after: float) -> tuple[str, str]:
    """Kill it so many seconds after it began, and run it again."""
    for name in ("scratch", "disk"):
        (trial.where / name).mkdir()
    out = trial.where / "disk" / "out"
    child = begun(trial.in_scratch(), str(out), trial.where / "said")
    time.sleep(after)
    done, _ = os.waitpid(child, os.WNOHANG)
    if not done:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    why = f"killed after {after:.3f} s"
    before = _committed(out)
    marker = trial.where / "again"
    marker.touch()  # the clock of the files
    status, said = trial.once(out, None)
    if status is None:
        return "hang", why
    if "raw:" in said or "Traceback" in said or status not in (0, 1):
        return "raw error", f"{why}; {said}"
    if status == 1 and "exists" not in said:
        return "not made good", f"{why}; {said}"
    if left := trial.left():
        return "leftovers", f"{why}; {left}; {said}"
    if problem := trial.problem(out):
        return "not made good", f"{why}; {problem}; {said}"
    if lost := _lost(out, before, marker.stat().st_mtime):
        return "lost", f"{why}; {lost}; {said}"
    return GOOD[2 if done else 1 if status == 1 else 0], why


def _lost(out: Path, before: int, began: float) -> str:
    """Whether what had been committed was recorded again, by the time of its first chunk."""
    store = out.with_name(out.name + ".zarr")
    first = next(iter(sorted(store.glob("*/activation/c.0.*"))), None)
    if before and first is not None and first.stat().st_mtime > began:
        return f"{before} stimuli were committed, and were recorded again"
    return ""


def _committed(out: Path) -> int:
    """How many stimuli a killed recording holds."""
    root = out.with_name(out.name + ".zarr") / "zarr.json"
    if not root.is_file():
        return 0
    return int(json.loads(root.read_text())["attributes"].get("stimuli_committed", 0))
