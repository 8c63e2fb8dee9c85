"""Presentations that several processes, or several micro-batches, share."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load

from cortexsim.errors import TrainingError
from cortexsim.models import build
from cortexsim.stimuli.images import Preprocessing
from cortexsim.training.presenting import Presenting, loss_of, presenting_of

from .helpers import Run, finish, settings, start, train

DOUBLE = str(Path(__file__).with_name("double.py"))
PREPROCESSING = Preprocessing((16, 16), (0.5,) * 3, (0.25,) * 3)


@pytest.fixture(scope="module")
def net():
    return build("cortex4")


def shown(net, what, part=slice(None)):
    """Twelve images, of which a part is shown."""
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (12, 3, 16, 16), dtype=np.uint8))
    generator = torch.Generator().manual_seed(3)
    return Presenting(what, net, 8).show(pixels, PREPROCESSING, generator, part=part)


@pytest.mark.parametrize("what", ["random-soa", "backward:25,50,50,white", "flash:50"])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_parts_are_those_of_the_whole_whoever_shows_them(net, what, count):
    whole, size = shown(net, what), 12 // count
    parts = [shown(net, what, slice(k * size, (k + 1) * size)) for k in range(count)]
    for k, (part, chunk) in enumerate(zip(parts, whole.chunk(count), strict=True)):
        for one, other in zip(part, chunk, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0)
        masks = dict(zip((part.masked + k * size).tolist(), part.masks, strict=True))
        for place, mask in zip(whole.masked.tolist(), whole.masks, strict=True):
            if place in masks:
                assert torch.equal(masks[place], mask)
    assert sum(len(part.masks) for part in parts) == len(whole.masks)
    for field in ("images", "image_on", "mask_on", "answerable"):
        together = torch.cat([getattr(part, field) for part in parts])
        assert torch.equal(together, getattr(whole, field))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_mean_loss_of_parts_is_the_loss_of_the_whole(net, count):
    """Also where few of the images of a part can be answered at a readout time."""
    whole, rng = shown(net, "random-soa"), np.random.default_rng(1)
    logits = {t: torch.from_numpy(rng.normal(size=(12, 10))).requires_grad_() for t in (4, 5, 8)}
    labels = torch.from_numpy(rng.integers(0, 10, 12))
    expected = loss_of(logits, labels, whole, smoothing=0.1)
    answerable = whole.answerable[:, [3, 4, 7]].T.double()
    losses = torch.stack(
        [
            torch.nn.functional.cross_entropy(v, labels, label_smoothing=0.1, reduction="none")
            for v in logits.values()
        ]
    )
    torch.testing.assert_close(expected, (losses * answerable).sum() / answerable.sum())
    parts = []
    for k, part in enumerate(whole.chunk(count)):
        own = slice(k * 12 // count, (k + 1) * 12 // count)
        few = {t: v[own] for t, v in logits.items()}
        parts.append(loss_of(few, labels[own], part, smoothing=0.1))
    torch.testing.assert_close(torch.stack(parts).mean(), expected)


def test_nothing_that_can_be_answered_is_no_loss(net):
    whole = shown(net, "random-soa")
    logits = {1: torch.zeros(12, 10, dtype=torch.float64)}
    assert loss_of(logits, torch.zeros(12, dtype=torch.long), whole, smoothing=0.0) == 0


def test_every_process_must_show_as_many_masks(crops, tmp_path, net):
    config = settings(crops(8, 64), tmp_path / "x", presentation="random-soa", batch_size=6)
    with pytest.raises(TrainingError, match="give `batch_size` a multiple of 4"):
        presenting_of(config, net, steps=8, processes=2)
    assert presenting_of(config, net, steps=8, processes=3) is not None
    assert presenting_of(config, net, steps=8, processes=1) is not None


def twenty_steps(data, out, **changes):
    how = {"model": "cortex4", "supervise": ("5", "8"), "presentation": "random-soa", **changes}
    return settings(data, out, train_count=320, epochs=1, validate_every=9, **how)


def same(one, two):
    """Every weight and statistic within 1e-5, and they have moved."""
    theirs, begun = load(one.bytes), build("cortex4", seed=0).state_dict()
    for key, value in load(two.bytes).items():
        torch.testing.assert_close(
            value, theirs[key], rtol=1e-5, atol=1e-5, msg=lambda m, k=key: f"{k}: {m}"
        )
    moved = [(theirs[k] - v).abs().max() for k, v in begun.items() if k.endswith("weight")]
    assert max(moved) > 0.01
    assert two.metrics[0]["loss"] == pytest.approx(one.metrics[0]["loss"], rel=1e-5)


@pytest.mark.slow
def test_two_processes_equal_one_after_20_steps_with_masks(crops, tmp_path, double):
    data = crops(8, 336)
    train(twenty_steps(data, tmp_path / "one"), log=lambda text: None)
    process = start(twenty_steps(data, tmp_path / "two"), DOUBLE)
    said = finish(process)
    assert process.returncode == 0, said[-3000:]
    same(Run(tmp_path / "one"), Run(tmp_path / "two"))


def test_micro_batches_with_masks_train(crops, tmp_path):
    out = tmp_path / "run"
    train(
        settings(
            crops(8, 64),
            out,
            model="cortex4",
            supervise=("5", "8"),
            presentation="random-soa",
            accumulate=2,
            epochs=1,
        ),
        log=lambda text: None,
    )
    assert np.isfinite(Run(out).metrics[0]["loss"])
