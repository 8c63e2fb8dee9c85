"""Steps of a network and milliseconds of a brain."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import CortexsimError
from cortexsim.plain import numbers

STEPS = "steps (no ms declared)"
UNDECLARED = "steps of somebody else's network: no milliseconds were declared"
LEAST_MS = 0.1  # of a step, or of an onset; a step of 0.1 s and less, in seconds, is less
POLICIES = ("refuse", "hold", "clip")
MEMO = (
    "Liao & Poggio 2016, section 3.5: readout time t is 20 t to 50 t ms; "
    "section 1: about 100 ms to IT, here step 4"
)


@clear_errors
@dataclass(frozen=True)
class TimeAxis:
    """When each step happens: a declared guess, with its range.

    ``time_ms(t) = onset_ms + (t - 1) * step_ms`` is the start of step t after image onset; step t
    lasts until that of t + 1.

    Parameters
    ----------
    step_ms : float
        Duration of a step in ms; nominal 25 ms puts IT, first populated at step 4, at 100 ms.
    step_ms_low : float
        Shortest step of its range in ms, the memo's 20.
    step_ms_high : float
        Longest, the memo's 50.
    onset_ms : float, optional
        First response of V1 in ms; None is one step, which is the memo's t * step_ms.
    source : str
        Why.

    Raises
    ------
    CortexsimError
        For times that are not finite, not positive, not in order, or in seconds.

    Examples
    --------
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
        values = [
            self.step_ms_low,
            self.step_ms,
            self.step_ms_high,
            0.0 if self.onset_ms is None else self.onset_ms,
        ]
        if not all(map(math.isfinite, values)):
            raise CortexsimError(
                f"a time axis needs finite milliseconds; found step {values[:3]}, "
                f"onset {self.onset_ms}"
            )
        if not 0 < self.step_ms_low <= self.step_ms <= self.step_ms_high:
            raise CortexsimError(
                f"a step of {self.step_ms_low:g} (low), {self.step_ms:g} (nominal), "
                f"{self.step_ms_high:g} (high) ms: the three must be positive and in ascending "
                "order"
            )
        if self.step_ms_high < LEAST_MS or 0 < (self.onset_ms or 0) < LEAST_MS:
            raise CortexsimError(
                f"a step of {self.step_ms:g} ms"
                + ("" if self.onset_ms is None else f" with an onset of {self.onset_ms:g} ms")
                + ": these look like seconds. Give milliseconds, e.g. step_ms=25, onset_ms=60"
            )
        if self.onset_ms is not None and self.onset_ms < 0:
            raise CortexsimError(
                f"onset_ms {self.onset_ms:g}: V1 cannot respond before the image is shown; "
                "give 0 or more"
            )

    @classmethod
    def of_steps(cls) -> TimeAxis:
        """Of a network whose steps have no duration until its user declares one.

        Its numbers are those of the steps.

        Examples
        --------
        >>> TimeAxis.of_steps().time_ms([1, 2, 3]).tolist(), TimeAxis.of_steps().is_declared
        ([1.0, 2.0, 3.0], False)
        """
        return cls(1.0, 1.0, 1.0, 1.0, UNDECLARED)

    @property
    def is_declared(self) -> bool:
        """Whether its numbers are milliseconds that somebody declared, not those of steps."""
        return self.source != UNDECLARED

    @property
    def units(self) -> str:
        """What its numbers are, for the attribute ``units`` of a coordinate."""
        return "ms after image onset" if self.is_declared else STEPS

    def _at(self, steps: object, step_ms: float) -> np.ndarray:
        onset = step_ms if self.onset_ms is None else self.onset_ms
        return np.asarray(onset + (numbers(steps, "steps").astype(np.float64) - 1) * step_ms)

    def time_ms(self, steps: object) -> np.ndarray:
        """Nominal start of each step, ms after image onset.

        Parameters
        ----------
        steps : array_like
            Steps from 1, whole or not.

        Returns
        -------
        array of the shape of ``steps``, in ms
        """
        return self._at(steps, self.step_ms)

    def low_ms(self, steps: object) -> np.ndarray:
        """The same with the shortest step of the declared range.

        Parameters
        ----------
        steps : array_like
            Steps from 1, whole or not.

        Returns
        -------
        array of the shape of ``steps``, in ms
        """
        return self._at(steps, self.step_ms_low)

    def high_ms(self, steps: object) -> np.ndarray:
        """The same with the longest step of the declared range.

        Parameters
        ----------
        steps : array_like
            Steps from 1, whole or not.

        Returns
        -------
        array of the shape of ``steps``, in ms
        """
        return self._at(steps, self.step_ms_high)

    def bin_weights(self, steps: object, bins_ms: object, *, policy: str = "refuse") -> np.ndarray:
        """How much of each time bin falls into each step.

        ``weight(b, t) = |bin b and step t| / |bin b|``: a bin's value is the weighted mean of the
        steps it overlaps; every row adds to 1.

        Parameters
        ----------
        steps : array_like of int, (step,)
            Consecutive steps, each at most once.
        bins_ms : array_like, (bin, 2)
            Start and end of each bin in ms after image onset.
        policy : str
            What a bin means that the steps cover only in part: ``"refuse"``, nothing; ``"hold"``,
            the last step lasts on (and the first reaches back); ``"clip"``, the mean over the
            covered part, and NaN for a bin with none.

        Returns
        -------
        np.ndarray, (bin, step)
            The weights.

        Raises
        ------
        CortexsimError
            For bins that are refused, and steps and bins that are none.

        Examples
        --------
        >>> TimeAxis().bin_weights([1, 2, 3], [[25, 50], [40, 80]]).tolist()
        [[1.0, 0.0, 0.0], [0.25, 0.625, 0.125]]
        >>> TimeAxis().bin_weights([1, 2, 3], [[90, 110]], policy="hold").tolist()
        [[0.0, 0.0, 1.0]]
        """
        if policy not in POLICIES:
            raise CortexsimError(
                f"there is no policy {policy!r} for bins; choose from {', '.join(POLICIES)}"
            )
        try:
            order, bins = np.asarray(steps), np.asarray(bins_ms, dtype=float)
        except (TypeError, ValueError) as error:
            raise CortexsimError(
                f"steps must be whole numbers and bins_ms (bin, 2) numbers in ms: {error}"
            ) from None
        if (
            order.ndim != 1
            or not len(order)
            or order.dtype.kind not in "iu"
            or (np.diff(order) != 1).any()
        ):
            raise CortexsimError(
                f"steps {np.asarray(steps).tolist()!r}: give consecutive whole steps, e.g. 1, 2, 3"
            )
        if (
            bins.ndim != 2
            or bins.shape[1] != 2
            or not len(bins)
            or not np.isfinite(bins).all()
            or (bins[:, 0] >= bins[:, 1]).any()
        ):
            raise CortexsimError(
                f"bins of shape {bins.shape}: give (bin, 2), the start and the later end of each "
                "in ms, e.g. [[70, 80], [80, 90]]"
            )
        edges = self.time_ms([*order, order[-1] + 1])
        # A rounding error of the caller's arithmetic is no uncovered part.
        slack = 1e-6 * self.step_ms
        outside = (bins[:, 0] < edges[0] - slack) | (bins[:, 1] > edges[-1] + slack)
        if policy == "refuse" and outside.any():
            bad = bins[outside]
            shown = ", ".join(f"{a:g}-{b:g}" for a, b in bad[:3]) + (
                ", ..." if len(bad) > 3 else ""
            )
            raise CortexsimError(
                f"{len(bad)} of {len(bins)} bins ({shown} ms) are not covered by steps {order[0]} "
                f"to {order[-1]}, which last from {edges[0]:g} to {edges[-1]:g} ms; record more "
                "steps, leave these bins out, or name a policy: hold (the end steps last on) or "
                "clip"
            )
        if policy == "hold":
            edges[0], edges[-1] = min(edges[0], bins[:, 0].min()), max(edges[-1], bins[:, 1].max())
        low, high = (
            np.maximum(bins[:, :1], edges[None, :-1]),
            np.minimum(bins[:, 1:], edges[None, 1:]),
        )
        overlap = np.maximum(high - low, 0)
        total = overlap.sum(1, keepdims=True)
        return np.divide(overlap, total, out=np.full_like(overlap, np.nan), where=total > slack)

    def steps_in(self, duration_ms: float, what: str = "duration") -> int:
        """How many whole steps a duration is.

        Parameters
        ----------
        duration_ms : float
            In ms, positive.
        what : str
            Its name in the message of an error.

        Returns
        -------
        int

        Raises
        ------
        CortexsimError
            For a duration that is not positive, or not a whole number of steps; it names the
            nearest that are.

        Examples
        --------
        >>> TimeAxis().steps_in(75)
        3
        """
        if not (math.isfinite(duration_ms) and duration_ms > 0):
            raise CortexsimError(
                f"a {what} of {duration_ms:g} ms is none; "
                f"give a positive multiple of {self.step_ms:g} ms"
            )
        steps = duration_ms / self.step_ms
        if abs(steps - round(steps)) > 1e-6:
            nearest = [n * self.step_ms for n in (int(steps), int(steps) + 1) if n]
            raise CortexsimError(
                f"a {what} of {duration_ms:g} ms is not a whole number of steps of "
                f"{self.step_ms:g} ms; nearest: {' or '.join(f'{ms:g}' for ms in nearest)} ms"
            )
        return round(steps)

    def as_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TimeAxis:
        """The time axis that :meth:`as_dict` wrote.

        Parameters
        ----------
        data : mapping
            What :meth:`as_dict` returned.

        Returns
        -------
        TimeAxis
        """
        return cls(**data)
