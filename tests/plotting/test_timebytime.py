"""Every step with every time: cells are outlined along their edges, the ceiling stands below."""

from __future__ import annotations

import numpy as np
import pytest
import xarray
from matplotlib.collections import LineCollection, QuadMesh

from cortexsim.plotting import time_by_time

STATES, STEPS, TIMES = ["V1", "IT"], np.arange(1, 4), np.array([-20.0, 0.0, 20.0, 40.0])


@pytest.fixture
def result():
    """Two states, three steps, four bins; one block of IT, at an edge of the panel, is hit."""
    rng = np.random.default_rng(0)
    dims = ("state", "network", "step", "time_ms")
    shape = (2, 1, 3, 4)
    p = np.ones(shape)
    p[1, 0, 1:, 2:] = 0.01
    ceiling = np.stack([np.full(4, 0.4), np.full(4, 0.6)])
    return xarray.Dataset(
        {
            "evaluation": (dims, rng.random(shape)),
            "p_permutation_corrected": (dims, p),
            "ceiling": (("bound", "time_ms"), ceiling),
        },
        {"state": STATES, "network": ["net"], "step": STEPS, "time_ms": TIMES},
        {"conditions": 24, "subjects": 6},
    )


def outlines(axes):
    """Length of the outlines, and the box around them."""
    lines = [c for c in axes.collections if isinstance(c, LineCollection)][-1].get_segments()
    ends = np.array(lines).reshape(-1, 2, 2)
    return np.abs(ends[:, 1] - ends[:, 0]).sum(0), (ends.min((0, 1)), ends.max((0, 1)))


def test_cells_are_outlined_along_their_edges_also_at_the_edge_of_the_panel(result):
    panels = time_by_time(result).axes
    length, (low, high) = outlines(panels[1])
    # Two bins of 20 ms and two steps: along both sides.
    assert length.tolist() == [2 * 40, 2 * 2]
    assert low.tolist() == [10, 1.5]
    assert high.tolist() == [50, 3.5]
    empty = [c for c in panels[0].collections if isinstance(c, LineCollection)]
    assert not any(c.get_segments() for c in empty)


def test_bins_are_whole(result):
    axes = time_by_time(result).axes[0]
    assert axes.get_xlim() == (-30, 50)
    assert axes.get_ylim() == (0.5, 3.5)
    (mesh,) = (c for c in axes.collections if isinstance(c, QuadMesh))
    assert mesh.get_coordinates()[0, :, 0].tolist() == [-30, -10, 10, 30, 50]


@pytest.mark.parametrize("width", [89, 183])
def test_the_ceiling_and_what_was_counted_are_in_the_figure(result, width):
    figure = time_by_time(result, width_mm=width)
    assert "24 conditions, 6 subjects" in figure.get_suptitle().replace("\n", " ")
    said = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert said == ["V1", "IT", "noise ceiling"]
    without = time_by_time(result.assign(ceiling=result.ceiling * np.nan), width_mm=width)
    said = [text.get_text() for legend in without.legends for text in legend.get_texts()]
    assert "no noise ceiling" in said[-1]


def test_the_ceiling_of_encoding_has_no_bounds(result):
    alone = result.assign(ceiling=("time_ms", [0.4, 0.5, np.nan, 0.3]))
    below = time_by_time(alone).axes[2]
    (line,) = (c for c in below.lines if c.get_label() == "noise ceiling")
    np.testing.assert_array_equal(line.get_xdata(), [-30, -10, 10, 30, 50])
    np.testing.assert_array_equal(line.get_ydata(), [0.4, 0.5, np.nan, 0.3, 0.3])
