"""Real recurrent networks that the installed brainscore-vision brings (random weights, no download), wrapped: every call a distinct step."""

import importlib.util
import sys
import types
from pathlib import Path

import brainscore_vision
import numpy as np
import pytest
import torch
import xarray

from cortexsim.brainscore.assembly import neuroid_assembly
from cortexsim.errors import BrainScoreError, ExternalError
from cortexsim.models import Unrolls, wrap
from cortexsim.models.foreign.adapters import cornet

MODELS = Path(brainscore_vision.__file__).parent / "models"
FEATURES = {"size": (28, 28), "mean": (0.0,) * 64, "std": (1.0,) * 64}


def module_of(path: Path, name: str, **stand_ins: types.ModuleType) -> types.ModuleType:
    """A file of a plugin as a module, other people's packages that it imports but does not use here replaced."""
    for key, value in stand_ins.items():
        sys.modules.setdefault(key, value)
    before = list(sys.path)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


@pytest.fixture(scope="module")
def back_end() -> torch.nn.Module:
    """CORnet-S without V1, which in VOneNet is a model of its own: V2 is called twice, V4 four times, IT twice."""
    folder = MODELS / "voneresnet_50_non_stochastic" / "vonenet" / "vonenet"
    torch.manual_seed(0)
    return module_of(folder / "back_ends.py", "vonenet_back_ends").CORnetSBackEnd().eval()


@pytest.fixture(scope="module")
def blt() -> torch.nn.Module:
    """BLT_VS in the unrolling in which every area needs a step, 12 of them, on images of 64 pixels."""
    pretrained = types.ModuleType("pretrained")
    for name in (
        "get_model_instance",
        "clear_models_and_aliases",
        "register_model",
        "register_aliases",
    ):
        setattr(pretrained, name, None)
    module = module_of(MODELS / "blt-vs" / "model.py", "blt_vs_model", pretrained=pretrained)
    torch.manual_seed(0)
    return module.BLT_VS(timesteps=12, num_classes=10, image_size=64).eval()


