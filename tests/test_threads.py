"""How many threads: no more than there are free cores, never more than were set, and back again."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from cortexsim import threads
from cortexsim.analysis import (
    CrossValidation,
    Inference,
    Regression,
    cka,
    decode,
    encode,
    partition,
    rdms,
)
from cortexsim.plotting import mds


@pytest.fixture
def machine(monkeypatch):
    """A machine of a number of cores, of which threads get so many."""

    def of(all_cores, share):
        monkeypatch.setattr(threads, "cores", lambda: all_cores)
        monkeypatch.setattr(threads, "_share_of_cores", lambda *_: share)
        monkeypatch.setitem(threads._latest, "at", -np.inf)

    return of


def blas_threads():
    return {p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"}


@pytest.fixture
def three_threads():
    """What a person has set, whatever the machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    with threads._blas().limit(limits=3):
        yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("all_cores", "share", "free"),
    [
        (2, 1.98, 2),  # what the kernel itself takes is nothing
        (2, 1.7, 1),
        (2, 0.2, 1),
        (16, 15.8, 16),
        (16, 12.9, 13),
        (16, 17.0, 16),
        (4, 4.2, 4),
    ],
)
def test_free_cores_are_what_threads_get_of_them(all_cores, share, free, machine):
    machine(all_cores, share)
    assert threads.free_cores() == free


def test_of_one_core_nothing_is_measured(machine, monkeypatch):
    machine(1, 1.0)
    monkeypatch.setattr(threads, "_share_of_cores", lambda *_: pytest.fail("measured"))
    assert threads.free_cores() == 1


def test_what_was_measured_is_kept_for_a_while(machine, monkeypatch):
    machine(8, 3.0)
    assert threads.free_cores() == 3
    monkeypatch.setattr(threads, "_share_of_cores", lambda *_: 8.0)
    assert threads.free_cores() == 3
    monkeypatch.setattr(threads, "FORGETS_S", 0.0)
    assert threads.free_cores() == 8


def test_no_thread_gets_more_than_a_core():
    share = threads._share_of_cores(2, 0.02)
    assert 0 < share < 2.1


def test_pools_are_as_large_as_there_are_free_cores_and_then_as_before(machine, three_threads):
    machine(4, 2.1)
    with threads.free_threads() as free:
        assert free == torch.get_num_threads() == 2
        assert blas_threads() == {2}
    assert torch.get_num_threads() == 3
    assert blas_threads() == {3}


def test_after_an_error_too(machine, three_threads):
    machine(4, 1.0)

    @threads.free_threads()
    def fails():
        assert torch.get_num_threads() == 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert torch.get_num_threads() == 3
    assert blas_threads() == {3}


def test_never_more_than_were_set(machine, three_threads):
    machine(16, 12.0)
    with threads.free_threads():
        assert torch.get_num_threads() == 3
        assert blas_threads() == {3}


def test_the_last_to_leave_gives_back_what_the_first_took(machine, three_threads):
    machine(4, 1.0)
    first, second = threads.free_threads(), threads.free_threads()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert torch.get_num_threads() == 1
    assert blas_threads() == {1}
    second.__exit__(None, None, None)
    assert torch.get_num_threads() == 3
    assert blas_threads() == {3}


def test_where_nothing_is_taken_nothing_is_set(machine, three_threads):
    machine(2, 2.0)
    with threads.free_threads():
        assert torch.get_num_threads() == 3
        assert blas_threads() == {3}


RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 80)), RNG.normal(size=(60, 12))
NONE = Inference(resample=(), permutations=0)
WORK = {
    "ridge": lambda: encode(X, Y, inference=NONE).r,
    "pls": lambda: encode(X, Y, regression=Regression(method="pls", components=3)).r,
    "reduced-rank": lambda: encode(X, Y, regression=Regression(method="reduced-rank")).r,
    "partition": lambda: partition(X, X[::-1].copy(), Y, inference=NONE).r2_both,
    "rdms": lambda: rdms(X, "mahalanobis", noise=np.eye(80) + 0.1),
    "cka": lambda: cka(X, Y),
    "mds": lambda: mds(rdms(X)).positions,
    "decode": lambda: decode(X, np.arange(60) % 3, cv=CrossValidation(folds=3)).accuracy,
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", WORK)
def test_fits_use_free_cores_only_and_give_the_same_numbers(name, machine, monkeypatch):
    machine(2, 2.0)
    expected = np.asarray(WORK[name]())
    machine(2, 0.7)
    seen = []
    limit = torch.set_num_threads
    monkeypatch.setattr(torch, "set_num_threads", lambda n: (seen.append(n), limit(n)))
    np.testing.assert_allclose(np.asarray(WORK[name]()), expected, rtol=1e-9, atol=1e-12)
    assert seen[0] == 1
