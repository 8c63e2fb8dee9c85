"""Whole numbers of 32 bits a pixel: their range is not declared."""

import numpy as np
import pytest
from PIL import Image

from cortexsim.models.pictures import pixels_of, read_image

GREY = np.arange(240).reshape(12, 20)


def test_32_bits_of_0_to_255_are_grey_and_not_black(tmp_path):
    Image.fromarray(GREY.astype(np.int32)).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.repeat(GREY[..., None], 3, 2))
    (in_memory,) = pixels_of(Image.fromarray(GREY.astype(np.int32)))
    np.testing.assert_array_equal(in_memory[..., 0], GREY)


def test_32_bits_of_more_are_refused(tmp_path):
    Image.fromarray((GREY * 200).astype(np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(
        ValueError, match="up to 47800 have no declared range; save it with 8 or 16"
    ):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_dark_images_of_16_bits_stay_dark(suffix, tmp_path):
    Image.fromarray(GREY.astype(np.uint16)).save(tmp_path / f"a{suffix}")
    assert read_image(tmp_path / f"a{suffix}").max() == 1


def test_images_to_train_with_are_read_the_same_way(tmp_path):
    """A grey ramp of 8, 16 and 32 bits is the same ramp; 16 bits were once clipped to white."""
    from cortexsim.stimuli.datasets import load_images

    for part in ("train", "test"):
        (tmp_path / part / "ramp").mkdir(parents=True)
        Image.fromarray(GREY.astype(np.uint8)).save(tmp_path / part / "ramp" / "8.png")
        Image.fromarray((GREY * 257).astype(np.uint16)).save(tmp_path / part / "ramp" / "16.png")
        Image.fromarray(GREY.astype(np.int32)).save(tmp_path / part / "ramp" / "32.tif")
    images = load_images(str(tmp_path))
    for image in images.train_x.numpy():
        np.testing.assert_array_equal(image, np.repeat(GREY[None], 3, 0))
