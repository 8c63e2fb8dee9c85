"""What torchrun says of the processes that it started."""

import pytest

from cortexsim.errors import CortexsimError
from cortexsim.processes import ALONE, Processes

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_without_torchrun_a_process_is_alone():
    here = Processes.of_environment()
    assert (here.rank, here.count, here.local) == (0, 1, 0)
    assert here.first
    assert not here.several
    assert ALONE.first


def test_torchrun_says_which_one_this_is(monkeypatch):
    for name, value in {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    here = Processes.of_environment()
    assert (here.rank, here.count, here.local) == (5, 8, 1)
    assert here.several
    assert not here.first


def test_another_run_of_torchrun_has_another_name(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a")
    first = Processes.of_environment()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "b")
    assert first.name != Processes.of_environment().name


@pytest.mark.parametrize(
    ("rank", "count", "message"),
    [("2", "2", "ranks go from 0 to 1"), ("x", "2", "no number"), ("-1", "2", "no number")],
)
def test_nonsense_in_the_environment_is_refused(monkeypatch, rank, count, message):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", count)
    with pytest.raises(CortexsimError, match=message):
        Processes.of_environment()
