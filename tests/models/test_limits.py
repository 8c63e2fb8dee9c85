"""Images that no preprocessing of the card gives are refused; those that it gives never are."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import cortexsim
from cortexsim.errors import ExternalError, GraphError
from cortexsim.models import build, wrap
from cortexsim.models.limits import Limits
from cortexsim.models.preprocessing import Preprocessing

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (4, 40, 48, 3), dtype=np.uint8)


@pytest.fixture
def net():
    return cortexsim.load("cortex4")


EXTREME = {
    "noise": PIXELS,
    "black": np.zeros((2, 32, 32, 3), np.uint8),
    "white": np.full((2, 90, 50, 3), 255, np.uint8),
    "one colour": np.tile(np.array([255, 0, 128], np.uint8), (2, 32, 32, 1)),
    "a checkerboard": np.tile(255 * np.eye(2, dtype=np.uint8)[..., None], (2, 30, 30, 3)),
    "low contrast": RNG.integers(127, 130, (2, 32, 32, 3), dtype=np.uint8),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", EXTREME)
def test_what_preprocess_gives_is_within_the_limits_in_every_precision(name, dtype, net):
    images = net.preprocess(EXTREME[name]).to(dtype)
    Limits().check([images, torch.zeros_like(images)], net.card)
    if dtype == torch.float32:
        assert net.readouts([images, None, images], (8,))[8].isfinite().all()


def test_limits_are_black_and_white_of_each_channel():
    preprocessing = Preprocessing((2, 2), (0.5, 0.0, 2.0), (0.25, 1.0, 0.5))
    low, high = preprocessing.limits()
    ends = np.array([0, 255], np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    black, white = preprocessing(list(ends))[:, :, 0, 0].tolist()
    np.testing.assert_allclose(low, black, atol=1e-6)
    np.testing.assert_allclose(high[:2], white[:2], atol=1e-6)
    assert high[2] == 0  # grey, which a blank or a probe is, is always within


WRONG = {
    "grey levels": (lambda x: x * 50 + 120, "values from .* to .* in channel 0"),
    "too bright": (lambda x: x + 0.5, "in channel 0"),
    "one channel": (
        lambda x: torch.stack([x[:, 0], x[:, 1], 2 * x[:, 2]], 1),
        "in channel 2; .* lies between",
    ),
    "one pixel": (lambda x: x.index_put((torch.tensor(1), torch.tensor(1)), x.new_tensor(9)), "9"),
    "NaN": (lambda x: x.masked_fill(x > 1, float("nan")), "not finite"),
    "infinite": (lambda x: x.masked_fill(x > 1, float("inf")), "not finite"),
    "integers": (lambda x: (x * 50 + 120).to(torch.uint8), r"uint8.*net\.preprocess"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("frames", [False, True])
def test_what_no_preprocessing_gives_is_refused_by_both_kinds_of_network(name, frames, net):
    spoil, message = WRONG[name]
    good = net.preprocess(PIXELS)
    bad = spoil(good)
    shown = [good, None, bad] if frames and name != "integers" else bad
    for run in (
        lambda: list(net.unroll(shown, 8)),
        lambda: net.readouts(shown, (8,)),
        lambda: net.lesioned("feedback").readouts(shown, (8,)),
    ):
        with pytest.raises(GraphError, match=message):
            run()
    card = net.card["preprocessing"]
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten())
    theirs = wrap(module, {"V1": "0"}, preprocessing=card)
    for run in (lambda: list(theirs.unroll(shown, 3)), lambda: theirs.activations(bad)):
        with pytest.raises(ExternalError, match=message):
            run()


def test_pixels_between_0_and_1_are_told_to_be_normalised(net):
    images = torch.from_numpy(PIXELS[:, :32, :32]).permute(0, 3, 1, 2) / 255
    with pytest.warns(UserWarning, match=r"from 0 to 1, as pixels that were not normalised do"):
        net.readouts(images, (8,))
    within = {"preprocessing": {"size": (32, 32), "mean": (0.0,) * 3, "std": (1.0,) * 3}}
    Limits().check([images], within)  # a network that was trained on such pixels says nothing


def test_the_limits_are_those_of_the_card_that_there_is_now(net):
    other = copy.copy(net)
    other.card = {
        **net.card,
        "preprocessing": {"size": (32, 32), "mean": [0.5] * 3, "std": [0.1] * 3},
    }
    x = torch.full((1, 3, 32, 32), 4.0)
    with pytest.raises(GraphError, match="lies between"):
        net(x)
    assert other(x).isfinite().all()
    with pytest.raises(GraphError, match="lies between"):
        net(x)


@pytest.mark.parametrize("change", ["no card", "switched off", "training", "synthesis"])
def test_where_nothing_is_declared_or_more_is_wanted_nothing_is_refused(change, net):
    x = 9 * torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    if change == "no card":
        net.card = {}
    elif change == "switched off":
        net.checks_images = False
    elif change == "training":
        net.train()
    else:
        x.requires_grad_()
    assert net.readouts(x, (8,))[8].isfinite().all()


def test_a_preprocessing_of_the_callers_own_is_what_recorded_images_are_checked_against(net):
    mine = Preprocessing((32, 32), (0.5,) * 3, (0.05,) * 3)  # beyond the card's black and white
    tree = cortexsim.record_network(net, list(PIXELS), preprocessing=mine, keep="mean")
    again = build("cortex4")
    again.load_state_dict(net.state_dict())
    with torch.no_grad():
        expected = dict(again.eval().unroll(mine(list(PIXELS)), 8))[8]["IT"].mean((2, 3))
    found = tree["IT"].activation.sel(step=8).values
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_check_looks_once_at_a_batch_that_is_shown_at_every_step(net, monkeypatch):
    looked = []
    monkeypatch.setattr(Limits, "_check", lambda self, frame, name: looked.append(frame))
    images = net.preprocess(PIXELS)
    net.readouts([images] * 8, (8,))
    assert len(looked) == 1
