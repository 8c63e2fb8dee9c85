"""The training command in double precision, for comparisons that rounding would drown.

No thread of the group of processes may be left at its end: one that outlives the interpreter aborts
the process, once in a few hundred runs. (Where torch compiles, its own cache keeps the group.)
"""

import contextlib
import sys
import time
from pathlib import Path

import torch

from cortexsim.stimuli.images import Preprocessing
from cortexsim.train import main

single = Preprocessing.normalise

PATIENCE = 60  # seconds


def threads_of_gloo() -> list[str]:
    """Those of this process, unless torch compiled (see above)."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            names.append((task / "comm").read_text().strip())
    return [name for name in names if "gloo" in name and "--compile" not in sys.argv]


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    in_double = lambda self, images: single(self, images).double()  # noqa: E731
    Preprocessing.normalise = in_double  # type: ignore[method-assign]
    code = main()
    # A thread that has been joined is listed for a moment longer.
    deadline = time.monotonic() + PATIENCE
    while (kept := threads_of_gloo()) and time.monotonic() < deadline:
        time.sleep(0.05)
    sys.exit(f"left when training had ended: {kept}" if kept else code)
