"""What a subject of Brain-Score records: time bins, coordinates, policies, any number of steps,
bounded memory.
"""

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from brainscore_core.supported_data_standards.brainio.assemblies import (
    NeuronRecordingAssembly,
    walk_coords,
)
from brainscore_vision import load_metric
from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark
from brainscore_vision.benchmarks.kar2019.benchmark import TIME_BINS, temporally_varying
from brainscore_vision.metrics import Score
from brainscore_vision.model_interface import BrainModel as Interface

import cortexsim
from cortexsim.brainscore import BrainModel, commit, load
from cortexsim.brainscore.commitment import REGIONS, preprocessing_of, state_weights
from cortexsim.errors import BrainScoreError, CortexsimError
from cortexsim.stimuli.images import Preprocessing, read_image
from cortexsim.timeaxis import TimeAxis


def steps_of(model, stimuli, region):
    """(step, presentation, unit) by the network alone, NaN where the state is not populated."""
    images = model.preprocessing(
        [read_image(Path(stimuli.get_stimulus(i))) for i in stimuli["stimulus_id"]]
    )
    state, steps = model.commitment.state(region), model.commitment.steps
    out = np.full((steps, len(images), int(np.prod(model.commitment.shapes[state]))), np.nan)
    with torch.inference_mode():
        for step, states in model.net.unroll(images, steps):
            if state in states:
                out[step - 1] = states[state].flatten(1).numpy()
    return out


def sampled(frames, axis, bins, policy):
    """Mean over each bin of the activity at every 0.05 ms: no weights, no overlaps. NaN is no
    activity.
    """
    populated = np.flatnonzero(~np.isnan(frames[:, 0, 0]))
    result = []
    for low, high in bins:
        ms = np.arange(low + 0.025, high, 0.05)
        step = np.floor((ms - float(axis.time_ms(1))) / axis.step_ms).astype(int)  # 0 is the first
        if policy == "hold":
            step = np.clip(step, populated[0], populated[-1])
        else:
            step = step[(step >= populated[0]) & (step <= populated[-1])]
        count = np.bincount(step, minlength=len(frames))
        result.append(
            np.tensordot(count, np.nan_to_num(frames), 1) / count.sum()
            if count.sum()
            else frames[0] * np.nan
        )
    return np.stack(result, -1)


def test_is_what_brain_score_calls_a_model(model):
    assert isinstance(model, Interface)
    assert (model.identifier, model.visual_degrees()) == ("cortex4", 8)
    assert dict(model.commitment.regions) == {r: r for r in REGIONS}


@pytest.mark.parametrize("region", REGIONS)
def test_the_18_bins_of_kar2019_vary_over_time(model, stimuli, region):
    assert [(t, t + 10) for t in range(70, 250, 10)] == TIME_BINS
    model.start_recording(region, time_bins=TIME_BINS)
    recording = model.look_at(stimuli, number_of_trials=44)
    assert recording.dims == ("presentation", "neuroid", "time_bin")
    assert list(recording["time_bin"].values) == TIME_BINS
    assert np.isfinite(recording.values).all()
    assert temporally_varying(recording)


def test_kar2019_sees_that_a_feed_forward_twin_holds_still(stimuli):
    twin = load("cortex4-twin")
    twin.start_recording("V1", TIME_BINS)
    assert not temporally_varying(twin.look_at(stimuli[:4]))


@pytest.mark.parametrize("policy", ["hold", "clip"])
@pytest.mark.parametrize(
    "axis",
    [TimeAxis(), TimeAxis(30, 20, 50, 10.0), TimeAxis(22.5, 20, 50)],
    ids=["25", "30+10", "22.5"],
)
def test_bins_are_weighted_by_overlap(stimuli, axis, policy):
    model = load("cortex4", time_axis=axis, policy=policy)
    bins = [
        (0, 10),
        (70, 80),
        (95, 105),
        (70, 170),
        (101, 333),
        (180, 181),
        (250, 2000),
        (5000, 5010),
    ]
    few = stimuli.iloc[:3]
    model.start_recording("IT", bins)
    expected = sampled(steps_of(model, few, "IT"), axis, bins, policy)
    np.testing.assert_allclose(model.look_at(few).values, expected, rtol=2e-3, atol=2e-3)
    exact = model.commitment.weights("IT", bins)
    assert np.isnan(exact[0]).all() == (policy == "clip")
    np.testing.assert_allclose(np.nansum(exact, 1), ~np.isnan(exact[:, 0]), atol=1e-12)


