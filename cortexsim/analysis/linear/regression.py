"""The methods of regression from model units to neural responses, by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cortexsim.analysis.linear.patterns import Fitted, Patterns
from cortexsim.analysis.linear.pls import pls
from cortexsim.analysis.linear.reduced_rank import reduced_rank
from cortexsim.analysis.linear.ridge import ridge
from cortexsim.analysis.linear.settings import Settings
from cortexsim.analysis.linear.splits import Split

Fit = Callable[[np.ndarray], Fitted]  # responses (stimulus, time, unit) -> what is predicted

METHODS: dict[str, Callable[[Patterns, Split, Settings], Fit]] = {
    "ridge": ridge,
    "pls": pls,
    "reduced-rank": reduced_rank,
}
PENALISED = ("ridge", "reduced-rank")  # those that choose a penalty on inner folds
