"""What is no tensor, at every method of a foreign network that takes images."""

import subprocess
import sys

import pytest

CODE = """
import numpy as np
from torch import nn
import cortexsim
from cortexsim.errors import ExternalError
module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())
small = dict(size=(8, 8), mean=(0.5,) * 3, std=(0.25,) * 3)
net = cortexsim.wrap(module, {"V1": "0"}, preprocessing=small)
x = np.zeros((2, 3, 8, 8), np.float32)
for take in (lambda: net.activations(x), lambda: list(net.unroll(x, 1))):
    try:
        take()
    except ExternalError as error:
        print(error)
"""


@pytest.mark.slow
def test_an_array_is_sent_to_preprocess():
    """In a process of its own, where no annotation is checked."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    said = done.stdout.splitlines()
    assert len(said) == 2, done.stderr
    assert all("images are a ndarray" in line and "net.preprocess" in line for line in said)
