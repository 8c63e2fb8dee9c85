"""Encoding alone and beside processes that keep the cores busy, in seconds on the clock.

    python tests/benchmarks/bench_busy.py [--others N] [--repeats 3] [--only ridge,pls]

Ridge: 600 stimuli x 4096 units x 300 targets; PLS: 200 x 4096 x 100. The other processes (by
default as many as there are cores) are begun and ended here; alone and busy take turns. Beside as
many processes as cores a fair share is half of a core each, so that what ran on all cores takes at
least twice as long; goal: at most 3 times. The least of the repeats, and all of them: other work on
the machine only adds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np

from cortexsim.analysis import Inference, Regression, encode

GOAL = 3.0
SIZES = {"ridge": (600, 4096, 300), "pls": (200, 4096, 100)}
# Ends by itself where the benchmark is gone.
COMPUTE = "import os\np = os.getppid()\nwhile os.getppid() == p:\n    sum(range(100000))"


@contextlib.contextmanager
def computing(count: int) -> Iterator[None]:
    """Other processes that compute for as long as the context lasts, each a session of its own.

    Sessions are what the kernel shares the cores out to: as those of other people are.
    """
    command = [sys.executable, "-c", COMPUTE]
    others = [subprocess.Popen(command, start_new_session=True) for _ in range(count)]
    try:
        time.sleep(1.0)  # until they compute
        yield
    finally:
        for process in others:
            process.kill()
            process.wait()


def seconds(method: str) -> tuple[float, np.ndarray]:
    """Of one call of ``encode``, and the correlations it gave."""
    n, d, targets = SIZES[method]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d), dtype=np.float32)
    y = x[:, :50] @ rng.standard_normal((50, targets)) + rng.standard_normal((n, targets))
    began = time.perf_counter()
    result = encode(x, y, regression=Regression(method=method), inference=Inference(resample=()))
    return time.perf_counter() - began, result.r.values


def main() -> None:
    """Take turns, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--others", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="ridge,pls")
    options = parser.parse_args()
    for method in options.only.split(","):
        _, first = seconds(method)  # imports, and what is compiled once
        alone, busy = [], []
        for _ in range(options.repeats):
            for times, others in ((alone, 0), (busy, options.others)):
                with computing(others):
                    spent, r = seconds(method)
                times.append(spent)
                if not np.array_equal(r, first):
                    print(f"    other numbers, by at most {np.abs(r - first).max():.1g}")
        size = " x ".join(map(str, SIZES[method]))
        every = ["/".join(f"{t:.2f}" for t in sorted(times)) for times in (alone, busy)]
        print(
            f"{method}, {size}: alone {min(alone):.2f} s, beside {options.others} processes "
            f"{min(busy):.2f} s: {min(busy) / min(alone):.1f}x [goal {GOAL:g}]  "
            f"(all: {every[0]}; {every[1]})",
            flush=True,
        )


if __name__ == "__main__":
    main()
