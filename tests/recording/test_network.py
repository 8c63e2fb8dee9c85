"""``record_network``.

In memory equals streamed, for every kind of network, and nothing is changed.
"""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
import xarray
from PIL import Image
from torch import nn

import cortexsim
from cortexsim.errors import CortexsimError, StimulusError
from cortexsim.models.network import Network
from cortexsim.recording import Settings, open_recording, ready, record_network
from cortexsim.recording.schema import configuration
from cortexsim.stimuli.forms import flash
from cortexsim.stimuli.images import Stimuli
from cortexsim.stimuli.tables import stimuli_of

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)


def of_somebody_else():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 5)
    )
    declared = {"size": (16, 16), "mean": (0.5,) * 3, "std": (0.25,) * 3}
    return cortexsim.wrap(
        module, {"V1": "1", "IT": "2"}, as_="staircase", preprocessing=declared, readout=""
    )


def own_graph():
    from cortexsim.models import State, adjacent

    return Network(
        cortexsim.Spec(adjacent([State("A", 8, 4), State("B", 4, 6)]), (4,), classes=3), seed=2
    )


NETWORKS = {
    "trained": lambda: cortexsim.load("cortex4"),
    "lesioned": lambda: cortexsim.load("cortex4").lesioned("feedback"),
    "of the zoo, untrained": lambda: cortexsim.build("rnn2", readout=3),
    "own, untrained": own_graph,
    "somebody else's": of_somebody_else,
}
SETTINGS = {
    "full": Settings(batch_size=5),
    "projected, half precision": Settings(
        keep="project:6", dtype="float16", compression="zstd", batch_size=5, seed=3
    ),
}


def assert_equal(a, b):
    """Two trees have the same groups, variables, types, coordinates, attributes and bytes."""
    assert set(a.groups) == set(b.groups)
    for name in a.groups:
        x, y = a[name].to_dataset(), b[name].to_dataset()
        xarray.testing.assert_identical(x, y)
        assert list(x.coords) == list(y.coords)
        for variable in x.variables:
            assert x[variable].dtype == y[variable].dtype, (name, variable)
            if x[variable].dtype.kind == "f":
                assert x[variable].values.tobytes() == y[variable].values.tobytes()


@pytest.mark.sampled(3)
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_in_memory_equals_streamed_bit_for_bit(make, settings, tmp_path):
    net = make()
    held = record_network(net, IMAGES, settings=settings)
    out = tmp_path / "a.zarr"
    streamed = record_network(net, IMAGES, settings=settings, out=out)
    assert_equal(held, streamed)
    assert_equal(held, open_recording(out))


def test_the_drive_and_a_presentation_are_held_as_they_are_streamed(tmp_path):
    settings = Settings(drive=True, presentation=flash(50), keep="mean", states=("V1", "IT"))
    net = cortexsim.load("cortex4")
    held = record_network(net, IMAGES, settings=settings)
    assert set(held.children) == {"V1", "IT", "readout", "drive"}
    assert list(held["V1"].frame.values[:3]) == ["image", "image", "blank"]
    assert_equal(held, record_network(net, IMAGES, settings=settings, out=tmp_path / "a.zarr"))


def test_the_command_records_the_same(tmp_path):
    from cortexsim.record import main

    np.savez(tmp_path / "set.npz", x=IMAGES)
    out = tmp_path / "command.zarr"
    arguments = ["--stimuli", str(tmp_path / "set.npz"), "--keep", "units:9", "--steps", "6"]
    assert main([*arguments, "--device", "cpu", "--no-figure", "--out", str(out)]) == 0
    held = record_network(
        cortexsim.load("cortex4"), str(tmp_path / "set.npz"), steps=6, keep="units:9", device="cpu"
    )
    assert_equal(held, open_recording(out))


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_the_network_is_not_changed(make):
    net = make().train() if make is not NETWORKS["somebody else's"] else make()
    before, card = copy.deepcopy(net.state_dict()), copy.deepcopy(net.card)
    training = net.training
    record_network(net, IMAGES[:4], keep="mean")
    after = net.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(torch.as_tensor(before[k]), torch.as_tensor(after[k])) for k in before)
    assert (net.card, net.training) == (card, training)


def test_what_was_assumed_of_an_untrained_network_stands_in_its_recording():
    known = configuration(record_network(own_graph(), IMAGES, keep="mean"))
    assert known["notes"] == [
        "no preprocessing was declared: images of 8 x 8 pixels, mean 0.5, std 0.25",
        "not trained: its normalisation statistics were estimated on the first 12 stimuli",
    ]
    assert known["model"] == "untrained"
    other = own_graph()
    with torch.no_grad():
        next(other.parameters()).add_(1)
    again = configuration(record_network(other, IMAGES, keep="mean"))
    assert again["weights_sha256"] != known["weights_sha256"]
    trained = configuration(record_network(cortexsim.load("cortex4"), IMAGES, keep="mean"))
    assert "notes" not in trained