def test_a_bin_inside_one_step_is_that_step_to_the_last_bit(model, stimuli):
    model.start_recording("V4", [(200, 225), (205, 215), (200, 250)])
    frames = steps_of(model, stimuli, "V4")
    recorded = model.look_at(stimuli).values
    np.testing.assert_array_equal(recorded[..., 0], frames[7])
    np.testing.assert_array_equal(recorded[..., 1], frames[7])
    np.testing.assert_allclose(recorded[..., 2], frames[7:9].mean(0), rtol=1e-5, atol=1e-5)


def test_what_is_not_covered_follows_the_policy(stimuli):
    refusing, clipping, holding = (load("cortex4", policy=p) for p in ("refuse", "clip", "hold"))
    with pytest.raises(BrainScoreError, match=r"not populated.*first at 100 ms.*hold or clip"):
        refusing.start_recording("IT", [(70, 80)])
    with pytest.raises(CortexsimError, match="not covered by steps 1 to 12"):
        refusing.start_recording("V1", [(400, 500)])
    refusing.start_recording("IT", [(100, 110), (110, 120)])
    assert np.isfinite(refusing.look_at(stimuli[:2]).values).all()
    bins = [(0, 10), (70, 80), (100, 110), (325, 335)]
    clipping.start_recording("IT", bins)
    np.testing.assert_array_equal(
        np.isnan(clipping.look_at(stimuli[:2]).values[0, 0]), [True, True, False, True]
    )
    holding.start_recording("IT", bins)
    held = holding.look_at(stimuli[:2]).values
    np.testing.assert_array_equal(held[..., 0], held[..., 2])
    np.testing.assert_array_equal(held[..., 3], steps_of(holding, stimuli[:2], "IT")[11])


def test_a_gap_is_held_clipped_or_refused():
    bins, axis = [(50, 75), (75, 100), (50, 100)], TimeAxis()
    assert state_weights(axis, 4, [2, 4], bins_ms=bins, policy="hold").tolist() == [
        [0, 1, 0, 0],
        [0, 1, 0, 0],
        [0, 1, 0, 0],
    ]
    clipped = state_weights(axis, 4, [2, 4], bins_ms=bins, policy="clip")
    assert np.isnan(clipped[1]).all()
    assert clipped[[0, 2]].tolist() == [[0, 1, 0, 0]] * 2
    with pytest.raises(BrainScoreError, match="2 bins"):
        state_weights(axis, 4, [2, 4], bins_ms=bins, policy="refuse")


def test_columns_become_coordinates_and_neuroids_keep_their_ids(model, stimuli):
    model.start_recording("V4", [(70, 170), (170, 270)])
    a = model.look_at(stimuli)
    coords = {name: (dims, values) for name, dims, values in walk_coords(a)}
    for column in stimuli.columns:
        assert coords[column][0] == ("presentation",)
        np.testing.assert_array_equal(a[column].values, stimuli[column].values)
    assert list(a["stimulus_path"].values) == [
        str(stimuli.get_stimulus(i)) for i in stimuli["stimulus_id"]
    ]
    ids = a["neuroid_id"].values
    assert len(set(ids)) == len(ids) == 32 * 8 * 8
    other = load("cortex4", batch_size=5)
    other.start_recording("V4", [(100, 110)])
    b = other.look_at(stimuli.iloc[::-1])
    np.testing.assert_array_equal(b["neuroid_id"].values, ids)
    np.testing.assert_array_equal(b["stimulus_id"].values, stimuli["stimulus_id"].values[::-1])
    unit = a.sel(channel=3, channel_y=2, channel_x=7)
    state = steps_of(model, stimuli, "V4").reshape(12, 24, 32, 8, 8)[:, :, 3, 2, 7]
    expected = model.commitment.weights("V4", [(70, 170)]) @ np.nan_to_num(state)
    np.testing.assert_allclose(unit.values.reshape(24, 2)[:, 0], expected[0], rtol=1e-5, atol=1e-5)


def test_a_column_that_is_called_like_a_unit_coordinate_stays_with_the_stimuli(model, stimuli):
    table = stimuli.iloc[:3].copy()
    table["region"] = ["a", "b", "c"]
    model.start_recording("IT", [(70, 170)])
    recording = model.look_at(table)
    assert recording["region"].dims == ("presentation",)
    table = table.rename(columns={"region": "neuroid_id"})
    with pytest.raises(BrainScoreError, match="neuroid_id"):
        model.look_at(table)


