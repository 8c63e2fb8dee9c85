"""Masks: what each keeps of the target, and that it depends on nothing but target, id, kind and seed."""

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from cortexsim.errors import StimulusError
from cortexsim.stimuli.masks import MASKS, mask, phase

PHOTO = load_sample_image("china.jpg")[:240, :240][::2, ::2].copy()
RANDOM = sorted(set(MASKS) - {"grey"})


def spectrum(image):
    """Mean amplitude by spatial frequency of the mean over channels, without the mean."""
    grey = image.astype(float).mean(2)
    amplitude = np.abs(np.fft.fft2(grey - grey.mean()))
    radius = np.hypot(
        *np.meshgrid(np.fft.fftfreq(grey.shape[0]), np.fft.fftfreq(grey.shape[1]), indexing="ij")
    )
    bins = np.digitize(radius, np.linspace(0.02, 0.5, 9))
    return np.array([amplitude[bins == k].mean() for k in range(1, 9)])


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_has_the_size_of_its_target_and_comes_again(kind):
    for image in (PHOTO, PHOTO[:33, :47]):
        a = mask(kind, image, "a", seed=3)
        assert a.shape == image.shape
        assert a.dtype == np.uint8
        np.testing.assert_array_equal(a, mask(kind, image, "a", seed=3))


@pytest.mark.parametrize("kind", sorted(set(RANDOM) - {"checkerboard"}))
def test_id_and_seed_give_other_masks(kind):
    one = mask(kind, PHOTO, "a").astype(float)
    for other in (mask(kind, PHOTO, "b"), mask(kind, PHOTO, "a", seed=1)):
        assert np.abs(one - other).mean() > 5


def test_checkerboards_come_in_both_phases():
    corners = {int(mask("checkerboard", PHOTO, f"image {k}")[0, 0, 0]) for k in range(20)}
    assert corners == {0, 255}


@pytest.mark.parametrize("kind", ["white", "pink"])
def test_noise_has_the_mean_and_spread_of_the_target(kind):
    flat = (
        np.linspace(100, 150, 64).astype(np.uint8)[None, :, None].repeat(64, 0).repeat(3, 2)
    )  # nothing is clipped
    found = mask(kind, flat, "a").reshape(-1, 3).astype(float)
    np.testing.assert_allclose(found.mean(0), flat.reshape(-1, 3).mean(0), atol=1)
    np.testing.assert_allclose(found.std(0), flat.reshape(-1, 3).std(0), rtol=0.05)


def test_spectra():
    of = {kind: spectrum(mask(kind, PHOTO, "a")) for kind in ("white", "pink")}
    slopes = {k: np.polyfit(np.log(np.arange(1, 9)), np.log(v), 1)[0] for k, v in of.items()}
    assert abs(slopes["white"]) < 0.1
    assert -1.25 < slopes["pink"] < -0.75


def test_phase_scrambling_keeps_every_amplitude_and_the_correlations_between_channels():
    x = PHOTO.astype(float)
    y = phase(x, np.random.default_rng(0))
    np.testing.assert_allclose(
        *(np.abs(np.fft.fft2(a, axes=(0, 1))) for a in (x, y)), rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(*(np.corrcoef(a.reshape(-1, 3).T) for a in (x, y)), atol=1e-9)
    assert abs(np.corrcoef(x[..., 0].ravel(), y[..., 0].ravel())[0, 1]) < 0.3


def test_blocks_are_the_pieces_of_the_target():
    found = mask("blocks", PHOTO, "a")
    np.testing.assert_array_equal(
        np.sort(found.reshape(-1, 3), axis=0), np.sort(PHOTO.reshape(-1, 3), axis=0)
    )
    assert (found != PHOTO).any()
    odd = mask("blocks", PHOTO[:50, :50], "a")
    np.testing.assert_array_equal(odd[48:], PHOTO[48:50, :50])


def test_grey_is_grey():
    assert np.unique(mask("grey", PHOTO, "a")).tolist() == [128]


def test_what_is_no_mask_or_no_image_is_refused():
    with pytest.raises(StimulusError, match="no mask 'plaid'; choose from white, pink"):
        mask("plaid", PHOTO, "a")
    with pytest.raises(StimulusError, match="float64"):
        mask("pink", PHOTO / 255, "a")
    with pytest.raises(StimulusError, match="cannot be cut"):
        mask("blocks", PHOTO[:4, :4], "a")
