"""Suites: many networks trained side by side, each by the ordinary command in a process and folder
of its own.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cortexsim.errors import TrainingError
from cortexsim.training.control import stop_politely

POLL_SECONDS = 0.1

SUITES: dict[str, tuple[str, ...]] = {
    "paper": (
        "resnet1",
        "resnet1-unshared",
        "rnn2-t2",
        "rnn2-t3",
        "rnn2-t5",
        "rnn2",
        "rnn2-unshared",
        "resnet3",
        "resnet3-unshared",
        "tiny30",
        "tiny64",
        "rnn3-full",
        "rnn3-adjacent",
        "rnn3-adjacent-inhomogeneous",
        "rnn3-generalize",
        "cortex4-full",
        "cortex4-adjacent",
        "cortex4",
    ),
    "cortex4": ("cortex4", "cortex4-adjacent", "cortex4-full", "cortex4-twin"),
    "readout-time": ("rnn2-t2", "rnn2-t3", "rnn2-t5", "rnn2"),
}
"""The networks of each suite. ``paper``: those of Liao & Poggio 2016, Table and Figures 6-10 and
13, and ``cortex4``.
"""


def networks_of(suite: str) -> tuple[str, ...]:
    """The networks of a suite; TrainingError for one that there is not."""
    if suite not in SUITES:
        raise TrainingError(f"no suite is called {suite!r}; choose from {', '.join(SUITES)}")
    return SUITES[suite]


class Job:
    """The training of one network: its folder, its log and, while it runs, its process.

    Parameters
    ----------
    model : str
        The network.
    folder : Path
        Of its run.
    command : list of str
        What trains it there, as a process of its own.
    """

    def __init__(self, model: str, folder: Path, command: list[str]) -> None:
        self.model, self.folder, self.command = model, folder, command
        self.log = self.folder.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None
        self.status, self.said = "waiting", 0

    def start(self) -> None:
        """Start the process."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self.said = log.tell()  # before that are the words of earlier processes
            # A group of its own: ctrl-c reaches the suite, which asks its jobs to stop.
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, start_new_session=True
            )
        self.status = "running"

    def stop(self) -> None:
        """Ask the process to end after its step, with a checkpoint."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> bool:
        """Whether the process has ended; its status is kept."""
        assert self.process is not None
        if (code := self.process.poll()) is None:
            return False
        self.status = (
            "done" if code == 0 else f"failed: {self._last_line() or f'exit status {code}'}"
        )
        return True

    def _last_line(self) -> str:
        lines = (
            self.log.read_bytes()[self.said :]
            .decode(errors="replace")
            .replace("\r", "\n")
            .split("\n")
        )
        return next(
            (line for line in reversed(lines) if line.startswith("error: ")), ""
        ).removeprefix("error: ")

    def row(self) -> tuple[str, str, str, str, str]:
        """Network, parameters, test or held-out error, minutes, status."""
        card: dict[str, Any] = {}
        if self.status == "done":
            card = json.loads((self.folder / f"{self.model}.json").read_text())
        return (
            self.model,
            f"{card['parameters']:,}" if card else "",
            f"{card.get('test_error', card.get('held_out_error')):.2%}" if card else "",
            f"{card['seconds'] / 60:.1f}" if card else "",
            self.status,
        )


def table(jobs: list[Job]) -> str:
    """What is done: one line a network."""
    rows = [("network", "parameters", "error", "minutes", "status"), *(j.row() for j in jobs)]
    widths = [max(len(r[k]) for r in rows) for k in range(4)]
    return "\n".join(
        f"{r[0]:<{widths[0]}}  "
        + "  ".join(f"{r[k]:>{widths[k]}}" for k in (1, 2, 3))
        + f"  {r[4]}"
        for r in rows
    )


def train_suite(
    suite: str, jobs: list[Job], *, side_by_side: int, log: Callable[[str], None]
) -> int:
    """Train the networks of a suite, some of them at a time.

    Each has a folder and a log beside it; the same jobs continue those that are not done. The
    failure of one is reported and stops no other.

    Parameters
    ----------
    suite : str
        What messages call it.
    jobs : list of Job
        One a network.
    side_by_side : int
        How many run at a time.
    log : callable
        Takes a line of text now and then.

    Returns
    -------
    int
        The exit status: 0 if all are done, 1 if one failed.

    Raises
    ------
    TrainingError
        If a signal asked to stop.
    """
    stop = _Stop()
    with stop_politely(stop):
        _run(jobs, side_by_side, stop=stop, log=log)
    log(table(jobs))
    if stop.stop_asked:
        raise TrainingError(
            f"stopped by a signal; the same command continues all networks of {suite}"
        )
    failed = [j for j in jobs if j.status != "done"]
    if failed:
        log(
            f"{len(failed)} of {len(jobs)} networks failed: see "
            f"{', '.join(str(j.log) for j in failed)}"
        )
    return 1 if failed else 0


class _Stop:
    """Whether a signal asked to stop, and whether the running jobs were told."""

    stop_asked = False
    passed_on = False


def _run(jobs: list[Job], side_by_side: int, *, stop: _Stop, log: Callable[[str], None]) -> None:
    """Start what waits, ask after what runs."""
    waiting, running = list(jobs), list[Job]()
    while running or (waiting and not stop.stop_asked):
        while waiting and len(running) < side_by_side and not stop.stop_asked:
            running.append(waiting.pop(0))
            running[-1].start()
            log(f"{running[-1].model}: started, log in {running[-1].log}")
        for job in [j for j in running if j.ended()]:
            running.remove(job)
            log(f"{job.model}: {job.status}")
        if stop.stop_asked and not stop.passed_on:
            for job in running:
                job.stop()
            stop.passed_on = True
        time.sleep(POLL_SECONDS)
