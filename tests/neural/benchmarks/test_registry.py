"""Every benchmark keeps the conventions of a recording's coordinates, survives netCDF, and can be
made again from its originals.
"""

import json
import types

import numpy as np
import pytest
import xarray as xr

from cortexsim import neural
from cortexsim.neural.benchmarks.registry import BENCHMARKS

REAL = [name for name in BENCHMARKS if name != "latencies"]


@pytest.fixture(scope="module")
def loaded(data_folder):
    """Benchmarks, each loaded once."""
    kept = {}

    def get(name):
        if name not in kept:
            kept[name] = neural.load(name)
        return kept[name]

    return get


@pytest.mark.parametrize("name", BENCHMARKS)
def test_attributes_are_text_and_none_is_empty(name, loaded):
    attrs = loaded(name).attrs
    assert {"name", "title", "citation", "licence", "source", "notes", "provenance"} <= set(attrs)
    assert all(isinstance(v, str) and v for v in attrs.values())
    assert attrs["name"] == name
    assert BENCHMARKS[name].commit in attrs["source"]
    hashes = json.loads(attrs["provenance"])["content_sha256"]
    assert hashes == {f.path: f.content for f in BENCHMARKS[name].files}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_variable_says_its_kind_area_species_and_units(name, loaded):
    for key, variable in loaded(name).data_vars.items():
        for attr in ("kind", "area", "species", "units"):
            assert variable.attrs[attr], (key, attr)
        for value in variable.attrs.values():
            assert isinstance(value, (str, int, float))
            assert not isinstance(value, bool)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_stimuli_have_unique_ids_and_labels(name, loaded):
    dataset = loaded(name)
    if "stimulus" in dataset.dims:
        ids, labels = dataset.stimulus_id, dataset.label
        assert ids.dims == labels.dims == ("stimulus",)
        assert ids.dtype == labels.dtype == object
        assert len(set(ids.values)) == dataset.sizes["stimulus"]
    for key, coord in dataset.coords.items():
        if coord.dtype.kind in "OU":
            assert coord.dtype == object, key
            assert all(type(v) is str for v in np.unique(coord.values.astype(object))), key


@pytest.mark.parametrize("name", BENCHMARKS)
def test_pairs_are_those_of_squareform(name, loaded):
    dataset = loaded(name)
    if "pair" not in dataset.dims:
        return
    i, j = np.triu_indices(dataset.sizes["stimulus"], 1)
    np.testing.assert_array_equal(dataset["first"], i)
    np.testing.assert_array_equal(dataset["second"], j)
    assert dataset["first"].dtype == dataset["second"].dtype == np.int32
    for key, rdm in dataset.data_vars.items():
        if "pair" in rdm.dims:
            assert rdm.attrs["kind"] == "rdm"
            assert rdm.attrs["measure"]
            assert rdm.dtype == np.float64
            assert rdm.dims[-1] == "pair"
            assert np.isfinite(rdm).all(), key
            assert (rdm.std("pair") > 0).all()


@pytest.mark.parametrize("name", BENCHMARKS)
def test_times_ascend_in_ms_and_bins_have_a_width(name, loaded):
    dataset = loaded(name)
    for key, coord in dataset.coords.items():
        if str(key).endswith("_ms"):
            assert coord.dtype == np.float64
            assert coord.attrs["units"].startswith("ms")
    if "time_ms" in dataset.coords:
        time = dataset.time_ms
        assert time.attrs["units"] == "ms after stimulus onset"
        np.testing.assert_allclose(np.diff(time), time.attrs["bin_ms"])


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", BENCHMARKS)
def test_netcdf_keeps_everything(name, loaded, tmp_path):
    dataset = loaded(name)
    dataset.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as again:
        xr.testing.assert_identical(again.load(), dataset)


def test_images_are_bytes_with_three_channels(loaded):
    for name, size in {"kriegeskorte92": 175, "grootswagers-eeg": 128}.items():
        image = loaded(name).image
        assert image.dims == ("stimulus", "y", "x", "channel")
        assert image.shape[1:] == (size, size, 3)
        assert image.dtype == np.uint8


def test_the_two_sets_of_92_images_share_their_ids(loaded):
    a, b = loaded("kriegeskorte92"), loaded("cichy92-fmri")
    assert a.stimulus_id.values.tolist() == b.stimulus_id.values.tolist()
    assert a.human_IT.dims == ("subject", "session", "pair")
    assert a.human_IT.shape == (4, 2, 4186)
    assert b.IT.shape == b.EVC.shape == (15, 4186)
    assert a.models.sel(model="monkeyIT").values == pytest.approx(a.monkey_IT.values)
    flags = {key: int(a[key].sum()) for key in ("animate", "human", "body", "face")}
    assert flags == {"animate": 48, "human": 24, "body": 24, "face": 24}
    assert (a.animate.values == [("inanimate" not in label) for label in a.label.values]).all()
    assert (a.face.values == [label.endswith("face") for label in a.label.values]).all()


