"""A network of the user's own, from a file, through all commands; and trained from Python."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import xarray

import cortexsim
from cortexsim.errors import CortexsimError, TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.models import State, adjacent
from cortexsim.models.own import network_of, spec_of
from cortexsim.training.architecture import trainable
from cortexsim.training.network import image_set, train_network

OWN = """
import cortexsim
from cortexsim.models import State, adjacent

def graph():
    return adjacent([State("V1", 8, 4), State("V4", 8, 6), State("IT", 4, 8)])

def spec():
    return cortexsim.Spec(graph(), (6,), classes=3)

def net():
    return cortexsim.Network(spec(), seed=1)

def number():
    return 3
"""
QUICK = TrainConfig(epochs=2, batch_size=10, device="cpu", seed=4)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    return str(tmp_path / "own.py")


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8), np.arange(60) % 3
    x[..., 0] = np.where(y[:, None, None] == 0, x[..., 0] // 4, x[..., 0])
    return x, y


@pytest.fixture
def images(arrays, tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, x=arrays[0], y=arrays[1])
    return str(path)


def ids_of(tree):
    return np.array([str(i) for i in tree["IT"].stimulus_id.values])


@pytest.mark.parametrize(
    "what", ["graph", *(pytest.param(w, marks=pytest.mark.slow) for w in ("spec", "net"))]
)
def test_from_the_shell_it_is_trained_recorded_masked_and_compared(
    own, images, tmp_path, what, capsys
):
    from cortexsim.compare import main as compare
    from cortexsim.mask import main as mask
    from cortexsim.record import main as record
    from cortexsim.train import main as train

    model, out = f"{own}:{what}", str(tmp_path / "r.zarr")
    arguments = ["--model", model, "--data", images, "--train-count", "40", "--epochs", "1"]
    arguments += ["--batch-size", "10", "--device", "cpu", "--out", str(tmp_path / "run")]
    assert train(arguments) == 0
    weights = tmp_path / "run" / f"{what}.safetensors"
    net = cortexsim.load(weights)
    assert (net.card["name"], net.classes, net.state_names) == (what, 3, ("V1", "V4", "IT"))
    for name in (model, str(weights)):  # not trained, and trained
        shown = ["--model", name, "--stimuli", images, "--device", "cpu", "--no-figure"]
        capsys.readouterr()
        assert record([*shown, "--out", out, "--overwrite"]) == 0
        said = capsys.readouterr().err
        assert ("no preprocessing was declared: images of 8 x 8" in said) == (name == model)
        tree = cortexsim.open_recording(out)
        assert tree["IT"].activation.notnull().any()
        known = json.loads(tree.attrs["configuration"])
        assert known["model"] == (model if name == model else what)
        assert ("notes" in known) == (name == model)
        result = str(tmp_path / "m.nc")
        quick = ["--soa-ms", "25", "--compared", "0", "--decoded", "0", "--n", "20"]
        quick += ["--permutations", "20", "--out", result, "--overwrite"]
        few = ["--limit", "12", "--mask", "white", "--statistics", "bundled"]
        assert mask([*shown, *few, *quick]) == 0
        with xarray.open_dataset(result, engine="netcdf4") as masked:
            assert masked.accuracy.notnull().any()
        rdms = np.random.default_rng(1).random((3, 1770))
        np.savez(tmp_path / "brain.npz", rdm=rdms, stimulus_id=ids_of(tree))
        result = str(tmp_path / "c.nc")
        arguments = [out, "--neural", str(tmp_path / "brain.npz"), "--stimuli", images]
        arguments += ["--nulls", "static", "untrained", "--n", "20", "--permutations", "0"]
        assert compare([*arguments, "--no-figure", "--out", result, "--overwrite"]) == 0
        with xarray.open_dataset(result, engine="netcdf4") as compared:
            assert compared.network.values.tolist() == [known["model"], "static", "untrained"]
            assert compared.evaluation.sel(state="IT").notnull().any("step").all()


def test_there_is_no_twin_of_it_and_nothing_is_run_before_that_is_said(own, images, tmp_path):
    from cortexsim.compare import compare
    from cortexsim.experiments.compare.config import CompareConfig

    out = tmp_path / "r.zarr"
    tree = cortexsim.record_network(cortexsim.Network(_spec(), seed=1), images, out=out)
    rdms = np.random.default_rng(1).random((3, 1770))
    np.savez(tmp_path / "brain.npz", rdm=rdms, stimulus_id=ids_of(tree))
    config = CompareConfig(
        str(out), neural=str(tmp_path / "brain.npz"), stimuli="nowhere", nulls=("static", "twin")
    )
    with pytest.raises(CortexsimError, match="no twin of it; leave the control out"):
        compare(config)


def _spec():
    return cortexsim.Spec(
        adjacent([State("V1", 8, 4), State("V4", 8, 6), State("IT", 4, 8)]), (6,), classes=3
    )


def test_what_is_no_network_is_refused(own, images, tmp_path):
    from cortexsim.record import main as record
    from cortexsim.train import main as train

    with pytest.raises(CortexsimError, match="returned a int"):
        record(["--model", f"{own}:number", "--stimuli", images, "--out", str(tmp_path / "r.zarr")])
    with pytest.raises(TrainingError, match="is of type Linear, which cannot be trained here"):
        trainable(torch.nn.Linear(2, 3), "mine")
    wrapped = cortexsim.wrap(
        torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten()), {"V1": "0"}
    )
    with pytest.raises(TrainingError, match="is of type External, which cannot be trained here"):
        trainable(wrapped, "mine")
    with pytest.raises(TrainingError, match="somebody else's network"):
        train(["--model", "torchvision:resnet18", "--data", images])


# ------------------------------------------------------------------------------ from Python


@pytest.mark.parametrize("kind", ["graph", "spec", "network"])
def test_a_graph_a_spec_or_a_network_is_trained_and_learns(arrays, tmp_path, kind):
    spec = _spec()
    network = {"graph": spec.graph, "spec": spec, "network": cortexsim.Network(spec, seed=4)}[kind]
    before = kind == "network" and {k: v.clone() for k, v in network.state_dict().items()}
    net = train_network(network, arrays, out=tmp_path / "run", name="mine", settings=QUICK)
    assert (net.card["name"], net.classes, net.training) == ("mine", 3, False)
    assert net.card["folder"] == str(tmp_path / "run")
    assert net.card["data"]["train"] == 54
    assert net.card["data"]["notes"] == [
        "every 10th image, in the order of classes, is for testing"
    ]
    losses = [
        json.loads(line)["loss"]
        for line in (tmp_path / "run/metrics.jsonl").read_text().split("\n")[:-1]
    ]
    assert losses[1] < losses[0]
    if before:
        assert all(torch.equal(v, network.state_dict()[k]) for k, v in before.items())
    again = cortexsim.load(tmp_path / "run" / "mine.safetensors")
    images = torch.zeros(2, 3, 8, 8)
    assert torch.equal(net(images), again(images))
    assert torch.isfinite(net(net.preprocess(arrays[0][:2]))).all()


@pytest.mark.slow
def test_a_spec_and_the_network_of_it_train_alike(arrays, tmp_path):
    nets = [
        train_network(n, arrays, out=tmp_path / str(k), settings=QUICK)
        for k, n in enumerate((_spec(), cortexsim.Network(_spec(), seed=QUICK.seed)))
    ]
    for a, b in zip(nets[0].state_dict().values(), nets[1].state_dict().values()):
        assert torch.equal(torch.as_tensor(a), torch.as_tensor(b))


def test_a_name_of_the_zoo_is_trained_as_by_the_command(arrays, images, tmp_path):
    from cortexsim.train import main

    x, y = arrays
    quick = ["--epochs", "1", "--batch-size", "10", "--device", "cpu"]
    out = tmp_path / "command"
    assert (
        main(
            [
                "--model",
                "rnn2-t2",
                "--data",
                images,
                "--train-count",
                "40",
                *quick,
                "--out",
                str(out),
            ]
        )
        == 0
    )
    settings = TrainConfig(epochs=1, batch_size=10, device="cpu")
    parts = (x[:40], y[:40], x[40:], y[40:])
    train_network("rnn2-t2", parts, out=tmp_path / "python", settings=settings)
    a, b = ((tmp_path / k / "rnn2-t2.safetensors").read_bytes() for k in ("command", "python"))
    assert a == b


def test_a_graph_in_a_file_is_trained_as_one_in_memory(arrays, tmp_path):
    (tmp_path / "own.py").write_text(
        "from cortexsim.models import State, adjacent\n"
        "def small():\n"
        "    return adjacent([State('V1', 8, 4), State('IT', 4, 8)])\n"
    )
    graph = cortexsim.models.adjacent([State("V1", 8, 4), State("IT", 4, 8)])
    nets = [
        train_network(n, arrays, out=tmp_path / str(k), name="small", settings=QUICK)
        for k, n in enumerate((graph, f"{tmp_path}/own.py:small"))
    ]
    for a, b in zip(nets[0].state_dict().values(), nets[1].state_dict().values(), strict=True):
        assert torch.equal(torch.as_tensor(a), torch.as_tensor(b))


@pytest.mark.slow
def test_a_run_that_was_stopped_continues_to_the_same_weights(arrays, tmp_path, monkeypatch):
    from cortexsim.training.session import Session

    whole = train_network(_spec(), arrays, out=tmp_path / "whole", settings=QUICK)
    advance, count = Session._advance, 0

    def stop(self, index):
        nonlocal count
        count += 1
        advance(self, index)
        self.stop_asked = count == 3

    monkeypatch.setattr(Session, "_advance", stop)
    with pytest.raises(TrainingError, match="continues from there"):
        train_network(_spec(), arrays, out=tmp_path / "run", settings=QUICK)
    monkeypatch.undo()
    net = train_network(_spec(), arrays, out=tmp_path / "run", settings=QUICK)
    assert all(
        torch.equal(torch.as_tensor(v), torch.as_tensor(net.state_dict()[k]))
        for k, v in whole.state_dict().items()
    )
    done = train_network(_spec(), arrays, out=tmp_path / "run", settings=QUICK)  # loaded
    assert done.card["weights_sha256"] == whole.card["weights_sha256"]


def test_a_folder_of_another_network_is_refused(arrays, tmp_path):
    train_network(_spec(), arrays, out=tmp_path / "run", settings=QUICK)
    wider = adjacent([State("V1", 8, 5), State("V4", 8, 6), State("IT", 4, 8)])
    other = cortexsim.Network(_spec(), seed=9)
    for network in (wider, other):
        with pytest.raises(TrainingError, match="run of another network"):
            train_network(network, arrays, out=tmp_path / "run", settings=QUICK)


def test_a_network_with_a_pre_net_of_its_own_is_trained(arrays, tmp_path):
    torch.manual_seed(0)
    pre_net = torch.nn.Conv2d(3, 4, 3, padding=1)
    made = cortexsim.Network(_spec(), pre_net=pre_net)
    net = train_network(made, arrays, out=tmp_path / "run", settings=QUICK)
    assert not torch.equal(net.pre_net.weight, pre_net.weight)
    assert torch.isfinite(net(net.preprocess(arrays[0][:2]))).all()


@pytest.mark.parametrize(
    ("network", "data", "text"),
    [
        (lambda: _spec(), (np.zeros((20, 8, 8, 3)), np.zeros(20, int)), "float64"),
        (lambda: _spec(), (np.zeros((20, 8, 8, 3), np.uint8), np.zeros(19, int)), "do not match"),
        (lambda: _spec(), (np.zeros((5, 8, 8, 3), np.uint8), np.zeros(5, int)), "too few"),
        (lambda: cortexsim.Network(_spec()), "two classes", "tells 3 classes apart"),
        (lambda: _spec(), None, "data are of type NoneType; give a path"),
        (lambda: _spec(), {"x": 1}, "data are of type dict; give a path"),
    ],
)
def test_data_and_networks_that_do_not_fit_are_refused(network, data, text, tmp_path):
    if data == "two classes":
        pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
        data = (pixels, np.arange(40) % 2)
    with pytest.raises(CortexsimError, match=text):
        train_network(network(), data, out=tmp_path / "run", settings=QUICK)


@pytest.mark.parametrize("where", [{"name": "config"}, {"name": "architecture"}, {"out": ""}])
def test_names_of_the_files_of_a_run_and_no_folder_are_refused(
    arrays, tmp_path, where, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainingError, match=r"is that of a file which every run has|is empty"):
        train_network(_spec(), arrays, **{"out": tmp_path / "run", "settings": QUICK, **where})
    assert not list(tmp_path.iterdir())


def test_options_of_the_architecture_change_a_spec_and_not_a_network(arrays, tmp_path):
    import dataclasses

    longer = dataclasses.replace(QUICK, readout=(7,), inhomogeneous=True)
    net = train_network(_spec(), arrays, out=tmp_path / "a", settings=longer)
    assert (net.readout, net.spec.graph.inhomogeneous) == (7, True)
    with pytest.raises(TrainingError, match="`readout` and `inhomogeneous` would change"):
        train_network(cortexsim.Network(_spec()), arrays, out=tmp_path / "b", settings=longer)


def test_the_defaults_of_a_graph_are_those_of_cortex4():
    zoo = cortexsim.build("cortex4").spec
    assert spec_of(zoo.graph) == zoo
    assert network_of(zoo.graph).spec == zoo
    net = network_of(zoo)
    assert network_of(net) is net
    late = cortexsim.build("resnet3").spec.graph
    assert spec_of(late).readout == (9,)  # nothing reaches h3 before


def test_every_tenth_image_of_all_classes_is_for_testing(arrays):
    x, y = arrays
    images = image_set((x, y))
    testing = np.sort(np.lexsort((np.arange(len(y)), y))[9::10])
    np.testing.assert_array_equal(images.test_y.numpy(), y[testing])
    np.testing.assert_array_equal(images.test_x.permute(0, 2, 3, 1).numpy(), x[testing])
    np.testing.assert_array_equal(
        images.train_x.permute(0, 2, 3, 1).numpy(), np.delete(x, testing, axis=0)
    )
    in_turn = np.arange(100) % 10  # every tenth of these, as they lie, is of one class
    classes = image_set((np.zeros((100, 4, 4, 3), np.uint8), in_turn)).test_y
    assert sorted(classes.tolist()) == list(range(10))


def test_a_run_on_other_images_is_another_run(arrays, tmp_path, capsys):
    """Its folder gives the same network for the same images, and refuses others, done or not."""
    x, y = arrays
    net = train_network(_spec(), (x, y), out=tmp_path, settings=QUICK)
    again = train_network(_spec(), (x.copy(), y), out=tmp_path, settings=QUICK)
    assert net.card["weights_sha256"] == again.card["weights_sha256"]
    for other in ((255 - x, y), (x, y[::-1].copy())):
        with pytest.raises(TrainingError, match=r"`data`: 'memory:.* there, 'memory:.* now"):
            train_network(_spec(), other, out=tmp_path, settings=QUICK)
    said = capsys.readouterr()
    assert not said.out
    assert not said.err


def test_images_in_memory_are_held_out_and_limited_as_named_ones(arrays, tmp_path):
    import dataclasses

    held = dataclasses.replace(QUICK, hold_out=10, limit=20)
    card = train_network(_spec(), arrays, out=tmp_path, settings=held).card
    assert (card["data"]["train"], card["data"]["test"]) == (20, 10)


@pytest.mark.parametrize("name", ["d.npz", "d.csv", "folder"])
def test_what_holds_many_pictures_is_not_one(tmp_path, name):
    path = tmp_path / name
    if path.suffix:
        path.write_bytes(b"")
    else:
        path.mkdir()
    net = cortexsim.load("cortex4")
    with pytest.raises(CortexsimError, match=r"record_network takes folders, \.csv and \.npz"):
        net.preprocess(path)
    with pytest.raises(CortexsimError, match="paths of pictures, PIL images, or uint8 arrays"):
        net.preprocess([str(path)])
