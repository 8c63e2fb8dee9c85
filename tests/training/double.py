"""The training command in double precision, for comparisons that rounding would drown."""

import sys

import torch

from cortexsim.stimuli.images import Preprocessing
from cortexsim.train import main

single = Preprocessing.normalise

if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    in_double = lambda self, images: single(self, images).double()  # noqa: E731
    Preprocessing.normalise = in_double  # type: ignore[method-assign]
    sys.exit(main())
