"""``cortexsim mask``.

The plan, the result and its figure, several networks, and what is refused before anything runs.
"""

import dataclasses
import json

import numpy as np
import pytest
import xarray

from cortexsim.errors import CortexsimError
from cortexsim.experiments.mask.config import MaskConfig
from cortexsim.mask import main, mask


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """24 small images with a class of CIFAR-10 each."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("images") / "set.npz"
    np.savez(path, x=rng.integers(0, 256, (24, 32, 32, 3)).astype(np.uint8), y=np.arange(24) % 3)
    return str(path)


@pytest.fixture
def quick(images, tmp_path):
    """A configuration that takes seconds."""
    return MaskConfig(
        stimuli=images,
        calibrate_on=images,
        soa_ms=(25.0, 50.0),
        steps=8,
        compared=10,
        decoded=24,
        n=20,
        permutations=20,
        out=str(tmp_path / "masking.nc"),
    )


@pytest.mark.slow
def test_a_run_says_what_it_will_do_and_writes_all_of_it(quick, capsys, tmp_path):
    config = dataclasses.replace(
        quick, model=("cortex4", "cortex4-twin"), mask=("phase", "image"), seed=3
    )
    path = mask(config)
    said = capsys.readouterr().out
    assert (
        "24 stimuli x 2 SOAs x 3 presentations (none, phase, image) x 1 networks (none) = 144 "
        "runs of 8 steps" in said
    )
    assert "never with masks" in said
    assert "chance 0.1, n = 24" in said
    with xarray.open_dataset(path, engine="netcdf4") as r:
        assert r.network.values.tolist() == ["cortex4", "cortex4-twin"]
        assert r["mask"].values.tolist() == ["none", "phase", "image"]
        assert json.loads(r.attrs["configuration"])["seed"] == 3
        assert set(json.loads(r.attrs["caveats"])) == {"cortex4", "cortex4-twin"}
        assert set(json.loads(r.attrs["weights_sha256"])) == {"cortex4", "cortex4-twin"}
        assert r.accuracy.sel(network="cortex4").notnull().all()
        assert r.guess.dtype == np.int16
    assert (tmp_path / "masking.png").stat().st_size > 10_000


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers(quick, tmp_path):
    results = []
    for k, seed in enumerate((0, 0, 1)):
        path = mask(
            dataclasses.replace(quick, figure=False, seed=seed, out=str(tmp_path / f"{k}.nc"))
        )
        with xarray.open_dataset(path, engine="netcdf4") as r:
            results.append(r.load().drop_attrs())
    assert results[0].identical(results[1])
    assert not results[0].distance.identical(results[2].distance)  # other masks


@pytest.mark.slow
def test_the_loss_at_the_trained_readout_is_told_and_drawn_and_bars_are_shown(quick, capsys):
    import matplotlib.pyplot as plt

    from cortexsim.interop import from_netcdf
    from cortexsim.plotting.masking import by_lesion

    lesions = ("none", "feedback")
    config = dataclasses.replace(quick, steps=9, lesion=lesions, figure=False)
    result = from_netcdf(mask(config))
    said = capsys.readouterr()
    where = "readout at step 9 (trained at step 8; loss by the mask there at an SOA of 25 ms: phase"
    for lesion, name in zip(lesions, ("cortex4", "cortex4 without feedback"), strict=True):
        at = result.isel(network=0, soa_ms=0).sel(lesion=lesion, mask="phase", readout=8)
        loss = f"{float(at.effect):.3f} [{at.effect_interval[0]:.3f}, {at.effect_interval[1]:.3f}]"
        assert f"{name}, {where} {loss})" in said.out
    assert "estimating statistics under each presentation" in said.err
    assert "masking:" in said.err
    axes = by_lesion(plt.figure().subplots(), result.isel(network=0, soa_ms=0).sel(mask="phase"))
    assert "trained readout, step 8" in axes.get_legend_handles_labels()[1]
    plt.close("all")


def test_a_plan_writes_nothing(quick, tmp_path, capsys):
    mask(dataclasses.replace(quick, plan=True, lesion=("none", "feedback+V1->V1", "V4->V2@3-5")))
    assert "x 3 networks (none, feedback+V1->V1, V4->V2@3-5)" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("soa_ms", "said"), [((25.0, 50.0, 75.0), True), ((25.0, 50, 75, 100), False)]
)
def test_a_plan_says_when_the_soas_are_too_few_for_a_threshold(quick, capsys, soa_ms, said):
    mask(dataclasses.replace(quick, plan=True, soa_ms=soa_ms))
    text = "note: 3 SOAs give accuracies and d', but no threshold and no slope"
    assert (text in capsys.readouterr().out) is said


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"soa_ms": (30.0,)}, "nearest: 25 or 50 ms"),
        ({"mask": ("plaid",)}, "no mask 'plaid'; choose from white"),
        ({"mask": ("texture:MT",)}, "MT"),
        ({"lesion": ("skip",)}, "nothing to lesion: 'skip'"),
        ({"lesion": ("none", "none")}, "name each once"),
        ({"model": ("cortex4-twin",), "lesion": ("feedback",)}, "nothing to lesion"),
        ({"stimuli": "sample"}, "labels china, flower are no classes of this network"),
        ({"steps": 3}, "nothing reaches the readout of cortex4"),
        ({"steps": 5}, "reaches the readout of cortex4 at step 6, and the run has 5"),
        ({"steps": 20}, "estimated up to step 12"),
        ({"out": "masking.csv"}, "names no netCDF file"),
        ({"n": 5}, "at least 20"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_runs(quick, monkeypatch, change, text):
    monkeypatch.setattr(
        "cortexsim.experiments.mask.subject.run_masking", lambda *a, **k: pytest.fail("ran")
    )
    with pytest.raises(CortexsimError, match=text):
        mask(dataclasses.replace(quick, **change))


def test_stimuli_without_labels_are_refused(quick, tmp_path):
    np.savez(tmp_path / "bare.npz", x=np.zeros((4, 32, 32, 3), np.uint8))
    with pytest.raises(CortexsimError, match="no label"):
        mask(dataclasses.replace(quick, stimuli=str(tmp_path / "bare.npz")))


@pytest.mark.slow
def test_rounding_takes_the_nearest_steps(quick):
    path = mask(dataclasses.replace(quick, soa_ms=(30.0,), round=True, figure=False))
    with xarray.open_dataset(path, engine="netcdf4") as r:
        assert r.soa_steps.values.tolist() == [1]


def test_a_file_is_replaced_on_request_only(quick, tmp_path):
    (tmp_path / "masking.nc").write_text("mine")
    with pytest.raises(CortexsimError, match="--overwrite"):
        mask(quick)
    assert (tmp_path / "masking.nc").read_text() == "mine"


@pytest.mark.slow
def test_the_command_line(images, tmp_path, capsys):
    out = tmp_path / "m.nc"
    arguments = (
        f"--stimuli {images} --calibrate-on {images} --limit 12 --soa-ms 25 50 --steps 8 "
        f"--compared 0 --decoded 0 --n 20 --permutations 20 --no-figure --out {out}"
    )
    assert main(arguments.split()) == 0
    with xarray.open_dataset(out, engine="netcdf4") as r:
        assert "decoding" not in r
        assert r.attrs["n"] == 12


FEED_FORWARD = """
import torch
from torch import nn
import cortexsim

