"""Somebody else's network through the same recording, RDMs and comparison as ours."""

import dataclasses
import json

import numpy as np
import pytest
import torch
import xarray
from others import AREAS, iterated

from cortexsim import open_recording, wrap
from cortexsim.analysis import rdm_movie
from cortexsim.errors import CortexsimError
from cortexsim.record import RecordConfig, record
from cortexsim.recording.recorder import Recorder
from cortexsim.recording.schema import configuration
from cortexsim.recording.settings import Settings
from cortexsim.stimuli.forms import flash
from cortexsim.stimuli.images import Preprocessing, check, load_stimuli
from cortexsim.stimuli.presentation import Event, Presentation
from cortexsim.timeaxis import TimeAxis

SMALL = Preprocessing((16, 16), (0.5,) * 3, (0.25,) * 3)
OUTPUTS = {s: f"{s}.output" for s in AREAS}
FILE = """
import sys

import cortexsim
from others import AREAS, iterated


def net():
    small = {"size": (16, 16), "mean": (0.5,) * 3, "std": (0.25,) * 3}
    states = {s: f"{s}.output" for s in AREAS}
    options = {"as_": "staircase", "preprocessing": small, "name": "mine"}
    return cortexsim.wrap(iterated(), states, **options)
"""


@pytest.fixture
def mine(tmp_path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return f"{path}:net"


def recorder(net, count=10, **settings) -> tuple[Recorder, str]:
    stimuli, sha256 = check(load_stimuli("sample", limit=count))
    return Recorder(net, stimuli, SMALL, Settings(**{"batch_size": 4, **settings})), sha256


def images(count=10) -> torch.Tensor:
    stimuli = load_stimuli("sample", limit=count)
    return SMALL([stimuli.read(i) for i in range(count)])


def test_a_recording_is_the_modules_own_run(tmp_path):
    net = wrap(iterated(), OUTPUTS, as_="staircase", preprocessing=SMALL, classes=list("abcde"))
    made, sha256 = recorder(net)
    tree = open_recording(made.run(tmp_path / "r.zarr", sha256, progress=False))
    with torch.no_grad():
        expected = dict(net.unroll(images()))
    for s in AREAS:
        first = min(t for t in expected if s in expected[t])
        assert tree[s].populated.values.tolist() == [t >= first for t in range(1, 10)]
        for t in range(1, 10):
            found = tree[s].activation.sel(step=t).values
            if t < first:
                assert np.isnan(found).all()
            else:
                np.testing.assert_allclose(found, expected[t][s], rtol=1e-5, atol=1e-6)
    assert tree["readout"].logits.dims == ("stimulus", "step", "class")
    assert tree["readout"]["class"].values.tolist() == list("abcde")
    np.testing.assert_allclose(
        tree["readout"].logits.sel(step=9), expected[9]["readout"], rtol=1e-5, atol=1e-6
    )
    known = configuration(tree)
    assert known["model"] == "Sequential"
    assert known["weights_sha256"] == net.card["weights_sha256"]
    assert known["network"] == json.loads(json.dumps(net.describe()))
    assert tree["IT"].time_ms.values.tolist() == list(range(1, 10))  # nobody declared ms
    assert tree["IT"].time_ms.attrs["units"] == "steps (no ms declared)"
    made, sha256 = recorder(net, time_axis=TimeAxis())
    tree = open_recording(made.run(tmp_path / "ms.zarr", sha256, progress=False))
    assert tree["IT"].time_ms.sel(step=8) == 200
    assert tree["IT"].time_ms.attrs["units"] == "ms after image onset"


def test_what_is_shown_when_reaches_a_feed_forward_net_as_a_pipeline(tmp_path):
    net = wrap(iterated((1, 1, 1, 1)), OUTPUTS, as_="staircase", preprocessing=SMALL)
    made, sha256 = recorder(net, steps=7, presentation=flash(50), time_axis=TimeAxis())
    tree = open_recording(made.run(tmp_path / "r.zarr", sha256, progress=False))
    alone = net.activations(images())
    for k, s in enumerate(AREAS):
        assert np.flatnonzero(tree[s].populated).tolist() == [k, k + 1]
        np.testing.assert_allclose(
            tree[s].activation.sel(step=k + 2), alone[s].detach(), rtol=1e-5, atol=1e-6
        )
    masked = Presentation((Event("image", 0, 50), Event("mask", 50, 50)), "white")
    made, sha256 = recorder(net, steps=7, presentation=masked, time_axis=TimeAxis())
    with_mask = open_recording(made.run(tmp_path / "m.zarr", sha256, progress=False))
    for k, s in enumerate(AREAS):
        assert np.flatnonzero(with_mask[s].populated).tolist() == [k, k + 1, k + 2, k + 3]
        # A feed-forward net has no backward masking: what the image does is over before the mask
        # comes.
        xarray.testing.assert_equal(
            with_mask[s].activation.sel(step=k + 2),
            tree[s]
            .activation.sel(step=k + 2)
            .assign_coords(frame=with_mask[s].frame.sel(step=k + 2)),
        )


def test_what_an_external_network_cannot_do_is_refused_before_anything_is_written(tmp_path, mine):
    net = wrap(iterated(), OUTPUTS, as_="staircase", preprocessing=SMALL)
    for settings, message in (
        ({"drive": True}, "so there is no drive to record"),
        ({"steps": 10}, "ask for 1 to 9"),
        (
            {"presentation": flash(50), "steps": 9, "time_axis": TimeAxis()},
            "iterates by itself over one image",
        ),
        ({"presentation": flash(50)}, "how long a step of Sequential is was not declared"),
        ({"states": ("V3",)}, "no state is called V3; this network has V1, V2, V4, IT"),
        ({"steps": 3}, "V4 is never populated in 3 steps"),
    ):
        with pytest.raises(CortexsimError, match=message):
            recorder(net, **settings)
    out = str(tmp_path / "r.zarr")
    for options, message in (
        ({"model": mine, "lesion": ("feedback",)}, "so none can be lesioned"),
        ({"model": mine, "as_": "static"}, "the function decides"),
        ({"as_": "static"}, "cortex4 has its own steps"),
        ({"model": "torchvision:resnet19", "untrained": True}, "no model 'resnet19'"),
    ):
        with pytest.raises(CortexsimError, match=message):
            record(RecordConfig(**{"out": out, "limit": 4, "figure": False, **options}))
    assert not [p for p in tmp_path.iterdir() if p.suffix != ".py" and p.name != "__pycache__"]


@pytest.mark.slow
def test_a_function_in_a_file_comes_through_the_command_line(tmp_path, mine, capsys):
    from cortexsim.record import main

    out = str(tmp_path / "r.zarr")
    arguments = ["--model", mine, "--limit", "6", "--out", out]
    assert main([*arguments, "--plan"]) == 0
    assert "9 steps" in capsys.readouterr().out
    assert main(arguments) == 0
    tree = open_recording(out)
    assert configuration(tree)["model"] == "mine"
    assert (tmp_path / "r.png").is_file()
    assert main([*arguments, "--resume", "--no-figure"]) == 0
    assert (
        main(
            [
                "--model",
                mine,
                "--limit",
                "6",
                "--rdm",
                "correlation",
                "--out",
                str(tmp_path / "m.zarr"),
                "--no-figure",
            ]
        )
        == 0
    )
    ours = rdm_movie(out, progress=False)
    theirs = xarray.open_zarr(tmp_path / "m.zarr").load()
    np.testing.assert_allclose(ours.rdm, theirs.rdm, atol=1e-6)


def test_how_fast_its_states_move_is_measured_as_ours():
    from cortexsim.analysis.dynamics.steps import relative_steps

    net = wrap(iterated(), OUTPUTS, as_="staircase", preprocessing=SMALL)
    moved = relative_steps(net, images(3)).relative_step
    with torch.no_grad():
        found = dict(net.unroll(images(3)))
    a, b = found[5]["V4"].flatten(1), found[6]["V4"].flatten(1)
    np.testing.assert_allclose(
        moved.sel(state="V4", step=5), (b - a).norm(dim=1) / a.norm(dim=1), rtol=1e-5
    )
    assert (moved.sel(state="V1") == 0).all()  # called once, held since


def test_texture_masks_are_made_through_it():
    from cortexsim.stimuli.texture import first_step, texture_mask

    net = wrap(iterated((1, 1, 1, 1)), OUTPUTS, as_="staircase", preprocessing=SMALL)
    assert first_step(net, "V4") == 3
    with pytest.raises(CortexsimError, match="this network has V1, V2, V4, IT"):
        first_step(net, "V3")
    pixels = np.stack([load_stimuli("sample", limit=2).read(i)[:16, :16] for i in range(2)])
    found = texture_mask(net, pixels, "V2", seed=0, iterations=20)
    assert found.images.shape == pixels.shape


@pytest.mark.slow
def test_resnet18_and_cortex4_are_compared_with_monkey_it_by_the_same_verbs(tmp_path, data_folder):
    """Random weights, 20 of the 92 images: record, rdm, compare.

    Every number is that of scipy by hand.
    """
    from scipy.stats import spearmanr

    from cortexsim import neural
    from cortexsim.compare import compare
    from cortexsim.experiments.compare.config import CompareConfig
    from cortexsim.neural.align import select_stimuli
    from cortexsim.rdm import main as rdm

    brain = neural.load("kriegeskorte92")
    few = select_stimuli(brain, brain.stimulus_id.values[:20])
    np.savez(
        tmp_path / "monkey.npz",
        rdm=few.monkey_IT.values,
        stimulus_id=few.stimulus_id.values.astype(str),
    )
    states = {"cortex4": {}, "torchvision:resnet18": {"untrained": True, "size": 64}}
    for model, options in states.items():
        name = model.rpartition(":")[2]
        recording, movie, out = (
            str(tmp_path / f"{name}{suffix}") for suffix in (".zarr", "-rdm.zarr", ".nc")
        )
        config = RecordConfig(
            model=model,
            stimuli="kriegeskorte92",
            limit=20,
            keep="units:500",
            figure=False,
            **options,
        )
        record(dataclasses.replace(config, out=recording))
        assert rdm([recording, "--out", movie, "--no-figure"]) == 0
        settings = {
            "neural": str(tmp_path / "monkey.npz"),
            "nulls": ("static",),
            "n": 20,
            "permutations": 20,
        }
        compare(CompareConfig(recording=movie, out=out, figure=False, **settings))
        with xarray.open_dataset(out) as result:
            found = result.evaluation.isel(network=0).sel(state="IT").load()
        activation = open_recording(recording)["IT"].activation
        for step in found.step.values:
            x = activation.sel(step=step).values
            if np.isnan(x).all():
                assert np.isnan(found.sel(step=step)).all()
                continue
            ours = 1 - np.corrcoef(x)[np.triu_indices(20, 1)]
            expected = spearmanr(ours, few.monkey_IT.values).statistic
            np.testing.assert_allclose(found.sel(step=step), expected, atol=1e-4)
