"""Images held out of training, and errors with mirror images."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from cortexsim.errors import TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.models.weights import load_weights
from cortexsim.stimuli.image_set import ImageSet
from cortexsim.training import Settings, feeding
from cortexsim.training.feeding import part_of, unlike_sharpness

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


# --------------------------------------------------------------------------- order of the images


@pytest.fixture
def by_class():
    """90 images of three classes, class by class, whose pixels tell their place."""
    x = torch.arange(90, dtype=torch.uint8)[:, None, None, None].expand(90, 3, 4, 4).contiguous()
    y = torch.arange(3).repeat_interleave(30)
    return ImageSet("sorted", x, y, x[::10], y[::10], ("cat", "dog", "bird"))


@pytest.mark.parametrize("options", [{"limit": 9}, {"hold_out": 9}, {"limit": 9, "hold_out": 9}])
def test_of_images_class_by_class_parts_are_of_all_classes(by_class, options):
    images = part_of(by_class, Settings(**options))
    assert images.train_y.bincount().tolist() == [len(images.train_y) // 3] * 3
    if "hold_out" in options:
        assert images.test_y.bincount().tolist() == [3] * 3
        shown = (set(x[:, 0, 0, 0].tolist()) for x in (images.train_x, images.test_x))
        assert not set.intersection(*shown)
    place = images.train_x[:, 0, 0, 0].long()
    assert torch.equal(by_class.train_y[place], images.train_y)
    assert any("in turn from all classes" in note for note in images.notes)


def test_statistics_are_of_all_classes_whatever_the_order(by_class, monkeypatch):
    monkeypatch.setattr(feeding, "CALIBRATION_IMAGES", 30)
    mixed = torch.from_numpy(np.random.default_rng(0).permutation(90))
    for order in (torch.arange(90), mixed):
        images = dataclasses.replace(
            by_class, train_x=by_class.train_x[order], train_y=by_class.train_y[order]
        )
        part = part_of(images, Settings())
        feed = feeding.InMemory(part, Settings(), part=slice(None), device=torch.device("cpu"))
        held = by_class.train_y[feed.sample()[:, 0, 0, 0].long()].bincount(minlength=3)
        assert held.min() >= 6, "of 10 expected of each class"


def test_a_mixed_order_stays_as_it_is(by_class):
    mixed = torch.from_numpy(np.random.default_rng(0).permutation(90))
    images = dataclasses.replace(
        by_class, train_x=by_class.train_x[mixed], train_y=by_class.train_y[mixed]
    )
    limited = part_of(images, Settings(limit=40))
    assert torch.equal(limited.train_x, images.train_x[:40])
    assert not limited.notes


def test_classes_without_training_images_are_refused_or_said(by_class):
    few = dataclasses.replace(
        by_class, train_x=by_class.train_x[:60], train_y=by_class.train_y[:60]
    )
    with pytest.raises(TrainingError, match=r"no training image is of bird, .* \(1 of 3 classes\)"):
        part_of(few, Settings())
    one = dataclasses.replace(
        few, train_x=few.train_x[:30], train_y=few.train_y[:30], test_y=few.test_y * 0
    )
    with pytest.raises(TrainingError, match="all 30 training images are of one class, cat"):
        part_of(one, Settings())
    two = part_of(by_class, Settings(limit=2))
    assert any("no training image is of bird" in note for note in two.notes)


def test_classes_that_are_never_tested_are_noted():
    x = torch.randint(0, 256, (60, 3, 8, 8), dtype=torch.uint8)
    y = torch.arange(60) % 3
    known = y[:30] < 2
    images = ImageSet("a", x[:30], y[:30], x[30:][known], y[30:][known], ("cat", "dog", "owl"))
    (note,) = part_of(images, Settings()).notes
    assert note.startswith("no test image is of owl (1 of 3 classes)")
