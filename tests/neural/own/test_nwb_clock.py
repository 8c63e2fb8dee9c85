"""Trials where no unit fired: another clock is refused, the end of a recording is told."""

from datetime import UTC, datetime

import numpy as np
import pytest
from pynwb import NWBFile

from cortexsim import neural
from cortexsim.errors import AnalysisError

CALL = {"window_ms": (0, 100), "bin_ms": 50}


def session(onsets, *spikes):
    file = NWBFile("a session", "m", datetime(2024, 1, 1, tzinfo=UTC))
    file.add_trial_column("stimulus_id", "image")
    for k, when in enumerate(onsets):
        file.add_trial(start_time=when, stop_time=when + 0.1, stimulus_id=f"image {k}")
    for of_unit in spikes:
        file.add_unit(spike_times=of_unit)
    return file


def test_trials_in_milliseconds_or_of_another_clock_are_refused():
    file = session([1000.0, 2000.0], [1.01, 2.02], [1.03])
    with pytest.raises(AnalysisError, match=r"all 2 trials, from 1000 to 2000.1 s, .*1.01 to 2.02"):
        neural.from_nwb(file, **CALL)
    with pytest.raises(AnalysisError, match="none of the 2 units has a spike"):
        neural.from_nwb(session([1.0], [], []), **CALL)


def test_trials_after_the_last_spike_are_told():
    data = neural.from_nwb(session([1.0, 2.0, 3.0], [1.01, 2.02], []), **CALL)
    assert "1 of 3 trials lie before the first or after the last spike" in data.attrs["notes"]
    np.testing.assert_array_equal(data.responses.sel(unit="0").values[:, :2], [[20, 20], [0, 0]])
    data = neural.from_nwb(session([1.0, 2.0], [1.01, 2.02], []), **CALL)
    assert "notes" not in data.attrs or "last spike" not in data.attrs["notes"]
