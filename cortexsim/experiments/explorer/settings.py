"""What a page of recordings shows: below the command line."""

from __future__ import annotations

from dataclasses import dataclass

from cortexsim.errors import AnalysisError

MAPS = ("channels", "rms", "none")


@dataclass(frozen=True)
class Settings:
    """What of the recordings is shown.

    Parameters
    ----------
    limit : int, optional
        The first so many images only.
    steps : tuple of int, optional
        These steps only.
    maps : {"channels", "rms", "none"}
        The maps of every channel, their root mean square alone, or no pictures of activity.
    stimuli : str, optional
        Where the images are, if they are not where they were.
    measure : str
        Of the RDMs, where no movie is given.
    target : str, optional
        Which variable of the neural data; default all that hold RDMs.
    n : int
        Resamples of the interval of the similarity to a brain.

    Raises
    ------
    AnalysisError
        For a choice of maps that there is not, and for numbers that are too small.
    """

    limit: int | None = None
    steps: tuple[int, ...] | None = None
    maps: str = "channels"
    stimuli: str | None = None
    measure: str = "correlation"
    target: str | None = None
    n: int = 1000

    def __post_init__(self) -> None:
        if self.maps not in MAPS:
            raise AnalysisError(f"`maps={self.maps}` is not known; choose from {', '.join(MAPS)}")
        for what, number in (("limit", self.limit), ("n", self.n)):
            if number is not None and number < 1:
                raise AnalysisError(f"`{what}={number}`: give a number of at least 1")
