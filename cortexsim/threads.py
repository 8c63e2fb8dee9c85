"""Threads: one a core for work on rows, and no more pools or threads than there are free cores.

What is computed does not depend on how many there are.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

LISTENS_S = 0.02  # how long is measured; the kernel hands out cores for a few ms at a time
FORGETS_S = 2.0  # after which it is measured again
BLOCK = bytes(1 << 16)  # hashed without the interpreter's lock
_latest = {"at": -FORGETS_S, "cores": 0.0}


def cores() -> int:
    """Cores that this process may use: its affinity, at most OMP_NUM_THREADS where that is set."""
    available = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(available, int(asked))) if asked.isdigit() else available


def over_rows(work: Callable[[slice], Any], rows: int, chunk: int) -> list[Any]:
    """``work`` on slices of at most ``chunk`` rows, one a core at a time; the results in order."""
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
    """A context in which matrix products stay on the thread that asks for them.

    For work that is already one thread a core.
    """
    return _blas().limit(limits=1)


def free_cores() -> int:
    """Cores that other processes leave to this one, at least 1.

    Measured: as many threads as it may use compute for 20 ms, and what they get of the cores is
    added up. It is remembered for 2 seconds. So it knows of other processes, of quotas, and of
    other containers alike.
    """
    if cores() == 1:
        return 1
    now = time.monotonic()
    if now - _latest["at"] >= FORGETS_S:
        _latest["cores"] = _share_of_cores(cores(), LISTENS_S)
        _latest["at"] = time.monotonic()
    # What the measurement itself takes is a few per cent.
    return max(1, min(cores(), int(1.04 * _latest["cores"] + 0.2)))


def _share_of_cores(threads: int, seconds: float) -> float:
    """How many cores threads get that compute for so long, all from the same moment on."""
    begun: list[float] = []
    start = threading.Barrier(threads, action=lambda: begun.append(time.perf_counter()))

    def compute(_: int) -> float:
        digest = hashlib.blake2b()
        start.wait()
        before = time.thread_time()
        while time.perf_counter() < begun[0] + seconds:
            digest.update(BLOCK)
        return time.thread_time() - before

    with ThreadPoolExecutor(threads) as pool:
        spent = sum(pool.map(compute, range(threads)))
    return spent / (time.perf_counter() - begun[0])


class _Limits:
    """The limits that are in force: set by who comes first, taken back by who leaves last.

    Threads may fit at the same time, and each must find the pools afterwards as they were before.
    """

    def __init__(self) -> None:
        self.lock, self.users, self.taken = threading.Lock(), 0, contextlib.ExitStack()

    def enter(self, threads: int | None) -> None:
        """Limit the pools to so many threads, None: not at all."""
        with self.lock:
            self.users += 1
            if self.users > 1 or threads is None:
                return
            self.taken.enter_context(
                _blas().limit(limits=min(threads, *(p["num_threads"] for p in _blas().info())))
            )
            if torch := sys.modules.get("torch"):
                self.taken.callback(torch.set_num_threads, torch.get_num_threads())
                torch.set_num_threads(min(threads, torch.get_num_threads()))

    def leave(self) -> None:
        """The last one gives back what was limited."""
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self.taken.close()


_limits = _Limits()


@contextlib.contextmanager
def free_threads() -> Iterator[int]:
    """As many threads of torch and BLAS as there are free cores: a context, or a decorator.

    The threads of a pool wait for one another at the end of every small step of a decomposition,
    by turning round. With more of them than cores each step takes as long as the others compute,
    and 1 thread is many times faster than 2. Never more threads than were set before.
    """
    free = free_cores()
    _limits.enter(None if free == cores() else free)
    try:
        yield free
    finally:
        _limits.leave()
