"""Steps of a network and milliseconds of a brain."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.errors import CortexsimError

MEMO = "Liao & Poggio 2016, section 3.5: readout time t is 20 t to 50 t ms; section 1: about 100 ms to IT, here step 4"


@dataclass(frozen=True)
class TimeAxis:
    """When each step happens: a declared guess, with its range.

    ``time_ms(t) = onset_ms + (t - 1) * step_ms`` is the start of step t after image onset; step t lasts until that of t + 1.

    step_ms, step_ms_low, step_ms_high: duration of a step, nominal and range (the memo's 20-50 ms; nominal 25 ms puts IT, first populated
    at step 4, at 100 ms). onset_ms: first response of V1; None is one step, which is the memo's t * step_ms. source: why.

    >>> axis = TimeAxis()
    >>> axis.time_ms([1, 4, 8]).tolist(), axis.low_ms([4]).tolist(), axis.high_ms([4]).tolist()
    ([25.0, 100.0, 200.0], [80.0], [200.0])
    >>> TimeAxis(onset_ms=60).time_ms([1, 2]).tolist()
    [60.0, 85.0]
    """

    step_ms: float = 25.0
    step_ms_low: float = 20.0
    step_ms_high: float = 50.0
    onset_ms: float | None = None
    source: str = MEMO

    def __post_init__(self) -> None:
        values = [self.step_ms_low, self.step_ms, self.step_ms_high, 0.0 if self.onset_ms is None else self.onset_ms]
        if not all(map(math.isfinite, values)):
            raise CortexsimError(
                f"a time axis needs finite milliseconds; found step {values[:3]}, onset {self.onset_ms}"
            )
        if not 0 < self.step_ms_low <= self.step_ms <= self.step_ms_high:
            raise CortexsimError(
                f"a step of {self.step_ms_low:g} (low), {self.step_ms:g} (nominal), {self.step_ms_high:g} (high) ms: "
                "the three must be positive and in ascending order"
            )
        if self.onset_ms is not None and self.onset_ms < 0:
            raise CortexsimError(
                f"onset_ms {self.onset_ms:g}: V1 cannot respond before the image is shown; give 0 or more"
            )

    def _at(self, steps: object, step_ms: float) -> np.ndarray:
        onset = step_ms if self.onset_ms is None else self.onset_ms
        return np.asarray(onset + (np.asarray(steps, dtype=float) - 1) * step_ms)

    def time_ms(self, steps: object) -> np.ndarray:
        """Nominal start of each step, ms after image onset."""
        return self._at(steps, self.step_ms)

    def low_ms(self, steps: object) -> np.ndarray:
        """The same with the shortest step of the declared range."""
        return self._at(steps, self.step_ms_low)

    def high_ms(self, steps: object) -> np.ndarray:
        """The same with the longest step of the declared range."""
        return self._at(steps, self.step_ms_high)

    def steps_in(self, duration_ms: float, what: str = "duration") -> int:
        """How many whole steps a duration is; an error that names the nearest choices if it is not on the grid.

        >>> TimeAxis().steps_in(75)
        3
        """
        if not (math.isfinite(duration_ms) and duration_ms > 0):
            raise CortexsimError(
                f"a {what} of {duration_ms:g} ms is none; give a positive multiple of {self.step_ms:g} ms"
            )
        steps = duration_ms / self.step_ms
        if abs(steps - round(steps)) > 1e-6:
            nearest = [n * self.step_ms for n in (int(steps), int(steps) + 1) if n]
            raise CortexsimError(
                f"a {what} of {duration_ms:g} ms is not a whole number of steps of {self.step_ms:g} ms; "
                f"nearest: {' or '.join(f'{ms:g}' for ms in nearest)} ms"
            )
        return round(steps)

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TimeAxis:
        return cls(**data)
