"""Preprocessing: sizes, crops, and Pillow's numbers on a real photograph."""

import numpy as np
import pytest
from PIL import Image

from cortexsim.stimuli.images import Preprocessing, sample


@pytest.fixture
def gradient() -> np.ndarray:
    """A colour image in which no two rows, columns or channels agree."""
    y, x = np.mgrid[:24, :36]
    return np.stack([y * 10, x * 7, (x + y) * 4], axis=2).astype(np.uint8)


def test_preprocessing_resizes_the_shorter_side_crops_the_centre_and_normalises():
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, 20:60] = (255, 128, 0)  # the central square, which is all that must be left
    out = Preprocessing((20, 20), (0.5, 0.5, 0.0), (0.5, 0.25, 1.0))([image])[0].numpy()
    assert out.shape == (3, 20, 20)
    inner = out[:, 2:-2, 2:-2]
    np.testing.assert_allclose(
        inner,
        np.broadcast_to(np.array([1.0, (128 / 255 - 0.5) / 0.25, 0.0])[:, None, None], inner.shape),
        atol=1e-5,
    )


def test_preprocessing_agrees_with_pillow_on_a_real_photograph():
    image = sample().read(3)
    ours = Preprocessing((32, 32), (0, 0, 0), (1, 1, 1))([image])[0].permute(1, 2, 0).numpy() * 255
    theirs = np.asarray(
        Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR), dtype=float
    )
    assert np.abs(ours - theirs).max() <= 1.0, "Pillow rounds to whole grey levels twice"


def test_images_of_the_networks_own_size_are_not_touched(gradient):
    out = Preprocessing((24, 36), (0, 0, 0), (1, 1, 1))([gradient])
    np.testing.assert_allclose(out[0].permute(1, 2, 0).numpy() * 255, gradient, atol=1e-4)
