"""Work in pieces: on threads of this process, or on a cluster of dask (``Client``).

A cluster is an address: ``dask scheduler`` on one machine, ``dask worker tcp://...`` on others that
see the same folders and have cortexsim installed.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from cortexsim.errors import CortexsimError
from cortexsim.progress import bar as progress_bar

ANSWERS_S = 30.0  # for a scheduler, and for its first worker


def in_order(
    pool: Any, work: Callable[..., Any], items: Iterable[Any], *, ahead: int
) -> Iterator[Any]:
    """Results in the order of their items; after an error nothing new is begun.

    Parameters
    ----------
    pool : Executor
        Where the work is done.
    work : callable
        Of one item.
    items : iterable
        Taken when one can be begun.
    ahead : int
        How many are begun and not yet given out.

    Yields
    ------
    object
        What the work gives.
    """
    rest = iter(items)
    waiting = deque(pool.submit(work, item) for item in itertools.islice(rest, ahead))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(pool.submit(work, item) for item in itertools.islice(rest, 1))


def on_cluster(
    client: Any, work: Callable[..., Any], job: Any, items: Iterable[Any]
) -> Iterator[Any]:
    """Results of ``work(job, item)`` on a cluster, in the order of their items.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster.
    work : callable
        Of the job and one item; it reads what it needs itself.
    job : object
        What all items share; it is sent once.
    items : iterable
        So few are begun at a time that all workers have work, and results do not pile up.

    Yields
    ------
    object
        What the work gives.
    """
    if not callable(getattr(client, "nthreads", None)):
        raise CortexsimError(
            f"client is a {type(client).__name__}; a distributed.Client is needed, or None for "
            "threads of this process"
        )
    threads = sum(client.nthreads().values())
    if not threads:
        raise CortexsimError(
            f"the cluster at {client.scheduler.address} has no workers; start some with "
            f"'dask worker {client.scheduler.address}'"
        )
    shared = client.scatter([job], broadcast=True, hash=False)[0]
    with client.get_executor(pure=False) as pool:
        yield from in_order(
            _WithJob(pool, shared), work, items, ahead=threads + max(2, threads // 4)
        )


class _WithJob:
    """An executor whose work takes a job first."""

    def __init__(self, pool: Any, job: Any) -> None:
        self.pool, self.job = pool, job

    def submit(self, work: Callable[..., Any], item: Any) -> Any:
        """Begin it."""
        return self.pool.submit(work, self.job, item)


def computed(tasks: Sequence[Any], *, doing: str, unit: str, shown: bool) -> list[Any]:
    """The results of delayed tasks, on whatever scheduler dask has, with a bar.

    Parameters
    ----------
    tasks : sequence of dask.delayed
        In the order of their results.
    doing : str
        What the bar says.
    unit : str
        What is counted, in the plural.
    shown : bool
        Whether to show a bar.
    """
    import dask

    client = _current_client()
    with progress_bar(total=len(tasks), doing=doing, unit=unit, shown=shown) as bar:
        if client is not None:
            futures = client.compute(list(tasks))
            for future in futures:
                future.add_done_callback(lambda done: bar.update())
            return client.gather(futures)
        from dask.callbacks import Callback

        keys = {task.key for task in tasks}

        def after(key: Any, *rest: Any) -> None:
            if key in keys:
                bar.update()

        with Callback(posttask=after):
            return list(dask.compute(*tasks))


def _current_client() -> Any:
    """The client that dask computes with, if there is one."""
    if (distributed := sys.modules.get("distributed")) is None:
        return None
    try:
        return distributed.get_client()
    except ValueError:
        return None


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """A client of the scheduler at an address; None for no address.

    Parameters
    ----------
    address : str, optional
        ``tcp://host:8786``, as ``dask scheduler`` prints it.

    Raises
    ------
    CortexsimError
        If nobody answers there, it has no workers, or dask is not installed.
    """
    if address is None:
        yield None
        return
    try:
        import dask
        from distributed import Client
    except ImportError as cause:
        raise CortexsimError(
            f"`scheduler={address}` needs dask: pip install 'cortexsim[dask]'"
        ) from cause
    try:
        # Not as the default: one that nobody answers would stay dask's default.
        client = Client(address, timeout=ANSWERS_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as cause:
        raise CortexsimError(
            f"no dask scheduler answers at {address} ({cause or type(cause).__name__}); start one "
            "with 'dask scheduler', workers with 'dask worker ADDRESS', and give the address that "
            "it prints, e.g. tcp://node1:8786"
        ) from cause
    with client, client.as_current(), dask.config.set(scheduler=client.get):
        try:
            client.wait_for_workers(1, timeout=ANSWERS_S)
        except TimeoutError as cause:
            raise CortexsimError(
                f"the scheduler at {address} has no workers; start some with 'dask worker "
                f"{address}'"
            ) from cause
        yield client
