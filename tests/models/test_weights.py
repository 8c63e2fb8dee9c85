"""Weights and model cards on disk."""

import dataclasses
import json
import re
import shlex

import pytest
import torch
from plain_net import copy_of, images, shaken

import cortexsim
from cortexsim.brainscore.plugin import read_safetensors
from cortexsim.cli import parse
from cortexsim.errors import CortexsimError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.models import Network, Spec, State, adjacent, build, calibrate, full
from cortexsim.models.weights import (
    bundled,
    bundled_seeds,
    card_path,
    device_of,
    load_card,
    load_weights,
    round_kernels,
    save_weights,
    sha256,
    weights_folder,
    with_seed,
)
from cortexsim.train import run_of

THREE = (State("V1", 8, 3), State("V2", 4, 4), State("IT", 2, 5))
PARTITION = (("V1->V1@1", "V1->V1@2"), ("V1->V2@1", "V1->V2@3"))
NETS = {
    "full": Spec(full(THREE), (5,)),
    "untied, three convolutions before V1": Spec(
        adjacent(THREE), (6,), pre_net="conv3", tying="none"
    ),
    "partition": Spec(adjacent(THREE), (4, 6), classes=7, tying=PARTITION),
    "all": Spec(full([State("h1", 8, 3)]), (5,), tying="all", norm_affine=True),
    "shared statistics": Spec(adjacent(THREE, inhomogeneous=True), (6,), norm="shared"),
    "projection, leaky, lesioned": Spec(
        full((State("V1", 8, 3, "leaky", 2.0), *THREE[1:]))
        .lesion("V2->V1", (3, 4))
        .lesion("V1->V1", keep_shortcut=True),
        (6,),
    ),
    "delays": Spec(adjacent(THREE[:2], lateral=False).lesion("feedback"), (2,)),
}


def saved(tmp_path, spec=NETS["full"], steps=8):
    net = calibrate(shaken(Network(spec, seed=4)), images(20, dtype=torch.float32), steps)
    path = tmp_path / "net.safetensors"
    save_weights(net, path, {"test_error": 0.25})
    return net, path


@pytest.mark.parametrize("name", NETS)
def test_round_trip_is_bitwise(name, tmp_path):
    net, path = saved(tmp_path, NETS[name])
    for again in (load_weights(path), cortexsim.load(path), cortexsim.load(str(path))):
        assert again.spec == net.spec
        ours, theirs = net.state_dict(), again.state_dict()
        assert ours.keys() == theirs.keys()
        assert all(
            torch.equal(ours[key], theirs[key]) and ours[key].dtype == theirs[key].dtype
            for key in ours
        )
        assert not again.training
    x = images(dtype=torch.float32)
    at = (net.readout, *net.spec.readout)
    for step, logits in net.readouts(x, at).items():
        assert torch.equal(again.readouts(x, at)[step], logits)


@pytest.mark.parametrize("name", ["cortex4", "tiny30", "resnet3"])
def test_nets_of_the_zoo_round_trip(name, tmp_path):
    net = build(name, seed=1).eval()
    save_weights(net, tmp_path / "w.safetensors", {})
    again = load_weights(tmp_path / "w.safetensors")
    assert again.spec == net.spec
    assert all(
        torch.equal(a, b)
        for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True)
    )


def test_the_card_describes_the_file(tmp_path):
    net, path = saved(tmp_path)
    card = json.loads(card_path(path).read_text())
    assert card == load_card(path) == load_weights(path).card
    assert card["weights_sha256"] == sha256(path)
    assert card["test_error"] == 0.25
    assert Spec.from_dict(card["network"]) == net.spec
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.json", "net.safetensors"]


def test_saving_leaves_the_net_alone_and_overwrites(tmp_path):
    net, path = saved(tmp_path)
    first, before = path.read_bytes(), copy_of(net).state_dict()
    with torch.no_grad():
        net.post_net.linear.bias.add_(1)
    save_weights(net, path, {})
    assert path.read_bytes() != first
    assert torch.equal(load_weights(path).post_net.linear.bias, before["post_net.linear.bias"] + 1)


def edit_card(path, **changes):
    """As its author does it, who takes the digest of the card away."""
    card = json.loads(card_path(path).read_text()) | changes
    del card["card_sha256"]
    card_path(path).write_text(json.dumps(card))


def flip_a_byte(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])
    edit_card(path, weights_sha256=sha256(path))


