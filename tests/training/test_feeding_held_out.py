"""Images held out of training, and errors with mirror images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cortexsim.experiments.train.config import TrainConfig
from cortexsim.models.weights import load_weights
from cortexsim.training.feeding import unlike_sharpness

from .helpers import Run, images_for, same, settings, train


def test_images_held_out_take_the_place_of_the_test_images(crops):
    path = crops(8, 64)
    with np.load(path) as file:
        x, y = torch.from_numpy(file["x"]).permute(0, 3, 1, 2), torch.from_numpy(file["y"])
    images = images_for(TrainConfig(data=str(path), train_count=48, hold_out=10))
    assert torch.equal(images.train_x, x[:38])
    assert torch.equal(images.test_x, x[38:48])
    assert torch.equal(images.train_y, y[:38])
    assert torch.equal(images.test_y, y[38:48])
    limited = images_for(TrainConfig(data=str(path), train_count=48, hold_out=10, limit=20))
    assert torch.equal(limited.train_x, x[:20])
    assert torch.equal(limited.test_x, x[38:48])


def test_test_images_have_no_part_in_a_run_that_holds_out(crops, tmp_path):
    """Other test images, the same run.

    Other images held out, the same weights and other errors at most.
    """
    with np.load(crops(8, 64)) as file:
        x, y = file["x"].copy(), file["y"].copy()
    runs = []
    for name, changed in (("as is", slice(0)), ("test", slice(48, None)), ("held", slice(38, 48))):
        ours = x.copy()
        ours[changed] = 255 - ours[changed]
        path = tmp_path / f"{name}.npz"
        np.savez(path, x=ours, y=y)
        train(settings(path, tmp_path / name, hold_out=10), log=lambda text: None)
        runs.append(Run(tmp_path / name))
    assert same(runs[0], runs[1])
    errors = [run.card["held_out_error_by_readout"] for run in runs[:2]]
    assert errors[0] == errors[1]
    assert runs[0].bytes == runs[2].bytes


def test_the_card_says_what_the_errors_are_of(trained):
    run = trained("held", hold_out=10)
    card = run.card
    assert card["held_out_error"] == run.metrics[-1]["held_out_error"]
    assert not [k for k in (*card, *run.metrics[-1]) if k.startswith("test_error")]
    assert f"held-out error {100 * card['held_out_error']:.1f} %" in str(load_weights(run.weights))
    assert card["tested_on"].startswith("the last 10 training images, held out of training")
    assert (card["data"]["train"], card["data"]["test"], card["data"]["held_out"]) == (38, 10, 10)
    assert any("held out" in note for note in card["data"]["notes"])
    usual = trained("usual").card
    assert "tested_on" not in usual
    assert "held_out" not in usual["data"]


@pytest.mark.slow
def test_the_error_with_mirror_images_is_of_the_mean_answer_and_stands_apart(trained, crops):
    run, plain = trained("mirror", mirror_test=True), trained("plain")
    assert run.bytes == plain.bytes
    assert run.card["test_error_by_readout"] == plain.card["test_error_by_readout"]
    assert run.card["test_error"] == plain.card["test_error"]
    assert "mirrored_test_error_by_readout" not in plain.card
    net = load_weights(run.weights)
    with np.load(crops(8, 64)) as file:
        x, y = file["x"][48:] / 255, torch.from_numpy(file["y"][48:])
    p = run.card["preprocessing"]
    x = torch.from_numpy(((x - p["mean"]) / p["std"]).transpose(0, 3, 1, 2).astype(np.float32))
    with torch.no_grad():
        for t, error in run.card["mirrored_test_error_by_readout"].items():
            mean = (
                net.readouts(x, (int(t),))[int(t)] + net.readouts(x.flip(3), (int(t),))[int(t)]
            ) / 2
            assert error == pytest.approx((mean.argmax(1) != y).double().mean().item())


def soft(x):
    """Images made smaller and larger again."""
    return torch.nn.functional.interpolate(
        torch.nn.functional.avg_pool2d(x.float(), 2), scale_factor=2, mode="bilinear"
    ).to(torch.uint8)


def test_test_images_that_were_made_in_another_way_are_noted(pictures):
    x = torch.from_numpy(pictures[0]).permute(0, 3, 1, 2)
    assert unlike_sharpness(x[:200], x[200:]) is None
    note = unlike_sharpness(soft(x[:200]), x[200:])
    sharp, blurred = (
        float((one[..., 1:].float() - one[..., :-1].float()).abs().mean())
        for one in (x[200:], soft(x[:200]))
    )
    assert "the test images are sharper than the training images" in note
    assert f"differ by {sharp:.1f} and {blurred:.1f} of 255" in note
    assert "softer" in unlike_sharpness(x[:200], soft(x[200:]))
    # A few images differ by chance: not believed.
    assert unlike_sharpness(soft(x[:3]), x[200:203]) is None
    assert unlike_sharpness(torch.zeros_like(x[:9]), torch.zeros_like(x[:9])) is None


def test_the_note_is_in_the_card(pictures, tmp_path):
    x, y = pictures[0][:, :16, :16].copy(), pictures[1]
    x[:120] = soft(torch.from_numpy(x[:120]).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    np.savez(tmp_path / "images.npz", x=x[:240], y=y[:240])
    config = settings(tmp_path / "images.npz", tmp_path / "run", train_count=120, epochs=1)
    train(config, log=lambda text: None)
    assert any("sharper" in note for note in Run(tmp_path / "run").card["data"]["notes"])
