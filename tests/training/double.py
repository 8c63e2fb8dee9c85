"""The training command in double precision, for comparisons that rounding would drown."""

import sys

import torch

from cortexsim.stimuli.images import Preprocessing
from cortexsim.train import main

single = Preprocessing.normalise

if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    Preprocessing.normalise = lambda self, images: single(self, images).double()  # type: ignore[method-assign]
    sys.exit(main())
