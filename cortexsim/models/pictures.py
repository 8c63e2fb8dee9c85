"""Pixels of pictures, however they come: files, PIL images, arrays."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from cortexsim.errors import StimulusError
from cortexsim.plain import refuse_without_numbers

GREY = 128
MANY = (".npz", ".csv")  # files of many pictures
READ_ERRORS = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def pixels_of(images: Any) -> list[np.ndarray]:
    """Pixels ``(y, x, 3)`` uint8 of each of several images, however they come.

    Parameters
    ----------
    images
        One or several paths, PIL images or arrays ``(y, x, 3)`` uint8, or one array
        ``(n, y, x, 3)`` uint8.

    Raises
    ------
    StimulusError
        For what is none of these (a folder, an .npz), and for files that cannot be read.

    >>> [x.shape for x in pixels_of(np.zeros((2, 8, 6, 3), np.uint8))]
    [(8, 6, 3), (8, 6, 3)]
    """
    if isinstance(images, str | Path | Image.Image) or getattr(images, "ndim", 0) == 3:
        images = [images]
    if not isinstance(images, Iterable) or getattr(images, "ndim", 1) == 0:
        raise StimulusError(
            f"images are a {type(images).__name__}; give a list of paths, PIL images or uint8 "
            "arrays (y, x, 3), or one array (n, y, x, 3)"
        )
    return [_pixels(image) for image in images]


def _pixels(image: Any) -> np.ndarray:
    if isinstance(image, str | Path):
        if Path(image).is_dir() or Path(image).suffix.lower() in MANY:
            raise StimulusError(
                f"{image} is not one picture; give paths of pictures, PIL images, or uint8 arrays "
                "(n, y, x, 3). record_network takes folders, .csv and .npz"
            )
        try:
            return read_image(Path(image))
        except READ_ERRORS as error:
            raise StimulusError(f"{image} cannot be read: {error}") from error
    if isinstance(image, Image.Image):
        return _rgb(image)
    if hasattr(image, "is_meta"):  # a tensor
        refuse_without_numbers(image, "images", error=StimulusError)
        image = image.detach().cpu()
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise StimulusError(
            f"an image is {array.dtype} {array.shape}; give paths, PIL images, or uint8 arrays "
            "(y, x, 3) of values 0 to 255"
        )
    return array


def read_image(path: Path | BytesIO) -> np.ndarray:
    """Pixels ``(y, x, 3)`` uint8 of the first frame of a file, which may be open.

    EXIF rotation is applied, grey and palette are expanded, 16 bits scaled to 8, alpha laid over
    mid-grey. Grey of 32 bits (TIFF) is taken as 8 bits if it goes up to 255, and refused if higher.
    """
    with Image.open(path) as file:
        return _rgb(file)


def _without_range(picture: Image.Image) -> bool:
    """Whether whole numbers of 32 bits are just that, and not 16 bits that PIL opened so."""
    if picture.mode != "I":
        return False
    bits = getattr(picture, "tag_v2", {}).get(258, 32)  # BitsPerSample of TIFF
    is_16_bit = picture.format not in (None, "TIFF") or max(np.ravel(bits)) <= 16
    in_memory = picture.format is None
    return not is_16_bit and (not in_memory or int(np.asarray(picture).max(initial=0)) <= 255)


def _rgb(picture: Image.Image) -> np.ndarray:
    """See :func:`read_image`."""
    image: Image.Image = ImageOps.exif_transpose(picture)
    if image.mode.startswith("I"):  # 16 bits a pixel (PIL also calls them "I", 32 bits wide)
        values = np.asarray(image, dtype=np.float64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(
                f"grey values from {values.min():g} to {values.max():g} do not fit 16 bits"
            )
        if _without_range(picture):  # 0-255 of them: 8 bits, stored in 32
            if values.max() > 255:
                raise ValueError(
                    f"32 bits a pixel with values up to {values.max():g} have no declared range; "
                    "save it with 8 or 16 bits a channel"
                )
            return np.repeat(values.astype(np.uint8)[..., None], 3, axis=2)
        return np.repeat((values / 257).round().astype(np.uint8)[..., None], 3, axis=2)
    if image.mode == "F":
        raise ValueError(
            "floating-point pixels have no declared range; save it with 8 or 16 bits a channel"
        )
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (GREY, GREY, GREY, 255)), rgba)
    return np.array(image.convert("RGB"))
