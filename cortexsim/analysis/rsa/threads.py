"""One thread a core for work on rows; what is computed does not depend on how many there are."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def cores() -> int:
    """Cores that this process may use: its affinity, at most OMP_NUM_THREADS where that is set."""
    available = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(available, int(asked))) if asked.isdigit() else available


def over_rows(work: Callable[[slice], Any], rows: int, chunk: int) -> list[Any]:
    """``work`` on slices of at most ``chunk`` rows, as many at a time as there are cores; the results in order."""
    chunk = max(1, min(chunk, -(-rows // (4 * cores()))))
    slices = [slice(start, min(start + chunk, rows)) for start in range(0, rows, chunk)]
    workers = min(cores(), len(slices))
    if workers <= 1:
        return [work(s) for s in slices]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, slices))


@functools.cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def one_blas_thread() -> Any:
    """A context in which matrix products stay on the thread that asks for them: for work that is already one thread a core."""
    return _blas().limit(limits=1)
