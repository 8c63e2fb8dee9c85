"""The card of a trained network says its preprocessing and its classes, as they are followed."""

import json
import shutil

import pytest

import cortexsim
from cortexsim.errors import CortexsimError
from cortexsim.models.weights import bundled, card_path, save_weights


@pytest.fixture
def weights(tmp_path):
    shutil.copy(card_path(bundled("cortex4")), tmp_path / "net.json")
    return shutil.copy(bundled("cortex4"), tmp_path / "net.safetensors")


def changed(weights, change):
    path = card_path(weights)
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))
    return weights


@pytest.mark.parametrize("field", ["preprocessing", "classes"])
def test_what_is_taken_out_is_missed(weights, field):
    with pytest.raises(CortexsimError, match=rf"net\.json.*lacks {field}"):
        cortexsim.load(changed(weights, lambda card: card.pop(field)))


@pytest.mark.parametrize("resize", [-1, None, [], "nearest"])
def test_another_way_to_resize_is_not_followed_so_refused(weights, resize):
    with pytest.raises(CortexsimError, match=r"net\.json.*resize is .*one way only"):
        cortexsim.load(changed(weights, lambda card: card["preprocessing"].update(resize=resize)))


def test_a_card_of_a_network_that_nobody_trained_says_less(tmp_path):
    net = cortexsim.build("rnn2")
    save_weights(net, tmp_path / "w.safetensors", {"name": "mine"})
    assert cortexsim.load(tmp_path / "w.safetensors").card["name"] == "mine"
