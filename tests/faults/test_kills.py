"""A sample of ``make faults``: kills at random instants, then the same command again."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("of", ["table", "record"])
def test_nothing_is_lost_and_nothing_is_left(of):
    # In a process of its own: it forks, which one with threads must not.
    command = [Path(__file__).with_name("run.py"), "kills", "--rounds", "3", "--of", of]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rounds, failures = re.search(r"(\d+) rounds, (\d+) failures", done.stdout).groups()
    assert int(rounds) >= 3
    assert int(failures) == 0
