"""What is in the store is what the network computed, laid out as promised."""

import json

import numpy as np
import pytest
import torch
import xarray

import cortexsim
from cortexsim.errors import CortexsimError, RecordingError
from cortexsim.record import RecordConfig, record
from cortexsim.stimuli.images import Preprocessing, load_stimuli

STATES = ("V1", "V2", "V4", "IT")


def _config(weights, folder, out, **options):
    return RecordConfig(
        model=str(weights),
        stimuli=str(folder),
        out=str(out),
        batch_size=8,
        figure=False,
        device="cpu",
        **options,
    )


@pytest.fixture(scope="module")
def recorded(weights, folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("recording") / "full.zarr"
    return record(_config(weights, folder, path, steps=9, drive=True))


@pytest.fixture(scope="module")
def direct(weights, folder):
    """The network run by hand on the same images: {step.

    States}, logits and preprocessed images.
    """
    net = cortexsim.load(weights)
    stimuli = load_stimuli(str(folder))
    images = Preprocessing((32, 32), (0.5, 0.4, 0.45), (0.25, 0.2, 0.22))(
        [stimuli.read(i) for i in range(len(stimuli))]
    )
    with torch.no_grad():
        states = dict(net.unroll(images, 9))
        logits = {t: net.read(states[t]["IT"], t) for t in range(4, 10)}
    return states, logits, stimuli


def test_activations_are_those_of_the_network_and_nan_where_not_populated(recorded, direct):
    tree = cortexsim.open_recording(recorded)
    states, logits, _ = direct
    for first, name in enumerate(STATES, start=1):
        group = tree[name]
        assert group.activation.dims == ("stimulus", "step", "channel", "y", "x")
        np.testing.assert_array_equal(group.populated, np.arange(1, 10) >= first)
        for t in range(1, 10):
            stored = group.activation.sel(step=t).values
            if t < first:
                assert np.isnan(stored).all()
            else:
                # Batches of 8 and of 30 sum in another order: equal to rounding only.
                np.testing.assert_allclose(stored, states[t][name].numpy(), rtol=1e-4, atol=1e-4)
    readout = tree["readout"]
    assert list(readout["class"].values) == [f"class{i}" for i in range(10)]
    np.testing.assert_allclose(readout.logits.sel(step=8), logits[8].numpy(), rtol=1e-4, atol=1e-4)
    assert np.isnan(readout.logits.sel(step=3)).all()


def test_order_ids_and_labels_are_those_of_the_table(recorded, direct):
    tree = cortexsim.open_recording(recorded)
    stimuli = direct[2]
    for name in (*STATES, "readout", "drive/V2"):
        assert tuple(tree[name].stimulus_id.values) == stimuli.ids
        assert tuple(tree[name].label.values) == stimuli.labels


def test_the_drive_sums_to_the_state_and_keeps_input_and_recurrence_apart(recorded):
    tree = cortexsim.open_recording(recorded)
    assert set(tree["drive/V1"].data_vars) == {"input", "V1->V1", "V1->V1 shortcut", "V2->V1"}
    for name in STATES:
        total = sum(v.fillna(0) for v in tree[f"drive/{name}"].data_vars.values())
        state = tree[name].activation
        np.testing.assert_allclose(total.where(state.notnull()), state, rtol=1e-4, atol=1e-4)


def test_time_is_in_milliseconds_with_its_range(recorded):
    group = xarray.open_zarr(recorded, group="IT")
    np.testing.assert_allclose(group.time_ms, 25.0 * np.arange(1, 10))
    np.testing.assert_allclose(group.time_ms_low, 20.0 * np.arange(1, 10))
    np.testing.assert_allclose(group.time_ms_high, 50.0 * np.arange(1, 10))
    assert group.time_ms.attrs["units"] == "ms after image onset"


def test_provenance_is_complete(recorded, weights):
    attributes = xarray.open_datatree(recorded, engine="zarr").attrs
    configuration = json.loads(attributes["configuration"])
    card = json.loads(weights.with_suffix(".json").read_text())
    assert configuration["weights_sha256"] == card["weights_sha256"]
    assert (
        cortexsim.Graph.from_dict(configuration["network"]["graph"])
        == cortexsim.load(weights).spec.graph
    )
    assert cortexsim.TimeAxis.from_dict(configuration["time_axis"]) == cortexsim.TimeAxis()
    assert configuration["provenance"]["cortexsim"] == cortexsim.__version__
    assert {
        "seed",
        "preprocessing",
        "presentation",
        "stimuli",
        "dtype",
        "keep",
    } <= configuration.keys()
    assert (attributes["stimuli_committed"], attributes["stimuli_total"]) == (30, 30)


def test_zarr_is_version_3_with_one_batch_and_one_step_a_chunk(recorded):
    node = json.loads((recorded / "V1" / "activation" / "zarr.json").read_text())
    assert node["zarr_format"] == 3
    assert node["chunk_grid"]["configuration"]["chunk_shape"] == [8, 1, 8, 32, 32]


@pytest.mark.slow
def test_spatial_mean_units_and_states(weights, folder, recorded, tmp_path):
    full = cortexsim.open_recording(recorded)
    mean = cortexsim.open_recording(
        record(_config(weights, folder, tmp_path / "m.zarr", keep="mean", states=("V2", "IT")))
    )
    assert set(mean.children) == {"V2", "IT", "readout"}
    np.testing.assert_allclose(
        mean["IT"].activation,
        full["IT"].activation.sel(step=slice(1, 8)).mean(("y", "x")),
        rtol=1e-4,
        atol=1e-5,
    )
    units = cortexsim.open_recording(
        record(_config(weights, folder, tmp_path / "u.zarr", keep="units:100", seed=5))
    )["V1"]
    places = [xarray.DataArray(units[k].values, dims="unit") for k in ("channel", "y", "x")]
    assert len({tuple(int(v) for v in p) for p in zip(*places)}) == 100, (
        "units are drawn without replacement"
    )
    picked = full["V1"].activation.isel(
        channel=places[0], y=places[1], x=places[2], step=slice(0, 8)
    )
    np.testing.assert_array_equal(units.activation, picked)


def test_random_projection_keeps_distances(weights, folder, recorded, tmp_path):
    full = cortexsim.open_recording(recorded)["V1"].activation.sel(step=4).values.reshape(30, -1)
    config = _config(weights, folder, tmp_path / "p.zarr", keep="project:2000", states=("V1",))
    projected = cortexsim.open_recording(record(config))
    projected = projected["V1"].activation.sel(step=4).values
    ratio = np.linalg.norm(projected[1:] - projected[0], axis=1) / np.linalg.norm(
        full[1:] - full[0], axis=1
    )
    assert abs(ratio.mean() - 1) < 0.05
    assert ratio.std() < 0.1


def test_flashed_image_equals_the_sequence_by_hand(weights, folder, direct, tmp_path):
    tree = cortexsim.open_recording(
        record(_config(weights, folder, tmp_path / "f.zarr", on_ms=50, states=("V1",)))
    )
    net, stimuli = cortexsim.load(weights), direct[2]
    images = Preprocessing((32, 32), (0.5, 0.4, 0.45), (0.25, 0.2, 0.22))(
        [stimuli.read(i) for i in range(8)]
    )
    with torch.no_grad():
        states = dict(net.unroll([images, images, *[None] * 6], 8))
    np.testing.assert_allclose(
        tree["V1"].activation.sel(step=3)[:8], states[3]["V1"].numpy(), rtol=1e-5, atol=1e-5
    )
    assert json.loads(tree.attrs["configuration"])["presentation"]["frames"] == [
        "image",
        "image",
        *["blank"] * 6,
    ]


def test_lesion_and_half_precision(weights, folder, recorded, tmp_path):
    path = record(
        _config(
            weights,
            folder,
            tmp_path / "l.zarr",
            lesion=("feedback",),
            dtype="float16",
            compression="zstd",
        )
    )
    lesioned, intact = cortexsim.open_recording(path), cortexsim.open_recording(recorded)
    assert lesioned["V1"].activation.dtype == np.float16
    v1 = [t["V1"].activation.astype("float32") for t in (lesioned, intact)]
    # Feedback arrives at step 3.
    np.testing.assert_allclose(v1[0].sel(step=2), v1[1].sel(step=2), rtol=2e-3, atol=1e-2)
    assert float(abs(v1[0].sel(step=3) - v1[1].sel(step=3)).max()) > 0.1


def test_a_lesion_at_given_steps_only(weights, folder, recorded, tmp_path):
    path = record(_config(weights, folder, tmp_path / "w.zarr", lesion=("V2->V1@4-5",)))
    lesioned, intact = (cortexsim.open_recording(p)["V1"].activation for p in (path, recorded))
    np.testing.assert_array_equal(lesioned.sel(step=slice(1, 4)), intact.sel(step=slice(1, 4)))
    assert float(abs(lesioned.sel(step=5) - intact.sel(step=5)).max()) > 0.1


def test_size_override(weights, folder, tmp_path):
    tree = cortexsim.open_recording(
        record(_config(weights, folder, tmp_path / "s.zarr", size=64, limit=4))
    )
    assert tree["V1"].activation.shape[-2:] == (64, 64)
    assert tree["IT"].activation.shape[-2:] == (8, 8)


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"keep": "everything"}, ("everything", "full", "units:N")),
        ({"keep": "units"}, ("units:500",)),
        ({"keep": "project:100000"}, ("100000", "8192")),
        ({"states": ("V3",)}, ("V3", "V1, V2, V4, IT")),
        ({"steps": 12}, ("12", "calibrate")),
        ({"steps": 2}, ("V4", "never populated")),
        ({"on_ms": 60.0}, ("50", "75")),
        ({"on_ms": 400.0}, ("16 steps", "8")),
        ({"lesion": ("V1->IT",)}, ("V1->IT",)),
        ({"lesion": ("V2->V1@x",)}, ("V2->V1@x", "V4->V2@3-5")),
        ({"lesion": ("V2->V1@0",)}, ("V2->V1@0", "1 to 7")),
        ({"lesion": ("V2->V1@3-8",)}, ("1 to 7",)),
        ({"lesion": ("V2->V1@",)}, ("cannot read",)),
        ({"keep": "units:²"}, ("units:²",)),
        ({"onset_ms": float("nan")}, ("finite",)),
        ({"on_ms": float("inf")}, ("positive",)),
        ({"on_ms": -25.0}, ("positive",)),
        ({"size": 0}, ("0 x 0",)),
        ({"seed": -1}, ("seed is -1",)),
        ({"resume": True, "overwrite": True}, ("one of the two",)),
        ({"untrained": True}, ("weights file",)),
        ({"size": 30}, ("30", "multiples of 8")),
        ({"step_ms": (50.0, 25.0, 20.0)}, ("ascending",)),
        ({"dtype": "int8"}, ("int8", "float16")),
    ],
)
def test_bad_requests_say_why_and_write_nothing(weights, folder, tmp_path, options, facts):
    with pytest.raises(CortexsimError) as error:
        record(_config(weights, folder, tmp_path / "x.zarr", **options))
    assert all(f in str(error.value) for f in facts), str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_value_beyond_half_precision_is_an_error_not_infinity(
    weights, folder, tmp_path, monkeypatch
):
    from cortexsim.models.limits import Limits
    from cortexsim.stimuli.images import Preprocessing

    monkeypatch.setattr(Limits, "check", lambda self, frames, card: None)
    monkeypatch.setattr(
        Preprocessing,
        "normalise",
        lambda self, batch: torch.full((len(batch), 3, 32, 32), 1e7),
    )
    with pytest.raises(RecordingError, match=r"V1 at step 1.*65504.*`dtype='float32'`"):
        record(_config(weights, folder, tmp_path / "x.zarr", dtype="float16"))


