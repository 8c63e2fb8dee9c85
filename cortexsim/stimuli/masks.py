"""Masks: images that follow or precede a target. Each is a function of the target and a seed, in a
dictionary.

Two kinds need more than the target: ``image``, another image of the table, and ``texture:STATE``,
made through a network. They are made, as are those of the dictionary, by
:class:`cortexsim.stimuli.trials.Masker`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from numbers import Integral

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import StimulusError

BLOCKS = 8  # a side: pieces of a block-scrambled image
CHECKS = 8  # a side: fields of a checkerboard
GREY = 128.0

Pixels = np.ndarray


def white(target: Pixels, rng: np.random.Generator) -> Pixels:
    """Independent Gaussian noise at every pixel.

    Parameters
    ----------
    target : array of shape (y, x, 3)
        The image; its mean and standard deviation of each channel are kept.
    rng : numpy.random.Generator
        Where the noise comes from.

    Returns
    -------
    array of shape (y, x, 3)
        The mask.
    """
    flat = target.reshape(-1, target.shape[-1])
    return rng.standard_normal(target.shape) * flat.std(0) + flat.mean(0)


def pink(target: Pixels, rng: np.random.Generator) -> Pixels:
    """Noise with an amplitude spectrum of 1/f, one pattern in all channels.

    Parameters
    ----------
    target : array of shape (y, x, 3)
        The image; its mean and standard deviation of each channel are kept.
    rng : numpy.random.Generator
        Where the noise comes from.

    Returns
    -------
    array of shape (y, x, 3)
        The mask.
    """
    height, width = target.shape[:2]
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    radius[0, 0] = np.inf  # no mean
    noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal((height, width))) / radius).real
    flat = target.reshape(-1, target.shape[-1])
    return noise[..., None] / noise.std() * flat.std(0) + flat.mean(0)


def phase(target: Pixels, rng: np.random.Generator) -> Pixels:
    """The target with its phases scrambled.

    The amplitude spectrum is the same (exactly, before values are clipped to 0-255) in every
    channel. One random phase pattern, that of real noise, is added in all channels, which keeps the
    correlations between them.

    Parameters
    ----------
    target : array of shape (y, x, 3)
        The image.
    rng : numpy.random.Generator
        Where the phases come from.

    Returns
    -------
    array of shape (y, x, 3)
        The mask.
    """
    angle = np.angle(np.fft.fft2(rng.standard_normal(target.shape[:2])))
    angle[0, 0] = 0.0  # the mean stays
    return np.fft.ifft2(
        np.fft.fft2(target, axes=(0, 1)) * np.exp(1j * angle)[..., None], axes=(0, 1)
    ).real


def blocks(target: Pixels, rng: np.random.Generator) -> Pixels:
    """The target cut into 8 x 8 pieces in a random order.

    Pixels that do not fill a piece at the right and lower edge stay.

    Parameters
    ----------
    target : array of shape (y, x, 3)
        The image.
    rng : numpy.random.Generator
        Where the order comes from.

    Returns
    -------
    array of shape (y, x, 3)
        The mask.

    Raises
    ------
    StimulusError
        For images that are too small to be cut into so many pieces.
    """
    height, width = target.shape[0] // BLOCKS, target.shape[1] // BLOCKS
    if not height or not width:
        raise StimulusError(
            f"an image of {target.shape[0]} x {target.shape[1]} pixels cannot be cut into "
            f"{BLOCKS} x {BLOCKS} blocks"
        )
    inner = target[: height * BLOCKS, : width * BLOCKS]
    pieces = (
        inner.reshape(BLOCKS, height, BLOCKS, width, -1)
        .swapaxes(1, 2)
        .reshape(BLOCKS**2, height, width, -1)
    )
    shuffled = (
        pieces[rng.permutation(BLOCKS**2)].reshape(BLOCKS, BLOCKS, height, width, -1).swapaxes(1, 2)
    )
    out = target.copy()
    out[: height * BLOCKS, : width * BLOCKS] = shuffled.reshape(inner.shape)
    return out


def checkerboard(target: Pixels, rng: np.random.Generator) -> Pixels:
    """A checkerboard of 8 x 8 fields, black and white.

    Parameters
    ----------
    target : array of shape (y, x, 3)
        The image; only its size matters.
    rng : numpy.random.Generator
        It says which colour is first.

    Returns
    -------
    array of shape (y, x, 3)
        The mask.
    """
    y, x = (np.arange(n) * CHECKS // n for n in target.shape[:2])
    return np.repeat(
        255.0 * ((y[:, None] + x[None] + rng.integers(2)) % 2)[..., None], target.shape[-1], axis=-1
    )


def blank(target: Pixels, rng: np.random.Generator) -> Pixels:
    """Mid-grey: the control for the mask's onset alone.

    Parameters
    ----------
    target : array of shape (y, x, 3)
        The image; only its size matters.
    rng : numpy.random.Generator
        Not used.

    Returns
    -------
    array of shape (y, x, 3)
        The mask.
    """
    return np.full(target.shape, GREY)


MASKS: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    "white": white,
    "pink": pink,
    "phase": phase,
    "blocks": blocks,
    "checkerboard": checkerboard,
    "grey": blank,
}


IMAGE = "image"
TEXTURE = "texture:"
KINDS = f"{', '.join(MASKS)}, {IMAGE}, {TEXTURE}STATE (or {TEXTURE}STATE@STEP)"


def check_kind(kind: str) -> None:
    """Refuse what is no kind of mask.

    Parameters
    ----------
    kind : str
        Its name.

    Raises
    ------
    StimulusError
        It lists the kinds.
    """
    if (
        kind not in MASKS
        and kind != IMAGE
        and not re.fullmatch(rf"{TEXTURE}[^@]+(@[1-9][0-9]*)?", kind)
    ):
        raise StimulusError(f"there is no mask {kind!r}; choose from {KINDS}")


@clear_errors
def mask(kind: str, target: Pixels, stimulus_id: str, *, seed: int = 0) -> Pixels:
    """The mask of one image.

    The same for the same image, id, kind and seed, whatever else is in the batch. Values are
    rounded and clipped to 0-255.

    Parameters
    ----------
    kind : str
        One of ``MASKS``.
    target : array of uint8, shape (y, x, 3)
        The image.
    stimulus_id : str
        Its id.
    seed : int
        Of the run.

    Returns
    -------
    array of uint8, shape (y, x, 3)
        The mask.

    Raises
    ------
    StimulusError
        For unknown kinds.

    Examples
    --------
    >>> image = np.zeros((16, 16, 3), np.uint8)
    >>> mask("checkerboard", image, "a").shape
    (16, 16, 3)
    >>> bool((mask("white", image, "a") == mask("white", image, "a")).all())
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise StimulusError(f"seed={seed!r} is no whole number of at least 0")
    if kind not in MASKS:
        check_kind(kind)
        raise StimulusError(
            f"the mask {kind!r} is not made from the target alone; "
            "cortexsim.stimuli.trials.Masker makes it"
        )
    if target.ndim != 3 or target.dtype != np.uint8:
        raise StimulusError(
            f"the image of {stimulus_id!r} has shape {target.shape} and type {target.dtype}; (y, "
            "x, 3) uint8 is needed"
        )
    key = hashlib.sha256(f"{kind}\0{stimulus_id}".encode()).digest()
    rng = np.random.default_rng([seed, *np.frombuffer(key, dtype=np.uint32)])
    return np.clip(np.rint(MASKS[kind](target.astype(np.float64), rng)), 0, 255).astype(np.uint8)
