"""Training with presentations.

What is drawn, that the network runs it as it runs frames, and that a run with it can be resumed.
"""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import cortexsim
from cortexsim.errors import TrainingError
from cortexsim.models import build, calibrate
from cortexsim.stimuli.forms import backward_mask
from cortexsim.stimuli.images import Preprocessing
from cortexsim.stimuli.masks import MASKS, mask
from cortexsim.stimuli.presentation import compose
from cortexsim.timeaxis import TimeAxis
from cortexsim.training import presenting
from cortexsim.training.presenting import (
    TRAINED_MASKS,
    Presenting,
    Shown,
    arriving,
    driven,
    loss_of,
    presenting_of,
)

from .helpers import Killed, killed_at, settings, train

PREPROCESSING = Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3)


def pixels(count, seed=0):
    return torch.randint(
        0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


@pytest.fixture(scope="module")
def net():
    return calibrate(build("cortex4", seed=1), PREPROCESSING.normalise(pixels(64)), steps=8)


@pytest.mark.parametrize(
    ("model", "steps"), [("cortex4", 12), ("cortex4", 8), ("cortex4-adjacent", 5), ("rnn2", 10)]
)
def test_what_is_drawn_is_what_is_documented(model, steps):
    presenting = Presenting("random-soa", build(model), steps)
    image, masks, masked = (
        x.numpy() for x in presenting.draw(4000, torch.Generator().manual_seed(2))
    )
    assert not (image & masks).any(), "a screen shows one thing at a time"
    np.testing.assert_array_equal(masked, np.arange(0, 4000, 2))
    np.testing.assert_array_equal(masks.any(1), np.arange(4000) % 2 == 0)
    onset, on = image.argmax(1), image.sum(1)
    assert set(on) == set(range(1, min(6, steps - 1) + 1))
    for shown in (image, masks):  # each is on without a break
        assert (np.abs(np.diff(shown.astype(int), axis=1, prepend=0)).sum(1) <= 2).all()
    assert (onset + presenting.delay < steps).all(), (
        "every image can be answered at the last readout time"
    )
    forward = masks[:, 0]
    assert (onset[~forward] == 0).all()
    soa = masks.argmax(1)[~forward & masks.any(1)] - on[~forward & masks.any(1)]
    assert set(soa) <= set(range(5))
    assert abs(forward[::2].mean() - 0.25) < 0.03
    if steps == 12:
        assert set(onset[forward]) == set(range(1, 7))
        assert set(soa) == set(range(5))
    again = presenting.draw(4000, torch.Generator().manual_seed(2))
    assert all(np.array_equal(a, b) for a, b in zip(again, (image, masks, masked)))


def test_images_and_masks_of_a_batch_run_as_their_frames_by_hand(net):
    presenting = Presenting("random-soa", net, 8)
    shown = presenting.show(pixels(8), PREPROCESSING, torch.Generator().manual_seed(5))
    assert not shown.images.isnan().any()
    with torch.no_grad():
        found = driven(net).readouts(arriving(net, shown, 8), (6, 8))
        for i in range(8):
            place = shown.masked.tolist().index(i) if i in shown.masked else None
            frames = [
                shown.images[i : i + 1]
                if on
                else shown.masks[place : place + 1]
                if masked
                else None
                for on, masked in zip(shown.image_on[i].tolist(), shown.mask_on[i].tolist())
            ]
            by_hand = net.readouts(frames, (6, 8))
            for t in (6, 8):
                torch.testing.assert_close(found[t][i : i + 1], by_hand[t], rtol=1e-4, atol=1e-4)


def test_gradients_of_a_flash_of_one_step_are_those_of_plain_training():
    x, labels = pixels(16), torch.arange(16) % 10
    gradients = []
    for what in (None, "flash:25"):
        net = build("cortex4", seed=3).double().train()
        if what is None:
            logits = net.readouts(PREPROCESSING.normalise(x).double(), (6, 8))
            loss = torch.stack([F.cross_entropy(v, labels) for v in logits.values()]).mean()
        else:
            presenting = Presenting(what, net, 8)
            shown = presenting.show(x, PREPROCESSING, torch.Generator())
            shown = Shown(*(t.double() if t.is_floating_point() else t for t in shown))
            loss = loss_of(presenting.readouts(net, shown, (6, 8)), labels, shown, smoothing=0.0)
        loss.backward()
        gradients.append([p.grad for p in net.parameters()])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_the_loss_is_the_mean_over_answerable_readouts():
    rng = torch.Generator().manual_seed(0)
    logits = {t: torch.randn(5, 3, generator=rng) for t in (4, 5, 6)}
    labels, answerable = torch.tensor([0, 1, 2, 0, 1]), torch.zeros(5, 6)
    for i, first in enumerate((4, 5, 6, 4, 6)):
        answerable[i, first - 1 :] = 1
    shown = Shown(*[torch.zeros(5, 1)] * 5, answerable)
    terms = [
        -logits[t].log_softmax(1)[i, labels[i]]
        for t in logits
        for i in range(5)
        if answerable[i, t - 1]
    ]
    torch.testing.assert_close(
        loss_of(logits, labels, shown, smoothing=0.0), torch.stack(terms).mean()
    )


def test_masks_of_random_presentations_are_of_the_trained_kinds_and_of_other_images(net):
    presenting, x = Presenting("random-soa", net, 8), pixels(64)
    shown = presenting.show(
        x, Preprocessing((32, 32), (0.0,) * 3, (1.0,) * 3), torch.Generator().manual_seed(1)
    )
    masks = (shown.masks * 255).round().permute(0, 2, 3, 1).numpy()
    held_out = {"checkerboard", "grey"}
    assert set(TRAINED_MASKS) | held_out == set(MASKS)
    assert not any(np.isin(m, (0, 255)).all() or (m == 128).all() for m in masks)
    # Block-scrambled masks hold the pixels of the image that they are made from.
    images = x.permute(0, 2, 3, 1).reshape(64, -1).sort(1).values.numpy()
    sources = [
        (i, k)
        for i, m in zip(shown.masked.tolist(), masks)
        for k in range(64)
        if np.array_equal(np.sort(m.ravel()), images[k])
    ]
    assert len(sources) >= 3
    assert all(k == (i + 1) % 64 for i, k in sources)


def test_a_fixed_presentation_is_that_of_a_recording(net):
    what = backward_mask(50, soa_ms=75, mask_ms=50, kind="pink")
    presenting = Presenting(what.to_json(), net, 8)
    x, labels = pixels(40, seed=4), torch.arange(40) % 10
    shown = presenting.show(x, PREPROCESSING, torch.Generator().manual_seed(0))
    by_hand = compose(what.frames(TimeAxis(), 8), {"image": shown.images, "mask": shown.masks})
    with torch.no_grad():
        answers = {t: v.argmax(1) for t, v in net.readouts(by_hand, (6, 8)).items()}
    errors = presenting.errors(net, x, labels, preprocessing=PREPROCESSING, at=(6, 8), seed=0)
    assert errors["all"] == errors["masked"] == {
        t: float((a != labels).float().mean()) for t, a in answers.items()
    } or all(
        abs(errors["all"][t] - float((answers[t] != labels).float().mean())) < 1e-6 for t in (6, 8)
    )
    assert errors["unmasked"] == {}
    seeds = torch.Generator().manual_seed(0)
    torch.randint(4, (40,), generator=seeds)
    seed = torch.randint(2**62, (40,), generator=seeds).tolist()[3]
    expected = mask("pink", x[3].permute(1, 2, 0).numpy(), "", seed=seed)
    np.testing.assert_array_equal(shown.masks[3], PREPROCESSING([expected])[0])


def test_statistics_are_those_of_the_frames():
    x = pixels(60, seed=6)
    ours, theirs = (build("cortex4", seed=2) for _ in range(2))
    Presenting("flash:50", ours, 8).calibrate(ours, x, PREPROCESSING, 10, seed=0)
    images = PREPROCESSING.normalise(x)
    calibrate(theirs, [images, images] + [None] * 8, 10)
    for (name, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4, msg=name)


@pytest.mark.parametrize("count", [501, 500, 260])
def test_no_batch_of_statistics_is_of_a_few_images(count, net, monkeypatch):
    """A row is normalised by its batch while it is estimated; one image has no variance."""
    sizes = []
    real = Presenting.show

    def note(self, pixels, *args, **more):
        sizes.append(len(pixels))
        return real(self, pixels, *args, **more)

    monkeypatch.setattr(Presenting, "show", note)

    def drained(net, runs, *args, **more):
        for _ in runs:
            pass
        return net

    monkeypatch.setattr(presenting, "estimate", drained)
    x = torch.zeros((count, 3, 32, 32), dtype=torch.uint8)
    Presenting("flash:50", copy.deepcopy(net), 8).calibrate(net, x, PREPROCESSING, 8, seed=0)
    assert sum(sizes) == count
    assert min(sizes) > 249
    assert max(sizes) <= 500


@pytest.mark.slow
def test_a_killed_run_ends_as_one_that_was_not(trained, crops, tmp_path):
    options = {"presentation": "random-soa", "supervise": ("4", "5"), "checkpoint_seconds": 0}
    whole = trained("whole", **options)
    for call in (4, 3, 2):
        with pytest.raises(Killed), killed_at(call, torn=bool(call % 2)):
            trained("killed", **options)
    resumed = trained("killed", **options)
    assert resumed.bytes == whole.bytes
    assert resumed.losses == whole.losses
    assert resumed.card["presentation"] == whole.card["presentation"]
    assert {"what", "masks", "seed", "test_error_by_readout", "note"} <= whole.card[
        "presentation"
    ].keys()
    assert set(whole.card["presentation"]["test_error_by_readout"]) == {"all", "masked", "unmasked"}
    assert trained("other", presentation="flash:25", supervise=("4", "5")).bytes != whole.bytes


def test_a_run_begins_with_the_weights_it_is_given(trained, tmp_path):
    first = trained("first", epochs=1)
    tuned = trained("tuned", epochs=1, lr=0.0, from_weights=str(first.weights))
    assert tuned.card["from"] == {
        "name": "cortex4-adjacent",
        "weights_sha256": first.card["weights_sha256"],
    }
    nets = [cortexsim.load(r.weights) for r in (first, tuned)]
    for a, b in zip(*(n.parameters() for n in nets), strict=True):
        assert torch.equal(a, b)
    assert "from_weights" not in tuned.card["recipe"]
    assert "from" not in first.card
    with pytest.raises(TrainingError, match=r"(?s)other parameters.*V2->V1.*there"):
        trained("wrong", from_weights="cortex4")
    assert not (tmp_path / "wrong").exists()


def test_weights_with_a_readout_of_other_classes_are_trained_further(trained, crops, tmp_path):
    first = trained("first", epochs=1)
    with np.load(crops(8, 64)) as file:
        np.savez(tmp_path / "three.npz", x=file["x"], y=file["y"] % 3)
    config = settings(
        tmp_path / "three.npz", tmp_path / "on", epochs=1, lr=0.0, from_weights=str(first.weights)
    )
    with killed_at(3, torn=False), pytest.raises(Killed):
        train(config, log=lambda text: None)
    kept = first.weights.rename(tmp_path / "gone")  # the checkpoint has all that it began with
    tuned = cortexsim.load(train(config, log=lambda text: None))
    kept.rename(first.weights)
    assert tuned.classes == 3
    assert "the readout of 3 classes was drawn anew" in tuned.card["from"]["note"]
    theirs = dict(cortexsim.load(first.weights).named_parameters())
    for name, parameter in tuned.named_parameters():
        if not name.startswith("post_net."):
            assert torch.equal(parameter, theirs[name])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "cortex4-twin"}, "V1 of this one is empty at step 2"),
        ({"presentation": "rsvp:2,50"}, "training shows one image a trial"),
        ({"presentation": "backward:25,25,25,texture:V4"}, "cannot be made for every batch"),
        ({"presentation": "backward:25,25,25,plaid"}, "cannot be made for every batch"),
        ({"presentation": "flash:30"}, "nearest: 25 or 50 ms"),
        ({"presentation": "sometimes"}, "cannot read the presentation 'sometimes'"),
    ],
)
def test_what_cannot_be_trained_with_is_refused_before_anything_is_written(
    crops, tmp_path, changes, message
):
    from cortexsim.errors import CortexsimError

    config = settings(crops(8, 64), tmp_path / "x", **{"presentation": "random-soa", **changes})
    with pytest.raises(CortexsimError, match=message):
        train(config, log=lambda text: None)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("forward:25,75,50,phase", r"the image comes at step 4 and is answered 3 steps later"),
        (
            "forward:25,500,450,phase",
            "the image comes on at 500 ms, which is step 21 of a run of 5",
        ),
        ("backward:25,1000,50,phase", "no mask comes until the last trained step, 5"),
        ("random", "cannot read the presentation 'random'; give .*; or random-soa"),
    ],
)
def test_presentations_without_an_answer_or_their_mask_are_refused(what, message):
    adjacent = cortexsim.build("cortex4-adjacent")
    with pytest.raises(TrainingError, match=message):
        Presenting(what, adjacent, 5)


def test_no_presentation_is_nothing_to_present(crops, tmp_path, net):
    assert presenting_of(settings(crops(8, 64), tmp_path / "x"), net, steps=8, processes=2) is None