def test_states_with_fewer_units_than_are_asked_for_are_named(weights, folder, tmp_path, capsys):
    record(_config(weights, folder, tmp_path / "u.zarr", keep="units:3000"))
    said = capsys.readouterr().out
    assert "--keep units:3000: all units are kept of V4 (2,048), IT (1,024)" in said
    record(_config(weights, folder, tmp_path / "v.zarr", keep="units:1024"))
    assert "all units" not in capsys.readouterr().out


def test_plan_writes_nothing_and_counts_the_bytes(weights, folder, recorded, tmp_path, capsys):
    record(_config(weights, folder, tmp_path / "x.zarr", plan=True, steps=9, drive=True))
    assert list(tmp_path.iterdir()) == []
    out = capsys.readouterr().out
    chunks = sum(f.stat().st_size for f in recorded.rglob("c.*") if f.is_file())
    assert f"total {chunks / 1e6:.1f} MB" in out  # Zarr stores the last chunk whole
    assert "Nothing was written" in out


@pytest.mark.parametrize("options", [{"steps": 3}, {"steps": 1}, {"lesion": ("V4->IT",)}])
def test_without_a_populated_last_state_there_is_no_readout(weights, folder, tmp_path, options):
    config = RecordConfig(
        str(weights),
        str(folder),
        out=str(tmp_path / "early.zarr"),
        states=("V1",),
        limit=4,
        device="cpu",
        **options,
    )
    tree = cortexsim.open_recording(record(config))
    assert set(tree.children) == {"V1"}
    assert (tmp_path / "early.png").stat().st_size > 10_000


