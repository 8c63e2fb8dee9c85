"""The comparison that each method makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from cortexsim.experiments.compare.decoding_job import DecodingJob
from cortexsim.experiments.compare.encoding_job import EncodingJob
from cortexsim.experiments.compare.rsa_job import RsaJob

if TYPE_CHECKING:
    import xarray

    from cortexsim.experiments.compare.recorded import Shown
    from cortexsim.experiments.compare.settings import Plan, Settings


@runtime_checkable
class Job(Protocol):
    """One comparison: everything about it was checked when it was made."""

    def plan(self) -> Plan:
        """What would be done, and how long it takes."""
        ...

    def run(self) -> xarray.Dataset:
        """The result, with what it came from in its attributes."""
        ...


def job_of(
    method: str, shown: Shown, brain: xarray.Dataset, *, target: str | None, settings: Settings
) -> Job:
    """The comparison of a recording with a brain.

    Parameters
    ----------
    method : str
        ``rsa``, ``encoding`` or ``decoding``.
    shown : Shown
        The recording, or for ``rsa`` the RDM movie.
    brain : Dataset
        The neural data, with ``stimulus_id``.
    target : str, optional
        Which variable of them; needed where there are several.
    settings : Settings
        How to compare.

    Raises
    ------
    AnalysisError
        For everything that would be refused only after hours.
    """
    jobs: dict[str, type[RsaJob] | type[EncodingJob] | type[DecodingJob]] = {
        "rsa": RsaJob,
        "encoding": EncodingJob,
        "decoding": DecodingJob,
    }
    return jobs[method](shown, brain, target, settings=settings)
