"""Batches made side by side, one a core, and handed on in order."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch

Key = tuple[str, str]
"""Group and name of a variable."""

Batch = dict[Key, np.ndarray]
"""Of each variable ``(populated step, stimulus, ...)``."""


@runtime_checkable
class Sink(Protocol):
    """Who takes the batches of a run where they are made, on the core that made them."""

    def place(self, start: int, count: int) -> dict[str, np.ndarray]:
        """Of each state, the array ``(populated step, stimulus, ...)`` to which a batch is to be
        written.
        """

    def add(self, start: int, batch: Batch) -> None:
        """A batch that is whole."""

    def fail(self) -> None:
        """A batch that will never come."""


@dataclass(frozen=True)
class Workers:
    """How many batches are made at a time, and with how many threads each.

    Parameters
    ----------
    count : int
        Batches at a time.
    threads : int
        Of torch, in each of them.
    """

    count: int
    threads: int

    @classmethod
    def of(cls, device: torch.device, *, alone: bool) -> Workers:
        """One batch a core, or all cores on one batch.

        Parameters
        ----------
        device : torch.device
            Where the network is.
        alone : bool
            Whether only one thread may run the network.
        """
        threads = torch.get_num_threads()
        if alone:
            return cls(1, threads)
        return cls(threads if device.type == "cpu" else 2, 1)

    def in_order(
        self,
        make: Callable[[int, int], Batch],
        batches: Iterable[tuple[int, int]],
        *,
        sink: Sink | None = None,
    ) -> Iterator[tuple[int, Batch]]:
        """The batches, in the order of their stimuli.

        Parameters
        ----------
        make : callable
            Of the first stimulus and that behind the last: the batch.
        batches : iterable of (int, int)
            The first stimulus of each batch, and that behind its last; asked for when it is begun.
        sink : Sink, optional
            Takes each batch on the core that made it.

        Yields
        ------
        int, Batch
            The number of the first stimulus, and the batch.
        """
        threads = torch.get_num_threads()

        def whole(start: int, stop: int) -> tuple[int, Batch]:
            try:
                batch = make(start, stop)
                if sink is not None:
                    sink.add(start, batch)
            except BaseException:
                if sink is not None:
                    sink.fail()
                raise
            return start, batch

        pool = ThreadPoolExecutor(
            self.count, initializer=torch.set_num_threads, initargs=(self.threads,)
        )
        coming = iter(batches)
        try:
            waiting = deque(
                pool.submit(whole, *b) for b in itertools.islice(coming, self.count + 1)
            )
            while waiting:
                made = waiting.popleft().result()
                waiting.extend(pool.submit(whole, *b) for b in itertools.islice(coming, 1))
                yield made
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)
