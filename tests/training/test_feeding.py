"""What a batch holds: alternating flips."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cortexsim.training import feeding
from cortexsim.training.feeding import orientations

from .helpers import settings, train


def silent(text: str) -> None:
    pass


def shown(crops, out, monkeypatch, **changes) -> list[np.ndarray]:
    """For each epoch, the images as they were shown, without crops, in the order of the set."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    real = feeding.InMemory.images

    def note(self, index, generator):
        images = real(self, index, generator)
        seen.append((index, images))
        return images

    with monkeypatch.context() as patch:
        patch.setattr(feeding.InMemory, "images", note)
        train(settings(crops(8, 64), out, pad=0, **changes), log=silent)
    epochs = []
    for k in range(0, len(seen), 3):
        index, images = (torch.cat(parts) for parts in zip(*seen[k : k + 3], strict=True))
        epochs.append(images[index.argsort()].numpy())
    return epochs


def mirrored(epoch: np.ndarray, originals: np.ndarray) -> list[bool]:
    same = (epoch == originals).all((1, 2, 3))
    turned = (epoch == originals[..., ::-1]).all((1, 2, 3))
    assert (same ^ turned).all()
    return turned.tolist()


@pytest.mark.slow
def test_alternating_flips_alternate_from_a_first_orientation_by_seed(crops, tmp_path, monkeypatch):
    with np.load(crops(8, 64)) as file:
        originals = file["x"][:48].transpose(0, 3, 1, 2)
    epochs = [
        mirrored(e, originals)
        for e in shown(crops, tmp_path / "0", monkeypatch, alternating_flip=True)
    ]
    assert epochs[0] == orientations(48, 0).tolist()
    assert epochs[1] == [not m for m in epochs[0]]
    assert epochs[2] == epochs[0]
    other = shown(crops, tmp_path / "1", monkeypatch, alternating_flip=True, seed=1)
    assert mirrored(other[0], originals) == orientations(48, 1).tolist() != epochs[0]
    by_chance = [mirrored(e, originals) for e in shown(crops, tmp_path / "2", monkeypatch)]
    assert by_chance[1] != [not m for m in by_chance[0]]


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**32 - 1])
def test_first_orientations_are_fair_and_independent(seed):
    """Counts of 100,000 fair bits within 4.5 standard deviations.

    Of ones, of equal neighbours, of agreement with the next seed.
    """
    bits = orientations(100_000, seed)
    for count in (
        bits.sum(),
        (bits[1:] == bits[:-1]).sum(),
        (bits == orientations(100_000, seed + 1)).sum(),
    ):
        assert abs(int(count) - 50_000) < 4.5 * 158
