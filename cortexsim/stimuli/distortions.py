"""Graded distortions of images: those of Geirhos et al. 2018 with parameters, applied to images of
any set. Each is a function in a dictionary.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import StimulusError

# Luminance of red, green and blue, ITU-R 709, as scikit-image's rgb2gray.
GREY = np.array([0.2125, 0.7154, 0.0721])
SIDE = 224  # pixels of the images of the source, to which its filters refer
NOISE_CONTRAST = 0.3  # of images under noise

Batch = np.ndarray


def grey(images: Batch) -> Batch:
    """Luminance in all three channels.

    Parameters
    ----------
    images : array of shape (n, y, x, 3)
        From 0 to 1.

    Returns
    -------
    array of shape (n, y, x, 3)
        Grey images.
    """
    return np.repeat((images @ GREY)[..., None], 3, axis=-1)


def colour(images: Batch, level: float, rng: np.random.Generator) -> Batch:
    """Less colour.

    Parameters
    ----------
    images : array of shape (n, y, x, 3)
        From 0 to 1.
    level : float
        0: as they are; 1: without colour.
    rng : numpy.random.Generator
        Not used.

    Returns
    -------
    array of shape (n, y, x, 3)
        The images.
    """
    return images if level == 0 else grey(images)


def contrast(images: Batch, level: float, rng: np.random.Generator) -> Batch:
    """Grey images of less contrast about mid-grey: level/100 x + (1 - level/100)/2.

    Parameters
    ----------
    images : array of shape (n, y, x, 3)
        From 0 to 1.
    level : float
        Per cent.
    rng : numpy.random.Generator
        Not used.

    Returns
    -------
    array of shape (n, y, x, 3)
        The images.
    """
    return level / 100 * grey(images) + (1 - level / 100) / 2


def uniform_noise(images: Batch, level: float, rng: np.random.Generator) -> Batch:
    """Grey images at 30 per cent contrast plus uniform noise, clipped to 0..1.

    Parameters
    ----------
    images : array of shape (n, y, x, 3)
        From 0 to 1.
    level : float
        Noise is in -level..level, the same in all channels.
    rng : numpy.random.Generator
        Where the noise comes from.

    Returns
    -------
    array of shape (n, y, x, 3)
        The images.
    """
    low = contrast(images, 100 * NOISE_CONTRAST, rng)
    return np.clip(low + rng.uniform(-level, level, images.shape[:3])[..., None], 0, 1)


def low_pass(images: Batch, level: float, rng: np.random.Generator) -> Batch:
    """Grey images blurred by a Gaussian.

    Parameters
    ----------
    images : array of shape (n, y, x, 3)
        From 0 to 1.
    level : float
        Standard deviation in pixels at 224 pixels, so of the same share of the image at any size.
    rng : numpy.random.Generator
        Not used.

    Returns
    -------
    array of shape (n, y, x, 3)
        The images.
    """
    from scipy.ndimage import gaussian_filter

    sd = level * images.shape[1] / SIDE
    return (
        grey(images) if sd == 0 else gaussian_filter(grey(images), (0, sd, sd, 0), mode="reflect")
    )


def phase_noise(images: Batch, level: float, rng: np.random.Generator) -> Batch:
    """Grey images with phases shifted at random, clipped to 0..1.

    Parameters
    ----------
    images : array of shape (n, y, x, 3)
        From 0 to 1.
    level : float
        Shifts are in -level..level degrees, antisymmetric so that images stay real.
    rng : numpy.random.Generator
        Where the shifts come from.

    Returns
    -------
    array of shape (n, y, x, 3)
        The images.
    """
    shown = grey(images)[..., 0]
    spectrum = np.fft.fft2(shown)
    shift = rng.uniform(-level, level, shown.shape)
    mirrored = np.roll(shift[:, ::-1, ::-1], 1, (1, 2))
    angle = np.deg2rad(np.where(_half(*shown.shape[1:]), shift, -mirrored))
    angle[:, _fixed(*shown.shape[1:])] = 0.0
    back = np.fft.ifft2(spectrum * np.exp(1j * angle)).real
    return np.repeat(np.clip(back, 0, 1)[..., None], 3, axis=-1)


def rotation(images: Batch, level: float, rng: np.random.Generator) -> Batch:
    """Turned images, in colour.

    Parameters
    ----------
    images : array of shape (n, y, x, 3)
        From 0 to 1.
    level : float
        0, 90, 180 or 270 degrees.
    rng : numpy.random.Generator
        Not used.

    Returns
    -------
    array of shape (n, y, x, 3)
        The images.
    """
    return np.rot90(images, int(level // 90), axes=(1, 2))


DISTORTIONS: dict[str, Callable[[Batch, float, np.random.Generator], Batch]] = {
    "colour": colour,
    "contrast": contrast,
    "uniform-noise": uniform_noise,
    "low-pass": low_pass,
    "phase-scrambling": phase_noise,
    "rotation": rotation,
}
# Those of the source, from undistorted to hardest (rotation: in its order).
LEVELS: dict[str, tuple[float, ...]] = {
    "colour": (0, 1),
    "contrast": (100, 50, 30, 15, 10, 5, 3, 1),
    "uniform-noise": (0.0, 0.03, 0.05, 0.1, 0.2, 0.35, 0.6, 0.9),
    "low-pass": (0, 1, 3, 5, 7, 10, 15, 40),
    "phase-scrambling": (0, 30, 60, 90, 120, 150, 180),
    "rotation": (0, 90, 180, 270),
}


@clear_errors
def distorted(images: np.ndarray, kind: str, level: float, *, seed: int = 0) -> np.ndarray:
    """Images under a distortion at a level.

    Noise is drawn from the seed, kind and level, so that images of one call are distorted alike in
    every run.

    Parameters
    ----------
    images : array of uint8, shape (n, y, x, 3)
        The images.
    kind : str
        One of ``DISTORTIONS``.
    level : float
        Those of the source (``LEVELS``): per cent of contrast, half-width of the noise (images in
        0..1), standard deviation of the blur in pixels of a 224-pixel image, degrees.
    seed : int
        Of the noise.

    Returns
    -------
    array of uint8, shape (n, y, x, 3)
        The distorted images.

    Raises
    ------
    StimulusError
        For unknown kinds, levels out of range, and other images.

    References
    ----------
    Geirhos et al. 2018, NeurIPS, and its public code for the levels.

    Examples
    --------
    >>> out = distorted(np.full((1, 4, 4, 3), 255, dtype=np.uint8), "contrast", 50)
    >>> int(out[0, 0, 0, 0])
    191
    """
    x = np.asarray(images)
    if x.ndim != 4 or x.shape[3] != 3 or x.dtype != np.uint8 or not x.size:
        raise StimulusError(f"images are {x.dtype} {x.shape}; expected uint8 (n, y, x, 3)")
    if kind not in DISTORTIONS:
        raise StimulusError(
            f"there is no distortion {kind!r}; choose from {', '.join(DISTORTIONS)}"
        )
    steps = LEVELS[kind]
    whole = kind in ("colour", "rotation")
    if not min(steps) <= level <= max(steps) or (whole and level not in steps):
        raise StimulusError(
            f"level {level:g} of {kind}: give {', '.join(f'{v:g}' for v in steps)}"
            + ("" if whole else ", or between")
        )
    rng = np.random.default_rng([seed, list(DISTORTIONS).index(kind), round(1000 * level)])
    out = DISTORTIONS[kind](x / 255.0, float(level), rng)
    return np.clip(np.round(out * 255), 0, 255).astype(np.uint8)


def _half(height: int, width: int) -> np.ndarray:
    """One of each pair of frequencies (f, -f)."""
    index = np.arange(height * width).reshape(height, width)
    mirrored = np.roll(index[::-1, ::-1], 1, (0, 1))
    return index <= mirrored


def _fixed(height: int, width: int) -> np.ndarray:
    """Frequencies that are their own negative: the mean, and the highest ones of even sizes."""
    index = np.arange(height * width).reshape(height, width)
    return index == np.roll(index[::-1, ::-1], 1, (0, 1))
