"""Random crops and mirrors against a search, image by image, for the crop that was taken."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from cortexsim.stimuli.augmentation import crop_and_flip


def padded_noise(count: int, height: int, width: int, pad: int) -> np.ndarray:
    """Images of noise without a zero, in a frame of zeros: no two crops of one image are alike."""
    noise = np.random.default_rng(0).integers(1, 256, (count, 3, height, width), np.uint8)
    return np.pad(noise, [(0, 0), (0, 0), (pad, pad), (pad, pad)])


def draw(padded: np.ndarray, index, size, *, flip: bool = True, seed: int = 0) -> np.ndarray:
    generator = torch.Generator().manual_seed(seed)
    return crop_and_flip(
        torch.from_numpy(padded), torch.as_tensor(index), size, flip=flip, generator=generator
    ).numpy()


def found(image: np.ndarray, crop: np.ndarray) -> list[tuple[int, int, bool]]:
    """All (top, left, mirrored) at which ``crop`` is a piece of ``image``."""
    _, height, width = crop.shape
    places = []
    for top in range(image.shape[1] - height + 1):
        for left in range(image.shape[2] - width + 1):
            piece = image[:, top : top + height, left : left + width]
            places += [
                (top, left, mirrored)
                for mirrored in (False, True)
                if np.array_equal(piece[:, :, ::-1] if mirrored else piece, crop)
            ]
    return places


@pytest.mark.parametrize(("height", "width", "pad"), [(8, 8, 2), (8, 8, 0), (6, 10, 3), (10, 6, 1)])
@pytest.mark.parametrize("flip", [True, False])
def test_each_crop_is_one_piece_of_its_own_image(height, width, pad, flip):
    padded = padded_noise(5, height, width, pad)
    index = np.random.default_rng(1).integers(0, 5, 60)  # with repeats, in no order
    crops = draw(padded, index, (height, width), flip=flip)
    assert crops.shape == (60, 3, height, width)
    places = [found(padded[k], crop) for k, crop in zip(index, crops, strict=True)]
    assert all(len(p) == 1 for p in places)
    assert {mirrored for ((_, _, mirrored),) in places} == ({True, False} if flip else {False})


def test_every_place_is_as_likely_mirrored_or_not():
    """Of 8000 draws each of 25 places, mirrored or not, gets 160, standard deviation 12.5."""
    padded = padded_noise(1, 4, 4, 2)
    crops = draw(padded, [0] * 8000, (4, 4))
    kinds, counts = np.unique(crops.reshape(8000, -1), axis=0, return_counts=True)
    places = Counter(found(padded[0], kind.reshape(3, 4, 4))[0] for kind in kinds)
    assert len(places) == 50
    assert np.abs(counts - 160).max() < 4.5 * 12.5
    mirrored = sum(
        n
        for kind, n in zip(kinds, counts, strict=True)
        if found(padded[0], kind.reshape(3, 4, 4))[0][2]
    )
    assert abs(mirrored - 4000) < 4 * 44.7


def test_with_one_place_the_images_come_back_unchanged():
    padded = padded_noise(6, 8, 8, 0)
    np.testing.assert_array_equal(
        draw(padded, [3, 0, 3, 5], (8, 8), flip=False), padded[[3, 0, 3, 5]]
    )


def test_the_generator_decides_and_goes_on():
    padded, index = torch.from_numpy(padded_noise(8, 8, 8, 4)), torch.arange(8)
    one, other = (torch.Generator().manual_seed(3) for _ in range(2))
    ours = [crop_and_flip(padded, index, (8, 8), flip=True, generator=one) for _ in range(2)]
    torch.manual_seed(5)  # the global generator has no part in it
    theirs = [crop_and_flip(padded, index, (8, 8), flip=True, generator=other) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert not torch.equal(ours[0], ours[1])
    assert not np.array_equal(draw(padded.numpy(), index, (8, 8), seed=4), ours[0].numpy())
