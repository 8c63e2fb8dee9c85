"""Epochs and evokeds of MNE."""

import mne
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from own_data import IDS, checked, hide, same

from cortexsim.errors import AnalysisError
from cortexsim.neural.own.from_mne import from_mne
from cortexsim.neural.spikes.trials import average


def recorded(bads=()):
    """8 epochs of 2 EEG, 1 magnetometer and 1 stimulus channel at 250 Hz from -20 ms, 4 stimuli."""
    info = mne.create_info(["Oz", "Pz", "MEG1", "STI"], 250.0, ["eeg", "eeg", "mag", "stim"])
    info["bads"] = list(bads)
    events = np.column_stack([np.arange(8) * 100, np.zeros(8, int), [1, 2, 3, 4, 4, 3, 2, 1]])
    metadata = pd.DataFrame({"image": list("abcdefab"), "trial": range(8)})
    values = np.random.default_rng(0).normal(size=(8, 4, 11))
    ids = {"cat": 1, "dog": 2, "car": 3, "cup": 4}
    return mne.EpochsArray(
        values, info, events, tmin=-0.02, event_id=ids, metadata=metadata, verbose="error"
    ), values


def test_epochs_become_repeats_with_sensors_as_units():
    epochs, values = recorded()
    data = checked(from_mne(epochs))
    assert data.responses.dims == ("repeat", "time_ms", "stimulus", "unit")
    assert data.stimulus_id.values.tolist() == ["cat", "dog", "car", "cup"]
    assert data.unit.values.tolist() == ["Oz", "Pz", "MEG1"]  # data channels only
    assert data.channel_type.values.tolist() == ["eeg", "eeg", "mag"]
    assert data.responses.attrs["units"] == "eeg: V, mag: T"
    np.testing.assert_array_equal(data.time_ms, np.arange(-20.0, 24, 4))
    assert data.time_ms.attrs["bin_ms"] == 4
    np.testing.assert_array_equal(data.responses[:, :, 1], values[[1, 6], :3].transpose(0, 2, 1))
    for name in ("cat", "dog", "car", "cup"):
        theirs = epochs[name].average(picks=["Oz", "Pz", "MEG1"]).get_data()
        ours = average(data).responses[:, data.stimulus_id.values.tolist().index(name)]
        np.testing.assert_allclose(ours, theirs.T, rtol=1e-12)


def test_evokeds_are_averages_that_know_their_trials(tmp_path):
    epochs, _ = recorded()
    evokeds = [epochs[name].average(picks="data") for name in ("cat", "dog", "car", "cup")]
    data = checked(from_mne(evokeds))
    assert data.responses.dims == ("time_ms", "stimulus", "unit")
    assert data.trials.values.tolist() == [2, 2, 2, 2]
    np.testing.assert_allclose(data.responses, average(from_mne(epochs)).responses, rtol=1e-12)
    assert data.stimulus_id.values.tolist() == ["cat", "dog", "car", "cup"]
    assert from_mne(evokeds, stimulus_id=IDS[:4]).stimulus_id.values.tolist() == IDS[:4]
    assert from_mne(evokeds[0]).sizes["stimulus"] == 1
    data.to_netcdf(tmp_path / "mine.nc")
    with xr.open_dataset(tmp_path / "mine.nc") as again:
        xr.testing.assert_identical(again.load(), data)


def test_epochs_saved_by_mne_come_back_the_same(tmp_path):
    epochs, _ = recorded()
    epochs.metadata = None  # which MNE reads with a call that pandas 3 warns about
    epochs.save(tmp_path / "mine-epo.fif", fmt="double", verbose="error")
    for preload in (True, False):
        same(
            from_mne(mne.read_epochs(tmp_path / "mine-epo.fif", preload=preload, verbose="error")),
            from_mne(epochs),
        )


def test_ids_of_epochs_may_come_from_metadata_or_a_list_and_bad_channels_stay_out():
    epochs, values = recorded(bads=["Pz"])
    data = from_mne(epochs, stimulus_id="image")
    assert data.stimulus_id.values.tolist() == list("abcdef")
    assert data.trials.values.tolist() == [2, 2, 1, 1, 1, 1]
    assert data.unit.values.tolist() == ["Oz", "MEG1"]
    assert from_mne(epochs, stimulus_id=list("xxxxyyyy")).sizes["repeat"] == 4
    fewer = epochs.copy().drop([0, 3], verbose="error")
    kept = from_mne(fewer, stimulus_id="trial")
    assert kept.stimulus_id.values.tolist() == ["1", "2", "4", "5", "6", "7"]
    np.testing.assert_array_equal(kept.responses[:, 2], values[4, [0, 2]].T)


def test_mne_objects_that_do_not_fit_are_refused():
    epochs, _ = recorded()
    evokeds = [epochs[name].average(picks="data") for name in ("cat", "dog")]
    for source, call, match in [
        (epochs.get_data(), {}, "takes mne.Epochs or a list of mne.Evoked; found a ndarray"),
        ([], {}, "a list of nothing"),
        ([epochs], {}, "a list of EpochsArray"),
        (epochs, {"stimulus_id": "picture"}, "metadata: its columns are image, trial"),
        (epochs, {"stimulus_id": list("abc")}, "3 entries for 8 epochs"),
        ([evokeds[0], evokeds[0]], {}, "1 occur more than once: 'cat'"),
        (
            [evokeds[0], evokeds[1].copy().drop_channels("Pz")],
            {},
            r"Evoked 1 \('dog'\) has other channels than the first: 'Pz'",
        ),
        (
            [evokeds[0], evokeds[1].copy().crop(0, None)],
            {},
            r"Evoked 1 \('dog'\) has 6 times from 0 to 0.02 s",
        ),
        (epochs.copy().pick(["STI"]), {}, "no data channels that are not bad among 'STI'"),
        (epochs[:0], {}, "epochs are empty"),
    ]:
        with pytest.raises(AnalysisError, match=match):
            from_mne(source, **call)


def test_without_mne_the_error_says_how_to_get_it(monkeypatch):
    epochs, _ = recorded()
    hide(monkeypatch, "mne")
    with pytest.raises(
        AnalysisError,
        match=r"needs MNE-Python, which is not installed: pip install 'cortexsim\[mne\]'",
    ):
        from_mne(epochs)
