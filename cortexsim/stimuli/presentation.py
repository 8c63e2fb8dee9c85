"""What is on the screen when: events in milliseconds, and the one frame a step that a network sees
of them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cortexsim.arguments import clear_errors
from cortexsim.errors import StimulusError
from cortexsim.files import parsed_json
from cortexsim.models.fields import checked_fields, shown
from cortexsim.models.states import MOST_STEPS, whole

if TYPE_CHECKING:
    from cortexsim.timeaxis import TimeAxis

SHOWS = ("image", "mask", "blank")
SLACK = 1e-6  # of a step
RECORDED = ("frames", "on_screen", "image_onset_ms", "round_to_steps", "mask_seed")
"""What a recording stores beside its presentation, and which is none of it."""
MOST_EVENTS = 10_000
"""The most events of a presentation, and the longest stream of images."""


@clear_errors
@dataclass(frozen=True)
class Event:
    """One thing on the screen.

    Parameters
    ----------
    shows : {"image", "mask", "blank"}
        What it is.
    onset_ms : float
        When it comes, in ms after the presentation begins.
    duration_ms : float
        How long it stays, in ms.
    position : int
        Which image of a stream (0: the target).

    Raises
    ------
    StimulusError
        For times before the beginning, and for what no screen shows.

    Examples
    --------
    >>> Event("image", 0.0, 50.0).end_ms
    50.0
    """

    shows: str
    onset_ms: float
    duration_ms: float
    position: int = 0

    def __post_init__(self) -> None:
        if self.shows not in SHOWS:
            raise StimulusError(f"an event shows {', '.join(SHOWS)}; found {self.shows!r}")
        if not (self.onset_ms >= 0 and 0 < self.duration_ms < float("inf")):
            raise StimulusError(
                f"an event of {self.duration_ms:g} ms from {self.onset_ms:g} ms: the onset is 0 "
                "or later, the duration positive and finite"
            )
        whole(self.position, "position", least=0, most=MOST_EVENTS, error=StimulusError)
        if self.position and self.shows != "image":
            raise StimulusError(
                f"position {self.position} of a {self.shows}: only images of a stream have one, "
                "from 0"
            )

    @property
    def end_ms(self) -> float:
        """When it goes, ms after the presentation begins."""
        return self.onset_ms + self.duration_ms


@clear_errors
@dataclass(frozen=True)
class Presentation:
    """Events in the order in which they begin.

    Between and after them the screen is blank.

    Parameters
    ----------
    events : tuple of Event
        One after the other, at least one an image.
    mask : str or None
        The kind of the masks, if there are any.

    Examples
    --------
    >>> from cortexsim.stimuli.forms import backward_mask
    >>> from cortexsim.timeaxis import TimeAxis
    >>> backward_mask(50, soa_ms=75, mask_ms=50, kind="pink").frames(TimeAxis(), steps=6)
    ['image', 'image', 'blank', 'mask', 'mask', 'blank']
    """

    events: tuple[Event, ...]
    mask: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", tuple(self.events))
        check_count(len(self.events))
        if not any(e.shows == "image" and not e.position for e in self.events):
            raise StimulusError(
                "a presentation without an image shows nothing; give at least one event 'image' "
                "(at position 0)"
            )
        for a, b in zip(self.events, self.events[1:]):
            if b.onset_ms < a.end_ms - SLACK:
                raise StimulusError(
                    f"the {b.shows} at {b.onset_ms:g} ms begins before the {a.shows} of "
                    f"{a.onset_ms:g}-{a.end_ms:g} ms is over; a screen shows one thing at a time, "
                    "in order"
                )
        if (self.mask is None) == any(e.shows == "mask" for e in self.events):
            raise StimulusError(
                "a presentation with mask events names the kind of mask, one without names none"
            )

    @property
    def image_onset_ms(self) -> float:
        """When the image in question (position 0) first comes on, in ms from the beginning."""
        return next(
            (e.onset_ms for e in self.events if e.shows == "image" and e.position == 0), 0.0
        )

    @property
    def positions(self) -> int:
        """How many images a trial needs: 1, or the length of the stream."""
        return 1 + max(e.position for e in self.events)

    def frames(self, axis: TimeAxis, steps: int, *, round_to_steps: bool = False) -> list[str]:
        """What the input of each step 1..steps is.

        The input of step t is what is on the screen from (t - 1) to t times ``axis.step_ms`` after
        the presentation begins.

        Parameters
        ----------
        axis : TimeAxis
            How long a step is.
        steps : int
            How many there are.
        round_to_steps : bool
            Onsets and durations must be whole steps; this takes the nearest instead (a duration at
            least one step).

        Returns
        -------
        list of str
            ``image`` (``image 1``, ... of a stream), ``mask`` or ``blank``.

        Raises
        ------
        StimulusError
            For times that are no whole steps, with the nearest choices, and for an image that would
            be shown after the last step.
        """
        steps = whole(steps, "steps", most=MOST_STEPS, error=StimulusError)
        shown = ["blank"] * steps
        for e in self.events:
            first = _steps(e.onset_ms, axis, f"onset of the {e.shows}", rounded=round_to_steps)
            count = _steps(
                e.duration_ms, axis, f"duration of the {e.shows}", rounded=round_to_steps, least=1
            )
            if first >= steps and e.shows == "image" and e.position == 0:
                raise StimulusError(
                    f"the image comes on at {e.onset_ms:g} ms, which is step {first + 1} of a run "
                    f"of {steps}; run more steps"
                )
            name = e.shows if not e.position else f"{e.shows} {e.position}"
            for t in range(first, min(first + count, steps)):
                if shown[t] != "blank":
                    raise StimulusError(
                        f"rounded to steps of {axis.step_ms:g} ms, two events fall on step "
                        f"{t + 1}; give other times"
                    )
                shown[t] = name
        return shown

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready.

        Returns
        -------
        dict of str to Any
            What :meth:`from_dict` takes.
        """
        return {"events": [dataclasses.asdict(e) for e in self.events], "mask": self.mask}

    @classmethod
    def from_dict(cls, data: Any) -> Presentation:
        """The presentation that :meth:`as_dict` wrote.

        Parameters
        ----------
        data : mapping
            Its fields.

        Returns
        -------
        Presentation
            The same.

        Raises
        ------
        StimulusError
            For anything else.
        """
        what = "that is no presentation (Presentation.to_json writes one): "
        if isinstance(data, Mapping):
            data = {key: value for key, value in data.items() if key not in RECORDED}
        rest = checked_fields(cls, data, what + "it", error=StimulusError, apart=("events",))
        events = data["events"]
        if not isinstance(events, (list, tuple)):
            raise StimulusError(f"{what}events is {shown(events)}; a list is needed")
        check_count(len(events))
        return cls(
            tuple(
                Event(**checked_fields(Event, e, f"{what}event {n}", error=StimulusError))
                for n, e in enumerate(events, start=1)
            ),
            **rest,
        )

    def to_json(self) -> str:
        """As text.

        Returns
        -------
        str
            JSON.
        """
        return json.dumps(self.as_dict())

    @classmethod
    def from_json(cls, text: str) -> Presentation:
        """The presentation that :meth:`to_json` wrote.

        Parameters
        ----------
        text : str
            JSON.

        Returns
        -------
        Presentation
            The same.

        Raises
        ------
        StimulusError
            For anything else.
        """
        what = "a presentation as Presentation.to_json writes it"
        return cls.from_dict(parsed_json(text, what, error=StimulusError))


