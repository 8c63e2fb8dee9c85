"""A sample of ``make faults``: two commands that begin together, and a reader beside a writer."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("of", ["record and record", "rdm and rdm", "package and", "reader"])
def test_one_runs_and_the_other_says_who_holds_it(of):
    # In a process of its own: it forks, which one with threads must not.
    command = [Path(__file__).with_name("run.py"), "races", "--rounds", "2", "--of", of]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rounds, failures = re.search(r"(\d+) rounds, (\d+) failures", done.stdout).groups()
    assert int(rounds) >= 2  # of every pair with this in its name
    assert int(failures) == 0
