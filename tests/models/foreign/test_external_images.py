"""What is no tensor, at every method of a foreign network that takes images."""

import re
import subprocess
import sys

import pytest


@pytest.mark.parametrize("call", ["activations(x)", "unroll(x, 1)"])
def test_an_array_is_sent_to_preprocess(call):
    """In a process of its own, where no annotation is checked."""
    code = (
        "import numpy as np, cortexsim; from torch import nn; "
        "small = dict(size=(8, 8), mean=(0.5,) * 3, std=(0.25,) * 3); "
        "module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()); "
        "net = cortexsim.wrap(module, {'V1': '0'}, preprocessing=small); "
        f"x = np.zeros((2, 3, 8, 8), np.float32); list(net.{call})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert re.search(r"ExternalError: images are a ndarray; .*net\.preprocess", done.stderr)
