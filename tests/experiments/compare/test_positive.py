"""Positive controls beside a comparison: found where they must be, changing nothing else."""

import importlib.util
import json

import numpy as np
import pytest
import scipy.stats
import xarray

from cortexsim import neural
from cortexsim.compare import compare
from cortexsim.experiments.compare.config import POSITIVE, CompareConfig
from cortexsim.models.foreign.published import PUBLISHED, published_model

QUICK = {"n": 20, "permutations": 20, "figure": False}


def test_what_can_be_asked_for_is_what_there_is():
    assert set(POSITIVE) == set(PUBLISHED)


@pytest.mark.slow
def test_lite0_is_found_to_resemble_it_of_monkey_and_man(data_folder):
    """By hand and by scipy: block 13 resembles IT, block 0 does not."""
    import torch

    first, fifteen = neural.load("kriegeskorte92"), neural.load("cichy92-fmri")
    people = neural.select_stimuli(fifteen, first.stimulus_id.values).IT.values
    net = published_model("efficientnet-lite0")
    with torch.no_grad():
        *_, (_, states) = net.unroll(net.preprocess(first.image.values))
    pairs = np.triu_indices(92, 1)
    for block, monkey, human in ((13, 0.46, 0.23), (0, 0.18, 0.04)):
        maps = states[f"block{block}"].flatten(1).double().numpy()
        rdm = (1 - np.corrcoef(maps))[pairs]
        r = scipy.stats.spearmanr(rdm, first.monkey_IT.values).statistic
        each = [scipy.stats.spearmanr(rdm, p).statistic for p in people]
        assert r == pytest.approx(monkey, abs=0.006)
        assert np.mean(each) == pytest.approx(human, abs=0.006)


@pytest.mark.slow
def test_beside_a_comparison_it_changes_no_other_number(faces, tmp_path):
    results = []
    for k, positive in enumerate(((), ("efficientnet-lite0", "resnet20"))):
        out = tmp_path / f"{k}.nc"
        compare(
            CompareConfig(
                str(faces),
                neural="kriegeskorte92",
                target="monkey_IT",
                nulls=("static",),
                positive=positive,
                out=str(out),
                **QUICK,
            )
        )
        results.append(xarray.load_dataset(out))
    alone, beside = results
    assert list(beside.network.values) == ["cortex4", "static", "efficientnet-lite0", "resnet20"]
    ours_alone = ["cortex4", "static"]
    of_both = beside.sel(network=ours_alone, other_network=ours_alone)
    for name, values in alone.data_vars.items():
        xarray.testing.assert_equal(of_both[name].transpose(*values.dims), values)
    of_pairs = beside.p_pair.sel(other_network="efficientnet-lite0")
    assert of_pairs.isnull().all()
    lite0 = beside.sel(network="efficientnet-lite0", state="IT", step=6)
    ours = of_both.sel(network="cortex4", state="IT", step=6)
    assert float(lite0.interval.sel(bound="lower")) > float(ours.evaluation)
    assert lite0.p_zero_corrected < 0.01
    assert lite0.p_pair.isnull().all()
    controls = json.loads(beside.attrs["controls"])
    assert controls["resnet20"].startswith("positive: ResNet-20 trained on CIFAR-10")
    assert "controls_skipped" not in beside.attrs


def without_efficientnet(monkeypatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if "efficientnet" in name else real(name)
    )


def test_what_is_not_installed_is_left_out_with_a_sentence(
    small, it_like, tmp_path, monkeypatch, capsys
):
    without_efficientnet(monkeypatch)
    settings = {"neural": str(it_like), "out": str(tmp_path / "a.nc"), **QUICK}
    compare(CompareConfig(str(small), **settings))
    monkeypatch.undo()  # xarray looks for its engines in the same way
    result = xarray.load_dataset(tmp_path / "a.nc")
    says = "without the control 'efficientnet-lite0': efficientnet-lite0 is not installed"
    assert says in capsys.readouterr().err
    skipped = json.loads(result.attrs["controls_skipped"])
    assert "pip install" in skipped["efficientnet-lite0"]
    assert "efficientnet-lite0" not in result.network.values


def test_what_was_asked_for_is_there_or_an_error(small, it_like, refused, tmp_path, monkeypatch):
    without_efficientnet(monkeypatch)
    out = tmp_path / "a.nc"
    few = ("--n", "20", "--permutations", "20", "--no-figure", "--nulls", "static")
    text = refused(
        small, "--neural", it_like, "--out", out, *few, "--positive", "efficientnet-lite0"
    )
    assert "efficientnet-lite0 is not installed" in text
    assert not out.exists()


@pytest.mark.slow
def test_encoding_has_it_too(small, tmp_path):
    """Responses that its late blocks gave are predicted from it, and worse from cortex4."""
    import torch

    from cortexsim.experiments.stimuli import stimuli_named
    from cortexsim.stimuli.images import check

    shown, _ = check(stimuli_named("sample", limit=24), skip_unreadable=False)
    net = published_model("efficientnet-lite0", ["V1", "V2", "V4", "IT"])
    images = net.preprocess(np.stack([np.asarray(shown.read(k)) for k in range(24)]))
    with torch.no_grad():
        maps = net.activations(images)["IT"].mean((2, 3)).double().numpy()
    rng = np.random.default_rng(0)
    responses = maps[:, :40] + 0.05 * maps.std() * rng.normal(size=(24, 40))
    brain = xarray.Dataset(
        {"responses": (("stimulus", "unit"), responses, {"kind": "responses"})},
        {"stimulus_id": ("stimulus", list(shown.ids))},
    )
    brain.to_netcdf(tmp_path / "brain.nc")
    out = tmp_path / "encoded.nc"
    compare(
        CompareConfig(
            str(small),
            neural=str(tmp_path / "brain.nc"),
            method="encoding",
            nulls=(),
            positive=("efficientnet-lite0",),
            out=str(out),
            n=20,
            permutations=0,
            figure=False,
        )
    )
    found = xarray.load_dataset(out).evaluation.sel(state="IT", step=6)
    lite0, ours = (float(found.sel(network=n)) for n in ("efficientnet-lite0", "cortex4"))
    assert lite0 > ours + 0.1
