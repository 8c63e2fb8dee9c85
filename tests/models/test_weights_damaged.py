"""A stranger's cards, graphs and presentations: whatever is damaged in them is one clear error."""

import copy
import itertools
import json
import random
import shutil

import numpy as np
import pytest
import torch

import cortexsim
from cortexsim.errors import CortexsimError, GraphError, StimulusError
from cortexsim.models import Graph, Network, Spec, State, Transition, adjacent, build
from cortexsim.models.cell import numbers_of
from cortexsim.models.preprocessing import Preprocessing
from cortexsim.models.weights import bundled, card_path, load_card, save_weights
from cortexsim.models.zoo import ZOO, spec
from cortexsim.stimuli.forms import backward_mask
from cortexsim.stimuli.presentation import Presentation

CARD = json.loads(card_path(bundled("cortex4")).read_text())
READ = ("format", "weights_sha256", "network", "preprocessing", "classes", "name")
STRANGE = [None, True, -1, 0, 2.5, 10**400, float("nan"), float("inf"), "", "8", [], [[]], {}, [1]]


def places(value, path=()):
    """Every place in a JSON value, from the outermost in."""
    yield path
    inside = value.items() if isinstance(value, dict) else ()
    inside = enumerate(value) if isinstance(value, list) else inside
    for key, part in inside:
        yield from places(part, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def damaged_cards():
    """Cards with one thing missing or of another type, of all that is read: (what, card)."""
    rng = random.Random(0)
    where = [p for p in places(CARD) if p and p[0] in READ]
    for path in rng.sample(where, 50):
        card = copy.deepcopy(CARD)
        del at(card, path[:-1])[path[-1]]
        yield f"without {path}", card
    for path, strange in zip(rng.choices(where, k=120), itertools.cycle(STRANGE)):
        card = copy.deepcopy(CARD)
        at(card, path[:-1])[path[-1]] = strange
        yield f"{path} is {str(strange)[:20]}", card


DAMAGED = dict(damaged_cards())


@pytest.fixture
def weights(tmp_path):
    return shutil.copy(bundled("cortex4"), tmp_path / "net.safetensors")


def refusal(make):
    """The message with which ours refuse it (all else is a failure), or None and what it made."""
    try:
        return None, make()
    except CortexsimError as error:
        return str(error), None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:no preprocessing was declared")
def test_a_damaged_card_is_one_clear_error_or_still_says_the_same(tmp_path, weights):
    refused = 0
    for what, card in DAMAGED.items():
        (tmp_path / "net.json").write_text(json.dumps(card))
        message, net = refusal(lambda: cortexsim.load(weights))
        if message:
            assert len(message) < 600, what
            assert "net.json" in message or "net.safetensors" in message, what
            refused += 1
        else:  # what is missing has a default, or what stands there is as good
            assert net.spec.readout == (8,), what
            assert "T = 8" in repr(net), what
            assert net.preprocess(np.zeros((1, 8, 8, 3), np.uint8)).dim() == 4, what
    assert len(DAMAGED) >= 120
    assert refused >= 0.8 * len(DAMAGED)


TEXTS = {
    "nested": b"[" * 200_000 + b"]" * 200_000,
    "objects in each other": b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "nested below": b'{"format": 1, "network": ' + b"[" * 900 + b"]" * 900 + b"}",
    "no UTF-8": b'{"format": 1, "name": "\xff\xfe"}',
    "a number of 5000 digits": b'{"format": ' + b"9" * 5000 + b"}",
    "empty": b"",
    "cut": b'{"format": 1, "network": {"gra',
    "a list": b"[1, 2]",
    "a text": b'"card"',
    "null": b"null",
    "binary": bytes(range(256)),
    "UTF-16": '{"format": 1}'.encode("utf-16"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_is_no_card_is_one_clear_error(name, tmp_path, weights):
    (tmp_path / "net.json").write_bytes(TEXTS[name])
    with pytest.raises(CortexsimError, match=r"net\.json"):
        load_card(weights)
    text = TEXTS[name].decode("latin-1")
    with pytest.raises(GraphError):
        Graph.from_json(text)
    with pytest.raises(StimulusError):
        Presentation.from_json(text)


def test_a_byte_order_mark_is_passed_over(tmp_path, weights):
    (tmp_path / "net.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(CARD).encode())
    assert load_card(weights) == CARD


MENDED = {  # what is wrong in a card -> what the error says
    "a negative std": ({"std": [0.2, -0.2, 0.2]}, "std of -0.2; each is above 0"),
    "a std of 0": ({"std": [0.2, 0, 0.2]}, "std of 0; each is above 0"),
    "one mean for three channels": ({"mean": [0.5]}, "1 means and 3 stds"),
    "grey for three channels": (
        {"mean": [0.5], "std": [0.2]},
        "1 mean and stds, and the images of its network 3 channels",
    ),
    "one size": ({"size": [32]}, "a list of 2"),
    "no pixels": ({"size": [0, 32]}, "0 x 32 pixels"),
    "a size of a text": ({"size": "32"}, "size is '32'"),
}


@pytest.mark.parametrize("name", MENDED)
def test_a_preprocessing_that_cannot_be_is_refused(name, tmp_path, weights):
    changes, message = MENDED[name]
    card = {**CARD, "preprocessing": {**CARD["preprocessing"], **changes}}
    (tmp_path / "net.json").write_text(json.dumps(card))
    with pytest.raises(CortexsimError, match=message):
        cortexsim.load(weights)


def test_nine_names_of_ten_classes_are_refused_before_anything_is_recorded(tmp_path, weights):
    (tmp_path / "net.json").write_text(json.dumps({**CARD, "classes": CARD["classes"][:9]}))
    with pytest.raises(CortexsimError, match="names 9 classes, and the network tells 10 apart"):
        cortexsim.load(weights)
    net = cortexsim.load("cortex4")
    net.card = {**net.card, "classes": CARD["classes"][:9]}
    out = tmp_path / "nine.zarr"
    with pytest.raises(CortexsimError, match=r"9 classes.*10"):
        cortexsim.record_network(net, "sample", keep="mean", out=out)
    assert not out.exists()


def test_a_network_that_is_far_larger_than_its_file_is_refused_before_it_is_built(
    tmp_path, weights
):
    card = copy.deepcopy(CARD)
    for state in card["network"]["graph"]["states"]:
        state["features"] = 3000
    card.pop("card_sha256", None)
    (tmp_path / "net.json").write_text(json.dumps(card))
    with pytest.raises(CortexsimError, match=r"net.safetensors does not hold the weights"):
        cortexsim.load(weights)
    with pytest.raises(GraphError, match="weights and statistics; at most"):
        Network(Spec(adjacent([State("V1", 8, 60_000), State("V2", 4, 60_000)]), (4,)))


@pytest.mark.parametrize("name", [*ZOO, "tiny30@f8"])
def test_the_numbers_of_a_network_are_counted_before_it_is_built(name):
    made = build(name).state_dict()
    total = sum(v.numel() for key, v in made.items() if not key.endswith("_extra_state"))
    assert numbers_of(spec(name)) == total


FAR = {
    "delay": lambda: Transition("V1", "V2", delay=10**9),
    "only at": lambda: Transition("V1", "V2", only_at=(10**9,)),
    "readout": lambda: Spec(adjacent([State("V1", 8, 3), State("V2", 4, 4)]), (10**12,)),
    "classes": lambda: Spec(adjacent([State("V1", 8, 3)]), (2,), classes=-1),
    "size": lambda: State("V1", 10**9, 3),
    "features": lambda: State("V1", 8, 0),
    "steps": lambda: list(cortexsim.load("cortex4").unroll([torch.zeros(1, 3, 32, 32)], 10**12)),
    "a pixel": lambda: Preprocessing((10**9, 8), (0.5,), (0.25,)),
}


@pytest.mark.parametrize("name", FAR)
def test_a_size_beyond_measure_is_refused_with_the_limit(name):
    with pytest.raises(CortexsimError, match=r"at least 1 and at most|at most 100,000"):
        FAR[name]()


@pytest.mark.parametrize("kind", [bool, str])
def test_a_number_of_another_kind_is_refused(kind):
    data = adjacent([State("V1", 8, 3)]).as_dict()
    data["states"][0]["features"] = kind(3)
    with pytest.raises(GraphError, match=r"state 1 of the graph: features is .* a whole number"):
        Graph.from_dict(data)


def test_a_misspelt_field_names_the_nearest():
    data = adjacent([State("V1", 8, 3), State("V2", 4, 4)]).as_dict()
    data["transitions"][0]["shortcuts"] = "identity"
    with pytest.raises(GraphError, match=r"transition 1 .*'shortcuts'; did you mean 'shortcut'"):
        Graph.from_dict(data)


def test_damaged_presentations_are_one_clear_error():
    whole = backward_mask(50, soa_ms=75, mask_ms=100, kind="phase").as_dict()
    cases = 0
    for path in [p for p in places(whole) if p]:
        for strange in STRANGE:
            data = copy.deepcopy(whole)
            at(data, path[:-1])[path[-1]] = strange
            cases += 1
            message, again = refusal(lambda data=data: Presentation.from_dict(data))
            if message:
                assert len(message) < 400
            else:
                assert Presentation.from_json(again.to_json()) == again
    assert cases > 100


@pytest.mark.slow
def test_weights_whose_tensors_are_a_strangers_are_one_clear_error(tmp_path):
    from safetensors.torch import load, save

    from cortexsim.models.weights import sha256

    net = Network(Spec(adjacent([State("V1", 8, 3), State("V2", 4, 4)]), (4,)))
    path = tmp_path / "small.safetensors"
    save_weights(net, path, {})
    card, tensors = json.loads(card_path(path).read_text()), load(path.read_bytes())
    del card["card_sha256"]  # a stranger's card need not have it
    for key in tensors:
        for change in (
            lambda x: x.flatten()[:1].clone(),
            lambda x: x.flatten()[0].clone(),
            lambda x: x[None].clone(),
            lambda x: x.repeat(3, *[1] * (x.dim() - 1)).clone() if x.dim() else x[None],
        ):
            path.write_bytes(save({**tensors, key: change(tensors[key])}))
            card_path(path).write_text(json.dumps({**card, "weights_sha256": sha256(path)}))
            if change(tensors[key]).shape == tensors[key].shape:
                continue
            with pytest.raises(CortexsimError, match="does not hold the weights"):
                cortexsim.load(path)
