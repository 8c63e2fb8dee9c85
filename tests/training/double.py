"""The training command in double precision, for comparisons that rounding would drown.

No thread of the group of processes may be left at its end: one that outlives the interpreter aborts
the process, once in a few hundred runs. (Where torch compiles, its own cache keeps the group.)
"""

import sys
from pathlib import Path

import torch

from cortexsim.stimuli.images import Preprocessing
from cortexsim.train import main

single = Preprocessing.normalise

if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    in_double = lambda self, images: single(self, images).double()  # noqa: E731
    Preprocessing.normalise = in_double  # type: ignore[method-assign]
    code = main()
    threads = [(t / "comm").read_text().strip() for t in Path("/proc/self/task").iterdir()]
    kept = [name for name in threads if "gloo" in name]
    ours = kept and "--compile" not in sys.argv
    sys.exit(f"left when training had ended: {kept}" if ours else code)
