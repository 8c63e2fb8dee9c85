"""The recipe, steps of it by hand, every setting, and runs that must not leave weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cortexsim.errors import GraphError, TrainingError
from cortexsim.experiments.train.config import LEAST, TrainConfig
from cortexsim.models import build
from cortexsim.models.weights import bundled, load_weights
from cortexsim.training import feeding
from cortexsim.training.config import MOST
from cortexsim.training.control import epochs_and_drops
from cortexsim.training.recipes import RECIPES

from .helpers import Run, settings, train

# ------------------------------------------------------------------------------------------------ t


def test_the_defaults_are_the_memos():
    config = TrainConfig().settings()
    assert config == RECIPES["memo"]
    assert (config.lr, config.momentum, config.batch_size, config.weight_decay) == (
        0.01,
        0.9,
        64,
        0.0,
    )
    assert (config.optimizer, config.schedule, config.warmup) == ("sgd", "steps", 0)
    assert (config.label_smoothing, config.ema, config.cutout) == (0, 0, 0)
    assert (TrainConfig().pad, TrainConfig().flip, TrainConfig().supervise) == (4, True, ("last",))


@pytest.mark.parametrize(
    ("model", "epochs", "expected"),
    [
        ("cortex4", None, (60, (40, 50))),
        ("resnet1", None, (60, (40, 50))),
        ("tiny30", None, (140, (100, 120))),
        ("tiny64", None, (140, (100, 120))),
        ("cortex4", 6, (6, (4, 5))),
        ("cortex4", 120, (120, (80, 100))),
        ("cortex4", 1, (1, (1, 1))),
        ("tiny30", 7, (7, (5, 6))),
    ],
)
def test_the_schedule_is_the_memos_scaled_to_the_epochs(model, epochs, expected):
    assert epochs_and_drops(TrainConfig(epochs=epochs), model) == expected
    assert epochs_and_drops(TrainConfig(epochs=epochs, lr_drops=(2, 3, 9)), model)[1] == (
        2,
        3,
        9,
    )


@pytest.mark.parametrize(
    ("epochs", "drops", "rates"),
    [(6, None, [1, 1, 1, 1, 0.1, 0.01]), (4, (1, 3), [1, 0.1, 0.1, 0.01]), (2, (9,), [1, 1])],
)
def test_metrics_have_one_line_an_epoch_with_the_rate_of_the_schedule(
    trained, epochs, drops, rates
):
    run = trained(epochs=epochs, lr_drops=drops, lr=0.02, limit=32)
    assert [line["epoch"] for line in run.metrics] == list(range(1, epochs + 1))
    assert [line["step"] for line in run.metrics] == [2 * e for e in range(1, epochs + 1)]
    np.testing.assert_allclose([line["lr"] for line in run.metrics], 0.02 * np.array(rates))


@pytest.mark.parametrize(("every", "epochs"), [(1, [1, 2, 3]), (2, [2, 3]), (9, [3])])
def test_validation_is_every_so_many_epochs_and_after_the_last(trained, every, epochs):
    assert [
        line["epoch"] for line in trained(validate_every=every).metrics if "test_error" in line
    ] == epochs


# ------------------------------------------------------------------------------------------------ o


def by_hand(path, rates, *, readout, momentum, decay, count=48):
    """Full-batch training written out.

    The network, and (loss, error) at each step before its update.
    """
    with np.load(path) as file:
        x, y = file["x"][:count] / 255, torch.from_numpy(file["y"][:count])
    x = (x - x.mean((0, 1, 2))) / x.std((0, 1, 2))
    images = torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32))
    images = images.to(torch.get_default_dtype())
    net = build("cortex4-adjacent", seed=0, readout=readout).train()
    velocity = [torch.zeros_like(p) for p in net.parameters()]
    seen = []
    for rate in rates:
        logits = net.readouts(images, readout)
        loss = sum(
            (torch.logsumexp(v, 1) - v[range(count), y]).mean() for v in logits.values()
        ) / len(readout)
        seen.append((loss.item(), (logits[max(readout)].argmax(1) != y).double().mean().item()))
        gradients = torch.autograd.grad(loss, list(net.parameters()))
        with torch.no_grad():
            for p, v, g in zip(net.parameters(), velocity, gradients, strict=True):
                v.mul_(momentum).add_(g + decay * p)
                p -= rate * v
    return net, seen


@pytest.mark.sampled(1)
@pytest.mark.parametrize("readout", [(5,), (5, 6, 7)])
@pytest.mark.parametrize(("momentum", "decay"), [(0.9, 0.0), (0.5, 0.1)])
def test_steps_are_sgd_on_the_mean_loss_of_the_readouts(
    trained, crops, double, readout, momentum, decay
):
    changes = {
        "momentum": momentum,
        "weight_decay": decay,
        "pad": 0,
        "flip": False,
        "lr": 0.02,
        "lr_drops": (1, 2),
    }
    run = trained(readout=readout, batch_size=48, **changes)
    net, seen = by_hand(
        crops(8, 64), [0.02, 0.002, 0.0002], readout=readout, momentum=momentum, decay=decay
    )
    np.testing.assert_allclose(
        [line["loss"] for line in run.metrics], [loss for loss, _ in seen], rtol=1e-4
    )
    np.testing.assert_allclose(
        [line["train_error"] for line in run.metrics], [error for _, error in seen]
    )
    ours = dict(load_weights(run.weights).named_parameters())
    start = dict(build("cortex4-adjacent", seed=0, readout=readout).named_parameters())
    for name, expected in net.named_parameters():
        moved = (expected - start[name]).abs().max()
        assert (ours[name] - expected).abs().max() <= 0.01 * moved + 1e-7, name


def test_an_epoch_shows_every_image_once_and_drops_the_rest(crops, tmp_path, monkeypatch):
    seen: list[torch.Tensor] = []

    def note(padded, index, size, **options):
        seen.append(index)
        return real(padded, index, size, **options)

    real = feeding.crop_and_flip
    monkeypatch.setattr(feeding, "crop_and_flip", note)
    train(settings(crops(8, 64), tmp_path / "0", batch_size=10), log=lambda text: None)
    epochs = [torch.cat(seen[k : k + 4]).tolist() for k in (0, 4, 8)]
    assert len(seen) == 12
    assert all(len(set(e)) == 40 and set(e) <= set(range(48)) for e in epochs)
    train(settings(crops(8, 64), tmp_path / "1", batch_size=10, seed=1), log=lambda text: None)
    epochs.append(torch.cat(seen[12:16]).tolist())
    assert len({tuple(e) for e in epochs}) == 4  # another order in each epoch and for each seed


# ------------------------------------------------------------------------------------------------ s

CHANGES = {
    "model": "cortex4-full",
    "limit": 32,
    "epochs": 2,
    "lr": 0.02,
    "lr_drops": (1,),
    "batch_size": 24,
    "optimizer": "adamw",
    "schedule": "cosine",
    "warmup": 1.0,
    "label_smoothing": 0.1,
    "ema": 0.5,
    "cutout": 3,
    "recipe": "modern",
    "supervise": ("4", "5"),
    "random_readout": (4, 6),
    "momentum": 0.5,
    "weight_decay": 0.1,
    "pad": 1,
    "flip": False,
    "readout": (6,),
    "inhomogeneous": True,
    "norm": "shared",
    "calibrate_to": 6,
    "seed": 1,
    "precision": "bfloat16",
    "bias_rate": 2.0,
    "whitening": "learned",
    "alternating_flip": True,
    "hold_out": 8,
}


@pytest.fixture(scope="module")
def plain(crops, tmp_path_factory) -> Run:
    """The 9 steps of :func:`settings`, undisturbed."""
    folder = tmp_path_factory.mktemp("plain")
    train(settings(crops(8, 64), folder), log=lambda text: None)
    return Run(folder)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_changes_the_weights_and_is_in_the_card(trained, plain, name):
    run = trained(**{name: CHANGES[name]})
    value = CHANGES[name]
    assert run.bytes != plain.bytes
    assert run.card["recipe"][name] == (list(value) if isinstance(value, tuple) else value)


def test_settings_of_no_consequence_leave_the_weights_alone(trained, plain):
    assert trained("same").bytes == plain.bytes
    assert trained("other", checkpoint_seconds=0.0, validate_every=2).bytes == plain.bytes


def test_memory_format_changes_rounding_only(trained, double):
    np.testing.assert_allclose(
        [line["loss"] for line in trained("rows", channels_last=False).metrics],
        [line["loss"] for line in trained("last", channels_last=True).metrics],
        rtol=1e-9,  # see double: 1e-16 in each of 9 steps, and what they make of it
    )


@pytest.mark.parametrize("name", LEAST)
@pytest.mark.parametrize("below", [-1, float("nan")])
def test_numbers_without_meaning_are_refused(name, below):
    with pytest.raises(
        TrainingError,
        match=f"`{name}` is {below}; it must be at least {LEAST[name]}",
    ):
        TrainConfig(**{name: below})
    TrainConfig(**{name: LEAST[name]})


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"batch_size": 49}, TrainingError, "48 training images do not fill one batch of 49"),
        (
            {"calibrate_to": 4},
            TrainingError,
            "`calibrate_to=4` is before the last trained step; give",
        ),
        ({"model": "cortex5"}, GraphError, "no network is called 'cortex5'; did you mean cortex4"),
    ],
)
def test_a_run_that_cannot_start_leaves_its_folder_free(crops, tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        train(settings(crops(8, 64), tmp_path / "run", **changes), log=lambda text: None)
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------------------------------------ l


def constant(tmp_path):
    """Images without variance: (x - mean) / std is nan."""
    np.savez(
        tmp_path / "constant.npz", x=np.full((64, 8, 8, 3), 77, np.uint8), y=np.arange(64) % 10
    )
    return tmp_path / "constant.npz"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": 1e38}, r"the loss is nan at step 1 \(epoch 1, learning rate 1e\+38\)"),
        (
            {"lr": 1e38, "batch_size": 48},
            r"test images are not finite after step 1 \(learning rate 1e\+38\)",
        ),
    ],
    ids=["huge rate", "huge rate in the last step"],
)
def test_a_loss_that_is_not_finite_stops_the_run(crops, tmp_path, monkeypatch, changes, message):
    monkeypatch.setitem(MOST, "lr", float("inf"))
    data = crops(8, 64)
    with pytest.raises(TrainingError, match=message):
        train(settings(data, tmp_path / "run", **{"epochs": 1, **changes}), log=lambda text: None)
    # No weights, no card, no line of metrics.
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["config.json"]


def test_images_without_variance_are_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"constant: in a channel all pixels .* are 77: there"):
        train(settings(constant(tmp_path), tmp_path / "run", epochs=1))
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------------------ runs that are done


def test_a_folder_with_weights_of_another_origin_is_refused_and_left_alone(crops, tmp_path):
    """Copied there: they are no run of this folder, whatever they are called."""
    folder = tmp_path / "run"
    folder.mkdir()
    for suffix in (".safetensors", ".json"):
        copied = bundled("cortex4").with_suffix(suffix)
        (folder / f"cortex4-adjacent{suffix}").write_bytes(copied.read_bytes())
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(TrainingError, match=r"holds cortex4-adjacent\.safetensors and no config"):
        train(settings(crops(8, 64), folder))
    after = {p.name: p.read_bytes() for p in folder.iterdir() if p.name in before}
    assert after == before


def test_a_run_that_is_done_is_of_the_images_of_now(crops, tmp_path):
    data, folder = tmp_path / "own.npz", tmp_path / "run"
    data.write_bytes(crops(8, 64).read_bytes())
    config = settings(data, folder, epochs=1)
    weights = train(config)
    assert train(config) == weights
    with np.load(data) as file:
        np.savez(data, x=255 - file["x"], y=file["y"])
    with pytest.raises(TrainingError, match="holds a run that is done, on other images"):
        train(config)
    data.unlink()
    assert train(config) == weights  # there is nothing to compare with


def test_weights_of_a_run_that_is_done_and_damaged_are_refused(crops, tmp_path):
    config = settings(crops(8, 64), tmp_path / "run", epochs=1)
    weights = train(config)
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(TrainingError, match="is damaged: its sha256 is not that of its card"):
        train(config)
