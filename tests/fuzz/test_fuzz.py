"""A sample of ``make fuzz``, and whether what is judged there is judged rightly."""

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from judging import Case, judged
from valid import VALID, functions, parameters

from cortexsim.errors import AnalysisError

RUN = Path(__file__).with_name("run.py")


def fuzz(*words):
    command = [sys.executable, str(RUN), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=3000)


@pytest.mark.slow
def test_nothing_malformed_is_raw_or_accepted():
    done = fuzz("--cases", 200, "--seed", 1, "--jobs", 2)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "| all | 199 |" in done.stdout


def test_a_kind_that_there_is_not_is_said():
    done = fuzz("cals")
    assert done.returncode == 2
    assert "there is no kind 'cals'" in done.stderr


def refused():
    raise AnalysisError("no")


def raised():
    np.linalg.inv(np.zeros((2, 2)))


def silent():
    raise AnalysisError("")


@pytest.mark.parametrize(
    ("work", "outcome"),
    [
        (refused, "clear error"),
        (raised, "raw"),
        (silent, "raw"),
        (lambda: None.shape, "raw"),
        (lambda: 3, "result"),
    ],
)
def test_outcomes(work, outcome):
    assert judged(Case("it", "", work))[0] == outcome


def test_what_must_be_refused_and_is_not_is_nonsense():
    case = Case("it", "", lambda: 3, lambda result: f"{result} of nothing")
    assert judged(case) == ("nonsense", "3 of nothing")


def test_functions_are_those_of_the_package_and_their_sound_calls_name_their_parameters(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # sound files are made where the process is
    known = functions()
    assert len(known) > 120
    assert set(VALID) <= set(known)
    for name, make in VALID.items():
        if "." in name and name.split(".")[0][0].isupper():
            continue  # a method
        unknown = set(make()) - set(parameters(known[name]))
        signature = inspect.signature(known[name])
        assert not unknown, (name, signature)
