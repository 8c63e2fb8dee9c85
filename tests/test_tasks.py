"""Work in pieces: on threads, on a cluster of dask."""

import io
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import dask
import pytest
from clusters import cluster

from cortexsim.errors import AnalysisError, CortexsimError
from cortexsim.tasks import computed, connected, in_order, on_cluster


def test_results_come_in_order_and_no_more_is_begun_than_was_asked_for():
    begun, lock = [], threading.Lock()

    def work(item):
        with lock:
            begun.append(item)
        return item * item

    with ThreadPoolExecutor(4) as pool:
        results = in_order(pool, work, iter(range(20)), ahead=3)
        assert next(results) == 0
        assert max(begun) <= 3
        assert list(results) == [i * i for i in range(1, 20)]


def test_after_an_error_nothing_new_is_begun():
    begun = []

    def work(item):
        begun.append(item)
        if item == 2:
            raise AnalysisError("item 2 is none")
        return item

    with ThreadPoolExecutor(1) as pool, pytest.raises(AnalysisError, match="item 2"):
        list(in_order(pool, work, range(100), ahead=2))
    assert len(begun) <= 5


def scaled(job, item):
    if item == job["refused"]:
        raise AnalysisError(f"{item} is refused")
    return job["by"] * item


def test_a_cluster_gives_results_in_order_and_errors_as_they_are():
    with cluster(2) as client:
        assert list(on_cluster(client, scaled, {"by": 3, "refused": -1}, range(30))) == [
            3 * i for i in range(30)
        ]
        with pytest.raises(AnalysisError, match=r"^7 is refused$"):
            list(on_cluster(client, scaled, {"by": 3, "refused": 7}, range(30)))
        with connected(client.scheduler.address) as other:
            assert list(on_cluster(other, scaled, {"by": 2, "refused": -1}, [4])) == [8]


@pytest.mark.parametrize("with_client", [False, True], ids=["threads", "cluster"])
def test_delayed_tasks_are_computed_in_order_with_a_bar(monkeypatch, with_client):
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    tasks = [dask.delayed(pow)(i, 2) for i in range(5)]
    if with_client:
        with cluster() as client:
            assert computed(tasks, doing="squaring", unit="numbers", shown=True) == [0, 1, 4, 9, 16]
            assert client.status == "running"
    else:
        assert computed(tasks, doing="squaring", unit="numbers", shown=True) == [0, 1, 4, 9, 16]
    assert "squaring" in written.getvalue()


def test_an_address_at_which_nobody_answers_is_one_clear_error(monkeypatch):
    monkeypatch.setattr("cortexsim.tasks.ANSWERS_S", 0.5)
    for address in ("tcp://127.0.0.1:9", "127.0.0.1:9", "nonsense://x", "tcp://"):
        with (
            pytest.raises(CortexsimError, match="no dask scheduler answers at"),
            connected(address),
        ):
            pytest.fail("there is none")
        # What is computed later in this process does not ask there.
        assert dask.delayed(abs)(-1).compute() == 1


def test_no_address_is_no_client():
    with connected(None) as client:
        assert client is None