def compose(frames: Sequence[str], shown: Mapping[str, Any]) -> list[Any]:
    """The input of ``Network.unroll``.

    Parameters
    ----------
    frames : sequence of str
        What the input of each step is, see :meth:`Presentation.frames`.
    shown : mapping of str to Any
        The batch of each name (``image``, ``image 1``, ``mask``).

    Returns
    -------
    list
        For each step the batch, None for a blank.

    Raises
    ------
    StimulusError
        If a frame names something that is not in ``shown``.
    """
    missing = sorted({f for f in frames if f != "blank"} - set(shown))
    if missing:
        raise StimulusError(
            f"the presentation shows {', '.join(missing)}, but only "
            f"{', '.join(shown) or 'nothing'} is given"
        )
    return [None if f == "blank" else shown[f] for f in frames]


def _steps(ms: float, axis: TimeAxis, what: str, *, rounded: bool, least: int = 0) -> int:
    """A time in whole steps, not more than a run can have; a duration is at least one."""
    exact = ms / axis.step_ms
    if exact > MOST_STEPS:
        raise StimulusError(
            f"the {what}, {ms:g} ms, is {exact:.4g} steps of {axis.step_ms:g} ms; a run has at "
            f"most {MOST_STEPS:,}"
        )
    if rounded:
        return max(least, round(exact))
    if exact < least - SLACK:
        raise StimulusError(
            f"the {what}, {ms:g} ms, is less than a step of {axis.step_ms:g} ms, which is the "
            f"shortest that can be shown; give {axis.step_ms:g} ms, or round it"
        )
    if abs(exact - round(exact)) > SLACK:
        nearest = [n * axis.step_ms for n in (int(exact), int(exact) + 1)]
        raise StimulusError(
            f"the {what}, {ms:g} ms, is not a whole number of steps of {axis.step_ms:g} ms; "
            f"nearest: {nearest[0]:g} or {nearest[1]:g} ms, or round it"
        )
    return round(exact)


def check_count(count: int) -> None:
    """Refuse more events than a presentation can have."""
    if count > MOST_EVENTS:
        raise StimulusError(
            f"a presentation of {count:,} events; it has at most {MOST_EVENTS:,}: a shorter stream"
        )