def test_batches_do_not_change_what_is_recorded(stimuli):
    recorded = []
    for size in (1, 7, 64):
        model = load("cortex4", batch_size=size)
        model.start_recording("IT", TIME_BINS)
        recorded.append(model.look_at(stimuli).values)
    np.testing.assert_allclose(recorded[0], recorded[2], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(recorded[1], recorded[2], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "bins",
    [
        [(70, 170)],
        [[70, 170]],
        np.array([[70, 170]]),
        [np.array((70, 170))],
        pd.MultiIndex.from_tuples([(70, 170)]).values,
    ],
    ids=["tuple", "list", "array", "arrays", "index"],
)
def test_a_static_request_has_no_time(model, stimuli, bins):
    model.start_recording("IT", time_bins=bins)
    recording = model.look_at(stimuli.iloc[:3])
    assert recording.dims == ("presentation", "neuroid")
    expected = model.commitment.weights("IT", [(70, 170)])[0] @ np.nan_to_num(
        steps_of(model, stimuli.iloc[:3], "IT").reshape(12, -1)
    )
    np.testing.assert_allclose(recording.values.ravel(), expected, rtol=1e-5, atol=1e-5)


class Other:
    """Somebody else's network: two states with names of their own, as many steps as it likes."""

    readout, channels, thread_safe, state_names = 3, 3, True, ("early", "late")

    def __init__(self):
        self.card, self.batches = {}, []

    def unroll(self, images, steps=None):
        self.batches.append(len(images))
        for step in range(1, (steps or self.readout) + 1):
            states = {"early": images[:, :, ::4, ::4] * step}
            if step > 1:
                states["late"] = images.mean((2, 3)) - step  # no map: (batch, unit)
            yield step, states

    def logits(self, states, step):
        return None

    def describe(self):
        return {}

    def eval(self):
        return self

    def to(self, device):
        return self


def other(**options):
    net, preprocessing = Other(), Preprocessing((16, 16), (0.5,) * 3, (0.25,) * 3)
    regions = {"V1": "early", "V2": "early", "IT": "late"}
    c = commit(
        net,
        preprocessing,
        "other",
        **{"regions": regions, "time_axis": TimeAxis(50, 20, 50), **options},
    )
    return BrainModel(net, preprocessing, c, batch_size=10)


@pytest.mark.parametrize("steps", [2, 3, 9])
def test_another_persons_network_and_number_of_steps(stimuli, steps):
    model = other(steps=steps)
    model.start_recording("IT", TIME_BINS)
    recording = model.look_at(stimuli)
    assert recording.shape == (24, 3, 18)
    # The probe, then every image once: all steps in one pass.
    assert model.net.batches == [1, 10, 10, 4]
    frames = steps_of(model, stimuli, "IT")
    # 240-250 ms is in step 4.
    np.testing.assert_allclose(recording.values[..., -1], frames[min(steps, 4) - 1], rtol=1e-6)
    model.start_recording("V2", [(70, 170)])
    assert model.look_at(stimuli)["neuroid_id"].values[5] == "other.early.5"


def test_networks_with_other_state_names_say_which_is_which(tmp_path, stimuli):
    net = cortexsim.build("rnn2-t2", seed=1)
    cortexsim.calibrate(
        net, torch.rand(32, 3, 32, 32, generator=torch.Generator().manual_seed(0)), steps=2
    )
    preprocessing = Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3)
    with pytest.raises(BrainScoreError, match=r"h1, h2.*--regions V1=h1"):
        commit(net, preprocessing, "rnn2")
    with pytest.raises(BrainScoreError, match=r"h3.*the states are h1, h2"):
        commit(net, preprocessing, "rnn2", regions={"IT": "h3"})
    with pytest.raises(BrainScoreError, match="no region 'MT'"):
        commit(net, preprocessing, "rnn2", regions={"MT": "h1"})
    model = BrainModel(
        net, preprocessing, commit(net, preprocessing, "rnn2", regions={"V1": "h1", "IT": "h2"})
    )
    model.start_recording("IT", [(70, 170)])
    assert model.look_at(stimuli.iloc[:2]).shape == (2, 64 * 32 * 32)
    with pytest.raises(BrainScoreError, match=r"no region 'V4'.*V1 \(state h1\), IT \(state h2\)"):
        model.start_recording("V4", [(70, 170)])


