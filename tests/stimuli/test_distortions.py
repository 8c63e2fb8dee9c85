"""Graded distortions: their definitions, levels that leave images alone, the same in every run."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cortexsim.errors import StimulusError
from cortexsim.stimuli.distortions import DISTORTIONS, GREY, LEVELS, distorted


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(40, 216, (4, 32, 32, 3), dtype=np.uint8)


def luminance(images):
    return np.repeat((images / 255 @ GREY)[..., None], 3, -1)


@pytest.mark.parametrize("kind", DISTORTIONS)
def test_the_first_level_distorts_nothing_but_colour_and_the_last_a_lot(images, kind):
    first, last = (distorted(images, kind, LEVELS[kind][k]) / 255.0 for k in (0, -1))
    plain = images / 255 if kind in ("colour", "rotation") else luminance(images)
    if kind == "uniform-noise":
        plain = 0.3 * plain + 0.35
    assert np.abs(first - plain).max() <= 1 / 255
    assert np.abs(last - plain).mean() > 0.02


@pytest.mark.parametrize("kind", DISTORTIONS)
def test_the_seed_decides(images, kind):
    level = LEVELS[kind][-1]
    again = distorted(images, kind, level)
    np.testing.assert_array_equal(again, distorted(images, kind, level))
    random = kind in ("uniform-noise", "phase-scrambling")
    assert (again != distorted(images, kind, level, seed=1)).any() == random


def test_contrast_is_the_standard_deviation_left(images):
    for level in LEVELS["contrast"]:
        out = distorted(images, "contrast", level) / 255
        assert out.std() == pytest.approx(level / 100 * luminance(images).std(), abs=0.003)
        assert out.mean() - 0.5 == pytest.approx(
            level / 100 * (luminance(images).mean() - 0.5), abs=0.003
        )


def test_noise_is_uniform_and_grey(images):
    grey = np.full((20, 32, 32, 3), 128, dtype=np.uint8)
    noise = distorted(grey, "uniform-noise", 0.2) / 255 - 128 / 255
    assert (noise[..., 0] == noise[..., 1]).all()
    assert np.abs(noise).max() <= 0.2 + 2 / 255
    assert noise.std() == pytest.approx(0.2 / np.sqrt(3), rel=0.02)


def test_blur_scales_with_the_image(images):
    expected = gaussian_filter(luminance(images)[..., 0], (0, 1, 1))
    np.testing.assert_allclose(
        distorted(images, "low-pass", 7)[..., 0] / 255, expected, atol=1 / 255
    )


def test_phases_are_scrambled_and_amplitudes_stay(images):
    small = (images // 4 + 96).astype(np.uint8)  # far from 0 and 255, so that nothing is clipped
    out = distorted(small, "phase-scrambling", 90)[..., 0] / 255
    before, after = (np.fft.fft2(v) for v in (luminance(small)[..., 0], out))
    strong = np.abs(before) > np.quantile(np.abs(before), 0.5)
    np.testing.assert_allclose(np.abs(after)[strong], np.abs(before)[strong], rtol=0.2)
    turned = np.abs(np.angle(after / before))[strong]
    assert turned.max() < np.deg2rad(90 + 10)
    assert np.median(turned) > np.deg2rad(30)


def test_rotation_is_that_of_numpy(images):
    np.testing.assert_array_equal(distorted(images, "rotation", 90), np.rot90(images, 1, (1, 2)))


@pytest.mark.parametrize(
    ("kind", "level"),
    [("blur", 1), ("contrast", 0.5), ("rotation", 45), ("colour", 0.5), ("low-pass", -1)],
)
def test_unknown_distortions_are_refused_by_name(images, kind, level):
    with pytest.raises(StimulusError):
        distorted(images, kind, level)
    with pytest.raises(StimulusError, match="uint8"):
        distorted(images[0], "contrast", 50)
