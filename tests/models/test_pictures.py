"""Pictures of every kind become three channels as people expect."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cortexsim.stimuli.images import read_image


@pytest.fixture
def gradient() -> np.ndarray:
    """A colour image in which no two rows, columns or channels agree."""
    y, x = np.mgrid[:24, :36]
    return np.stack([y * 10, x * 7, (x + y) * 4], axis=2).astype(np.uint8)


def _saved(path: Path, image: Image.Image, **options) -> np.ndarray:
    image.save(path, **options)
    return read_image(path)


def test_rgb_is_read_unchanged(gradient, tmp_path):
    np.testing.assert_array_equal(_saved(tmp_path / "a.png", Image.fromarray(gradient)), gradient)


def test_grey_becomes_three_equal_channels(gradient, tmp_path):
    grey = gradient[..., 0]
    np.testing.assert_array_equal(
        _saved(tmp_path / "a.png", Image.fromarray(grey)), np.repeat(grey[..., None], 3, 2)
    )


def test_sixteen_bits_keep_their_range(tmp_path):
    values = np.linspace(0, 65535, 24 * 36).reshape(24, 36).astype(np.uint16)
    pixels = _saved(tmp_path / "a.png", Image.fromarray(values))
    assert (pixels.min(), pixels.max()) == (0, 255)
    assert np.abs(pixels[..., 0] - values / 65535 * 255).max() <= 0.5


def test_transparent_pixels_show_mid_grey_and_half_transparent_ones_half(tmp_path):
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[1, :, 3], rgba[2, :, 3] = 255, 128
    pixels = _saved(tmp_path / "a.png", Image.fromarray(rgba, "RGBA"))
    assert pixels[0, 0].tolist() == [128, 128, 128]
    assert pixels[1, 0].tolist() == [200, 0, 0]
    assert np.abs(pixels[2, 0].astype(int) - [164, 64, 64]).max() <= 1


def test_palette_with_and_without_transparency(gradient, tmp_path):
    palette = Image.fromarray(gradient).quantize(64)
    np.testing.assert_array_equal(
        _saved(tmp_path / "a.png", palette), np.asarray(palette.convert("RGB"))
    )
    index = int(np.asarray(palette)[0, 0])
    pixels = _saved(tmp_path / "b.png", palette, transparency=index)
    assert pixels[0, 0].tolist() == [128, 128, 128]


@pytest.mark.parametrize(("orientation", "undo"), [(3, 2), (6, 1), (8, 3)])
def test_exif_rotation_is_applied(gradient, tmp_path, orientation, undo):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = np.rot90(gradient, undo)
    pixels = _saved(tmp_path / "a.png", Image.fromarray(np.ascontiguousarray(turned)), exif=exif)
    np.testing.assert_array_equal(pixels, gradient)


def test_cmyk_jpeg_and_first_gif_frame(gradient, tmp_path):
    assert _saved(tmp_path / "a.jpg", Image.fromarray(gradient).convert("CMYK")).shape == (
        24,
        36,
        3,
    )
    frames = [Image.new("RGB", (8, 8), c) for c in ("red", "blue")]
    frames[0].save(tmp_path / "b.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "b.gif")[0, 0].tolist() == [255, 0, 0]


def test_floating_point_images_are_refused(tmp_path):
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="no declared range"):
        read_image(tmp_path / "a.tif")