def test_rasters_are_unpacked_trial_by_trial(loaded):
    dataset = loaded("zhang-desimone-it")
    spikes = dataset.spikes
    assert spikes.dtype == np.uint8
    assert spikes.dims == ("trial", "time_ms")
    assert set(np.unique(spikes.values)) == {0, 1}
    assert dataset.time_ms.values[[0, 500, -1]].tolist() == [-499.5, 0.5, 499.5]
    unit, stimulus = dataset.unit.values, dataset.stimulus_id.values
    assert len(set(unit)) == 132
    assert len(set(stimulus)) == 21
    assert all(u.startswith(f"bp{s}") for u, s in zip(unit[::97], dataset.session.values[::97]))
    # of the source's listing of its files
    listed = {"bp1001spk_01A", "bp1004spk_04B", "bp1015spk_04C", "bp1018spk_02B", "bp1021spk_03C"}
    assert listed <= set(unit)
    assert (dataset.label.values + "_" + dataset.position.values == stimulus).all()


def test_sequences_of_henaff_are_whole_in_the_main_dimension(loaded):
    dataset = loaded("henaff-v1")
    assert dataset.sizes["stimulus"] + dataset.sizes["partial_stimulus"] == 60
    assert np.isfinite(dataset.psth).all()
    assert np.isfinite(dataset.mean_count).all()
    assert np.isnan(dataset.psth_partial).any()
    assert not set(dataset.stimulus_id.values) & set(dataset.partial_stimulus_id.values)
    # the RDM movie belongs to these responses in this order
    k = 17
    patterns = dataset.psth.isel(time_ms=k)
    expected = (1 - np.corrcoef(patterns - patterns.mean("stimulus")))[np.triu_indices(44, 1)]
    np.testing.assert_allclose(dataset["rdm"].isel(time_ms=k), expected, atol=1e-6)
    assert dataset.session_latency_ms.min() == 28
    assert dataset.session_latency_ms.max() == 58
    assert set(dataset.session.values) == set(dataset.recording.values)


def test_levels_of_gratings_are_a_full_design(loaded):
    dataset = loaded("grootswagers-eeg")
    levels = np.stack(
        [dataset[f].values for f in ("orientation", "spatial_frequency", "colour", "contrast")], 1
    )
    assert len({tuple(row) for row in levels}) == 256
    name = "stim037_ori1_sf1_color2_contrast0"
    assert levels[dataset.stimulus_id.values.tolist().index(name)].tolist() == [1, 1, 2, 0]
    assert dataset.feature.values.tolist() == [
        "orientation",
        "spatial_frequency",
        "colour",
        "contrast",
    ]
    # a contrast level is a contrast: the spread of grey levels grows with it
    spread = [float(dataset.image[levels[:, 3] == k].astype(float).std()) for k in range(4)]
    assert len(set(np.sign(np.diff(spread)))) == 1


def test_intervals_of_onsets_do_not_overflow(loaded):
    dataset = loaded("grootswagers-eeg")
    for name in ("onset", "peak"):
        low, high = (dataset[f"{name}_interval_ms"].sel(bound=b) for b in ("lower", "upper"))
        assert (low <= dataset[f"{name}_ms"]).all()
        assert (dataset[f"{name}_ms"] <= high).all()
        assert float((low - high).min()) < 0


def test_trials_of_tang_agree_with_themselves(loaded):
    dataset = loaded("tang-masking")
    assert (dataset.correct == (dataset.response == dataset.label)).all()
    assert dataset.experiment.to_series().value_counts().to_dict() == {1: 13000, 2: 10400}
    category = dict(zip(dataset.stimulus_id.values, dataset.label.values))
    assert category["object_060"] == "animals"
    assert category["object_061"] == "chairs"
    assert category["object_300"] == "vehicles"
    assert set(category) == set(dataset.example_id.values)
    assert abs(dataset.soa_measured_ms - dataset.soa_ms).median() < 10
    assert (dataset.rt_ms > 100).all()


def test_tables_of_maniquet_are_joined_by_task(loaded):
    dataset = loaded("maniquet-masking")
    everyone = dataset.participant_accuracy.mean("participant")
    assert np.corrcoef(everyone, dataset.accuracy.sel(masking="all"))[0, 1] > 0.99
    easy = dataset.difficulty == "easy"
    effect = dataset.accuracy.sel(masking="no mask") - dataset.accuracy.sel(masking="mask")
    assert effect[easy].mean() < effect[~easy].mean()
    assert (
        dataset.confusion.sel(masking="all") == dataset.participant_confusion.sum("participant")
    ).all()
    # rows are what was shown: every net saw the same number of images of each category
    shown = dataset.model_confusion.sel(model="cornet_s").sum("response")
    assert (shown == shown[0, 0]).all()


def test_a_trial_without_an_answer_is_not_correct_and_has_no_time(loaded):
    dataset = loaded("geirhos-behaviour")
    assert dataset.sizes["trial"] == 85120
    none = dataset.response == "na"
    assert not dataset.correct[none].any()
    assert np.isnan(dataset.rt_ms[none]).mean() > 0.9
    assert dataset.rt_ms.max() < 5000
    assert len(set(dataset.experiment.values)) == 17


def test_ids_of_cifar10h_are_those_of_the_stimuli(loaded, monkeypatch):
    import torch

    from cortexsim.stimuli import images

    dataset = loaded("cifar10h")
    everything = types.SimpleNamespace(
        test_x=torch.zeros(10000, 3, 1, 1, dtype=torch.uint8),
        test_y=torch.zeros(10000, dtype=torch.int64),
        classes=dataset["class"].values.tolist(),
    )
    monkeypatch.setattr(images, "load_images", lambda name: everything)
    assert list(images.load_stimuli("cifar10").ids) == dataset.stimulus_id.values.tolist()
    np.testing.assert_allclose(
        dataset.counts / dataset.counts.sum("class"), dataset.probability, atol=1e-12
    )