def test_units_are_the_same_whatever_else_is_stored(weights, folder, tmp_path):
    options = {"keep": "units:50", "limit": 2}
    both = cortexsim.open_recording(
        record(_config(weights, folder, tmp_path / "a.zarr", **options))
    )
    alone = cortexsim.open_recording(
        record(_config(weights, folder, tmp_path / "b.zarr", states=("IT",), **options))
    )
    np.testing.assert_array_equal(both["IT"].activation, alone["IT"].activation)
    assert not np.array_equal(both["IT"].x, both["V4"].x)


def test_netcdf_export_of_the_whole_tree(recorded, tmp_path):
    cortexsim.open_recording(recorded).to_netcdf(tmp_path / "x.nc")
    again = xarray.open_datatree(tmp_path / "x.nc", engine="netcdf4")
    np.testing.assert_array_equal(
        again["IT"].activation, cortexsim.open_recording(recorded)["IT"].activation
    )
    again.close()


def test_open_recording_refuses_what_is_not_one(recorded, tmp_path):
    with pytest.raises(RecordingError, match="no recording"):
        cortexsim.open_recording(tmp_path / "nowhere.zarr")
    xarray.Dataset({"a": ("x", [1.0])}).to_zarr(
        tmp_path / "other.zarr", zarr_format=3, consolidated=False
    )
    with pytest.raises(RecordingError, match="not a recording"):
        cortexsim.open_recording(tmp_path / "other.zarr")