def test_statistics_of_an_untrained_network_are_of_all_classes(monkeypatch):
    shown, made = [], ready.calibrate
    monkeypatch.setattr(
        ready, "calibrate", lambda net, x, *more: shown.append(x) or made(net, x, *more)
    )
    x = np.repeat([0, 100, 200], 200)[:, None, None, None] + np.zeros((600, 8, 8, 3))
    for labels, which, kinds in (
        (np.repeat(list("abc"), 200), "500 stimuli, in turn from all classes", [167, 167, 166]),
        (np.repeat(["a"], 600), "the first 500 stimuli", [200, 200, 100]),
    ):
        ids = tuple(map(str, range(600)))
        stimuli = Stimuli("made", ids, tuple(map(str, labels)), x.astype(np.uint8))
        net, _ = ready.ready(own_graph(), stimuli)
        assert net.card["notes"][-1].endswith(f"estimated on {which}")
        assert shown[-1][:, 0, 0, 0].unique(return_counts=True)[1].tolist() == kinds


def test_its_statistics_are_those_of_calibrating_on_the_images_by_hand():
    net = own_graph()
    with pytest.warns(UserWarning, match="no preprocessing was declared"):
        images = net.preprocess(IMAGES)
    known = cortexsim.calibrate(copy.deepcopy(net), images, 5)
    expected = dict(known.unroll(images, 5))
    found = record_network(net, IMAGES, steps=5)
    for step, states in expected.items():
        for name, maps in states.items():
            np.testing.assert_allclose(
                found[name].activation.sel(step=step), maps.detach(), rtol=1e-4, atol=1e-4
            )


def test_images_come_as_paths_pictures_or_pixels(tmp_path):
    paths = []
    for k, pixels in enumerate(IMAGES[:3]):
        paths.append(tmp_path / f"{k}.png")
        Image.fromarray(pixels).save(paths[-1])
    net = cortexsim.load("cortex4")
    pictures = [Image.open(p) for p in paths]
    trees = [
        record_network(net, images, keep="mean")
        for images in (paths, pictures, IMAGES[:3], tmp_path)
    ]
    for tree in trees[1:]:
        np.testing.assert_array_equal(tree["IT"].activation, trees[0]["IT"].activation)
    assert list(trees[0]["IT"].stimulus_id.values) == [str(p) for p in paths]
    assert list(trees[2]["IT"].stimulus_id.values) == ["image-00000", "image-00001", "image-00002"]
    tensors = [net.preprocess(images) for images in (paths, pictures, IMAGES[:3])]
    assert all(torch.equal(t, tensors[0]) for t in tensors[1:])
    assert torch.equal(net.preprocess(paths[0]), tensors[0][:1])


def test_preprocessing_is_what_unroll_takes():
    """The states of a recording are those of the network run by hand on its own preprocessing."""
    for net in (cortexsim.load("cortex4"), of_somebody_else()):
        with torch.no_grad():
            expected = dict(net.unroll(net.preprocess(IMAGES)))
        found = record_network(net, IMAGES)
        for step, states in expected.items():
            for name in set(states) & set(net.state_names):
                np.testing.assert_allclose(
                    found[name].activation.sel(step=step), states[name], rtol=1e-4, atol=1e-4
                )


@pytest.mark.parametrize(
    ("images", "text"),
    [
        (IMAGES.astype(np.float32), "float32 .32, 32, 3.; give paths, PIL images, or uint8"),
        (IMAGES[..., :1], "uint8 .32, 32, 1."),
        ([], "no images"),
        ("nowhere", "no stimuli at 'nowhere'"),
        (["nowhere.png"], "cannot be read"),
        ([IMAGES[0], IMAGES[1][:16]], "must have one size; found 16 x 32, 32 x 32"),
    ],
)
def test_what_is_no_image_is_refused(images, text):
    with pytest.raises(StimulusError, match=text):
        record_network(cortexsim.load("cortex4"), images)


def test_a_table_is_taken_as_it_is_and_labels_are_kept():
    table = stimuli_of(IMAGES[:2], labels=["cat", "dog"])
    assert stimuli_of(table) is table
    tree = record_network(cortexsim.load("cortex4"), table, keep="mean")
    assert list(tree["IT"].label.values) == ["cat", "dog"]


def test_a_store_is_continued_or_replaced_on_request_only(tmp_path):
    net, out = cortexsim.load("cortex4"), tmp_path / "a.zarr"
    record_network(net, IMAGES, keep="mean", out=out)
    with pytest.raises(CortexsimError, match="exists"):
        record_network(net, IMAGES, keep="mean", out=out)
    record_network(net, IMAGES, keep="mean", out=out, resume=True)
    record_network(net, IMAGES[:5], keep="mean", out=out, overwrite=True)
    assert open_recording(out)["IT"].sizes["stimulus"] == 5
    with pytest.raises(CortexsimError, match="are for a store"):
        record_network(net, IMAGES, overwrite=True)


def test_analyses_take_a_recording_that_is_in_memory(tmp_path):
    from cortexsim.analysis import rdm_movie

    net = cortexsim.load("cortex4")
    held = record_network(net, IMAGES)
    record_network(net, IMAGES, out=tmp_path / "a.zarr")
    a = rdm_movie(held, progress=False)
    b = rdm_movie(tmp_path / "a.zarr", progress=False)
    np.testing.assert_allclose(a.rdm, b.rdm, atol=1e-6)
    assert json.loads(a.attrs["recording"]) == configuration(held)
