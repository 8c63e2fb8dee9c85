"""How a recording is compared, and what a comparison would take: below the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Settings:
    """How to compare; what a method does not use is left at its default.

    Parameters
    ----------
    measure : str
        Of RDMs: how they are made.
    comparator : str
        Of RDMs: how they are compared.
    estimator : str, optional
        Of encoding and decoding.
    folds : int
        Of encoding and decoding.
    components : int
        Of encoding.
    resample : tuple of str, optional
        What intervals generalise to; default both where there are several subjects.
    n : int
        Bootstrap resamples.
    permutations : int
        For the null.
    correction : str
        Of p-values over steps and networks.
    nulls : tuple of str
        Controls: ``static``, ``untrained``, ``twin``.
    positive : tuple of str
        Positive controls: keys of ``PUBLISHED``.
    stimuli : str, optional
        Where the recorded images are, for the controls that must see them.
    policy : str
        For neural time bins that the steps cover only in part.
    fit_axis : bool
        Also fit onset and duration of a step.
    seed : int
        Of resamples, permutations, folds and the untrained network.
    client : distributed.Client, optional
        Of a cluster of dask that does the work; default this process.
    """

    measure: str = "correlation"
    comparator: str = "spearman"
    estimator: str | None = None
    resample: tuple[str, ...] | None = None
    n: int = 1000
    permutations: int = 1000
    correction: str = "holm"
    nulls: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    stimuli: str | None = None
    policy: str = "clip"
    fit_axis: bool = False
    folds: int = 5
    components: int = 25
    seed: int = 0
    client: Any = None


@dataclass(frozen=True)
class Plan:
    """What a comparison would do.

    Parameters
    ----------
    method : str
        ``rsa``, ``encoding`` or ``decoding``.
    known : dict
        The configuration of the recording.
    neural : str
        Name of the neural data.
    target : str
        Name of the variable that is compared.
    sizes : dict of str to int
        Of that variable; ``stimulus`` is how many are compared.
    settings : Settings
        As they will be used.
    frames : int
        How many (network, state, step, property) are fitted or compared.
    seconds : float
        Measured on a small part.
    properties : tuple of str
        Of the stimuli, that are decoded.
    whose : str
        How many subjects RDMs are of, or that one RDM is of several.
    """

    method: str
    known: dict[str, Any]
    neural: str
    target: str
    sizes: dict[str, int]
    settings: Settings
    frames: int
    seconds: float
    properties: tuple[str, ...] = field(default=())
    whose: str = ""
