"""The usual presentations: flashes, masks, streams, and how they are written in a word."""

from __future__ import annotations

from pathlib import Path

from cortexsim.arguments import clear_errors
from cortexsim.errors import StimulusError
from cortexsim.stimuli.presentation import Event, Presentation, check_count


@clear_errors
def flash(on_ms: float) -> Presentation:
    """The image, then a blank screen.

    Parameters
    ----------
    on_ms : float
        How long the image is on.

    Returns
    -------
    Presentation
        The presentation.
    """
    return Presentation((Event("image", 0, on_ms),))


@clear_errors
def backward_mask(on_ms: float, *, soa_ms: float, mask_ms: float, kind: str) -> Presentation:
    """The image, and after its onset a mask.

    Parameters
    ----------
    on_ms : float
        How long the image is on.
    soa_ms : float
        From the onset of the image to that of the mask (SOA: stimulus onset asynchrony).
    mask_ms : float
        How long the mask is on.
    kind : str
        Of the mask.

    Returns
    -------
    Presentation
        The presentation.
    """
    return Presentation((Event("image", 0, on_ms), Event("mask", soa_ms, mask_ms)), kind)


@clear_errors
def forward_mask(on_ms: float, *, soa_ms: float, mask_ms: float, kind: str) -> Presentation:
    """A mask, and after its onset the image.

    Parameters
    ----------
    on_ms : float
        How long the image is on.
    soa_ms : float
        From the onset of the mask to that of the image.
    mask_ms : float
        How long the mask is on.
    kind : str
        Of the mask.

    Returns
    -------
    Presentation
        The presentation.
    """
    return Presentation((Event("mask", 0, mask_ms), Event("image", soa_ms, on_ms)), kind)


@clear_errors
def rsvp(count: int, *, soa_ms: float, on_ms: float | None = None, target: int = 0) -> Presentation:
    """A stream of images.

    Parameters
    ----------
    count : int
        How many.
    soa_ms : float
        From one to the next.
    on_ms : float, optional
        How long each is on; by default until the next.
    target : int
        The place in the stream, from 0, that the image in question (position 0) takes; positions 1,
        2, ... fill the others in order.

    Returns
    -------
    Presentation
        The presentation.

    Raises
    ------
    StimulusError
        For fewer than one image, and for a target that is not in the stream.

    Examples
    --------
    >>> [e.position for e in rsvp(4, soa_ms=100, target=2).events]
    [1, 2, 0, 3]
    """
    if count < 1:
        raise StimulusError(f"a stream of {count} images is none; give at least 1")
    check_count(count)
    if not 0 <= target < count:
        raise StimulusError(
            f"place {target} of a stream of {count} images; give one from 0 to {count - 1}"
        )
    on = soa_ms if on_ms is None else on_ms
    order = [*range(1, target + 1), 0, *range(target + 1, count)]
    return Presentation(
        tuple(Event("image", k * soa_ms, on, position) for k, position in enumerate(order))
    )


FORMS = (
    "flash:ON, backward:ON,SOA,MASK_MS,KIND, forward:ON,SOA,MASK_MS,KIND or "
    "rsvp:COUNT,SOA[,ON[,TARGET]]"
)


@clear_errors
def read_presentation(text: str) -> Presentation:
    """A presentation as it is written on a command line.

    JSON, a .json file, or a short form with times in ms: ``flash:ON``,
    ``backward:ON,SOA,MASK_MS,KIND``, ``forward:ON,SOA,MASK_MS,KIND``,
    ``rsvp:COUNT,SOA[,ON[,TARGET]]``.

    Parameters
    ----------
    text : str
        What is written.

    Returns
    -------
    Presentation
        The presentation.

    Raises
    ------
    StimulusError
        For anything else.

    Examples
    --------
    >>> masked = backward_mask(50, soa_ms=75, mask_ms=100, kind="phase")
    >>> read_presentation("backward:50,75,100,phase") == masked
    True
    """
    name, _, rest = text.partition(":")
    parts = rest.split(",")
    if text.lstrip().startswith("{"):
        return Presentation.from_json(text)
    if text.endswith(".json"):
        try:
            return Presentation.from_json(Path(text).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:  # no UTF-8; a null byte in the name
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
        # All others are numbers that are none, which is said below.
        if isinstance(error, StimulusError):
            raise
    raise StimulusError(f"cannot read the presentation {text!r}; give a .json file or {FORMS}")