def of_another_net(path):
    edit_card(path, network=Spec(adjacent(THREE), (5,)).as_dict())


SPOILT = {
    "tampered": (flip_a_byte, ["sha256", "card says"]),
    "a card of another file": (
        lambda p: edit_card(p, weights_sha256="0" * 64),
        ["sha256", "000000000000"],
    ),
    "no card": (lambda p: card_path(p).unlink(), ["no model card", "net.json"]),
    "no weights": (lambda p: p.unlink(), ["no weights file", "net.safetensors"]),
    "a card that is not JSON": (
        lambda p: card_path(p).write_text("{"),
        ["net.json", "not a model card"],
    ),
    "a card that was damaged": (
        lambda p: card_path(p).write_text(
            json.dumps(json.loads(card_path(p).read_text()) | {"notes": ["other words"]})
        ),
        ["net.json", "is damaged, or was changed", "remove card_sha256"],
    ),
    "a card of the future": (lambda p: edit_card(p, format=2), ["format 2", "reads 1"]),
    "cut short": (cut, ["does not hold the weights"]),
    "another network": (of_another_net, ["does not hold the weights", "V1->IT"]),
}


@pytest.mark.parametrize("name", SPOILT)
def test_files_that_do_not_belong_together_are_refused(name, tmp_path):
    _, path = saved(tmp_path)
    spoil, facts = SPOILT[name]
    spoil(path)
    with pytest.raises(CortexsimError) as error:
        cortexsim.load(path)
    assert all(fact in str(error.value) for fact in facts), str(error.value)


@pytest.mark.parametrize("ask", [bundled, cortexsim.load])
def test_asking_for_weights_that_are_not_bundled_says_how_to_get_them(ask, tmp_path, monkeypatch):
    monkeypatch.setattr("cortexsim.models.weights.weights_folder", lambda: tmp_path)
    with pytest.raises(
        CortexsimError,
        match=r"'rnn2' \(bundled: none\).*cortexsim train --model rnn2.*cortexsim\.build",
    ):
        ask("rnn2")
    (tmp_path / "resnet1.safetensors").touch()
    with pytest.raises(CortexsimError, match=r"'rnn2' \(bundled: resnet1\)"):
        ask("rnn2")


def test_bundled_weights_load_by_name(tmp_path, monkeypatch):
    net = build("resnet1", seed=2)
    save_weights(net, tmp_path / "resnet1.safetensors", {})
    monkeypatch.setattr("cortexsim.models.weights.weights_folder", lambda: tmp_path)
    assert torch.equal(cortexsim.load("resnet1").post_net.linear.weight, net.post_net.linear.weight)


@pytest.fixture
def of_three_seeds(tmp_path, monkeypatch):
    """Bundled weights of one network from seeds 0, 2 and 10; the reading of each by its name."""
    nets = {seed: build("resnet1", seed=seed) for seed in (0, 2, 10)}
    for seed, net in nets.items():
        save_weights(net, tmp_path / f"{with_seed('resnet1', seed)}.safetensors", {})
    monkeypatch.setattr("cortexsim.models.weights.weights_folder", lambda: tmp_path)
    return {seed: net.post_net.linear.weight for seed, net in nets.items()}


def test_what_trains_another_seed_is_how_the_others_were_trained():
    with pytest.raises(CortexsimError) as caught:
        cortexsim.load("cortex4-photographs", seed=1)
    (command,) = re.findall("'(cortexsim train [^']*)'", str(caught.value))
    ours, card = (
        run_of(parse(TrainConfig, shlex.split(command)[2:], "cortexsim train", "")),
        cortexsim.load("cortex4-photographs").card,
    )
    assert ours.name == "cortex4-photographs-seed1"
    known, asked = card["recipe"], json.loads(json.dumps(dataclasses.asdict(ours.settings)))
    same = ("recipe", "epochs", "precision", "presentation", "supervise", "kernels")
    assert {k: known[k] for k in same} == {k: asked[k] for k in same}
    with pytest.raises(CortexsimError, match="train --model rnn2 --seed 1 --name rnn2-seed1'"):
        cortexsim.load("rnn2", seed=1)


def test_every_bundled_card_is_sealed():
    for path in weights_folder().glob("*.json"):
        assert "card_sha256" in load_card(path.with_suffix(".safetensors")), path