def net():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3)]
    module = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
    preprocessing = {"size": (32, 32), "mean": (0.5,) * 3, "std": (0.25,) * 3}
    options = {"as_": "staircase", "preprocessing": preprocessing, "readout": READOUT}
    return cortexsim.wrap(module, {"V1": "1", "IT": "2"}, **options)
"""


def test_a_mask_can_only_replace_what_a_strangers_feed_forward_net_sees(quick, tmp_path):
    (file := tmp_path / "mine.py").write_text(FEED_FORWARD.replace("READOUT", "''"))
    config = dataclasses.replace(quick, model=(f"{file}:net",), mask=("white",), figure=False)
    with xarray.open_dataset(mask(config), engine="netcdf4") as r:
        guess = r.guess.isel(network=0, lesion=0)
        # (soa, readout, stimulus).
        plain, masked = (guess.sel(mask=m).values for m in ("none", "white"))
        times, on = r.readout.values, (r.soa_ms.values / 25)
        for k, soa in enumerate(on):
            seen = (times - times[0]) < soa  # the image itself is being read out
            assert (masked[k, seen] == plain[k, seen]).all()
            assert (masked[k, seen] >= 0).all()
            assert (plain[k, ~seen] == -1).all()  # a blank leaves nothing
            assert (masked[k, ~seen] >= 0).all()
        assert "no frame acts on another" in r.attrs["caveats"]


def test_a_strangers_net_without_answers_is_refused(quick, tmp_path):
    (file := tmp_path / "mine.py").write_text(FEED_FORWARD.replace("READOUT", "None"))
    with pytest.raises(CortexsimError, match="has no readout"):
        mask(dataclasses.replace(quick, model=(f"{file}:net",)))


def test_too_few_stimuli_to_decode_are_refused_before_anything_is_run(quick, monkeypatch):
    monkeypatch.setattr("cortexsim.experiments.mask.run._one_soa", lambda *a: pytest.fail("it ran"))
    with pytest.raises(CortexsimError, match="decoding needs 2 stimuli"):
        mask(dataclasses.replace(quick, limit=4))