def by_hand(block: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """The iterations of one area of CORnet-S, without hooks."""
    import torch.nn.functional as F

    x = block.conv_input(x)
    out = []
    for t in range(block.times):
        skip = block.norm_skip(block.skip(x)) if t == 0 else x
        y = F.relu(getattr(block, f"norm1_{t}")(block.conv1(x)))
        y = F.conv2d(y, block.conv2.weight, stride=2 if t == 0 else 1, padding=1)
        y = F.relu(getattr(block, f"norm2_{t}")(y))
        x = F.relu(getattr(block, f"norm3_{t}")(block.conv3(y)) + skip)
        out.append(x)
    return out


def test_every_call_of_the_cornet_s_back_end_is_a_distinct_step(back_end):
    areas = {"V2": "V2.output", "V4": "V4.output", "IT": "IT.output"}
    net = wrap(back_end, areas, as_="staircase", preprocessing=FEATURES)
    assert isinstance(net, Unrolls)
    assert {s: net.steps[s] for s in areas} == {"V2": (1, 2), "V4": (3, 4, 5, 6), "IT": (7, 8)}
    x = torch.rand(2, 64, 28, 28, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = dict(net.unroll(x))
        inward = x
        for s in areas:
            expected = by_hand(getattr(back_end, s), inward)
            inward = expected[-1]
            for step, tensor in zip(net.steps[s], expected):
                torch.testing.assert_close(found[step][s], tensor, rtol=1e-4, atol=1e-5)
            assert len({float(found[t][s].sum()) for t in net.steps[s]}) == len(expected)
        torch.testing.assert_close(net.logits(found[8], 8), back_end(x))
    with pytest.raises(ExternalError, match="V2: its submodule is called 2 times"):
        wrap(back_end, areas, preprocessing=FEATURES)
    assert not any(m._forward_hooks for m in back_end.modules())


def test_with_a_v1_before_it_it_is_what_the_adapter_calls_cornet_s(back_end):
    v1 = torch.nn.Sequential()
    v1.add_module("conv", torch.nn.Conv2d(3, 64, 7, stride=4, padding=3))
    v1.add_module("output", torch.nn.Identity())
    whole = torch.nn.Sequential()
    for name, part in (
        ("V1", v1),
        *((s, getattr(back_end, s)) for s in ("V2", "V4", "IT", "decoder")),
    ):
        whole.add_module(name, part)
    net = cornet(
        whole, "S", preprocessing={"size": (64, 64), "mean": (0.5,) * 3, "std": (0.25,) * 3}
    )
    assert net.steps == {
        "V1": (1,),
        "V2": (2, 3),
        "V4": (4, 5, 6, 7),
        "IT": (8, 9),
        "readout": (9,),
    }
    with torch.no_grad():
        states = dict(net.unroll(torch.rand(2, 3, 64, 64)))
    assert {s: tuple(x.shape[1:]) for s, x in states[9].items() if s != "readout"} == {
        "V1": (64, 16, 16), "V2": (128, 8, 8), "V4": (256, 4, 4), "IT": (512, 2, 2)
    }  # fmt: skip


def test_every_step_of_blt_vs_is_the_one_that_it_extracts_itself(blt):
    areas = {s: f"connections.{s}[0]" for s in ("Retina", "LGN", "V1", "V2", "V3", "V4", "LOC")}
    # The step at which each area is first called: V4 sees V1 through a skip connection, so that it comes with V2.
    first = {"Retina": 1, "LGN": 2, "V1": 3, "V2": 4, "V3": 5, "V4": 4, "LOC": 5}
    small = {"size": (64, 64), "mean": (0.5,) * 3, "std": (0.5,) * 3}
    net = wrap(
        blt, areas, as_="calls", steps=first, readout="connections.Readout[0]", preprocessing=small
    )
    assert net.readout == 12
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        found = dict(net.unroll(x))
        readouts, theirs = blt(
            x, extract_actvs=True, areas=list(areas), timesteps=range(12), bu=True, td=False
        )
    for s in areas:
        for t in range(12):
            if t + 1 < first[s]:
                assert s not in found[t + 1]
                assert not theirs[s][t]["bu"].any()  # what is not there yet, they call zeros
            else:
                torch.testing.assert_close(found[t + 1][s], theirs[s][t]["bu"], rtol=0, atol=0)
        if s != "Retina":
            steps = [float(found[t][s].double().pow(2).sum()) for t in net.steps[s]]
            assert len(set(steps)) > 1
    assert net.steps["readout"] == tuple(range(12 - len(readouts) + 1, 13))
    for step, logits in zip(net.steps["readout"], readouts):
        torch.testing.assert_close(net.logits(found[step], step), logits, rtol=0, atol=0)


def test_what_blt_vs_returns_is_not_guessed_at(blt):
    small = {"size": (64, 64), "mean": (0.5,) * 3, "std": (0.5,) * 3}
    with pytest.raises(
        ExternalError,
        match=r"V1 \(connections.V1\): one tensor is needed, its output is a tuple of 2",
    ):
        wrap(blt, {"V1": "connections.V1"}, as_="calls", readout=None, preprocessing=small)
    with pytest.raises(ExternalError, match=r"readout .* a list of 8"):
        wrap(blt, {"V1": "connections.V1[0]"}, as_="calls", preprocessing=small)
    with pytest.raises(ExternalError, match=r"no submodule 'connections\.V5'; the nearest"):
        wrap(blt, {"V1": "connections.V5[0]"}, as_="calls", preprocessing=small)


def test_an_assembly_of_ours_is_one_of_theirs(tmp_path):
    rng = np.random.default_rng(0)
    plain = xarray.DataArray(
        rng.normal(size=(4, 3, 2)),
        {
            "stimulus_id": ("presentation", list("abcd")), "object_name": ("presentation", list("xxyy")),
            "neuroid_id": ("neuroid", ["n.IT.0", "n.IT.1", "n.IT.2"]), "region": ("neuroid", ["IT"] * 3),
            "time_bin_start": ("time_bin", [100.0, 125.0]), "time_bin_end": ("time_bin", [125.0, 150.0]),
        },
        ("presentation", "neuroid", "time_bin"),
        attrs={"identifier": "n"},
    )  # fmt: skip
    plain.to_dataset(name="n").to_netcdf(tmp_path / "n.nc")
    for source in (plain, tmp_path / "n.nc"):
        theirs = neuroid_assembly(source)
        assert type(theirs).__name__ == "NeuroidAssembly"
        np.testing.assert_array_equal(theirs.values, plain.values)
        assert theirs["stimulus_id"].values.tolist() == list("abcd")
        # Its own way of selecting, which needs the levels to be an index.
        one = theirs.sel(stimulus_id="c", neuroid_id="n.IT.1").isel(time_bin=1)
        assert float(one) == plain.values[2, 1, 1]
    with pytest.raises(BrainScoreError, match="there is no file"):
        neuroid_assembly(tmp_path / "absent.nc")
    with pytest.raises(BrainScoreError, match="those of no assembly"):
        neuroid_assembly(plain.rename(neuroid="unit"))


def test_a_recordings_assembly_from_the_other_environment(tmp_path):
    """A recording is made and exported where it can be (numpy >= 2), and read here; the path of that Python is CORTEXSIM_PYTHON."""
    import os
    import subprocess

    python = os.environ.get("CORTEXSIM_PYTHON") or str(
        Path(__file__).resolve().parents[2] / ".venv" / "bin" / "python"
    )
    if not Path(python).exists():
        pytest.skip(
            f"there is no {python}; make record creates it, or CORTEXSIM_PYTHON names another"
        )
    code = (
        "import sys\nfrom cortexsim.record import RecordConfig, record\nfrom cortexsim.interop import to_neuroid_assembly, write_assembly\n"
        "path = record(RecordConfig(limit=5, steps=5, keep='units:7', figure=False, out='r.zarr'))\n"
        "write_assembly(to_neuroid_assembly(path, ['V4', 'IT']), 'a.nc')\n"
        "import cortexsim, numpy\nt = cortexsim.open_recording(path)\n"
        "numpy.save('it.npy', t['IT'].activation.values)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    subprocess.run(
        [python, "-c", code],
        cwd=tmp_path,
        check=True,
        env=environment,
        capture_output=True,
        timeout=300,
    )
    theirs = neuroid_assembly(tmp_path / "a.nc")
    assert theirs.dims == ("presentation", "neuroid", "time_bin")
    it = theirs.sel(region="IT")
    np.testing.assert_array_equal(it.values, np.load(tmp_path / "it.npy")[:, 3:].swapaxes(1, 2))
    assert it["time_bin_start"].values.tolist() == [100, 125]


def test_a_strangers_network_is_a_subject(stimuli):
    """Its states are recorded through the interface, weighted in time like ours, and its own readout names things."""
    from cortexsim.brainscore import BrainModel, commit
    from cortexsim.stimuli.images import Preprocessing

    torch.manual_seed(0)
    nn = torch.nn
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(24, 3),
    )
    preprocessing = Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3)
    net = wrap(
        module,
        {"V1": "1", "IT": "3"},
        as_="staircase",
        preprocessing=preprocessing,
        classes=("a", "b", "c"),
    )
    model = BrainModel(net, preprocessing, commit(net, preprocessing, "strangers-net"))
    model.start_recording("IT", [(0, 10), (50, 60)])
    recorded = model.look_at(stimuli)
    assert recorded.dims == ("presentation", "neuroid", "time_bin")
    with torch.inference_mode():
        images = torch.cat([x for _, x in model._batches(stimuli)])
        by_hand, answers = module[:4](images).flatten(1).numpy(), module(images).argmax(1).numpy()
    for b in range(2):  # held before and after: a feed-forward state never changes
        np.testing.assert_allclose(recorded.values[:, :, b], by_hand, rtol=1e-5, atol=1e-6)
    model.start_task("label", ["a", "b", "c"])
    named = np.asarray(model.look_at(stimuli)).ravel()
    np.testing.assert_array_equal(named, np.array(["a", "b", "c"])[answers])