def test_weights_files_and_their_cards_are_enough(tmp_path, stimuli):
    from cortexsim.models.weights import save_weights

    net = cortexsim.load("cortex4")
    path = tmp_path / "mine.safetensors"
    card = {k: net.card[k] for k in ("preprocessing", "classes", "calibrated_to_step")}
    save_weights(net, path, {"name": "mine", **card})
    a, b = load(path), load("cortex4")
    assert a.identifier == "mine"
    for m in (a, b):
        m.start_recording("IT", [(100, 200)])
    np.testing.assert_array_equal(a.look_at(stimuli).values, b.look_at(stimuli).values)
    assert preprocessing_of(net.card, "mine") == a.preprocessing


def test_memory_is_the_result_and_one_batch(model, stimuli):
    many = pd.concat([stimuli] * 8)
    many.stimulus_paths = stimuli.stimulus_paths
    model.start_recording("IT", TIME_BINS)
    # What is imported and cached on the first call is not the recording's.
    model.look_at(stimuli.iloc[:2])
    tracemalloc.start()
    recording = model.look_at(many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert recording.nbytes == 192 * 1024 * 18 * 4
    # A copy of the result, or all steps, would be far more.
    assert peak < recording.nbytes * 1.25 + 6e6


def test_lists_of_files_and_what_cannot_be_looked_at(model, stimuli, tmp_path):
    paths = [str(stimuli.get_stimulus(i)) for i in stimuli["stimulus_id"][:3]]
    with pytest.raises(BrainScoreError, match="start_recording or start_task"):
        model.look_at(paths)
    model.start_recording("IT", [(70, 170)])
    listed = model.look_at(paths)
    assert list(listed["stimulus_id"].values) == paths
    np.testing.assert_array_equal(listed.values, model.look_at(stimuli.iloc[:3]).values)
    with pytest.raises(BrainScoreError, match=r"nowhere.png cannot be read"):
        model.look_at([*paths, str(tmp_path / "nowhere.png")])
    with pytest.raises(BrainScoreError, match="no stimuli"):
        model.look_at([])
    with pytest.raises(BrainScoreError, match="pair"):
        model.start_recording("IT", [70, 170])
    with pytest.raises(BrainScoreError, match="deterministic"):
        model.look_at(paths, number_of_trials=2, require_variance=True)


def neurons(source, region, rng, **kwargs):
    """Neurons that are noisy sums of a recording's units: an assembly as benchmarks load it."""
    values = source.values.reshape(len(source["presentation"]), -1, *source.shape[2:])
    mix = rng.normal(size=(values.shape[1], 6)) / 50
    data = np.einsum("pn...,nk->pk...", values, mix)
    data = data + 0.05 * data.std() * rng.normal(size=data.shape)
    coords = {name: (dims, v) for name, dims, v in walk_coords(source) if dims != ("neuroid",)}
    coords |= {"neuroid_id": ("neuroid", np.arange(6)), "region": ("neuroid", [region] * 6)}
    return NeuronRecordingAssembly(data, coords=coords, dims=source.dims)


@pytest.mark.parametrize("region", ["V4", "IT"])
@pytest.mark.parametrize("temporal", [False, True], ids=["static", "temporal"])
def test_benchmarks_like_majajhong2015public_run(model, stimuli, region, temporal):
    """The real NeuralBenchmark and metrics on planted neurons, which come from the recording:
    nearly all of them is explained.
    """
    many = pd.concat(
        [stimuli, stimuli.assign(stimulus_id=[f"again-{i}" for i in stimuli["stimulus_id"]])]
    )
    many.stimulus_paths = {
        **stimuli.stimulus_paths,
        **{f"again-{i}": p for i, p in stimuli.stimulus_paths.items()},
    }
    many.identifier = "planted"
    # From image onset on, as the temporal benchmarks do.
    bins = [(t, t + 10) for t in range(0, 280, 40)] if temporal else [(70, 170)]
    model.start_recording(region, bins)
    brain = neurons(model.look_at(many), region, np.random.default_rng(1))
    assert brain.dims[2:] == (("time_bin",) if temporal else ())
    brain.attrs["stimulus_set"] = many
    metric = load_metric(
        "spantime_ridge" if temporal else "ridge",
        crossvalidation_kwargs={"stratification_coord": "object_name", "splits": 3},
    )
    benchmark = NeuralBenchmark(
        "planted",
        brain,
        metric,
        8,
        50,
        ceiling_func=lambda: Score(1.0),
        version=1,
        parent=region,
        bibtex="",
    )
    benchmark.preallocate_memory(model)
    assert np.mean(benchmark(model).values) > 0.8  # a temporal benchmark has a score for every bin
