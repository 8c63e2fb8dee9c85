"""Texture masks: the statistics of the aimed state are matched, by another image, the same whatever the batch."""

import numpy as np
import pytest
import torch

import cortexsim
from cortexsim.errors import StimulusError
from cortexsim.stimuli.images import Preprocessing, sample
from cortexsim.stimuli.masks import mask
from cortexsim.stimuli.texture import declared, first_step, fitted, statistics_loss, texture_mask


@pytest.fixture(scope="module")
def net():
    return cortexsim.load("cortex4")


@pytest.fixture(scope="module")
def images(net):
    stimuli = sample()
    return fitted([stimuli.read(i) for i in (0, 20, 40)], declared(net))


@pytest.fixture(scope="module")
def aimed(net, images):
    return texture_mask(net, images, "V4", iterations=100, seed=2)


def test_the_loss_falls_tenfold_and_below_any_other_mask(net, images, aimed):
    assert (aimed.loss < 0.1 * aimed.noise_loss).all()
    others = {
        "another image": np.roll(images, 1, axis=0),
        "phase": np.stack([mask("phase", x, "a") for x in images]),
        "blocks": np.stack([mask("blocks", x, "a") for x in images]),
    }
    for name, other in others.items():
        assert (aimed.loss < 0.5 * statistics_loss(net, other, images, "V4")).all(), name


def test_the_mask_is_not_the_target(images, aimed):
    assert aimed.images.dtype == np.uint8
    assert aimed.images.shape == images.shape
    for a, b in zip(aimed.images, images):
        assert (
            abs(np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1]) < 0.5
            or np.abs(a.astype(float) - b).mean() > 20
        )


def test_losses_are_those_of_statistics_computed_by_numpy(net, images, aimed):
    look = declared(net)
    mean, std = (np.array(v)[:, None, None] for v in (look.mean, look.std))

    def statistics(x):
        batch = torch.from_numpy(((x.transpose(0, 3, 1, 2) / 255 - mean) / std).astype(np.float32))
        with torch.no_grad():
            f = dict(net.unroll(batch, 3))[3]["V4"].double().numpy().reshape(len(x), 32, -1)
        return f.mean(2), np.einsum("bip,bjp->bij", f, f) / f.shape[2]

    (m, g), (m0, g0) = statistics(aimed.images), statistics(images)
    expected = ((m - m0) ** 2).sum(1) / (m0**2).sum(1) + ((g - g0) ** 2).sum((1, 2)) / (g0**2).sum(
        (1, 2)
    )
    np.testing.assert_allclose(aimed.loss, expected, rtol=1e-3)
    np.testing.assert_allclose(statistics_loss(net, images, images, "V4"), 0, atol=1e-9)


def test_equal_seeds_and_ids_give_equal_masks_whatever_the_batch(net, images):
    options = {"iterations": 12, "seed": 5}
    a = texture_mask(net, images[:2], "V2", ids=["x", "y"], **options).images
    np.testing.assert_array_equal(
        a, texture_mask(net, images[:2], "V2", ids=["x", "y"], **options).images
    )
    alone = texture_mask(net, images[1:2], "V2", ids=["y"], **options).images[0]
    # Sums of a batch are in another order: a rounded grey level here and there.
    assert (np.abs(alone.astype(int) - a[1]) <= 1).mean() > 0.99
    assert (
        np.abs(
            texture_mask(net, images[:1], "V2", ids=["x"], iterations=12, seed=6)
            .images[0]
            .astype(int)
            - a[0]
        )
        > 5
    ).mean() > 0.5


def test_a_descent_leaves_the_network_as_it_was(net, images):
    before = {k: v.clone() for k, v in net.state_dict().items()}
    with torch.inference_mode():  # as in a recording
        texture_mask(net, images[:1], "IT", iterations=2, step=6)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_steps_at_which_states_are_first_populated(net):
    assert [first_step(net, s) for s in ("V1", "V2", "V4", "IT")] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step": 2}, "V4 is not populated at step 2; give a step from 3"),
        ({"ids": ["a"]}, "3 images and 1 ids"),
        ({"iterations": -1}, "-1 iterations"),
    ],
)
def test_what_cannot_be_made_is_refused(net, images, options, message):
    with pytest.raises(StimulusError, match=message):
        texture_mask(net, images, "V4", **options)
    with pytest.raises(StimulusError, match="declares no preprocessing"):
        texture_mask(cortexsim.build("cortex4"), images, "V4")
    with pytest.raises(StimulusError, match="never populated"):
        first_step(net.lesioned("V2->V4"), "V4")


def test_images_of_other_sizes_are_fitted(net):
    look = Preprocessing((16, 16), *(getattr(declared(net), k) for k in ("mean", "std")))
    found = texture_mask(net, [sample().read(0)], "V1", preprocessing=look, iterations=1)
    assert found.images.shape == (1, 16, 16, 3)
