"""NWB files as pynwb writes them: counts that went in come out, around trials and intervals."""

from datetime import UTC, datetime

import numpy as np
import pytest
from own_data import checked, hide
from pynwb import NWBHDF5IO, NWBFile
from pynwb.epoch import TimeIntervals
from pynwb.file import Subject

from cortexsim import neural
from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import About

WIDTH, FIRST, BINS = 20, -40, 8  # ms
OF_TRIAL = ["dog", "cat", "dog", "cup", "cat"]
ONSETS = 0.7 + 1.3 * np.arange(5)  # s


def counts():
    return np.random.default_rng(0).integers(0, 4, (5, 3, BINS))  # trial, unit, bin


def spike_times(of_unit, at_edges=False):
    """Spikes at random places of their bins (or exactly on the first edge of each), and others
    between the trials.
    """
    rng = np.random.default_rng(1)
    times = [0.05, 0.06]
    for trial, onset in enumerate(ONSETS):
        for b in range(BINS):
            inside = 0 if at_edges else rng.uniform(0.1, 0.9, of_unit[trial, b])
            edge = FIRST + WIDTH * b
            times += list(onset + (edge + WIDTH * inside + np.zeros(of_unit[trial, b])) / 1000)
    return np.array(times)


def empty():
    return NWBFile(
        "a session",
        "monkey-1",
        datetime(2024, 1, 1, tzinfo=UTC),
        subject=Subject(subject_id="m", species="Macaca mulatta"),
    )


def session(*, table="trials", stimulus="stimulus_id", onset="start_time", at_edges=False):
    file = empty()
    intervals = None
    if table == "trials":
        file.add_trial_column(stimulus, "image")
        add = file.add_trial
        if onset != "start_time":
            file.add_trial_column(onset, "when the image came")
    else:
        intervals = TimeIntervals(name=table, description="presentations")
        intervals.add_column(name=stimulus, description="image")
        if onset != "start_time":
            intervals.add_column(name=onset, description="when the image came")
        add = intervals.add_row
        file.add_time_intervals(intervals)
    for when, name in zip(ONSETS, OF_TRIAL):
        early = 0.0 if onset == "start_time" else 0.2
        extra = {} if onset == "start_time" else {onset: when}
        add(start_time=when - early, stop_time=when + 0.3, **{stimulus: name}, **extra)
    file.add_unit_column("area", "where")
    file.add_unit_column("snr", "signal to noise")
    file.add_unit_column("label", "a name that the layout has for another thing")
    file.add_unit_column("probe", "an object")
    device = file.create_device("probe")
    for k in range(3):
        times = spike_times(counts()[:, k], at_edges)
        file.add_unit(
            spike_times=np.sort(times),
            area=["V4", "IT", "IT"][k],
            snr=1.5 + k,
            label="x",
            probe=device,
        )
    return file


def written(file, path):
    with NWBHDF5IO(str(path), "w") as io:
        io.write(file)
    return path


CALL = {"window_ms": (FIRST, FIRST + WIDTH * BINS), "bin_ms": WIDTH}


@pytest.mark.parametrize("at_edges", [False, True])
@pytest.mark.parametrize("way", ["file", "memory"])
def test_the_counts_that_went_in_come_out_as_rates(way, at_edges, tmp_path):
    file = session(at_edges=at_edges)
    source = written(file, tmp_path / "s.nwb") if way == "file" else file
    data = checked(neural.from_nwb(source, **CALL))
    assert data.responses.dims == ("repeat", "time_ms", "stimulus", "unit")
    assert data.stimulus_id.values.tolist() == ["dog", "cat", "cup"]
    assert data.trials.values.tolist() == [2, 2, 1]
    np.testing.assert_array_equal(data.time_ms, FIRST + WIDTH * (np.arange(BINS) + 0.5))
    assert data.time_ms.attrs["bin_ms"] == WIDTH
    for s, stimulus in enumerate(data.stimulus_id.values):
        rows = [k for k in range(5) if OF_TRIAL[k] == stimulus]
        expected = counts()[rows].transpose(0, 2, 1) / (WIDTH / 1000)
        np.testing.assert_allclose(data.responses[: len(rows), :, s], expected, rtol=1e-12)
    assert data.area.values.tolist() == ["V4", "IT", "IT"]
    assert data.snr.values.tolist() == [1.5, 2.5, 3.5]
    assert data.responses.attrs == {
        "kind": "responses",
        "area": "IT, V4",
        "species": "Macaca mulatta",
        "units": "spikes/s",
    }
    data.to_netcdf(tmp_path / "mine.nc")


def test_rates_are_those_of_numpys_histogram(tmp_path):
    file = session()
    data = neural.from_nwb(file, window_ms=(0, 100), bin_ms=25)
    for unit in range(3):
        times = np.asarray(file.units["spike_times"][unit])
        for k, onset in enumerate(ONSETS):
            expected, _ = np.histogram((times - onset) * 1000, np.arange(0, 101, 25))
            repeat = OF_TRIAL[:k].count(OF_TRIAL[k])
            stimulus = list(data.stimulus_id.values).index(OF_TRIAL[k])
            got = data.responses[repeat, :, stimulus, unit] * 0.025
            np.testing.assert_allclose(got, expected, atol=1e-9)


