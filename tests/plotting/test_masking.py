"""Figures of masking show the numbers of the result, for networks with and without answers after
the image.
"""

import json

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure

from cortexsim.errors import AnalysisError
from cortexsim.plotting.masking import by_state, last_answer, masking, soa_curves


@pytest.fixture
def result() -> xarray.Dataset:
    """Planted numbers: two networks, the second with an answer at step 4 only."""
    rng = np.random.default_rng(0)
    dims = ("network", "lesion", "mask", "soa_ms", "readout")
    coords = {
        "network": ["a", "b"],
        "lesion": ["none", "feedback"],
        "mask": ["none", "phase"],
        "soa_ms": [25.0, 50.0],
        "readout": [4, 5, 6],
        "state": ["V1", "IT"],
        "step": np.arange(1, 7),
        "bound": ["lower", "upper"],
    }
    accuracy = rng.uniform(0.3, 0.8, (2, 2, 2, 2, 3))
    accuracy[1, ..., 1:] = np.nan
    effect = accuracy[:, :, :1] - accuracy
    distance = rng.random((2, 2, 2, 2, 2, 6))
    frames = ("network", "lesion", "mask", "soa_ms", "state", "step")

    def around(v):
        return np.stack([v - 0.05, v + 0.05], axis=-1)

    axis = {"step_ms": 25.0, "step_ms_low": 20.0, "step_ms_high": 50.0}
    return xarray.Dataset(
        {
            "accuracy": (dims, accuracy),
            "accuracy_interval": ((*dims, "bound"), around(accuracy)),
            "effect": (dims, effect),
            "effect_interval": ((*dims, "bound"), around(effect)),
            "distance": (frames, distance),
            "distance_interval": ((*frames, "bound"), around(distance)),
            "distance_images": (
                ("network", "lesion", "soa_ms", "state", "step"),
                distance[:, :, 0],
            ),
        },
        coords,
        {"n": 50, "chance": 0.1, "interval": "95 %, percentiles", "time_axis": json.dumps(axis)},
    )


def test_curves_are_the_numbers(result):
    axes = Figure().subplots()
    soa_curves(axes, result.isel(network=0, lesion=0), 5)
    lines = [
        line.get_ydata()
        for line in axes.lines
        if len(line.get_ydata()) == 2 and line.get_marker() in "os"
    ]
    expected = result.accuracy.isel(network=0, lesion=0).sel(readout=5)
    for y, kind in zip(lines, ("none", "phase")):
        np.testing.assert_allclose(y, expected.sel(mask=kind))
    assert "20–50" in axes.get_xlabel()
    assert [t.get_text() for t in axes.legend().get_texts()] == ["chance", "no mask", "mask: phase"]


def test_every_network_has_a_row_and_is_read_where_it_answers(result):
    assert last_answer(result.isel(network=0)) == 6
    assert last_answer(result.isel(network=1)) == 4
    figure = masking(result)
    titles = [a.get_title(loc="left") for a in figure.axes]
    assert titles[0] == "a: readout at step 6"
    assert titles[3] == "b: readout at step 4"
    figure.canvas.draw()


def test_states_are_drawn_with_the_scale_of_different_images(result):
    axes = Figure().subplots()
    by_state(axes, result.isel(network=0, lesion=0, soa_ms=0).sel(mask="phase"))
    assert {t.get_text() for t in axes.legend().get_texts()} == {
        "V1",
        "IT",
        "different images, unmasked",
    }


def test_a_network_without_answers_cannot_be_drawn(result):
    with pytest.raises(AnalysisError, match="no readout time"):
        last_answer((result * np.nan).isel(network=0))


def test_two_networks_fit_on_a_page_in_one_column_and_legends_cover_no_label(result):
    figure = masking(result, width_mm=89)
    assert figure.get_figheight() * 25.4 <= 247 + 1e-6
    for axes in figure.axes:
        legend = axes.get_legend().get_window_extent()
        assert not legend.overlaps(axes.xaxis.label.get_window_extent())
        assert not any(legend.overlaps(other.get_window_extent()) for other in figure.axes)
    three = result.isel(network=[0, 1, 1]).assign_coords(network=["a", "b", "c"])
    with pytest.raises(AnalysisError, match=r"9 panels.*width_mm=183"):
        masking(three, width_mm=89)