def test_bundled_weights_of_a_seed_load_by_name_and_seed(of_three_seeds):
    assert bundled_seeds("resnet1") == (0, 2, 10)
    for seed, weight in of_three_seeds.items():
        for net in (
            cortexsim.load("resnet1", seed=seed),
            cortexsim.load(with_seed("resnet1", seed)),
        ):
            assert torch.equal(net.post_net.linear.weight, weight)
    assert torch.equal(cortexsim.load("resnet1").post_net.linear.weight, of_three_seeds[0])
    assert torch.equal(
        cortexsim.load("resnet1-seed2", seed=2).post_net.linear.weight, of_three_seeds[2]
    )


REFUSED_SEEDS = {
    "not bundled": (("resnet1", 3), r"resnet1 trained from seed 3.*\(seeds: 0, 2, 10\).*--seed 3"),
    "no whole number": (("resnet1", 1.5), r"seed is 1.5; a whole number or None"),
    "negative": (("resnet1", -1), r"`seed` is -1"),
    "true": (("resnet1", True), r"`seed` is True; it must be a whole number"),
    "two seeds": (("resnet1-seed2", 10), r"names seed 2 and seed=10"),
    "another seed": (("resnet1-seed2", 0), r"names seed 2 and seed=0"),
    "a file": (("a.safetensors", 1), r"a\.safetensors is a weights file, of one seed"),
    "no network": (("resnt1", 1), r"'resnt1'; did you mean resnet1"),
}


@pytest.mark.parametrize("name", REFUSED_SEEDS)
def test_a_seed_that_there_is_not_is_refused(name, of_three_seeds):
    (asked, seed), says = REFUSED_SEEDS[name]
    with pytest.raises(CortexsimError, match=says):
        cortexsim.load(asked, seed=seed)


def test_kernels_of_two_bytes_come_back_as_they_were_rounded(tmp_path):
    net, path = build("cortex4-twin", seed=1), tmp_path / "w.safetensors"
    round_kernels(net, torch.bfloat16)
    save_weights(net, path, {}, kernels=torch.bfloat16)
    whole = tmp_path / "whole.safetensors"
    save_weights(net, whole, {})
    assert path.stat().st_size < 0.6 * whole.stat().st_size
    again, reread = load_weights(path).state_dict(), read_safetensors(path.read_bytes())
    for name, tensor in net.state_dict().items():
        assert again[name].dtype == tensor.dtype  # of the network as it computes
        assert torch.equal(again[name], tensor)
        assert torch.equal(reread[name].to(tensor.dtype), tensor)
        kept_whole = reread[name].dtype != torch.bfloat16
        assert kept_whole == (tensor.ndim == 1 or not name.endswith("weight"))
    before = build("cortex4-twin", seed=1).state_dict()
    for name, tensor in net.state_dict().items():
        assert torch.allclose(tensor.float(), before[name].float(), rtol=2**-8, atol=0)


def test_loading_an_unknown_name_lists_the_zoo():
    with pytest.raises(CortexsimError, match=r"'cortex-4'; did you mean cortex4"):
        cortexsim.load("cortex-4")


def test_devices():
    assert device_of("cpu") == torch.device("cpu")
    assert device_of("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(CortexsimError, match=r"'abacus'.*auto, cpu, cuda"):
        device_of("abacus")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_asking_for_cuda_where_there_is_none():
    with pytest.raises(CortexsimError, match="finds no CUDA device; use --device cpu"):
        device_of("cuda:0")


def test_a_net_with_a_pre_net_of_its_own_asks_for_it(tmp_path):
    net = Network(
        Spec(full([State("h1", 8, 3)]), (2,)), pre_net=torch.nn.Conv2d(3, 3, 3, padding=1)
    )
    save_weights(net, tmp_path / "w.safetensors", {})
    with pytest.raises(CortexsimError, match=r"pre-net of its own.*pre_net=module"):
        load_weights(tmp_path / "w.safetensors")


def test_a_network_that_was_loaded_is_saved_with_its_card(tmp_path):
    """The bundled kernels are bfloat16; saved whole, the file is another than the card says."""
    net = cortexsim.load("cortex4-twin")
    save_weights(net, tmp_path / "w.safetensors", dict(net.card))
    again = cortexsim.load(str(tmp_path / "w.safetensors"))
    assert again.card["weights_sha256"] != net.card["weights_sha256"]
    assert again.card["test_error"] == net.card["test_error"]
    for key, value in net.state_dict().items():
        assert torch.equal(again.state_dict()[key], value)
