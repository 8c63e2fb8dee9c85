"""The images on which statistics are estimated anew are those that training shows."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F

from cortexsim.stimuli.augmentation import as_trained


def test_every_image_is_a_crop_of_itself_with_black_edges_or_its_mirror():
    images = torch.randint(1, 256, (40, 3, 6, 6), dtype=torch.uint8)
    found = as_trained(images, {"pad": 2, "flip": True})
    assert found.dtype == torch.uint8
    padded = F.pad(images, (2, 2, 2, 2))
    mirrored = 0
    for image, one in zip(padded, found, strict=True):
        crops = [image[:, y : y + 6, x : x + 6] for y, x in itertools.product(range(5), repeat=2)]
        plain = any(torch.equal(one, crop) for crop in crops)
        mirror = any(torch.equal(one, crop.flip(-1)) for crop in crops)
        assert plain or mirror
        mirrored += not plain
    assert 5 <= mirrored <= 35
    assert (found == 0).any()


@pytest.mark.parametrize("recipe", [{}, {"pad": 0, "flip": False}])
def test_a_recipe_without_crops_shows_the_images_themselves(recipe):
    images = torch.randint(1, 256, (5, 3, 6, 6), dtype=torch.uint8)
    assert torch.equal(as_trained(images, recipe), images)
