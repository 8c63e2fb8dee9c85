"""Which images, steps and times of recordings are shown."""

import numpy as np
import pytest

import cortexsim
from cortexsim.errors import AnalysisError, RecordingError
from cortexsim.experiments.explorer.opened import opened
from cortexsim.experiments.explorer.settings import Settings


def test_two_recordings_show_the_same_images_in_the_order_of_the_first(whole, lesioned):
    first, second = opened([whole, lesioned], Settings(limit=5))
    ids = cortexsim.open_recording(whole)["V1"].stimulus_id.values[:5].tolist()
    assert first.text("stimulus_id") == second.text("stimulus_id") == ids
    assert second.index.tolist() == [7, 6, 5, 4, 3]
    assert second.text("label") == first.text("label")


def test_the_times_are_those_of_the_recording_and_of_the_steps_that_are_asked_for(whole):
    (shown,) = opened([whole], Settings(steps=(2, 8)))
    times = shown.times()
    assert times["time_ms"] == [50.0, 200.0]
    assert (times["time_ms_low"], times["time_ms_high"]) == ([40.0, 160.0], [100.0, 400.0])
    assert (times["step_ms"], times["declared"]) == (25.0, True)
    assert shown.populated("IT").tolist() == [False, True]
    np.testing.assert_array_equal(
        shown.group("IT").activation.values,
        cortexsim.open_recording(whole)["IT"].activation.sel(step=[2, 8]).values,
    )


def test_what_is_not_there_is_refused_by_its_name(whole, unknown, tmp_path):
    with pytest.raises(AnalysisError, match=r"whole\.zarr: the recording holds no step 9; it hol"):
        opened([whole], Settings(steps=(1, 9)))
    with pytest.raises(AnalysisError, match="have no image in common"):
        opened([whole, unknown], Settings())
    with pytest.raises(RecordingError, match="no recording at"):
        opened([str(tmp_path / "absent.zarr")], Settings())


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"maps": "all"}, "channels, rms, none"), ({"limit": 0}, "at least 1"), ({"n": 0}, "least 1")],
)
def test_settings_without_a_meaning_are_refused(settings, says):
    with pytest.raises(AnalysisError, match=says):
        Settings(**settings)
