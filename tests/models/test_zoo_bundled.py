"""The bundled weights do on real images what their card says."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import torch

import cortexsim
from cortexsim.models.weights import bundled_seeds, with_seed
from cortexsim.stimuli.images import Preprocessing
from cortexsim.stimuli.tiny_imagenet import IN_DATA_FOLDER, tiny_imagenet

N = 2000
ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "data" / "weights"
TRAININGS = [
    with_seed(net, seed) for net in ("cortex4", "cortex4-twin") for seed in bundled_seeds(net)
]


def wrong_of(net, images, labels, *, among=1):
    """Readout step -> how many images it answers wrongly, among its so many best answers."""
    preprocessing = Preprocessing.from_dict(net.card["preprocessing"])
    wrong = dict.fromkeys(map(int, net.card["test_error_by_readout"]), 0)
    with torch.inference_mode():
        for start in range(0, N, 500):
            part = slice(start, start + 500)
            for t, logits in net.readouts(preprocessing(list(images[part])), at=wrong).items():
                best = np.argsort(-logits.numpy(), axis=1)[:, :among]
                wrong[t] += int((best != labels[part, None]).all(1).sum())
    return wrong


def close(wrong, errors):
    """Assert that they are what the card says: its errors are of 10,000 test images, these of N."""
    for t, count in wrong.items():
        error = errors[str(t)]
        spread = math.sqrt(error * (1 - error) / N)
        assert abs(count / N - error) < 4 * spread, f"step {t}: {count / N:.3f}, not {error:.3f}"


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_a_network_has_the_errors_of_its_card_at_every_readout(cifar10, name):
    x, y, _ = cifar10
    net = cortexsim.load(name)
    test = slice(50_000, 50_000 + N)
    close(wrong_of(net, x[test], y[test]), net.card["test_error_by_readout"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cortex4", "cortex4-twin"])
def test_the_mean_over_an_image_and_its_mirror_image_errs_as_the_page_says(cifar10, name):
    x, y, _ = cifar10
    net = cortexsim.load(name)
    preprocessing = Preprocessing.from_dict(net.card["preprocessing"])
    wrong = dict.fromkeys(("test_error", "mirrored_test_error"), 0)
    with torch.inference_mode():
        for start in range(50_000, 60_000, 500):
            part = slice(start, start + 500)
            shown = preprocessing(list(x[part]))
            one, mirrored = (net.readouts(v, at=(8,))[8].numpy() for v in (shown, shown.flip(3)))
            for what, logits in zip(wrong, (one, one + mirrored), strict=True):
                wrong[what] += int((logits.argmax(1) != y[part]).sum())
    said = json.loads((ROOT / "docs" / "mirror.json").read_text())["networks"][name]
    for what, count in wrong.items():  # an image may lie between two classes on other machines
        assert count / 10_000 == pytest.approx(said[what], abs=0.0005)


@pytest.mark.parametrize("name", TRAININGS)
def test_the_card_tells_classes_data_and_calibration(name):
    card = cortexsim.load(name).card
    assert card["classes"] == [
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ]
    assert card["calibrated_to_step"] == 12
    assert any("172 images" in note for note in card["data"]["notes"])
    assert np.isclose(card["test_error"], card["test_error_by_readout"]["8"])


@pytest.mark.parametrize("net", ["cortex4", "cortex4-twin"])
def test_trainings_of_a_net_differ_in_the_seed_alone(net):
    cards = [cortexsim.load(net, seed=k).card for k in bundled_seeds(net)]
    first, *others = [{k: v for k, v in c["recipe"].items() if k != "seed"} for c in cards]
    assert first["epochs"] == 30
    assert all(other == first for other in others)
    assert [card["recipe"]["seed"] for card in cards] == list(bundled_seeds(net))
    assert len({card["weights_sha256"] for card in cards}) == len(cards)
    assert len({(card["data"]["sha256"], card["data"]["train"]) for card in cards}) == 1


def test_cards_are_as_the_trainer_wrote_them():
    """Nobody added a remark or a name of a class: each has what a card of today has."""
    cards = {f.stem: json.loads(f.read_text()) for f in sorted(WEIGHTS.glob("*.json"))}
    usual = set(cards["cortex4-seed1"])
    some = {"presentation", "test_error_top5", "test_error_top5_by_readout"}
    for name, card in cards.items():
        more = set(card) - usual
        assert more <= some, (name, more)
        assert usual <= set(card), name
        assert [p["git_commit"] for p in card["provenance"] if "dirty" in p["git_commit"]] == []
        assert card["recipe"]["kernels"] == "bfloat16"


def test_every_state_can_be_recorded_at_every_step_up_to_12():
    net = cortexsim.load("cortex4")
    with torch.inference_mode():
        steps = dict(net.unroll(3 * torch.rand(2, 3, 32, 32) - 1.5, steps=12))
    assert list(steps[12]) == ["V1", "V2", "V4", "IT"]
    assert all(torch.isfinite(s).all() for states in steps.values() for s in states.values())


PHOTOGRAPHS = ("cortex4-photographs", "cortex4-twin-photographs")


@pytest.mark.slow
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_network_of_photographs_has_the_errors_of_its_card(name, data_folder):
    images = tiny_imagenet(str(data_folder / IN_DATA_FOLDER[0]))
    x, y = images.test_x[:N].permute(0, 2, 3, 1).numpy(), images.test_y[:N].numpy()
    net = cortexsim.load(name)
    assert net.card["classes"] == list(images.classes)
    for among, kind in ((1, "test_error"), (5, "test_error_top5")):
        assert net.card[kind] == net.card[f"{kind}_by_readout"]["8"]
        close(wrong_of(net, x, y, among=among), net.card[f"{kind}_by_readout"])


@pytest.mark.slow
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_softened_photographs_are_answered_as_the_page_says(name, data_folder):
    said = json.loads((ROOT / "docs" / "photographs.json").read_text())
    images = tiny_imagenet(str(data_folder / IN_DATA_FOLDER[0]))
    kernel = [said["a"], 1 - 2 * said["a"], said["a"]]
    softened = images.test_x.numpy().astype(np.float32)
    for axis in (2, 3):
        softened = scipy.ndimage.convolve1d(softened, kernel, axis=axis, mode="mirror")
    softened = softened.round().clip(0, 255).astype(np.uint8)

    def sharpness(x):
        return float(np.abs(np.diff(np.asarray(x, np.int16), axis=3)).mean())

    found = said["mean_difference_of_horizontal_neighbours"]
    for which, x in (
        ("training", images.train_x),
        ("validation", images.test_x),
        ("validation, softened", softened),
    ):
        assert sharpness(x) == pytest.approx(found[which], abs=0.02)
    net, y = cortexsim.load(name), images.test_y[:N].numpy()
    shown = softened[:N].transpose(0, 2, 3, 1)
    for among in (1, 5):
        told = said["networks"][name]
        assert told["as_they_are"]["top1_error"] == net.card["test_error"]
        error = told["softened_to_the_training_images"][f"top{among}_error"]
        close({8: wrong_of(net, shown, y, among=among)[8]}, {"8": error})


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_of_photographs_only_the_images_and_epochs_differ(name):
    of_cifar = name.replace("photographs", "seed1")
    ours, theirs = (cortexsim.load(net).card for net in (name, of_cifar))
    differs = {k for k, v in ours["recipe"].items() if theirs["recipe"][k] != v}
    assert differs == {"epochs", "lr_drops", "seed"}  # lr_drops follow the epochs, and are unused
    assert (ours["data"]["name"], ours["data"]["train"]) == ("tiny-imagenet", 100_000)
    assert len(ours["classes"]) == 200