def test_other_tables_and_columns_are_named(tmp_path):
    plain = neural.from_nwb(session(), **CALL)
    other = session(table="image_presentations", stimulus="image_name", onset="flash_time")
    path = written(other, tmp_path / "s.nwb")
    words = {"stimulus_id": "image_name", "onset": "flash_time"}
    data = neural.from_nwb(path, **CALL, **words)
    np.testing.assert_array_equal(data.responses, plain.responses)
    data = neural.from_nwb(path, **CALL, **words, table="image_presentations")
    np.testing.assert_array_equal(data.responses, plain.responses)
    with pytest.raises(
        AnalysisError,
        match=r"no column 'stimulus_id'; there are image_presentations with start_time, stop_time, "
        r"image_name, flash_time. Say which with stimulus_id='...'",
    ):
        neural.from_nwb(path, **CALL)
    with pytest.raises(AnalysisError, match=r"no column 'on'.*image_name.*onset='...'"):
        neural.from_nwb(path, **CALL, stimulus_id="image_name", onset="on")
    with pytest.raises(AnalysisError, match="no table 'trials'; it has image_presentations with"):
        neural.from_nwb(path, **CALL, table="trials")


def test_trials_outside_of_what_was_observed_are_missing():
    file = empty()
    file.add_trial_column("stimulus_id", "image")
    for when, name in zip(ONSETS, OF_TRIAL):
        file.add_trial(start_time=when, stop_time=when + 0.3, stimulus_id=name)
    file.add_unit(spike_times=[0.71], obs_intervals=[[0.0, 1.0], [1.0, 2.115]])
    file.add_unit(spike_times=[0.71], obs_intervals=[[0.0, 100.0]])
    data = neural.from_nwb(file, **CALL)
    # Onset 2.0 s + 120 ms lies beyond 2.115 s; the first trial, over two intervals that meet, not.
    first = data.responses.sel(unit="0")
    assert np.isnan(first[0, :, 1]).all()  # cat, at 2.0 s
    assert not np.isnan(first[0, :, 0]).any()
    assert np.isnan(first[1]).all()
    assert not np.isnan(data.responses.sel(unit="1")[0]).any()
    file = empty()
    file.add_trial_column("stimulus_id", "image")
    file.add_trial(start_time=5.0, stop_time=5.3, stimulus_id="a")
    file.add_unit(spike_times=[0.71], obs_intervals=[[0.0, 1.0]])
    with pytest.raises(AnalysisError, match="observed in no whole trial"):
        neural.from_nwb(file, **CALL)


def test_trials_without_a_stimulus_are_left_out_and_counted():
    file = empty()
    file.add_trial_column("stimulus_id", "image")
    for when, name in zip(ONSETS, ["dog", "", "cat", "dog", "cup"]):
        file.add_trial(start_time=when, stop_time=when + 0.3, stimulus_id=name)
    file.add_unit(spike_times=[0.71])
    data = neural.from_nwb(file, **CALL, about=About(name="mine", area="V1"))
    assert data.trials.values.tolist() == [2, 1, 1]
    assert "1 of 5 trials without stimulus_id or start_time left out" in data.attrs["notes"]
    assert (data.attrs["name"], data.responses.attrs["area"]) == ("mine", "V1")


def test_the_area_is_where_the_electrodes_are():
    file = empty()
    device = file.create_device("probe")
    for k, place in enumerate(("V1", "V2")):
        group = file.create_electrode_group(f"g{k}", "shank", place, device)
        file.add_electrode(location=place, group=group)
    file.add_trial_column("stimulus_id", "image")
    file.add_trial(start_time=1.0, stop_time=1.3, stimulus_id="a")
    file.add_unit(spike_times=[1.0], electrodes=[1])
    file.add_unit(spike_times=[1.0], electrodes=[0, 1])
    assert neural.from_nwb(file, **CALL).area.values.tolist() == ["V2", "V1/V2"]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        ({"window_ms": (0, 105)}, r"not a whole number of bins of 20 ms; take \(0, 100\)"),
        ({"window_ms": (100, 0)}, "must end after it begins"),
        ({"window_ms": 100}, "two edges and a width are needed"),
        ({"bin_ms": 0}, "width of bins be positive"),
        ({"window_ms": (0, 0.1), "bin_ms": 0.01}, "look like seconds"),
        ({"source": "nothing.nwb"}, "there is no file"),
        ({"source": np.ones(3)}, "is a ndarray; give an .nwb file"),
    ],
)
def test_what_cannot_be_counted_is_refused(call, match):
    with pytest.raises(AnalysisError, match=match):
        neural.from_nwb(**{"source": session(), **CALL, **call})


def test_files_without_spikes_or_that_are_none_are_refused(tmp_path, monkeypatch):
    file = empty()
    with pytest.raises(AnalysisError, match="no table 'trials'; it has no tables of intervals"):
        neural.from_nwb(file, **CALL)
    file.add_trial_column("stimulus_id", "image")
    file.add_trial(start_time=1.0, stop_time=1.3, stimulus_id="a")
    with pytest.raises(AnalysisError, match="no units with spike_times; it has no recordings"):
        neural.from_nwb(file, **CALL)
    (tmp_path / "broken.nwb").write_bytes(b"not HDF5")
    with pytest.raises(AnalysisError, match=r"broken.nwb cannot be read as NWB"):
        neural.from_nwb(tmp_path / "broken.nwb", **CALL)
    path = written(session(), tmp_path / "s.nwb")
    with pytest.raises(AnalysisError, match=r"s.nwb is NWB: cortexsim.neural.from_nwb\(path\)"):
        neural.from_responses(path, dims=("trial", "unit"))
    hide(monkeypatch, "pynwb")
    with pytest.raises(AnalysisError, match=r"pip install 'cortexsim\[nwb\]'"):
        neural.from_nwb(path, **CALL)
