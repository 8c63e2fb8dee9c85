"""What is on the screen when: events in milliseconds, and the one frame a step that a network sees of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.errors import StimulusError

if TYPE_CHECKING:
    from cortexsim.timeaxis import TimeAxis

SHOWS = ("image", "mask", "blank")
SLACK = 1e-6  # of a step


@dataclass(frozen=True)
class Event:
    """One thing on the screen. shows: ``image``, ``mask`` or ``blank``; position: which image of a stream (0: the target); times in ms."""

    shows: str
    onset_ms: float
    duration_ms: float
    position: int = 0

    def __post_init__(self) -> None:
        if self.shows not in SHOWS:
            raise StimulusError(f"an event shows {', '.join(SHOWS)}; found {self.shows!r}")
        if not (self.onset_ms >= 0 and 0 < self.duration_ms < float("inf")):
            raise StimulusError(
                f"an event of {self.duration_ms:g} ms from {self.onset_ms:g} ms: the onset is 0 or later, the duration positive and finite"
            )
        if self.position < 0 or (self.position and self.shows != "image"):
            raise StimulusError(
                f"position {self.position} of a {self.shows}: only images of a stream have one, from 0"
            )

    @property
    def end_ms(self) -> float:
        return self.onset_ms + self.duration_ms


@dataclass(frozen=True)
class Presentation:
    """Events in the order in which they begin; between and after them the screen is blank. mask: the kind of the masks, if there are any.

    >>> from cortexsim.timeaxis import TimeAxis
    >>> backward_mask(50, soa_ms=75, mask_ms=50, kind="pink").frames(TimeAxis(), steps=6)
    ['image', 'image', 'blank', 'mask', 'mask', 'blank']
    """

    events: tuple[Event, ...]
    mask: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", tuple(self.events))
        if not any(e.shows == "image" and not e.position for e in self.events):
            raise StimulusError(
                "a presentation without an image shows nothing; give at least one event 'image' (at position 0)"
            )
        for a, b in zip(self.events, self.events[1:]):
            if b.onset_ms < a.end_ms - SLACK:
                raise StimulusError(
                    f"the {b.shows} at {b.onset_ms:g} ms begins before the {a.shows} of {a.onset_ms:g}-{a.end_ms:g} ms is over; "
                    "a screen shows one thing at a time, in order"
                )
        if (self.mask is None) == any(e.shows == "mask" for e in self.events):
            raise StimulusError(
                "a presentation with mask events names the kind of mask, one without names none"
            )

    @property
    def image_onset_ms(self) -> float:
        """When the image in question (position 0) first comes on, ms after the presentation begins."""
        return next(
            (e.onset_ms for e in self.events if e.shows == "image" and e.position == 0), 0.0
        )

    @property
    def positions(self) -> int:
        """How many images a trial needs: 1, or the length of the stream."""
        return 1 + max(e.position for e in self.events)

    def frames(self, axis: TimeAxis, steps: int, *, round_to_steps: bool = False) -> list[str]:
        """What the input of each step 1..steps is: ``image`` (``image 1``, ... of a stream), ``mask`` or ``blank``.

        The input of step t is what is on the screen from (t - 1) to t times ``axis.step_ms`` after the presentation begins. Onsets and durations must
        be whole steps; ``round_to_steps`` takes the nearest instead (a duration at least one step). Raises StimulusError that names the nearest choices,
        and for an image that would be shown after the last step.
        """
        shown = ["blank"] * steps
        for e in self.events:
            first = _steps(e.onset_ms, axis, f"onset of the {e.shows}", round_to_steps)
            count = max(
                1, _steps(e.duration_ms, axis, f"duration of the {e.shows}", round_to_steps)
            )
            if first >= steps and e.shows == "image" and e.position == 0:
                raise StimulusError(
                    f"the image comes on at {e.onset_ms:g} ms, which is step {first + 1} of a run of {steps}; run more steps"
                )
            name = e.shows if not e.position else f"{e.shows} {e.position}"
            for t in range(first, min(first + count, steps)):
                if shown[t] != "blank":
                    raise StimulusError(
                        f"rounded to steps of {axis.step_ms:g} ms, two events fall on step {t + 1}; give other times"
                    )
                shown[t] = name
        return shown

    def as_dict(self) -> dict[str, Any]:
        return {"events": [dataclasses.asdict(e) for e in self.events], "mask": self.mask}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Presentation:
        try:
            return cls(tuple(Event(**e) for e in data["events"]), data.get("mask"))
        except (KeyError, TypeError) as error:
            raise StimulusError(
                f"that is no presentation ({type(error).__name__}: {error}); Presentation.to_json writes one"
            ) from error

    def to_json(self) -> str:
        return json.dumps(self.as_dict())

    @classmethod
    def from_json(cls, text: str) -> Presentation:
        try:
            return cls.from_dict(json.loads(text))
        except json.JSONDecodeError as error:
            raise StimulusError(
                f"that is not JSON: {error}; Presentation.to_json writes a presentation"
            ) from error


def flash(on_ms: float) -> Presentation:
    """The image for ``on_ms``, then a blank screen."""
    return Presentation((Event("image", 0, on_ms),))


def backward_mask(on_ms: float, *, soa_ms: float, mask_ms: float, kind: str) -> Presentation:
    """The image for ``on_ms``; ``soa_ms`` after its onset a mask for ``mask_ms`` (SOA: stimulus onset asynchrony)."""
    return Presentation((Event("image", 0, on_ms), Event("mask", soa_ms, mask_ms)), kind)


def forward_mask(on_ms: float, *, soa_ms: float, mask_ms: float, kind: str) -> Presentation:
    """A mask for ``mask_ms``; ``soa_ms`` after its onset the image for ``on_ms``."""
    return Presentation((Event("mask", 0, mask_ms), Event("image", soa_ms, on_ms)), kind)


def rsvp(count: int, *, soa_ms: float, on_ms: float | None = None, target: int = 0) -> Presentation:
    """A stream of ``count`` images, one every ``soa_ms``, each on for ``on_ms`` (default: until the next).

    target: the place in the stream, from 0, that the image in question (position 0) takes; positions 1, 2, ... fill the others in order.

    >>> [e.position for e in rsvp(4, soa_ms=100, target=2).events]
    [1, 2, 0, 3]
    """
    if count < 1:
        raise StimulusError(f"a stream of {count} images is none; give at least 1")
    if not 0 <= target < count:
        raise StimulusError(
            f"place {target} of a stream of {count} images; give one from 0 to {count - 1}"
        )
    on = soa_ms if on_ms is None else on_ms
    order = [*range(1, target + 1), 0, *range(target + 1, count)]
    return Presentation(
        tuple(Event("image", k * soa_ms, on, position) for k, position in enumerate(order))
    )


FORMS = "flash:ON, backward:ON,SOA,MASK_MS,KIND, forward:ON,SOA,MASK_MS,KIND or rsvp:COUNT,SOA[,ON[,TARGET]]"


def read_presentation(text: str) -> Presentation:
    """A presentation as it is written on a command line: JSON, a .json file, or a short form with times in ms.

    ``flash:ON``, ``backward:ON,SOA,MASK_MS,KIND``, ``forward:ON,SOA,MASK_MS,KIND``, ``rsvp:COUNT,SOA[,ON[,TARGET]]``.

    >>> read_presentation("backward:50,75,100,phase") == backward_mask(50, soa_ms=75, mask_ms=100, kind="phase")
    True
    """
    name, _, rest = text.partition(":")
    parts = rest.split(",")
    if text.lstrip().startswith("{"):
        return Presentation.from_json(text)
    if text.endswith(".json"):
        try:
            return Presentation.from_json(Path(text).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise StimulusError(f"the presentation {text!r} cannot be read: {error}") from error
    try:
        match name, len(parts):
            case "flash", 1:
                return flash(float(parts[0]))
            case "backward" | "forward", 4:
                on, soa, mask_ms = map(float, parts[:3])
                make = backward_mask if name == "backward" else forward_mask
                return make(on, soa_ms=soa, mask_ms=mask_ms, kind=parts[3].strip())
            case "rsvp", 2 | 3 | 4:
                on_ms = float(parts[2]) if len(parts) > 2 and parts[2].strip() else None
                return rsvp(
                    int(parts[0]),
                    soa_ms=float(parts[1]),
                    on_ms=on_ms,
                    target=int(parts[3]) if len(parts) > 3 else 0,
                )
    except ValueError as error:
        if isinstance(
            error, StimulusError
        ):  # all others are numbers that are none, which is said below
            raise
    raise StimulusError(f"cannot read the presentation {text!r}; give a .json file or {FORMS}")


def compose(frames: Sequence[str], shown: Mapping[str, Any]) -> list[Any]:
    """The input of ``Network.unroll``: for each step the batch that ``shown`` names (``image``, ``image 1``, ``mask``), None for a blank.

    Raises StimulusError if a frame names something that is not given.
    """
    missing = sorted({f for f in frames if f != "blank"} - set(shown))
    if missing:
        raise StimulusError(
            f"the presentation shows {', '.join(missing)}, but only {', '.join(shown) or 'nothing'} is given"
        )
    return [None if f == "blank" else shown[f] for f in frames]


def _steps(ms: float, axis: TimeAxis, what: str, rounded: bool) -> int:
    """A time in whole steps."""
    exact = ms / axis.step_ms
    if abs(exact - round(exact)) > SLACK and not rounded:
        nearest = [n * axis.step_ms for n in (int(exact), int(exact) + 1)]
        raise StimulusError(
            f"the {what}, {ms:g} ms, is not a whole number of steps of {axis.step_ms:g} ms; nearest: {nearest[0]:g} or {nearest[1]:g} ms, or round it"
        )
    return round(exact)
