"""A sample of ``make faults``: places that take no output, and what commands say of them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("of", ["table", "record"])
def test_every_place_is_told_truly_and_made_good(of):
    # In a process of its own: it forks, which one with threads must not.
    command = [Path(__file__).with_name("run.py"), "disks", "--rounds", "1", "--of", of]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rounds, failures = re.search(r"(\d+) rounds, (\d+) failures", done.stdout).groups()
    assert int(rounds) >= 6  # a place each, one more where disks may be mounted
    assert int(failures) == 0
    assert done.stdout.count("then made good") >= 5
