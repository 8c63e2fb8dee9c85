"""The fuzzer: malformed calls, files, cards, chunks, images and command lines, counted.

    python tests/fuzz/run.py [calls] [files] ... [--cases N] [--seed S] [--only K]

One module a kind, ``of_KIND``, each with ``case(seed, k, folder)``: case k of a seed is always the
same. Cases are done by child processes, which a crash or an endless loop ends; the exit status is
1 where something came out as it must not.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CASES = {
    "calls": 3200,
    "files": 500,
    "cards": 400,
    "chunks": 200,
    "images": 400,
    "commands": 500,
}
"""Each kind, and its cases of 5,200."""
SLOWEST = 120.0
"""Seconds of a case: what takes longer hangs. The first cases of a process import everything."""
RECYCLED = 400
"""Cases that a process does before a new one takes over."""


class Worker:
    """A child process; the next one begins where it ended."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.done = 0

    def ask(self, kind: str, seed: int, k: int) -> dict[str, str]:
        """The outcome of one case."""
        if self.process is None or self.done >= RECYCLED:
            self.end()
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
            environment["PYTHONPATH"] = os.pathsep.join(
                [str(HERE), str(ROOT), environment.get("PYTHONPATH", "")]
            )
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "worker.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                text=True,
            )
            self.done = 0
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{kind} {seed} {k}\n")
        process.stdin.flush()
        self.done += 1
        ready, _, _ = select.select([process.stdout], [], [], SLOWEST)
        line = process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        outcome = "hang"
        if ready:
            code = process.wait()
            outcome = "segfault" if code < 0 else "raw"
        self.end()
        return {
            "name": "",
            "text": "",
            "outcome": outcome,
            "detail": "" if not ready else f"{code}",
        }

    def end(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None


def all_of(
    wanted: list[tuple[str, int]], seed: int, jobs: int, *, watch: bool
) -> list[tuple[str, int, dict[str, str]]]:
    """The outcome of every case."""
    cases: queue.SimpleQueue = queue.SimpleQueue()
    for case in wanted:
        cases.put(case)
    outcomes: list[tuple[str, int, dict[str, str]]] = []
    began = time.monotonic()

    def work() -> None:
        worker = Worker()
        while True:
            try:
                kind, k = cases.get_nowait()
            except queue.Empty:
                break
            answer = worker.ask(kind, seed, k)
            outcomes.append((kind, k, answer))
            if watch and len(outcomes) % 250 == 0:
                seconds = time.monotonic() - began
                print(f"{seconds:4.0f} s  {len(outcomes):,} of {len(wanted):,}", file=sys.stderr)
        worker.end()

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def table(outcomes: list[tuple[str, int, dict[str, str]]]) -> str:
    """Markdown: a line a kind."""
    columns = ("result", "clear error", "raw", "nonsense", "hang", "segfault")
    counts: dict[str, Counter] = defaultdict(Counter)
    for kind, _, answer in outcomes:
        counts[kind][answer["outcome"]] += 1
        counts["all"][answer["outcome"]] += 1
    lines = ["| kind | cases | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for kind in (*(k for k in CASES if k in counts), "all"):
        numbers = [sum(counts[kind].values()), *(counts[kind][c] for c in columns)]
        lines.append(f"| {kind} | " + " | ".join(f"{n:,}" for n in numbers) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(CASES)}; default all")
    parser.add_argument("--cases", type=int, help=f"in all; default {sum(CASES.values()):,}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--only", type=int, help="only this case of a kind, to look at it")
    options = parser.parse_args()
    kinds = options.kinds or list(CASES)
    if unknown := sorted(set(kinds) - set(CASES)):
        parser.error(f"there is no kind {unknown[0]!r}; there are {', '.join(CASES)}")
    whole = sum(CASES[kind] for kind in kinds)
    share = 1.0 if options.cases is None else options.cases / whole
    wanted = [(kind, k) for kind in kinds for k in range(max(1, round(share * CASES[kind])))]
    if options.only is not None:
        wanted = [(kinds[0], options.only)]
    began = time.monotonic()
    outcomes = all_of(wanted, options.seed, options.jobs, watch=True)
    bad = [o for o in outcomes if o[2]["outcome"] not in ("result", "clear error")]
    for kind, k, answer in sorted(bad, key=lambda o: (o[0], o[2]["detail"])):
        print(f"{kind} {k}: {answer['outcome']}: {answer['name']}: {answer['text']}")
        print(f"    {answer['detail']}")
    print(table(outcomes))
    print(
        f"{len(outcomes):,} cases, {len(bad)} failures, {time.monotonic() - began:.0f} s, "
        f"seed {options.seed}"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
