"""The drawing of presentations: what is drawn is what the network sees, step by step."""

import pytest
from matplotlib.figure import Figure

from cortexsim.errors import AnalysisError, StimulusError
from cortexsim.plotting import timeline
from cortexsim.stimuli import backward_mask, flash, rsvp
from cortexsim.timeaxis import TimeAxis


def drawn(axes, row):
    """(begins, ends) in ms of each bar of a row."""
    bars = [p for p in axes.patches if round(p.get_y() + p.get_height() / 2) == row]
    return [(p.get_x(), p.get_x() + p.get_width()) for p in bars]


def test_bars_are_the_frames_of_the_presentation():
    masked = backward_mask(50, soa_ms=75, mask_ms=50, kind="pink")
    axes = timeline(Figure().subplots(), {"flash": flash(25), "masked": masked}, steps=8)
    assert drawn(axes, 0) == [(0, 25), (25, 200)]
    assert drawn(axes, 1) == [(0, 50), (50, 75), (75, 125), (125, 200)]
    assert [t.get_text() for t in axes.texts] == ["image", "image", "mask"]
    assert axes.get_xlim() == (0, 200)


def test_images_of_a_stream_have_their_numbers_and_ms_follow_the_axis():
    axis = TimeAxis(step_ms=50, step_ms_low=40, step_ms_high=60)
    axes = timeline(Figure().subplots(), rsvp(3, soa_ms=100), steps=6, time_axis=axis)
    assert [t.get_text() for t in axes.texts] == ["image", "1", "2"]
    assert drawn(axes, 0) == [(0, 100), (100, 200), (200, 300)]


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(AnalysisError, match="no presentation"):
        timeline(Figure().subplots(), {}, steps=4)
    with pytest.raises(StimulusError, match="steps"):
        timeline(Figure().subplots(), flash(30), steps=4)
