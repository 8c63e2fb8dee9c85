"""The people that a command line names: a benchmark of single trials, or a table of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim import neural
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.errors import AnalysisError

if TYPE_CHECKING:
    import xarray

MASKING = "tang-masking"
EXPERIMENT = 1
"""Of ``tang-masking``: whole objects are in the second one only, with other masks."""


def people_named(
    source: str, *, chance: float | None = None, n: int = 1000, seed: int = 0
) -> xarray.Dataset:
    """Curves of people by mask and SOA, of a benchmark or a file.

    Of ``tang-masking`` the first experiment, which has the published curves.

    Parameters
    ----------
    source : str
        ``tang-masking``, or a table as :func:`cortexsim.neural.from_trials` reads it.
    chance : float, optional
        The guess rate, for tables without responses and labels.
    n, seed : int
        Resamples of participants.

    Returns
    -------
    xarray.Dataset
        What ``from_trials`` returns.

    Raises
    ------
    AnalysisError
        For benchmarks without SOAs and masks, and what ``from_trials`` refuses.
    """
    trials: Any = source
    if source in neural.list():
        if source != MASKING:
            raise AnalysisError(
                f"{source} has no trials by SOA and mask; give {MASKING}, or a .csv with columns "
                "participant, soa_ms, mask and correct (or response and label)"
            )
        everything = neural.load(source)
        first = everything.experiment.values == EXPERIMENT
        trials = everything.isel(trial=np.flatnonzero(first))
    return neural.from_trials(trials, chance=chance, each=False, inference=Inference(n=n, rng=seed))
